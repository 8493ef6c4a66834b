"""A disk that is full, or a file that may not grow, at each stage of a commit: nothing lies at a final name then."""

from __future__ import annotations

import itertools
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pipeline.ledger import Counts, Ledger, RootError
from pipeline.verify import verify
from tests.pipeline import faults
from tests.pipeline.lives import Offer, World, attempt
from tests.pipeline.looks import read_with_delta, read_with_pyarrow
from tests.pipeline.rows import NOW
from tests.pipeline.whole_runs import FAILED, finish, said, start, words, write_records
from transforms.storage import DISK

PAGE = 4096
"""What a tmpfs gives out at a time."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def full(folder: Path, pages: int) -> Iterator[None]:
    """All but so many pages of the disk are taken."""
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(folder).free - pages * PAGE))
    try:
        yield
    finally:
        ballast.unlink()


@contextmanager
def short_files(most: int) -> Iterator[None]:
    """No file may become longer."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def published(root: Path) -> list[Path]:
    """What lies at a final name."""
    folders = ("articles", "rejects", "_delta_log", "_state")
    return [path for folder in folders for path in (root / folder).rglob("*") if path.is_file()]


def is_decided(root: Path) -> bool:
    """Whether the run that failed will be completed."""
    return bool(list(root.glob("_staging/*/intent.json")))


def test_a_disk_that_is_full_at_each_stage(small_disk: Path) -> None:
    met = set()
    first, second = Offer(1), Offer(2)
    with faults.quiet():
        for pages in itertools.count(1):
            root = small_disk / "out"
            try:
                with full(small_disk, pages):
                    attempt(root, first, DISK)
            except (OSError, RootError) as err:
                told = str(err)
            else:
                break
            assert "No space left" in told
            assert published(root) == []
            decided = is_decided(root)
            met.add(decided)
            attempt(root, second, DISK)
            world = World((first, second) if decided else (second,))
            assert read_with_delta(root) == read_with_pyarrow(root) == world.rows
            assert verify(root).faults == ()
            shutil.rmtree(root)
    assert pages > 10
    assert met == {False, True}


@pytest.mark.parametrize(
    ("state", "decided"),
    [({"learned": "x" * 20_000}, False), ({"learned": "x"}, True)],
    ids=["the state", "the log"],
)
def test_a_file_that_may_not_grow(tmp_path: Path, state: dict[str, Any], decided: bool) -> None:
    def commit() -> int:
        with Ledger(tmp_path) as ledger:
            if ledger.state == state:
                return ledger.version
            run_id = ledger.next_run_id(NOW)
            return ledger.commit(run_id, [], state, Counts(0, 0, 0, 0, 0), config_hash="c0ffee", now=NOW)

    # The first entry of a log states the schema and so is longer than this.
    with short_files(5_000), pytest.raises(OSError, match="File too large"):
        commit()
    assert published(tmp_path) == []
    assert is_decided(tmp_path) is decided
    assert commit() == 0
    assert verify(tmp_path).faults == ()


def test_a_run_on_a_full_disk_is_one_clear_line(small_disk: Path) -> None:
    root = small_disk / "out"
    source = write_records(small_disk / "in.jsonl", 0, 3)
    with full(small_disk, 4):
        child = start(words(root, source), small_disk)
        child.join()
    assert child.exitcode == FAILED
    assert "No space left" in said(small_disk)
    assert len(said(small_disk).splitlines()) == 1
    assert published(root) == []
    finish(root, source)
    assert read_with_delta(root).total() == 3
    assert verify(root).faults == ()
