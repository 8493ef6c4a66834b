"""What a run knows of itself and the data set does not keep: how long it took, what was noticed on the way.

It lies beside the reports as ``ROOT/_reports/<run>.json``, so that each of them can be made anew.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from pipeline.deltalog import RUN_ID, Counts
from pipeline.drift import Alarm
from schemas.feed import Notice
from transforms.storage import DISK, Storage

REPORTS = "_reports"


class ReportError(Exception):
    """A report that cannot be made; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class RunExtra:
    """One call of the command, all its batches together.

    Attributes:
        started: the moment of the run.
        seconds: what it took, by the clock on the wall.
        runs: the ids of its batches in order, also of one that had nothing to commit; the last names the report.
        counts: the books of all batches.
        inputs: what was asked for, as the user wrote it.
        notices: what a person should know of feeds and hosts.
        alarms: what is out of the ordinary at outlets.
        waiting: pages that are left to a later run.
        stage_seconds: what each stage took, of all processes together; empty where it was not measured.
        peak_bytes: the most memory that its processes held; ``None`` where it was not measured.
        feeds_asked: feeds that were polled.
        feeds_unchanged: those of them that had nothing new to say (304).
        feeds_failed: those of them that gave no answer that could be used.
    """

    started: dt.datetime
    seconds: float
    runs: tuple[str, ...]
    counts: Counts
    inputs: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    waiting: int = 0
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    peak_bytes: int | None = None
    feeds_asked: int = 0
    feeds_unchanged: int = 0
    feeds_failed: int = 0


_EXTRA = TypeAdapter(RunExtra)


def order(run_id: str) -> tuple[int, str]:
    """What run ids are sorted by: the number of the commit, then the moment."""
    number, _, moment = run_id.partition("-")
    return int(number), moment


def page_path(root: Path, run_id: str) -> Path:
    """Where the report of a run lies."""
    return root / REPORTS / f"{run_id}.html"


def store(root: Path, extra: RunExtra, *, storage: Storage = DISK) -> None:
    """Keep ``extra`` under the name of its last batch, whole or not at all.

    Raises:
        ReportError: its batches have no names that run ids could be.
        OSError: the disk failed.
    """
    if not extra.runs or not all(RUN_ID.match(run) for run in extra.runs):
        raise ReportError(f"{list(extra.runs)}: no ids of runs")
    storage.make_folders([root / REPORTS])
    storage.write_file(root / REPORTS / f"{extra.runs[-1]}.json", _EXTRA.dump_json(extra, indent=1) + b"\n")


def stored(root: Path) -> list[str]:
    """The runs of which something is kept, the newest first."""
    names = (path.stem for path in (root / REPORTS).glob("*.json"))
    return sorted((name for name in names if RUN_ID.match(name)), key=order, reverse=True)


def load(root: Path, run_id: str) -> RunExtra:
    """What is kept of a run out of ``stored``.

    Raises:
        ReportError: the file is damaged.
    """
    path = root / REPORTS / f"{run_id}.json"
    try:
        extra = _EXTRA.validate_json(path.read_bytes())
    except ValidationError as fault:
        raise ReportError(
            f"{path}: damaged ({fault.errors()[0]['msg']}); remove it, and reports are made without it"
        ) from fault
    if not extra.runs or extra.runs[-1] != run_id or not all(RUN_ID.match(run) for run in extra.runs):
        raise ReportError(f"{path}: is that of another run; remove it, and reports are made without it")
    return extra
