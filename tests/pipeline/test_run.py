"""The main job, from files to the readers of the data set."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import deltalake
import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pytest

from pipeline.cli import main
from pipeline.report.extra import REPORTS
from pipeline.verify import verify
from schemas.article import Cut
from tests.conftest import NOW, REPOSITORY
from transforms.core.clutter.strip import restore
from transforms.core.text import decode

EXAMPLES = [str(REPOSITORY / "examples" / name) for name in ("txt", "page.html", "articles.jsonl", "feed.xml")]
MOMENT = ["--now", NOW.isoformat()]


def knipsel(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """Run ``knipsel run … --json``; the object that it prints last."""
    assert main(["run", *map(str, words), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return found


def rows(root: Path) -> list[dict[str, Any]]:
    table = ds.dataset(root / "articles", partitioning="hive", format="parquet").to_table()
    return sorted(table.to_pylist(), key=lambda row: (row["input_ref"], row["version"]))


def files(root: Path) -> dict[str, bytes]:
    """The files of the data set; a report tells how long it took, which is never the same."""
    paths = (path for path in sorted(root.rglob("*")) if path.is_file() and path.parent != root / REPORTS)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def test_the_seeds_come_out_as_they_should(seeds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    books = knipsel(capsys, seeds, "--root", tmp_path / "out", *MOMENT)
    assert (books["read"], books["written"]) == (5, 5)
    found = rows(tmp_path / "out")
    assert [row["published_edtf"] for row in found] == ["2017-09", None, "2018-05", None, "2023-09"]
    assert {row["language"] for row in found} == {"nl"}
    assert [row["agency"] for row in found] == [None, None, None, "ANP", None]
    assert [row["dateline_place"] for row in found][3] == "Pyongyang"
    assert sum(cut["kind"] == "related_wire" for cut in found[3]["removed"]) == 7
    topics = [{tag["code"] for tag in row["tags"] if tag["scheme"] == "medtop"} for row in found]
    assert all(codes & {"16000000", "11000000"} for codes in topics)
    for row in found:
        text = decode(Path(row["input_ref"]).read_bytes())[0]
        assert restore(row["body"], [Cut(**cut) for cut in row["removed"]]) == text
        assert row["partition_date"].isoformat() == row["date"]


def test_what_is_known_is_not_written_again(seeds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, folder = tmp_path / "out", tmp_path / "in"
    knipsel(capsys, seeds, "--root", root)
    before = files(root)
    books = knipsel(capsys, seeds, "--root", root)
    assert (books["written"], books["duplicate"], books["files"]) == (0, 5, [])
    assert files(root) == before

    shutil.copytree(seeds, folder, copy_function=shutil.copyfile)
    changed = sorted(folder.glob("*.txt"))[0]
    changed.write_text(changed.read_text("utf-8").replace("verkeerd", "onverstandig"), "utf-8")
    books = knipsel(capsys, folder, "--root", root)
    assert (books["written"], books["duplicate"]) == (1, 4)
    versions = {row["input_ref"]: row["version"] for row in rows(root)}
    assert versions[str(changed)] == 2
    assert not verify(root).faults


def test_copies_within_a_run_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = {
        "id": "a1",
        "text": "De brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente.",
    }
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in (line, line, {**line, "text": line["text"] + " Er was taart."})))
    books = knipsel(capsys, path, "--root", tmp_path / "out")
    assert (books["read"], books["written"], books["duplicate"]) == (3, 2, 1)
    assert sorted(row["version"] for row in rows(tmp_path / "out")) == [1, 2]


def test_pages_of_one_name_are_told_apart_by_what_is_in_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {"2025": "De veerpont vaart weer, zegt de rederij.", "2026": "De kermis begint een dag later dan gepland."}
    stated = '<link rel="canonical" href="https://zuidkade.example/brug">'
    for year, sentence in said.items():
        (tmp_path / year).mkdir()
        text = f"<h1>Nieuws uit {year}</h1><p>{sentence * 4}</p>"
        (tmp_path / year / "page.html").write_text(f"<html><body>{text}</body></html>", "utf-8")
        (tmp_path / year / "stated.html").write_text(
            f"<html><head>{stated}</head><body>{text}</body></html>", "utf-8"
        )
    folders, root = [tmp_path / year for year in said], tmp_path / "out"
    assert knipsel(capsys, *folders, "--root", root)["written"] == 4
    found = rows(root)
    assert [row["version"] for row in found] == [1, 1, 1, 2]
    assert [row["guid"] for row in found] == ["page.html", "stated.html"] * 2
    assert len({row["article_id"] for row in found}) == 3
    assert knipsel(capsys, *folders, "--root", root)["duplicate"] == 4


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("examples") / "out"
    assert main(["run", *EXAMPLES, "--root", str(root), *MOMENT, "--quiet"]) == 0
    return root


def test_every_reader_sees_the_same_rows(examples: Path) -> None:
    folder = str(examples / "articles")
    columns = ["article_id", "version", "date", "body"]

    def seen(found: Any) -> list[tuple[Any, ...]]:
        return sorted((row["article_id"], row["version"], str(row["date"])[:10], row["body"]) for row in found)

    expected = seen(rows(examples))
    assert len(expected) == 11
    duck = duckdb.read_parquet(f"{folder}/**/*.parquet", hive_partitioning=True)
    assert str(duck.types[duck.columns.index("date")]) == "DATE"
    assert seen(dict(zip(duck.columns, row, strict=True)) for row in duck.fetchall()) == expected
    scanned = pl.scan_parquet(folder, hive_partitioning=True).collect()
    assert scanned.schema["date"] == pl.Date
    assert seen(scanned.select(columns).to_dicts()) == expected
    assert seen(pd.read_parquet(folder)[columns].to_dict("records")) == expected
    delta = deltalake.DeltaTable(examples).to_pyarrow_table(columns=columns)
    assert seen(delta.to_pylist()) == expected
    assert seen(pl.scan_delta(str(examples)).select(columns).collect().to_dicts()) == expected


def test_the_text_before_stripping_can_be_had_back(examples: Path) -> None:
    for row in rows(examples):
        cuts = [Cut(**cut) for cut in row["removed"]]
        text = restore(row["body"], cuts)
        assert all(text[cut.start : cut.end] == cut.text for cut in cuts)
        if row["input_kind"] == "txt":
            assert text == decode(Path(row["input_ref"]).read_bytes())[0]
        if row["input_kind"] == "jsonl":
            path, _, number = row["input_ref"].rpartition("#")
            line = Path(path).read_text("utf-8").splitlines()[int(number) - 1]
            assert text == json.loads(line)["text"]


def test_the_same_input_at_the_same_moment_gives_the_same_bytes(examples: Path, tmp_path: Path) -> None:
    assert main(["run", *EXAMPLES, "--root", str(tmp_path / "again"), *MOMENT, "--quiet"]) == 0
    one, two = files(examples), files(tmp_path / "again")
    assert {name for name in one if name.endswith(".parquet")} == {n for n in two if n.endswith(".parquet")}
    assert one == two


def test_dates_say_where_they_come_from(examples: Path) -> None:
    found = {Path(row["input_ref"]).name: row for row in rows(examples)}
    page, marker = found["page.html"], found["2026-11-18-fietsbrug.txt"]
    assert page["published_at"] == dt.datetime(2026, 11, 19, 6, 45, tzinfo=dt.UTC)
    assert (page["date_basis"], page["date_precision"]) == ("published", "minute")
    assert (marker["published_edtf"], marker["published_date"]) == ("2026-11", None)
    assert (marker["partition_date"], marker["date_basis"]) == (dt.date(2026, 11, 1), "published")
    undated = found["haven.txt"]
    assert (undated["partition_date"], undated["date_basis"]) == (NOW.date(), "fetched")


def test_files_are_cut_by_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "in.jsonl"
    text = "De brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente. Dat is nummer {}."
    path.write_text("\n".join(json.dumps({"id": i, "text": text.format(i)}) for i in range(25)))
    books = knipsel(capsys, path, "--root", tmp_path / "out", "--set", "run.rows_per_file=10", *MOMENT)
    assert (books["written"], len(books["files"])) == (25, 3)
    assert not verify(tmp_path / "out").faults
