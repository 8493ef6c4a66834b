"""What a person should look at first in the report of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from pipeline.report.model import Outlet, RunFacts, Share
from pipeline.report.words import span
from schemas.reject import Reason

OWN_FAULTS = frozenset({Reason.STAGE_ERROR, Reason.WORKER_CRASH})
"""Codes that speak against the program rather than the input."""

FEWEST_RUNS = 5
"""Earlier runs from which it is told what is usual."""

REJECTED_TIMES, REJECTED_SHARE, REJECTED_SHARE_ALONE = 2, 0.02, 0.1
"""A share of rejects is high from twice the usual, and from a fiftieth of what was read: below that a handful of bad
inputs doubles it. Where nothing is known of what is usual, a tenth is high. Chosen, not measured."""

WRITTEN_SHARE, SECONDS_TIMES = 0.5, 3
"""Half of the usual articles are few, three times the usual time is long. Chosen, not measured: what a Sunday or
a slow host does should not be news."""

OUTLET_ARTICLES, OUTLET_SHARE = 5, 0.5
"""An outlet is odd where it brought five articles at least, and half of them lack something."""

MOST_NAMED = 6
"""Names listed in one line; the section has them all."""


class Weight(StrEnum):
    """How much hangs on it: the data set or program is wrong, something has changed, or it is good to know."""

    FAULT = "fault"
    LOOK = "look"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Point:
    """One thing to look at; ``anchor`` is the id of the place in the report that says more."""

    weight: Weight
    title: str
    text: str
    anchor: str


def points(facts: RunFacts) -> tuple[Point, ...]:
    """What to look at first, the weightiest first; nothing where the run was like the others."""
    found = [
        *_books(facts),
        *_codes(facts),
        *_amounts(facts),
        *_drift(facts),
        *_feeds(facts),
        *_outlets(facts.outlets),
    ]
    weights = list(Weight)
    return tuple(sorted(found, key=lambda point: weights.index(point.weight)))


def usual(values: Sequence[float | None]) -> float | None:
    """The median of earlier runs, ``None`` where there were too few."""
    known = [value for value in values if value is not None]
    return median(known) if len(known) >= FEWEST_RUNS else None


def rejected_share(read: int, rejected: int) -> float:
    """Rejected of what was read, 0 to 1."""
    return rejected / read if read else 0.0


def _books(facts: RunFacts) -> list[Point]:
    found = []
    if not facts.counts.balanced:
        text = "Read is not written + duplicate + filtered + rejected. Run knipsel verify."
        found.append(Point(Weight.FAULT, "The books do not balance", text, "books"))
    letters = sum(one.count for one in facts.letters)
    counted = facts.counts.written, facts.counts.filtered + facts.counts.rejected
    if (facts.rows, letters) != counted:
        text = (
            f"The books count {counted[0]:,} articles and {counted[1]:,} dead letters, the files hold "
            f"{facts.rows:,} and {letters:,}. Run knipsel verify."
        )
        found.append(Point(Weight.FAULT, "The files are not those of the books", text, "books"))
    return found


def _codes(facts: RunFacts) -> list[Point]:
    found = []
    new = [one for one in facts.letters if one.new and one.code not in OWN_FAULTS]
    for one in facts.letters:
        if one.code in OWN_FAULTS:
            text = f"{_times(one.count)}: {one.explained}. This may be a fault of the program."
            found.append(Point(Weight.FAULT, one.code, text, f"code-{one.code}"))
    before = "the run before" if len(facts.past) == 1 else f"the {len(facts.past)} runs before"
    if len(new) == 1:
        text = f"{_times(new[0].count)}: {new[0].explained}. It did not occur in {before}."
        found.append(Point(Weight.LOOK, f"A new reason: {new[0].code}", text, f"code-{new[0].code}"))
    elif new:
        text = f"None of them occurred in {before}: {_listed([f'{one.code} ({one.count:,})' for one in new])}"
        found.append(Point(Weight.LOOK, f"{len(new)} new reasons", text, "letters"))
    return found


def _amounts(facts: RunFacts) -> list[Point]:
    counts, found = facts.counts, []
    share = rejected_share(counts.read, counts.rejected)
    before = [rejected_share(one.counts.read, one.counts.rejected) for one in facts.past if one.counts.read]
    middle = usual(before)
    high = REJECTED_SHARE_ALONE if middle is None else max(middle * REJECTED_TIMES, REJECTED_SHARE)
    if share >= high:
        compared = "" if middle is None else f"; usual is {middle:.1%}"
        text = f"{counts.rejected:,} of {counts.read:,} inputs, {share:.1%}{compared}."
        found.append(Point(Weight.LOOK, "Many rejects", text, "letters"))
    written = usual([float(one.counts.written) for one in facts.past])
    if written and counts.written < written * WRITTEN_SHARE:
        text = f"{counts.written:,} articles were written; usual are {written:,.0f}."
        found.append(Point(Weight.LOOK, "Few articles", text, "compare"))
    seconds = usual([one.extra.seconds if one.extra else None for one in facts.past])
    if seconds and facts.extra and facts.extra.seconds >= seconds * SECONDS_TIMES:
        text = f"The run took {span(facts.extra.seconds)}; usual is {span(seconds)}."
        found.append(Point(Weight.LOOK, "It took long", text, "time"))
    return found


def _drift(facts: RunFacts) -> list[Point]:
    alarms = facts.extra.alarms if facts.extra else ()
    new = [alarm for alarm in alarms if alarm.new]
    found = [
        Point(Weight.LOOK, f"{one.source_id} has changed", f"{one.finding}.", "outlets") for one in new[:MOST_NAMED]
    ]
    if len(new) > MOST_NAMED:
        text = _listed([one.source_id for one in new[MOST_NAMED:]])
        found.append(Point(Weight.LOOK, f"{len(new) - MOST_NAMED:,} other changes at outlets", text, "outlets"))
    told = [str(alarm) for alarm in alarms if not alarm.new]
    if told:
        found.append(Point(Weight.NOTE, "Out of the ordinary still, as told before", _listed(told), "outlets"))
    return found


def _feeds(facts: RunFacts) -> list[Point]:
    if facts.extra is None:
        return []
    found = []
    kinds = Counter(str(notice.code) for notice in facts.extra.notices)
    for code, count in sorted(kinds.items()):
        named = [notice for notice in facts.extra.notices if notice.code == code]
        text = f"{named[0].about}: {named[0].message}." if count == 1 else _listed([one.about for one in named])
        found.append(Point(Weight.LOOK, code if count == 1 else f"{code}, {count:,} times", text, "feeds"))
    if facts.extra.waiting:
        text = "They are fetched by a later run."
        found.append(Point(Weight.NOTE, f"{facts.extra.waiting:,} pages are waiting", text, "feeds"))
    return found


def _outlets(outlets: Sequence[Outlet]) -> list[Point]:
    wrong: tuple[tuple[str, Callable[[Outlet], int]], ...] = (
        ("Texts that are empty or short", lambda one: one.short),
        ("Articles without a date of publication", lambda one: one.undated),
        ("Texts whose language could not be told", lambda one: one.undetermined),
    )
    found = []
    for title, lacking in wrong:
        odd = [
            Share(one.name or one.source_id, lacking(one))
            for one in outlets
            if one.articles >= OUTLET_ARTICLES and lacking(one) >= OUTLET_SHARE * one.articles
        ]
        if odd:
            text = f"Half or more of the articles of {_listed([f'{one.name} ({one.count:,})' for one in odd])}"
            found.append(Point(Weight.LOOK, title, text, "outlets"))
    return found


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more." if more > 0 else ".")
