"""Rows for people and for programs: tables that fit a terminal, CSV, JSON lines, Parquet.

Everything but a table is written as it comes and holds one batch in memory.
"""

from __future__ import annotations

import base64
import csv
import datetime as dt
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_LEAST_WIDTH = 9
"""Characters that a column of a table has at least, with the line beside it; with more columns than fit so, each row
is written below the other, a line for each column."""

_MOST_CHARS = 300
"""Of a value in a table."""

_FILE_WIDTH = 140
"""Of a table in a file."""

_FOLDED = frozenset({"headline", "topics", "codes"})
"""Columns of a table whose values are folded instead of cut."""


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class WriteError(Exception):
    """Rows that cannot be written so; one line that says what to do."""


def write(
    rows: pa.RecordBatchReader,
    form: Format,
    console: Console,
    *,
    output: Path | None = None,
    limit: int | None = None,
) -> None:
    """Write rows to stdout or a file.

    Args:
        rows: what to write.
        form: as a table; as CSV (RFC 4180: a header, lines that end in CR LF, what is nested as JSON); as JSON, one
            object a line; as one Parquet file.
        console: where a table goes that is not for a file.
        output: a file; it appears, or replaces what was there, once it is whole.
        limit: at most so many rows.

    Raises:
        WriteError: the columns cannot be written so, or the file cannot be made.
    """
    if form in (Format.JSON, Format.PARQUET):
        _check_names(rows.schema.names)
    if form is Format.TABLE:
        if output is None:
            _print(rows, console, limit)
            return
        with _text(output) as file:
            _print(rows, Console(file=file, width=_FILE_WIDTH), limit)
        return
    batches = _limited(rows, limit)
    if form is Format.PARQUET:
        with _binary(output) as raw:
            _write_parquet(rows.schema, batches, raw)
        return
    with _text(output) as file:
        (_write_csv if form is Format.CSV else _write_json)(rows.schema, batches, file)


def _check_names(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise WriteError(f"two columns are called {twice[0]!r}; name them apart, as in 'select a as b'")


def _limited(rows: pa.RecordBatchReader, limit: int | None) -> Iterator[pa.RecordBatch]:
    left = math.inf if limit is None else limit
    for batch in rows:
        if left <= 0:
            return
        yield batch if batch.num_rows <= left else batch.slice(0, int(left))
        left -= batch.num_rows


# Files


@contextmanager
def _whole(output: Path) -> Iterator[Path]:
    """A path beside ``output`` that takes its place once it is written."""
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        yield draft
        draft.replace(output)
    except OSError as fault:
        raise WriteError(f"{output}: cannot be written ({fault.strerror or fault})") from None
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _text(output: Path | None) -> Iterator[IO[str]]:
    if output is None:
        yield sys.stdout
        return
    with _whole(output) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def _binary(output: Path | None) -> Iterator[IO[bytes]]:
    if output is None:
        if sys.stdout.isatty():
            raise WriteError("Parquet is nothing for a terminal; name a file with --output, or redirect stdout")
        yield sys.stdout.buffer
        return
    with _whole(output) as draft, draft.open("wb") as file:
        yield file


# Programs


def _write_parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch], file: IO[bytes]) -> None:
    try:
        with pq.ParquetWriter(pa.PythonFile(_Forward(file), mode="w"), schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as fault:
        why = str(fault).partition("\n")[0]
        raise WriteError(f"cannot be written as Parquet ({why}); cast such columns, as in 'a::varchar'") from None


class _Forward:
    """A file that is only ever written on; a pipe does not know where it is."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._at = 0

    def write(self, data: bytes) -> int:
        self._at += len(data)
        self._file.write(data)
        return len(data)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.flush()


def _write_csv(schema: pa.Schema, batches: Iterable[pa.RecordBatch], file: IO[str]) -> None:
    writer = csv.writer(file)
    writer.writerow(schema.names)
    for row in _values(batches):
        writer.writerow([_cell(value) for value in row])


def _write_json(schema: pa.Schema, batches: Iterable[pa.RecordBatch], file: IO[str]) -> None:
    for row in _values(batches):
        file.write(json.dumps(dict(zip(schema.names, row, strict=True)), ensure_ascii=False) + "\n")


def _values(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    """The rows as values that JSON has."""
    for batch in batches:
        try:
            yield from zip(*(_plain_column(column) for column in batch.columns), strict=True)
        except (OverflowError, ValueError) as fault:
            raise WriteError(f"a value that Python has not ({fault}); cast the column, as in 'a::varchar'") from None


def _plain_column(column: pa.Array) -> list[Any]:
    plain = _plainer(column.type)
    return [None if value is None else plain(value) for value in column.to_pylist()]


def _plainer(kind: pa.DataType) -> Callable[[Any], Any]:
    """How a value of this type becomes one that JSON has."""
    if pa.types.is_struct(kind):
        parts = {field.name: _plainer(field.type) for field in kind}
        return lambda value: {name: _or_none(plain, value[name]) for name, plain in parts.items()}
    if pa.types.is_map(kind):
        item = _plainer(kind.item_type)
        return lambda value: {str(key): _or_none(item, one) for key, one in value}
    if pa.types.is_nested(kind):
        part = _plainer(kind.value_type)
        return lambda value: [_or_none(part, one) for one in value]
    return _plain


def _or_none(plain: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if isinstance(value, str | int) else str(value)


def _cell(value: Any) -> Any:
    """A value as CSV has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


# People


def _print(rows: pa.RecordBatchReader, console: Console, limit: int | None) -> None:
    names = rows.schema.names
    found = list(islice(_values(_limited(rows, None if limit is None else limit + 1)), None))
    shown = found if limit is None else found[:limit]
    console.print(fitted(names, shown, console.width))
    if len(shown) < len(found):
        console.print("there are more; --limit shows more, --format csv all", style="dim")


def fitted(
    names: Sequence[str], rows: Sequence[Sequence[Any]], width: int, *, title: str | None = None
) -> RenderableType:
    """A table no wider than ``width``: long values are cut, and with many columns each row stands in lines of its own."""
    if len(names) * _LEAST_WIDTH > width:
        return _records(names, rows)
    table = Table(title=title, title_justify="left", header_style="bold")
    numbers = [any(_is_number(row[i]) for row in rows) for i in range(len(names))]
    for name, is_number in zip(names, numbers, strict=True):
        table.add_column(
            Text(_line(name)),
            justify="right" if is_number else "left",
            overflow="fold" if name in _FOLDED else "ellipsis",
            no_wrap=name not in _FOLDED,
        )
    for row in rows:
        table.add_row(*(Text(_line(_shown(value))) for value in row))
    return table


def _records(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="ellipsis", no_wrap=True)
    for number, row in enumerate(rows):
        if number:
            grid.add_row("", "")
        for name, value in zip(names, row, strict=True):
            grid.add_row(Text(_line(name)), Text(_line(_shown(value))))
    return grid


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    if isinstance(value, Mapping) and all(_is_number(one) for one in value.values()):
        return ", ".join(f"{key} {count:,}" for key, count in value.items())
    return str(_cell(value))


def _line(text: str) -> str:
    """The text in a line, without what a terminal would take for a command."""
    line = " ".join(text[: 2 * _MOST_CHARS].split())
    line = line if len(line) <= _MOST_CHARS else line[: _MOST_CHARS - 1] + "…"
    return line if line.isprintable() else "".join(c if c.isprintable() else "�" for c in line)
