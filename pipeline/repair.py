"""``knipsel verify --repair``: what can be put right without a backup and without a guess, and nothing else.

-   A run that was interrupted is completed or thrown away, as the next run would do.
-   A file whose bytes are no longer those that were published, or which is gone, is taken out of the data set: first
    one entry of the log says so, which is there whole or not at all; then the file moves to ``_quarantine``. From the
    entry on readers of the Delta table no longer see it, from the move on nobody does. Its articles count as never
    written, so whatever brings them again is written again.
-   A file that no run published moves there too.
-   Checkpoints, the index of known texts and what verify remembers follow from the rest, and are made anew where they
    are damaged.

Entries of the log and the last state cannot be made anew from anything: they come back from a backup or not at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import checkpoints, deltalog, derived
from pipeline.deltalog import Entry
from pipeline.file_check import Sound
from pipeline.ledger import STAGING, STATE, Ledger, LedgerError, RootError, read_state
from pipeline.upkeep import Upkeep
from pipeline.verify import QUARANTINE, Verified, verify
from transforms.storage import DISK, Storage

_TOLD = ("article_id", "version", "url", "guid", "source_id", "feed_url", "input_ref")
"""Columns by which an article is found again where it came from; dead letters have some of them."""


@dataclass(frozen=True, slots=True)
class Again:
    """What a file that was taken out held, as far as it can be told: so that it is fetched or read again.

    Attributes:
        path: of the file, below the root.
        rows: how many it held, as the log states it.
        date: the day of its folder.
        run_id: of the run that wrote it.
        inputs: what that run was asked to read.
        found: the rows of which something can still be read, each with what is known: its id and version, address,
            guid, outlet, feed and input.
    """

    path: str
    rows: int
    date: str
    run_id: str
    inputs: tuple[str, ...]
    found: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """The same as JSON takes it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The same for people."""
        asked = ", ".join(self.inputs) or "the feeds of the settings"
        head = f"{self.path}: {self.rows} rows to be brought again; run {self.run_id} read them from {asked}"
        unread = self.rows - len(self.found)
        rest = [f"  {unread} more of which nothing can be read"] if self.found and unread > 0 else []
        nothing = [] if self.found else [f"  nothing of it can be read; they were articles of {self.date}"]
        return [head, *(f"  {_where(row)}" for row in self.found), *rest, *nothing]


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done, one line each, what is to be brought again, and what is found afterwards."""

    done: tuple[str, ...]
    again: tuple[Again, ...]
    left: Verified


def repair(root: Path, now: dt.datetime, storage: Storage = DISK) -> Repaired:
    """Put right what can be, under the lock of the root.

    Args:
        root: of the data set.
        now: the moment, for the entry of the log.
        storage: the disk.

    Raises:
        RootError: there is no folder ``root``, or it cannot be written to.
        RootBusy: another process holds it.
        LedgerError: the log, the last state or an intent is damaged, or most of the files are missing.
        ContractError: the data set's columns are not this program's.
        OSError: the disk failed. The same command goes on behind.
    """
    if not root.is_dir():
        raise RootError(f"{root}: no such folder; name the root of a data set")
    left = sorted((root / STAGING).glob("*"))
    with Ledger(root, storage=storage) as ledger:
        done = [f"{path}: an interrupted run, completed or thrown away" for path in left]
        done += _derived(ledger, storage)
        # Of what is found sound the second look asks for the sha256 alone.
        sound: Sound = {}
        found = verify(root, sound=sound)
        _check_mounted(root, found)
        entries = deltalog.read_log(root)
        again = [_again(root, entries, path) for path in found.untrusted]
        if again:
            held = {file.path: file.bytes for file in deltalog.live_files(entries)}
            taken = tuple(each.path for each in again)
            sizes = {path: held[path] for path in taken if path in held}
            version = ledger.amend(Upkeep(QUARANTINE, deltalog.milliseconds(now), taken), sizes)
            done += [f"{root / path}: taken out of the data set by entry {version}" for path in taken]
        for path in (*found.untrusted, *found.strange):
            if (root / path).is_file():
                done.append(f"{root / path}: moved to {_set_aside(root, path, storage)}")
    return Repaired(tuple(done), tuple(again), verify(root, sound=sound))


def _check_mounted(root: Path, found: Verified) -> None:
    """Many files that are gone at once were not lost one by one: a folder was moved, or a disk is not there."""
    gone = sum(not (root / path).exists() for path in found.untrusted)
    if gone > 1 and 2 * gone > found.files:
        raise LedgerError(
            f"{root}: {gone} of {found.files} files are missing; put the folder back that held them, or restore it "
            "from a backup. Nothing was taken out"
        )


def _derived(ledger: Ledger, storage: Storage) -> list[str]:
    """Put right what follows from the rest."""
    root = ledger.root
    done = []
    if any(checkpoints.faults(root)):
        # The entries are all kept, so no checkpoint is more than a short cut.
        for path in checkpoints.checkpoints(root):
            storage.unlink(path)
        ledger.renew_checkpoint()
        done.append(f"{root / deltalog.LOG}: the checkpoints were made anew")
    for path in derived.files(root):
        if not derived.is_whole(path):
            storage.unlink(path)
            done.append(f"{path}: removed; it is made anew when it is needed")
    current = ledger.state_path
    for entry in deltalog.read_log(root):
        state = entry.record.state if entry.record else None
        if state is None or root / STATE / state.name == current or not (root / STATE / state.name).exists():
            continue
        try:
            read_state(root, state)
        except LedgerError:
            storage.unlink(root / STATE / state.name)
            done.append(f"{root / STATE / state.name}: removed; it was damaged, and later ones hold in its place")
    return done


def _set_aside(root: Path, path: str, storage: Storage) -> Path:
    target = root / QUARANTINE / path
    above = [folder for folder in target.parents if folder.is_relative_to(root) and folder != root]
    storage.make_folders(above)
    storage.rename(root / path, target)
    storage.sync_folder(target.parent)
    storage.sync_folder((root / path).parent)
    return target


def _again(root: Path, entries: Sequence[Entry], path: str) -> Again:
    wrote = ((entry.record, file) for entry in reversed(entries) if entry.record for file in entry.files)
    record, file = next((record, file) for record, file in wrote if file.path == path)
    return Again(
        path=path,
        rows=file.rows,
        date=file.date,
        run_id=record.run_id,
        inputs=record.inputs,
        found=_readable(root / file.path, file.rows),
    )


def _readable(path: Path, rows: int) -> tuple[dict[str, Any], ...]:
    """What the sound columns of a damaged file tell: damage mostly lies in one page of one column."""
    columns: dict[str, list[Any]] = {}
    for name in _TOLD:
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
                if name in parquet.schema_arrow.names:
                    columns[name] = parquet.read(columns=[name])[name].to_pylist()
        except (OSError, pa.ArrowException):
            continue
    # A column of another length than the log states is none to believe.
    sound = {name: values for name, values in columns.items() if len(values) == rows}
    return tuple(dict(zip(sound, row, strict=True)) for row in zip(*sound.values(), strict=True))


def _where(row: dict[str, Any]) -> str:
    place = row.get("url") or row.get("input_ref") or row.get("guid") or "somewhere"
    names = [f"article {row['article_id']}"] if row.get("article_id") else []
    names += [f"of {row['source_id']}"] if row.get("source_id") else []
    return " ".join([place, *([f"({' '.join(names)})"] if names else [])])
