"""Readers that never stop while articles are erased beneath them.

    python -m tests.pipeline.erasing [TIMES] [FOLDER]

erases as many articles one by one, out of files that they share with forty others, while four readers go on
reading, each in a process of its own. A reader that opens a file twice, for its footer and for its pages, may meet
the moment between and end in an error; none may ever be given a wrong row. Prints how often either happened.
"""

from __future__ import annotations

import multiprocessing
import queue
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from pipeline.forget import forget
from pipeline.ledger import Counts, Ledger
from pipeline.verify import verify
from tests.pipeline.rows import NOW, article, stage_articles
from transforms.core.forgotten import address_id

OTHERS = {f"{number:032x}": article(number, "").body for number in range(40)}
"""Articles that stay, and their texts."""
FILES = 4
_COLUMNS = ["article_id", "body"]


Rows = list[tuple[str, str]]


def _pairs(table: pa.Table) -> Rows:
    return list(zip(*(table[name].to_pylist() for name in _COLUMNS), strict=True))


def with_pyarrow(root: Path) -> Rows:
    return _pairs(ds.dataset(root / "articles", partitioning="hive").to_table(_COLUMNS))


def with_duckdb(root: Path) -> Rows:
    query = f"select article_id, body from read_parquet('{root}/articles/**/*.parquet')"
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()


def with_polars(root: Path) -> Rows:
    return pl.scan_parquet(root / "articles").select(_COLUMNS).collect().rows()


def with_delta(root: Path) -> Rows:
    return _pairs(DeltaTable(root).to_pyarrow_table(columns=_COLUMNS))


READERS: tuple[Callable[[Path], Rows], ...] = (with_pyarrow, with_duckdb, with_polars, with_delta)


@dataclass(frozen=True, slots=True)
class Watched:
    """What a reader saw.

    Attributes:
        reader: which.
        reads: how often it read.
        errors: how often that ended in an error, which names the file.
        wrong: how often rows of other articles were missing, doubled or not what they should be.
        first: of all these the first few.
    """

    reader: str
    reads: int
    errors: int
    wrong: int
    first: tuple[str, ...]


def watch(reader: Callable[[Path], Rows], root: Path, done: Event, told: Any) -> None:
    """Read until it is over."""
    reads = errors = wrong = 0
    first: list[str] = []
    while not done.is_set() or not reads:
        try:
            seen = reader(root)
        except Exception as fault:
            # Whatever a reader runs into is what is counted.
            errors += 1
            first.append(repr(fault)[:300])
        else:
            if (
                len({one for one, _ in seen}) != len(seen)
                or {one: text for one, text in seen if one in OTHERS} != OTHERS
            ):
                wrong += 1
                first.append(f"{len(seen)} rows, {len({one for one, _ in seen} & OTHERS.keys())} of those that stay")
        reads += 1
        if reads == 1:
            told.put(None)
    told.put(Watched(reader.__name__, reads, errors, wrong, tuple(first[:3])))


def prepared(root: Path, times: int) -> list[str]:
    """A data set; gives the addresses of the articles that are to go."""
    names = [f"https://oudewal.example/gone/{number}" for number in range(times)]
    with Ledger(root) as ledger:
        run_id = ledger.next_run_id(NOW)
        stay = [replace(article(number, run_id), article_id=one) for number, one in enumerate(OTHERS)]
        go = [
            replace(article(100 + number, run_id), article_id=address_id(name) or "", url=name)
            for number, name in enumerate(names)
        ]
        folder = ledger.staging(run_id)
        parts = [[*stay[part::FILES], *go[part::FILES]] for part in range(FILES)]
        files = [stage_articles(folder, f"{run_id}-{n}.parquet", part) for n, part in enumerate(parts)]
        count = len(stay) + len(go)
        ledger.commit(run_id, files, None, Counts(count, count, 0, 0, 0), config_hash="c0ffee", now=NOW)
    return names


def erase_under_readers(root: Path, times: int) -> list[Watched]:
    """Erase ``times`` articles one by one, once every reader has read for the first time."""
    names = prepared(root, times)
    processes = multiprocessing.get_context("spawn")
    done, told = processes.Event(), processes.Queue()
    watching = [processes.Process(target=watch, args=(reader, root, done, told)) for reader in READERS]
    for one in watching:
        one.start()
    try:
        for _ in READERS:
            told.get(timeout=120)
        for name in names:
            forgot = forget(root, [name], now=NOW)
            if forgot.versions != 1:
                raise AssertionError(f"{name}: {forgot}")
    finally:
        done.set()
    found: list[Watched] = []
    while len(found) < len(READERS):
        try:
            found += [one for one in [told.get(timeout=60)] if one is not None]
        except queue.Empty:
            break
    for one in watching:
        one.join()
    return found


def main(words: list[str]) -> int:
    times, folder = int(words[0]) if words else 200, words[1] if words[1:] else None
    with tempfile.TemporaryDirectory(dir=folder) as place:
        root = Path(place) / "out"
        began = time.monotonic()
        found = erase_under_readers(root, times)
        faults = verify(root).faults
        print(
            f"{times} articles erased one by one in {time.monotonic() - began:.0f} s; faults of verify: {len(faults)}"
        )
    for one in found:
        print(f"{one.reader}: {one.reads:,} reads, {one.errors} errors, {one.wrong} wrong", *one.first, sep="\n  ")
    return int(bool(faults) or len(found) < len(READERS) or any(one.wrong for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
