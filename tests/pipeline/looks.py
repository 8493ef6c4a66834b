"""What readers find in a data set at any moment, and what may not be the case then."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipeline.sound_files import verify_and_remember
from pipeline.verify import verify
from transforms.parquet import TABLES, hash_file, read_rows

Rows = Counter[tuple[str, str]]
"""Article ids and texts, and how often a reader meets each."""


class BrokenPromiseError(Exception):
    """The promise is broken; ``kind`` is the column of the table."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


LOST, DOUBLED, PARTIAL, READER, BOOKS = "lost", "doubled", "partial", "reader", "books"
KINDS = (LOST, DOUBLED, PARTIAL, READER, BOOKS)


@dataclass(frozen=True, slots=True)
class Look:
    """What three readers find."""

    arrow: Rows
    duckdb: Rows
    delta: Rows


_LOOKS: dict[str, Look] = {}
_VERIFIED: set[str] = set()
_WHOLE: set[str] = set()
"""What readers find in a data set follows from its bytes, so the same bytes need only be read once."""


def digest_of(root: Path) -> str:
    """One sha256 of the names and bytes of all that lies at a final name."""
    digest = hashlib.sha256()
    for top in (*TABLES, "_delta_log", "_state"):
        for path in sorted(path for path in (root / top).rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(root)} {hash_file(path)}\n".encode())
    return digest.hexdigest()


def look_at(root: Path) -> Look:
    """Look at a data set with every reader, whatever the writer was doing.

    Raises:
        BrokenPromiseError: a file cannot be read to its last page, or a reader fails.
    """
    digest = digest_of(root)
    if digest not in _LOOKS:
        whole_files(root)
        _LOOKS[digest] = Look(read_with_pyarrow(root), read_with_duckdb(root), read_with_delta(root))
    return _LOOKS[digest]


def verified(root: Path) -> None:
    """``knipsel verify`` finds no fault, whether it decodes everything or goes by what it remembers.

    Raises:
        BrokenPromiseError: it does.
    """
    digest = digest_of(root)
    if digest not in _VERIFIED:
        for found in (verify(root), verify_and_remember(root), verify_and_remember(root)):
            if found.faults:
                raise BrokenPromiseError(BOOKS, found.faults[0])
        if found.known != found.files:
            raise BrokenPromiseError(BOOKS, f"{found.known} of {found.files} sound files are remembered")
        _VERIFIED.add(digest)


def whole_files(root: Path) -> None:
    """Every file at a final name can be read to its last page, and nothing else lies beside it.

    Raises:
        BrokenPromiseError: a file cannot be read.
    """
    for path in sorted(path for table in TABLES for path in (root / table).rglob("*") if not path.is_dir()):
        if path.suffix != ".parquet":
            raise BrokenPromiseError(PARTIAL, f"{path}: is no file of the data set")
        digest = hash_file(path)
        if digest in _WHOLE:
            continue
        try:
            read_rows(path)
        except (OSError, pa.ArrowException) as err:
            raise BrokenPromiseError(PARTIAL, f"{path}: {err}") from err
        _WHOLE.add(digest)


def read_with_pyarrow(root: Path) -> Rows:
    """What a plain reader of the folder finds."""
    if not list(root.glob("articles/*/*")):
        return Counter()
    try:
        table = ds.dataset(root / "articles", partitioning="hive").to_table(["article_id", "body"])
    except (OSError, pa.ArrowException) as err:
        raise BrokenPromiseError(READER, f"pyarrow: {err}") from err
    return _rows(table)


def read_with_duckdb(root: Path) -> Rows:
    """What a plain reader finds, by SQL."""
    if not list(root.glob("articles/*/*")):
        return Counter()
    query = "select article_id, body, date from read_parquet(?)"
    try:
        found = _duckdb().execute(query, [f"{root}/articles/**/*.parquet"]).fetchall()
    except duckdb.Error as err:
        raise BrokenPromiseError(READER, f"DuckDB: {err}") from err
    return Counter((row[0], row[1]) for row in found)


def read_with_delta(root: Path) -> Rows:
    """What a reader of the Delta table finds."""
    if not list(root.glob("_delta_log/*.json")):
        return Counter()
    try:
        return _rows(DeltaTable(root).to_pyarrow_dataset().to_table(["article_id", "body"]))
    except (OSError, pa.ArrowException, DeltaError) as err:
        raise BrokenPromiseError(READER, f"Delta: {err}") from err


def _rows(table: pa.Table) -> Rows:
    return Counter(zip(table["article_id"].to_pylist(), table["body"].to_pylist(), strict=True))


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})
