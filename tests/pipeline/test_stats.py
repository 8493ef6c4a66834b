"""A data set in figures."""

from __future__ import annotations

import datetime as dt
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipeline.ledger import Counts, Ledger
from pipeline.show import ShowError
from pipeline.stats import GROUPS, figures, stats
from pipeline.tabular import Format
from schemas.article import Article, Tag
from schemas.reject import Reason
from tests.pipeline import rows

LATER = rows.NOW + dt.timedelta(days=1)
ECONOMY = Tag("medtop", "04000000", "economy", 0.7, "haven")


def article(number: int, run_id: str, source: str, **columns: Any) -> Article:
    return replace(rows.article(number, run_id), source_id=source, **columns)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs: three articles of two outlets and two dead letters; then a new version, a copy, four duplicates."""
    made = tmp_path_factory.mktemp("stats") / "out"
    with Ledger(made) as ledger:
        run_id = ledger.next_run_id(rows.NOW)
        first = [
            article(1, run_id, "oudewal", clutter_ratio=0.2, body_chars=100, agency="ANP"),
            article(
                2, run_id, "oudewal", clutter_ratio=0.4, body_chars=300, tags=(ECONOMY, *rows.article(2, "").tags)
            ),
            article(3, run_id, "kust", clutter_ratio=0.0, body_chars=200, tags=(), language="und", access="locked"),
        ]
        letters = [replace(rows.reject(1, run_id), source_id="kust")]
        letters += [replace(rows.reject(2, run_id, code=Reason.HTTP_STATUS), source_id=None)]
        files = [
            rows.stage_articles(ledger.staging(run_id), f"{run_id}-0.parquet", first),
            rows.stage_rejects(ledger.staging(run_id), f"{run_id}-1.parquet", letters),
        ]
        reasons = {"EMPTY": 1, "HTTP_STATUS": 1}
        ledger.commit(run_id, files, None, Counts(5, 3, 0, 1, 1, reasons), config_hash="c", now=rows.NOW)
        run_id = ledger.next_run_id(LATER)
        second = [
            article(
                1, run_id, "oudewal", version=2, clutter_ratio=0.2, body_chars=100, partition_date=rows.OTHER_DAY
            ),
            article(4, run_id, "kust", duplicate_of="x", body_chars=100, partition_date=rows.OTHER_DAY),
        ]
        files = [rows.stage_articles(ledger.staging(run_id), f"{run_id}-0.parquet", second, rows.OTHER_DAY)]
        ledger.commit(run_id, files, None, Counts(6, 2, 4, 0, 0), config_hash="c", now=LATER)
    return made


def told(
    root: Path, by: str | None = None, *, since: dt.date | None = None, until: dt.date | None = None
) -> list[dict[str, Any]]:
    output = root.parent / "stats.json"
    stats(root, Console(), by=by, since=since, until=until, form=Format.JSON, output=output)
    return [json.loads(line) for line in output.read_text("utf-8").splitlines()]


def test_the_whole(root: Path) -> None:
    assert told(root) == [
        {
            "outlets": 2,
            "first": "2026-11-19",
            "last": "2026-11-20",
            "articles": 4,
            "versions": 5,
            "copies": 1,
            "clutter": 0.2,
            "chars": 100,
            "duplicates": 4,
            "filtered": 1,
            "rejected": 1,
            "codes": {"EMPTY": 1, "HTTP_STATUS": 1},
        }
    ]


def test_by_outlet_with_the_dead_letters_of_each(root: Path) -> None:
    empty = {"articles": 0, "versions": 0, "copies": 0, "clutter": None, "chars": None}
    assert told(root, "outlet") == [
        {
            "outlet": "kust",
            "articles": 2,
            "versions": 2,
            "copies": 1,
            "clutter": 0.05,
            "chars": 150,
            "codes": {"EMPTY": 1},
        },
        {"outlet": "oudewal", "articles": 2, "versions": 3, "copies": 0, "clutter": 0.2, "chars": 100, "codes": {}},
        {"outlet": None, **empty, "codes": {"HTTP_STATUS": 1}},
    ]


def test_by_day_the_latest_first(root: Path) -> None:
    found = told(root, "date")
    assert [(one["date"], one["articles"], one["codes"]) for one in found] == [
        ("2026-11-20", 2, {"EMPTY": 1, "HTTP_STATUS": 1}),
        ("2026-11-19", 3, {}),
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("language", {"en": 3, "und": 1}),
        ("topic", {"transport": 3, "economy": 1, None: 1}),
        ("agency", {"ANP": 1, None: 4}),
        ("access", {"unknown": 3, "locked": 1}),
        ("kind", {"jsonl": 4}),
    ],
)
def test_by_what_an_article_says_of_itself(root: Path, by: str, expected: dict[str | None, int]) -> None:
    found = {one[by]: one["articles"] for one in told(root, by)}
    assert found == expected
    assert set(told(root, by)[0]) == {by, "articles", "versions", "copies", "clutter", "chars"}


def test_a_span_of_days_is_that_of_articles_and_of_runs(root: Path) -> None:
    (first,) = told(root, until=rows.NOW.date() - dt.timedelta(days=1))
    assert (first["articles"], first["duplicates"], first["codes"]) == (3, 0, {})
    (second,) = told(root, since=rows.NOW.date())
    assert (second["articles"], second["duplicates"], second["rejected"]) == (2, 4, 1)
    (last,) = told(root, since=LATER.date())
    assert (last["articles"], last["duplicates"], last["clutter"], last["first"]) == (0, 4, None, None)
    assert told(root, "topic", since=LATER.date()) == []


def test_people_get_a_table_that_fits(root: Path) -> None:
    for by in (None, *GROUPS):
        file = io.StringIO()
        stats(root, Console(file=file, width=80), by=by)
        lines = file.getvalue().splitlines()
        assert max(map(len, lines)) <= 80
        assert len(lines) > 1
    file = io.StringIO()
    stats(root, Console(file=file, width=80), by="outlet", limit=1)
    assert "EMPTY 1" in file.getvalue()
    assert "there are more" in file.getvalue()


def test_there_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(ShowError, match="holds no data set"), figures(tmp_path):
        pass
    with pytest.raises(ShowError, match="holds no data set"):
        stats(tmp_path, Console(), by="outlet")
