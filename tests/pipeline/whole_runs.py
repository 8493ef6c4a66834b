"""Whole runs of the command, each in a process of its own, with an accident at a chosen step of the disk.

The file that is read grows between the runs, and now and then a text in it is another.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import resource
import sys
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds

from pipeline.verify import verify
from tests.pipeline.disks import ERRORS, Accident, Device, Disk
from tests.pipeline.lives import Tally
from tests.pipeline.looks import (
    BOOKS,
    DOUBLED,
    LOST,
    BrokenPromiseError,
    read_with_delta,
    read_with_duckdb,
    read_with_pyarrow,
    whole_files,
)
from transforms.storage import DISK

NOW = "2026-11-20T02:30:00+00:00"
KILLED, STOPPED, FAILED = -9, 143, 1

_MOST_STEPS = 80
"""A run over a few records takes about so many steps of the disk."""

_EXPECTED = {
    Accident.KILL: {KILLED},
    Accident.DEATH: {KILLED},
    Accident.POWER: {KILLED},
    # In the last steps of a commit it comes too late, and when the report is written nobody listens any more.
    Accident.SIGTERM: {STOPPED, 0},
    **{accident: {FAILED, 0} for accident in ERRORS},  # Not to clear the staging folder is no failure.
}


class Fatal(Disk):
    """A disk that ends the whole process, where another only ends what is under way; says that it struck."""

    said: Path

    def _happen(self, accident: Accident, path: Path) -> None:
        self.said.touch()
        if accident is Accident.POWER:
            self.device.lose_power(self._rng)
        super()._happen(Accident.KILL if accident in (Accident.POWER, Accident.DEATH) else accident, path)


def start(
    words: list[str], folder: Path, accident: Accident | None = None, at: int = 0, *, file_bytes: int = 0
) -> BaseProcess:
    """Start ``knipsel`` in a process of its own.

    Args:
        words: of the command.
        folder: in which ``out`` is the root; what the command says on stderr goes to a file of that name there.
        accident: what befalls it.
        at: at which step of the disk.
        file_bytes: no file may become longer; 0 for no limit.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "pipeline.commands", "pipeline.run", "pipeline.cli"])
    child = context.Process(target=_main, args=(words, folder, accident, at, file_bytes))
    child.start()
    return child


def _main(words: list[str], folder: Path, accident: Accident | None, at: int, file_bytes: int) -> None:
    from pipeline.cli import main

    with (folder / "stderr").open("wb") as errors:
        os.dup2(errors.fileno(), 2)
    if accident is not None:
        # Every stage of the run writes by this one object, wherever it got it from.
        disk: Any = DISK
        disk.__class__ = Fatal
        disk.said = folder / "struck"
        Disk.__init__(disk, Device(folder / "out"), accident, at, rng=random.Random(at))
    if file_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    logging.disable(logging.ERROR)
    sys.exit(main(words))


def said(folder: Path) -> str:
    """What the last command that was started with ``folder`` wrote to stderr."""
    return (folder / "stderr").read_text().strip()


def record(number: int, version: int = 0) -> dict[str, str]:
    """A record of a JSON Lines file."""
    again = f" Het gebeurde vandaag voor de {version + 1}e keer." if version else ""
    text = (
        f"De pont over de Linde voer voor de {number}e keer niet uit, zegt de schipper van Oudewal. "
        f"Aan de kade stonden {number + 3} mensen te wachten op de volgende overtocht.{again}"
    )
    return {"id": str(number), "text": text, "published": f"2026-11-{18 + number % 2}"}


def write_records(path: Path, first: int, count: int) -> Path:
    """A JSON Lines file of ``count`` records, from number ``first``."""
    lines = [json.dumps(record(number)) for number in range(first, first + count)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def words(root: Path, *inputs: Path) -> list[str]:
    """The command that reads ``inputs``."""
    return ["run", *map(str, inputs), "--root", str(root), "--quiet", "--workers", "0", "--now", NOW]


def finish(root: Path, *inputs: Path) -> None:
    """A run that nothing hinders.

    Raises:
        RuntimeError: it did not end well.
    """
    child = start(words(root, *inputs), root.parent)
    child.join()
    if child.exitcode != 0:
        raise RuntimeError(said(root.parent))


class WholeLife:
    """One data set, filled by whole runs over a file that changes, most of them struck by an accident."""

    def __init__(self, folder: Path, seed: str) -> None:
        self.tally = Tally()
        self._folder = folder
        self._root = folder / "out"
        self._seed = seed
        self._rng = random.Random(seed)
        self._versions: list[int] = []
        self._seen: Counter[tuple[str, str]] = Counter()

    def live(self, accidents: tuple[Accident, ...], most: int) -> Tally:
        """Start ``most`` runs that are to be struck, then one that is not."""
        label = "at rest"
        try:
            for number in range(most):
                accident = self._rng.choice(accidents)
                label = f"run: {accident}"
                self._run(number, accident)
            self._run(most, None)
            self._settled()
        except BrokenPromiseError as fault:
            self.tally.found[label, fault.kind] += 1
            self.tally.told.append(f"whole life {self._seed}, {label}: {fault}")
        return self.tally

    def _run(self, number: int, accident: Accident | None) -> None:
        self._change()
        (self._folder / "struck").unlink(missing_ok=True)
        child = start(
            words(self._root, self._folder / "in.jsonl"), self._folder, accident, self._rng.randint(1, _MOST_STEPS)
        )
        child.join()
        told = said(self._folder)
        struck = (self._folder / "struck").exists()
        if accident and struck:
            self.tally.struck[f"run: {accident}"] += 1
        expected = _EXPECTED[accident] if accident and struck else {0}
        if child.exitcode not in expected:
            raise BrokenPromiseError(BOOKS, f"run {number} left with status {child.exitcode}: {told}")
        if child.exitcode == FAILED and (not told or "\n" in told):
            raise BrokenPromiseError(BOOKS, f"run {number} failed with {len(told.splitlines())} lines: {told}")
        self._look(dark=accident is Accident.POWER)

    def _change(self) -> None:
        self._versions += [0] * self._rng.randint(1, 3)
        if self._rng.random() < 0.3:
            self._versions[self._rng.randrange(len(self._versions))] += 1
        lines = [json.dumps(record(number, version)) for number, version in enumerate(self._versions)]
        (self._folder / "in.jsonl").write_text("\n".join(lines) + "\n", "utf-8")

    def _look(self, *, dark: bool) -> None:
        whole_files(self._root)
        found = [read_with_pyarrow(self._root), read_with_duckdb(self._root), read_with_delta(self._root)]
        for rows in found:
            if rows - Counter(set(rows)):
                raise BrokenPromiseError(DOUBLED, f"{min(rows - Counter(set(rows)))} stands there twice")
            if self._seen - rows and not dark:
                raise BrokenPromiseError(LOST, f"{min(self._seen - rows)} is not there any more")
        # A plain reader may meet what the log is yet to hold, so the log decides what was seen.
        self._seen |= found[-1]

    def _settled(self) -> None:
        if faults := verify(self._root).faults:
            raise BrokenPromiseError(BOOKS, faults[0])
        table = ds.dataset(self._root / "articles", partitioning="hive").to_table(["input_ref", "body", "version"])
        bodies = {body for _, body in self._seen}
        for number, version in enumerate(self._versions):
            text = record(number, version)["text"]
            if text not in bodies:
                raise BrokenPromiseError(LOST, f"record {number} is not there in version {version}")
        if table.num_rows != self._seen.total():
            raise BrokenPromiseError(DOUBLED, f"{table.num_rows} rows, {self._seen.total()} in the log")
