"""``knipsel schedule``: what a nightly run needs of systemd, cron, Airflow or GitHub Actions, filled in and quoted.

The templates lie in ``config/schedule``; every value in them stands between two ``@``.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shlex
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files as resources
from math import ceil
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class Kind(StrEnum):
    """What starts the run."""

    SYSTEMD = "systemd"
    CRON = "cron"
    AIRFLOW = "airflow"
    ACTIONS = "actions"


class ScheduleError(Exception):
    """What cannot be put into such a file; one line that says why and what can."""


CRON_LINE_BYTES = 998
"""The longest line of a crontab: Vixie's cron, which Debian has, reads commands into 1,000 bytes."""

JOB_SECONDS = 6 * 3_600
"""How long a job may take on a machine of GitHub's."""

_GRACE_SECONDS = 3_600
"""Beyond twice the time for fetching: what has come is cleaned and published within minutes."""

_KEEPING_SECONDS = 1_800
"""What is left of a job for installing before the run and for carrying the data set away behind it."""

_PLACE = re.compile(r"@([A-Z_]+)@")
_ZONE = re.compile(r"[A-Za-z0-9_+/-]{1,64}")
_PLAIN = re.compile(r"[A-Za-z0-9_./:+-]+")
_UNSAFE_PROGRAM = re.compile(r"""["'\\]""")
_GLOB = re.compile(r"[*?\[\]\\]|^[!#~-]")


@dataclass(frozen=True, slots=True)
class Nightly:
    """The run that is to be started.

    Attributes:
        root: of the data set; absolute, but for ``actions``, where it is relative to the repository.
        at: when, every day; hours and minutes count.
        program: the ``knipsel`` command, absolute; ``actions`` installs its own.
        config: the ``knipsel.toml``, if there is one; absolute or relative as ``root``.
        zone: the IANA name of the time zone that ``at`` is of; ``None``: the machine's, or UTC where there is none.
        user: whether a systemd unit is one of the user's own.
        run_seconds: ``fetch.run_seconds`` of the settings, from which the time follows after which a run hangs.
    """

    root: Path
    at: dt.time
    program: Path
    config: Path | None = None
    zone: str | None = None
    user: bool = False
    run_seconds: float = 7_200.0

    @property
    def words(self) -> list[str]:
        """The command."""
        settings = ["--config", str(self.config)] if self.config is not None else []
        return [str(self.program), "run", "--root", str(self.root), *settings]

    @property
    def bound_seconds(self) -> int:
        """After this time it hangs."""
        return ceil(2 * self.run_seconds) + _GRACE_SECONDS


def schedule(kind: Kind, run: Nightly) -> str:
    """What ``files`` makes, one behind the other, each of several beneath its name.

    Raises:
        ScheduleError: a path or a zone that cannot be written into such a file.
    """
    made = files(kind, run)
    if len(made) == 1:
        return next(iter(made.values()))
    return "\n".join(f"##### {name}\n\n{text}" for name, text in made.items())


def files(kind: Kind, run: Nightly) -> dict[str, str]:
    """The content of each file that ``kind`` needs, by its name.

    Raises:
        ScheduleError: a path or a zone that cannot be written into such a file.
    """
    _check(kind, run)
    values = {"MINUTE": f"{run.at.minute:02d}", "HOUR": f"{run.at.hour:02d}", "ZONE": run.zone or "UTC"}
    values["BOUND"] = str(run.bound_seconds)
    if kind is Kind.CRON:
        return {"crontab": _crontab(run, values)}
    if kind is Kind.ACTIONS:
        return {"knipsel.yml": _workflow(run, values)}
    if kind is Kind.AIRFLOW:
        # What ends in ".sh" would be taken for the name of a file; "--json" also gives the task its result.
        command = _for_jinja(shlex.join([*run.words, "--json"]))
        return {"knipsel_dag.py": _filled("airflow_dag.py.in", {**values, "COMMAND": repr(command)})}
    program, *arguments = run.words
    values |= {
        "OF_ZONE": f" {run.zone}" if run.zone else "",
        "ROOT": _for_systemd(str(run.root)),
        "SHELL_ROOT": shlex.quote(str(run.root)),
        "COMMAND": " ".join(map(_for_systemd, [f":{program}", *arguments])),
    }
    return {
        "knipsel.service": _filled("knipsel-user.service.in" if run.user else "knipsel.service.in", values),
        "knipsel.timer": _filled("knipsel.timer.in", values),
    }


def write(made: Mapping[str, str], folder: Path) -> list[Path]:
    """Write the files of ``files`` into ``folder``, and give their paths.

    Raises:
        ScheduleError: one of them is there already with other content, so that nothing was written; or the folder
            cannot be written to.
    """
    paths = [folder / name for name in made]
    try:
        for path, text in zip(paths, made.values(), strict=True):
            if path.exists() and path.read_text("utf-8") != text:
                raise ScheduleError(
                    f"{path}: is there already, with other content; remove it, or choose another folder"
                )
        for path, text in zip(paths, made.values(), strict=True):
            path.write_text(text, "utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ScheduleError(f"{folder}: cannot be written to ({fault})") from fault
    return paths


def installed_program() -> Path:
    """The ``knipsel`` command of the environment that runs this.

    Raises:
        ScheduleError: there is none.
    """
    program = Path(sysconfig.get_path("scripts")) / "knipsel"
    if not os.access(program, os.X_OK):
        raise ScheduleError(
            f"{program}: there is no such command; install knipsel into this environment (pip install .)"
        )
    return program


def time_of_day(text: str) -> dt.time:
    """The time that ``HH:MM`` says.

    Raises:
        ScheduleError: it says none.
    """
    if not re.fullmatch(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", text):
        raise ScheduleError(f"{text!r} is no time of day; write it as HH:MM, such as 04:30")
    return dt.time.fromisoformat(text)


def _check(kind: Kind, run: Nightly) -> None:
    """Refuse what cannot be written down so that it is read back as it was."""
    for path in filter(None, (run.root, run.config, run.program)):
        if not str(path).isprintable():
            # Line breaks end a line in all four formats, and what is not seen is not noticed.
            shown = str(path).encode("unicode_escape").decode()
            raise ScheduleError(f"{shown}: has a line break or another character that cannot be seen; rename it")
        if not path.is_absolute() and kind is not Kind.ACTIONS:
            raise ScheduleError(f"{path}: is relative, and nobody knows to what at night; name it from / on")
    if not run.root.name or ".." in run.root.parts:
        raise ScheduleError(f"{run.root}: cannot be the folder of a data set; name one below /, without '..'")
    if kind is Kind.SYSTEMD and _UNSAFE_PROGRAM.search(str(run.program)):
        raise ScheduleError(
            f"{run.program}: systemd starts no program with quotes or backslashes in its path; move it"
        )
    if kind is Kind.ACTIONS and _GLOB.search(str(run.root)):
        raise ScheduleError(f"{run.root}: has characters that the cache of GitHub takes for a pattern; rename it")
    if kind is not Kind.SYSTEMD and run.user:
        raise ScheduleError(f"--user is for systemd, which has units of users; {kind.value} has none")
    if run.zone is not None:
        try:
            if not _ZONE.fullmatch(run.zone):
                raise ValueError(run.zone)
            ZoneInfo(run.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ScheduleError(
                f"{run.zone!r}: no such time zone; allowed: IANA names such as Europe/Amsterdam"
            ) from None


def _filled(name: str, values: Mapping[str, str]) -> str:
    template = resources("config").joinpath("schedule", name).read_text("utf-8")
    return _PLACE.sub(lambda place: values[place[1]], template)


def _for_systemd(word: str) -> str:
    """A word of a list or a command in a unit file (systemd.syntax(7), systemd.unit(5) on "%")."""
    if _PLAIN.fullmatch(word):
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%") + '"'


def _for_cron(words: Sequence[str]) -> str:
    r"""Words for the shell as a crontab takes them.

    An unescaped ``%`` is a line break there. Of ``\\`` some crons keep one backslash and others both, so none may
    stand before another, nor before the one that escapes a ``%``: the quotes are closed and opened behind it.
    """
    return shlex.join(words).replace("\\", "\\''").replace("%", "\\%")


def _for_jinja(command: str) -> str:
    """A command that Airflow's templates leave as it is."""
    return command.replace("{", "{{ '{' }}")


def _for_workflow(value: str) -> str:
    """A string of YAML in which GitHub finds no expression; those of JSON are strings of YAML too."""
    return json.dumps(value.replace("${{", "${{ '${{' }}"), ensure_ascii=False)


def _crontab(run: Nightly, values: Mapping[str, str]) -> str:
    log = run.root.with_name(f"{run.root.name}.log")
    zone = ""
    if run.zone is not None:
        zone = "# Read by cronie, for all lines below; other crons, as Debian's, go by the zone of the machine.\n"
        zone += f"CRON_TZ={run.zone}\n"
    more = {
        "ZONE_LINES": zone,
        "COMMAND": _for_cron(run.words),
        "LOG": _for_cron([str(log)]),
        "FAILED": _for_cron([f"knipsel failed, see {log}"]),
    }
    text = _filled("crontab.in", {**values, **more})
    if len(text.splitlines()[-1].encode()) > CRON_LINE_BYTES:
        raise ScheduleError(f"{run.root}: the line would be longer than the {CRON_LINE_BYTES} bytes that cron reads")
    return text


def _workflow(run: Nightly, values: Mapping[str, str]) -> str:
    environment = {"KNIPSEL_ROOT": str(run.root)}
    command = 'knipsel run --root "$KNIPSEL_ROOT"'
    if run.config is not None:
        environment["KNIPSEL_CONFIG"] = str(run.config)
        command += ' --config "$KNIPSEL_CONFIG"'
    bound = min(run.bound_seconds, JOB_SECONDS - _KEEPING_SECONDS)
    more = {
        "ENVIRONMENT": "\n".join(f"      {name}: {_for_workflow(value)}" for name, value in environment.items()),
        "COMMAND": command,
        "BOUND": str(bound),
        "JOB_MINUTES": str((bound + _KEEPING_SECONDS) // 60),
    }
    return _filled("github_actions.yml.in", {**values, **more})
