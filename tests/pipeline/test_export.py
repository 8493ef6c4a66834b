"""Articles of some days as one file."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.cli import main
from pipeline.export import Selection, Shape, export
from pipeline.ledger import Counts, Ledger
from pipeline.show import Only
from schemas.article import ARTICLES, Tag
from tests.conftest import NOW
from tests.pipeline.rows import DAY, OTHER_DAY, article, stage_articles

ALL = Selection()
POLITICS = Tag("medtop", "11000000", "politics", 0.9, "council")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("export") / "out"
    with Ledger(root) as ledger:
        run_id = ledger.next_run_id(NOW)
        first = [article(3, run_id), replace(article(1, run_id), language="nl-BE", tags=(POLITICS,))]
        second = [
            replace(article(1, run_id, day=OTHER_DAY, version=2), language="nl"),
            replace(article(2, run_id, day=OTHER_DAY), source_id="zuidkade", source_name="Zuidkade"),
            replace(article(4, run_id, day=OTHER_DAY), source_id="zuidkade"),
        ]
        folder = ledger.staging(run_id)
        files = [
            stage_articles(folder, f"{run_id}-0.parquet", first, DAY),
            stage_articles(folder, f"{run_id}-1.parquet", second, OTHER_DAY),
        ]
        ledger.commit(run_id, files, None, Counts(5, 5, 0, 0, 0), config_hash="c0ffee", now=NOW)
    return root


def lines(root: Path, folder: Path, selection: Selection = ALL, **how: Any) -> list[dict[str, Any]]:
    path = folder / "rows.jsonl"
    export(root, selection, Console(), output=path, **how)
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def numbers(found: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(int(row["article_id"]), row["version"]) for row in found]


def test_the_newest_version_of_each_article_by_date_and_id(root: Path, tmp_path: Path) -> None:
    found = lines(root, tmp_path)
    assert numbers(found) == [(3, 1), (1, 2), (2, 1), (4, 1)]
    assert list(found[0]) == ARTICLES.names
    assert numbers(lines(root, tmp_path, Selection(every_version=True))) == [(1, 1), (3, 1), (1, 2), (2, 1), (4, 1)]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(Only(until=DAY)), [(1, 1), (3, 1)]),
        (Selection(Only(since=OTHER_DAY)), [(1, 2), (2, 1), (4, 1)]),
        (Selection(Only(outlet="zuidkade")), [(2, 1), (4, 1)]),
        (Selection(Only(outlet="Zuidkade")), [(2, 1), (4, 1)]),
        (Selection(Only(outlet="elsewhere")), []),
        (Selection(language="nl", every_version=True), [(1, 1), (1, 2)]),
        (Selection(language="nl-BE", every_version=True), [(1, 1)]),
        (Selection(tag="Politics", every_version=True), [(1, 1)]),
        (Selection(tag="medtop:11000000", every_version=True), [(1, 1)]),
        (Selection(tag="20000763"), [(3, 1), (1, 2), (2, 1), (4, 1)]),
        (Selection(Only(since=dt.date(2027, 1, 1))), []),
    ],
)
def test_a_part(root: Path, tmp_path: Path, selection: Selection, expected: list[tuple[int, int]]) -> None:
    assert numbers(lines(root, tmp_path, selection)) == expected


def test_parquet_has_the_columns_and_types_of_the_data_set(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    export(root, Selection(), Console(), shape=Shape.PARQUET, output=path)
    table = pq.read_table(path)
    assert table.schema.equals(ARTICLES)
    assert table.num_rows == 4
    export(root, Selection(columns=("headline", "version")), Console(), shape=Shape.PARQUET, output=path)
    assert pq.read_schema(path).names == ["headline", "version"]
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_pipe(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--root", str(root), "--columns", "article_id,version", "--since", str(OTHER_DAY)]) == 0
    assert numbers([json.loads(line) for line in capfd.readouterr().out.splitlines()]) == [(1, 2), (2, 1), (4, 1)]


def test_what_cannot_be_exported(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--root", str(root), "--columns", "article_id,text"]) == 2
    assert "text: no column of articles" in capsys.readouterr().err
    assert main(["export", "--root", str(root), "--output", str(root / "articles" / "x.jsonl")]) == 1
    assert "lies in the data set" in capsys.readouterr().err
    assert main(["export", "--root", str(tmp_path / "none")]) == 1
    assert "holds no data set" in capsys.readouterr().err


def test_lines_for_a_run_give_the_same_articles_again(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    text = "De brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente. Er was taart voor {}."
    records: list[dict[str, Any]] = [
        {"url": f"https://oudewal.example/{n}", "title": f"Brug {n}", "published": published, "text": text.format(n)}
        for n, published in enumerate(("2026-11-18T06:30:00Z", "2026-11", "2026-11-17"))
    ]
    records.append(
        {"id": "brief-1", "source": "zuidkade", "text": text.format("de schout"), "authors": ["M. de Wit"]}
    )
    source.write_text("".join(json.dumps(record) + "\n" for record in records))
    run = ["--now", NOW.isoformat(), "--quiet", "--set", "run.workers=0"]
    assert main(["run", str(source), "--root", str(tmp_path / "one"), *run]) == 0
    path = tmp_path / "out.jsonl"
    assert main(["export", "--root", str(tmp_path / "one"), "--format", "knipsel", "--output", str(path)]) == 0
    assert main(["run", str(path), "--root", str(tmp_path / "two"), *run]) == 0
    columns = (
        "article_id",
        "content_hash",
        "headline",
        "body",
        "partition_date",
        "published_edtf",
        "source_id",
        "authors",
    )
    one, two = (lines(tmp_path / name, tmp_path, Selection(columns=columns)) for name in ("one", "two"))
    assert len(one) == 4
    assert one == two
