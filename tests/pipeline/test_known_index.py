from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pipeline import derived, known_index
from pipeline.known_index import known_files
from pipeline.ledger import Ledger
from pipeline.repair import repair
from pipeline.verify import verify
from tests.pipeline.rows import NOW, commit_run
from transforms.drop_known import read_known
from transforms.storage import Storage


class NoRoom(Storage):
    """A full disk."""

    def create(self, path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index is made as soon as five files lie beside it."""
    monkeypatch.setattr(known_index, "MOST_BESIDE", 4)


def nights(root: Path, count: int) -> None:
    for night in range(count):
        with Ledger(root) as ledger:
            known_files(ledger)
            commit_run(ledger, range(4 * night, 4 * night + 4))


def known(root: Path) -> list[str]:
    with Ledger(root) as ledger:
        return known_files(ledger)


def answers(files: list[str]) -> list[bool]:
    """Of each of the first 40 articles, whether it is known."""
    memory = read_known(files)
    return [memory.admit(f"{number:016x}", "another text") == 2 for number in range(40)]


def test_an_index_stands_for_most_files_and_says_the_same(tmp_path: Path) -> None:
    nights(tmp_path, 6)
    index, *beside = known(tmp_path)
    assert index.endswith(".arrow")
    assert len(beside) < 5
    with Ledger(tmp_path) as ledger:
        every = [str(tmp_path / file.path) for file in ledger.files()]
    assert len(every) == 12
    assert answers([index, *beside]) == answers(every) == [number < 24 for number in range(40)]
    assert len(list((tmp_path / "_state").glob("known-*"))) == 1
    assert verify(tmp_path).faults == ()


def test_a_damaged_index_is_named_and_passed_over_and_made_anew(tmp_path: Path) -> None:
    nights(tmp_path, 4)
    index = Path(known(tmp_path)[0])
    data = bytearray(index.read_bytes())
    data[len(data) // 2] ^= 4
    index.write_bytes(data)
    assert [fault.partition(":")[0] for fault in verify(tmp_path).faults] == [str(index)]
    files = known(tmp_path)
    assert answers(files) == [number < 16 for number in range(40)]
    index.write_bytes(data)
    assert repair(tmp_path, NOW).left.faults == ()
    assert verify(tmp_path).faults == ()


def test_an_index_that_says_other_than_the_files_is_named(tmp_path: Path) -> None:
    nights(tmp_path, 4)
    with Ledger(tmp_path) as ledger:
        marks = [known_index.mark(file.path, file.added_at) for file in ledger.files()]
    paths = sorted(str(path) for path in tmp_path.glob("articles/*/*"))
    known_index.write_index(tmp_path, None, paths[1:], marks)
    (fault,) = verify(tmp_path).faults
    assert "is not what the files hold" in fault


def test_without_a_file_that_it_covers_it_counts_no_longer(tmp_path: Path) -> None:
    nights(tmp_path, 4)
    gone = min(tmp_path.glob("articles/*/*"))
    gone.write_bytes(b"")
    assert repair(tmp_path, NOW).left.faults == ()
    assert answers(known(tmp_path)) == [number < 16 and number not in (0, 2) for number in range(40)]


def test_a_disk_without_room_for_it_does_not_stop_a_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    nights(tmp_path, 2)
    with Ledger(tmp_path) as ledger:
        commit_run(ledger, range(8, 12))
        assert not derived.files(tmp_path)
        files = known_files(ledger, NoRoom())
    assert len(files) == 6
    assert "no index of what is known could be written" in caplog.text
