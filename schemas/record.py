"""What is read before it is understood: the file to read, one record in it, and what that record says of itself."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.article import Article
from schemas.reject import Reason, Reject, fingerprint


class InputKind(StrEnum):
    """What an article came from; the column ``input_kind``."""

    FEED = "feed"
    HTML = "html"
    JSONL = "jsonl"
    PAGE = "page"
    TXT = "txt"
    WARC = "warc"


PAGES = frozenset({InputKind.HTML, InputKind.PAGE, InputKind.WARC})
"""The inputs whose text an extractor has taken out of a page."""


class TextFrom(StrEnum):
    """Where the text of a feed's articles is taken from."""

    PAGE = "page"
    ITEM = "item"


@dataclass(frozen=True, slots=True)
class Outlet:
    """Who publishes, as far as it is known before reading: from the settings, the command line or a feed."""

    source_id: str | None = None
    name: str | None = None
    language: str | None = None
    country: str | None = None
    timezone: str | None = None
    section: str | None = None
    feed_url: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a file with many records was read.

    Attributes:
        offset: where to go on, in bytes of the file as its reader counts them.
        number: of records or lines before it.
        disk_bytes: how much of the file on disk lies before it, as near as the reader knows.
    """

    offset: int = 0
    number: int = 0
    disk_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """A file that was not read to its end, and how far it was."""

    path: str
    cursor: Cursor


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to read, or a part of it.

    Attributes:
        kind: of what it holds.
        path: as the user wrote it.
        record: its name below the INPUT that it came with.
        outlet: whose it is.
        lenient: whether unknown keys of JSON lines are passed over.
        text: of a feed, where the text of its articles is taken from.
        start: where a file with many records is begun.
        most_bytes: behind so many bytes on disk a file with many records is left; ``None``: never.
        most_records: behind so many records it is left; ``None``: never.
        shared: whether another file of the run has the same ``record``, which so does not tell them apart.
    """

    kind: InputKind
    path: str
    record: str
    outlet: Outlet = field(default_factory=Outlet)
    lenient: bool = False
    text: TextFrom = TextFrom.ITEM
    start: Cursor = field(default_factory=Cursor)
    most_bytes: int | None = None
    most_records: int | None = None
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """What a record states about itself, unchecked. Dates are strings as they were written."""

    guid: str | None = None
    url: str | None = None
    title: str | None = None
    description: str | None = None
    published: str | None = None
    modified: str | None = None
    fetched_at: dt.datetime | None = None
    language: str | None = None
    section: str | None = None
    keywords: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One input as it was read: ``text`` or ``html`` is set, never both; ``raw`` is what a dead letter fingerprints.

    ``charset`` is what the carrier of the HTML says of its encoding, ``None`` where it says nothing.
    """

    kind: InputKind
    ref: str
    record: str
    outlet: Outlet
    declared: Declared
    raw: bytes
    text: str | None = None
    html: bytes | None = None
    charset: str | None = None
    flags: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """The bytes that it was read from."""
        return len(self.raw)

    def dead_letter(self, stage: str, reason: Reason, message: str) -> Reject:
        """What is kept of the record where ``stage`` did not pass it on."""
        return Reject(
            stage=stage,
            code=reason,
            input_ref=self.ref,
            message=message,
            url=self.declared.url,
            guid=self.declared.guid,
            source_id=self.outlet.source_id,
            feed_url=self.outlet.feed_url,
            raw_sha256=fingerprint(self.raw),
            raw_bytes=len(self.raw),
        )


@dataclass(frozen=True, slots=True)
class Draft:
    """An article on its way, with what a dead letter or a later stage needs and no column holds.

    ``raw_sha256`` and ``raw_bytes`` describe the input; ``claims`` are the agencies that the page's metadata names;
    ``country`` is the outlet's, as two capitals.
    ``earlier_hashes`` are the content hashes that the article would have had while less was known of its outlet;
    ``before`` is what an earlier capture of its address told, where there is one.
    """

    article: Article
    raw_sha256: str
    raw_bytes: int
    claims: tuple[str, ...] = ()
    country: str | None = None
    earlier_hashes: tuple[str, ...] = ()
    before: bytes | None = None

    @property
    def size(self) -> int:
        """The bytes that it was read from."""
        return self.raw_bytes

    def dead_letter(self, stage: str, reason: Reason, message: str) -> Reject:
        """What is kept of the draft where ``stage`` did not pass it on."""
        article = self.article
        return Reject(
            stage=stage,
            code=reason,
            input_ref=article.input_ref,
            message=message,
            url=article.url,
            guid=article.guid,
            source_id=article.source_id,
            feed_url=article.feed_url,
            raw_sha256=self.raw_sha256,
            raw_bytes=self.raw_bytes,
        )
