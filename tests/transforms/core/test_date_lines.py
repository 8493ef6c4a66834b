from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.settings import Config
from schemas.record import Outlet
from transforms.core.article_dates import hints_for
from transforms.core.date_lines import read_head, read_line
from transforms.core.date_values import Hints, zone_of
from transforms.core.dates import read_hinted

FORMS = Path(__file__).parents[2] / "data" / "dates.tsv"
HINTS = Hints(zone_of("Europe/Amsterdam"), True, dt.datetime(2024, 6, 18, 10, 30, tzinfo=dt.UTC))


def forms() -> list[dict[str, str]]:
    with FORMS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("form", forms(), ids=lambda form: f"{form['country']} {form['form']}")
def test_the_forms_of_four_languages(form: dict[str, str], config: Config) -> None:
    fetched = None if form["fetched"] == "-" else dt.datetime.fromisoformat(form["fetched"])
    outlet = Outlet(country=None if form["country"] == "-" else form["country"])
    hints = hints_for(outlet, None, (form["language"],), config.settings.timezones, fetched)
    line = read_line(form["form"], hints)
    stated = {
        "published": line.published,
        "modified": line.modified,
        "value": read_hinted(form["form"], hints, evidence="test"),
    }[form["role"]]
    assert ((stated.edtf, stated.precision) if stated else ("-", "-")) == (form["edtf"], form["precision"])


def test_there_are_forms_of_each_language() -> None:
    counts = [sum(form["language"] == language for form in forms()) for language in ("nl", "fr", "de", "en")]
    assert sum(counts) >= 220
    assert min(counts) >= 50


@pytest.mark.parametrize(
    ("text", "published", "modified"),
    [
        ("Brug open\nDoor Anneke Drost\n18 juni 2024, 09:12\nDe brug is open.", "2024-06-18T07:12Z", None),
        ("Brug open\nGepubliceerd: 2 uur geleden\nDe brug is open.", "2024-06-18", None),
        (
            "\n\nBrug open\n\n" + "Lede. " * 60 + "\nBijgewerkt op 18 juni 2024 om 11.02 uur",
            None,
            "2024-06-18T09:02Z",
        ),
        (
            "18 juni 2024, 09:12\nBijgewerkt: 18 juni 2024, 11:02\n17 juni 2024",
            "2024-06-18T07:12Z",
            "2024-06-18T09:02Z",
        ),
        ("a\nb\nc\nd\ne\n18 juni 2024\nDe brug", None, None),
        ("a\nb\nc\nd\ne\nPubliée le 18 juin 2024\nLe pont", "2024-06-18", None),
        ("a\n" * 12 + "Publiée le 18 juin 2024\nLe pont", None, None),
        ("Vandaag\nBrug open\nDe brug is open.", None, None),
        ("Op 18 juni 2024 ging de brug open. Er was taart.\nDe brug is oud.", None, None),
        ("", None, None),
        ("\n \n", None, None),
    ],
)
def test_the_head_of_a_text(text: str, published: str | None, modified: str | None) -> None:
    found = read_head(text, HINTS)
    assert (found.published.edtf if found.published else None) == published
    assert (found.modified.edtf if found.modified else None) == modified


@given(st.text(max_size=200), st.booleans())
def test_any_line_is_read(line: str, fetched: bool) -> None:
    hints = HINTS if fetched else Hints()
    assert read_line(line, hints) == read_line(line, hints)
    read_head(line, hints)


DAYS = ["18", "juni", "2024", "12.05.2024", "9999", "gisteren", "il", "y", "a", "vor", "Tagen", "ago", "99", "hours"]
AROUND = ["09:12", "+99:00", "pm", "update", "published", "Stand:", "door", "op", "le", "à", "|", "-"]
words = st.sampled_from([*DAYS, *AROUND])


@given(st.lists(words, max_size=14).map(" ".join), st.sampled_from(["Europe/Amsterdam", "America/New_York"]))
def test_any_words_of_dates_are_read(line: str, zone: str) -> None:
    read_line(line, Hints(zone_of(zone), None, HINTS.fetched))


def test_a_long_line_costs_nothing() -> None:
    assert read_line("18 juni 2024 " * 100_000, HINTS).published is None
    assert read_head("x" * 2_000_000 + "\n18 juni 2024", HINTS).published is not None
