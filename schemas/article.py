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
    """One row of ``articles``; the columns are explained in ``docs/dataset.md``."""

    article_id: str
    source_id: str
    input_kind: str
    input_ref: str
    fetched_at: dt.datetime
    version: int = 1
    content_hash: str = ""
    url: str | None = None
    canonical_url: str | None = None
    host: str | None = None
    source_name: str | None = None
    feed_url: str | None = None
    guid: str | None = None
    headline: str | None = None
    description: str | None = None
    body: str = ""
    body_chars: int = 0
    removed: tuple[Cut, ...] = ()
    clutter_ratio: float = 0.0
    authors: tuple[str, ...] = ()
    section: str | None = None
    keywords: tuple[str, ...] = ()
    partition_date: dt.date | None = None
    date_basis: str | None = None
    published_at: dt.datetime | None = None
    published_date: dt.date | None = None
    published_edtf: str | None = None
    date_precision: str | None = None
    date_evidence: str | None = None
    modified_at: dt.datetime | None = None
    ingested_at: dt.datetime | None = None
    language: str = "und"
    language_score: float = 0.0
    language_declared: str | None = None
    agency: str | None = None
    agency_evidence: str | None = None
    dateline_place: str | None = None
    tags: tuple[Tag, ...] = ()
    access: str = "unknown"
    cluster_id: str | None = None
    duplicate_of: str | None = None
    quality_flags: tuple[str, ...] = ()
    run_id: str = ""
    schema_version: int = SCHEMA_VERSION
    config_hash: str = ""
    rules_version: str = ""

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
