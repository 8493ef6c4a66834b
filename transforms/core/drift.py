"""Whether an outlet's articles are as they usually are, and what is out of the ordinary.

Everything is judged against the outlet's own past, by medians and median absolute deviations, so that a bad day or
two among them make no difference. How surprising a count is, is bounded from above by the inequality of Chernoff (A
measure of asymptotic efficiency, 1952), which is exact where it matters most: all of n articles, or none of them.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from statistics import median

from transforms.core.outlet_figures import SHARES, Measure, OutletFigures, apart, median_error, quantile, ratio, sigma

_MAD_TO_SIGMA = 1.4826
"""The standard deviation of a normal distribution in median absolute deviations."""

_SPOILT_SHARE = 0.1
"""So many days of the past are taken for bad ones, those with the largest share, and left out of what is usual."""

_FEW_DAYS = 3.0
"""A spread told from n days is taken 1 + 3/n times: a MAD of seven days is off by 45%, of twenty by 26%."""

_DAYS_A_LOW = 20
"""Where days of the week cannot be told apart, one low and one high day in twenty is taken for a bad one."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class DriftPolicy:
    """From what on a day is out of the ordinary.

    Attributes:
        days: the past that a day is compared with: the last so many on which there was an article.
        least_days: with fewer nothing is said.
        weeks: how far back the same day of the week is looked up for the number of articles.
        least_weeks: with fewer of the same day of the week, all days stand for the usual number.
        pooled_days: the days up to this one that are also judged together, for outlets with few articles.
        chance: how probable a share may be at most where all is as usual. An outlet has some ten shares a day: with
            a hundred outlets one false alarm in a hundred days.
        shift: by how much a share must exceed the usual one; smaller changes are certain at large outlets, and
            no reason to get up.
        spread: how many standard deviations between days are usual.
        odds: by what factor the odds of a share may differ on any day besides; with few days or few articles their
            spread cannot be told.
        clutter_times: by what factor clutter must have grown or shrunk.
        clutter_shift: and by how much of the text.
        clutter_spread: and by how many standard deviations of the median.
        quiet: what a public holiday leaves of a usual day's articles.
        surge: what the busiest news day makes of them.
        volume_chance: how probable a number of articles may be at most on such a day.
    """

    days: int = 20
    least_days: int = 7
    weeks: int = 6
    least_weeks: int = 4
    pooled_days: int = 7
    chance: float = 1e-5
    shift: float = 0.15
    spread: float = 3.0
    odds: float = 2.5
    clutter_times: float = 1.5
    clutter_shift: float = 0.03
    clutter_spread: float = 4.0
    quiet: float = 0.35
    surge: float = 3.0
    volume_chance: float = 1e-3

    @property
    def kept_days(self) -> int:
        """Days of which the number of articles is needed."""
        return max(7 * self.weeks, self.figured_days)

    @property
    def figured_days(self) -> int:
        """Days of which all figures are needed: those that are judged together, and the past before them."""
        return self.days + self.pooled_days


@dataclass(frozen=True, slots=True)
class Day:
    """The figures of an outlet on a day on which it was asked for articles."""

    date: dt.date
    figures: OutletFigures = field(default_factory=OutletFigures)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is out of the ordinary.

    Attributes:
        what: a ``Measure``, or a reason code.
        now: how it is: a share, or for ``VOLUME`` a number of articles.
        usual: how it is usually.
        count: of how many articles or inputs ``now`` is told.
        days: on how many days these were.
        since: the first of the days on end on which it is so.
        weekday: of the ``usual`` ones, where only days of the same name were looked at.
    """

    what: str
    now: float
    usual: float
    count: int
    days: int
    since: dt.date
    weekday: str = ""

    def __str__(self) -> str:
        """The finding in a line, for people."""
        return f"{self._told()}; since {self.since}"

    def _told(self) -> str:
        span = f" in {self.days} days" if self.days > 1 else ""
        if self.what == Measure.VOLUME:
            articles = "new article" if self.now == 1 else "new articles"
            when = f"on a {self.weekday}" if self.weekday else "a day"
            return f"{self.now:,.0f} {articles}{span}, usually {self.usual:,.0f} {when}"
        if self.what == Measure.CLUTTER:
            what = f"is the clutter of the middle one of {self.count:,} articles{span}"
        else:
            what = _IN_WORDS.get(self.what, f"inputs are dead letters with {self.what}")
            what = f"of {self.count:,}{span} {what}"
        return f"{_percent(self.now)} {what}, usually {_percent(self.usual)}"


_IN_WORDS: dict[str, str] = {
    Measure.SHORT: "articles have an empty or short body",
    Measure.UNDATED: "articles state no date",
    Measure.UND: "articles are in a language that cannot be told",
    Measure.TRUNCATED: "articles break off",
    Measure.LOCKED: "articles are behind a paywall",
}


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share >= 0.01 or not share else "under 1%"


def findings(days: Sequence[Day], policy: DriftPolicy, *, is_over: bool, volume: bool) -> list[Finding]:
    """What is out of the ordinary on the last of the ``days``.

    A level that stays is the usual one once it fills half of what it is compared with: after some ten days with the
    figures of the policy, and a number of articles, which is compared by the day of the week, after three or four
    weeks. That there are none at all is said on ``days`` days.

    Args:
        days: of one outlet, in order.
        policy: the thresholds.
        is_over: whether no more is to be expected of the last day; before, too few articles say nothing.
        volume: whether the number of articles is to be judged.
    """
    codes = sorted({code for day in days[-policy.pooled_days :] for code in day.figures.codes})
    found = [_volume(days, policy, is_over=is_over) if volume else None, _clutter(days, policy)]
    found += [_share(days, policy, what, of_articles=True) for what in SHARES]
    found += [_share(days, policy, code, of_articles=False) for code in codes]
    return [one for one in found if one is not None]


def _spans(days: Sequence[Day], policy: DriftPolicy) -> Iterator[tuple[list[Day], list[Day]]]:
    """The last day and the past before it, then the last days together and the past before those."""
    yield [days[-1]], list(days[:-1])
    first = days[-1].date - dt.timedelta(days=policy.pooled_days - 1)
    before = [day for day in days if day.date < first]
    if len(before) < len(days) - 1:
        yield list(days[len(before) :]), before


@dataclass(frozen=True, slots=True)
class _Part:
    """How many of how many."""

    count: int
    of: int

    @property
    def share(self) -> float:
        return self.count / self.of


def _share(days: Sequence[Day], policy: DriftPolicy, what: str, *, of_articles: bool) -> Finding | None:
    def parts(some: Iterable[Day]) -> list[_Part]:
        figures = [day.figures for day in some]
        if of_articles:
            return [_Part(one.flaws.get(what, 0), one.articles) for one in figures if one.articles]
        return [_Part(one.codes.get(what, 0), one.inputs) for one in figures if one.inputs]

    today = parts(days[-1:])
    if not today or today[0].share < policy.shift:
        return None
    # Also where several days are judged together this day is to be unlike the others that there were up to it.
    lately = [part.share for part in parts(days[:-1])[-policy.days :]]
    if len(lately) < policy.least_days or today[0].share < median(lately) + policy.shift:
        return None
    for now, before in _spans(days, policy):
        recent, past = parts(now), parts(before)[-policy.days :]
        if len(past) < policy.least_days:
            continue
        usual = median(part.share for part in past)
        whole = _Part(sum(part.count for part in recent), sum(part.of for part in recent))
        if whole.share < usual + policy.shift:
            continue
        spread = _spread([part.share for part in past], usual) / math.sqrt(len(recent))
        widened = policy.spread * (1 + _FEW_DAYS / len(past))
        highest = max(usual + widened * spread, _at_odds(max(usual, _rate(past)), policy.odds))
        if _at_least(whole, highest) < policy.chance:

            def drifted(day: Day, bar: float = usual + policy.shift) -> bool | None:
                return next((part.share >= bar for part in parts([day])), None)

            since = _since(days, drifted)
            return Finding(what, whole.share, usual, whole.of, len(recent), since)
    return None


def _rate(past: Sequence[_Part]) -> float:
    """The share of all days together but for the worst of them, with one article more that is and one that is not."""
    spoilt = int(len(past) * _SPOILT_SHARE)
    good = sorted(past, key=lambda part: (part.share, part.of))[: len(past) - spoilt]
    return (sum(part.count for part in good) + 1) / (sum(part.of for part in good) + 2)


def _at_odds(share: float, times: float) -> float:
    """The share whose odds are so many ``times`` those of this ``share``."""
    return times * share / (1 + (times - 1) * share)


def _clutter(days: Sequence[Day], policy: DriftPolicy) -> Finding | None:
    def middle(figures: OutletFigures) -> float | None:
        return quantile(figures.clutter, 0.5) if figures.clutter else None

    times = apart(policy.clutter_times)
    today = middle(days[-1].figures)
    lately = [at for day in days[:-1] if (at := middle(day.figures)) is not None][-policy.days :]
    if today is None or len(lately) < policy.least_days or abs(shift := today - median(lately)) < times:
        return None
    for now, before in _spans(days, policy):
        before = [day for day in before if day.figures.clutter][-policy.days :]
        past = [at for day in before if (at := middle(day.figures)) is not None]
        whole = _together(now)
        at = middle(whole)
        if at is None or len(past) < policy.least_days:
            continue
        usual = median(past)
        far = math.copysign(at - usual, (at - usual) * shift)
        if far < times or abs(ratio(at) - ratio(usual)) < policy.clutter_shift:
            continue
        with_articles = sum(bool(day.figures.clutter) for day in now)
        scatter = max(sigma(whole.clutter), sigma(_together(before).clutter))
        spread = max(_spread(past, usual) / math.sqrt(with_articles), median_error(scatter, whole.articles))
        if abs(at - usual) > policy.clutter_spread * (1 + _FEW_DAYS / len(past)) * spread:
            bar, up = usual, at > usual

            def drifted(day: Day, bar: float = bar, up: bool = up) -> bool | None:
                where = middle(day.figures)
                return None if where is None else (where - bar if up else bar - where) >= times

            since = _since(days, drifted)
            return Finding(Measure.CLUTTER, ratio(at), ratio(usual), whole.articles, with_articles, since)
    return None


def _volume(days: Sequence[Day], policy: DriftPolicy, *, is_over: bool) -> Finding | None:
    # Days on end without an article are judged together: at a small outlet one alone is no surprise.
    streak = list(takewhile(lambda day: not day.figures.new, reversed(days))) or [days[-1]]
    past = days[: len(days) - len(streak)]
    today = days[-1]
    if len(past) < policy.least_days or len(streak) > policy.days:
        return None
    levels = [_level(past, day.date, policy) for day in streak]
    usual, _, high, weekday = levels[0]
    if today.figures.new > (most := policy.surge * max(high, 1)):
        if _poisson(today.figures.new, most) >= policy.volume_chance:
            return None
        return Finding(Measure.VOLUME, today.figures.new, usual, today.figures.articles, 1, today.date, weekday)
    least = policy.quiet * sum(low for _, low, _, _ in levels)
    new = sum(day.figures.new for day in streak)
    if not is_over or new >= least or _poisson(new, least) >= policy.volume_chance:
        return None
    return Finding(Measure.VOLUME, new, usual, today.figures.articles, len(streak), streak[-1].date, weekday)


def _level(past: Sequence[Day], date: dt.date, policy: DriftPolicy) -> tuple[float, float, float, str]:
    """Of new articles on a day: the usual number, the least and the most, and the day of the week if that told."""
    first = date - dt.timedelta(weeks=policy.weeks)
    same = [d.figures.new for d in past if d.date.weekday() == date.weekday() and d.date >= first]
    if len(same) >= policy.least_weeks:
        usual = median(same)
        return usual, usual, usual, WEEKDAYS[date.weekday()]
    ordered = sorted(day.figures.new for day in past[-policy.days :])
    bad = len(ordered) // _DAYS_A_LOW
    return median(ordered), ordered[bad], ordered[-1 - bad], ""


def _together(days: Iterable[Day]) -> OutletFigures:
    return sum((day.figures for day in days), OutletFigures())


def _since(days: Sequence[Day], drifted: Callable[[Day], bool | None]) -> dt.date:
    """The first of the days on end, up to the last, of which it is so; those that say nothing are passed over."""
    since = days[-1].date
    for day in reversed(days):
        so = drifted(day)
        if so:
            since = day.date
        elif so is not None:
            break
    return since


def _spread(values: Sequence[float], middle: float) -> float:
    return _MAD_TO_SIGMA * median(abs(value - middle) for value in values)


def _at_least(part: _Part, probability: float) -> float:
    """A bound on the chance of as many as that, where each is so with that ``probability``."""
    share = part.share
    if share <= probability:
        return 1.0
    rest = (1 - share) * math.log((1 - share) / (1 - probability)) if share < 1 else 0.0
    return math.exp(-part.of * (share * math.log(share / probability) + rest))


def _poisson(count: int, mean: float) -> float:
    """A bound on the chance of a count so far from the mean, on its side of it."""
    return math.exp(-(mean - count + (count * math.log(count / mean) if count else 0.0)))
