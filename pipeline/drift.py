"""What the state of a data set keeps of how each outlet's articles usually are, and which of them have drifted.

Runs of one day (in UTC) count together, so that it makes no difference whether a night's work is one run, or several
batches of one, or whether there is a run every hour.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, TypeAdapter, ValidationError

from schemas.feed import FeedSource
from transforms.core.drift import Day, DriftPolicy, Finding, findings
from transforms.core.outlet_figures import Figures, Measure, OutletFigures

if TYPE_CHECKING:
    from pipeline.inputs import Inputs

STATE = "drift"
"""The key in the state."""

FAIL_ON = "drift"
"""The word by which ``--fail-on`` asks that an alarm ends a run with exit status 1."""

MAX_OUTLETS = 2_000
"""Outlets remembered; the ones longest without an article are forgotten first. Each takes some 2 KB of the state."""

_FORGOTTEN = dt.timedelta(days=90)
"""An outlet without an article for so long is none of ours any more."""

_EARLY_MINUTES = 60
"""Whoever runs every night does not start on the minute, and the clocks change twice a year."""

_Count = Annotated[int, Field(ge=0)]
_Codes = dict[str, _Count]
_Row = tuple[dt.date, _Count, _Count, dict[int, _Count], _Codes, _Codes]
_DAYS = TypeAdapter(list[_Row])
_CLOCK = TypeAdapter(dict[dt.date, _Count])
_WORDS = TypeAdapter(frozenset[str])


@dataclass(frozen=True, slots=True)
class Alarm:
    """A finding at an outlet; ``new`` where no run has told it before."""

    source_id: str
    finding: Finding
    new: bool

    def __str__(self) -> str:
        """The alarm in a line, for people."""
        return f"{self.source_id}: {self.finding}"

    def as_json(self) -> dict[str, Any]:
        """Its figures, and the line for people as ``message``."""
        found = self.finding
        return {
            "outlet": self.source_id,
            "what": str(found.what),
            "now": round(found.now, 4),
            "usual": round(found.usual, 4),
            "count": found.count,
            "days": found.days,
            "since": found.since.isoformat(),
            "new": self.new,
            "message": str(self),
        }


@dataclass(frozen=True, slots=True)
class OutletPast:
    """What is known of an outlet.

    Attributes:
        days: on which it was asked, in order.
        told: what was out of the ordinary when it was last looked at.
        command: the inputs that its articles last came from (see ``command_of``); empty for feeds.
    """

    days: tuple[Day, ...] = ()
    told: frozenset[str] = frozenset()
    command: str = ""

    def with_day(self, today: dt.date, figures: OutletFigures, policy: DriftPolicy) -> OutletPast:
        """With ``figures`` added to those of ``today``, and without what no comparison reaches back to."""
        days = [*self.days]
        while days and days[-1].date > today:
            # The clock was ahead. What it counted has no day any more.
            days.pop()
        if days and days[-1].date == today:
            days[-1] = replace(days[-1], figures=days[-1].figures + figures)
        else:
            days.append(Day(today, figures))
        days = days[-policy.kept_days :]
        faded = [Day(day.date, OutletFigures(new=day.figures.new)) for day in days[: -policy.figured_days]]
        return replace(self, days=(*faded, *days[-policy.figured_days :]))

    @property
    def active(self) -> dt.date:
        """The last day with an article."""
        return next((day.date for day in reversed(self.days) if day.figures.new), self.days[0].date)


@dataclass(frozen=True, slots=True)
class Drift:
    """How the articles of each outlet usually are.

    Attributes:
        outlets: by ``source_id``.
        clock: the minute of the day at which the last run of each day began, for the days that are compared with.
    """

    outlets: Mapping[str, OutletPast] = field(default_factory=dict)
    clock: Mapping[dt.date, int] = field(default_factory=dict)

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """What ``as_json`` gave; empty where the state holds nothing of the kind.

        Raises:
            ValueError: it is not of this shape.
        """
        kept = state.get(STATE, {})
        try:
            outlets = {
                source_id: OutletPast(
                    tuple(map(_day, _DAYS.validate_python(one["days"]))),
                    _WORDS.validate_python(one.get("told", ())),
                    str(one.get("command", "")),
                )
                for source_id, one in kept.get("outlets", {}).items()
            }
            return cls(outlets, _CLOCK.validate_python(kept.get("clock", {})))
        except ValidationError as fault:
            raise ValueError(f"what it keeps of drift cannot be read: {fault.errors()[0]['msg']}") from fault
        except (AttributeError, KeyError, TypeError) as fault:
            raise ValueError(f"what it keeps of drift cannot be read: {fault!r}") from fault

    def as_json(self) -> dict[str, Any]:
        """The key of the state that holds it; empty where there is nothing to hold.

        A day is ``[date, new, articles, clutter, flaws, codes]``, as in ``OutletFigures``.
        """
        if not self.outlets:
            return {}
        outlets = {source_id: _outlet_as_json(past) for source_id, past in sorted(self.outlets.items())}
        return {STATE: {"outlets": outlets, "clock": {str(date): at for date, at in sorted(self.clock.items())}}}

    def after(
        self,
        figures: Figures,
        policy: DriftPolicy,
        *,
        now: dt.datetime,
        asked: Collection[str] = (),
        command: str = "",
        left_out: Collection[str] = (),
    ) -> tuple[Self, tuple[Alarm, ...]]:
        """What is known after a run, and what is out of the ordinary at the outlets that it was about.

        Of a run in batches each batch is told by all up to it, and always against what was known before the run.
        A run over files that brought nothing at all is none: it may be the same files once more.

        Args:
            figures: of the run, by ``source_id``.
            policy: the thresholds.
            now: the moment of the run.
            asked: the outlets whose feeds were asked: if such a one brings nothing, that is a figure too.
            command: which inputs were read (see ``command_of``). Outlets whose articles last came from the same ones
                were asked as well.
            left_out: outlets of which another notice says already why they bring few articles or none.
        """
        same = {source_id for source_id, past in self.outlets.items() if command and past.command == command}
        about = {*figures, *(same.union(asked) & self.outlets.keys() if figures or asked else ())}
        if not about:
            return self, ()
        today, minute = now.date(), now.hour * 60 + now.minute
        outlets = dict(self.outlets)
        alarms: list[Alarm] = []
        before = [at for date, at in sorted(self.clock.items()) if date < today][-policy.days :]
        is_over = not before or minute >= median(before) - _EARLY_MINUTES
        for source_id in sorted(about):
            known = self.outlets.get(source_id, OutletPast(command=command))
            past = known.with_day(today, figures.get(source_id, OutletFigures()), policy)
            found = findings(past.days, policy, is_over=is_over, volume=source_id not in left_out)
            alarms += [Alarm(source_id, one, new=one.what not in known.told) for one in found]
            # As long as the day is not over it is open whether there are too few articles again.
            open_yet = () if is_over else known.told & {Measure.VOLUME}
            outlets[source_id] = replace(
                past,
                told=frozenset({*(str(one.what) for one in found), *open_yet}),
                command=command if source_id in figures else past.command,
            )
        alive = [(i, past) for i, past in outlets.items() if today - past.active < _FORGOTTEN]
        alive.sort(key=lambda item: (-item[1].active.toordinal(), item[0]))
        clock = {**{date: at for date, at in self.clock.items() if date <= today}, today: minute}
        dates = sorted(clock)[-policy.days - 1 :]
        return (
            replace(self, outlets=dict(sorted(alive[:MAX_OUTLETS])), clock={date: clock[date] for date in dates}),
            tuple(alarms),
        )


def _day(row: _Row) -> Day:
    date, new, articles, clutter, flaws, codes = row
    return Day(date, OutletFigures(new, articles, clutter, flaws, codes))


def _outlet_as_json(past: OutletPast) -> dict[str, Any]:
    days = [
        [
            day.date.isoformat(),
            day.figures.new,
            day.figures.articles,
            {str(place): count for place, count in sorted(day.figures.clutter.items())},
            dict(sorted(day.figures.flaws.items())),
            dict(sorted(day.figures.codes.items())),
        ]
        for day in past.days
    ]
    rest = {"told": sorted(past.told), "command": past.command}
    return {"days": days, **{key: value for key, value in rest.items() if value}}


def command_of(inputs: Inputs) -> str:
    """A name for what a run was asked to read, the same whenever the same is asked; empty where that is no file."""
    if not inputs.files:
        return ""
    return hashlib.sha256("\n".join(sorted(inputs.asked)).encode("utf-8", "surrogatepass")).hexdigest()[:8]


def outlets_of(feeds: Iterable[FeedSource]) -> frozenset[str]:
    """The outlets of the ``feeds``, for ``asked`` and ``left_out``."""
    return frozenset(feed.outlet.source_id for feed in feeds if feed.outlet.source_id)


def fails(fail_on: Collection[str], alarms: Iterable[Alarm]) -> bool:
    """Whether a run with these ``alarms``, which stays published, is to end with exit status 1.

    An alarm does so once, in the run that first tells it; it is told until the new level is the usual one.
    """
    return FAIL_ON in fail_on and any(alarm.new for alarm in alarms)
