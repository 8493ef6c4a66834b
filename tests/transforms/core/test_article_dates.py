"""What an article's sources say of its dates, and which of it counts."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from schemas.article import Article, Cut
from schemas.record import Declared, Outlet
from tests.conftest import NOW
from transforms.core.article_dates import dated, filed, hints_for
from transforms.core.date_values import Hints, zone_of
from transforms.core.date_weights import DATE_ABSURD, DATE_CONFLICT, DATE_UNREAD, Said, in_address
from transforms.core.metadata import Metadata

AMSTERDAM = Hints(zone_of("Europe/Amsterdam"), day_first=True)
ZONES = {"NL": "Europe/Amsterdam", "BE": "Europe/Brussels", "GB": "Europe/London"}
BODY = "De brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente."


def article(body: str = BODY, **columns: Any) -> Article:
    return Article("id", "oudewal", "jsonl", "in.jsonl#1", columns.pop("fetched_at", NOW), body=body, **columns)


def read(
    *said: tuple[str, str, bool],
    record: str | None = None,
    modified: tuple[str, ...] = (),
    body: str = BODY,
    url: str | None = None,
    hints: Hints = AMSTERDAM,
) -> Article:
    page = Metadata(published=tuple(Said(*each) for each in said), modified=modified)
    return dated(article(body, url=url), Declared(published=record), page, hints, NOW)


DAY = ("2026-11-18", "JSON-LD datePublished", True)
MINUTE = ("2026-11-18T09:30:00+01:00", "meta article:published_time", True)
TIME = ("2026-11-18T11:00:00Z", "<time>", False)


@pytest.mark.parametrize(
    ("found", "edtf", "evidence"),
    [
        (read(DAY), "2026-11-18", "JSON-LD datePublished"),
        (read(DAY, MINUTE), "2026-11-18T08:30Z", "meta article:published_time"),
        (read(DAY, TIME), "2026-11-18", "JSON-LD datePublished"),
        (read(MINUTE, DAY), "2026-11-18T08:30Z", "meta article:published_time"),
        (read(DAY, record="2026-11"), "2026-11-18", "JSON-LD datePublished"),
        (read(TIME, record="2026-11"), "2026-11-18T11:00Z", "<time>"),
        (read(("2026-11-18T00:30:00+01:00", "meta date", True), DAY), "2026-11-17T23:30Z", "meta date"),
        (read(DAY, ("2026-11-18T00:30:00+01:00", "meta date", True)), "2026-11-17T23:30Z", "meta date"),
        (read(body=f"18 november 2026, 09:30\n{BODY}"), "2026-11-18T08:30Z", "date line of the text"),
        (read(url="https://oudewal.example/2026/11/18/brug"), "2026-11-18", "address"),
        (
            read(url="https://oudewal.example/2026/11/brug", body=f"Publicatie: 18-11-2026\n{BODY}"),
            "2026-11-18",
            "date line of the text",
        ),
        (read(record="2026"), "2026", "record"),
        (read(), None, None),
    ],
)
def test_the_finest_of_the_dates_that_agree(found: Article, edtf: str | None, evidence: str | None) -> None:
    assert (found.published_edtf, found.date_evidence) == (edtf, evidence)
    assert found.quality_flags == ()


@pytest.mark.parametrize(
    ("found", "edtf", "flags"),
    [
        (read(DAY, record="2026-11-15"), "2026-11-15", (DATE_CONFLICT,)),
        (read(DAY, record="2026-11-17"), "2026-11-17", ()),
        (read(DAY, ("2024-01-03", "<time>", False)), "2026-11-18", ()),
        (read(DAY, url="https://oudewal.example/2024/01/brug"), "2026-11-18", (DATE_CONFLICT,)),
        (read(DAY, url="https://oudewal.example/2026/11/brug"), "2026-11-18", ()),
        (read(DAY, body=f"Gepubliceerd op 3 november 2026\n{BODY}"), "2026-11-18", (DATE_CONFLICT,)),
        (read(DAY, modified=("2026-11-16T10:00:00Z",)), "2026-11-18", (DATE_CONFLICT,)),
        (read(DAY, modified=("2026-11-17T22:00:00Z",)), "2026-11-18", ()),
        (read(DAY, modified=("2026-11-19T22:00:00Z",)), "2026-11-18", ()),
        (read(MINUTE, record="2026-11-19T09:31:00+01:00"), "2026-11-19T08:31Z", (DATE_CONFLICT,)),
        (read(MINUTE, record="2026-11-19T09:29:00+01:00"), "2026-11-19T08:29Z", ()),
    ],
)
def test_dates_over_a_day_apart_are_a_conflict(found: Article, edtf: str, flags: tuple[str, ...]) -> None:
    assert (found.published_edtf, found.quality_flags) == (edtf, flags)


@pytest.mark.parametrize("absurd", ["0001-01-01T00:00:00Z", "9999-12-31", "-1", "0", "2031-01-01", "1204-01-01"])
def test_what_cannot_be_true_is_flagged_and_the_next_source_counts(absurd: str) -> None:
    found = read(DAY, record=absurd)
    assert (found.published_edtf, found.quality_flags) == ("2026-11-18", (DATE_ABSURD,))
    found = read(record=absurd, modified=(absurd,))
    assert (found.published_edtf, found.modified_at, found.quality_flags) == (None, None, (DATE_ABSURD,))


def test_a_date_that_cannot_be_read_is_flagged_where_it_leaves_none() -> None:
    assert read(record="gisteren of zo").quality_flags == (DATE_UNREAD,)
    assert read(DAY, record="gisteren of zo").quality_flags == (DATE_UNREAD,)
    assert read(("binnenkort", "meta date", False)).quality_flags == (DATE_UNREAD,)
    assert read(("binnenkort", "meta date", False), DAY).quality_flags == ()


def test_nothing_is_published_after_it_was_fetched() -> None:
    fetched = Hints(zone_of("Europe/Amsterdam"), day_first=True, fetched=dt.datetime(2025, 3, 1, tzinfo=dt.UTC))
    assert read(DAY, hints=fetched).quality_flags == (DATE_ABSURD,)
    assert read(("2025-03-02", "meta date", True), hints=fetched).published_edtf == "2025-03-02"


def test_times_from_now_count_from_when_the_text_was_fetched() -> None:
    fetched = Hints(zone_of("Europe/Amsterdam"), day_first=True, fetched=dt.datetime(2026, 11, 18, 12, tzinfo=dt.UTC))
    assert read(body=f"2 uur geleden\n{BODY}", hints=fetched).published_edtf == "2026-11-18"
    assert read(body=f"Gisteren om 14:05\n{BODY}", hints=fetched).published_edtf == "2026-11-17T13:05Z"
    assert read(body=f"2 uur geleden\n{BODY}").published_edtf is None


def test_a_line_tells_the_last_change() -> None:
    found = read(body=f"Laatste update: 18 november 2026, 09:30\n{BODY}")
    assert (found.published_edtf, found.modified_at) == (None, dt.datetime(2026, 11, 18, 8, 30, tzinfo=dt.UTC))
    assert filed(found, NOW).date_basis == "modified"


MARKER = Cut(0, 14, "date_marker", "any.date-marker", " date 2017-09 ")


def test_the_marker_of_a_text() -> None:
    found = filed(article(removed=(MARKER,)), NOW)
    assert (found.published_edtf, found.date_evidence) == ("2017-09", "date marker")
    assert (found.partition_date, found.date_basis) == (dt.date(2017, 9, 1), "published")

    known: dict[str, Any] = {
        "published_edtf": "2017-09-12",
        "published_date": dt.date(2017, 9, 12),
        "date_precision": "day",
    }
    found = filed(article(removed=(MARKER,), date_evidence="address", **known), NOW)
    assert (found.published_edtf, found.date_evidence, found.quality_flags) == ("2017-09-12", "address", ())

    known = {"published_edtf": "2019-01-12", "published_date": dt.date(2019, 1, 12), "date_precision": "day"}
    found = filed(article(removed=(MARKER,), date_evidence="address", **known), NOW)
    assert (found.published_edtf, found.published_date, found.quality_flags) == ("2017-09", None, (DATE_CONFLICT,))
    found = filed(article(removed=(MARKER,), date_evidence="record", **known), NOW)
    assert (found.published_edtf, found.quality_flags) == ("2019-01-12", (DATE_CONFLICT,))


@pytest.mark.parametrize(
    ("dateline", "expected"),
    [
        ("PARIS, 12 sept. (AFP) - Un pont est fermé.", "2017-09-12"),
        ("BRUSSEL 12/09 (BELGA) = Een brug is dicht.", "2017-09-12"),
        ("WASHINGTON, Sept. 12 (Reuters) - A bridge is closed.", "2017-09-12"),
        ("WASHINGTON, Sept. 12, 2017 (Reuters) - A bridge is closed.", "2017-09-12"),
        ("PARIS, 12 mai (AFP) - Un pont est fermé.", "2017-09"),
        ("UTRECHT (ANP) - Een brug is dicht.", "2017-09"),
        ("Een brug is dicht. Op 12 september (AFP) - zo bleek.", "2017-09"),
    ],
)
def test_a_dateline_tells_the_day_of_a_month_that_is_known(dateline: str, expected: str) -> None:
    known: dict[str, Any] = {"published_edtf": "2017-09", "date_precision": "month", "date_evidence": "record"}
    found = filed(article(dateline, language="nl-BE", **known), NOW)
    assert found.published_edtf == expected
    assert found.date_evidence == ("dateline" if len(expected) == 10 else "record")
    assert filed(article(dateline), NOW).published_edtf is None


def test_a_bare_year_is_no_day() -> None:
    found = filed(read(record="2019"), NOW)
    assert (found.published_date, found.partition_date, found.date_basis) == (None, NOW.date(), "fetched")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://oudewal.example/2024/06/18/brug", "2024-06-18"),
        ("https://oudewal.example/nieuws/2024-06-18/brug.html?d=2020-01-01", "2024-06-18"),
        ("https://oudewal.example/2024/6/8/brug", "2024-06-08"),
        ("https://oudewal.example/2024/06/18", "2024-06-18"),
        ("https://oudewal.example/2024/06/brug", "2024-06"),
        ("https://oudewal.example/2024/13/brug", None),
        ("https://oudewal.example/2024/02/31/brug", "2024-02"),
        ("https://oudewal.example/2024/brug", None),
        ("https://oudewal.example/brug-20240618", None),
        ("https://oudewal.example/?p=/2024/06/18/", None),
    ],
)
def test_the_date_in_an_address(url: str, expected: str | None) -> None:
    found = in_address(url)
    assert (found.edtf if found else None) == expected


@pytest.mark.parametrize(
    ("outlet", "host", "languages", "zone", "day_first"),
    [
        (Outlet(country="NL"), None, (), "Europe/Amsterdam", True),
        (Outlet(country="NL", timezone="Europe/London"), None, (), "Europe/London", True),
        (Outlet(country="US"), "krant.nl", ("nl-NL",), "UTC", False),
        (Outlet(country="CA"), None, ("fr-CA",), "UTC", None),
        (Outlet(), "krant.be", ("en-US",), "Europe/Brussels", True),
        (Outlet(), "paper.co.uk", (), "Europe/London", True),
        (Outlet(), "krant.example", ("nl-BE",), "Europe/Brussels", True),
        (Outlet(), "paper.example", (None, "en-US"), "UTC", False),
        (Outlet(), "krant.example", ("nl",), "UTC", True),
        (Outlet(), "paper.example", ("en",), "UTC", None),
        (Outlet(), None, (), "UTC", None),
    ],
)
def test_where_an_article_is_at_home(
    outlet: Outlet, host: str | None, languages: tuple[str | None, ...], zone: str, day_first: bool | None
) -> None:
    assert hints_for(outlet, host, languages, ZONES, NOW) == Hints(
        dt.UTC if zone == "UTC" else zone_of(zone), day_first, NOW
    )
