from __future__ import annotations

import datetime as dt

import lxml.etree as etree
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.pictures import bar, columns, strip
from pipeline.report.words import clean, clip, clock, day, moment, percent, size, span

amounts = st.floats(0, 1e12, allow_nan=False) | st.integers(0, 10**12)


def boxes(picture: str) -> list[dict[str, float]]:
    root = etree.fromstring(picture)
    _, _, width, height = map(float, root.get("viewBox", "").split())
    found = []
    for one in root.findall("rect"):
        box = {name: float(one.get(name, "0")) for name in ("x", "y", "width", "height")}
        assert min(box.values()) >= -0.01
        assert box["x"] + box["width"] <= width + 0.02
        assert box["y"] + box["height"] <= height + 0.02
        found.append(box)
    return found


@given(value=amounts, most=amounts)
def test_a_bar_is_as_long_as_its_share(value: float, most: float) -> None:
    (box,) = boxes(bar(value, most, "written"))
    assert box["width"] == pytest.approx(100 * min(value / most, 1) if most else 0, abs=0.01)


@given(st.lists(amounts, min_size=1, max_size=6))
def test_a_strip_is_filled_by_its_parts(values: list[float]) -> None:
    found = boxes(strip([(f"part{n}", value) for n, value in enumerate(values)], "parts"))
    whole = sum(box["width"] for box in found)
    assert whole == pytest.approx(1000 if sum(values) else 0, abs=0.1)


@given(st.lists(st.none() | st.tuples(amounts, amounts), max_size=100))
def test_columns_stay_in_the_picture(values: list[tuple[float, float] | None]) -> None:
    found = boxes(columns(values, 'a "label" <b>', names=("one", "two"), last=True))
    assert len(found) == sum(1 for parts in values if parts for part in parts if part)
    # One is never taken for none.
    assert all(box["height"] > 0 for box in found)


def test_labels_are_escaped() -> None:
    assert 'aria-label="&#34;&gt;&lt;script&gt;"' in strip([], '"><script>')


def test_words() -> None:
    assert [percent(share) for share in (0, 0.0001, 0.004, 0.0994, 0.125, 1)] == [
        "0%",
        "under 0.1%",
        "0.4%",
        "9.9%",
        "12%",
        "100%",
    ]
    assert [size(amount) for amount in (0, 999, 1_500, 412_000_000, 1_230_000_000_000)] == [
        "0 bytes",
        "999 bytes",
        "1.5 kB",
        "412 MB",
        "1,230 GB",
    ]
    assert [span(seconds) for seconds in (0.04, 9.96, 59.4, 252, 3_599.9, 7_500, 400_000)] == [
        "0.0 s",
        "10.0 s",
        "59 s",
        "4 min 12 s",
        "1 h 0 min",
        "2 h 5 min",
        "111 h 6 min",
    ]
    time = dt.datetime(2026, 11, 1, 1, 5, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert moment(time) == "Saturday 31 October 2026, 23:05 UTC"
    assert clock(time) == "2026-10-31 23:05"
    assert day(dt.date(2026, 11, 1)) == "1 November 2026"
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcd", 4) == "abcd"
    assert clean("a\x00b\ud800c\n\t\x9f") == "a\ufffdb\ufffdc\n\t\ufffd"
    assert clean(7) == 7
