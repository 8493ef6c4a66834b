"""What the state keeps of how outlets usually are, over nights, batches and hours."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest

from pipeline.drift import MAX_OUTLETS, Alarm, Drift, command_of, fails, outlets_of
from pipeline.inputs import Inputs
from schemas.feed import FeedSource
from schemas.record import InputKind, Outlet, SourceFile
from transforms.core.drift import DriftPolicy
from transforms.core.outlet_figures import Measure, OutletFigures

POLICY = DriftPolicy()
FIRST = dt.datetime(2026, 11, 2, 2, 30, tzinfo=dt.UTC)
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
GOOD = OutletFigures(40, 40, {8: 20, 9: 20}, {"short": 1}, {"TIMEOUT": 1})
EMPTY = replace(GOOD, flaws={"short": 40})
ASKED = frozenset({"oudewal", "zuidkade"})


def night(drift: Drift, number: int, figures: dict[str, OutletFigures], **how: Any) -> tuple[Drift, list[str]]:
    """A run on night ``number``, its state written and read; which alarms there were, new ones with a ``!``."""
    now = how.pop("now", FIRST + number * DAY)
    after, alarms = drift.after(figures, POLICY, now=now, **{"asked": ASKED, **how})
    assert Drift.from_json(json.loads(json.dumps(after.as_json()))) == after
    return after, [f"{a.source_id} {a.finding.what}{'!' if a.new else ''}" for a in alarms]


def nights(count: int, drift: Drift | None = None, **how: Any) -> Drift:
    drift = drift or Drift()
    for number in range(count):
        drift, alarms = night(drift, number, dict.fromkeys(ASKED, GOOD), **how)
        assert not alarms
    return drift


def test_an_alarm_is_new_once_and_told_until_the_level_is_usual() -> None:
    drift, told = nights(20), []
    for number in range(20, 45):
        drift, alarms = night(drift, number, {"oudewal": EMPTY, "zuidkade": GOOD})
        told.append(alarms)
    assert told[0] == ["oudewal short!"]
    assert told[1:10] == [["oudewal short"]] * 9
    assert not any(told[11:])
    drift, _ = night(drift, 45, dict.fromkeys(ASKED, GOOD))
    drift, alarms = night(drift, 46, {"oudewal": replace(EMPTY, flaws={"short": 40, "und": 40}), "zuidkade": GOOD})
    assert alarms == ["oudewal und!"]


def test_batches_of_a_night_count_as_one_and_are_judged_against_the_nights_before() -> None:
    before = nights(10)
    part = OutletFigures(10, 10, {8: 10}, {"short": 10})
    batches = [before.after({"oudewal": whole}, POLICY, now=FIRST + 10 * DAY)[1] for whole in (part, part + part)]
    assert [[alarm.new for alarm in alarms] for alarms in batches] == [[True], [True]]
    kept, _ = before.after({"oudewal": part}, POLICY, now=FIRST + 10 * DAY)
    resumed, _ = kept.after({"oudewal": part}, POLICY, now=FIRST + 10 * DAY + HOUR)
    assert resumed.outlets["oudewal"].days[-1].figures == part + part


def test_hours_are_added_up_and_too_few_articles_are_told_when_the_day_is_over() -> None:
    drift = Drift()
    each = OutletFigures(5, 5, {8: 5})
    for number in range(8):
        for hour in range(24):
            drift, alarms = night(drift, 0, dict.fromkeys(ASKED, each), now=FIRST.replace(hour=hour) + number * DAY)
            assert not alarms
    told = []
    for hour in range(24):
        now = FIRST.replace(hour=hour) + 8 * DAY
        drift, alarms = night(drift, 0, {"zuidkade": each}, now=now)
        told.append(alarms)
    assert not any(told[:22])
    assert told[22:] == [["oudewal volume!"], ["oudewal volume"]]
    drift, alarms = night(drift, 0, {"zuidkade": GOOD}, now=FIRST.replace(hour=0) + 9 * DAY)
    assert not alarms
    drift, alarms = night(drift, 0, {"zuidkade": GOOD}, now=FIRST.replace(hour=23) + 9 * DAY)
    assert alarms == ["oudewal volume"], "it was told before"


def test_a_feed_that_is_silent_is_named_once_by_one_of_both() -> None:
    drift = nights(12)
    assert night(drift, 12, {"zuidkade": GOOD})[1] == ["oudewal volume!"]
    assert night(drift, 12, {"zuidkade": GOOD}, left_out={"oudewal"})[1] == []
    assert night(drift, 12, {"zuidkade": GOOD}, asked={"zuidkade"})[1] == [], "nobody asked it"
    assert night(drift, 12, {}, asked=())[0] is drift
    assert night(Drift(), 0, {})[0].outlets == {}, "a feed that never brought anything has no usual number"


def test_outlets_of_the_same_files_are_missed_and_those_of_others_are_not() -> None:
    dump, other = Inputs(("dump/",), [SourceFile(InputKind.JSONL, "dump/a.jsonl", "a")]), Inputs(("b.txt",))
    assert command_of(dump) == command_of(replace(dump))
    assert command_of(other) == command_of(Inputs(("https://zuidkade.example/rss",))) == ""
    drift = nights(12, asked=(), command=command_of(dump))
    assert night(drift, 12, {"zuidkade": GOOD}, asked=(), command=command_of(dump))[1] == ["oudewal volume!"]
    assert night(drift, 12, {"zuidkade": GOOD}, asked=(), command="0badcafe")[1] == []
    assert night(drift, 12, {}, asked=(), command=command_of(dump))[0] is drift, "the same files once more"


def test_the_clock_may_go_back() -> None:
    drift, alarms = night(nights(12), 3, {"oudewal": GOOD})
    assert not alarms
    assert [day.date.day for day in drift.outlets["oudewal"].days] == [2, 3, 4, 5]
    assert max(drift.clock).day == 5


def test_the_state_is_small_and_forgets() -> None:
    drift = nights(60)
    assert len(drift.outlets["oudewal"].days) == POLICY.kept_days == 42
    assert [bool(day.figures.articles) for day in drift.outlets["oudewal"].days].count(True) == POLICY.figured_days
    assert len(json.dumps(drift.as_json(), separators=(",", ":"))) < 2 * 3_000
    assert len(drift.clock) == POLICY.days + 1
    crawl = {f"host-{number}": OutletFigures(1, 1, {0: 1}) for number in range(MAX_OUTLETS + 10)}
    crawled, _ = drift.after(crawl, POLICY, now=FIRST + 60 * DAY)
    assert len(crawled.outlets) == MAX_OUTLETS
    assert not crawled.outlets.keys() & ASKED
    later, _ = drift.after({"zuidkade": GOOD}, POLICY, now=FIRST + 150 * DAY)
    assert later.outlets.keys() == {"zuidkade"}
    assert Drift().as_json() == {}
    assert Drift.from_json({"lines": {}}) == Drift()


@pytest.mark.parametrize(
    "kept",
    [
        1,
        {"outlets": 1},
        {"outlets": {"a": {}}},
        {"outlets": {"a": {"days": [["2026-11-02", -1, 0, {}, {}, {}]]}}},
        {"outlets": {"a": {"days": [["2026-11-02", 1]]}}},
        {"outlets": {"a": {"days": [], "told": [1]}}},
        {"clock": {"noon": 1}},
    ],
)
def test_what_it_did_not_write_it_does_not_read(kept: object) -> None:
    with pytest.raises(ValueError, match="drift cannot be read"):
        Drift.from_json({"drift": kept})


def test_a_run_fails_on_drift_once_and_where_it_is_asked_to() -> None:
    drift = nights(12)
    after, alarms = drift.after({"oudewal": EMPTY}, POLICY, now=FIRST + 12 * DAY)
    assert fails({"drift"}, alarms)
    assert not fails((), alarms)
    assert not fails({"drift"}, ())
    assert not fails({"drift"}, after.after({"oudewal": EMPTY}, POLICY, now=FIRST + 13 * DAY)[1])


def test_an_alarm_as_a_line_and_as_json() -> None:
    (alarm,) = nights(12).after({"oudewal": EMPTY}, POLICY, now=FIRST + 12 * DAY)[1]
    line = "oudewal: 100% of 40 articles have an empty or short body, usually 2%; since 2026-11-14"
    assert str(alarm) == line
    assert json.loads(json.dumps(alarm.as_json())) == {
        "outlet": "oudewal",
        "what": "short",
        "now": 1.0,
        "usual": 0.025,
        "count": 40,
        "days": 1,
        "since": "2026-11-14",
        "new": True,
        "message": line,
    }
    assert isinstance(alarm, Alarm)
    assert alarm.finding.what == Measure.SHORT


def test_the_outlets_of_feeds() -> None:
    feeds = [FeedSource(f"https://{name}.example/rss", Outlet(source_id=name)) for name in ASKED]
    assert outlets_of(feeds) == ASKED
