"""Readers that never stop, while three writers at a time compete for the root and are killed.

One reader is DuckDB, one is pyarrow. Each reads in turn the plain way, all files that lie in the folders, and
through the log, the files that the newest entry of the Delta log holds. A run is one step for those who read
through the log. Plain readers meet its files one by one, each of them whole; where a run has one file, and all
files are of one day, that is one step too. So half of the data sets are like that, and there the count that a plain
reader finds must be one that the log names; in the others each file must hold the rows that the log names.
"""

from __future__ import annotations

import multiprocessing
import random
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipeline import deltalog
from pipeline.ledger import Counts, Ledger, RootBusy
from tests.pipeline.disks import Accident, Device, Disk
from tests.pipeline.rows import DAY, NOW, OTHER_DAY, article, stage_articles

ROUNDS = 4
"""So often do three writers compete for one root; then comes the next one, for reads cost more with each file."""

STOP = -1
"""In place of the number of the current data set: no more reads."""

WAYS = ("plain", "log", "plain", "plain")
"""How one reads in turn; most people read the plain way."""

BUSY = 75
_MOST_STEPS = 45

View = tuple[int, str, tuple[tuple[str, int], ...]]
"""What one read met: the number of the data set, how it was read, and the files with the rows of each."""


class Reader(Protocol):
    """One way to read: the rows of each file that ``paths`` (a pattern or a list) stand for."""

    def __call__(self, root: Path, paths: Sequence[str] | None) -> Counter[str]: ...


class WithDuckDB:
    """Reads by SQL, and nothing from memory."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1, "enable_external_file_cache": False})

    def __call__(self, root: Path, paths: Sequence[str] | None) -> Counter[str]:
        wanted = [f"{root}/articles/**/*.parquet"] if paths is None else list(paths)
        query = "select filename, article_id, body from read_parquet(?, filename = true)"
        return Counter(row[0] for row in self._connection.execute(query, [wanted]).fetchall())


class WithArrow:
    """Reads as a dataset of pyarrow."""

    def __call__(self, root: Path, paths: Sequence[str] | None) -> Counter[str]:
        source = root / "articles" if paths is None else list(paths)
        table = ds.dataset(source, partitioning="hive").to_table(["article_id", "body", "__filename"])
        return Counter(table["__filename"].to_pylist())


READERS: dict[str, type[WithDuckDB] | type[WithArrow]] = {"DuckDB": WithDuckDB, "pyarrow": WithArrow}


@dataclass(slots=True)
class Seen:
    """What a reader met until it had read often enough."""

    name: str
    reads: int = 0
    errors: list[str] = field(default_factory=list)
    views: Counter[View] = field(default_factory=Counter)


def root_of(folder: Path, number: int) -> Path:
    """Data set ``number``; the even ones have one file a run, all of one day."""
    return folder / f"{number:05d}"


def read_on(name: str, folder: Path, current: Synchronized[int], count: int, answers: Any) -> None:
    """Read the current data set ``count`` times, or until there is none, then put what was seen into ``answers``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pa.set_cpu_count(1)
    read = READERS[name]()
    seen = Seen(name)
    while seen.reads < count and (number := current.value) != STOP:
        root = root_of(folder, number)
        way = WAYS[seen.reads % len(WAYS)]
        try:
            paths = None if way == "plain" else sorted(DeltaTable(root).file_uris())
            found = read(root, paths)
        except (OSError, pa.ArrowException, DeltaError, duckdb.Error) as err:
            seen.errors.append(f"{name}, {way}: {err}")
        else:
            files = sorted((str(Path(path).relative_to(root)), rows) for path, rows in found.items())
            seen.views[number, way, tuple(files)] += 1
        seen.reads += 1
    answers.put(seen)


def write_once(root: Path, one_file: bool, seed: str) -> None:
    """Commit one run unless another process holds the root; chance may kill this one on the way."""
    rng = random.Random(seed)
    accident = Accident.KILL if rng.random() < 0.3 else None
    # It is the processes that die here, so what is safe does not matter.
    disk = Disk(Device(root / "nothing"), accident, rng.randint(1, _MOST_STEPS))
    try:
        with Ledger(root, storage=disk) as ledger:
            run_id = ledger.next_run_id(NOW)
            folder = ledger.staging(run_id)
            files = []
            for part, day in enumerate((DAY,) if one_file else (DAY, OTHER_DAY)):
                size = rng.randint(1, 9)
                rows = [article(rng.getrandbits(60), run_id, day=day) for _ in range(size)]
                files.append(stage_articles(folder, f"{run_id}-{part}.parquet", rows, day, disk))
            written = sum(file.rows for file in files)
            books = Counts(written, written, 0, 0, 0)
            ledger.commit(run_id, files, {"last": seed}, books, config_hash="c0ffee", now=NOW)
    except RootBusy:
        sys.exit(BUSY)


class Writers:
    """Three at a time, round after round, on one data set after the other."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        self.statuses: Counter[int] = Counter()

    def begin(self, number: int) -> None:
        """Make data set ``number`` with one article in it, so that readers find something."""
        with Ledger(root_of(self._folder, number)) as ledger:
            run_id = ledger.next_run_id(NOW)
            file = stage_articles(ledger.staging(run_id), f"{run_id}-0.parquet", [article(number, run_id)])
            ledger.commit(run_id, [file], None, Counts(1, 1, 0, 0, 0), config_hash="c0ffee", now=NOW)

    def compete(self, number: int, turn: int) -> None:
        """Three writers at once, until the last of them has left."""
        root, one_file = root_of(self._folder, number), number % 2 == 0
        seeds = [f"{self._seed}-{number}-{turn}-{writer}" for writer in range(3)]
        children = [self._context.Process(target=write_once, args=(root, one_file, seed)) for seed in seeds]
        for child in children:
            child.start()
        for child in children:
            child.join()
            self.statuses[child.exitcode or 0] += 1


@dataclass(slots=True)
class Result:
    """What all readers met, held against the logs."""

    reads: int = 0
    errors: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    states: int = 0
    commits: int = 0
    statuses: Counter[int] = field(default_factory=Counter)

    def judge(self, folder: Path, seen: Seen) -> None:
        """Add what ``seen`` holds."""
        self.reads += seen.reads
        self.errors += seen.errors
        self.states += len(seen.views)
        logs: dict[int, list[dict[str, int]]] = {}
        for number, way, files in seen.views:
            named = logs.setdefault(number, _named(root_of(folder, number)))
            where = f"{seen.name}, data set {number}, {way}: {files}"
            if any(named[-1].get(path) != rows for path, rows in files):
                self.torn.append(where)
            elif (way == "log" or number % 2 == 0) and dict(files) not in named:
                self.unnamed.append(where)


def _named(root: Path) -> list[dict[str, int]]:
    """The files with their rows, after each entry of the log."""
    named: list[dict[str, int]] = []
    for entry in deltalog.read_log(root):
        files = deltalog.articles(entry.record.files) if entry.record else []
        named.append({**(named[-1] if named else {}), **{file.path: file.rows for file in files}})
    return named


def read_while_writing(folder: Path, count: int, seed: int) -> Result:
    """Let two readers read ``count`` times together, while the writers go on until they have.

    An interruption ends it early; the result is that of the reads up to then.
    """
    context = multiprocessing.get_context("spawn")
    current: Synchronized[int] = context.Value("i", 0)
    answers: Any = context.Queue()
    writers = Writers(folder, seed)
    writers.begin(0)
    share = -(-count // len(READERS))
    readers = [context.Process(target=read_on, args=(name, folder, current, share, answers)) for name in READERS]
    for reader in readers:
        reader.start()
    seen: list[Seen] = []
    number = turn = 0
    try:
        while len(seen) < len(readers):
            if turn == ROUNDS:
                number, turn = number + 1, 0
                writers.begin(number)
                current.value = number
            writers.compete(number, turn)
            turn += 1
            while not answers.empty():
                seen.append(answers.get())
            if sum(reader.is_alive() for reader in readers) + len(seen) < len(readers) and answers.empty():
                raise RuntimeError("a reader left without an answer")
    except KeyboardInterrupt:
        current.value = STOP
        seen += [answers.get() for _ in range(len(readers) - len(seen))]
    result = Result(statuses=writers.statuses)
    for each in range(number + 1):
        with Ledger(root_of(folder, each)) as ledger:
            result.commits += ledger.version + 1
    for one in seen:
        result.judge(folder, one)
    return result
