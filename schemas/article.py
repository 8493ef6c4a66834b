"""The article: one dataclass that travels through every stage, and the Arrow schema it is written with.

Each stage fills its own columns and hands on a new value (``dataclasses.replace``); nothing else travels
beside it. Until the clutter is stripped, ``body`` holds the whole text as it was read or extracted.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

SCHEMA_VERSION = 1
"""Raised by one whenever a column is added; columns are never removed and never change their type."""


@dataclass(frozen=True, slots=True)
class Cut:
    """One piece of text that was taken out of the body.

    ``start`` and ``end`` are offsets in characters into the text before stripping; ``text`` is exactly what
    stood there. ``kind`` is one of ``schemas.rules.CutKind``; ``rule`` names the rule that decided.
    """

    start: int
    end: int
    kind: str
    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag: ``scheme`` and ``code`` name it, ``score`` lies in 0..1, ``evidence`` lists the matched terms."""

    scheme: str
    code: str
    label: str
    score: float
    evidence: str


@dataclass(frozen=True, slots=True)
class Article:
    """One row of ``articles``. What stands below each column is what ``docs/reference/columns.md`` says of it."""

    article_id: str
    """stable id, 32 hexadecimal digits"""
    source_id: str
    """the outlet: from feeds.toml, `--source` or the record, else the host, else `local`"""
    input_kind: str
    """`feed`, `html`, `jsonl`, `page` (fetched from a feed), `txt` or `warc`"""
    input_ref: str
    """the file, and behind `#` the number of the line or feed entry, from 1, or where in a WARC file the record
    begins, in bytes"""
    fetched_at: dt.datetime
    """as the record states it, if that can be true, else the moment of the run"""
    version: int = 1
    """1 for the first text under this id, 2 for the next, …"""
    content_hash: str = ""
    """hash of headline and body, 32 hexadecimal digits; white space makes no difference"""
    url: str | None = None
    """the address as the record or feed states it, else the canonical one"""
    canonical_url: str | None = None
    """the page's own canonical address, else `url` without fragment and tracking parameters"""
    host: str | None = None
    """the host of the canonical address, without `www.`"""
    source_name: str | None = None
    """its name, from the settings, the record, the feed or the page"""
    feed_url: str | None = None
    """the feed it came from, as feeds.toml or the command line names it"""
    guid: str | None = None
    """the record's own id: the feed's guid, a JSON line's `id`, a file's name below INPUT"""
    headline: str | None = None
    """the title: as stated, else a first line in the form of a headline"""
    description: str | None = None
    """the publisher's summary"""
    body: str = ""
    """the clean text: standfirst, subheadings, paragraphs; not the headline"""
    body_chars: int = 0
    """its length in characters"""
    removed: tuple[Cut, ...] = ()
    """every cut in order, as offsets in characters into the text before stripping; for pages and feeds that is the
    extracted text; what cut it is a rule or a signal"""
    clutter_ratio: float = 0.0
    """characters of clutter as a share of the text before stripping, 0 to 1; moved headlines and white space do not
    count"""
    authors: tuple[str, ...] = ()
    """the byline, one name an entry"""
    section: str | None = None
    """the publisher's own section, else the one in feeds.toml"""
    keywords: tuple[str, ...] = ()
    """the publisher's own keywords"""
    partition_date: dt.date | None = None
    """the day it is filed under; equals the folder"""
    date_basis: str | None = None
    """what that day is: `published`, `modified` or `fetched`"""
    published_at: dt.datetime | None = None
    """the moment of publication; null unless a time of day was stated"""
    published_date: dt.date | None = None
    """the day of publication; null if only a month or year was stated"""
    published_edtf: str | None = None
    """as coarse as it was stated: `2026`, `2026-11`, `2026-11-20`, `2026-11-20T06:30Z`"""
    date_precision: str | None = None
    """`minute`, `day`, `month` or `year`"""
    date_evidence: str | None = None
    """where it was read: `feed`, `record`, `date marker`, `dateline`, `date line of the text`, `date line of the
    page`, `address`, `htmldate`, or the place on the page, such as `JSON-LD datePublished`"""
    modified_at: dt.datetime | None = None
    """the moment of the last change; null unless a time of day was stated"""
    ingested_at: dt.datetime | None = None
    """the moment of the run"""
    language: str = "und"
    """BCP 47, of the clean text, with the region that is declared for the same language (`nl-BE`) and never another;
    of a short text what is declared and which languages are expected may decide; `und` where it cannot be told"""
    language_score: float = 0.0
    """the detector's own confidence, 0 to 1; where it hesitates (below 0.9), the share that the language has once
    those that are expected or declared are weighed in"""
    language_declared: str | None = None
    """what the record, page, feed or settings say"""
    agency: str | None = None
    """whose copy it is: `ANP`, `BELGA`, `ANP/RTR`, …"""
    agency_evidence: str | None = None
    """the line or name that said so"""
    dateline_place: str | None = None
    """the place in the article's own dateline"""
    tags: tuple[Tag, ...] = ()
    """topics (`medtop`), the publisher's section (`source-section`), names (`place`, `organisation`, `person`), and
    what taggers of other packages give"""
    access: str = "unknown"
    """`open`, `teaser`, `locked` or `unknown`: as the page declares it, else what a paywall notice below the text
    says; a page that is declared locked is `teaser` where its text is shown to break off"""
    cluster_id: str | None = None
    """the id of the first article of the story that was seen; every article of 40 words or more has one, most of them
    their own. A row never changes afterwards"""
    duplicate_of: str | None = None
    """the id of the first article of the same outlet, within the window, with the same text under another id"""
    quality_flags: tuple[str, ...] = ()
    """what to be careful about in this article"""
    run_id: str = ""
    """the run that wrote the row"""
    schema_version: int = SCHEMA_VERSION
    """of the columns"""
    config_hash: str = ""
    """names the settings and feeds of the run, without `root`"""
    rules_version: str = ""
    """names the clutter rules and vocabularies of the run"""

    def row(self) -> dict[str, Any]:
        """The article as the plain values that Arrow takes, in no particular order."""
        return asdict(self)


_TIME = pa.timestamp("us", tz="UTC")


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


ARTICLES: pa.Schema = pa.schema(
    [
        _required("article_id", pa.string()),
        _required("version", pa.int16()),
        _required("content_hash", pa.string()),
        pa.field("url", pa.string()),
        pa.field("canonical_url", pa.string()),
        pa.field("host", pa.string()),
        _required("source_id", pa.string()),
        pa.field("source_name", pa.string()),
        pa.field("feed_url", pa.string()),
        pa.field("guid", pa.string()),
        _required("input_kind", pa.string()),
        _required("input_ref", pa.string()),
        pa.field("headline", pa.string()),
        pa.field("description", pa.string()),
        _required("body", pa.string()),
        _required("body_chars", pa.int32()),
        pa.field(
            "removed",
            pa.list_(
                pa.struct(
                    [
                        pa.field("start", pa.int32()),
                        pa.field("end", pa.int32()),
                        pa.field("kind", pa.string()),
                        pa.field("rule", pa.string()),
                        pa.field("text", pa.string()),
                    ]
                )
            ),
        ),
        _required("clutter_ratio", pa.float32()),
        pa.field("authors", pa.list_(pa.string())),
        pa.field("section", pa.string()),
        pa.field("keywords", pa.list_(pa.string())),
        _required("partition_date", pa.date32()),
        _required("date_basis", pa.string()),
        pa.field("published_at", _TIME),
        pa.field("published_date", pa.date32()),
        pa.field("published_edtf", pa.string()),
        pa.field("date_precision", pa.string()),
        pa.field("date_evidence", pa.string()),
        pa.field("modified_at", _TIME),
        _required("fetched_at", _TIME),
        _required("ingested_at", _TIME),
        _required("language", pa.string()),
        _required("language_score", pa.float32()),
        pa.field("language_declared", pa.string()),
        pa.field("agency", pa.string()),
        pa.field("agency_evidence", pa.string()),
        pa.field("dateline_place", pa.string()),
        pa.field(
            "tags",
            pa.list_(
                pa.struct(
                    [
                        pa.field("scheme", pa.string()),
                        pa.field("code", pa.string()),
                        pa.field("label", pa.string()),
                        pa.field("score", pa.float32()),
                        pa.field("evidence", pa.string()),
                    ]
                )
            ),
        ),
        _required("access", pa.string()),
        pa.field("cluster_id", pa.string()),
        pa.field("duplicate_of", pa.string()),
        pa.field("quality_flags", pa.list_(pa.string())),
        _required("run_id", pa.string()),
        _required("schema_version", pa.int16()),
        _required("config_hash", pa.string()),
        _required("rules_version", pa.string()),
    ],
    metadata={"knipsel.schema_version": str(SCHEMA_VERSION), "knipsel.table": "articles"},
)
"""The frozen schema of ``articles``. The folder's ``date`` is a path key and no column of the files."""
