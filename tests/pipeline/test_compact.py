"""A data set of many small files made anew as one of few."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable

from pipeline.compact import CompactError, compact
from pipeline.forget import forget
from pipeline.ledger import Ledger, LedgerError
from pipeline.verify import verify
from tests.pipeline.disks import Accident, Device, Disk, Gone
from tests.pipeline.rows import NOW, commit_run

LATER = NOW + dt.timedelta(days=30)
NIGHTS = 12


def nights(root: Path, count: int = NIGHTS) -> Path:
    with Ledger(root) as ledger:
        for night in range(count):
            commit_run(ledger, range(10 * night, 10 * night + 4), now=NOW + dt.timedelta(days=night))
    return root


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return nights(tmp_path_factory.mktemp("old") / "out")


def content(root: Path, table: str = "articles") -> pa.Table:
    rows = ds.dataset(root / table, partitioning="hive").to_table()
    keys = ("article_id", "version") if table == "articles" else ("input_ref", "run_id")
    return rows.sort_by([(key, "ascending") for key in keys]).combine_chunks()


def snapshot(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_rows_are_the_same_in_a_file_a_date(old: Path, tmp_path: Path) -> None:
    before = snapshot(old)
    done = compact(old, tmp_path / "new", now=LATER, rows_per_file=1000)
    assert snapshot(old) == before
    assert (done.files_before, done.files, done.rows) == (3 * NIGHTS, 3, 5 * NIGHTS)
    assert done.bytes < done.bytes_before / 2
    for table in ("articles", "rejects"):
        assert content(tmp_path / "new", table).equals(content(old, table))
    delta = DeltaTable(tmp_path / "new").to_pyarrow_table()
    assert delta.num_rows == 4 * NIGHTS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new"]
    assert verify(tmp_path / "new").faults == ()


def test_runs_go_on_where_they_were(old: Path, tmp_path: Path) -> None:
    root = tmp_path / "new"
    compact(old, root, now=LATER, rows_per_file=1000)
    with Ledger(root) as ledger:
        assert ledger.state == {"last": 10 * NIGHTS - 7}
        assert len(ledger.files()) == 2
        assert ledger.version == NIGHTS
        assert commit_run(ledger, [999], now=LATER) == NIGHTS + 1
    assert verify(root).faults == ()
    runs = content(root)["run_id"].unique().to_pylist()
    assert len({run[:6] for run in runs}) == len(runs)
    again = compact(root, tmp_path / "newer", now=LATER, rows_per_file=1000)
    assert (again.files_before, again.rows) == (5, 5 * NIGHTS + 2)
    assert verify(tmp_path / "newer").faults == ()


def test_a_date_of_many_rows_becomes_files_that_do_not_overlap(old: Path, tmp_path: Path) -> None:
    compact(old, tmp_path / "new", now=LATER, rows_per_file=7)
    assert content(tmp_path / "new").equals(content(old))
    for folder in (tmp_path / "new" / "articles").iterdir():
        parts = [ds.dataset(path).to_table()["article_id"].to_pylist() for path in sorted(folder.iterdir())]
        assert [len(part) for part in parts] == [7, 7, 7, 3]
        assert list(itertools.chain(*parts)) == sorted(itertools.chain(*parts))
    assert verify(tmp_path / "new").faults == ()


def test_the_same_data_set_at_the_same_moment_gives_the_same_bytes(old: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        compact(old, tmp_path / name, now=LATER, rows_per_file=1000)
    assert snapshot(tmp_path / "one") == snapshot(tmp_path / "two")


def test_what_was_erased_is_not_in_it(old: Path, tmp_path: Path) -> None:
    root = shutil.copytree(old, tmp_path / "old")
    forget(root, ["https://oudewal.example/news/12"], now=LATER)
    compact(root, tmp_path / "new", now=LATER, rows_per_file=1000)
    assert content(tmp_path / "new").num_rows == 4 * NIGHTS - 1
    assert verify(tmp_path / "new").faults == ()
    with Ledger(tmp_path / "new") as ledger:
        assert len(ledger.state["forgotten"]) == 2


def test_a_damaged_file_is_not_taken_over(old: Path, tmp_path: Path) -> None:
    root = shutil.copytree(old, tmp_path / "old")
    path = sorted(root.glob("articles/*/*"))[3]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Exception, match=f"{path.name}: damaged"):
        compact(root, tmp_path / "new", now=LATER, rows_per_file=1000)
    assert not (tmp_path / "new").exists()


def test_where_nothing_can_be_made(old: Path, tmp_path: Path) -> None:
    with pytest.raises(CompactError, match="is there already"):
        compact(old, tmp_path, now=LATER, rows_per_file=10)
    with pytest.raises(CompactError, match="lies in the old data set"):
        compact(old, old / "new", now=LATER, rows_per_file=10)
    with pytest.raises(CompactError, match="no such folder"):
        compact(old, tmp_path / "a" / "b", now=LATER, rows_per_file=10)
    with pytest.raises(CompactError, match="holds no data set"):
        compact(tmp_path / "none", tmp_path / "new", now=LATER, rows_per_file=10)


@pytest.mark.parametrize(
    ("accident", "first", "every"), [(Accident.DEATH, 1, 2), (Accident.ENOSPC, 2, 4), (Accident.POWER, 4, 4)]
)
def test_stopped_at_any_step_there_is_nothing_or_the_whole(
    tmp_path: Path, accident: Accident, first: int, every: int
) -> None:
    root = nights(tmp_path / "old", 1)
    before = content(root)
    new = tmp_path / "new"
    for step in itertools.count(first, every):
        disk = Disk(Device(tmp_path), accident, step, lasting=True)
        with contextlib.suppress(Gone, OSError, LedgerError):
            compact(root, new, now=LATER, rows_per_file=1000, storage=disk)
        if new.exists():
            assert content(new).equals(before)
            assert verify(new).faults == ()
            shutil.rmtree(new)
        if not disk.struck:
            break
    assert step > 30
    assert not (tmp_path / ".new.compact").exists()
    with Ledger(root) as ledger:
        commit_run(ledger, [99], now=LATER)
    assert verify(root).faults == ()
