"""``knipsel export``: the articles of some days as one file, for whoever takes them elsewhere.

One day is read and sorted at a time, so that a year takes no more memory than its fullest day; what does not fit goes
to disk. The same data set gives the same rows in the same order: by date, ``article_id`` and ``version``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from rich.console import Console

from pipeline.show import ALL, Only, deliver, opened, streamed
from pipeline.tabular import Format, Rows
from schemas.article import ARTICLES


class Shape(StrEnum):
    """What is exported, and how."""

    JSONL = "jsonl"
    PARQUET = "parquet"
    KNIPSEL = "knipsel"


class ExportError(Exception):
    """What was asked for cannot be exported; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which articles, and what of them.

    Attributes:
        only: the days that they are filed under, and the outlet.
        language: BCP 47; ``nl`` means ``nl-BE`` as well.
        tag: the code or the label of one of their tags, or its scheme and code as ``medtop:11000000``.
        columns: of the data set; empty: all.
        every_version: also those that a later one within these days follows.
    """

    only: Only = ALL
    language: str | None = None
    tag: str | None = None
    columns: tuple[str, ...] = ()
    every_version: bool = False


_LINE = """
guid as id, coalesce(canonical_url, url) as url, headline as title, body as text, description,
published_edtf as published, modified_at as modified, fetched_at, nullif(language, 'und') as lang,
source_id as source, section, keywords, authors
"""
"""The keys of a line that ``knipsel run`` reads. By ``url``, or by ``source`` and ``id``, an article is known."""

_CHOSEN = """
select {columns} from articles where
    ($language is null or language = $language or starts_with(language, $language || '-'))
    and ($tag is null or len([1 for t in tags
        if t.code = $tag or lower(t.label) = lower($tag) or t.scheme || ':' || t.code = $tag]) > 0)
    and ($outlets is null or list_contains($outlets, source_id))
    and article_id || ' ' || version not in (select unnest($earlier::varchar[]))
order by date, article_id, version
"""
_EARLIER = """
select article_id || ' ' || version from (
    select article_id, version, max(version) over (partition by article_id) as last from articles
) where version < last
"""


def export(
    root: Path, selection: Selection, console: Console, *, shape: Shape = Shape.JSONL, output: Path | None = None
) -> None:
    """Write articles to stdout or a file.

    Args:
        root: of the data set.
        selection: which articles.
        console: is not written on.
        shape: JSON lines or Parquet with columns of the data set, or JSON lines that ``knipsel run`` reads.
        output: a file; it appears, or replaces what was there, once it is whole. ``None``: stdout.

    Raises:
        ExportError: a column is none of the data set.
        ShowError: there is no data set, a file of it is damaged, or the output cannot be written.
    """
    odd = [name for name in selection.columns if name not in ARTICLES.names]
    if odd:
        raise ExportError(f"{odd[0]}: no column of articles; 'knipsel show --sql \"describe articles\"' lists them")
    if selection.columns and shape is Shape.KNIPSEL:
        raise ExportError("the keys of lines that 'knipsel run' reads are fixed; leave --columns out")
    form = Format.PARQUET if shape is Shape.PARQUET else Format.JSON
    deliver(root, _rows(root, selection, shape), console, form=form, output=output)


def _rows(root: Path, selection: Selection, shape: Shape) -> Rows:
    names = selection.columns or tuple(ARTICLES.names)
    columns = _LINE if shape is Shape.KNIPSEL else ", ".join(f'"{name}"' for name in names)
    query = _CHOSEN.format(columns=columns)
    asked: dict[str, Any] = {"language": selection.language, "tag": selection.tag, "outlets": None, "earlier": []}
    # The dates of no data set lie there, so that this is nothing but the columns.
    with opened(root, Only(since=dt.date.max)) as connection:
        schema = streamed(connection.sql(query, params=asked)).schema
    if shape is not Shape.KNIPSEL:
        schema = pa.schema([ARTICLES.field(name) for name in names])
    return Rows(schema, _batches(root, selection, query, asked, schema))


def _batches(
    root: Path, selection: Selection, query: str, asked: dict[str, Any], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    only = selection.only
    if only.outlet is not None or not selection.every_version:
        with opened(root, only) as connection:
            if only.outlet is not None:
                asked = asked | {"outlets": _first(connection.sql("select distinct source_id from articles"))}
            if not selection.every_version:
                asked = asked | {"earlier": _first(connection.sql(_EARLIER))}
    for folder in sorted(folder for folder in (root / "articles").glob("date=*") if only.holds(folder)):
        day = dt.date.fromisoformat(folder.name.partition("=")[2])
        with opened(root, Only(day, day)) as connection:
            for batch in streamed(connection.sql(query, params=asked)).batches:
                yield pa.RecordBatch.from_arrays(
                    [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)],
                    schema=schema,
                )


def _first(rows: duckdb.DuckDBPyRelation) -> list[str]:
    """The first column."""
    return sorted(row[0] for row in rows.fetchall())
