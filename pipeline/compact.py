"""``knipsel compact``: a data set of many small files as a new one of few, with the same rows.

In place it cannot be done: no file system exchanges many names for one in a single step, so a reader of the folder
would for a moment see rows twice, or miss them, or be sent to a file that is gone. So the new data set grows beside
its final name, is verified there, and appears under it by one rename. The old one stays as it is until its owner
removes it.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import deltalog
from pipeline.deltalog import LOG, Counts, Entry, Operation
from pipeline.file_check import SCHEMAS
from pipeline.ledger import LOCK, Ledger, LedgerError, RootBusy
from pipeline.verify import verify
from schemas.reject import FILTERED
from transforms.parquet import StagedFile, hash_file, read_rows, sort_rows, stage_table
from transforms.storage import DISK, Storage, try_lock

ORDER: Mapping[str, tuple[str, ...]] = {"articles": ("article_id", "version"), "rejects": ("input_ref", "code")}
"""By what the rows of each table are sorted."""


class CompactError(Exception):
    """A data set that cannot be made anew there; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What it came to; of both tables.

    Attributes:
        rows: in the old data set, and in the new one.
        files_before: files of the old data set.
        files: files of the new one.
        bytes_before: their lengths.
        bytes: likewise.
    """

    rows: int
    files_before: int
    files: int
    bytes_before: int
    bytes: int


def compact(root: Path, into: Path, *, now: dt.datetime, rows_per_file: int, storage: Storage = DISK) -> Compacted:
    """Make a new data set of the rows of another, one file for each date and table up to ``rows_per_file`` rows.

    The old one is held meanwhile, so that no run adds to it. The new one takes over its state; its log begins with
    one entry that holds the books of all runs, added up.

    Args:
        root: of the old data set.
        into: of the new one; nothing may be there, and the folder above it must exist.
        now: the moment of the commit.
        rows_per_file: so many rows are held in memory, and some more where a date has more.
        storage: the disk.

    Raises:
        CompactError: there is no data set, or something is at ``into``.
        LedgerError: the data set is busy or damaged.
        OSError: the disk failed.
    """
    if not (root / LOG).is_dir():
        raise CompactError(f"{root}: holds no data set; name the root of one")
    if into.exists() or into.is_symlink():
        raise CompactError(f"{into}: is there already; name a folder that is to be made")
    if not into.parent.is_dir():
        raise CompactError(f"{into.parent}: no such folder; make it first")
    if into.resolve().is_relative_to(root.resolve()):
        raise CompactError(f"{into}: lies in the old data set; name a folder beside it")
    draft = into.with_name(f".{into.name}.compact")
    with Ledger(root) as old:
        entries = deltalog.read_log(root)
        held = list(deltalog.held_files(entries).values())
        run_id = old.next_run_id(now)
        _clear(draft, storage)
        with Ledger(draft, storage=storage) as new:
            folder = new.staging(run_id)
            files = [
                file for part in _dates(held) for file in _staged(root, part, folder, run_id, rows_per_file, storage)
            ]
            new.commit(
                run_id,
                files,
                old.state or None,
                _books(entries, folder, files),
                config_hash="",
                inputs=[f"{root.name} up to run {_last_run(entries)}"],
                now=now,
                operation=Operation.COMPACT,
            )
            if faults := verify(draft).faults:
                raise LedgerError(f"{faults[0]}; so nothing was put at {into}, and {root} is as it was")
            storage.rename(draft, into)
            storage.sync_folder(into.parent)
    return Compacted(
        rows=sum(file.rows for file in files),
        files_before=len(held),
        files=len(files),
        bytes_before=sum(file.bytes for file in held),
        bytes=sum(file.bytes for file in files),
    )


def _clear(draft: Path, storage: Storage) -> None:
    """An empty folder, in place of what a compaction left there that was interrupted."""
    storage.make_folders([draft])
    unlock = try_lock(draft / LOCK)
    if unlock is None:
        raise RootBusy(f"{draft}: another compaction is at work there; wait for that to end")
    try:
        for path in sorted(draft.iterdir()):
            if path.name != LOCK:
                storage.remove_tree(path)
    finally:
        unlock()


def _last_run(entries: Sequence[Entry]) -> str:
    return next(entry.record.run_id for entry in reversed(entries) if entry.record is not None)


def _books(entries: Sequence[Entry], folder: Path, files: Sequence[StagedFile]) -> Counts:
    """The books of all runs, added up, without what was erased since."""
    written = sum(file.rows for file in files if file.table == "articles")
    duplicate = sum(entry.record.counts.duplicate for entry in entries if entry.record is not None)
    reasons: Counter[str] = Counter()
    for file in files:
        if file.table == "rejects":
            reasons.update(read_rows(folder / file.staged_name, ["code"])["code"].to_pylist())
    filtered = sum(count for code, count in reasons.items() if code in FILTERED)
    return Counts(
        read=written + duplicate + reasons.total(),
        written=written,
        duplicate=duplicate,
        filtered=filtered,
        rejected=reasons.total() - filtered,
        reasons=dict(sorted(reasons.items())),
    )


def _dates(held: Iterable[StagedFile]) -> list[list[StagedFile]]:
    """The files of each table and date, in the order of their names."""
    ordered = sorted(held, key=lambda file: (file.table, file.date, file.name))
    return [list(part) for _, part in itertools.groupby(ordered, key=lambda file: (file.table, file.date))]


def _staged(
    root: Path, part: Sequence[StagedFile], folder: Path, run_id: str, rows_per_file: int, storage: Storage
) -> Iterator[StagedFile]:
    """The rows of one date as files of ``rows_per_file`` rows, each behind the one before it."""
    first = part[0]
    order = ORDER[first.table]
    keys = []
    for number, file in enumerate(part):
        if hash_file(root / file.path) != file.sha256:
            raise LedgerError(
                f"{root / file.path}: damaged (sha256 differs from the log); 'knipsel verify' says more"
            )
        found = read_rows(root / file.path, order).replace_schema_metadata()
        places = {
            "file": pa.repeat(pa.scalar(number, pa.int32()), found.num_rows),
            "row": pa.array(range(found.num_rows)),
        }
        keys.append(pa.table([*found.columns, *places.values()], names=[*order, *places]))
    rows = pa.concat_tables(keys).sort_by([(name, "ascending") for name in (*order, "file", "row")])
    for count, start in enumerate(range(0, rows.num_rows, rows_per_file)):
        chosen = rows.slice(start, rows_per_file)
        tables = []
        for number, file in enumerate(part):
            wanted = chosen.filter(pc.equal(chosen["file"], number))["row"]
            if len(wanted):
                tables.append(_conformed(read_rows(root / file.path).take(wanted), SCHEMAS[file.table]))
        yield stage_table(
            folder,
            f"{run_id}-{first.date.replace('-', '')}-{count}.parquet",
            sort_rows(pa.concat_tables(tables), order),
            date=dt.date.fromisoformat(first.date),
            storage=storage,
        )


def _conformed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with the columns of this version; what an older one did not have is null."""
    columns = [
        table[field.name] if field.name in table.schema.names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)
