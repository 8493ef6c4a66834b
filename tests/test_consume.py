"""Every snippet of the guide for readers, run on a small data set."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.ledger import Ledger
from schemas.article import ARTICLES
from tests.pipeline.rows import OTHER_DAY, article, commit_run
from tests.test_readme import Block, blocks

PAGE = "docs/consume.md"
SPARK = [block for block in blocks(PAGE, "python") if "pyspark" in block.text]
OTHERS = [block for block in blocks(PAGE, "python") if "pyspark" not in block.text]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three nights: nine articles of two days, the last night two of them in a second version."""
    folder = tmp_path_factory.mktemp("consume")
    with Ledger(folder / "out") as ledger:
        commit_run(ledger, range(6))
        commit_run(ledger, range(6, 9))
        commit_run(ledger, [1, 2], version=2)
    return folder


ROWS, IDS = 11, 9
DAY = [number for number in (*range(9), 1, 2) if number % 2]


def numbers(found: list[str]) -> list[int]:
    return sorted(int(one, 16) for one in found)


def check(found: dict[str, Any]) -> None:
    """That what a snippet has found under the names that mean something here is what there is."""
    told = {"articles", "newest", "day", "first", "characters", "before", "books", "new", "left"} & found.keys()
    assert told
    if "articles" in found:
        assert len(found["articles"]) == ROWS
    if "newest" in found:
        assert dict(zip(found["newest"]["article_id"], found["newest"]["version"], strict=True)) == {
            f"{number:016x}": 1 + (number in (1, 2)) for number in range(IDS)
        }
    if "day" in found:
        assert numbers([row["article_id"] for row in as_rows(found["day"])]) == sorted(DAY)
    if "first" in found:
        assert found["first"].num_rows == 6
    if "characters" in found:
        assert found["characters"] == sum(article(number, "", day=OTHER_DAY).body_chars for number in DAY)
    if "before" in found:
        assert len(found["before"]) == ROWS
        assert all(text.startswith("Read moreThe ferry to Oudewal") for text in found["before"])
    if "books" in found:
        assert [books["written"] for books in found["books"]] == [2, 3, 6]
    if "new" in found:
        assert numbers([row[0] for row in found["new"]]) == [1, 2, 6, 7, 8]
    if "left" in found:
        assert len(found["left"]) == ROWS


def as_rows(table: Any) -> list[dict[str, Any]]:
    """Rows of whatever library."""
    if hasattr(table, "to_dicts"):
        return list(table.to_dicts())
    return list(table.to_dict("records") if hasattr(table, "to_dict") else table.to_pylist())


@pytest.mark.parametrize("block", OTHERS, ids=lambda block: block.text.split("\n")[-2][:40])
def test_the_python_runs(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    found: dict[str, Any] = {}
    exec(compile(block.text, PAGE, "exec"), found)
    check(found)


@pytest.mark.parametrize("block", blocks(PAGE, "sql"), ids=lambda block: block.text.split("\n")[0])
def test_the_sql_runs(block: Block, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    rows = duckdb.execute(block.text).fetchall()
    if "qualify" in block.text:
        assert len(rows) == IDS
    else:
        assert rows == [("transport", ROWS)] or rows == [("EMPTY", 3)]


_TOLD = """
import json

told = {"articles": [row.asDict(recursive=True) for row in articles], "day": [row[0] for row in day]}
print(json.dumps(told, default=str))
"""


@pytest.mark.skipif(
    importlib.util.find_spec("pyspark") is None, reason="pyspark is not installed: pip install pyspark"
)
def test_spark(folder: Path) -> None:
    (block,) = SPARK
    ran = subprocess.run(
        [sys.executable, "-c", block.text + _TOLD],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "SPARK_LOCAL_IP": "127.0.0.1", "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert len(found["articles"]) == ROWS
    assert list(found["articles"][0]) == [*ARTICLES.names, "date"]
    assert all(row["date"] == row["partition_date"] for row in found["articles"])
    assert numbers(found["day"]) == sorted(DAY)
