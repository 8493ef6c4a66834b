"""Parquet files: written whole with page checksums, rows in one order, and read back before they count."""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.storage import DISK, Storage

TABLES = ("articles", "rejects")
"""The folders of a data set that hold rows."""

ZSTD_LEVEL = 3
"""The library's own default, stated because the bytes of a file depend on it."""

STATISTICS = ("article_id", "partition_date", "published_at")
"""The columns whose least and greatest values the Delta log keeps, so that readers can skip files."""

_NAME = re.compile(r"\A[0-9A-Za-z][0-9A-Za-z-]*\.parquet\Z")


class ContractError(Exception):
    """Rows, a name or a table that break the contract of the data set. Nothing has been published."""


@dataclass(frozen=True, slots=True)
class StagedFile:
    """One whole, verified Parquet file of a run.

    Attributes:
        table: ``articles`` or ``rejects``.
        date: the day of its folder, ISO.
        name: its name in that folder.
        rows: number of rows.
        bytes: length of the file.
        sha256: of its bytes, hexadecimal.
        statistics: what the Delta log keeps of its columns, as the JSON that Delta asks for.

    Raises:
        ContractError: the table, date or name cannot be made into a path below the data set.
    """

    table: str
    date: str
    name: str
    rows: int
    bytes: int
    sha256: str
    statistics: str = ""

    def __post_init__(self) -> None:
        """Whatever becomes a path is checked here, also when it was read back from a file."""
        if self.table not in TABLES:
            raise ContractError(f"no such table: {self.table!r}")
        if not _NAME.match(self.name):
            raise ContractError(f"no name for a Parquet file: {self.name!r}")
        try:
            day = dt.date.fromisoformat(self.date)
        except ValueError as err:
            raise ContractError(f"no ISO date: {self.date!r}") from err
        if day.isoformat() != self.date:
            raise ContractError(f"no date of the form YYYY-MM-DD: {self.date!r}")

    @property
    def path(self) -> str:
        """Where it is published, below the root."""
        return f"{self.table}/date={self.date}/{self.name}"

    @property
    def staged_name(self) -> str:
        """Its name in the staging folder, which is flat."""
        return f"{self.table}.{self.date}.{self.name}"

    def as_json(self) -> dict[str, Any]:
        """Its fields, for ``StagedFile(**fields)``."""
        return asdict(self)


def stage_rows(
    folder: Path,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    schema: pa.Schema,
    sort_by: Sequence[str],
    *,
    date: dt.date,
    storage: Storage = DISK,
) -> StagedFile:
    """Write ``rows`` as one Parquet file into a staging folder, and read it back.

    The same rows give the same bytes, in whatever order they come: they are sorted by ``sort_by``, nulls
    last, and rows alike there by all their values. The file is complete and on the device when this returns.

    Args:
        folder: the staging folder of the run.
        name: the name of the published file, ``<run>-<n>.parquet``.
        rows: every column of ``schema`` in each, and no other.
        schema: the frozen schema; its metadata names the table under ``knipsel.table``.
        sort_by: columns of plain values.
        date: the day of the folder; ``partition_date``, where there is such a column, must agree.
        storage: the disk.

    Raises:
        ContractError: a row does not fit the schema; the message names the column.
        OSError: the file could not be written, or does not read back as it was written.
    """
    return stage_table(folder, name, sort_rows(_to_table(rows, schema), sort_by), date=date, storage=storage)


def stage_table(
    folder: Path, name: str, table: pa.Table, *, date: dt.date, least_bytes: int = 0, storage: Storage = DISK
) -> StagedFile:
    """As ``stage_rows``, of rows that are in a table of the right schema and order already.

    Args:
        folder: the staging folder of the run.
        name: the name of the published file.
        table: the rows; the metadata of its schema names the table under ``knipsel.table``.
        date: the day of the folder.
        least_bytes: a shorter file is filled up to this length, with zeros between its last page and its footer.
        storage: the disk.

    Raises:
        ContractError: a row does not belong to the day.
        OSError: the file could not be written, or does not read back as it was written.
    """
    if "partition_date" in table.schema.names and any(day != date for day in table["partition_date"].to_pylist()):
        raise ContractError(f"partition_date: not every row belongs to {date.isoformat()}")
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, compression="zstd", compression_level=ZSTD_LEVEL, write_page_checksum=True, version="2.6"
    )
    data = _filled(sink.getvalue().to_pybytes(), least_bytes)
    staged = StagedFile(
        table=table.schema.metadata[b"knipsel.table"].decode(),
        date=date.isoformat(),
        name=name,
        rows=table.num_rows,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        statistics=_statistics(table),
    )
    path = folder / staged.staged_name
    storage.write_file(path, data)
    if hash_file(path) != staged.sha256 or not read_rows(path).equals(table):
        raise OSError(f"{path}: what was read back is not what was written; check the disk")
    return staged


def _filled(data: bytes, least_bytes: int) -> bytes:
    """A Parquet file of this length at least; its footer knows the place of each page and of no gap behind them."""
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    return data[:footer] + bytes(max(0, least_bytes - len(data))) + data[footer:]


def read_rows(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a published or staged file, all columns or some, verifying the checksum of every page read.

    Raises:
        OSError: the file is missing, or a page is damaged.
        pyarrow.ArrowException: the file is no Parquet, or damaged beyond its pages.
    """
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read(columns=None if columns is None else list(columns))


def hash_file(path: Path) -> str:
    """The sha256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    # Column by column, because Arrow's own errors name neither column nor row, and because it takes values
    # that the contract refuses: a float for an integer, bytes for text, a time without zone as UTC.
    wanted = set(schema.names)
    for number, row in enumerate(rows):
        if wanted != row.keys():
            odd = ", ".join(sorted(wanted ^ row.keys()))
            raise ContractError(f"row {number}: columns missing or unknown: {odd}")
    columns = []
    for field in schema:
        values = [row[field.name] for row in rows]
        for number, value in enumerate(values):
            if value is None and not field.nullable:
                raise ContractError(f"column {field.name}: row {number} has no value, and one is required")
            if not _fits(value, field.type):
                shown = f"{type(value).__name__} {value!r:.60}"
                raise ContractError(f"column {field.name}: row {number} holds {shown}, not {field.type}")
        try:
            columns.append(pa.array(values, type=field.type))
        except (pa.ArrowException, UnicodeError, OverflowError) as err:
            raise ContractError(f"column {field.name}: {err}") from err
    return pa.Table.from_arrays(columns, schema=schema)


_PLAIN: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], bool]], ...] = (
    (pa.types.is_string, lambda value: isinstance(value, str)),
    (pa.types.is_integer, lambda value: isinstance(value, int) and not isinstance(value, bool)),
    # Not a number is unequal to itself, so such a row could never be verified.
    (pa.types.is_floating, lambda value: isinstance(value, int | float) and math.isfinite(value)),
    (pa.types.is_date, lambda value: isinstance(value, dt.date) and not isinstance(value, dt.datetime)),
    (pa.types.is_timestamp, lambda value: isinstance(value, dt.datetime) and value.tzinfo is not None),
)


def _fits(value: Any, kind: pa.DataType) -> bool:
    if value is None:
        return True
    if pa.types.is_list(kind):
        return isinstance(value, list | tuple) and all(_fits(item, kind.value_type) for item in value)
    if pa.types.is_struct(kind):
        return (
            isinstance(value, Mapping)
            and value.keys() == {field.name for field in kind}
            and all(_fits(value[field.name], field.type) for field in kind)
        )
    return any(is_kind(kind) and holds(value) for is_kind, holds in _PLAIN)


def sort_rows(table: pa.Table, sort_by: Sequence[str]) -> pa.Table:
    """The rows in the order that they are stored in: by ``sort_by``, nulls last, alike ones by all their values."""
    rows = zip(*(table[name].to_pylist() for name in sort_by), strict=True)
    keys = [tuple((value is None, "" if value is None else value) for value in row) for row in rows]
    order: list[int] = []
    for _, alike in itertools.groupby(sorted(range(table.num_rows), key=keys.__getitem__), keys.__getitem__):
        group = list(alike)
        if len(group) > 1:
            group.sort(key=lambda number: repr(table.slice(number, 1).to_pylist()))
        order += group
    return table.take(pa.array(order, pa.int64()))


def _statistics(table: pa.Table) -> str:
    least: dict[str, str] = {}
    greatest: dict[str, str] = {}
    empty: dict[str, int] = {}
    for name in STATISTICS:
        if name not in table.schema.names:
            continue
        values = [value for value in table[name].to_pylist() if value is not None]
        empty[name] = table.num_rows - len(values)
        if values:
            least[name], greatest[name] = _plain(min(values)), _plain(max(values))
    found = {"numRecords": table.num_rows, "minValues": least, "maxValues": greatest, "nullCount": empty}
    return json.dumps(found, separators=(",", ":"))


def _plain(value: str | dt.date | dt.datetime) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    return value if isinstance(value, str) else value.isoformat()
