"""What ``knipsel verify`` checks: that a data set is what its log says. It reads all and changes nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipeline import deltalog
from pipeline.deltalog import Entry, LedgerError, Operation, RunRecord
from pipeline.ledger import INTENT, LOCK, STAGING, STATE, RootError, read_intent, read_state
from schemas.article import ARTICLES, SCHEMA_VERSION
from schemas.reject import REJECTS
from transforms.parquet import TABLES, StagedFile, hash_file
from transforms.storage import is_locked

SCHEMAS: dict[str, pa.Schema] = {"articles": ARTICLES, "rejects": REJECTS}
_KEY = ("article_id", "version")

_BATCH_ROWS = 4096
"""Rows decoded at a time: some 15 MB of articles of the usual length."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found.

    Attributes:
        faults: one line each, beginning with the file that it is about.
        files: files of both tables that the log names.
        rows: rows in them, as far as they can be read.
        runs: commits.
        running: whether another process was writing meanwhile; what it has under way is no fault.
    """

    faults: tuple[str, ...]
    files: int
    rows: int
    runs: int
    running: bool


@dataclass(frozen=True, slots=True)
class _Content:
    """What was read of one file, all its pages having been decoded."""

    rows: int
    ids: pa.Table
    codes: Counter[str]


def verify(root: Path) -> Verified:
    """Check a data set: its files against the log, their bytes, columns, keys and days, each run's books.

    Needs no lock and may go on beside a run.

    Raises:
        RootError: there is no folder ``root``.
        OSError: the disk failed.
    """
    if not root.is_dir():
        raise RootError(f"{root}: no such folder; name the root of a data set")
    # In this order, a run that commits meanwhile is never taken for a fault: it announces its files before
    # they appear, and takes the announcement back after the log holds them.
    found = {path.relative_to(root).as_posix() for table in TABLES for path in _files_in(root / table)}
    announced, left = _staging(root)
    try:
        entries = deltalog.read_log(root)
    except LedgerError as err:
        return Verified((str(err),), 0, 0, 0, running=False)
    faults = [*left]
    held = deltalog.held_files(entries)
    files: list[tuple[RunRecord, StagedFile]] = []
    for entry in entries:
        if entry.record is None:
            faults.append(f"{deltalog.entry_path(root, entry.version)}: written by another program")
            continue
        if dict(entry.added) != {file.path: file.bytes for file in deltalog.articles(entry.record.files)}:
            faults.append(f"{deltalog.entry_path(root, entry.version)}: adds other files than its run wrote")
        if entry.record.operation is Operation.FORGET:
            strange = sorted({file.path for file in entry.record.files} - {file.path for _, file in files})
            faults += [
                f"{deltalog.entry_path(root, entry.version)}: replaces {path}, which no run wrote" for path in strange
            ]
            continue
        files += [(entry.record, held[file.path]) for file in entry.record.files if file.path in held]
    faults += _state_faults(root, entries)
    faults += _log_faults(root, entries)
    known = {file.path for _, file in files}
    faults += [f"{root / path}: not in the log" for path in sorted(found - known - announced)]
    contents: dict[str, _Content] = {}
    for record, file in files:
        if file.path in contents:
            faults.append(f"{root / file.path}: twice in the log")
            continue
        problems, content = _read(root, record, file)
        faults += [f"{root / file.path}: {problem}" for problem in problems]
        if content is not None:
            contents[file.path] = content
    faults += _double_keys(root, contents)
    for entry in entries:
        if entry.record is not None and all(file.path in contents for file in entry.record.files):
            faults += _book_faults(root, entry.version, entry.record, held, contents)
    running = bool(left) and is_locked(root / LOCK)
    return Verified(
        faults=tuple(faults[len(left) :] if running else faults),
        files=len(known),
        rows=sum(content.rows for content in contents.values()),
        runs=sum(entry.record is not None for entry in entries),
        running=running,
    )


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _staging(root: Path) -> tuple[set[str], list[str]]:
    """The paths that unfinished commits announce, and a line for each thing left in the staging folder."""
    announced: set[str] = set()
    left = []
    for path in sorted((root / STAGING).glob("*")):
        try:
            announced.update(file.path for file in read_intent(path / INTENT).files)
        except (FileNotFoundError, NotADirectoryError):
            left.append(f"{path}: left by an interrupted run; the next run removes it")
        except LedgerError as err:
            left.append(str(err))
        else:
            left.append(f"{path}: an interrupted commit; the next run completes it")
    return announced, left


def _state_faults(root: Path, entries: Sequence[Entry]) -> list[str]:
    """What is wrong with the states that are kept; the last one must be there, older ones are removed in time."""
    faults = []
    states = list(dict.fromkeys(entry.record.state for entry in entries if entry.record and entry.record.state))
    for state in states:
        if state != states[-1] and not (root / STATE / state.name).exists():
            continue
        try:
            read_state(root, state)
        except LedgerError as err:
            faults.append(str(err))
    return faults


def _log_faults(root: Path, entries: Sequence[Entry]) -> list[str]:
    """Whether a reader of Delta tables comes to the same files as we, checkpoints included."""
    if not entries:
        return []
    try:
        theirs = DeltaTable(root).get_add_actions()["path"].to_pylist()
    except DeltaError as err:
        return [f"{root / deltalog.LOG}: Delta readers fail on it ({_first_line(err)})"]
    ours = [file.path for file in deltalog.live_files(entries)]
    odd = sorted((Counter(theirs) - Counter(ours)) + (Counter(ours) - Counter(theirs)))
    return [f"{root / path}: Delta readers and the log disagree on it" for path in odd]


def _read(root: Path, record: RunRecord, file: StagedFile) -> tuple[list[str], _Content | None]:
    path = root / file.path
    if not path.is_file():
        return ["missing"], None
    problems = []
    if hash_file(path) != file.sha256:
        problems.append("damaged (sha256 differs from the log)")
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
            odd = _schema_faults(parquet.schema_arrow, SCHEMAS[file.table])
            if odd:
                return problems + odd, None
            content, odd = _scan(parquet, record, file)
    except (OSError, pa.ArrowException) as err:
        return [*problems, f"cannot be read ({_first_line(err)})"], None
    if content.rows != file.rows:
        odd.append(f"holds {content.rows} rows, {file.rows} in the log")
    return problems + odd, content


def _schema_faults(found: pa.Schema, expected: pa.Schema) -> list[str]:
    """How a file's columns differ from the contract; a file of an older version may lack newer columns."""
    version = (found.metadata or {}).get(b"knipsel.schema_version", b"")
    older = version.isdigit() and int(version) < SCHEMA_VERSION
    faults = [f"column {name} is none of the contract" for name in found.names if name not in expected.names]
    for field in expected:
        if field.name not in found.names:
            if not (older and field.nullable):
                faults.append(f"column {field.name} is missing")
        elif not found.field(field.name).equals(field):
            faults.append(f"column {_declared(found.field(field.name))}, not {_declared(field)}")
    return faults


def _declared(field: pa.Field) -> str:
    return f"{field.name}: {field.type}{'' if field.nullable else ' not null'}"


def _scan(parquet: pq.ParquetFile, record: RunRecord, file: StagedFile) -> tuple[_Content, list[str]]:
    """Decode every page of a file, and so verify its checksum, and hold the rows against run and folder."""
    rows = 0
    ids = [pa.table([pa.array([], pa.string()), pa.array([], pa.int16())], names=list(_KEY))]
    codes: Counter[str] = Counter()
    days: set[dt.date] = set()
    runs: set[str] = set()
    for batch in parquet.iter_batches(batch_size=_BATCH_ROWS):
        rows += batch.num_rows
        runs.update(pc.unique(batch["run_id"]).to_pylist())
        if file.table == "articles":
            days.update(pc.unique(batch["partition_date"]).to_pylist())
            ids.append(pa.table([batch["article_id"], batch["version"]], names=list(_KEY)))
        else:
            codes.update(batch["code"].to_pylist())
    others = set() if record.operation is Operation.COMPACT else runs - {record.run_id}
    faults = [f"holds rows of run {run}" for run in sorted(others)]
    faults += [f"holds rows of {day}" for day in sorted(days) if day.isoformat() != file.date]
    return _Content(rows, pa.concat_tables(ids), codes), faults


def _double_keys(root: Path, contents: Mapping[str, _Content]) -> list[str]:
    """One line for each (article_id, version) that stands in the data set more than once."""
    paths = list(contents)
    tables = [
        content.ids.append_column("file", pa.repeat(pa.scalar(number, pa.int32()), content.ids.num_rows))
        for number, content in enumerate(contents.values())
    ]
    if not tables:
        return []
    groups = pa.concat_tables(tables).group_by(list(_KEY)).aggregate([("file", "count"), ("file", "list")])
    faults = []
    for row in groups.filter(pc.greater(groups["file_count"], 1)).to_pylist():
        places = sorted({paths[number] for number in row["file_list"]})
        also = f", also in {', '.join(places[1:])}" if places[1:] else ""
        faults.append(
            f"{root / places[0]}: article {row['article_id']} version {row['version']} stands there "
            f"{row['file_count']} times{also}"
        )
    return sorted(faults)


def _book_faults(
    root: Path,
    version: int,
    record: RunRecord,
    held: Mapping[str, StagedFile],
    contents: Mapping[str, _Content],
) -> list[str]:
    if record.operation is Operation.FORGET:
        return []
    where = f"{deltalog.entry_path(root, version)}: run {record.run_id}"
    counts = record.counts
    faults = [] if counts.balanced else [f"{where}: the books do not balance: {counts}"]
    found = dict.fromkeys(TABLES, 0)
    codes: Counter[str] = Counter()
    # What was erased since is in the books still.
    erased = sum(file.rows - held[file.path].rows for file in record.files if file.table == "rejects")
    for file in record.files:
        found[file.table] += contents[file.path].rows + file.rows - held[file.path].rows
        codes += contents[file.path].codes
    for table, counted in (("articles", counts.written), ("rejects", counts.filtered + counts.rejected)):
        if found[table] != counted:
            faults.append(f"{where}: the books count {counted} rows of {table}, the files hold {found[table]}")
    booked = Counter(counts.reasons)
    whole = found["rejects"] == booked.total()
    if whole and (codes - booked or (booked - codes).total() != erased):
        faults.append(f"{where}: the reasons in the books are not those in the files")
    return faults


def _first_line(err: BaseException) -> str:
    return str(err).strip().partition("\n")[0]
