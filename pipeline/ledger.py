"""The ledger: who may write to a data set, what it holds, and how a run's files become part of it.

A commit goes so, and each step is on the device before the next begins:

1.  Whole files lie in ``_staging/<run>/``; the new state too.
2.  ``intent.json`` appears there, by rename. This decides: before it the run has not happened, after it the
    run will be completed, if not by this process then by the next.
3.  The folders and the entry for the Delta log are made, then the files move to ``articles/`` and ``rejects/``,
    the state to ``_state/``.
4.  The entry gets its name in the log: it adds the articles and names the state.
5.  What the commit removes goes, which is nothing but when an article is erased.
6.  ``_staging/<run>/`` goes.

Steps 3 to 6 can be repeated from any point, and recovery is exactly that.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deltalake.exceptions import DeltaError

from pipeline import checkpoints, deltalog, log_writer
from pipeline.checkpoints import LiveFile, make_checkpoint
from pipeline.commit_check import check_new, check_replaced
from pipeline.deltalog import LOG, RUN_ID, Counts, LedgerError, Operation, Rewritten, RunRecord, StateFile
from pipeline.moves import NEW_STATE, Move, check_present, moves_of
from pipeline.pane import Pane
from pipeline.roots import LOCK, RootBusy, RootError, open_root
from pipeline.states import (
    INTENT,
    STATE,
    current_state,
    half_written,
    old_states,
    read_intent,
    read_state,
    state_after,
)
from pipeline.upkeep import Upkeep, upkeep_entry
from transforms.parquet import StagedFile
from transforms.storage import DISK, Storage

__all__ = [
    "INTENT",
    "LOCK",
    "STATE",
    "Counts",
    "Ledger",
    "LedgerError",
    "RootBusy",
    "RootError",
    "current_state",
    "read_intent",
    "read_state",
]

STAGING = "_staging"
_NEW_ENTRY = "entry.json"

CHECKPOINT_EVERY = 100
"""Entries between checkpoints of the log, which spare readers most of its entries; deltalake's own habit."""

_LOGGER = logging.getLogger(__name__)


class Ledger:
    """The right to write to one data set, and its books: a context manager, one process at a time.

    Args:
        root: of the data set; made on entry if the folder above it exists.
        storage: the disk.

    Raises:
        RootError: on entry: the root cannot be made or written to.
        RootBusy: on entry: another process holds it.
        LedgerError: on entry: an interrupted run cannot be completed, or the log or the state is damaged.
        ContractError: on entry: the data set's columns are not this program's.
    """

    def __init__(self, root: Path, *, storage: Storage = DISK) -> None:
        self.root = root
        self._storage = storage
        self._unlock: Callable[[], None] | None = None
        self._version = -1
        self._record: RunRecord | None = None
        self._state: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._unlock = open_root(self.root, self._storage)
        try:
            self._recover()
            self._load()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._sweep()
        except OSError as err:
            # A worker may write on for a moment. What is left counts for nothing; the next run removes it.
            _LOGGER.warning("%s: could not be cleared: %s", self.root / STAGING, err)
        finally:
            self._release()

    @property
    def version(self) -> int:
        """The number of the last commit, -1 if there is none.

        The log of a data set that was made from another begins anew, and its commits are counted on.
        """
        return max(self._version, self._record.number if self._record else -1)

    @property
    def state(self) -> dict[str, Any]:
        """What the last commit with a state left for the next run; empty if there is none. A fresh copy."""
        copy: dict[str, Any] = json.loads(json.dumps(self._state))
        return copy

    @property
    def state_path(self) -> Path | None:
        """The file of that state, ``None`` where there is none."""
        kept = self._record.state if self._record else None
        return self.root / STATE / kept.name if kept else None

    def files(self) -> tuple[LiveFile, ...]:
        """The files of articles that the data set holds, in the order of their commits.

        Raises:
            LedgerError: an entry of the log is missing or damaged.
        """
        return checkpoints.live(self.root)

    def next_run_id(self, now: dt.datetime) -> str:
        """The id of the next run: the number of its commit, then ``now``, so that ids sort by commit."""
        return f"{self.version + 1:06d}-{now.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}"

    def staging(self, run_id: str) -> Path:
        """The folder, made if missing, into which run ``run_id`` writes its files.

        Raises:
            LedgerError: ``run_id`` is not of the form that ``next_run_id`` gives.
        """
        folder = self._folder(run_id)
        self._storage.make_folders([folder.parent, folder])
        return folder

    def commit(
        self,
        run_id: str,
        files: Sequence[StagedFile],
        state: Mapping[str, Any] | None,
        counts: Counts,
        *,
        config_hash: str,
        inputs: Sequence[str] = (),
        now: dt.datetime,
        operation: Operation = Operation.RUN,
        rewritten: Sequence[Rewritten] = (),
        removed: Sequence[str] = (),
        pane: Pane | None = None,
    ) -> int:
        """Make the files and the state part of the data set, together or not at all.

        Once this has returned the commit survives a loss of power. When it raises ``OSError`` the run may
        have been decided already; the next entry to the ledger then completes it.

        Args:
            run_id: from ``next_run_id``, after the last commit.
            files: what ``stage_rows`` returned for ``staging(run_id)``; other files there are thrown away.
            state: what the next run is to find, JSON; ``None`` leaves it as it is.
            counts: the books of the run.
            config_hash: of the settings.
            inputs: what the run was asked to read, as the user wrote it.
            now: the time of the commit.
            operation: what the commit does. ``FORGET`` puts the files in place of published ones, at their paths;
                with ``COMPACT`` the data set is new, and the id is the next one of the data set that it is made from.
            rewritten: other files in ``staging(run_id)``, to be put in place of those at their paths.
            removed: paths below the root of what else is to go.
            pane: what it commits of a job that never ends.

        Returns:
            The number of the commit.

        Raises:
            LedgerError: the books do not balance or are not those of the files, a file is not in the staging
                folder, an article stands in them twice, or the id belongs to another commit. Nothing has changed.
            OSError: the disk failed.
        """
        folder = self._folder(run_id)
        number = int(run_id.partition("-")[0])
        begins = operation is Operation.COMPACT and self._record is None
        if number != self.version + 1 and not begins:
            raise LedgerError(f"{run_id}: commit {self.version + 1} needs an id of its own")
        if self._intents():
            raise LedgerError(f"{self.root}: an earlier commit is not complete; run again, which completes it")
        replaces = operation is Operation.FORGET
        if replaces:
            check_replaced(self.root, files)
        else:
            check_new(folder, files, counts)
        for file in files:
            staged = folder / file.staged_name
            if not replaces and not file.name.startswith(f"{run_id}-"):
                raise LedgerError(f"{file.path}: the name must begin with the run's id, {run_id}")
            if not staged.is_file() or staged.stat().st_size != file.bytes:
                raise LedgerError(f"{staged}: not as it was staged; run again")
        kept = self._record.state if self._record else None
        if state is not None:
            data = json.dumps(state, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
            kept = StateFile(f"{run_id}.json", hashlib.sha256(data).hexdigest())
            self._storage.make_folders([folder.parent, folder])
            self._storage.write_file(folder / NEW_STATE, data)
        record = RunRecord(
            run_id=run_id,
            number=number,
            committed_at=deltalog.milliseconds(now),
            files=tuple(files),
            state=kept,
            counts=counts,
            config_hash=config_hash,
            inputs=tuple(inputs),
            operation=operation,
            rewritten=tuple(rewritten),
            removed=tuple(removed),
            pane=pane,
        )
        self._decide(record)
        self._roll_forward(record)
        self._load()
        try:
            self._sweep_states()
        except OSError as err:
            # The commit stands; what is left lies there until the next one.
            _LOGGER.warning("%s: could not be cleared: %s", self.root / STATE, err)
        return self.version

    def amend(self, upkeep: Upkeep, sizes: Mapping[str, int]) -> int:
        """Append an entry that takes files out of the data set. It is there whole or not at all.

        Args:
            upkeep: which. Where they lie they may still lie then.
            sizes: the length of each file of articles among them, as the log states it.

        Returns:
            The number of the entry.

        Raises:
            LedgerError: an earlier commit is not complete, or another program wrote to the log at this moment.
            OSError: the disk failed.
        """
        if self._intents():
            raise LedgerError(f"{self.root}: an earlier commit is not complete; run again, which completes it")
        version = deltalog.last_version(self.root) + 1
        draft = self.root / STAGING / _NEW_ENTRY
        self._storage.make_folders([draft.parent])
        self._storage.write_file(draft, upkeep_entry(upkeep, sizes))
        self._link_entry(draft, version)
        self._storage.sync_folder(self.root / LOG)
        self._storage.unlink(draft)
        self._load()
        return version

    # The steps, in order. Each may find its work done, by a process that died in the middle of it.

    def _decide(self, record: RunRecord) -> None:
        folder = self._folder(record.run_id)
        self._storage.make_folders([folder.parent, folder])
        self._storage.write_file(folder / INTENT, json.dumps(record.as_json(), sort_keys=True).encode())

    def _roll_forward(self, record: RunRecord) -> None:
        entry = self._prepare(record)
        self._publish(record)
        self._append(record, entry)
        self._remove(record)
        self._checkpoint(record)
        self._storage.remove_tree(self._folder(record.run_id))
        self._storage.sync_folder(self.root / STAGING)

    def _prepare(self, record: RunRecord) -> int | None:
        """Do all that needs space, so that a full disk is met while nothing lies at a final name yet.

        Returns:
            The number of the entry that was drafted for the log, ``None`` if the log holds the run already.
        """
        folders = {move.target.parent for move in self._moves(record)}
        above = {folder.parent for folder in folders} - {self.root}
        self._storage.make_folders([*folders, *above, self.root / LOG])
        last = deltalog.last_version(self.root)
        entries = (deltalog.read_entry(self.root, number) for number in range(last, -1, -1))
        newest = next((entry.record.run_id for entry in entries if entry.record is not None), None)
        if newest == record.run_id:
            return None
        self._storage.write_file(self._draft(record), log_writer.next_entry(self.root, last + 1, record))
        return last + 1

    def _publish(self, record: RunRecord) -> None:
        moves = self._moves(record)
        for move in moves:
            if move.source.exists():
                self._storage.rename(move.source, move.target)
        for folder in sorted({move.target.parent for move in moves}):
            self._storage.sync_folder(folder)

    def _append(self, record: RunRecord, entry: int | None) -> None:
        if entry is not None:
            self._link_entry(self._draft(record), entry)
        self._storage.sync_folder(self.root / LOG)

    def _link_entry(self, draft: Path, version: int) -> None:
        try:
            self._storage.link(draft, deltalog.entry_path(self.root, version))
        except FileExistsError as err:
            raise LedgerError(
                f"{self.root / LOG}: another program wrote entry {version} at this moment; run again"
            ) from err

    def renew_checkpoint(self) -> None:
        """Make the checkpoint of the last entry, in place of one that is damaged; entries stay as they are."""
        scratch = self.root / STAGING / "checkpoint"
        self._storage.make_folders([scratch.parent])
        make_checkpoint(self.root, self._version, scratch, self._storage)
        self._storage.remove_tree(scratch)

    def _remove(self, record: RunRecord) -> None:
        paths = [self.root / path for path in record.removed]
        for path in paths:
            self._storage.unlink(path)
        for folder in sorted({path.parent for path in paths}):
            if folder.is_dir():
                self._storage.sync_folder(folder)

    def _checkpoint(self, record: RunRecord) -> None:
        version = deltalog.last_version(self.root)
        if version % CHECKPOINT_EVERY != CHECKPOINT_EVERY - 1:
            return
        try:
            make_checkpoint(self.root, version, self._folder(record.run_id) / "checkpoint", self._storage)
        except (DeltaError, OSError) as err:
            # Readers can do without: the entries are all there.
            _LOGGER.warning("%s: no checkpoint could be made: %s", self.root / LOG, str(err).partition("\n")[0])

    def _recover(self) -> None:
        for intent in self._intents():
            record = read_intent(intent)
            check_present(record, self._moves(record))
            self._roll_forward(record)
        self._sweep()

    def _sweep(self) -> None:
        # What no intent stands for has not happened. What has one stays for the next run to complete.
        staging = self.root / STAGING
        if staging.is_dir():
            for entry in sorted(staging.iterdir()):
                if not (entry / INTENT).is_file():
                    self._storage.remove_tree(entry)
        for path in half_written(self.root):
            self._storage.unlink(path)

    def _sweep_states(self) -> None:
        # A state can hold megabytes, and there is one for each run that learned something.
        for path in old_states(self.root, self.state_path):
            self._storage.unlink(path)

    def _moves(self, record: RunRecord) -> list[Move]:
        return moves_of(record, self._folder(record.run_id), self.root)

    def _load(self) -> None:
        self._version = deltalog.last_version(self.root)
        entry = deltalog.last_entry(self.root, self._version)
        if entry is not None:
            log_writer.extended_metadata(self.root, entry)
        self._record = entry.record if entry else None
        self._state = state_after(self.root, self._record)

    def _intents(self) -> list[Path]:
        return sorted((self.root / STAGING).glob(f"*/{INTENT}"))

    def _folder(self, run_id: str) -> Path:
        if not RUN_ID.match(run_id):
            raise LedgerError(f"{run_id!r} is no id of a run")
        return self.root / STAGING / run_id

    def _draft(self, record: RunRecord) -> Path:
        return self._folder(record.run_id) / _NEW_ENTRY

    def _release(self) -> None:
        if self._unlock is not None:
            self._unlock()
            self._unlock = None
