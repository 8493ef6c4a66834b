from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import deltalog
from pipeline.ledger import Counts, Ledger, LedgerError, RootError
from pipeline.upkeep import seal
from pipeline.verify import verify
from tests.pipeline.rows import NOW, article, commit_run, stage_articles
from transforms.parquet import hash_file, read_rows


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with Ledger(tmp_path / "out") as ledger:
        commit_run(ledger, range(4))
        commit_run(ledger, range(4, 8))
    return tmp_path / "out"


def first_file(root: Path, table: str = "articles") -> Path:
    return min(path for path in (root / table).rglob("*") if path.is_file())


def edit_entry(root: Path, version: int, change: Callable[[dict[str, Any]], None]) -> Path:
    """Change the lines of an entry of the log, each by its one action."""
    path = deltalog.entry_path(root, version)
    actions = [json.loads(line) for line in path.read_text().splitlines()]
    for action in actions:
        change(action)
    lines = (json.dumps(action, separators=(",", ":")) + "\n" for action in actions)
    path.write_bytes(seal("".join(lines).encode()))
    return path


def rewrite(root: Path, path: Path, table: pa.Table) -> None:
    """Put other rows into a published file, and make the log agree with its bytes."""
    pq.write_table(table, path, write_page_checksum=True)
    name, sha256, size = path.name, hash_file(path), path.stat().st_size

    def change(action: dict[str, Any]) -> None:
        if "commitInfo" in action:
            for file in action["commitInfo"]["knipsel"]["files"]:
                if file["name"] == name:
                    file.update(sha256=sha256, bytes=size)
        elif action.get("add", {}).get("path", "").endswith(name):
            action["add"]["size"] = size

    edit_entry(root, int(name[:6]), change)


def test_a_sound_data_set_has_no_faults(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    found = verify(root)
    assert (found.faults, found.files, found.rows, found.runs, found.running) == ((), 6, 10, 2, False)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


def test_an_empty_root_has_no_faults_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    assert verify(tmp_path).faults == ()
    with pytest.raises(RootError, match="no such folder"):
        verify(tmp_path / "none")


@pytest.mark.parametrize("table", ["articles", "rejects"])
def test_a_missing_file_is_named(root: Path, table: str) -> None:
    path = first_file(root, table)
    path.unlink()
    assert verify(root).faults == (f"{path}: missing",)


@pytest.mark.parametrize("name", ["articles/date=2026-11-19/x.parquet", "rejects/note.txt", "articles/.hidden"])
def test_a_file_that_the_log_does_not_know_is_named(root: Path, name: str) -> None:
    (root / name).write_bytes(b"")
    assert verify(root).faults == (f"{root / name}: not in the log",)


def test_one_flipped_bit_is_named_by_hash_and_by_page(root: Path) -> None:
    path = first_file(root)
    column = pq.read_metadata(path).row_group(0).column(0)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset + 60] ^= 1
    path.write_bytes(data)
    whole, page = verify(root).faults
    assert whole == f"{path}: damaged (sha256 differs from the log)"
    assert page.startswith(f"{path}: cannot be read (")
    assert "CRC" in page


def test_a_file_cut_short_is_named(root: Path) -> None:
    path = first_file(root)
    path.write_bytes(path.read_bytes()[:-100])
    assert all(str(path) in fault for fault in verify(root).faults)
    assert len(verify(root).faults) == 2


def test_a_changed_type_is_named(root: Path) -> None:
    path = first_file(root)
    table = read_rows(path)
    place = table.schema.get_field_index("body_chars")
    rewrite(root, path, table.set_column(place, "body_chars", table["body_chars"].cast(pa.int64())))
    (fault,) = verify(root).faults
    assert fault == f"{path}: column body_chars: int64, not body_chars: int32 not null"


def test_a_missing_or_unknown_column_is_named(root: Path) -> None:
    path = first_file(root)
    table = read_rows(path)
    rewrite(root, path, table.drop_columns(["headline"]).append_column("mood", pa.nulls(table.num_rows)))
    assert verify(root).faults == (
        f"{path}: column mood is none of the contract",
        f"{path}: column headline is missing",
    )


def test_a_file_of_an_older_version_may_lack_a_newer_column(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = first_file(root)
    rewrite(root, path, read_rows(path).drop_columns(["headline"]))
    monkeypatch.setattr("pipeline.file_check.SCHEMA_VERSION", 2)
    assert verify(root).faults == ()
    rewrite(root, path, read_rows(path).drop_columns(["language"]))
    assert verify(root).faults == (f"{path}: column language is missing",)


def test_rows_that_went_missing_unbalance_the_books(root: Path) -> None:
    path = first_file(root)
    rewrite(root, path, read_rows(path).slice(1))
    short, books = verify(root).faults
    assert short == f"{path}: holds 1 rows, 2 in the log"
    assert books.startswith(f"{deltalog.entry_path(root, 0)}: run 000000-20261120T063000Z: the books count 4 rows")


def test_a_key_that_stands_twice_is_named(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        for _ in range(2):
            run_id = ledger.next_run_id(NOW)
            file = stage_articles(ledger.staging(run_id), f"{run_id}-0.parquet", [article(7, run_id)])
            ledger.commit(run_id, [file], None, Counts(1, 1, 0, 0, 0), config_hash="", now=NOW)
        commit_run(ledger, [7], version=2)
    (fault,) = verify(tmp_path).faults
    assert "article 0000000000000007 version 1 stands there 2 times, also in articles/date=2026-11-19/000001" in fault


def test_rows_of_another_day_or_run_are_named(root: Path) -> None:
    one, other = (sorted(root.glob(f"articles/date=2026-11-{day}/000000-*"))[0] for day in (19, 20))
    rewrite(root, one, read_rows(other))
    assert f"{one}: holds rows of 2026-11-20" in verify(root).faults
    (later,) = root.glob("articles/date=2026-11-19/000001-*")
    rewrite(root, one, read_rows(later))
    assert f"{one}: holds rows of run 000001-20261120T063000Z" in verify(root).faults


@pytest.mark.parametrize(
    ("counts", "fault"),
    [
        ({"read": 9}, "the books do not balance"),
        ({"reasons": {"TOO_LARGE": 1}}, "the reasons in the books are not those in the files"),
        (
            {"read": 6, "rejected": 2, "reasons": {"EMPTY": 2}},
            "the books count 2 rows of rejects, the files hold 1",
        ),
    ],
)
def test_false_books_are_named(root: Path, counts: dict[str, Any], fault: str) -> None:
    def change(action: dict[str, Any]) -> None:
        if "commitInfo" in action:
            action["commitInfo"]["knipsel"]["counts"].update(counts)

    path = edit_entry(root, 1, change)
    (found,) = verify(root).faults
    assert found.startswith(f"{path}: run 000001-20261120T063000Z: {fault}")


def test_a_damaged_state_is_named_and_a_missing_one_if_it_is_the_last(root: Path) -> None:
    first, second = sorted((root / "_state").iterdir())
    held = first.read_bytes()
    first.unlink()
    assert verify(root).faults == (), "old states are removed in time"
    first.write_bytes(b"{}")
    second.unlink()
    assert [fault.partition(":")[0] for fault in verify(root).faults] == [str(first), str(second)]
    first.write_bytes(held)
    assert [fault.partition(":")[0] for fault in verify(root).faults] == [str(second)]


def test_a_log_that_adds_other_files_is_named(root: Path) -> None:
    def change(action: dict[str, Any]) -> None:
        if "add" in action:
            action["add"]["size"] += 1

    path = edit_entry(root, 0, change)
    assert verify(root).faults == (f"{path}: adds other files than its run wrote",)


def test_a_torn_checkpoint_is_named(root: Path) -> None:
    pointer = root / "_delta_log" / "_last_checkpoint"
    pointer.write_text('{"version":1,"size":3}')
    (root / "_delta_log" / f"{1:020d}.checkpoint.parquet").write_bytes(b"PAR1")
    ours, theirs = verify(root).faults
    assert ours.startswith(f"{pointer}: damaged, or ")
    assert theirs.startswith(f"{root / '_delta_log'}: Delta readers fail on it (")


def test_a_damaged_entry_of_the_log_is_named(root: Path) -> None:
    path = deltalog.entry_path(root, 1)
    path.write_text("{")
    (fault,) = verify(root).faults
    assert fault.startswith(f"{path}: damaged")


def test_what_a_killed_run_left_is_named_and_what_a_running_one_has_is_not(root: Path) -> None:
    left = root / "_staging" / "000002-20261120T063000Z"
    left.mkdir()
    (left / "articles.2026-11-19.x.parquet").write_bytes(b"")
    assert verify(root).faults == (f"{left}: left by an interrupted run; the next run removes it",)
    shutil.rmtree(left)
    with Ledger(root) as ledger:
        ledger.staging(ledger.next_run_id(NOW))
        found = verify(root)
        assert (found.faults, found.running) == ((), True)
    assert list((root / "_staging").iterdir()) == []


def test_every_bit_of_an_entry_is_vouched_for(root: Path) -> None:
    path = deltalog.entry_path(root, 1)
    data = path.read_bytes()
    for bit in range(0, 8 * len(data), 61):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            assert deltalog.read_entry(root, 1).record is None, bit
        except LedgerError:
            continue


def test_an_entry_of_an_earlier_version_has_no_seal(root: Path) -> None:
    path = deltalog.entry_path(root, 1)
    path.write_bytes(re.sub(rb',"entry_sha256":"[0-9a-f]{64}"', b"", path.read_bytes()))
    assert verify(root).faults == ()


def test_a_text_that_is_none_is_named(root: Path) -> None:
    path = first_file(root)
    table = read_rows(path)
    bad = pa.array([b"\xff\xfe"] * table.num_rows, pa.binary()).view(pa.string())
    rewrite(root, path, table.set_column(table.schema.get_field_index("headline"), "headline", bad))
    (fault,) = verify(root).faults
    assert fault.startswith(f"{path}: cannot be read (")
    assert "UTF8" in fault


def test_only_later_files_are_read_if_so_asked(root: Path) -> None:
    early, late = (min(root.glob(f"articles/*/00000{run}-*")) for run in (0, 1))
    for path in (early, late):
        data = bytearray(path.read_bytes())
        data[100] ^= 1
        path.write_bytes(data)
    for since in ("000001-20261120T063000Z", "2026-11-20"):
        edit_entry(root, 0, lambda action: action.get("commitInfo", {}).get("knipsel", {}).update(committed_at=0))
        found = verify(root, since)
        assert {fault.partition(":")[0] for fault in found.faults} == {str(late)}
        assert (found.unread, found.files, found.untrusted) == (3, 6, (late.relative_to(root).as_posix(),))
    early.write_bytes(b"")
    assert f"{early}: damaged (holds 0 bytes" in verify(root, "2026-11-20").faults[0]
    early.unlink()
    assert f"{early}: missing" in verify(root, "2026-12-31").faults
    for unknown in ("000009-20261120T063000Z", "yesterday"):
        with pytest.raises(LedgerError, match=unknown):
            verify(root, unknown)


def test_a_state_that_no_run_left_is_named(root: Path) -> None:
    path = root / "_state" / "000009-20261120T063000Z.json"
    path.write_text("{}")
    assert verify(root).faults == (f"{path}: not in the log",)
