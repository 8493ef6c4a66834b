"""What a data set keeps beside its log: the intents of runs that are decided, and the states that runs left.

A state is an immutable file for each run that learned something; the run's entry in the log names it, so it holds
from the moment that the articles are there. This module reads; only the ledger writes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import deltalog
from pipeline.deltalog import LedgerError, RunRecord, StateFile

STATE = "_state"
KEPT_STATES = 7
"""So many states stay, the last one included: a week of nights, by which ``rules diff`` tells what was known then."""
INTENT = "intent.json"


def current_state(root: Path) -> dict[str, Any]:
    """The state of the data set at ``root`` as the last commit left it, for those who only look; empty without one.

    Raises:
        LedgerError: the log or the state is damaged.
    """
    entry = deltalog.last_entry(root, deltalog.last_version(root))
    return state_after(root, entry.record if entry else None)


def state_after(root: Path, record: RunRecord | None) -> dict[str, Any]:
    """The state that holds after the run of ``record``; empty if there is none.

    Raises:
        LedgerError: it is missing or damaged.
    """
    return read_state(root, record.state) if record and record.state else {}


def read_state(root: Path, file: StateFile) -> dict[str, Any]:
    """The content of a state file, checked against its sha256.

    Raises:
        LedgerError: it is missing or damaged.
    """
    path = root / STATE / file.name
    try:
        data = path.read_bytes()
    except FileNotFoundError as err:
        raise LedgerError(f"{path}: missing; restore it from a backup") from err
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise LedgerError(f"{path}: damaged (sha256); restore it from a backup")
    state: dict[str, Any] = json.loads(data)
    return state


def old_states(root: Path, current: Path | None) -> Sequence[Path]:
    """The files of states that are kept no longer; ``current`` is never one of them."""
    return [path for path in sorted((root / STATE).glob("*.json"))[:-KEPT_STATES] if path != current]


def half_written(root: Path) -> Sequence[Path]:
    """What processes left in the folder of states that were ended while they wrote there."""
    return sorted((root / STATE).glob(".*.tmp"))


def read_intent(path: Path) -> RunRecord:
    """The record of the run whose ``intent.json`` this is.

    Raises:
        LedgerError: the file is damaged, or lies in the folder of another run.
    """
    try:
        record = RunRecord.from_json(json.loads(path.read_bytes()))
    except (ValueError, LedgerError) as err:
        raise LedgerError(f"{path}: damaged ({err}); restore it from a backup") from err
    if record.run_id != path.parent.name:
        raise LedgerError(f"{path}: is that of run {record.run_id}; move it back to where it was")
    return record
