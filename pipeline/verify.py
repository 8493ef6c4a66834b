"""What ``knipsel verify`` checks: that a data set is what its log says. It changes nothing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipeline import checkpoints, deltalog, known_index
from pipeline.deltalog import RUN_ID, Entry, LedgerError, Operation, RunRecord
from pipeline.file_check import Content, Sound, check_file, check_length, first_line
from pipeline.ledger import INTENT, LOCK, STAGING, STATE, RootError, read_intent, read_state
from transforms.parquet import TABLES, StagedFile, read_rows
from transforms.storage import is_locked

QUARANTINE = "_quarantine"
"""Where ``--repair`` puts files that cannot be trusted, and the ``operation`` of the entry that takes them out."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found.

    Attributes:
        faults: one line each, beginning with the file that it is about.
        files: files of both tables that the log names.
        rows: rows in them, as far as they can be read; of those that were not read, as many as the log states.
        runs: commits.
        running: whether another process was writing meanwhile; what it has under way is no fault.
        last: the number of the last entry of the log that was read, -1 without one.
        unread: how many of the files were only asked for their length.
        known: how many were not decoded, for their bytes are those that were found sound before.
        quarantined: a line for each file that was taken out and is kept aside.
        untrusted: paths below the root of files of the log that are missing, or whose bytes are other ones.
        strange: paths below the root of files in the folders of the tables that the log does not know.
    """

    faults: tuple[str, ...]
    files: int = 0
    rows: int = 0
    runs: int = 0
    running: bool = False
    last: int = -1
    unread: int = 0
    known: int = 0
    quarantined: tuple[str, ...] = ()
    untrusted: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()


def verify(root: Path, since: str | dt.date | None = None, sound: Sound | None = None) -> Verified:
    """Check a data set: its files against the log, their bytes, columns, keys and days, each run's books.

    Needs no lock and may go on beside a run. Where it finds a fault while another process writes, it looks once more:
    what was on its way is no fault.

    Args:
        root: of the data set.
        since: a run's id or a date; files of runs before it are only asked whether they are there and how long
            they are, and keys and books are checked of the others alone.
        sound: what was found sound before and need not be decoded again. What is found sound comes to it, what the
            data set no longer holds goes from it.

    Raises:
        RootError: there is no folder ``root``.
        LedgerError: no run is meant by ``since``.
        OSError: the disk failed.
    """
    if not root.is_dir():
        raise RootError(f"{root}: no such folder; name the root of a data set")
    sound = {} if sound is None else sound
    found = _look(root, since, sound)
    return _look(root, since, sound) if found.faults and is_written_to(root, found) else found


def is_written_to(root: Path, found: Verified) -> bool:
    """Whether another process writes to the data set, or has done so since ``found``."""
    try:
        return deltalog.last_version(root) != found.last or is_locked(root / LOCK)
    except LedgerError:
        return False


def _look(root: Path, since: str | dt.date | None, sound: Sound) -> Verified:
    # In this order, a run that commits meanwhile is never taken for a fault: it announces its files before
    # they appear, and takes the announcement back after the log holds them.
    found = {path.relative_to(root).as_posix() for table in TABLES for path in _files_in(root / table)}
    states = {path.name for path in (root / STATE).glob("*.json") if RUN_ID.match(path.stem)}
    announced, left = _staging(root)
    entries, faults = _entries(root)
    if faults:
        return Verified((*left, *faults))
    first = _first_entry(root, entries, since)
    kept = [entry.record.state.name for entry in entries if entry.record and entry.record.state]
    faults = [*_entry_faults(root, entries), *_state_faults(root, entries), *_log_faults(root, entries)]
    faults += [f"{root / STATE / name}: not in the log" for name in sorted(states - {*kept} - announced.states)]
    held = deltalog.held_files(entries)
    quarantined = {path for entry in entries if entry.upkeep for path in entry.upkeep.removed}
    strange = found - held.keys() - announced.files.keys()
    for path in sorted(strange):
        taken = "taken out of the log; --repair moves it away" if path in quarantined else "not in the log"
        faults.append(f"{root / path}: {taken}")
    wrote = _writers(entries)
    seen: set[str] = set()
    untrusted = []
    contents: dict[str, Content] = {}
    marked: dict[str, Content] = {}
    rows = unread = known = 0
    for entry in entries:
        for file in entry.files:
            if held.get(file.path) != file:
                continue
            if file.path in seen:
                faults.append(f"{root / file.path}: twice in the log")
                continue
            seen.add(file.path)
            meant = [file, *([announced.files[file.path]] if file.path in announced.files else [])]
            if entry.version < first or entry.record is None:
                checked = check_length(root, meant)
                rows, unread = rows + file.rows, unread + 1
            else:
                checked = check_file(root, wrote[file.path], meant, sound)
                known += checked.known
            faults += [f"{root / file.path}: {problem}" for problem in checked.problems]
            if any(problem.startswith(("missing", "damaged")) for problem in checked.problems):
                untrusted.append(file.path)
            held[file.path] = checked.file
            if checked.content is not None:
                contents[file.path] = checked.content
                rows += checked.content.rows
                if entry.record is not None and checked.file == file:
                    marked[known_index.mark(file.path, entry.record.committed_at)] = checked.content
    faults += _double_keys(root, contents)
    faults += known_index.faults(root, marked)
    for entry in entries:
        if entry.record is not None and all(file.path in contents for file in entry.record.files):
            faults += _book_faults(root, entry.version, entry.record, held, contents)
    stand = {(file.path, file.sha256) for file in held.values()}
    for gone in [mark for mark in sound if (mark.path, mark.sha256) not in stand]:
        del sound[gone]
    running = bool(left) and is_locked(root / LOCK)
    return Verified(
        faults=(*(() if running else left), *faults),
        files=len(held),
        rows=rows,
        runs=sum(entry.record is not None for entry in entries),
        running=running,
        last=len(entries) - 1,
        unread=unread,
        known=known,
        quarantined=tuple(f"{path}: taken out of the data set" for path in _aside(root, quarantined)),
        untrusted=tuple(untrusted),
        strange=tuple(sorted(strange)),
    )


def _writers(entries: Sequence[Entry]) -> dict[str, str | None]:
    """By the path of a file the run whose rows it holds; ``None`` where they may be of any."""
    wrote: dict[str, str | None] = {}
    for entry in entries:
        if entry.record is not None:
            compacted = entry.record.operation is Operation.COMPACT
            for file in entry.files:
                wrote.setdefault(file.path, None if compacted else entry.record.run_id)
    return wrote


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def _aside(root: Path, quarantined: set[str]) -> list[Path]:
    return [path for path in (root / QUARANTINE / name for name in sorted(quarantined)) if path.is_file()]


@dataclass(frozen=True, slots=True)
class _Announced:
    """What unfinished commits are about to bring: files by their path, and names of states."""

    files: dict[str, StagedFile]
    states: set[str]


def _staging(root: Path) -> tuple[_Announced, list[str]]:
    """What unfinished commits announce, and a line for each thing left in the staging folder."""
    announced = _Announced({}, set())
    left = []
    for path in sorted((root / STAGING).glob("*")):
        try:
            record = read_intent(path / INTENT)
        except (FileNotFoundError, NotADirectoryError):
            left.append(f"{path}: left by an interrupted run; the next run removes it")
        except LedgerError as err:
            left.append(str(err))
        else:
            announced.files.update({file.path: file for file in record.files})
            announced.states.update([record.state.name] if record.state else [])
            left.append(f"{path}: an interrupted commit; the next run completes it")
    return announced, left


def _entries(root: Path) -> tuple[list[Entry], list[str]]:
    """The log, or what is wrong with it."""
    try:
        last = deltalog.last_version(root)
    except LedgerError as err:
        return [], [str(err)]
    entries, faults = [], []
    for version in range(last + 1):
        try:
            entries.append(deltalog.read_entry(root, version))
        except LedgerError as err:
            faults.append(str(err))
    return entries, faults


def _first_entry(root: Path, entries: Sequence[Entry], since: str | dt.date | None) -> int:
    """The entry from which on files are read.

    Entries are ordered by number and the clock may have gone back, so all behind the first of a day are meant.
    """
    if since is None:
        return 0
    if isinstance(since, str):
        for entry in entries:
            if entry.record and entry.record.run_id == since:
                return entry.version
        raise LedgerError(f"{root}: no run {since} in the log; 'knipsel report --list' names the runs")
    moment = deltalog.milliseconds(dt.datetime.combine(since, dt.time(), dt.UTC))
    later = (entry.version for entry in entries if entry.record and entry.record.committed_at >= moment)
    return next(later, len(entries))


def _entry_faults(root: Path, entries: Sequence[Entry]) -> Iterator[str]:
    before: set[str] = set()
    for entry in entries:
        path = deltalog.entry_path(root, entry.version)
        if entry.record is None and entry.upkeep is None:
            yield f"{path}: written by another program"
        elif dict(entry.added) != {file.path: file.bytes for file in deltalog.articles(entry.files)}:
            yield f"{path}: adds other files than its run wrote"
        elif entry.record and entry.record.operation is Operation.FORGET and not {*entry.added} <= before:
            yield f"{path}: replaces files that no run wrote"
        elif entry.upkeep and {*entry.removed} != {p for p in entry.upkeep.removed if p.startswith("articles/")}:
            yield f"{path}: takes out other files than it says"
        before.update(entry.added)


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
    faults = list(checkpoints.faults(root))
    try:
        table = DeltaTable(root)
        if table.version() > entries[-1].version:
            # A run has committed since.
            table.load_as_version(entries[-1].version)
        theirs = table.get_add_actions()["path"].to_pylist()
    except DeltaError as err:
        return [*faults, f"{root / deltalog.LOG}: Delta readers fail on it ({first_line(err)})"]
    ours = [file.path for file in deltalog.live_files(entries)]
    odd = sorted((Counter(theirs) - Counter(ours)) + (Counter(ours) - Counter(theirs)))
    return faults + [f"{root / path}: Delta readers and the log disagree on it" for path in odd]


def _double_keys(root: Path, contents: Mapping[str, Content]) -> list[str]:
    """One line for each (article_id, version) that stands in the data set more than once."""
    paths = list(contents)
    if not paths:
        return []
    ids = np.concatenate([content.ids for content in contents.values()])
    versions = np.concatenate([content.versions for content in contents.values()])
    places = np.repeat(np.arange(len(paths)), [len(content.ids) for content in contents.values()])
    order = np.lexsort((versions, ids))
    twice = (ids[order][1:] == ids[order][:-1]) & (versions[order][1:] == versions[order][:-1])
    suspects = np.union1d(places[order][1:][twice], places[order][:-1][twice])
    # Two ids may have one key by chance; the strings decide.
    keys: dict[tuple[str, int], list[str]] = {}
    wanted = {int(key) for key in ids[order][1:][twice]}
    for path in (paths[place] for place in suspects):
        table = read_rows(root / path, ["article_id", "version"])
        for key, content_key in zip(table.to_pylist(), contents[path].ids, strict=True):
            if int(content_key) in wanted:
                keys.setdefault((key["article_id"], key["version"]), []).append(path)
    return sorted(_double(root, *key, stands) for key, stands in keys.items() if len(stands) > 1)


def _double(root: Path, article_id: str, version: int, stands: Sequence[str]) -> str:
    places = sorted(set(stands))
    also = f", also in {', '.join(places[1:])}" if places[1:] else ""
    return f"{root / places[0]}: article {article_id} version {version} stands there {len(stands)} times{also}"


def _book_faults(
    root: Path,
    version: int,
    record: RunRecord,
    held: Mapping[str, StagedFile],
    contents: Mapping[str, Content],
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
