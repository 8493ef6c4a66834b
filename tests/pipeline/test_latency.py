"""Latencies as they are told."""

from __future__ import annotations

import datetime as dt
import statistics

from hypothesis import given
from hypothesis import strategies as st

from pipeline.latency import Histogram, Latency

NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@given(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=200))
def test_the_median_is_right_to_a_fortieth(seconds: list[float]) -> None:
    histogram = Histogram()
    histogram.add(seconds)
    figures = histogram.figures()
    assert figures.articles == len(seconds)
    assert figures.median is not None
    # A bucket is right to a fortieth, and what is told is rounded to a tenth of a second.
    exact = statistics.median_low(seconds)
    assert abs(figures.median - exact) <= 0.0251 * exact + 0.051
    assert figures.p95 is not None
    assert figures.median <= figures.p95 <= 1.0251 * max(seconds) + 0.051


def test_clocks_that_differ_make_no_negative_latency() -> None:
    histogram = Histogram()
    histogram.add([-3.0, 0.0])
    assert histogram.figures().median == 0.1


def test_hours_are_told_apart() -> None:
    latency = Latency()
    assert latency.as_json()["whole"] == {"articles": 0, "median_seconds": None, "p95_seconds": None}
    latency.add([10.0], NOON)
    latency.add([20.0], NOON + HOUR)
    told = latency.as_json()
    assert [told[name]["articles"] for name in ("whole", "hour", "hour_before")] == [2, 1, 1]
    latency.add([30.0], NOON + 5 * HOUR)
    told = latency.as_json()
    assert [told[name]["articles"] for name in ("whole", "hour", "hour_before")] == [3, 1, 0]
