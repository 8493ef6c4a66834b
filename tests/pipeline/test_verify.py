from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import deltalog, known_index, ledger
from pipeline import verify as verifying
from pipeline.cli import main
from pipeline.forget import forget
from pipeline.ledger import Counts, Ledger, LedgerError, RootError
from pipeline.upkeep import seal
from pipeline.verify import verify
from tests.pipeline.rows import NOW, article, commit_run, stage_articles
from transforms.parquet import hash_file, read_rows
from transforms.storage import Storage

LATER = NOW + dt.timedelta(days=1)


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
    for since in ("000001-20261120T063000Z", dt.date(2026, 11, 20)):
        edit_entry(root, 0, lambda action: action.get("commitInfo", {}).get("knipsel", {}).update(committed_at=0))
        found = verify(root, since)
        assert {fault.partition(":")[0] for fault in found.faults} == {str(late)}
        assert (found.unread, found.files, found.untrusted) == (3, 6, (late.relative_to(root).as_posix(),))
    early.write_bytes(b"")
    assert f"{early}: damaged (holds 0 bytes" in verify(root, dt.date(2026, 11, 20)).faults[0]
    early.unlink()
    assert f"{early}: missing" in verify(root, dt.date(2026, 12, 31)).faults
    with pytest.raises(LedgerError, match="no run 000009-20261120T063000Z in the log"):
        verify(root, "000009-20261120T063000Z")


@pytest.mark.parametrize("since", ["abc", "2026-11-31", "000009", ""])
def test_what_is_neither_run_nor_date_is_a_usage_error(
    root: Path, since: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["verify", "--root", str(root), "--since", since])
    said = capsys.readouterr().err
    assert left.value.code == 2
    assert f"{since!r} is neither the id of a run nor a date" in said
    assert len(said.splitlines()) == 1


class Watched(Storage):
    """A disk on which the data set is checked after every step."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.steps = 0
        self.faults: list[str] = []

    def look(self) -> None:
        self.steps += 1
        self.faults += verify(self.root).faults

    def create(self, path: Path, data: bytes) -> None:
        super().create(path, data)
        self.look()

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.look()

    def link(self, source: Path, target: Path) -> None:
        super().link(source, target)
        self.look()

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self.look()

    def remove_folder(self, path: Path) -> None:
        super().remove_folder(path)
        self.look()


def test_whoever_erases_or_commits_meanwhile_is_at_no_fault(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_index, "MOST_BESIDE", 1)
    monkeypatch.setattr(ledger, "CHECKPOINT_EVERY", 2)
    with Ledger(root) as held:
        known_index.known_files(held)
    disk = Watched(root)
    assert forget(root, ["https://oudewal.example/news/4"], now=LATER, storage=disk).files == 1
    assert (disk.faults, disk.steps > 10) == ([], True)
    with Ledger(root, storage=disk) as held:
        known_index.known_files(held, disk)
        commit_run(held, range(8, 12), storage=disk)
    assert (disk.faults, disk.steps > 30) == ([], True)


@pytest.mark.parametrize("before", ["check_file", "_log_faults", "_state_faults", "_double_keys"])
def test_it_looks_again_where_the_log_has_moved_on(root: Path, monkeypatch: pytest.MonkeyPatch, before: str) -> None:
    """Between any two steps of a look an article may be erased and a run may commit."""
    step: Callable[..., Any] = getattr(verifying, before)
    left = ["https://oudewal.example/news/4"]

    def late(*words: Any) -> Any:
        while left:
            assert forget(root, [left.pop()], now=LATER).files == 1
            with Ledger(root) as held:
                commit_run(held, range(8, 12))
        return step(*words)

    monkeypatch.setattr(verifying, before, late)
    assert verify(root).faults == ()
    assert not left


def test_a_fault_beside_a_writer_is_still_a_fault(root: Path) -> None:
    path = first_file(root)
    path.unlink()
    with Ledger(root):
        assert verify(root).faults == (f"{path}: missing",)


def test_a_state_that_no_run_left_is_named(root: Path) -> None:
    path = root / "_state" / "000009-20261120T063000Z.json"
    path.write_text("{}")
    assert verify(root).faults == (f"{path}: not in the log",)
