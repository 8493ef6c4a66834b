"""The files of a decided run: where they were staged, where they are to lie, whether they are what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.deltalog import LedgerError, RunRecord
from pipeline.states import STATE
from transforms.parquet import hash_file

NEW_STATE = "state.json"
"""The name of the new state while it is staged."""


class Move(NamedTuple):
    """One file on its way."""

    source: Path
    target: Path
    sha256: str


def moves_of(record: RunRecord, staging: Path, root: Path) -> list[Move]:
    """The moves of a run from its folder ``staging``, in their order: its files, those that it rewrote, its state."""
    moves = [Move(staging / file.staged_name, root / file.path, file.sha256) for file in record.files]
    moves += [Move(staging / file.staged_name, root / file.path, file.sha256) for file in record.rewritten]
    if record.state is not None and record.state.name == f"{record.run_id}.json":
        moves.append(Move(staging / NEW_STATE, root / STATE / record.state.name, record.state.sha256))
    return moves


def check_present(record: RunRecord, moves: Sequence[Move]) -> None:
    """Make sure that an interrupted run can be completed: each file lies, unaltered, where it came from or goes.

    Raises:
        LedgerError: one does not.
    """
    for move in moves:
        present = move.source if move.source.exists() else move.target
        if not present.is_file() or hash_file(present) != move.sha256:
            raise LedgerError(
                f"{present}: missing or damaged, and run {record.run_id} was interrupted while it published this "
                "file; restore it from a backup"
            )
