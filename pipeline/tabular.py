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
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_LEAST_WIDTH = 10
"""Characters that a column of a table has at least, where it wants as many; with more columns than fit so, the rows
are written one below the other, a line for each column."""

_GAP = (0, 2, 0, 0)
"""Between columns."""

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


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as they come, with their columns."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]


def write(
    rows: Rows,
    form: Format,
    console: Console,
    *,
    output: Path | None = None,
    limit: int | None = None,
) -> None:
    """Write rows to stdout or a file.

    Args:
        rows: what to write; no two columns have one name.
        form: as a table; as CSV (RFC 4180: a header, lines that end in CR LF, what is nested as JSON); as JSON, one
            object a line; as one Parquet file.
        console: where a table goes that is not for a file.
        output: a file; it appears, or replaces what was there, once it is whole.
        limit: at most so many rows.

    Raises:
        WriteError: the columns cannot be written so, or the file cannot be made.
    """
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


def _limited(rows: Rows, limit: int | None) -> Iterator[pa.RecordBatch]:
    left = math.inf if limit is None else limit
    for batch in rows.batches:
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


def _print(rows: Rows, console: Console, limit: int | None) -> None:
    names = rows.schema.names
    found = list(_values(_limited(rows, None if limit is None else limit + 1)))
    shown = found if limit is None else found[:limit]
    console.print(fitted(names, shown, console.width))
    if len(shown) < len(found):
        console.print("there are more; --limit N shows more, --format csv all of them", style="dim")


def fitted(names: Sequence[str], rows: Sequence[Sequence[Any]], width: int) -> RenderableType:
    """A table no wider than ``width``: long values are cut, and where columns are many each has a line of its own."""
    cells = [[Text(_line(_shown(value))) for value in row] for row in rows]
    widths = _widths(
        [max(cell_len(name), *(row[i].cell_len for row in cells), 1) for i, name in enumerate(names)], width
    )
    if widths is None:
        return _records(names, rows, width)
    table = Table(header_style="bold", box=None, pad_edge=False, padding=_GAP)
    for i, name in enumerate(names):
        table.add_column(
            Text(_line(name)),
            justify="right" if any(_is_number(row[i]) for row in rows) else "left",
            overflow="fold" if name in _FOLDED else "ellipsis",
            no_wrap=name not in _FOLDED,
            width=widths[i],
        )
    for row in cells:
        table.add_row(*row)
    return table


def _widths(wanted: Sequence[int], width: int) -> list[int] | None:
    """What each column gets: the narrow ones what they want, the wide ones equal parts of the rest."""
    left, out = width - _GAP[1] * len(wanted), [0] * len(wanted)
    for place, i in enumerate(sorted(range(len(wanted)), key=lambda i: wanted[i])):
        part = left // (len(wanted) - place)
        if part < min(wanted[i], _LEAST_WIDTH):
            return None
        out[i] = min(wanted[i], part)
        left -= out[i]
    return out


def _records(names: Sequence[str], rows: Sequence[Sequence[Any]], width: int) -> RenderableType:
    longest = max(map(len, names))
    out: list[Text] = []
    for row in rows:
        out += [Text()] if out else []
        for name, value in zip(names, row, strict=True):
            line = Text(f"{_line(name):{longest}}", style="bold").append(
                f"  {_line(_shown(value))}", style="not bold"
            )
            line.truncate(width, overflow="ellipsis")
            out.append(line)
    return Text("\n").join(out)


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
