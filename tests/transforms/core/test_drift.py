"""What is out of the ordinary at an outlet, and what is not."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.drift import CHANGES, DAYS, named, nights
from schemas.article import Article
from schemas.reject import Reason, Reject
from transforms.core.drift import Day, DriftPolicy, Finding, findings
from transforms.core.outlet_figures import BINS, Measure, OutletFigures, added, figured, quantile, ratio

MONDAY = dt.date(2026, 11, 2)
NOW = dt.datetime(2026, 11, 2, 2, 30, tzinfo=dt.UTC)
POLICY = DriftPolicy()

counts = st.integers(0, 50)
figures = st.builds(
    OutletFigures,
    new=counts,
    articles=counts,
    clutter=st.dictionaries(st.integers(0, BINS - 1), st.integers(1, 50)),
    flaws=st.dictionaries(st.sampled_from(["short", "undated", "und"]), st.integers(1, 50)),
    codes=st.dictionaries(st.sampled_from(["EMPTY", "TIMEOUT"]), st.integers(1, 50)),
)


def article(**columns: object) -> Article:
    one = Article("a", "oudewal", "html", "a.html", NOW, date_basis="published", language="nl")
    return replace(one, **columns)  # type: ignore[arg-type]  # the columns are those of the dataclass


def of(
    articles: int, *, bin_: int = 10, flaws: Mapping[str, int] | None = None, codes: Mapping[str, int] | None = None
) -> OutletFigures:
    clutter = {bin_: articles} if articles else {}
    return OutletFigures(articles, articles, clutter, flaws or {}, codes or {})


def past(*brought: OutletFigures) -> list[Day]:
    return [Day(MONDAY + dt.timedelta(days=number), one) for number, one in enumerate(brought)]


def found(days: list[Day], **how: bool) -> list[Finding]:
    return findings(days, POLICY, **{"is_over": True, "volume": True, **how})


def what(days: list[Day], **how: bool) -> list[str]:
    return [str(one.what) for one in found(days, **how)]


# Figures


def test_an_article_counts_with_all_its_flaws() -> None:
    assert figured(article()) == ("oudewal", OutletFigures(1, 1, {0: 1}))
    flawed = article(
        version=2,
        clutter_ratio=1.0,
        quality_flags=("short_body", "truncated"),
        date_basis="fetched",
        language="und",
        access="locked",
    )
    every = dict.fromkeys(("short", "undated", "und", "truncated", "locked"), 1)
    assert figured(flawed) == ("oudewal", OutletFigures(0, 1, {BINS - 1: 1}, every))


def test_a_dead_letter_counts_by_its_code_and_nobodys_do_not_count() -> None:
    letter = Reject("extract", Reason.EMPTY, "a.html", "no text", source_id="oudewal")
    assert figured(letter) == ("oudewal", OutletFigures(codes={"EMPTY": 1}))
    assert figured(replace(letter, source_id=None)) is None
    assert figured(article(source_id="local")) is None


@given(st.lists(figures, max_size=5), st.randoms())
def test_adding_is_free_of_order_and_grouping(parts: list[OutletFigures], luck: random.Random) -> None:
    whole = reduce(add, parts, OutletFigures())
    mixed = [*parts]
    luck.shuffle(mixed)
    half = len(mixed) // 2
    again = reduce(add, mixed[:half], OutletFigures()) + reduce(add, mixed[half:], OutletFigures())
    assert again == whole
    by_outlet = [{"a": part} for part in parts]
    assert added(*by_outlet) == ({"a": whole} if parts else {})
    assert whole.inputs == whole.articles + sum(whole.codes.values())


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_the_median_is_known_to_a_bin(shares: list[float]) -> None:
    total = reduce(add, (one[1] for share in shares if (one := figured(article(clutter_ratio=share)))))
    middle = sorted(shares)[(len(shares) - 1) // 2]
    assert ratio(quantile(total.clutter, 0.5)) == pytest.approx(middle, rel=0.4, abs=0.01)


# Findings


def test_little_is_known_and_nothing_said() -> None:
    empty = of(40, flaws={"short": 40})
    assert not found(past(*[of(40)] * 6, empty))
    assert what(past(*[of(40)] * 7, empty)) == ["short"]


@pytest.mark.parametrize(("articles", "flawed"), [(2, 1), (2, 2), (3, 3), (40, 8)])
def test_what_chance_can_do_is_no_finding(articles: int, flawed: int) -> None:
    for flaw in ("short", "undated", "und", "truncated", "locked"):
        days = past(*[of(articles, flaws={flaw: articles // 20})] * 14, of(articles, flaws={flaw: flawed}))
        assert not found(days)


def test_each_measure_is_told_in_a_line_with_what_is_usual() -> None:
    usual = of(40, flaws={"short": 2, "locked": 4}, codes={"TIMEOUT": 1})
    today = of(40, bin_=14, flaws={"short": 39, "undated": 40, "und": 30, "truncated": 20, "locked": 30})
    lines = [str(one) for one in found(past(*[usual] * 10, replace(today, codes={"EXTRACT_LOSS": 20})))]
    assert lines == [
        "22% is the clutter of the middle one of 40 articles, usually 7%; since 2026-11-12",
        "98% of 40 articles have an empty or short body, usually 5%; since 2026-11-12",
        "100% of 40 articles state no date, usually 0%; since 2026-11-12",
        "75% of 40 articles are in a language that cannot be told, usually 0%; since 2026-11-12",
        "50% of 40 articles break off, usually 0%; since 2026-11-12",
        "75% of 40 articles are behind a paywall, usually 10%; since 2026-11-12",
        "33% of 60 inputs are dead letters with EXTRACT_LOSS, usually 0%; since 2026-11-12",
    ]


def test_clutter_that_vanishes_is_a_change_of_the_template_too() -> None:
    assert what(past(*[of(40, bin_=13)] * 10, of(40, bin_=8))) == ["clutter"]
    assert not found(past(*[of(40, bin_=2)] * 10, of(40, bin_=5))), "a percent more is none"
    assert not found(past(*[of(2, bin_=9)] * 10, of(2, bin_=12)))


def test_a_bad_day_or_two_in_the_past_make_no_difference() -> None:
    bad = of(40, bin_=15, flaws={"undated": 40})
    days = past(*[of(40)] * 5, bad, *[of(40)] * 5, bad, *[of(40)] * 5)
    assert not found(days)
    assert what([*days, Day(MONDAY + dt.timedelta(days=17), bad)]) == ["clutter", "undated"]


def test_a_level_that_stays_becomes_the_usual_one() -> None:
    days = past(*[of(40)] * 20)
    told = []
    for number in range(20, 50):
        days.append(Day(MONDAY + dt.timedelta(days=number), of(40, bin_=14, flaws={"undated": 40})))
        told.append(found(days))
    assert {str(one.since) for one in told[0] + told[5]} == {"2026-11-22"}
    assert [len(one) for one in told[:7]] == [2] * 7
    assert not any(told[11:])
    days.append(Day(MONDAY + dt.timedelta(days=50), of(40)))
    assert what(days) == ["clutter"], "and back again; dates are no harm"


def test_a_small_outlet_is_judged_by_the_days_of_a_week() -> None:
    days = past(*[of(2)] * 20)
    named_after = 0
    while not (now := found(days)):
        named_after += 1
        assert named_after < 7
        days.append(Day(MONDAY + dt.timedelta(days=len(days)), of(2, flaws={"undated": 2})))
    assert named_after > 1
    assert "in 7 days" in str(now[0])
    assert str(now[0]).endswith("since 2026-11-22")
    days.append(Day(MONDAY + dt.timedelta(days=len(days)), of(2)))
    assert not found(days), "it is over as soon as a day is good"


# Volume


def test_an_outlet_that_always_publishes_and_brings_nothing() -> None:
    days = past(*[of(38)] * 28, of(0))
    assert [str(one) for one in found(days)] == ["0 new articles, usually 38 on a Monday; since 2026-11-30"]
    assert not found(days, is_over=False), "the rest of the day may bring more"
    assert not found(days, volume=False), "a notice says so already"
    assert [str(one) for one in found(past(*[of(38)] * 10, of(1)))] == [
        "1 new article, usually 38 a day; since 2026-11-12"
    ]


def test_few_articles_on_a_day_without_are_told_by_several_of_them() -> None:
    days = past(*[of(6)] * 28, of(0))
    assert not found(days)
    for number in range(29, 50):
        days.append(Day(MONDAY + dt.timedelta(days=number), of(0)))
    assert "0 new articles in 5 days, usually 6" in str(found(days[:33])[0])
    assert str(found(days[:33])[0]).endswith("since 2026-11-30")
    assert not found(days), "after twenty days it is the usual thing"


def test_weekends_and_holidays_are_usual() -> None:
    week = [of(100)] * 5 + [of(40), of(0)]
    days = past(*week * 5)
    for last in range(8, len(days) + 1):
        assert not found(days[:last])
    holiday = Day(MONDAY + dt.timedelta(days=35), of(36))
    assert not found([*days, holiday])
    assert what([*days, replace(holiday, figures=of(3))]) == ["volume"]


def test_a_flood_is_told_at_any_time_of_the_day() -> None:
    days = past(*[of(20)] * 10, of(200))
    assert [str(one) for one in found(days, is_over=False)] == [
        "200 new articles, usually 20 a day; since 2026-11-12"
    ]
    assert not found(past(*[of(20)] * 10, of(45)))
    edited = replace(of(200), new=20)
    assert not found(past(*[of(20)] * 10, edited)), "later versions are no new articles"


@given(st.lists(figures, min_size=1, max_size=30), st.booleans())
def test_any_past_can_be_judged(brought: list[OutletFigures], is_over: bool) -> None:
    days = [
        Day(
            MONDAY + dt.timedelta(days=number),
            replace(one, articles=sum(one.clutter.values()) + max(0, *[0, *one.flaws.values()])),
        )
        for number, one in enumerate(brought)
    ]
    for one in found(days, is_over=is_over):
        assert str(one)
        assert one.since <= days[-1].date


# A press of thirty outlets over forty nights


@pytest.mark.parametrize("seed", range(1, 21))
def test_a_change_is_named_the_first_morning_and_none_before(seed: int) -> None:
    outlets, drift, false = nights(seed, POLICY)
    assert len(false) <= 1, [str(alarm) for alarm in false]
    assert max(len(past.days) for past in drift.outlets.values()) == DAYS
    large = [outlet for outlet in outlets if outlet.volume >= 60]
    after = {
        change: [one.after for one in named(seed, POLICY, large, drift) if one.what == change] for change in CHANGES
    }
    for change in (Measure.SHORT, Measure.UNDATED, Measure.VOLUME):
        assert set(after[change]) == {0}, change
    assert after[Measure.CLUTTER][-1] == 0, "at the largest outlet"
    assert after[Measure.CLUTTER].count(0) >= len(large) - 2, (
        "where its median lies is not known as exactly elsewhere"
    )
    assert None not in after[Measure.CLUTTER]
