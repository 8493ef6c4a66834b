"""``knipsel rules diff``: what the rules as they are now would cut differently in the stored articles.

Nothing is written. The text before stripping is put together again from ``body`` and ``removed`` and stripped anew.
A headline that was found in the text stands in ``removed`` as a cut of kind ``headline`` and is looked for again; any
other headline was stated beside the text and is stated again. Lines that recur within an outlet are those that the
run knew which wrote the article, and lines that were cut because an earlier capture of the address did not have them
are still suspect. So rules that have not changed give no difference.

What cannot be known: inputs of which the rules of their day left nothing were never stored, so that a rule which
would now keep some of them shows nowhere.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline import deltalog
from pipeline.deltalog import Operation, StateFile
from pipeline.ledger import STATE, read_state
from schemas.article import Cut
from schemas.record import PAGES
from transforms.core.clutter.recurring import RecurringLines, recurs
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.strip import Stripped, restore, stated_headline, strip, suspected
from transforms.parquet import StagedFile

COLUMNS = (
    *("article_id", "version", "partition_date", "source_id", "host", "input_kind", "input_ref"),
    *("headline", "body", "removed"),
)
"""What stripping goes by, and what an article is called by."""

SHOWN = 20
"""Articles shown to people where they do not say how many; the summary counts them all."""

_BATCH_ROWS = 256
"""Rows decoded at a time: about 1 MB of articles of the usual length, and never a whole file."""

_LINE = re.compile(r"[^\n\r\v\f\x85\u2028\u2029]+")

_MARKS = {"cut": ("-", "red"), "kept": ("+", "green"), "other": ("~", "yellow")}


class DiffError(Exception):
    """A data set that cannot be compared; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Change:
    """A line, or a part of one, that the rules now treat otherwise.

    Attributes:
        change: ``cut`` where it is cut now and was not, ``kept`` where it was and is not, ``other`` where it is cut
            still but by another rule or as another kind.
        start: Offset in characters into the text before stripping; ``end`` likewise.
        text: Exactly what stands there.
        kind: Of the cut, and ``rule`` its rule: the present one, or the former one where it is kept now.
        was: Where ``change`` is ``other``: the former kind and rule.
    """

    change: str
    start: int
    end: int
    text: str
    kind: str
    rule: str
    was: tuple[str, str] | None = None

    def as_json(self) -> dict[str, Any]:
        """Its fields; ``was_kind`` and ``was_rule`` only where there are such."""
        out = {
            "change": self.change,
            "start": self.start,
            "end": self.end,
            "kind": self.kind,
            "rule": self.rule,
            "text": self.text,
        }
        return out if self.was is None else {**out, "was_kind": self.was[0], "was_rule": self.was[1]}


@dataclass(frozen=True, slots=True)
class Changed:
    """A stored article that would come out otherwise; ``emptied`` where nothing of it would be left."""

    article_id: str
    version: int
    date: dt.date
    source_id: str
    input_ref: str
    headline: str | None
    headline_now: str | None
    changes: tuple[Change, ...]
    emptied: bool

    def as_json(self) -> dict[str, Any]:
        """One object; dates as ISO strings."""
        return {
            "article_id": self.article_id,
            "version": self.version,
            "date": self.date.isoformat(),
            "source_id": self.source_id,
            "input_ref": self.input_ref,
            "headline": self.headline,
            "headline_now": self.headline_now,
            "outcome": "filtered" if self.emptied else "written",
            "changes": [change.as_json() for change in self.changes],
        }


@dataclass(slots=True)
class Totals:
    """How many articles were read and how many would change, and for each rule its lines by what becomes of them.

    ``other`` counts for the rule that cuts now.
    """

    articles: int = 0
    changed: int = 0
    emptied: int = 0
    lines: dict[str, Counter[str]] = field(default_factory=lambda: {change: Counter() for change in _MARKS})

    def add(self, changed: Changed) -> None:
        """Count one more article that would change."""
        self.changed += 1
        self.emptied += changed.emptied
        for change in changed.changes:
            self.lines[change.change][change.rule] += 1

    def rules(self) -> list[str]:
        """The rules with a line to their name, those with most lines first."""
        total: Counter[str] = Counter()
        for counts in self.lines.values():
            total.update(counts)
        return sorted(total, key=lambda rule: (-total[rule], rule))

    def as_json(self) -> dict[str, Any]:
        """The summary: ``rules`` has ``cut``, ``kept`` and ``other`` lines for each rule."""
        return {
            "articles": self.articles,
            "changed": self.changed,
            "emptied": self.emptied,
            **{change: counts.total() for change, counts in self.lines.items()},
            "rules": {rule: {change: self.lines[change][rule] for change in _MARKS} for rule in self.rules()},
        }


def difference(
    root: Path, book: RuleBook, totals: Totals, *, date: dt.date | None = None, source: str | None = None
) -> Iterator[Changed]:
    """Each stored article that ``book`` would strip otherwise, in the order of the files, counted in ``totals``.

    Args:
        root: of the data set; the files that its log names are read, a few hundred rows at a time.
        book: the rules as they are now.
        totals: is added to.
        date: only the articles of this day.
        source: only those with this ``source_id``.

    Raises:
        DiffError: there is no data set, or a file of it is missing or damaged.
        LedgerError: the log or a state is damaged.
    """
    if not (root / "_delta_log").is_dir():
        raise DiffError(f"{root}: holds no data set; 'knipsel run INPUT --root {root}' makes one")
    for file, furniture in _files(root):
        if date is not None and file.date != date.isoformat():
            continue
        for row in _rows(root / file.path, source):
            totals.articles += 1
            changed = compare(row, book, furniture.get(row["source_id"], {}))
            if changed is not None:
                totals.add(changed)
                yield changed


def _files(root: Path) -> Iterator[tuple[StagedFile, Mapping[str, Mapping[str, int]]]]:
    """Each file of articles that the log names, with the lines that were furniture when its run began.

    States that are gone by now are stood in for by the first one that is left, and all states of a data set that was
    made from another by the one that it began with.
    """
    entries = deltalog.read_log(root)
    live = {file.path for file in deltalog.live_files(entries)}
    records = [entry.record for entry in entries if entry.record]
    for number, record in enumerate(records):
        files = [file for file in deltalog.articles(record.files) if file.path in live]
        if not files or record.operation is Operation.FORGET:
            continue
        before = records[number - 1].state if number else None
        if record.operation is Operation.COMPACT:
            before = record.state
        if before is not None and not _is_kept(root, before):
            kept = (later.state for later in records[number:] if later.state and _is_kept(root, later.state))
            before = next(kept, None)
        furniture = _furniture(root, before) if before else {}
        yield from ((file, furniture) for file in files)


def _is_kept(root: Path, state: StateFile) -> bool:
    return (root / STATE / state.name).exists()


def _furniture(root: Path, state: StateFile) -> Mapping[str, Mapping[str, int]]:
    try:
        return RecurringLines.from_json(read_state(root, state)).furniture()
    except ValueError as fault:
        raise DiffError(f"{root}: {fault}; use the version of knipsel that wrote it, or a newer one") from None


def _rows(path: Path, source: str | None) -> Iterator[dict[str, Any]]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in file.iter_batches(_BATCH_ROWS, columns=list(COLUMNS)):
                kept = batch if source is None else batch.filter(pc.equal(batch["source_id"], source))
                yield from kept.to_pylist()
    except FileNotFoundError:
        raise DiffError(f"{path}: missing; 'knipsel verify' shows what else is") from None
    except (OSError, pa.ArrowException) as fault:
        why = str(fault).partition("\n")[0]
        raise DiffError(f"{path}: cannot be read ({why}); 'knipsel verify' shows what else is damaged") from None


def compare(row: dict[str, Any], book: RuleBook, known: Mapping[str, int] | None = None) -> Changed | None:
    """What becomes of one stored article, ``None`` where nothing does.

    Args:
        row: at least ``COLUMNS``.
        book: the rules as they are now.
        known: the lines that recur within its outlet, as ``RecurringLines.furniture`` has them.
    """
    before = tuple(Cut(**cut) for cut in row["removed"] or ())
    text = restore(row["body"], before)
    now = strip(
        text,
        book,
        headline=stated_headline(row["headline"], before),
        host=row["host"],
        source_id=row["source_id"],
        extracted=row["input_kind"] in PAGES,
        recurring=partial(recurs, known) if known else None,
        suspects=suspected(before),
    )
    changes = tuple(_changes(text, before, now.removed))
    if not changes:
        return None
    return Changed(
        article_id=row["article_id"],
        version=row["version"],
        date=row["partition_date"],
        source_id=row["source_id"],
        input_ref=row["input_ref"],
        headline=row["headline"],
        headline_now=now.headline,
        changes=changes,
        emptied=_is_empty(now),
    )


def _is_empty(stripped: Stripped) -> bool:
    return not stripped.body and not stripped.headline


def _changes(text: str, before: Sequence[Cut], now: Sequence[Cut]) -> Iterator[Change]:
    """The stretches of ``text`` whose cut is another, line by line; white space alone is no change."""
    borders = sorted({at for cut in (*before, *now) for at in (cut.start, cut.end)})
    stretches: list[tuple[int, int, tuple[str, str] | None, tuple[str, str] | None]] = []
    old, new = _Reader(before), _Reader(now)
    for start, end in pairwise(borders):
        was, is_ = old.at(start), new.at(start)
        if was == is_:
            continue
        if stretches and stretches[-1][1:] == (start, was, is_):
            stretches[-1] = (stretches[-1][0], end, was, is_)
        else:
            stretches.append((start, end, was, is_))
    for start, end, was, is_ in stretches:
        change = "kept" if is_ is None else "cut" if was is None else "other"
        kind, rule = is_ or was or ("", "")
        for line in _LINE.finditer(text, start, end):
            if line[0].strip():
                yield Change(change, *line.span(), line[0], kind, rule, was if change == "other" else None)


class _Reader:
    """Tells which of some cuts in order an offset lies in; offsets are asked for in rising order."""

    def __init__(self, cuts: Sequence[Cut]) -> None:
        self._cuts = cuts
        self._next = 0

    def at(self, offset: int) -> tuple[str, str] | None:
        while self._next < len(self._cuts) and self._cuts[self._next].end <= offset:
            self._next += 1
        if self._next == len(self._cuts) or self._cuts[self._next].start > offset:
            return None
        cut = self._cuts[self._next]
        return str(cut.kind), cut.rule


def show(changed: Changed, console: Console) -> None:
    """Print one article: ``-`` is cut now, ``+`` is kept now, ``~`` is cut by another rule."""
    out = Text()
    out.append(f"{changed.headline or changed.input_ref}", style="bold")
    out.append(f"  {changed.source_id} {changed.date} {changed.article_id} version {changed.version}\n", style="dim")
    if changed.emptied:
        out.append("  nothing of it would be left, and it would be filtered\n", style="red")
    elif changed.headline_now != changed.headline:
        out.append(f"  headline now: {changed.headline_now or 'none'}\n")
    for change in changed.changes:
        sign, style = _MARKS[change.change]
        was = f", was {change.was[0]} ({change.was[1]})" if change.was else ""
        out.append(f"{sign} {change.text.strip()}", style=style)
        out.append(f"  {change.kind} ({change.rule}){was}\n", style="dim")
    console.print(out, soft_wrap=True)


def summarise(totals: Totals, console: Console) -> None:
    """Print how many lines each rule newly cuts, no longer cuts and cuts in place of another rule."""
    rules = totals.rules()
    if rules:
        table = Table(title="lines by rule", title_justify="left", header_style="bold")
        table.add_column("rule", no_wrap=True, overflow="fold")
        for heading in ("cut now (-)", "kept now (+)", "other rule (~)"):
            table.add_column(heading, justify="right")
        for rule in rules:
            table.add_row(rule, *(f"{totals.lines[change][rule]:,}" for change in _MARKS))
        console.print(table)
    emptied = f", {totals.emptied:,} to nothing" if totals.emptied else ""
    console.print(f"{totals.changed:,} of {totals.articles:,} stored articles would change{emptied}", highlight=False)
