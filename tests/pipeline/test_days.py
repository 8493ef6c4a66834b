"""``--since`` and ``--until``."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from pipeline.cli import main
from pipeline.verify import verify
from tests.conftest import NOW
from transforms.select_days import Days

TEXT = "De veerpont van Oudewal voer op de {}e van de maand weer met één schipper, zegt de schout van het dorp."


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """Four articles of as many days, and one without a date."""
    path = tmp_path / "in.jsonl"
    records = [{"id": f"{n}", "text": TEXT.format(n), "published": f"2026-11-{n}T08:00:00Z"} for n in range(10, 14)]
    path.write_text("\n".join(map(json.dumps, [*records, {"id": "none", "text": TEXT.format("zoveelst")}])))
    return path


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ([], {"10", "11", "12", "13", "none"}),
        (["--since", "2026-11-12"], {"12", "13", "none"}),
        (["--until", "2026-11-11"], {"10", "11"}),
        (["--since", "2026-11-11", "--until", "2026-11-12"], {"11", "12"}),
    ],
)
def test_only_articles_of_these_days_are_written(
    options: list[str], kept: set[str], lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "out"
    words = ["run", str(lines), "--root", str(root), "--now", NOW.isoformat(), "--quiet", "--json", "--no-report"]
    assert main([*words, *options, "--set", "run.workers=0"]) == 0
    books = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert books["reasons"] == ({"OUT_OF_RANGE": 5 - len(kept)} if len(kept) < 5 else {})
    assert (books["read"], books["written"], books["filtered"]) == (5, len(kept), 5 - len(kept))
    found = ds.dataset(root / "articles", format="parquet").to_table(["guid"]).column("guid").to_pylist()
    assert set(found) == kept
    assert verify(root).faults == ()


def test_a_feed_is_not_read_in_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "https://nieuws.example/rss", "--root", str(tmp_path / "out"), "--since", "2026-11-12"]
    assert main(words) == 2
    assert "are for files" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_days_are_told_in_words() -> None:
    one, other = dt.date(2026, 11, 1), dt.date(2026, 11, 20)
    assert str(Days(one, other)) == "from 2026-11-01 on up to 2026-11-20"
    assert (str(Days(one)), str(Days(until=other))) == ("from 2026-11-01 on", "up to 2026-11-20")
    assert one in Days(one, one)
    assert other not in Days(one, one)
