"""What the data set promises its readers: rows that fit, and files of all versions of the schema side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

import pipeline.build
from pipeline import deltalog, log_writer
from pipeline.cli import main
from pipeline.ledger import Counts, Ledger, LedgerError
from pipeline.verify import verify
from schemas.article import ARTICLES, Tag
from schemas.record import Draft
from tests.pipeline.rows import ARTICLE_ORDER, DAY, NOW, article, stage_articles
from transforms.parquet import stage_rows
from transforms.stage import Stage

LATER = ("cluster_id", "duplicate_of", "agency_evidence")
"""Columns that an earlier version of the schema is made without; all of them may be null."""


@pytest.fixture
def grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data set of two runs, the first of which knew fewer columns."""
    root = tmp_path / "out"
    early = pa.schema(
        [field for field in ARTICLES if field.name not in LATER],
        metadata={"knipsel.schema_version": "0", "knipsel.table": "articles"},
    )
    with monkeypatch.context() as then, Ledger(root) as ledger:
        then.setattr(log_writer, "ARTICLES", early)
        log_writer.table_schema.cache_clear()
        run_id = ledger.next_run_id(NOW)
        row = {name: value for name, value in article(1, run_id).row().items() if name not in LATER}
        name = f"{run_id}-1.parquet"
        file = stage_rows(
            ledger.staging(run_id), name, [{**row, "schema_version": 0}], early, ARTICLE_ORDER, date=DAY
        )
        ledger.commit(run_id, [file], None, Counts(1, 1, 0, 0, 0), config_hash="", now=NOW)
    log_writer.table_schema.cache_clear()
    with Ledger(root) as ledger:
        run_id = ledger.next_run_id(NOW)
        late = replace(article(2, run_id), cluster_id="c")
        file = stage_articles(ledger.staging(run_id), f"{run_id}-1.parquet", [late])
        ledger.commit(run_id, [file], None, Counts(1, 1, 0, 0, 0), config_hash="", now=NOW)
    return root


def test_files_of_two_versions_read_together_everywhere(grown: Path) -> None:
    folder = grown / "articles"
    whole = pl.from_arrow(ARTICLES.empty_table())
    assert isinstance(whole, pl.DataFrame)
    tables = {
        "DuckDB": duckdb.read_parquet(f"{folder}/**/*.parquet", union_by_name=True).to_arrow_table(),
        "pyarrow": ds.dataset(folder, schema=ARTICLES).to_table(),
        "Polars": pl.scan_parquet(folder, schema=whole.schema, missing_columns="insert").collect().to_arrow(),
        "Delta": DeltaTable(grown).to_pyarrow_table(),
        "Delta in Polars": pl.scan_delta(str(grown)).collect().to_arrow(),
    }
    expected = {(f"{1:016x}", None), (f"{2:016x}", "c")}
    for reader, table in tables.items():
        columns = (table[name].to_pylist() for name in ("article_id", "cluster_id"))
        assert set(zip(*columns, strict=True)) == expected, reader
        assert table.num_rows == 2, reader
    assert verify(grown).faults == ()


def test_the_version_stands_in_each_file(grown: Path) -> None:
    found = {pq.read_schema(path).metadata[b"knipsel.schema_version"] for path in grown.glob("articles/*/*")}
    assert found == {b"0", ARTICLES.metadata[b"knipsel.schema_version"]}


def test_the_next_run_appends_and_show_sees_all(
    grown: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text(json.dumps({"id": "1", "text": "De brug bij Veerhaven gaat om zes uur open."}) + "\n")
    assert main(["run", str(source), "--root", str(grown), "--quiet", "--workers", "0"]) == 0
    assert main(["show", "--root", str(grown)]) == 0
    assert "3 articles" in capsys.readouterr().out
    assert verify(grown).faults == ()


def test_an_article_that_stands_twice_in_a_run_fails_it(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        run_id = ledger.next_run_id(NOW)
        folder = ledger.staging(run_id)
        files = [
            stage_articles(folder, f"{run_id}-{part}.parquet", [article(part % 2, run_id)]) for part in (1, 2, 3)
        ]
        with pytest.raises(LedgerError, match="article 0000000000000001 version 1 was written 2 times"):
            ledger.commit(run_id, files, None, Counts(3, 3, 0, 0, 0), config_hash="", now=NOW)
        assert ledger.version == -1


def spoil(changes: dict[str, Any], draft: Draft) -> Draft:
    """What goes wrong on one article."""
    wrong = "wrong" in draft.article.body
    return replace(draft, article=replace(draft.article, **changes)) if wrong else draft


def load(changes: dict[str, Any]) -> Callable[[Draft], Draft]:
    return partial(spoil, changes)


def run_with(changes: dict[str, Any], root: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit status of a run with a stage before the last that spoils one of two articles."""
    stages = pipeline.build.stages

    def more(*given: Any) -> tuple[Stage, ...]:
        *usual, check = stages(*given)
        return (*usual, Stage("spoil", partial(load, changes)), check)

    monkeypatch.setattr(pipeline.build, "stages", more)
    texts = ("Everything is right with the ferry to Oudewal.", "Something is wrong with the ferry to Oudewal.")
    source.write_text("".join(json.dumps({"id": text[:4], "text": text}) + "\n" for text in texts))
    words = ["run", str(source), "--root", str(root), "--quiet", "--workers", "0"]
    return main([*words, "--set", "run.max_rejected_share=1.0"])


def test_a_row_that_breaks_the_contract_is_a_dead_letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "out"
    changes = {"url": "https://oudewal.example/\ud800", "tags": (Tag("club", "x", "\ud800", 0.5, ""),)}
    assert run_with(changes, root, tmp_path / "a.jsonl", monkeypatch) == 0
    (letter,) = ds.dataset(root / "rejects", format="parquet").to_table().to_pylist()
    assert (letter["stage"], letter["code"]) == ("check", "CONTRACT")
    assert letter["message"] == "column url holds half of a surrogate pair, which is no text"
    assert letter["url"] == "https://oudewal.example/\ufffd"
    assert letter["raw_sha256"]
    assert ds.dataset(root / "articles", format="parquet").count_rows() == 1
    assert verify(root).faults == ()


def test_a_type_that_drifts_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "out"
    assert run_with({"body_chars": "12"}, root, tmp_path / "a.jsonl", monkeypatch) == 1
    said = capsys.readouterr().err
    assert re.search("column body_chars: row [01] holds str '12', not int32", said)
    assert "nothing was published" in said
    assert not list(root.glob("articles/*/*"))
    assert deltalog.last_version(root) == -1
