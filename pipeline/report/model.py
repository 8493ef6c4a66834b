"""What a report says of a run, as values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from pipeline.deltalog import Counts
from pipeline.report.extra import RunExtra
from pipeline.report.history import Command


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
class Piece:
    """A stretch of a text: kept, or cut as ``kind`` by ``rule``; ``asked`` is the cut that it is all about."""

    text: str
    kind: str | None = None
    rule: str | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """A cut in its place.

    Attributes:
        why: which cut of its kind this is.
        headline: of the article.
        href: the article's address, where it may be followed.
        input_ref: where the article was read.
        source_id: the outlet.
        language: of the article.
        chars: length of the cut.
        rule: what decided.
        before: the text around it before stripping, cuts and kept stretches in turn.
        opens, closes: whether the text begins and ends there.
    """

    why: str
    headline: str | None
    href: str | None
    input_ref: str
    source_id: str
    language: str
    chars: int
    rule: str
    before: tuple[Piece, ...]
    opens: bool
    closes: bool

    @property
    def after(self) -> str:
        """What stayed of the text that is shown."""
        return "".join(piece.text for piece in self.before if piece.kind is None)


@dataclass(frozen=True, slots=True)
class RuleCuts:
    """What one rule or signal cut, of one kind."""

    rule: str
    cuts: int
    chars: int


@dataclass(frozen=True, slots=True)
class Kind:
    """What was cut of one kind.

    Attributes:
        kind: one of ``schemas.rules.CutKind``.
        clutter: whether it counts as clutter; headlines and white space are only moved.
        cuts: how many.
        chars: their characters.
        articles: articles with such a cut.
        rules: what decided, the most characters first.
        more_rules: rules that are not in ``rules``.
        samples: some of the cuts.
    """

    kind: str
    clutter: bool
    cuts: int
    chars: int
    articles: int
    rules: tuple[RuleCuts, ...]
    more_rules: int
    samples: tuple[Sample, ...]


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
        rows: articles found in them.
        config_hashes, rules_versions: of what it went by.
        chars: characters of clean text.
        cut_chars: characters of clutter that were cut.
        revised: articles that are a later version of one known before.
        outlets: by what came of them, the most first.
        more_outlets: how many are not in ``outlets``, with their articles and their dead letters.
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
