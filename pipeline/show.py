"""``knipsel show``: what is in a data set, as tables for people and as CSV, JSON lines or Parquet for programs.

SQL that somebody types in reads the data set and nothing else: DuckDB is shut off from all files but those of the
data set, and the statement is run as the argument of ``query``, which takes a single SELECT and nothing in it that
writes. (The kind of the statement does not say so: ``with x as (copy … to …) select …`` counts as a SELECT.) Rows
are handed on as DuckDB produces them, a thousand at a time.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from rich.console import Console

from pipeline import checkpoints
from pipeline.deltalog import LedgerError
from pipeline.tabular import Format, Rows, WriteError, fitted, write
from schemas.article import ARTICLES, Article, Cut, Tag
from schemas.reject import REJECTS, Refused
from transforms.core import urls
from transforms.core.identity import article_id

SHOWN = 20
"""Rows of the data set that people are shown where they do not say how many."""

SHOWN_OF_SQL = 1_000
"""Rows of their own query; a table needs all of them in memory before its first line."""

_BATCH_ROWS = 1_000
"""Rows taken at a time: some 5 MB of whole articles."""

_DATES = """
select date, count(*) as articles, count(distinct source_id) as sources, count(distinct filename) as files
from articles group by 1 order by 1 desc limit $limit
"""
_ROWS = """
select date, language as lang, source_id as source, coalesce(agency, '') as agency,
       coalesce(headline, body[:60] || '…') as headline, body_chars as chars,
       cast(round(100 * clutter_ratio) as integer) as "cut %",
       array_to_string([t.label for t in tags if t.scheme = 'medtop'], ', ') as topics
from articles order by date desc, source_id, article_id, version limit $limit
"""
_COLUMNS = ", ".join(f'"{name}"' for name in ARTICLES.names)
_STORED = f"""
select {_COLUMNS} from articles where article_id = $id or ($url and (url = $name or canonical_url = $name))
order by article_id, version
"""  # noqa: S608 - the names are those of our own columns


class ShowError(Exception):
    """A data set or a query that cannot be shown; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Only:
    """Which part of a data set: articles by the day they are filed under, dead letters by the day of their run.

    Attributes:
        since: the first day.
        until: the last day.
        outlet: ``source_id`` or name of the outlet.
    """

    since: dt.date | None = None
    until: dt.date | None = None
    outlet: str | None = None

    def holds(self, folder: Path) -> bool:
        """Whether the folder ``date=YYYY-MM-DD`` belongs to it."""
        date = folder.name.partition("=")[2]
        return (self.since is None or date >= str(self.since)) and (self.until is None or date <= str(self.until))


ALL = Only()


def connect(root: Path, only: Only = ALL) -> duckdb.DuckDBPyConnection:
    """A connection with the views ``articles`` and ``rejects`` over the files of the data set.

    It is for SQL of our own; for that of others see ``asked``.

    Raises:
        ShowError: there is no data set, or a file of it is damaged.
    """
    if not (root / "_delta_log").is_dir():
        raise ShowError(f"{root}: holds no data set; 'knipsel run INPUT --root {root}' makes one")
    connection = duckdb.connect()
    # The moments of articles are in UTC, wherever they are looked at.
    connection.execute("set TimeZone = 'UTC'")
    # It would be printed on stdout, in the midst of what is asked for.
    connection.execute("set enable_progress_bar = false")
    try:
        tables = {
            "articles": _table(connection, root, ARTICLES, only),
            "rejects": _table(connection, root, REJECTS, only),
        }
        if only.outlet is not None:
            named = duckdb.ColumnExpression("source_name") == duckdb.ConstantExpression(only.outlet)
            ids = [row[0] for row in tables["articles"].filter(named).select("source_id").distinct().fetchall()]
            ours = duckdb.ColumnExpression("source_id").isin(*map(duckdb.ConstantExpression, [only.outlet, *ids]))
            tables = {name: table.filter(ours) for name, table in tables.items()}
        for name, table in tables.items():
            table.create_view(name)
    except duckdb.Error as fault:
        connection.close()
        raise ShowError(f"{_told(fault)}; 'knipsel verify' shows what is damaged") from None
    return connection


def _table(
    connection: duckdb.DuckDBPyConnection, root: Path, schema: pa.Schema, only: Only
) -> duckdb.DuckDBPyRelation:
    name = schema.metadata[b"knipsel.table"].decode()
    folders = sorted(folder for folder in (root / name).glob("date=*") if only.holds(folder))
    paths = [str(path) for folder in folders for path in sorted(folder.glob("*.parquet"))]
    keyed = schema.append(pa.field("date", pa.date32())).append(pa.field("filename", pa.string()))
    empty = connection.from_arrow(keyed.empty_table())
    if not paths:
        return empty
    rows = connection.read_parquet(paths, hive_partitioning=True, union_by_name=True, filename=True)
    kinds = zip(empty.columns, empty.types, strict=True)
    later = [f'null::{kind} as "{column}"' for column, kind in kinds if column not in rows.columns]
    return rows.project(", ".join(["*", *later])) if later else rows


@contextmanager
def opened(root: Path, only: Only = ALL) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection as ``connect`` gives it, which may use a folder of its own for what does not fit in memory.

    Raises:
        ShowError: there is no data set, or DuckDB refuses a statement within.
    """
    with (
        connect(root, only) as connection,
        tempfile.TemporaryDirectory(prefix="knipsel-", ignore_cleanup_errors=True) as spilled,
    ):
        connection.execute("set temp_directory = $folder", {"folder": spilled})
        try:
            yield connection
        except duckdb.Error as fault:
            raise ShowError(_told(fault)) from None


def streamed(rows: duckdb.DuckDBPyRelation) -> Rows:
    """The rows as DuckDB produces them."""
    reader = rows.to_arrow_reader(_BATCH_ROWS)
    return Rows(reader.schema, _batches(reader))


@contextmanager
def asked(root: Path, sql: str | None = None, only: Only = ALL) -> Iterator[Rows]:
    """What ``sql`` gives over the views, or all columns of all articles in the order of the files.

    Raises:
        ShowError: there is no data set, or DuckDB refuses the query, at once or on the way.
    """
    with opened(root, only) as connection:
        if sql is None:
            yield streamed(connection.sql(f"select {_COLUMNS} from articles"))  # noqa: S608 - as above
        else:
            _shut(connection, root)
            yield streamed(connection.sql("from query($sql)", params={"sql": sql}))


def _shut(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    """Take everything from the connection but the files of the data set, for good."""
    folders = [f"{root / table}/" for table in ("articles", "rejects")]
    connection.execute("set allowed_directories = $folders", {"folders": folders})
    connection.execute("set python_enable_replacements = false")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The batches of DuckDB, whose errors come in the clothes of Arrow."""
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        except (OSError, pa.ArrowException) as fault:
            raise ShowError(_told(fault)) from None
        yield batch


def _told(fault: Exception) -> str:
    """The error of DuckDB in a line: up to where it quotes the statement, with its suggestion."""
    return " ".join(str(fault).partition("\n\n")[0].split())


def show(root: Path, console: Console, *, only: Only = ALL, limit: int = SHOWN) -> None:
    """Print the partitions and the newest rows.

    Raises:
        ShowError: there is no data set.
    """
    total, newest = _counted(root, only, limit)
    with connect(root, newest) as connection:
        if total is None:
            (total,) = connection.execute("select count(*) from articles").fetchall()[0]
        articles = "1 article" if total == 1 else f"{total:,} articles"
        console.print(f"{root}: {articles}", highlight=False, markup=False, soft_wrap=True)
        for query in (_DATES, _ROWS):
            result = connection.execute(query, {"limit": limit})
            names = [column[0] for column in result.description or ()]
            console.print("", fitted(names, result.fetchall(), console.width), sep="\n")
    if total > limit:
        console.print(f"{total - limit:,} more; --limit shows more, --sql asks anything", style="dim")


def _counted(root: Path, only: Only, limit: int) -> tuple[int | None, Only]:
    """How many articles there are, and the days of which the newest ``limit`` ones and the newest partitions are.

    So the older files, of which there may be thousands, need not be opened. The log knows no outlets; ``None`` where
    that would be needed.

    Raises:
        ShowError: the log is damaged.
    """
    if only.outlet is not None:
        return None, only
    try:
        files = [file for file in checkpoints.live(root) if only.holds(Path(file.path).parent)]
    except LedgerError as fault:
        raise ShowError(str(fault)) from None
    total = sum(file.rows for file in files)
    # Each day has an article at least, so as many days hold as many newest articles.
    days = sorted({file.date for file in files}, reverse=True)[:limit]
    return total, replace(only, since=dt.date.fromisoformat(days[-1])) if days else only


def answer(
    root: Path,
    console: Console,
    *,
    sql: str | None = None,
    only: Only = ALL,
    limit: int | None = None,
    form: Format = Format.TABLE,
    output: Path | None = None,
) -> None:
    """What ``knipsel show`` prints or writes.

    Args:
        root: of the data set.
        console: that tables are printed on.
        sql: a query over the views; without one a table of the newest articles, or all columns of all of them.
        only: which part of the data set.
        limit: at most so many rows; ``None``: as many as people read in a table, all for a program.
        form: how.
        output: a file, written whole or not at all; ``None``: stdout.

    Raises:
        ShowError: there is no data set, DuckDB refuses the query, or what it gives cannot be written so.
    """
    if form is Format.TABLE and sql is None and output is None:
        show(root, console, only=only, limit=SHOWN if limit is None else limit)
        return
    if limit is None and form is Format.TABLE:
        limit = SHOWN_OF_SQL
    with asked(root, sql, only) as rows:
        deliver(root, rows, console, form=form, output=output, limit=limit)


def deliver(
    root: Path, rows: Rows, console: Console, *, form: Format, output: Path | None = None, limit: int | None = None
) -> None:
    """Write rows of the data set ``root`` somewhere else than into it; see ``tabular.write``.

    Raises:
        ShowError: they cannot be written so, or not there.
    """
    if output is not None and output.resolve().is_relative_to(root.resolve()):
        raise ShowError(f"{output}: lies in the data set, where only runs write; choose another place")
    try:
        write(rows, form, console, output=output, limit=limit)
    except WriteError as fault:
        raise ShowError(str(fault)) from None


def stored(root: Path, name: str) -> list[Article]:
    """The versions of one article, in order.

    Args:
        root: of the data set.
        name: an ``article_id`` or an address.

    Raises:
        ShowError: there is no data set, or no such article.
    """
    with connect(root) as connection:
        values = {"id": _id_of(name), "name": name, "url": "://" in name}
        rows = connection.sql(_STORED, params=values).to_arrow_table().to_pylist()
    if not rows:
        raise ShowError(f"{root}: holds no article {name}; 'knipsel show --root {root}' shows what there is")
    return [_article(row) for row in rows]


def _id_of(name: str) -> str:
    """The id that an article of this address has, whatever tracking parameters it is written with."""
    try:
        return article_id(url=urls.canonical(urls.checked(name)), source_id="", record="")
    except Refused:
        return name


def _article(row: dict[str, Any]) -> Article:
    # A column that came later is null in older files; there the dataclass has its default.
    values: dict[str, Any] = {name: value for name, value in row.items() if value is not None}
    parts: Sequence[tuple[str, type]] = (("removed", Cut), ("tags", Tag))
    values |= {name: tuple(kind(**part) for part in values.get(name, ())) for name, kind in parts}
    values |= {name: tuple(values.get(name, ())) for name in ("authors", "keywords", "quality_flags")}
    return Article(**values)
