"""Disks that fail, ledgers that are wrong on purpose, and a program that is killed at every step it takes.

    python -m tests.pipeline.crash TEMPLATE FOLDER WANTED

copies TEMPLATE to FOLDER/001 and has a process that works on the copy killed (-9) at its first step, another
at its second on FOLDER/002, and so on until one survives. It forks here, where no thread of deltalake runs.
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from pipeline.deltalog import RunRecord
from pipeline.ledger import STAGING, Ledger
from tests.pipeline.rows import NOW, commit_run
from transforms.parquet import read_rows
from transforms.storage import DISK, Storage

FAILED = 3


class Counting(Storage):
    """A disk on which something happens at the ``at``-th step; half a file is a step of its own."""

    def __init__(self, at: int) -> None:
        self.left = at

    def happen(self) -> None:
        raise NotImplementedError

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.happen()

    def create(self, path: Path, data: bytes) -> None:
        self.step()
        super().create(path, data[: len(data) // 2])
        self.step()
        super().create(path, data)

    def rename(self, source: Path, target: Path) -> None:
        self.step()
        super().rename(source, target)

    def link(self, source: Path, target: Path) -> None:
        self.step()
        super().link(source, target)

    def make_folder(self, path: Path) -> None:
        self.step()
        super().make_folder(path)

    def sync_file(self, path: Path) -> None:
        self.step()
        super().sync_file(path)

    def sync_folder(self, path: Path) -> None:
        self.step()
        super().sync_folder(path)

    def unlink(self, path: Path) -> None:
        self.step()
        super().unlink(path)

    def remove_folder(self, path: Path) -> None:
        self.step()
        super().remove_folder(path)


class Deadly(Counting):
    """Ends the process by kill -9."""

    def happen(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Full(Counting):
    """No space is left from then on; what needs none goes on working."""

    def happen(self) -> None:
        self.left = 1
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def unlink(self, path: Path) -> None:
        DISK.unlink(path)

    def remove_folder(self, path: Path) -> None:
        DISK.remove_folder(path)

    def sync_folder(self, path: Path) -> None:
        DISK.sync_folder(path)


class Gone(BaseException):
    """Nothing that runs survives this."""


class Dead(Counting):
    """The end of the process, as far as the disk can tell, without the price of a process."""

    def happen(self) -> None:
        self.left = 1
        raise Gone


class Volatile(Counting):
    """The power fails: names that were not flushed are as they were before, all of them or some by chance."""

    def __init__(self, at: int, chance: random.Random | None = None, forgets: str = "") -> None:
        super().__init__(at)
        self.chance = chance
        self.forgets = forgets
        self.pending: list[tuple[Path, Callable[[], object]]] = []

    def happen(self) -> None:
        self.left = 1
        for _, undo in reversed(self.pending):
            if self.chance is None or self.chance.random() < 0.5:
                try:
                    undo()
                except FileNotFoundError:
                    continue  # The folder above is gone already, and this with it.
        self.pending.clear()
        raise Gone

    def create(self, path: Path, data: bytes) -> None:
        self.pending.append((path.parent, lambda: DISK.unlink(path)))
        super().create(path, data)

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.pending.append((target.parent, lambda: put_back(target, source)))

    def link(self, source: Path, target: Path) -> None:
        super().link(source, target)
        self.pending.append((target.parent, lambda: DISK.unlink(target)))

    def make_folder(self, path: Path) -> None:
        new = not path.exists()
        super().make_folder(path)
        if new:
            self.pending.append((path.parent, lambda: shutil.rmtree(path)))

    def unlink(self, path: Path) -> None:
        data = path.read_bytes() if path.exists() else None
        super().unlink(path)
        if data is not None:
            self.pending.append((path.parent, lambda: path.write_bytes(data)))

    def remove_folder(self, path: Path) -> None:
        super().remove_folder(path)
        self.pending.append((path.parent, path.mkdir))

    def sync_folder(self, path: Path) -> None:
        super().sync_folder(path)
        if not (self.forgets and self.forgets in path.as_posix()):
            self.pending = [item for item in self.pending if item[0] != path]


def put_back(target: Path, source: Path) -> None:
    """Undo a rename; where the folder that it came from is gone for good, so is the file."""
    if source.parent.is_dir():
        target.replace(source)
    else:
        target.unlink()


class NoRecovery(Ledger):
    """Throws away what an interrupted run left, decided or not."""

    def _recover(self) -> None:
        for left in sorted((self.root / STAGING).glob("*")):
            self._storage.remove_tree(left)


class LogFirst(Ledger):
    """Announces the files in the log before they lie there."""

    def _roll_forward(self, record: RunRecord) -> None:
        self._storage.make_folders([self.root / "_delta_log"])
        self._append(record)
        super()._roll_forward(record)


class NoDecision(Ledger):
    """Moves the files before the intent is written."""

    def _decide(self, record: RunRecord) -> None:
        self._publish(record)
        super()._decide(record)


def ids(ledger: Ledger) -> set[str]:
    """The articles that the data set holds."""
    tables = [read_rows(ledger.root / file.path, ["article_id"]) for file in ledger.files()]
    return {value for table in tables for value in table["article_id"].to_pylist()}


def attempt(
    root: Path, wanted: int, storage: Storage = DISK, kind: type[Ledger] = Ledger, now: dt.datetime = NOW
) -> None:
    """One run over a source that offers the articles 0 to ``wanted``: it writes those that are not there."""
    with kind(root, storage=storage) as ledger:
        known = ids(ledger)
        new = [number for number in range(wanted) if f"{number:016x}" not in known]
        if new:
            commit_run(ledger, new, storage=storage, now=now)


def main(template: str, folder: str, wanted: str) -> None:
    """Kill an attempt at each of its steps; prints how many there were."""
    attempt(Path(folder) / "warm", 2)  # What is slow the first time is done before, not in every child.
    for step in range(1, 1000):
        root = Path(folder) / f"{step:03d}"
        if Path(template).exists():
            shutil.copytree(template, root)
        child = os.fork()
        if child == 0:
            status = FAILED
            try:
                attempt(root, int(wanted), Deadly(step))
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            print(step - 1 if os.WEXITSTATUS(status) == 0 else -1)
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
