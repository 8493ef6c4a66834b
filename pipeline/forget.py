"""``knipsel forget``: an article erased from a data set, in all its versions, and kept out of it from then on.

Every file that holds it is put in place anew without its rows, at the same path and with the same length. So a
reader that listed the folder, or holds an older version of the Delta table, finds a whole file wherever it looks, and
never the article; no row of another article is missing or doubled for a moment. Under another name the old file would
have to go, and with it every scan that had listed it and every older version of the table; and whoever loads files by
their name would load the other articles twice. What was erased is known again by ids, which are hashes of addresses.

What cannot be had, because the bytes are to go at once: a reader that takes the footer and then opens the file again
for its pages, with the rename between, ends in an error. It gets no wrong row, and is right when it is run again.

It is one commit like that of a run: decided by one rename, and completed by the next command if it is interrupted.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import deltalog, derived
from pipeline.batches import NOTHING
from pipeline.deltalog import LOG, Entry, Operation, Rewritten
from pipeline.feed_state import FeedState
from pipeline.forget_names import ForgetError, Names, all_names, is_held, near_rows, read_columns, wanted_names
from pipeline.ledger import STATE, Ledger, LedgerError
from pipeline.log_writer import with_inputs
from pipeline.report import ReportError, rebuild
from pipeline.report.extra import REPORTS
from pipeline.report.history import commands
from pipeline.verify import QUARANTINE
from transforms.core.forgotten import Forgotten
from transforms.core.near_duplicates import STATE as STORIES
from transforms.core.near_duplicates import Window
from transforms.parquet import StagedFile, hash_file, read_rows, stage_table
from transforms.storage import DISK, Storage

ERASED = "(erased)"
"""What stands in the log where an input was named by the address or the file of an erased article."""

_LETTER = ("url", "guid", "feed_url", "input_ref", "message")


@dataclass(frozen=True, slots=True)
class Forgot:
    """What was erased, or would be.

    Attributes:
        articles: ids of the articles that the data set held.
        versions: rows of articles that are gone.
        letters: dead letters that are gone.
        files: Parquet files that were put in place anew.
        others: ids of articles of the same stories, which stay.
        unknown: what was asked for and not held; it is kept out all the same.
        reports: pages about runs that told of it, and were made anew.
        removed: other files that may have held it and are gone, paths below the root.
    """

    articles: tuple[str, ...]
    versions: int
    letters: int
    files: int
    others: tuple[str, ...]
    unknown: tuple[str, ...]
    reports: tuple[str, ...]
    removed: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "articles": list(self.articles),
            "versions": self.versions,
            "letters": self.letters,
            "files": self.files,
            "others": list(self.others),
            "unknown": list(self.unknown),
            "reports": list(self.reports),
            "removed": list(self.removed),
        }


def forget(
    root: Path, asked: Sequence[str], *, now: dt.datetime, dry_run: bool = False, storage: Storage = DISK
) -> Forgot:
    """Erase articles and keep them out.

    Args:
        root: of the data set.
        asked: ids of articles, or addresses.
        now: the moment of the commit.
        dry_run: only say what would be erased.
        storage: the disk.

    Raises:
        ForgetError: one of them is neither, or there is no data set.
        LedgerError: the root is busy or damaged.
        OSError: the disk failed.
    """
    wanted = wanted_names(asked)
    if not (root / LOG).is_dir():
        raise ForgetError(f"{root}: holds no data set; name the root of one")
    with Ledger(root, storage=storage) as ledger:
        entries = deltalog.read_log(root)
        held = deltalog.held_files(entries)
        names, others = all_names(root, held, wanted)
        run_id = ledger.next_run_id(now)
        changed = dict(_changed(root, held, names))
        state = _without(ledger.state, names, root)
        pages = _pages(root, names)
        removed = (*pages, *_quarantined(root, names), *_states(root)) if changed or state != ledger.state else pages
        named = {entry.version: entry for entry in entries if entry.record and _told(entry, names)}
        unknown = tuple(one for one in asked if not is_held(one, names))
        rows = {table: sum(gone for file, (gone, _) in changed.items() if file.table == table) for table in _TABLES}
        if not dry_run and (changed or state != ledger.state or removed or named):
            folder = ledger.staging(run_id)
            files = [_staged(folder, file, kept, storage) for file, (_, kept) in changed.items()]
            rewritten = [_rewritten(root, folder, entry, names, storage) for entry in named.values()]
            ledger.commit(
                run_id,
                files,
                state,
                NOTHING,
                config_hash="",
                now=now,
                operation=Operation.FORGET,
                rewritten=rewritten,
                removed=removed,
            )
    if not dry_run:
        _rebuild(root, pages)
    return Forgot(
        articles=tuple(sorted(names.articles)),
        versions=rows["articles"],
        letters=rows["rejects"],
        files=len(changed),
        others=others,
        unknown=unknown,
        reports=tuple(path for path in pages if path.endswith(".html")),
        removed=tuple(path for path in removed if path not in pages),
    )


_TABLES = ("articles", "rejects")


# What there is of it


def _changed(
    root: Path, held: Mapping[str, StagedFile], names: Names
) -> Iterator[tuple[StagedFile, tuple[int, pa.Table]]]:
    """The files that hold something of it: how many rows go, and those that stay."""
    for file in held.values():
        if file.table == "articles":
            known = read_columns(root, file, ("article_id",))["article_id"]
            gone = pc.is_in(known, pa.array(sorted(names.articles), pa.string()))
        else:
            letters = read_columns(root, file, _LETTER)
            near = pc.is_in(letters["input_ref"], pa.array(sorted(names.files), pa.string()))
            near = pc.or_(near, near_rows(letters, _LETTER, names.hosts)).to_pylist()
            told = [there and _tells(letter, names) for there, letter in zip(near, letters.to_pylist(), strict=True)]
            gone = pa.chunked_array([pa.array(told, pa.bool_())])
        count = pc.sum(gone).as_py() or 0
        if count:
            if hash_file(root / file.path) != file.sha256:
                raise LedgerError(f"{root / file.path}: damaged, so nothing was erased; 'knipsel verify' says more")
            yield file, (count, read_rows(root / file.path).filter(pc.invert(gone)))


def _tells(letter: Mapping[str, Any], names: Names) -> bool:
    return letter["input_ref"] in names.files or any(names.at_its_address(letter[name]) for name in _LETTER)


def _staged(folder: Path, file: StagedFile, kept: pa.Table, storage: Storage) -> StagedFile:
    day = dt.date.fromisoformat(file.date)
    return stage_table(folder, file.name, kept, date=day, least_bytes=file.bytes, storage=storage)


# State, log, and what lies beside


def _without(state: dict[str, Any], names: Names, root: Path) -> dict[str, Any]:
    """The state with tombstones, and without what else it remembers of the articles."""
    try:
        feeds, window = FeedState.from_json(state), Window.from_json(state)
        forgotten = Forgotten.from_json(state)
    except ValueError as fault:
        raise LedgerError(f"{root}: {fault}; use the version of knipsel that wrote it, or a newer one") from fault
    pages = tuple(page for page in feeds.pages if not _waits(page.url, page.declared.url, page.declared.guid, names))
    memories = {url: memory for url, memory in feeds.feeds.items() if not names.at_its_address(url)}
    entries = tuple(entry for entry in window.entries if entry.article_id not in names.ids)
    kept = dict(state)
    if (pages, memories) != (feeds.pages, dict(feeds.feeds)):
        for key in feeds.as_json():
            del kept[key]
        kept |= replace(feeds, pages=pages, feeds=memories).as_json()
    if entries != window.entries:
        del kept[STORIES]
        kept |= replace(window, entries=entries).as_json()
    return kept | Forgotten(forgotten.ids | names.ids).as_json()


def _waits(url: str, declared: str | None, guid: str | None, names: Names) -> bool:
    return any(names.at_its_address(text) for text in (url, declared, guid))


def _told(entry: Entry, names: Names) -> bool:
    return entry.record is not None and any(map(names.names_input, entry.record.inputs))


def _rewritten(root: Path, folder: Path, entry: Entry, names: Names, storage: Storage) -> Rewritten:
    inputs = entry.record.inputs if entry.record else ()
    cleared = [ERASED if names.names_input(name) else name for name in inputs]
    data = with_inputs(root, entry.version, cleared)
    path = deltalog.entry_path(root, entry.version).relative_to(root).as_posix()
    rewritten = Rewritten(path, hashlib.sha256(data).hexdigest())
    storage.write_file(folder / rewritten.staged_name, data)
    return rewritten


def _states(root: Path) -> Iterator[str]:
    """The states up to now, which a new one follows, and what is derived from the files, which is made anew."""
    found = [*sorted((root / STATE).glob("*.json")), *derived.files(root)]
    # What another process has begun to write there it takes back itself.
    return (f"{STATE}/{path.name}" for path in found if not path.name.startswith("."))


def _pages(root: Path, names: Names) -> tuple[str, ...]:
    """What lies beside the data about the runs that wrote it, and whatever names it."""
    folder = root / REPORTS
    if not folder.is_dir():
        return ()
    wrote = {one.run_id for one in commands(root) if names.runs & set(one.runs)}
    told = [html.escape(text) for text in (*names.addresses, *names.headlines, *names.articles)]
    found = []
    for path in sorted(folder.iterdir()):
        text = path.read_text("utf-8", "replace") if path.is_file() else ""
        if (path.suffix == ".html" and path.stem in wrote) or any(one in text for one in told):
            found.append(f"{REPORTS}/{path.name}")
    return tuple(found)


def _quarantined(root: Path, names: Names) -> Iterator[str]:
    """Files set aside that hold it, or cannot be read whole and so may hold it."""
    for path in sorted((root / QUARANTINE).rglob("*")):
        if path.is_file() and _may_hold(path, names):
            yield path.relative_to(root).as_posix()


def _may_hold(path: Path, names: Names) -> bool:
    try:
        table = read_rows(path)
    except (OSError, pa.ArrowException):
        return True
    if "article_id" in table.schema.names:
        return not names.articles.isdisjoint(table["article_id"].to_pylist())
    return any(_tells(letter, names) for letter in table.select(_LETTER).to_pylist())


def _rebuild(root: Path, pages: Iterable[str]) -> None:
    """Make pages about runs anew from what the data set holds now."""
    for page in pages:
        name = Path(page).stem
        if page.endswith(".html") and deltalog.RUN_ID.match(name):
            try:
                rebuild(root, name)
            except ReportError:
                # The page is gone, which is what counts; a run that left no commit has none again.
                continue
