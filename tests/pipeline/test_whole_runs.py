"""Whole runs of the command: struck by an accident, three at once on one root, on a disk that is full."""

from __future__ import annotations

from pathlib import Path

from pipeline.verify import verify
from tests.pipeline.competing import BUSY
from tests.pipeline.disks import Accident
from tests.pipeline.looks import read_with_delta, read_with_duckdb, read_with_pyarrow
from tests.pipeline.whole_runs import FAILED, KILLED, WholeLife, finish, record, said, start, words, write_records


def test_runs_that_are_struck_lose_and_double_nothing(tmp_path: Path) -> None:
    tally = WholeLife(tmp_path, "suite").live((Accident.KILL, Accident.POWER, Accident.EIO), 2)
    assert tally.told == []
    assert tally.struck.total() > 0


def test_three_runs_at_once(tmp_path: Path) -> None:
    root = tmp_path / "out"
    inputs = [write_records(tmp_path / f"{number}.jsonl", 10 * number, 3) for number in range(3)]
    fates = [(Accident.KILL, 30), (None, 0), (Accident.KILL, 3)]
    folders = [tmp_path / str(number) for number in range(3)]
    children = []
    for folder, source, (accident, at) in zip(folders, inputs, fates, strict=True):
        folder.mkdir()
        children.append(start(words(root, source), folder, accident, at))
    for child in children:
        child.join()
    statuses = [child.exitcode for child in children]
    assert set(statuses) <= {0, BUSY, KILLED}
    for folder, status in zip(folders, statuses, strict=True):
        if status == BUSY:
            assert "another run holds it" in said(folder)
    finish(root, *inputs)
    assert read_with_pyarrow(root) == read_with_duckdb(root) == read_with_delta(root)
    expected = {record(10 * source + number)["text"] for source in range(3) for number in range(3)}
    assert sorted(body for _, body in read_with_delta(root).elements()) == sorted(expected)
    assert verify(root).faults == ()


def test_a_file_that_may_not_grow_stops_the_run(tmp_path: Path) -> None:
    root = tmp_path / "out"
    source = write_records(tmp_path / "in.jsonl", 0, 3)
    child = start(words(root, source), tmp_path, file_bytes=5_000)
    child.join()
    assert child.exitcode == FAILED
    assert "File too large" in said(tmp_path)
    assert len(said(tmp_path).splitlines()) == 1
    assert not list(root.rglob("*.parquet"))
    finish(root, source)
    assert read_with_delta(root).total() == 3
    assert verify(root).faults == ()
