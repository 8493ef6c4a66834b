"""What ``verify`` remembers: it saves the decoding, hides nothing, and says nothing but of the very same bytes."""

from __future__ import annotations

import datetime as dt
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline import derived, file_check
from pipeline.compact import compact
from pipeline.forget import forget
from pipeline.ledger import Ledger
from pipeline.repair import repair
from pipeline.sound_files import KIND, load, verify_and_remember
from pipeline.verify import verify
from tests.pipeline.rows import NOW, commit_run
from tests.pipeline.test_verify import rewrite
from transforms.parquet import hash_file, read_rows
from transforms.storage import Storage

LATER = NOW + dt.timedelta(days=1)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("sound") / "out"
    with Ledger(made) as ledger:
        for night in range(3):
            commit_run(ledger, range(4 * night, 4 * night + 4))
    assert verify_and_remember(made).known == 0
    return made


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """Three runs that were checked."""
    return shutil.copytree(template, tmp_path / "out")


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, to be mounted anew as one that can only be read."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def flip(path: Path, byte: int) -> bytes:
    """Flip a bit; gives the bytes as they were."""
    data = path.read_bytes()
    other = bytearray(data)
    other[byte] ^= 4
    path.write_bytes(other)
    return data


def test_what_was_decoded_once_is_not_decoded_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (memory,) = derived.files(root, KIND)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}

    def decoded(*_: object) -> None:
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(file_check, "_scan", decoded)
        found = verify_and_remember(root)
    assert (found.faults, found.files, found.rows, found.runs, found.known) == ((), 9, 15, 3, 9)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before, "nothing new, nothing written"
    with Ledger(root) as ledger:
        commit_run(ledger, range(12, 16))
    assert verify_and_remember(root).known == 9
    assert verify_and_remember(root).known == 12
    assert not memory.exists()
    assert len(derived.files(root, KIND)) == 1
    full = verify_and_remember(root, full=True)
    assert (full.faults, full.rows, full.known) == ((), 20, 0)


def test_it_says_of_each_file_what_the_file_holds(root: Path) -> None:
    sound: file_check.Sound = {}
    verify(root, sound=sound)
    remembered = load(root)
    assert remembered.keys() == sound.keys()
    for mark, content in sound.items():
        assert pa.array(content.ids).equals(pa.array(remembered[mark].ids))
        assert pa.array(content.texts).equals(pa.array(remembered[mark].texts))
        assert pa.array(content.versions).equals(pa.array(remembered[mark].versions))
        assert (content.rows, content.codes) == (remembered[mark].rows, remembered[mark].codes)


@pytest.mark.parametrize("table", ["articles", "rejects"])
def test_a_bit_that_flips_is_named_all_the_same(root: Path, table: str) -> None:
    path = min((root / table).rglob("*.parquet"))
    data = flip(path, 400)
    assert verify_and_remember(root).faults == verify(root).faults
    assert verify(root).faults[0] == f"{path}: damaged (sha256 differs from the log)"
    path.write_bytes(data)
    assert verify_and_remember(root).faults == ()
    path.unlink()
    assert verify_and_remember(root).faults == (f"{path}: missing",)


def test_books_and_keys_are_still_held_against_it(root: Path) -> None:
    """A file that has changed together with its entry of the log is decoded anew, and the rest goes by memory."""
    first = min(root.glob("articles/date=2026-11-19/000000-*"))
    rewrite(root, first, read_rows(first).slice(1))
    found = verify_and_remember(root)
    assert found.known == 8
    assert [fault for fault in found.faults if "the books count 4 rows" in fault]
    rewrite(root, first, pa.concat_tables([read_rows(first)] * 2))
    assert any("stands there 2 times" in fault for fault in verify_and_remember(root).faults)


def test_the_same_bytes_elsewhere_are_looked_at_anew(root: Path) -> None:
    one, other = (min(root.glob(f"articles/date=2026-11-{day}/000000-*")) for day in (19, 20))
    table = read_rows(other)
    rewrite(root, one, table)
    rewrite(root, other, table)
    assert hash_file(one) == hash_file(other)
    assert f"{one}: holds rows of 2026-11-20" in verify_and_remember(root).faults
    assert f"{one}: holds rows of 2026-11-20" in verify_and_remember(root).faults, "a faulty one is never remembered"


def test_a_damaged_one_is_passed_over_and_made_anew(root: Path) -> None:
    (memory,) = derived.files(root, KIND)
    data = memory.read_bytes()
    for byte in range(0, len(data), len(data) // 6):
        flip(memory, byte)
        assert load(root) == {}
        found = verify_and_remember(root)
        assert (found.faults, found.known) == ((), 0)
        assert memory.read_bytes() == data, "it follows from the files alone"
    memory.write_bytes(data[:-9])
    assert verify_and_remember(root).faults == ()
    renamed = memory.rename(memory.with_name(f"sound-{'0' * 64}.arrow"))
    assert load(root) == {}
    assert repair(root, NOW).done == (f"{renamed}: removed; it is made anew when it is needed",)


def test_one_of_another_check_or_that_is_none_says_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(file_check, "_CHECK", 99)
        assert load(root) == {}
        assert verify_and_remember(root).known == 0
        assert verify_and_remember(root).known == 9
    assert load(root) == {}
    assert verify_and_remember(root).known == 0
    (memory,) = derived.files(root, KIND)
    memory.unlink()
    odd = derived.write(root, KIND, pa.table({"path": ["a"]}), Storage())
    assert load(root) == {}
    assert verify_and_remember(root).faults == ()
    assert not odd.exists()


class Full(Storage):
    """A full disk."""

    def create(self, path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def test_where_nothing_can_be_noted_down_it_does_without(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (memory,) = derived.files(root, KIND)
    memory.unlink()
    for _ in range(2):
        found = verify_and_remember(root, storage=Full())
        assert (found.faults, found.known) == ((), 0)
    assert "could not be noted down" in caplog.text
    shutil.rmtree(root / "_state")
    verify_and_remember(root)
    assert not (root / "_state").exists()
    (tmp_path / "empty").mkdir()
    assert verify_and_remember(tmp_path / "empty").faults == ()
    assert list((tmp_path / "empty").iterdir()) == []


def test_nothing_is_noted_down_beside_a_writer(root: Path) -> None:
    (memory,) = derived.files(root, KIND)
    memory.unlink()
    with Ledger(root):
        assert verify_and_remember(root).faults == ()
        assert derived.files(root) == []

    class Meanwhile(Storage):
        """Another process comes to write just then."""

        def write_file(self, path: Path, data: bytes) -> None:
            super().write_file(path, data)
            with Ledger(root) as ledger:
                commit_run(ledger, range(20, 22))

    assert verify_and_remember(root, storage=Meanwhile()).faults == ()
    assert derived.files(root) == []
    assert verify_and_remember(root).known == 0
    assert verify_and_remember(root).known == 12


def test_only_later_files_are_read_and_earlier_ones_stay_known(root: Path) -> None:
    with Ledger(root) as ledger:
        commit_run(ledger, range(12, 16))
        last = f"{ledger.version:06d}-{NOW:%Y%m%dT%H%M%SZ}"
    found = verify_and_remember(root, last)
    assert (found.faults, found.unread, found.known) == ((), 9, 0)
    assert verify_and_remember(root).known == 12


def test_what_is_erased_is_not_remembered(root: Path) -> None:
    before = load(root)
    forget(root, ["https://oudewal.example/news/4"], now=LATER)
    assert derived.files(root) == []
    assert verify_and_remember(root).faults == ()
    after = load(root)
    assert len(before.keys() - after.keys()) == 1
    assert verify_and_remember(root).known == 9
    assert not any(content.rows != len(content.ids) for mark, content in after.items() if "articles" in mark.path)


def test_what_is_repaired_or_made_anew_is_known_by_its_new_bytes(root: Path, tmp_path: Path) -> None:
    gone = min(root.glob("articles/*/*"))
    flip(gone, 300)
    assert repair(root, NOW).left.faults == ()
    assert verify_and_remember(root).known == 8
    assert all(root.joinpath(mark.path) != gone for mark in load(root))
    compact(root, tmp_path / "new", now=LATER, rows_per_file=100)
    assert verify_and_remember(tmp_path / "new").known == 0
    found = verify_and_remember(tmp_path / "new")
    assert (found.faults, found.files, found.known) == ((), 3, 3)
    assert {mark.run_id for mark in load(tmp_path / "new")} == {None}


def test_what_a_killed_check_left_goes_with_the_next_run(root: Path) -> None:
    left = root / "_state" / f".sound-{'0' * 64}.arrow.77-77.tmp"
    left.write_bytes(b"half")
    assert verify_and_remember(root).faults == ()
    with Ledger(root):
        assert not left.exists()


def test_a_file_is_known_by_its_place_its_bytes_and_its_run(root: Path) -> None:
    assert all(hash_file(root / mark.path) == mark.sha256 for mark in load(root))
    assert {mark.run_id for mark in load(root)} == {f"00000{n}-{NOW:%Y%m%dT%H%M%SZ}" for n in range(3)}


def test_a_copy_that_only_can_be_read_is_checked_all_the_same(root: Path, read_only: Path) -> None:
    (memory,) = derived.files(root, KIND)
    memory.unlink()
    shutil.copytree(root, read_only / "out")
    subprocess.run(["mount", "-o", "remount,ro", str(read_only)], check=True)
    found = verify_and_remember(read_only / "out")
    assert (found.faults, found.files, found.known) == ((), 9, 0)
