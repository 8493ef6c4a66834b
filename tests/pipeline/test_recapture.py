"""What differs between two captures of an address goes, in one run and from night to night; what is news stays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.cli import main
from schemas.article import Cut
from tests.conftest import NOW
from tests.pipeline.test_run import knipsel, rows
from transforms.core.clutter.decide import DIFFERS
from transforms.core.clutter.strip import restore

MOMENT = ["--now", NOW.isoformat()]
ARTICLE = [
    "De gemeenteraad van Oudewal heeft dinsdagavond besloten dat de oude sluis bij het veerhuis wordt hersteld. Het "
    "werk begint in het voorjaar en duurt naar verwachting acht maanden.",
    "Volgens wethouder Terpstra kan de sluis nog wel honderd jaar mee als de deuren worden vervangen. De kosten zijn "
    "begroot op drie miljoen euro, waarvan de provincie de helft betaalt.",
    "De schippers van de Linde zijn blij met het besluit. Zij moesten jarenlang omvaren langs de zuidkant van de "
    "stad en verloren daarmee elke dag een uur.",
    "De raad wil in september opnieuw over de planning praten. Tot die tijd blijft de sluis gesloten voor boten die "
    "langer zijn dan twaalf meter.",
]
BODY = "\n\n".join(ARTICLE)
NEWS = (
    "Woensdagochtend liet de provincie weten dat zij haar helft van het geld voor de sluis pas over twee jaar kan "
    "betalen. De wethouder noemt dat een tegenvaller, maar het werk gaat door."
)
MONDAY = [
    "Kermis van Oudewal verplaatst naar het haventerrein",
    "Tractor te water bij de Zuidkade, niemand gewond",
    "Dorpshuis Wierum weer open",
]
TUESDAY = [
    "Bakker in Lindewaard wint nationale broodprijs",
    "Veerpont ligt stil na aanvaring met zandschip",
    "Zwembad Harkema zoekt badmeesters",
]
FRIDAY = [
    "Harmonie zoekt trompettisten voor zomerconcert",
    "Museum krijgt schilderij van Wiarda in bruikleen",
    "Storm velt oude linde op het kerkplein",
]


def capture(links: Sequence[str], article: Sequence[str] = ARTICLE, **more: str) -> dict[str, Any]:
    return {
        "url": "https://lindeblad.example/sluis",
        "source": "lindeblad",
        "title": "Oude sluis in Oudewal wordt hersteld",
        "published": "2026-11-17",
        "text": "\n\n".join([*article[:2], *links, *article[2:]]),
        **more,
    }


def taken(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, *captures: dict[str, Any], workers: int = 0
) -> dict[str, Any]:
    path = tmp_path / f"{name}.jsonl"
    path.write_text("\n".join(map(json.dumps, captures)), "utf-8")
    words = ["--workers", workers, "--no-report", *MOMENT]
    return knipsel(capsys, path, "--root", tmp_path / "out", *words)


def cut_for_it(row: dict[str, Any]) -> list[str]:
    return [cut["text"].strip() for cut in row["removed"] if cut["rule"] == DIFFERS]


def by_version(tmp_path: Path) -> list[dict[str, Any]]:
    return sorted(rows(tmp_path / "out"), key=lambda row: int(row["version"]))


@pytest.mark.parametrize("nightly", [False, True])
def test_what_differs_goes_and_a_third_capture_is_a_duplicate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], nightly: bool
) -> None:
    captures = [capture(MONDAY), capture(TUESDAY), capture(FRIDAY)]
    if nightly:
        runs = [taken(capsys, tmp_path, f"night-{n}", one) for n, one in enumerate(captures)]
    else:
        runs = [taken(capsys, tmp_path, "all", *captures, workers=2)]
    assert sum(run["written"] for run in runs) == 2
    assert sum(run["duplicate"] for run in runs) == 1
    first, second = by_version(tmp_path)
    assert (first["version"], second["version"]) == (1, 2)
    # By one capture nothing is told.
    assert all(link in first["body"] for link in MONDAY)
    assert second["body"] == BODY
    assert cut_for_it(second) == TUESDAY
    assert restore(second["body"], [Cut(**cut) for cut in second["removed"]]) == capture(TUESDAY)["text"]
    # And what would be cut now is what was cut.
    assert main(["rules", "diff", "--root", str(tmp_path / "out")]) == 0
    assert "0 of 2 stored articles would change" in capsys.readouterr().out


def test_a_paragraph_that_is_news_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken(capsys, tmp_path, "both", capture(MONDAY), capture(TUESDAY, [*ARTICLE, NEWS]))
    _, second = by_version(tmp_path)
    assert NEWS in second["body"]
    assert cut_for_it(second) == TUESDAY


def test_another_text_at_the_address_is_not_suspect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = ["In Lindewaard is zaterdag de kermis begonnen, met dertig attracties en veel regen.", *TUESDAY, NEWS]
    again = capture([], other, title="Kermis begonnen")
    alone = {**again, "url": "https://lindeblad.example/kermis"}
    taken(capsys, tmp_path, "all", capture(MONDAY), again, alone)
    (second,) = [row for row in rows(tmp_path / "out") if row["version"] == 2]
    (third,) = [row for row in rows(tmp_path / "out") if row["url"].endswith("kermis")]
    assert (second["body"], cut_for_it(second)) == (third["body"], [])


def test_an_article_filed_under_its_fetching_is_compared_within_the_run_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undated = {"fetched_at": "2026-11-18T08:00:00Z", "published": ""}
    taken(capsys, tmp_path, "monday", capture(MONDAY, **undated))
    taken(capsys, tmp_path, "friday", capture(FRIDAY, **{**undated, "fetched_at": "2026-11-19T08:00:00Z"}))
    assert [cut_for_it(row) for row in by_version(tmp_path)] == [[], []]


def test_a_damaged_file_costs_the_comparison_and_not_the_article(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken(capsys, tmp_path, "monday", capture(MONDAY))
    (file,) = (tmp_path / "out" / "articles").rglob("*.parquet")
    columns = pq.ParquetFile(file).metadata.row_group(0)
    column = next(one for one in map(columns.column, range(columns.num_columns)) if one.path_in_schema == "body")
    content = bytearray(file.read_bytes())
    content[(column.dictionary_page_offset or column.data_page_offset) + 60] ^= 0xFF
    file.write_bytes(content)
    told = taken(capsys, tmp_path, "tuesday", capture(TUESDAY))
    assert told["written"] == 1
    file.unlink()
    (second,) = rows(tmp_path / "out")
    assert (second["version"], cut_for_it(second)) == (2, [])
