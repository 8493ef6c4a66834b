"""The disk: what is said to be on the device was handed to it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from pipeline.ledger import Ledger
from tests.pipeline.rows import commit_run


class Flushes:
    """Notes what each ``fsync`` hands to the device: how much of a file, which names of a folder."""

    def __init__(self) -> None:
        self.files: dict[int, int] = {}
        self.folders: dict[int, set[str]] = {}
        self._fsync = os.fsync

    def __call__(self, descriptor: int) -> None:
        self._fsync(descriptor)
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            self.folders[status.st_ino] = set(os.listdir(descriptor))
        else:
            self.files[status.st_ino] = status.st_size


def test_all_of_a_commit_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushes = Flushes()
    monkeypatch.setattr("transforms.storage.os.fsync", flushes)
    root = tmp_path / "out"
    with Ledger(root) as ledger:
        commit_run(ledger, range(4))
        commit_run(ledger, range(4, 6))
    made = [path for path in root.rglob("*") if path.name != "_lock"]
    assert sum(path.is_file() for path in made) == 10
    for path in made:
        status = path.stat()
        if path.is_file():
            assert flushes.files.get(status.st_ino) == status.st_size, path
        assert path.name in flushes.folders[path.parent.stat().st_ino], path
    assert "out" in flushes.folders[tmp_path.stat().st_ino]
