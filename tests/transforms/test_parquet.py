from __future__ import annotations

import datetime as dt
import errno
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.article import ARTICLES
from schemas.reject import REJECTS
from tests.pipeline.rows import (
    ARTICLE_ORDER,
    DAY,
    NOW,
    REJECT_ORDER,
    article,
    reject,
    stage_articles,
    stage_rejects,
)
from transforms.parquet import ContractError, StagedFile, hash_file, read_rows, stage_rows
from transforms.storage import DISK, Storage

RUN = "000000-20261120T063000Z"
NAME = f"{RUN}-0.parquet"


def rows(count: int = 3, **changes: Any) -> list[dict[str, Any]]:
    return [{**article(number, RUN).row(), **changes} for number in range(count)]


def stage(folder: Path, given_rows: list[dict[str, Any]], storage: Storage = DISK) -> StagedFile:
    return stage_rows(folder, NAME, given_rows, ARTICLES, ARTICLE_ORDER, date=DAY, storage=storage)


def test_what_is_written_is_what_was_handed_over(tmp_path: Path) -> None:
    staged = stage(tmp_path, rows())
    found = read_rows(tmp_path / staged.staged_name)
    assert found.schema.equals(ARTICLES)
    assert found.schema.metadata == ARTICLES.metadata
    assert found.to_pylist()[1]["removed"] == [
        {"start": 0, "end": 9, "kind": "teaser", "rule": "en-read-more", "text": "Read more"}
    ]
    assert found.to_pylist()[0]["published_at"] == dt.datetime(2026, 11, 19, 7, 0, tzinfo=dt.UTC)
    assert (staged.table, staged.date, staged.rows) == ("articles", "2026-11-19", 3)
    assert staged.path == f"articles/date=2026-11-19/{NAME}"
    assert staged.bytes == (tmp_path / staged.staged_name).stat().st_size
    assert staged.sha256 == hash_file(tmp_path / staged.staged_name)
    assert StagedFile(**staged.as_json()) == staged
    assert [path.name for path in tmp_path.iterdir()] == [staged.staged_name]


def test_some_columns_are_read_alone(tmp_path: Path) -> None:
    staged = stage(tmp_path, rows())
    assert read_rows(tmp_path / staged.staged_name, ["article_id"]).column_names == ["article_id"]


def test_the_file_is_zstd_with_page_checksums_and_no_pandas_metadata(tmp_path: Path) -> None:
    staged = stage(tmp_path, rows())
    metadata = pq.read_metadata(tmp_path / staged.staged_name)
    group = metadata.row_group(0)
    assert {group.column(number).compression for number in range(metadata.num_columns)} == {"ZSTD"}
    assert set(metadata.metadata) == {b"knipsel.schema_version", b"knipsel.table", b"ARROW:schema"}
    path = tmp_path / staged.staged_name
    data = bytearray(path.read_bytes())
    data[group.column(0).data_page_offset + 60] ^= 1
    path.write_bytes(data)
    with pytest.raises(OSError, match="CRC"):
        read_rows(path)


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_the_order_of_the_rows_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, numbers: list[int]
) -> None:
    # The same reference and code may come twice; only the message tells those rows apart.
    letters = [{**reject(number, RUN).row(), "message": f"{place}"} for place, number in enumerate(numbers)]
    digests = set()
    for _ in range(2):
        chance.shuffle(letters)
        folder = tmp_path_factory.mktemp("staging")
        digests.add(stage_rows(folder, NAME, letters, REJECTS, REJECT_ORDER, date=DAY).sha256)
    assert len(digests) == 1


def test_rows_are_sorted_and_nulls_come_last(tmp_path: Path) -> None:
    letters = [{**reject(number, RUN).row(), "url": url} for number, url in enumerate([None, "b", "a"])]
    staged = stage_rows(tmp_path, NAME, letters, REJECTS, ["url"], date=DAY)
    assert read_rows(tmp_path / staged.staged_name)["url"].to_pylist() == ["a", "b", None]


def test_statistics_are_those_of_the_rows(tmp_path: Path) -> None:
    staged = stage(tmp_path, [*rows(2), {**article(9, RUN).row(), "published_at": None}])
    assert staged.statistics == (
        '{"numRecords":3,'
        '"minValues":{"article_id":"0000000000000000","partition_date":"2026-11-19",'
        '"published_at":"2026-11-19T07:00:00.000000Z"},'
        '"maxValues":{"article_id":"0000000000000009","partition_date":"2026-11-19",'
        '"published_at":"2026-11-19T07:01:00.000000Z"},'
        '"nullCount":{"article_id":0,"partition_date":0,"published_at":1}}'
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("article_id", None),
        ("article_id", 7),
        ("article_id", b"7"),
        ("headline", "\ud800"),
        ("version", "1"),
        ("version", 1.0),
        ("version", True),
        ("version", 40_000),
        ("clutter_ratio", "0.1"),
        ("clutter_ratio", float("nan")),
        ("partition_date", dt.datetime(2026, 11, 19, tzinfo=dt.UTC)),
        ("published_at", dt.date(2026, 11, 19)),
        ("published_at", dt.datetime(2026, 11, 19, 7)),
        ("authors", "M. de Wit"),
        ("authors", [1]),
        ("removed", [{"start": 0, "end": 9}]),
        ("tags", [("medtop", "1")]),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_the_name_of_its_column(
    tmp_path: Path, column: str, value: object
) -> None:
    with pytest.raises(ContractError, match=f"column {column}: "):
        stage(tmp_path, [*rows(1), {**article(5, RUN).row(), column: value}])
    assert list(tmp_path.iterdir()) == []


def test_columns_are_neither_missing_nor_unknown(tmp_path: Path) -> None:
    short = rows(1)
    del short[0]["headline"]
    with pytest.raises(ContractError, match="headline"):
        stage(tmp_path, short)
    with pytest.raises(ContractError, match="mood"):
        stage(tmp_path, rows(1, mood="sour"))
    assert list(tmp_path.iterdir()) == []


def test_every_row_belongs_to_the_day_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="partition_date"):
        stage(tmp_path, rows(1, partition_date=dt.date(2026, 11, 18)))


@pytest.mark.parametrize(
    "changes",
    [
        {"table": "../articles"},
        {"table": "reports"},
        {"date": "../../etc"},
        {"date": "20261119"},
        {"date": "unknown"},
        {"date": "2026-02-30"},
        {"name": "../x.parquet"},
        {"name": ".x.parquet"},
        {"name": "x.parquet\n"},
        {"name": "x.txt"},
    ],
)
def test_no_name_leads_out_of_the_data_set(changes: dict[str, str]) -> None:
    fields: dict[str, Any] = {
        "table": "articles",
        "date": "2026-11-19",
        "name": NAME,
        "rows": 1,
        "bytes": 1,
        "sha256": "0",
    }
    with pytest.raises(ContractError):
        StagedFile(**{**fields, **changes})


def test_a_disk_that_loses_bytes_is_noticed(tmp_path: Path) -> None:
    class Lossy(Storage):
        def create(self, path: Path, data: bytes) -> None:
            super().create(path, data[:-4] + b"PAR0")

    with pytest.raises(OSError, match="read back"):
        stage(tmp_path, rows(), Lossy())


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        DISK.create(Path("/dev/full"), b"x")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == "/dev/full"


def test_both_tables_are_staged_in_one_flat_folder(tmp_path: Path) -> None:
    first = stage_articles(tmp_path, NAME, [article(1, RUN)])
    second = stage_rejects(tmp_path, NAME, [reject(1, RUN)])
    assert second.path == f"rejects/date={NOW.date()}/{NAME}"
    assert {path.name for path in tmp_path.iterdir()} == {first.staged_name, second.staged_name}


def test_a_file_that_is_no_parquet_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 but not really")
    with pytest.raises(pa.ArrowException):
        read_rows(path)
