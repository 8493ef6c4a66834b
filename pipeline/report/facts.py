"""What a report says of a run, read from the data set itself: its log, its articles, its dead letters."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import duckdb
import pyarrow as pa

from pipeline.deltalog import RUN_ID, Counts, RunRecord
from pipeline.report.extra import ReportError, RunExtra, order
from pipeline.report.history import Command, command, commands, records_of
from pipeline.report.samples import Kind, kinds_of
from pipeline.report.tables import Loaded, load_articles, load_rejects
from schemas.reject import EXPLAINED, FILTERED, Reason, Refused
from transforms.core.urls import checked

PAST = 30
"""Runs to compare with: a month of nights."""

MOST_OUTLETS = 250
"""Outlets with a row of their own; some 2 KB of the page each. A night's feeds have fewer."""

MOST_LETTERS = 25
"""Dead letters shown of each code: enough to see what they have in common."""

MOST_LATEST = 4
"""Headlines shown of each outlet."""

MOST_DAYS, MOST_MONTHS = 62, 72
"""Columns that can be told apart; beyond two months the dates are shown by month, beyond six years by year."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many there are of what is called ``name``."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Headline:
    """An article in a word: ``text`` is its headline, or how its body begins."""

    text: str
    href: str | None
    date: dt.date
    language: str


@dataclass(frozen=True, slots=True)
class Outlet:
    """One outlet in this run.

    Attributes:
        source_id: as the data set calls it; empty where dead letters do not say whose they are.
        name: as people call it, where that is known.
        articles: written.
        letters: inputs left out or turned away.
        clutter: the median of ``clutter_ratio``; ``None`` without articles.
        short: articles whose body is empty or has fewer than 200 characters.
        undated: articles with no date of publication, not even a year.
        undetermined: articles whose language could not be told.
        agency: articles that are agency copy.
        first, last: the earliest and the latest partition.
        latest: the newest headlines.
        kinds: what was cut, in characters.
        codes: the reasons of its dead letters.
        languages: of its articles.
    """

    source_id: str
    name: str | None
    articles: int
    letters: int
    clutter: float | None
    short: int
    undated: int
    undetermined: int
    agency: int
    first: dt.date | None
    last: dt.date | None
    latest: tuple[Headline, ...]
    kinds: tuple[Share, ...]
    codes: tuple[Share, ...]
    languages: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """A day, month or year of partitions, with the articles in it by the date that they are filed under.

    Attributes:
        label: ISO 8601, as fine as the period.
        published: filed under the date of publication.
        other: under that of the last change, or the day they were fetched.
    """

    label: str
    published: int
    other: int


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter; ``href`` is set where its address may be followed."""

    ref: str
    href: str | None
    stage: str
    message: str
    source_id: str | None
    raw_sha256: str | None
    raw_bytes: int | None


@dataclass(frozen=True, slots=True)
class Letters:
    """The dead letters of one code.

    Attributes:
        code: the reason.
        count: of all.
        filtered: whether they were left out on purpose.
        explained: the reason in a sentence.
        new: whether none of the runs before had it.
        shown: some of them.
    """

    code: str
    count: int
    filtered: bool
    explained: str
    new: bool
    shown: tuple[Letter, ...]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """All that a report says of a run; amounts are of what it wrote, not of the whole data set.

    Attributes:
        this: its name, moment, inputs and books.
        past: up to ``PAST`` calls of the command before it, the oldest first.
        files: that it published, of both tables.
        file_bytes: their lengths, together.
        rows: articles in them; those the books count as written.
        config_hashes, rules_versions: of what it went by.
        chars: characters of clean text.
        cut_chars: characters of clutter that were cut.
        revised: articles that are a later version of one known before.
        outlets: by what came of them, the most first.
        more_outlets: those that are not in ``outlets``, added up.
        languages, topics, agencies, flags: articles by each, the most first.
        untagged: articles without a topic.
        periods: in order of time.
        kinds: what was cut, the most characters first.
        letters: dead letters by code, the most first.
    """

    this: Command
    past: tuple[Command, ...]
    files: int
    file_bytes: int
    rows: int
    config_hashes: tuple[str, ...]
    rules_versions: tuple[str, ...]
    chars: int
    cut_chars: int
    revised: int
    outlets: tuple[Outlet, ...]
    more_outlets: tuple[int, int, int]
    languages: tuple[Share, ...]
    topics: tuple[Share, ...]
    agencies: tuple[Share, ...]
    flags: tuple[Share, ...]
    untagged: int
    periods: tuple[Period, ...]
    kinds: tuple[Kind, ...]
    letters: tuple[Letters, ...]

    @property
    def counts(self) -> Counts:
        """The books."""
        return self.this.counts

    @property
    def extra(self) -> RunExtra | None:
        """What was kept of the run beside the data set."""
        return self.this.extra


def collect(root: Path, run_ids: Sequence[str], extra: RunExtra | None) -> RunFacts:
    """Read what a report says of one call of the command. Changes nothing.

    Args:
        root: of the data set.
        run_ids: the batches of the call, in order.
        extra: what is known of it beyond the data set; without it the report does without.

    Raises:
        ReportError: the data set holds no such run, or a file of it cannot be read.
        LedgerError: the log is damaged.
    """
    if not run_ids or not all(RUN_ID.match(run) for run in run_ids):
        raise ReportError(f"{', '.join(run_ids) or 'nothing'}: no id of a run, such as 000017-20261121T023000Z")
    records = records_of(root, run_ids)
    if not records and extra is None:
        raise ReportError(f"{root}: holds no run {run_ids[-1]}; 'knipsel report --root {root}' shows the last one")
    this = command(records, extra)
    past = _past(root, this)
    articles, rejects = load_articles(root, records), load_rejects(root, records)
    # Nothing here may ever fetch an extension from the network.
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as db:
        db.register("articles", articles.table)
        db.register("rejects", rejects.table)
        outlets, more = _outlets(db)
        return RunFacts(
            this=this,
            past=past,
            files=sum(len(record.files) for record in records),
            file_bytes=sum(file.bytes for record in records for file in record.files),
            rows=articles.table.num_rows,
            config_hashes=tuple(dict.fromkeys(record.config_hash for record in records)),
            rules_versions=tuple(_names(db, "select distinct rules_version from articles order by 1")),
            chars=_number(db, "select coalesce(sum(body_chars), 0) from articles"),
            cut_chars=_number(db, f"select coalesce(sum(chars), 0) from ({_CUTS}) where clutter"),
            revised=_number(db, "select count(*) from articles where version > 1"),
            outlets=outlets,
            more_outlets=more,
            languages=_shares(db, "select language, count(*) from articles group by 1"),
            topics=_shares(db, _TOPICS),
            agencies=_shares(db, "select agency, count(*) from articles where agency is not null group by 1"),
            flags=_shares(db, "select unnest(quality_flags), count(*) from articles group by 1"),
            untagged=_number(db, _UNTAGGED),
            periods=_periods(db),
            kinds=kinds_of(db, articles),
            letters=_letters(db, rejects, past),
        )
