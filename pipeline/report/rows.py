"""The rows of a run as tables of DuckDB: of its articles what can be counted, without their texts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.deltalog import RunRecord
from pipeline.report.extra import ReportError
from schemas.article import ARTICLES
from schemas.reject import REJECTS
from transforms.parquet import read_rows

_PLAIN = (
    "article_id",
    "version",
    "url",
    "canonical_url",
    "source_id",
    "source_name",
    "headline",
    "input_ref",
    "partition_date",
    "date_basis",
    "published_edtf",
    "language",
    "agency",
    "body_chars",
    "clutter_ratio",
    "quality_flags",
    "rules_version",
)
_NESTED = tuple(f"removed.list.element.{name}" for name in ("start", "end", "kind", "rule")) + tuple(
    f"tags.list.element.{name}" for name in ("scheme", "code", "label")
)
# The texts of the cuts would be most of what is read.
_SAMPLED = ("body", "removed", "headline", "url", "canonical_url", "input_ref", "source_id", "language")


MOST_ROWS = 20_000
"""Rows held at a time before DuckDB takes them, some 20 MB."""

MEMORY = "512MB"
"""What DuckDB may hold. Beyond it goes to disk: a backfill of millions has a report too."""

THREADS = 2
"""Each needs memory of its own, which many cores would not leave within that."""


@contextmanager
def loaded(root: Path, records: Sequence[RunRecord]) -> Iterator[tuple[duckdb.DuckDBPyConnection, tuple[Path, ...]]]:
    """The rows that ``records`` wrote, as the tables ``articles`` and ``rejects``, and the files of the articles.

    In ``articles`` the column ``file_no`` says which of the files a row is from, ``row_no`` which row of it it is.

    Raises:
        ReportError: a file is missing or damaged, or DuckDB failed, as on a full disk.
    """
    with tempfile.TemporaryDirectory(prefix="knipsel-report-") as folder:
        # Nothing here may ever fetch an extension from the network.
        settings: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": "false",
            "memory_limit": MEMORY,
            "temp_directory": folder,
            "preserve_insertion_order": "false",
            "threads": THREADS,
        }
        try:
            with duckdb.connect(config=settings) as db:
                paths = _load(db, root, records, "articles", ARTICLES, (*_PLAIN, *_NESTED))
                _load(db, root, records, "rejects", REJECTS, REJECTS.names)
                yield db, paths
        except duckdb.Error as fault:
            said = str(fault).strip().partition("\n")[0]
            raise ReportError(f"{root}: the rows of the run could not be counted ({said})") from fault


def load_texts(path: Path, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Some rows of a file of articles with their texts, by their number.

    Raises:
        ReportError: the file is missing or damaged.
    """
    chosen = _read(path, _SAMPLED).take(pa.array(rows, pa.int64()))
    return dict(zip(rows, chosen.to_pylist(), strict=True))


def _load(
    db: duckdb.DuckDBPyConnection,
    root: Path,
    records: Sequence[RunRecord],
    name: str,
    schema: pa.Schema,
    columns: Sequence[str],
) -> tuple[Path, ...]:
    paths = tuple(root / file.path for record in records for file in record.files if file.table == name)
    first = _read(paths[0], columns).slice(0, 0) if paths else schema.empty_table().replace_schema_metadata()
    db.register("part", _numbered(first, 0))
    db.execute(f"create temp table {name} as from part")
    parts: list[pa.Table] = []
    held = 0
    for number, path in enumerate(paths):
        parts.append(_numbered(_read(path, columns), number))
        held += parts[-1].num_rows
        if held >= MOST_ROWS or number == len(paths) - 1:
            db.register("part", pa.concat_tables(parts))
            db.execute(f"insert into {name} from part")
            parts, held = [], 0
    db.unregister("part")
    return paths


def _read(path: Path, columns: Sequence[str]) -> pa.Table:
    try:
        # The schema's metadata is the same in all files of a version, and of no use here.
        return read_rows(path, columns).replace_schema_metadata()
    except (OSError, pa.ArrowException) as fault:
        said = str(fault).strip().partition("\n")[0]
        raise ReportError(f"{path}: cannot be read ({said}); 'knipsel verify' says what is damaged") from fault


def _numbered(table: pa.Table, number: int) -> pa.Table:
    rows = table.num_rows
    return table.append_column("file_no", pa.repeat(pa.scalar(number, pa.int32()), rows)).append_column(
        "row_no", pa.array(range(rows), pa.int64())
    )
