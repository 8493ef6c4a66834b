from __future__ import annotations

import json
import shutil
from pathlib import Path

import deltalake
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from pipeline import deltalog, ledger
from pipeline.cli import main
from pipeline.ledger import Ledger, LedgerError, RootBusy, RootError
from pipeline.repair import repair
from pipeline.verify import verify
from tests.pipeline import flips
from tests.pipeline.disks import Accident, Device, Disk, Gone
from tests.pipeline.rows import NOW, commit_run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with Ledger(tmp_path / "out") as held:
        for night in range(3):
            commit_run(held, range(4 * night, 4 * night + 4))
    return tmp_path / "out"


def damage(path: Path, column: str = "body") -> None:
    """Flip a bit at the end of a column, in its last page."""
    group = pq.read_metadata(path).row_group(0)
    number = next(n for n in range(group.num_columns) if group.column(n).path_in_schema == column)
    found = group.column(number)
    data = bytearray(path.read_bytes())
    data[(found.dictionary_page_offset or found.data_page_offset) + found.total_compressed_size - 3] ^= 1
    path.write_bytes(data)


def seen(root: Path) -> set[tuple[str, ...]]:
    """The ids that each kind of reader finds."""
    plain = ds.dataset(root / "articles", partitioning="hive").to_table(["article_id"])
    delta = deltalake.DeltaTable(root).to_pyarrow_table(columns=["article_id"])
    polars = pl.scan_delta(str(root)).select("article_id").collect().to_arrow()
    return {tuple(sorted(table["article_id"].to_pylist())) for table in (plain, delta, polars)}


def ids(*numbers: int) -> set[tuple[str, ...]]:
    return {tuple(f"{number:016x}" for number in numbers)}


def test_a_sound_data_set_is_left_as_it_is(root: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    repaired = repair(root, NOW)
    assert (repaired.done, repaired.again, repaired.left.faults) == ((), (), ())
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_damaged_file_is_taken_out_and_what_it_held_is_told(root: Path) -> None:
    path = min((root / "articles" / "date=2026-11-19").iterdir())
    damage(path)
    repaired = repair(root, NOW)
    name = path.relative_to(root)
    assert repaired.done == (
        f"{path}: taken out of the data set by entry 3",
        f"{path}: moved to {root / '_quarantine' / name}",
    )
    (again,) = repaired.again
    assert (again.path, again.rows, again.date, again.inputs) == (
        name.as_posix(),
        2,
        "2026-11-19",
        ("oudewal.jsonl",),
    )
    assert again.found[1] == {
        "article_id": f"{2:016x}",
        "version": 1,
        "url": "https://oudewal.example/news/2",
        "guid": None,
        "source_id": "oudewal",
        "feed_url": None,
        "input_ref": "oudewal.jsonl#2",
    }
    assert again.lines()[1:] == [f"  https://oudewal.example/news/{n} (article {n:016x} of oudewal)" for n in (0, 2)]
    assert seen(root) == ids(1, *range(3, 12))
    found = verify(root)
    assert (found.faults, len(found.quarantined), found.rows) == ((), 1, 13 - 2 + 2)


def test_a_row_of_which_the_address_is_damaged_is_told_by_the_rest(root: Path) -> None:
    path = min((root / "articles" / "date=2026-11-19").iterdir())
    damage(path, "url")
    (again,) = repair(root, NOW).again
    assert "url" not in again.found[0]
    assert again.lines()[1] == "  oudewal.jsonl#0 (article 0000000000000000 of oudewal)"


def test_of_a_file_that_cannot_be_read_the_log_tells_what_it_knows(root: Path) -> None:
    gone, torn = sorted((root / "articles" / "date=2026-11-19").iterdir())[:2]
    gone.unlink()
    torn.write_bytes(torn.read_bytes()[:-1])
    repaired = repair(root, NOW)
    assert [each.found for each in repaired.again] == [(), ()]
    assert "nothing of it can be read; they were articles of 2026-11-19" in repaired.again[0].lines()[1]
    assert seen(root) == ids(1, 3, 5, 7, 8, 9, 10, 11)
    assert repaired.left.faults == ()


def test_what_was_taken_out_is_written_again_when_it_comes_again(root: Path) -> None:
    damage(min((root / "articles" / "date=2026-11-19").iterdir()))
    repair(root, NOW)
    with Ledger(root) as held:
        assert held.version == 3
        commit_run(held, [0, 2])
        assert held.state == {"last": 2}
    assert seen(root) == ids(*range(12))
    assert verify(root).faults == ()


def test_dead_letters_and_strange_files_move_too(root: Path) -> None:
    letters = min((root / "rejects" / "date=2026-11-20").iterdir())
    letters.write_bytes(b"PAR1")
    (root / "articles" / "date=2026-11-19" / "mine.parquet").write_bytes(b"")
    repaired = repair(root, NOW)
    assert [each.path for each in repaired.again] == [letters.relative_to(root).as_posix()]
    assert sorted(path.name for path in (root / "_quarantine").rglob("*.parquet")) == [letters.name, "mine.parquet"]
    assert (repaired.left.faults, seen(root)) == ((), ids(*range(12)))


def test_most_files_gone_is_another_trouble(root: Path) -> None:
    shutil.rmtree(root / "articles")
    shutil.rmtree(root / "rejects")
    with pytest.raises(LedgerError, match="9 of 9 files are missing"):
        repair(root, NOW)
    assert deltalog.last_version(root) == 2


def test_it_needs_the_lock_a_root_and_a_sound_log(root: Path, tmp_path: Path) -> None:
    with Ledger(root), pytest.raises(RootBusy):
        repair(root, NOW)
    with pytest.raises(RootError, match="no such folder"):
        repair(tmp_path / "none", NOW)
    assert not (tmp_path / "none").exists()
    deltalog.entry_path(root, 1).write_bytes(b"{}")
    with pytest.raises(LedgerError, match="damaged"):
        repair(root, NOW)


def test_what_an_interrupted_run_left_goes(root: Path) -> None:
    left = root / "_staging" / "000003-20261120T063000Z"
    left.mkdir(parents=True)
    (left / "articles.2026-11-19.x.parquet").write_bytes(b"")
    assert repair(root, NOW).done == (f"{left}: an interrupted run, completed or thrown away",)
    assert not left.exists()


def test_a_damaged_checkpoint_is_made_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "CHECKPOINT_EVERY", 2)
    with Ledger(root) as held:
        commit_run(held, range(12, 16))
    (checkpoint,) = root.glob("_delta_log/*.checkpoint.parquet")
    for path in (checkpoint, root / "_delta_log" / "_last_checkpoint"):
        data = path.read_bytes()
        path.write_bytes(data[:-9])
        assert verify(root).faults
        with Ledger(root) as held:
            assert len(held.files()) == 8
        assert repair(root, NOW).left.faults == ()
        assert path.read_bytes() == data


def test_an_old_state_that_is_damaged_goes_and_the_last_one_does_not(root: Path) -> None:
    first, *_, last = sorted((root / "_state").iterdir())
    first.write_bytes(b"{}")
    assert repair(root, NOW).left.faults == ()
    assert not first.exists()
    last.write_bytes(b"{}")
    with pytest.raises(LedgerError, match=last.name):
        repair(root, NOW)


@pytest.mark.parametrize("step", range(2, 24, 3))
def test_stopped_at_any_step_it_goes_on_behind(root: Path, step: int) -> None:
    damage(min((root / "articles" / "date=2026-11-19").iterdir()))
    try:
        repair(root, NOW, Disk(Device(root), Accident.DEATH, step))
    except Gone:
        repair(root, NOW)
    found = verify(root)
    assert (found.faults, len(found.quarantined)) == ((), 1)
    assert seen(root) == ids(1, *range(3, 12))


def test_the_command_says_what_it_did(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage(min((root / "articles" / "date=2026-11-19").iterdir()))
    assert main(["verify", "--root", str(root)]) == 1
    capsys.readouterr()
    assert main(["verify", "--root", str(root), "--repair", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["faults"], len(told["done"]), told["again"][0]["found"][0]["article_id"]) == ([], 2, f"{0:016x}")
    assert main(["verify", "--root", str(root)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].endswith(": taken out of the data set")
    assert out[1].endswith("8 files (8 known to be sound by their sha256), 13 rows, 3 runs, 0 faults")


def test_bits_that_flip_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert flips.main(["--count", "40", "--seed", "2"]) == 0
    told = capsys.readouterr().out
    assert "40 of 40 flips named" in told
    assert "4 of      4 harmless" in told
