"""How soon a change at an outlet is named, and how often one is named that is none.

    python -m benchmarks.drift                 twenty invented presses of thirty outlets: a minute
    python -m benchmarks.drift --seeds 100

A press is made up from a seed: outlets of 2 to 200 articles a day (evenly on a logarithmic scale), with weekends,
for one in ten no Sunday at all, public holidays on which all of them bring a third to two thirds, and numbers that
vary by a fifth beyond chance. The clutter of an outlet's articles scatters by a factor of 1.65 around its median, and
that by 8% from day to day; shares of short, undated, truncated and locked articles lie between none and a third, and
their odds vary by half from day to day; pages fail now and then, on one day in fifty up to a tenth of them.

After 40 days, on a Tuesday, each outlet in turn is changed in each way and the day is judged. Shown is for how many
of them the change was named that morning and within a week, by the usual number of articles, and every alarm that was
raised in the 40 days before.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pipeline.drift import Alarm, Drift
from transforms.core.drift import DriftPolicy
from transforms.core.outlet_figures import BINS, Measure, OutletFigures, apart

BEGIN = dt.datetime(2026, 1, 1, 2, 30, tzinfo=dt.UTC)
OUTLETS, DAYS, WEEK = 30, 40, 7
LEAST, MOST = 2, 200
CLASSES = ((2, 5), (5, 10), (10, 20), (20, 30), (30, 60), (60, 201))


@dataclass(frozen=True, slots=True)
class Outlet:
    """How an invented outlet publishes; shares are of its articles, ``pages`` of what it lists.

    Attributes:
        volume: articles on a weekday.
        week: what of them there is on each day of the week.
        clutter: the median share of clutter.
        flaws: shares of articles.
        failing: the share of pages that cannot be fetched.
    """

    name: str
    volume: float
    week: tuple[float, ...]
    clutter: float
    flaws: dict[Measure, float]
    failing: float


Change = Callable[[Outlet], Outlet]

CHANGES: dict[Measure, Change] = {
    Measure.CLUTTER: lambda outlet: replace(outlet, clutter=min(1.0, 2 * outlet.clutter)),
    Measure.SHORT: lambda outlet: replace(outlet, flaws={**outlet.flaws, Measure.SHORT: 1.0}),
    Measure.UNDATED: lambda outlet: replace(outlet, flaws={**outlet.flaws, Measure.UNDATED: 1.0}),
    Measure.VOLUME: lambda outlet: replace(outlet, volume=0.0),
}
"""What is done to an outlet: its clutter doubles, its bodies are empty, its dates vanish, it brings nothing."""


def press(rng: random.Random) -> list[Outlet]:
    """Thirty outlets."""
    return [_outlet(rng, number) for number in range(OUTLETS)]


def _outlet(rng: random.Random, number: int) -> Outlet:
    weekend = rng.uniform(0.4, 0.8)
    sunday = 0.0 if number % 10 == 9 else weekend * rng.uniform(0.7, 1.0)
    few = rng.random() < 0.8
    return Outlet(
        name=f"outlet-{number:02}",
        volume=LEAST * (MOST / LEAST) ** (number / (OUTLETS - 1)),
        week=(1.0, 1.0, 1.0, 1.0, 1.0, weekend, sunday),
        clutter=0.04 * 8 ** rng.random(),
        flaws={
            Measure.SHORT: rng.uniform(0, 0.15),
            Measure.UNDATED: rng.uniform(0, 0.02) if few else rng.uniform(0.1, 0.35),
            Measure.UND: rng.uniform(0, 0.01),
            Measure.TRUNCATED: rng.uniform(0, 0.05),
            Measure.LOCKED: 0.0 if few else rng.uniform(0.1, 0.35),
        },
        failing=rng.uniform(0, 0.04),
    )


def day(outlet: Outlet, rng: random.Random, date: dt.date, holiday: float) -> OutletFigures:
    """What an outlet brings on a day; ``holiday`` is what there is of a usual day."""
    new = _poisson(rng, outlet.volume * outlet.week[date.weekday()] * holiday * rng.lognormvariate(0, 0.2))
    clutter, flaws = Counter[int](), Counter[str]()
    middle = outlet.clutter * rng.lognormvariate(0, 0.08)
    shares = {what: _moved(rng, share) for what, share in outlet.flaws.items()}
    for _ in range(new):
        clutter[_bin(min(1.0, middle * rng.lognormvariate(0, 0.5)))] += 1
        flaws.update(str(what) for what, share in shares.items() if rng.random() < share)
    failing = rng.uniform(0.05, 0.1) if rng.random() < 0.02 else outlet.failing
    failed = _count(rng, new, failing)
    codes = {"TIMEOUT": failed} if failed else {}
    return OutletFigures(new, new, dict(clutter), dict(flaws), codes)


def _bin(share: float) -> int:
    return max(0, min(BINS - 1, BINS + math.floor(-apart(1 / share)))) if share < 1 else BINS - 1


def _moved(rng: random.Random, share: float) -> float:
    """A share as it is on one day: its odds vary by half."""
    if share in (0.0, 1.0):
        return share
    odds = share / (1 - share) * rng.lognormvariate(0, 0.4)
    return odds / (1 + odds)


def _count(rng: random.Random, of: int, share: float) -> int:
    return sum(rng.random() < share for _ in range(of))


def _poisson(rng: random.Random, mean: float) -> int:
    """How many exponential waits fit in ``mean``."""
    count, waited = -1, 0.0
    while waited <= mean:
        waited += rng.expovariate(1)
        count += 1
    return count


@dataclass(frozen=True, slots=True)
class Named:
    """Whether a change was named: on which day after it, from 0; ``None`` where not within a week."""

    what: Measure
    volume: float
    after: int | None


def nights(seed: int, policy: DriftPolicy) -> tuple[list[Outlet], Drift, list[Alarm]]:
    """A press over 40 days without a change: the outlets, what is known of them, and the alarms that were false."""
    rng = random.Random(seed)  # noqa: S311 - an invented press, no secret
    outlets, drift, false = press(rng), Drift(), list[Alarm]()
    for number in range(DAYS):
        holiday = rng.uniform(0.35, 0.65) if rng.random() < 0.04 else 1.0
        drift, alarms = _night(outlets, drift, rng, policy, number, holiday)
        false += alarms
    # As it is done between runs.
    return outlets, Drift.from_json(json.loads(json.dumps(drift.as_json()))), false


def _night(
    outlets: list[Outlet], drift: Drift, rng: random.Random, policy: DriftPolicy, number: int, holiday: float
) -> tuple[Drift, tuple[Alarm, ...]]:
    now = BEGIN + dt.timedelta(days=number)
    brought = {outlet.name: day(outlet, rng, now.date(), holiday) for outlet in outlets}
    figures = {name: one for name, one in brought.items() if one.inputs}
    return drift.after(figures, policy, now=now, asked=brought)


def named(seed: int, policy: DriftPolicy, outlets: list[Outlet], drift: Drift) -> Iterator[Named]:
    """For each outlet and each way to change it, when that was named."""
    for outlet in outlets:
        for what, change in CHANGES.items():
            rng = random.Random(f"{seed} {outlet.name} {what}")  # noqa: S311 - as above
            then, after = Drift({outlet.name: drift.outlets[outlet.name]}, drift.clock), None
            for number in range(WEEK):
                then, alarms = _night([change(outlet)], then, rng, policy, DAYS + number, 1.0)
                if any(alarm.finding.what == what for alarm in alarms):
                    after = number
                    break
            yield Named(what, outlet.volume, after)


def main() -> None:
    """Show it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    policy, found, false, most = DriftPolicy(), list[Named](), list[Alarm](), 0
    size, begun, judged = 0, time.perf_counter(), 0.0
    for seed in range(1, seeds + 1):
        start = time.perf_counter()
        outlets, drift, wrong = nights(seed, policy)
        judged += time.perf_counter() - start
        size = max(size, len(json.dumps(drift.as_json(), separators=(",", ":"))))
        found += named(seed, policy, outlets, drift)
        false += wrong
        most = max(most, len(wrong))
        for alarm in wrong:
            print(f"seed {seed}: false: {alarm}")
    print(f"{seeds} presses: {len(false)} false alarms in {seeds * DAYS} nights, {most} at most in one press")
    print(
        f"state of {OUTLETS} outlets: {size / 1e3:.0f} KB; {1e3 * judged / seeds / DAYS:.0f} ms a night, made up too"
    )
    print(f"{'articles a day':>16}" + "".join(f"{what:>24}" for what in CHANGES))
    print(f"{'':>16}" + f"{'at once':>14}{'in a week':>10}" * len(CHANGES))
    for low, high in CLASSES:
        row = f"{f'{low} to {high - 1}':>16}"
        for what in CHANGES:
            of = [one.after for one in found if one.what == what and low <= one.volume < high]
            at_once, ever = sum(after == 0 for after in of), sum(after is not None for after in of)
            row += f"{f'{at_once} of {len(of)}':>14}{ever:>10}"
        print(row)
    print(f"{time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
