"""Protocols that are wrong on purpose. Whatever claims to find faults in the right one must find these out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from pipeline import checkpoints, deltalog, ledger, log_writer
from pipeline.deltalog import RunRecord
from pipeline.ledger import INTENT, STAGING, STATE, Ledger
from tests.pipeline.disks import Disk

_CURRENT = "current.json"


class NoFileFlush(Disk):
    """Takes the bytes of a file for safe once they are written."""

    def sync_file(self, path: Path) -> None:
        self.step(path)


class NoFolderFlush(Disk):
    """Takes a name for safe once it is given."""

    def sync_folder(self, path: Path) -> None:
        self.step(path)


class InPlace(Disk):
    """Writes files under their final name."""

    def write_file(self, path: Path, data: bytes) -> None:
        self.create(path, data)
        self.sync_folder(path.parent)


class Copying(Disk):
    """Publishes by copying, as one must across file systems."""

    def rename(self, source: Path, target: Path) -> None:
        if source.parent == target.parent:
            super().rename(source, target)
        else:
            self.create(target, source.read_bytes())
            self.unlink(source)


class NoRecovery(Ledger):
    """Throws away what an interrupted run left, decided or not."""

    def _recover(self) -> None:
        for left in sorted((self.root / STAGING).glob("*")):
            self._storage.remove_tree(left)


class LogFirst(Ledger):
    """Announces the files in the log, and so moves the state, before the articles lie there."""

    def _roll_forward(self, record: RunRecord) -> None:
        self._append(record, self._prepare(record))
        super()._roll_forward(record)


class NoDecision(Ledger):
    """Moves the files before the intent is written."""

    def _decide(self, record: RunRecord) -> None:
        self._prepare(record)
        self._publish(record)
        super()._decide(record)


class SweepFirst(Ledger):
    """Takes the intent back before the log holds the run."""

    def _append(self, record: RunRecord, entry: int | None) -> None:
        self._storage.unlink(self._folder(record.run_id) / INTENT)
        super()._append(record, entry)


class AppendAgain(Ledger):
    """Completes a run without asking whether the log holds it already."""

    def _prepare(self, record: RunRecord) -> int | None:
        super()._prepare(record)
        version = deltalog.last_version(self.root) + 1
        self._storage.write_file(self._draft(record), log_writer.next_entry(self.root, version, record))
        return version


class LateCheckpoint(Ledger):
    """Flushes a checkpoint of the log when it has its final name already."""

    def _checkpoint(self, record: RunRecord) -> None:
        version = deltalog.last_version(self.root)
        if version % ledger.CHECKPOINT_EVERY == ledger.CHECKPOINT_EVERY - 1:
            DeltaTable(self.root).create_checkpoint()
            self._storage.sync_file(checkpoints.checkpoint_path(self.root, version))
            self._storage.sync_folder(self.root / deltalog.LOG)


class _StateApart(Ledger):
    """Keeps the state in a file of its own, which no commit points to."""

    @property
    def state(self) -> dict[str, Any]:
        path = self.root / STATE / _CURRENT
        found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
        return found

    def _keep(self, state: Mapping[str, Any]) -> None:
        self._storage.make_folders([self.root / STATE])
        self._storage.write_file(self.root / STATE / _CURRENT, json.dumps(state).encode())


class StateFirst(_StateApart):
    """Moves the state before the articles."""

    def commit(self, run_id: str, files: Any, state: Any, counts: Any, **rest: Any) -> int:
        self._keep(state)
        return super().commit(run_id, files, None, counts, **rest)


class StateLast(_StateApart):
    """Moves the state after the articles."""

    def commit(self, run_id: str, files: Any, state: Any, counts: Any, **rest: Any) -> int:
        version = super().commit(run_id, files, None, counts, **rest)
        self._keep(state)
        return version


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a run becomes part of a data set: the committing code and the disk beneath it."""

    ledger: type[Ledger] = Ledger
    disk: type[Disk] = Disk


RIGHT = Protocol()

WRONG = {
    "no fsync of files": Protocol(disk=NoFileFlush),
    "no fsync of folders": Protocol(disk=NoFolderFlush),
    "no recovery": Protocol(NoRecovery),
    "state before articles": Protocol(StateFirst),
    "state after articles": Protocol(StateLast),
    "log before articles": Protocol(LogFirst),
    "articles before the decision": Protocol(NoDecision),
    "decision taken back early": Protocol(SweepFirst),
    "log written twice": Protocol(AppendAgain),
    "checkpoint flushed late": Protocol(LateCheckpoint),
    "writing in place": Protocol(disk=InPlace),
    "publishing by copy": Protocol(disk=Copying),
}
