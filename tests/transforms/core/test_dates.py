from __future__ import annotations

import datetime as dt
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.core.dates import StatedDate, folder_day, plausible, read_date, read_marker, says_none

SEEDS = Path(__file__).parents[4] / "shared" / "seeds"
NOW = dt.datetime(2026, 11, 20, 6, 0, tzinfo=dt.UTC)


def read(text: str, timezone: str | None = None) -> StatedDate | None:
    return read_date(text, evidence="test", timezone=timezone)


def edtf(text: str, timezone: str | None = None) -> str | None:
    found = read(text, timezone)
    return None if found is None else found.edtf


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2017", "2017"),
        ("2017-09", "2017-09"),
        ("2024-06-18", "2024-06-18"),
        ("20240618", "2024-06-18"),
        ("2024/06/18", "2024-06-18"),
        (" 2024-06-18\n", "2024-06-18"),
        ("2024-06-18T09:12", "2024-06-18T09:12Z"),
        ("2024-06-18T09:12Z", "2024-06-18T09:12Z"),
        ("2024-06-18T09:12:33Z", "2024-06-18T09:12Z"),
        ("2024-06-18T09:12:33.120Z", "2024-06-18T09:12Z"),
        ("2024-06-18T09:12:33.1234567+02:00", "2024-06-18T07:12Z"),
        ("2024-06-18T09:12:33+0200", "2024-06-18T07:12Z"),
        ("2024-06-18T09:12:33+02", "2024-06-18T07:12Z"),
        ("2024-06-18 09:12:33 +0200", "2024-06-18T07:12Z"),
        ("2024-06-18 09:12:33 UTC", "2024-06-18T09:12Z"),
        ("2024-06-18T9:12:33Z", "2024-06-18T09:12Z"),
        ("20240618T091233Z", "2024-06-18T09:12Z"),
        ("2024-06-18T09:12:33+02:00[Europe/Brussels]", "2024-06-18T07:12Z"),
        ("2024-06-18T00:30:00+02:00", "2024-06-17T22:30Z"),
        ("Tue, 18 Jun 2024 09:12:33 +0200", "2024-06-18T07:12Z"),
        ("Tue, 18 Jun 2024 09:12:33 GMT", "2024-06-18T09:12Z"),
        ("18 Jun 24 09:12 EDT", "2024-06-18T13:12Z"),
        ("Tue, 18 Jun 2024 09:12:33 -0000", "2024-06-18T09:12Z"),
        ("Tue, 18 Jun 2024 09:12:33 CEST", "2024-06-18T07:12Z"),
        ("Tuesday, 18 June 2024 09:12:33 GMT", "2024-06-18T09:12Z"),
        ("Tue Jun 18 2024 09:12:33 GMT+0200 (Central European Summer Time)", "2024-06-18T07:12Z"),
        ("dinsdag 18 juni 2024, 09:12", "2024-06-18T09:12Z"),
        ("3 mei 2024", "2024-05-03"),
        ("11 juni 2017 09u26", "2017-06-11T09:26Z"),
        ("11 juni 2017 om 9.26 uur", "2017-06-11T09:26Z"),
        ("14.06.2021, 11:32 Uhr", "2021-06-14T11:32Z"),
        ("14. Juni 2021 um 11.32 Uhr", "2021-06-14T11:32Z"),
        ("Montag, den 14. Juni 2021", "2021-06-14"),
        ("3. März 2021", "2021-03-03"),
        ("14. 6. 2021", "2021-06-14"),
        ("14/05/2019", "2019-05-14"),
        ("04/04/2019", "2019-04-04"),
        ("03.04.2019", "2019-04-03"),
        ("06/2019", "2019-06"),
        ("14-05-2019 11:32", "2019-05-14T11:32Z"),
        ("June 3, 2024", "2024-06-03"),
        ("Jun. 3rd, 2024 at 9:12 p.m.", "2024-06-03T21:12Z"),
        ("June 3, 2024 12:05 am EST", "2024-06-03T05:05Z"),
        ("9:12 AM EDT, Mon June 3, 2024", "2024-06-03T13:12Z"),
        ("le 3 juin 2024 à 09h12", "2024-06-03T09:12Z"),
        ("le 1er août 2024 à 9 h 05", "2024-08-01T09:05Z"),
        ("mar. 18 juin 2024", "2024-06-18"),
        ("lundi 3 juin 2024 à 9h", "2024-06-03T09:00Z"),
        ("September 2017", "2017-09"),
        ("févr. 2017", "2017-02"),
        ("3\u00a0mei\u00a02024", "2024-05-03"),
    ],
)
def test_reads_the_usual_forms(text: str, expected: str) -> None:
    assert edtf(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "0",
        "1718700000",
        "gisteren",
        "0001-01-01",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-05:00",
        "9999",
        "0000",
        "2024-13",
        "2024-13-01",
        "2024-06-31",
        "2023-02-29",
        "2024-06-18T25:00",
        "2024-06-18T09:12+99:00",
        "2024-06-18T09",
        "2024-W25-2",
        "06/14/2019",
        "03/04/2019",
        "03-04-2019",
        "14.06.21",
        "3 mei",
        "3 mei 2024 foo",
        "3 mei 2024 12",
        "3 mei 2024 09:12 IST",
        "gepubliceerd op 3 mei 2024 in de krant",
        "June 3, 2024 13:05 pm",
        "31 Jun 2024 09:12:33 GMT",
        "٢٠٢٤-06-18",
        "3 mei 2024" + " " * 1000 + "x",
        "1 " * 5000,
    ],
)
def test_refuses_what_is_no_date_in_full(text: str) -> None:
    assert read(text) is None


def test_a_time_without_zone_is_read_in_the_timezone_given() -> None:
    assert edtf("18 juni 2024, 09:12", "Europe/Brussels") == "2024-06-18T07:12Z"
    assert edtf("18 december 2024, 09:12", "Europe/Brussels") == "2024-12-18T08:12Z"
    assert edtf("2024-06-18T09:12:00", "Europe/Brussels") == "2024-06-18T07:12Z"
    assert edtf("2024-06-18T09:12:00Z", "Europe/Brussels") == "2024-06-18T09:12Z"
    assert edtf("2024-06-18", "Europe/Brussels") == "2024-06-18"
    assert edtf("18 June 2024 09:12 IST", "Asia/Kolkata") == "2024-06-18T03:42Z"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "/etc/localtime"])
def test_an_unknown_timezone_is_an_error_of_the_caller(zone: str) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        read("2024-06-18", zone)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2024-10-27T01:59", "Europe/Brussels", "2024-10-26T23:59Z"),
        ("2024-10-27T02:00", "Europe/Brussels", "2024-10-27"),
        ("2024-10-27T02:59", "Europe/Brussels", "2024-10-27"),
        ("2024-10-27T03:00", "Europe/Brussels", "2024-10-27T02:00Z"),
        ("2024-03-31T02:30", "Europe/Brussels", "2024-03-31"),
        ("2024-03-31T03:00", "Europe/Brussels", "2024-03-31T01:00Z"),
        ("27 oktober 2024 02:30 CEST", "Europe/Brussels", "2024-10-27T00:30Z"),
        ("2024-10-27T02:30+01:00", "Europe/Brussels", "2024-10-27T01:30Z"),
        ("2024-10-27T01:30", "Europe/London", "2024-10-27"),
        ("2024-11-03 01:30", "America/New_York", "2024-11-03"),
    ],
)
def test_a_time_that_the_clocks_show_twice_or_never_leaves_the_day(text: str, zone: str, expected: str) -> None:
    assert edtf(text, zone) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-1", True),
        ("0", True),
        ("0001-01-01T00:00:00Z", True),
        ("01/01/0001 00:00:00", True),
        ("Mon, 01 Jan 0001 00:00:00 GMT", True),
        ("0000-00-00", True),
        ("9999-12-31", True),
        ("2024-06-18", False),
        ("2001", False),
        ("gisteren", False),
        ("", False),
    ],
)
def test_what_software_writes_for_no_date(text: str, expected: bool) -> None:
    assert says_none(text) is expected


def test_each_precision_keeps_what_it_knows_and_no_more() -> None:
    year, month, day, minute = read("2017"), read("2017-09"), read("2017-09-02"), read("2017-09-02T10:11:12Z")
    assert (year, month) == (
        StatedDate("2017", "year", None, None, "test"),
        StatedDate("2017-09", "month", None, None, "test"),
    )
    assert day == StatedDate("2017-09-02", "day", dt.date(2017, 9, 2), None, "test")
    assert minute is not None
    assert minute.instant == dt.datetime(2017, 9, 2, 10, 11, 12, tzinfo=dt.UTC)
    assert (minute.precision, minute.date) == ("minute", dt.date(2017, 9, 2))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2017", None),
        ("2017-09", dt.date(2017, 9, 1)),
        ("2017-09-02", dt.date(2017, 9, 2)),
        ("2017-09-02T23:30:00-02:00", dt.date(2017, 9, 3)),
    ],
)
def test_the_day_of_the_folder(text: str, day: dt.date | None) -> None:
    stated = read(text)
    assert stated is not None
    assert folder_day(stated) == day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1699-12-31", False),
        ("1700-01-01", True),
        ("1601-01-01T00:00:00Z", False),
        ("1970-01-01T00:00:00Z", False),
        ("1970-01-01T01:00:00Z", True),
        ("1970-01-01", True),
        ("2026-11-22T05:59:00Z", True),
        ("2026-11-22T06:01:00Z", False),
        ("2026-11-22", True),
        ("2026-11-23", False),
        ("2026-11", True),
        ("2026-12", False),
        ("2026", True),
        ("2027", False),
    ],
)
def test_plausible(text: str, expected: bool) -> None:
    stated = read(text)
    assert stated is not None
    assert plausible(stated, NOW) is expected


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        (" date 2017-09 De haven slibt dicht.", 14, "2017-09"),
        ("date 2017-09-02 De haven", 16, "2017-09-02"),
        ("\n date 2017-09\nDe haven", 15, "2017-09"),
        (" date 2017-09", 13, "2017-09"),
    ],
)
def test_reads_the_marker(text: str, length: int, expected: str) -> None:
    found = read_marker(text)
    assert found is not None
    assert (found[0], found[1].edtf, found[1].evidence) == (length, expected, "date marker")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "De haven date 2017-09 slibt dicht.",
        " date 2017 De haven",
        " date 2017-13 De haven",
        " date 2017-09x",
        " date 2017-09-31 De haven",
        " Date 2017-09 De haven",
        " date: 2017-09 De haven",
        " date 2017-09-02T10:00 De haven",
    ],
)
def test_leaves_alone_what_is_no_marker(text: str) -> None:
    assert read_marker(text) is None


def test_reads_the_markers_of_the_seeds() -> None:
    if not SEEDS.is_dir():
        pytest.skip(f"the seed texts are not at {SEEDS}")
    for path in sorted(SEEDS.glob("*.txt")):
        text = path.read_text(encoding="utf-8")
        found = read_marker(text)
        assert (found is not None) is text.lstrip().startswith("date ")
        if found is not None:
            assert found[1].precision == "month"
            assert text[: found[0]].split() == ["date", found[1].edtf]


moments = st.datetimes(
    min_value=dt.datetime(1800, 1, 1), max_value=dt.datetime(2200, 1, 1), timezones=st.just(dt.UTC)
).map(lambda moment: moment.replace(microsecond=0))


@given(moments, st.integers(-14 * 60, 14 * 60))
def test_every_moment_survives_iso(moment: dt.datetime, minutes: int) -> None:
    shifted = moment.astimezone(dt.timezone(dt.timedelta(minutes=minutes)))
    stated = read(shifted.isoformat())
    assert stated is not None
    assert stated.instant == moment


@given(moments.filter(lambda moment: moment.year >= 1900))
def test_every_moment_survives_rfc_2822(moment: dt.datetime) -> None:
    stated = read(format_datetime(moment))
    assert stated is not None
    assert stated.instant == moment


@given(st.text(max_size=120))
def test_never_raises(text: str) -> None:
    read(text)
    read_marker(text)


@given(st.text(alphabet="0123456789-/.:, TZ+marjuniseptdeuhlao", max_size=60))
def test_what_is_read_can_be_filed(text: str) -> None:
    stated = read(text)
    if stated is not None:
        assert (folder_day(stated) is None) is (stated.precision == "year")
        plausible(stated, NOW)
        assert read(stated.edtf) is not None
