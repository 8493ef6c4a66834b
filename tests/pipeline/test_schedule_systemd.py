"""The units of a nightly run, read back by systemd itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.schedule import Kind, files, write
from tests.pipeline.schedules import NASTY, PLAIN, bash, nightly, paths, words

SYSTEMD = Path("/lib/systemd/systemd")


def unit(text: str) -> dict[str, list[str]]:
    """The settings of a unit file without line continuations."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith(("#", "[")):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def read_by_systemd(units: Sequence[dict[str, str]]) -> list[tuple[list[str], str, str]]:
    """Command, writable path and needed mount of each service, as the service manager itself reads them."""
    if not SYSTEMD.exists() or not Path("/usr/lib/systemd/user/basic.target").exists():
        pytest.skip("systemd is not installed")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for number, of_unit in enumerate(units):
            (folder / f"press{number}.service").write_text(of_unit["knipsel.service"], "utf-8")
        wanted = " ".join(f"press{number}.service" for number in range(len(units)))
        (folder / "all.target").write_text(f"[Unit]\nWants={wanted}\n")
        (folder / "run").mkdir()
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755)
        # As root it would be the manager of the system, which is not to be had in a container.
        other: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
        if other:
            shutil.chown(folder / "run", "nobody")
        done = subprocess.run(
            [SYSTEMD, "--test", "--user", "--unit=all.target", "--log-target=console"],
            env={"XDG_RUNTIME_DIR": str(folder / "run"), "SYSTEMD_UNIT_PATH": f"{folder}:/usr/lib/systemd/user"},
            capture_output=True,
            cwd="/",
            timeout=60,
            check=False,
            **other,
        )
    dump = done.stdout.decode()
    if "-> Unit all.target:" not in dump:
        pytest.skip(f"systemd reads no units here: {(done.stderr.decode().splitlines() or ['it says nothing'])[-1]}")
    read = []
    for number in range(len(units)):
        behind = dump.partition(f"-> Unit press{number}.service:\n")[2].partition("-> Unit ")[0]
        command = re.search(r"Command Line: (.*)\n", behind)
        writable = re.search(r"ReadWritePaths: (.*)\n", behind)
        mount = re.search(r"RequiresMountsFor: (.*) \(origin-file\)\n", behind)
        assert command, f"{units[number]}\n{behind}\n{done.stderr.decode()}"
        read.append((bash(command[1]), writable[1] if writable else "", mount[1] if mount else ""))
    return read


@pytest.mark.parametrize("user", [False, True])
def test_systemd_reads_the_paths_as_they_are(user: bool) -> None:
    runs = [nightly(Path("/data", name), Path("/etc", name, "knipsel.toml"), user=user) for name in NASTY]
    runs.append(replace(runs[0], program=Path("/opt/my $HOME 100%/é/knipsel")))
    for run, (command, writable, mount) in zip(
        runs, read_by_systemd([files(Kind.SYSTEMD, r) for r in runs]), strict=True
    ):
        assert command == words(run)
        assert writable == ("" if user else str(run.root))
        assert mount == str(run.root)


@hypothesis_settings(max_examples=20, deadline=None)
@given(st.lists(paths, min_size=5, max_size=10))
def test_systemd_reads_any_path_as_it_is(roots: list[Path]) -> None:
    runs = [nightly(root, root / "knipsel.toml") for root in roots]
    for run, (command, writable, _) in zip(
        runs, read_by_systemd([files(Kind.SYSTEMD, r) for r in runs]), strict=True
    ):
        assert command == words(run)
        assert writable == str(run.root)


@pytest.mark.parametrize("user", [False, True])
def test_systemd_finds_no_fault_with_the_units(user: bool, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze") or pytest.skip("systemd-analyze is not installed")
    program = tmp_path / "my programs" / "knipsel"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    run = nightly(tmp_path / "100% é", user=user, program=program, zone="Europe/Amsterdam")
    paths = write(files(Kind.SYSTEMD, run), tmp_path)
    done = subprocess.run(
        [analyze, "verify", "--man=no", *(["--user"] if user else []), *paths],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
    )
    if user and "Failed to" in done.stderr and "manager" in done.stderr:
        pytest.skip(f"no manager for a user here: {done.stderr.splitlines()[0]}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_service_is_confined(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze") or pytest.skip("systemd-analyze is not installed")
    paths = write(files(Kind.SYSTEMD, PLAIN), tmp_path)
    # 100 is a service that may do anything, of ten the best are those that cannot even reach the network.
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=25", "--no-pager", paths[0]],
        capture_output=True,
        text=True,
        check=False,
    )
    if "offline" in done.stderr:
        pytest.skip("this systemd-analyze judges no files")
    assert done.returncode == 0, done.stdout


def test_the_timer_fires_at_that_time_of_that_zone() -> None:
    analyze = shutil.which("systemd-analyze") or pytest.skip("systemd-analyze is not installed")
    for zone, expected in (("Europe/Amsterdam", "*-*-* 04:30:00 Europe/Amsterdam"), (None, "*-*-* 04:30:00")):
        timer = unit(files(Kind.SYSTEMD, replace(PLAIN, zone=zone))["knipsel.timer"])
        assert timer["OnCalendar"] == [expected]
        assert timer["Persistent"] == ["true"]
        assert int(timer["RandomizedDelaySec"][0].removesuffix("min")) > 0
        done = subprocess.run([analyze, "calendar", expected], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_a_run_that_hangs_is_asked_to_stop() -> None:
    service = unit(files(Kind.SYSTEMD, replace(PLAIN, run_seconds=100.5))["knipsel.service"])
    assert service["TimeoutStartSec"] == ["3801"]
    assert service["KillMode"] == ["mixed"]
    assert "KillSignal" not in service
    assert service["SuccessExitStatus"] == ["75 143"]
    assert service["Type"] == ["oneshot"]
