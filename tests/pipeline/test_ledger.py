from __future__ import annotations

import datetime as dt
import json
import multiprocessing
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable

from pipeline import deltalog
from pipeline.ledger import Counts, Ledger, LedgerError, RootBusy, RootError
from pipeline.verify import verify
from tests.pipeline.rows import (
    DAY,
    NOW,
    OTHER_DAY,
    article,
    commit_run,
    reject,
    stage_articles,
    stage_rejects,
)
from transforms.parquet import ContractError, StagedFile

NOTHING = Counts(0, 0, 0, 0, 0)


def commit_articles(ledger: Ledger, numbers: Sequence[int], day: dt.date = DAY) -> int:
    run_id = ledger.next_run_id(NOW)
    chosen = [article(number, run_id, day=day) for number in numbers]
    file = stage_articles(ledger.staging(run_id), f"{run_id}-0.parquet", chosen, day)
    count = len(numbers)
    return ledger.commit(run_id, [file], None, Counts(count, count, 0, 0, 0), config_hash="c0ffee", now=NOW)


def paths(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_a_commit_puts_everything_in_its_place(tmp_path: Path) -> None:
    root = tmp_path / "out"
    with Ledger(root) as ledger:
        assert (ledger.version, ledger.state, ledger.files()) == (-1, {}, ())
        assert commit_run(ledger, range(4)) == 0
        assert ledger.version == 0
    run = "000000-20261120T063000Z"
    assert paths(root) == {
        f"articles/date=2026-11-19/{run}-0.parquet",
        f"articles/date=2026-11-20/{run}-1.parquet",
        f"rejects/date=2026-11-20/{run}-2.parquet",
        "_delta_log/00000000000000000000.json",
        f"_state/{run}.json",
        "_lock",
    }
    with Ledger(root) as ledger:
        assert ledger.state == {"last": 3}
        assert [(file.date, file.rows) for file in ledger.files()] == [("2026-11-19", 2), ("2026-11-20", 2)]
        assert commit_run(ledger, range(4, 6)) == 1
        assert ledger.state == {"last": 5}
    assert verify(root).faults == ()


def test_every_reader_sees_the_same_rows(tmp_path: Path) -> None:
    with Ledger(tmp_path / "out") as ledger:
        commit_run(ledger, range(6))
        commit_run(ledger, range(6, 9))
    articles = tmp_path / "out" / "articles"
    expected = [f"{number:016x}" for number in range(9)]
    plain = ds.dataset(articles, partitioning="hive").to_table()["article_id"].to_pylist()
    table = DeltaTable(tmp_path / "out").to_pyarrow_dataset().to_table()
    delta_polars = pl.scan_delta(str(tmp_path / "out")).select("article_id").collect()
    query = f"select article_id, date from read_parquet('{articles}/**/*.parquet') order by 1"
    from_duckdb = duckdb.connect().execute(query).fetchall()
    assert sorted(plain) == sorted(table["article_id"].to_pylist()) == expected
    assert sorted(delta_polars["article_id"]) == expected
    assert sorted(pl.scan_parquet(articles).collect()["article_id"]) == expected
    assert from_duckdb[:2] == [(expected[0], DAY), (expected[1], OTHER_DAY)]
    assert table["date"].type == pa.date32()
    assert table["date"] == table["partition_date"]
    one_day = DeltaTable(tmp_path / "out").to_pyarrow_dataset().to_table(filter=ds.field("date") == DAY)
    assert one_day.num_rows == 5


def test_the_log_of_the_same_runs_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with Ledger(tmp_path / name) as ledger:
            commit_run(ledger, range(3))
            commit_run(ledger, range(3, 5))
    for path in paths(tmp_path / "one"):
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path


def test_the_delta_library_reads_our_books(tmp_path: Path) -> None:
    with Ledger(tmp_path / "out") as ledger:
        commit_run(ledger, range(3))
    table = DeltaTable(tmp_path / "out")
    assert table.history()[0]["knipsel"]["counts"] == {
        "read": 4, "written": 3, "duplicate": 0, "filtered": 0, "rejected": 1, "reasons": {"EMPTY": 1},
    }  # fmt: skip
    assert table.transaction_version("knipsel") == 0
    assert table.metadata().partition_columns == ["date"]
    assert table.metadata().configuration["delta.enableExpiredLogCleanup"] == "false"
    stats = table.get_add_actions(flatten=True)
    assert stats["num_records"].to_pylist() == [2, 1]
    assert stats["max.article_id"].to_pylist() == [f"{2:016x}", f"{1:016x}"]


def test_ids_follow_the_commits_when_the_clock_goes_back(tmp_path: Path) -> None:
    with Ledger(tmp_path / "out") as ledger:
        commit_run(ledger, [1], now=NOW)
        commit_run(ledger, [2], now=NOW - dt.timedelta(days=400))
        assert ledger.state == {"last": 2}
        names = [file.name for file in ledger.files()]
    assert names == sorted(names)
    assert names[1].startswith("000001-20251016T063000Z")
    with Ledger(tmp_path / "out") as ledger:
        assert ledger.state == {"last": 2}


def test_late_articles_are_new_files_under_the_old_day(tmp_path: Path) -> None:
    with Ledger(tmp_path / "out") as ledger:
        commit_articles(ledger, [1])
        before = {path: (tmp_path / "out" / path).read_bytes() for path in paths(tmp_path / "out")}
        commit_articles(ledger, [2], DAY)
    assert len(list((tmp_path / "out/articles/date=2026-11-19").iterdir())) == 2
    assert all((tmp_path / "out" / path).read_bytes() == data for path, data in before.items())


def test_a_run_with_dead_letters_alone_commits(tmp_path: Path) -> None:
    with Ledger(tmp_path / "out") as ledger:
        for number in range(2):
            run_id = ledger.next_run_id(NOW)
            letters = [reject(number, run_id)]
            file = stage_rejects(ledger.staging(run_id), f"{run_id}-0.parquet", letters)
            counts = Counts(1, 0, 0, 0, 1, {"EMPTY": 1})
            assert ledger.commit(run_id, [file], None, counts, config_hash="c0ffee", now=NOW) == number
        assert ledger.files() == ()
        assert commit_articles(ledger, [1]) == 2
    assert DeltaTable(tmp_path / "out").to_pyarrow_dataset().count_rows() == 1
    assert verify(tmp_path / "out").faults == ()


def test_the_state_stays_until_a_run_brings_another(tmp_path: Path) -> None:
    with Ledger(tmp_path / "out") as ledger:
        commit_run(ledger, [1])
        commit_articles(ledger, [2])
        assert ledger.state == {"last": 1}
        ledger.state["last"] = 99
        assert ledger.state == {"last": 1}
    with Ledger(tmp_path / "out") as ledger:
        assert ledger.state == {"last": 1}


def hold(root: Path, held: multiprocessing.synchronize.Event, done: multiprocessing.synchronize.Event) -> None:
    with Ledger(root):
        held.set()
        done.wait(30)


def test_a_second_run_is_turned_away(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    held, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path, held, done))
    other.start()
    assert held.wait(30)
    with pytest.raises(RootBusy, match="another run holds it"), Ledger(tmp_path):
        pass
    done.set()
    other.join()
    with Ledger(tmp_path):
        pass


@pytest.mark.parametrize("where", ["missing/out", "file", "/proc/out"])
def test_a_root_that_cannot_be_used_is_one_clear_line(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(RootError, match="cannot be used as a root") as caught, Ledger(tmp_path / where):
        pass
    assert "\n" not in str(caught.value)
    assert str(tmp_path / where) in str(caught.value)


def test_nothing_is_left_of_a_run_that_did_not_commit(tmp_path: Path) -> None:
    def fail() -> None:
        with Ledger(tmp_path) as ledger:
            run_id = ledger.next_run_id(NOW)
            stage_articles(ledger.staging(run_id), f"{run_id}-0.parquet", [article(1, run_id)])
            raise KeyError("engine")

    with pytest.raises(KeyError, match="engine"):
        fail()
    assert paths(tmp_path) == {"_lock"}


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (Counts(3, 2, 0, 0, 0), "do not balance"),
        (Counts(3, 2, 0, 0, 1), "do not balance"),
        (Counts(3, 4, -1, 0, 0), "do not balance"),
        (Counts(3, 3, 0, 0, 0), "3 rows of articles, the files hold 2"),
        (Counts(3, 2, 0, 0, 1, {"EMPTY": 1}), "1 rows of rejects, the files hold 0"),
    ],
)
def test_books_that_are_not_those_of_the_files_are_refused(tmp_path: Path, counts: Counts, message: str) -> None:
    with Ledger(tmp_path) as ledger:
        run_id = ledger.next_run_id(NOW)
        chosen = [article(number, run_id) for number in range(2)]
        file = stage_articles(ledger.staging(run_id), f"{run_id}-0.parquet", chosen)
        with pytest.raises(LedgerError, match=message):
            ledger.commit(run_id, [file], {"a": 1}, counts, config_hash="", now=NOW)
        assert ledger.version == -1
    assert paths(tmp_path) == {"_lock"}


def test_a_commit_of_other_files_or_another_run_is_refused(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        run_id = ledger.next_run_id(NOW)
        file = stage_articles(ledger.staging(run_id), f"{run_id}-0.parquet", [article(1, run_id)])

        def attempt(files: Sequence[StagedFile], run: str = run_id) -> None:
            rows = sum(item.rows for item in files)
            ledger.commit(run, files, None, Counts(rows, rows, 0, 0, 0), config_hash="", now=NOW)

        with pytest.raises(LedgerError, match="not as it was staged"):
            attempt([replace(file, bytes=file.bytes + 1)])
        with pytest.raises(LedgerError, match="not as it was staged"):
            attempt([replace(file, date="2026-11-18")])
        with pytest.raises(LedgerError, match="one name"):
            attempt([file, file])
        with pytest.raises(LedgerError, match="begin with the run"):
            attempt([replace(file, name="000009-20261120T063000Z-0.parquet")])
        with pytest.raises(LedgerError, match="an id of its own"):
            attempt([file], "000007-20261120T063000Z")
        with pytest.raises(LedgerError, match="no id of a run"):
            ledger.staging("../../elsewhere")
        attempt([file])


def test_checkpoints_keep_the_books_readable(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        for number in range(101):
            run_id = ledger.next_run_id(NOW)
            if number in (3, 100):
                commit_articles(ledger, [number])
            else:
                ledger.commit(run_id, [], {"last": number}, NOTHING, config_hash="", now=NOW)
    names = {path.name for path in (tmp_path / "_delta_log").iterdir()}
    assert {"_last_checkpoint", f"{99:020d}.checkpoint.parquet"} <= names
    assert len(names) == 101 + 2
    table = DeltaTable(tmp_path)
    assert table.version() == 100
    assert table.to_pyarrow_dataset().count_rows() == 2
    assert table.history(1)[0]["knipsel"]["number"] == 100
    with Ledger(tmp_path) as ledger:
        assert ledger.state == {"last": 99}
        assert len(ledger.files()) == 2
    assert verify(tmp_path).faults == ()


def test_a_column_that_changed_its_type_stops_the_run_before_it_begins(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        commit_articles(ledger, [1])
    path = deltalog.entry_path(tmp_path, 0)
    path.write_text(
        path.read_text().replace('body_chars\\",\\"type\\":\\"integer', 'body_chars\\",\\"type\\":\\"long')
    )
    with pytest.raises(ContractError, match="column body_chars"), Ledger(tmp_path):
        pass


def test_a_new_column_extends_the_table(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        commit_articles(ledger, [1])
    path = deltalog.entry_path(tmp_path, 0)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    (metadata,) = (line["metaData"] for line in lines if "metaData" in line)
    schema = json.loads(metadata["schemaString"])
    schema["fields"] = [column for column in schema["fields"] if column["name"] != "cluster_id"]
    metadata["schemaString"] = json.dumps(schema)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "cluster_id" not in DeltaTable(tmp_path).to_pyarrow_dataset().schema.names
    with Ledger(tmp_path) as ledger:
        commit_articles(ledger, [2])
        commit_articles(ledger, [3])
    assert "cluster_id" in DeltaTable(tmp_path).to_pyarrow_dataset().schema.names
    assert DeltaTable(tmp_path).metadata().id == metadata["id"]
    assert [deltalog.read_entry(tmp_path, version).schema_in for version in range(3)] == [0, 1, 1]


def test_damage_to_log_state_or_intent_is_named(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        commit_run(ledger, [1])
        commit_run(ledger, [2])
    (state,) = (tmp_path / "_state").glob("000001-*")
    kept = state.read_bytes()
    state.write_bytes(b'{"last":7}')
    with pytest.raises(LedgerError, match=state.name), Ledger(tmp_path):
        pass
    state.write_bytes(kept)
    first = deltalog.entry_path(tmp_path, 0)
    kept = first.read_bytes()
    first.unlink()
    with pytest.raises(LedgerError, match=first.name), Ledger(tmp_path):
        pass
    first.write_bytes(kept[:100])
    with pytest.raises(LedgerError, match=first.name), Ledger(tmp_path):
        pass
    first.write_bytes(kept)
    intent = tmp_path / "_staging" / "000002-20261120T063000Z" / "intent.json"
    intent.parent.mkdir()
    intent.write_text("{}")
    with pytest.raises(LedgerError, match=r"intent\.json"), Ledger(tmp_path):
        pass


def test_a_table_of_another_program_is_left_alone(tmp_path: Path) -> None:
    DeltaTable.create(tmp_path, schema=pa.schema([pa.field("a", pa.int64())]))
    with pytest.raises(LedgerError, match="another program"), Ledger(tmp_path):
        pass


def test_a_file_taken_out_by_another_program_is_no_longer_live(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        commit_articles(ledger, [1])
        commit_articles(ledger, [2])
    DeltaTable(tmp_path).delete()
    with Ledger(tmp_path) as ledger:
        assert ledger.files() == ()
        assert commit_articles(ledger, [3]) == 3
        assert len(ledger.files()) == 1
    assert [fault for fault in verify(tmp_path).faults if "another program" in fault]
