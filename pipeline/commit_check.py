"""What must be so before a commit is decided: the books are those of the files, no article stands there twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import deltalog
from pipeline.deltalog import Counts, LedgerError
from transforms.parquet import StagedFile, read_rows


def check_new(folder: Path, files: Sequence[StagedFile], counts: Counts) -> None:
    """Hold the files of a run in ``folder`` against its books and against each other.

    Raises:
        LedgerError: they differ, the books do not balance, or an article version was written twice.
    """
    check_books(files, counts)
    check_keys(folder, files)


def check_books(files: Sequence[StagedFile], counts: Counts) -> None:
    """Hold the books of a run against what its files say they hold.

    Raises:
        LedgerError: they differ, or do not balance.
    """
    if not counts.balanced:
        raise LedgerError(f"the books do not balance: {counts}")
    if len({file.path for file in files}) != len(files):
        raise LedgerError("two staged files have one name")
    for table, rows in (("articles", counts.written), ("rejects", counts.filtered + counts.rejected)):
        held = sum(file.rows for file in files if file.table == table)
        if held != rows:
            raise LedgerError(f"the books count {rows} rows of {table}, the files hold {held}")


def check_keys(folder: Path, files: Sequence[StagedFile]) -> None:
    """Hold the articles of a run against each other, as its files in ``folder`` hold them.

    Raises:
        LedgerError: an article version was written twice.
    """
    paths = [folder / file.staged_name for file in deltalog.articles(files)]
    keys = ["article_id", "version"]
    tables = [read_rows(path, keys) for path in paths if path.is_file()]
    if not tables:
        return
    counted = pa.concat_tables(tables).group_by(keys).aggregate([([], "count_all")])
    twice = counted.filter(pc.greater(counted["count_all"], 1))
    if twice.num_rows:
        first = twice.slice(0, 1).to_pylist()[0]
        named = f"article {first['article_id']} version {first['version']} was written {first['count_all']} times"
        raise LedgerError(f"{named}; nothing was published. Workers that share no memory must not write one data set")


def check_replaced(root: Path, files: Sequence[StagedFile]) -> None:
    """Hold files that are to take the place of published ones against those.

    Raises:
        LedgerError: there is no such file, or it holds fewer rows.
    """
    held = deltalog.held_files(deltalog.read_log(root))
    for file in files:
        if file.path not in held or file.rows > held[file.path].rows:
            raise LedgerError(f"{file.path}: takes the place of no published file with as many rows")
