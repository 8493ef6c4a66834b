"""The files of a nightly run, read back by what they are for."""

from __future__ import annotations

import ast
import datetime as dt
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.schedule import (
    CRON_LINE_BYTES,
    JOB_SECONDS,
    Kind,
    Nightly,
    ScheduleError,
    files,
    installed_program,
    schedule,
    time_of_day,
    write,
)
from tests.pipeline.schedules import NASTY, PLAIN, bash, nightly, paths, words

# What is refused


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "a\x00b", "a\tb", "a\x1bb", "a\u2028b", "a\u200bb", "\udc80"])
def test_characters_that_end_lines_or_are_not_seen_are_refused_in_one_line(kind: Kind, bad: str) -> None:
    runs = (
        nightly(Path("/data", bad)),
        nightly(Path("/data"), Path("/etc", bad)),
        replace(PLAIN, program=Path("/", bad)),
    )
    for run in runs:
        with pytest.raises(ScheduleError, match="cannot be seen") as refused:
            schedule(kind, run)
        assert str(refused.value).isprintable()


@pytest.mark.parametrize("kind", [Kind.SYSTEMD, Kind.CRON, Kind.AIRFLOW])
def test_relative_paths_are_refused(kind: Kind) -> None:
    for run in (
        nightly(Path("out")),
        nightly(Path("/out"), Path("my.toml")),
        replace(PLAIN, program=Path("knipsel")),
    ):
        with pytest.raises(ScheduleError, match="is relative"):
            schedule(kind, run)


@pytest.mark.parametrize("root", ["/", "/data/../etc"])
def test_folders_that_hold_no_data_set_are_refused(root: str) -> None:
    with pytest.raises(ScheduleError, match="cannot be the folder"):
        schedule(Kind.SYSTEMD, nightly(Path(root)))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "Europe/Amsterdam\nx", "", "Europe"])
def test_zones_that_there_are_not_are_refused(zone: str) -> None:
    with pytest.raises(ScheduleError, match="no such time zone"):
        schedule(Kind.CRON, replace(PLAIN, zone=zone))


def test_what_one_format_cannot_say_is_refused() -> None:
    with pytest.raises(ScheduleError, match="quotes or backslashes"):
        schedule(Kind.SYSTEMD, replace(PLAIN, program=Path("/opt/it's/knipsel")))
    with pytest.raises(ScheduleError, match="takes for a pattern"):
        schedule(Kind.ACTIONS, nightly(Path("out/*")))
    with pytest.raises(ScheduleError, match="--user"):
        schedule(Kind.CRON, replace(PLAIN, user=True))
    with pytest.raises(ScheduleError, match=str(CRON_LINE_BYTES)):
        schedule(Kind.CRON, nightly(Path("/data", "x" * 250, "y" * 250)))


@pytest.mark.parametrize("text", ["4:30", "24:00", "04:60", "04.30", "04:30:00", "０４:30", "", "04:30\n"])
def test_times_of_day_are_written_one_way(text: str) -> None:
    with pytest.raises(ScheduleError, match="HH:MM"):
        time_of_day(text)
    assert time_of_day("04:05") == dt.time(4, 5)


def test_what_is_printed_is_what_would_be_written() -> None:
    printed = schedule(Kind.SYSTEMD, PLAIN)
    for name, text in files(Kind.SYSTEMD, PLAIN).items():
        assert f"##### {name}\n\n{text}" in printed
    assert schedule(Kind.CRON, PLAIN) == files(Kind.CRON, PLAIN)["crontab"]


def test_files_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    made = files(Kind.SYSTEMD, PLAIN)
    assert (
        write(made, tmp_path) == write(made, tmp_path) == [tmp_path / "knipsel.service", tmp_path / "knipsel.timer"]
    )
    (tmp_path / "knipsel.timer").write_text("mine")
    (tmp_path / "knipsel.service").unlink()
    with pytest.raises(ScheduleError, match=r"knipsel\.timer: is there already"):
        write(made, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["knipsel.timer"]
    with pytest.raises(ScheduleError, match="cannot be written to"):
        write(made, tmp_path / "missing")


# cron


def read_by_cron(line: str, *, keeps_double: bool) -> str:
    """The command that cron hands to the shell (crontab(5)): behind five fields, up to a ``%`` that is not escaped.

    Args:
        line: of the crontab.
        keeps_double: whether both of two backslashes stay, as in cronie; Vixie's own code keeps one.
    """
    command, out, at = line.split(None, 5)[5], "", 0
    while at < len(command):
        pair = command[at : at + 2]
        if pair == "\\%" or (pair == "\\\\" and not keeps_double):
            out, at = out + pair[1], at + 2
        elif pair == "\\\\":
            out, at = out + pair, at + 2
        elif pair[0] == "%":
            break
        else:
            out, at = out + pair[0], at + 1
    return out


def cron_line(run: Nightly) -> str:
    return schedule(Kind.CRON, run).splitlines()[-1]


def split_command(command: str) -> tuple[list[str], str, str]:
    """The words of the run with what bounds it, its log, and what is said of a failure."""
    match = re.fullmatch(r"(timeout .*) >>(.*) 2>&1 \|\| \[ \$\? -eq 75 \] \|\| echo (.*)", command)
    assert match
    ((log,), (failed,)) = bash(match[2]), bash(match[3])
    return bash(match[1]), log, failed


@hypothesis_settings(max_examples=50, deadline=None)
@given(paths, st.none() | paths)
def test_every_cron_reads_the_paths_as_they_are(root: Path, config: Path | None) -> None:
    run = nightly(root, config)
    for keeps_double in (False, True):
        command = read_by_cron(cron_line(run), keeps_double=keeps_double)
        split, log, failed = split_command(command)
        assert split == ["timeout", "--kill-after=300", "18000", *words(run)]
        assert (log, failed) == (f"{root}.log", f"knipsel failed, see {root}.log")


def test_a_library_for_crontabs_reads_the_line() -> None:
    crontab = pytest.importorskip("crontab", reason="python-crontab is not installed")
    # Behind a "#" the library looks for remarks of its own, which cron does not.
    for name in (name for name in NASTY if "#" not in name):
        run = nightly(Path("/data", name), zone="Europe/Amsterdam")
        (job,) = crontab.CronTab(tab=schedule(Kind.CRON, run))
        assert job.is_valid()
        assert str(job.slices) == "30 4 * * *"
        assert job.env["CRON_TZ"] == "Europe/Amsterdam"
        assert job.command == read_by_cron(cron_line(run), keeps_double=True)


@pytest.mark.parametrize(("status", "says"), [(0, False), (75, False), (1, True), (2, True), (143, True)])
def test_the_cron_line_runs_and_speaks_of_failures_alone(status: int, says: bool, tmp_path: Path) -> None:
    home = tmp_path / "it's 100% \\ é"
    home.mkdir()
    program = home / "knipsel"
    program.write_text(f'#!/bin/sh\necho said: "$@"\necho to-stderr >&2\nexit {status}\n')
    program.chmod(0o755)
    run = replace(nightly(home / "out"), program=program)
    done = subprocess.run(
        ["sh", "-c", read_by_cron(cron_line(run), keeps_double=True)], capture_output=True, text=True, check=False
    )
    assert (home / "out.log").read_text() == f"said: run --root {home}/out\nto-stderr\n"
    assert done.stdout == (f"knipsel failed, see {home}/out.log\n" if says else "")
    assert done.stderr == ""


# Airflow


def dag(run: Nightly) -> ast.Module:
    return ast.parse(schedule(Kind.AIRFLOW, run))


def keyword(tree: ast.Module, call: str, name: str) -> Any:
    """The value of the argument ``name`` in the one call of ``call``."""
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == call]
    (value,) = (k.value for c in calls for k in c.keywords if k.arg == name)
    return value


@hypothesis_settings(max_examples=50, deadline=None)
@given(paths, st.none() | paths)
def test_airflow_reads_the_paths_as_they_are(root: Path, config: Path | None) -> None:
    jinja2 = pytest.importorskip("jinja2", reason="jinja2, which renders commands in Airflow, is not installed")
    run = nightly(root, config)
    command = ast.literal_eval(keyword(dag(run), "BashOperator", "bash_command"))
    assert not command.endswith((".sh", ".bash"))
    rendered = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(command).render()
    assert bash(rendered) == [*words(run), "--json"]


def test_the_dag_does_not_make_up_for_each_night() -> None:
    tree = dag(replace(PLAIN, zone="Europe/Amsterdam"))
    assert ast.literal_eval(keyword(tree, "DAG", "schedule")) == "30 04 * * *"
    assert ast.literal_eval(keyword(tree, "DAG", "catchup")) is False
    assert ast.literal_eval(keyword(tree, "DAG", "max_active_runs")) == 1
    assert ast.unparse(keyword(tree, "DAG", "start_date")) == "pendulum.datetime(2026, 1, 1, tz='Europe/Amsterdam')"
    assert "retries" in ast.unparse(keyword(tree, "DAG", "default_args"))
    assert ast.unparse(keyword(tree, "BashOperator", "execution_timeout")) == "timedelta(seconds=18000)"
    assert ast.literal_eval(keyword(tree, "BashOperator", "skip_on_exit_code")) == 75


def test_airflow_takes_the_dag(tmp_path: Path) -> None:
    if importlib.util.find_spec("airflow") is None:
        pytest.skip("apache-airflow is not installed")
    write(files(Kind.AIRFLOW, PLAIN), tmp_path)
    code = "import sys; from airflow.models import DagBag; b = DagBag(sys.argv[1], include_examples=False); "
    code += "assert not b.import_errors, b.import_errors; assert set(b.dags) == {'knipsel'}"
    env = {**os.environ, "AIRFLOW_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr


# GitHub Actions


def workflow(run: Nightly) -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    loaded: dict[Any, Any] = yaml.safe_load(schedule(Kind.ACTIONS, run))
    # YAML 1.1 takes the key "on" for a truth.
    return {"on" if key is True else key: value for key, value in loaded.items()}


def evaluated(text: str) -> str:
    """What GitHub makes of a string whose expressions are literals."""
    return re.sub(r"\$\{\{ '(.*?)' \}\}", lambda expression: expression[1], text)


def test_the_workflow_has_the_structure_of_one() -> None:
    found = workflow(replace(PLAIN, root=Path("out"), config=Path("my/knipsel.toml"), zone="Europe/Brussels"))
    assert set(found) == {"name", "on", "permissions", "concurrency", "jobs"}
    assert found["on"]["schedule"] == [{"cron": "30 04 * * *", "timezone": "Europe/Brussels"}]
    (job,) = found["jobs"].values()
    assert 0 < job["timeout-minutes"] * 60 <= JOB_SECONDS
    assert job["env"] == {"KNIPSEL_ROOT": "out", "KNIPSEL_CONFIG": "my/knipsel.toml"}
    assert all(("uses" in step) != ("run" in step) for step in job["steps"])
    uses = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
    wanted = ["checkout", "setup-python", "cache/restore", "cache/save", "upload-artifact"]
    assert uses == [f"actions/{name}" for name in wanted]
    restore, save = (step["with"] for step in job["steps"] if "actions/cache" in step.get("uses", ""))
    assert restore["key"] == save["key"]
    assert restore["key"].startswith(restore["restore-keys"])


@pytest.mark.parametrize(("run_seconds", "minutes"), [(7_200.0, 330), (60.0, 92), (86_400.0, 360)])
def test_the_job_outlasts_what_ends_the_run(run_seconds: float, minutes: int) -> None:
    (job,) = workflow(replace(PLAIN, run_seconds=run_seconds))["jobs"].values()
    assert job["timeout-minutes"] == minutes
    (command,) = (step["run"] for step in job["steps"] if step.get("name") == "Run")
    assert int(shlex.split(command)[2]) <= (minutes - 30) * 60


@hypothesis_settings(max_examples=50, deadline=None)
@given(paths.filter(lambda path: not re.search(r"[*?\[\]\\]", str(path))), st.none() | paths)
def test_a_workflow_hands_on_the_paths_as_they_are(root: Path, config: Path | None) -> None:
    (job,) = workflow(nightly(root, config))["jobs"].values()
    environment = {name: evaluated(value) for name, value in job["env"].items()}
    assert environment.pop("KNIPSEL_ROOT") == str(root)
    assert environment == ({"KNIPSEL_CONFIG": str(config)} if config else {})
    (command,) = (step["run"] for step in job["steps"] if step.get("name") == "Run")
    assert subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=True).stderr == b""


# What ships


def test_the_command_is_that_of_this_environment() -> None:
    program = installed_program()
    assert program.is_absolute()
    assert subprocess.run([program, "--version"], capture_output=True, check=True).stdout.startswith(b"knipsel ")


@pytest.mark.parametrize("kind", Kind)
def test_what_is_made_is_made_by_words_that_the_command_line_knows(kind: Kind) -> None:
    from pipeline.cli import parser

    run = replace(PLAIN, config=Path("/etc/knipsel.toml"))
    assert parser().parse_args(run.words[1:]).root == run.root
    for text in files(kind, run).values():
        assert text.endswith("\n")
        assert not text.endswith("\n\n")
