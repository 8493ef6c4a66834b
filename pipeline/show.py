"""``knipsel show``: what is in a data set."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas.article import ARTICLES
from schemas.reject import REJECTS

_TOTAL = "select count(*) from articles where $date is null or date = $date"
_DATES = """
select a.date, count(*) as articles, count(distinct source_id) as sources, count(distinct filename) as files
from articles a where $date is null or date = $date group by 1 order by 1 desc limit $limit
"""
_ROWS = """
select date, language as lang, source_id as source, coalesce(agency, '') as agency,
       coalesce(headline, body[:60] || '…') as headline, body_chars as chars,
       cast(round(100 * clutter_ratio) as integer) as "cut %",
       array_to_string([t.label for t in tags if t.scheme = 'medtop'], ', ') as topics
from articles where $date is null or date = $date order by date desc, source_id, article_id, version limit $limit
"""
_RIGHT = frozenset({"articles", "sources", "files", "chars", "cut %"})


class ShowError(Exception):
    """A data set or a query that cannot be shown; one line that says what to do."""


def connect(root: Path) -> duckdb.DuckDBPyConnection:
    """A connection with the views ``articles`` and ``rejects`` over the files of the data set.

    Raises:
        ShowError: there is no data set.
    """
    if not (root / "_delta_log").is_dir():
        raise ShowError(f"{root}: holds no data set; 'knipsel run INPUT --root {root}' makes one")
    connection = duckdb.connect()
    for table, schema in (("articles", ARTICLES), ("rejects", REJECTS)):
        paths = sorted(str(path) for path in (root / table).glob("date=*/*.parquet"))
        if paths:
            rows = connection.read_parquet(paths, hive_partitioning=True, union_by_name=True, filename=True)
            rows.create_view(table)
        else:
            empty = schema.append(pa.field("date", pa.date32())).append(pa.field("filename", pa.string()))
            connection.register(table, empty.empty_table())
    return connection


def show(root: Path, console: Console, *, date: dt.date | None, limit: int) -> None:
    """Print the partitions and the newest rows.

    Raises:
        ShowError: there is no data set.
    """
    connection = connect(root)
    ask = {"date": date, "limit": limit}
    total = connection.execute(_TOTAL, {"date": date}).fetchall()[0][0]
    for title, query in ((f"{root}: {total} articles", _DATES), ("rows", _ROWS)):
        console.print(_table(connection.sql(query, params=ask), title))
    if total > limit:
        console.print(f"{total - limit} more; --limit shows more, --sql asks anything", style="dim")


def query(root: Path, sql: str, console: Console) -> None:
    """Print what ``sql`` gives over the views ``articles`` and ``rejects``.

    Raises:
        ShowError: there is no data set, or DuckDB refuses the query.
    """
    connection = connect(root)
    try:
        result = connection.sql(sql)
    except duckdb.Error as fault:
        raise ShowError(str(fault).strip().splitlines()[0]) from None
    if result is not None:
        console.print(_table(result, None))


def _table(result: duckdb.DuckDBPyRelation, title: str | None) -> Table:
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in result.columns:
        table.add_column(
            name,
            justify="right" if name in _RIGHT else "left",
            overflow="fold" if name in ("headline", "topics") else "ellipsis",
            no_wrap=name not in ("headline", "topics"),
        )
    for row in result.fetchall():
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    return table
