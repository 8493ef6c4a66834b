"""A date as it was stated, exactly as coarse as it was given, and what can be asked of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EARLIEST = dt.datetime(1700, 1, 1, tzinfo=dt.UTC)
"""Digitised newspapers reach back to the 18th century; below lie the zeros of software (0001, 1601)."""

_ZERO = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""The zero of the clocks of Unix: software that has no date prints this one."""

_AHEAD = dt.timedelta(hours=48)
"""Time zones (14 hours), tomorrow's print edition, a clock a day off; further ahead is an error."""

_PRECISIONS = ("year", "month", "day", "minute")


@dataclass(frozen=True, slots=True)
class StatedDate:
    """A date as it was stated.

    Attributes:
        edtf: ``2017``, ``2017-09``, ``2024-06-18`` or, for a time of day, ``2024-06-18T07:12Z``.
        precision: ``minute``, ``day``, ``month`` or ``year``.
        date: The day, in UTC where there is an ``instant``; ``None`` where only a month or a year is stated.
        instant: The moment in UTC, only where a time of day was stated.
        evidence: Where it was read.
    """

    edtf: str
    precision: str
    date: dt.date | None
    instant: dt.datetime | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known beside a date and decides how it is read.

    Attributes:
        zone: Where a time of day without a zone was told.
        day_first: Whether ``03/04/2024`` is the 3rd of April; ``None`` where nothing says so: it is refused.
        fetched: When the text was fetched, with a zone; ``None``, where nothing says so, refuses "2 hours ago".
    """

    zone: dt.tzinfo = dt.UTC
    day_first: bool | None = None
    fetched: dt.datetime | None = None


def zone_of(name: str | None) -> dt.tzinfo:
    """The time zone of an IANA name; UTC without a name.

    Raises:
        ValueError: There is no such zone.
    """
    if name is None:
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone of the IANA list") from error


def year_of(year: int, evidence: str) -> StatedDate | None:
    """A year without a month."""
    return StatedDate(f"{year:04}", "year", None, None, evidence) if _real(year) else None


def month_of(year: int, month: int, evidence: str) -> StatedDate | None:
    """A month without a day.

    Raises:
        ValueError: There is no such month.
    """
    first = dt.date(year, month, 1)
    return StatedDate(f"{first:%Y-%m}", "month", None, None, evidence) if _real(year) else None


def day_of(day: dt.date, evidence: str) -> StatedDate | None:
    """A day without a time of day."""
    return StatedDate(day.isoformat(), "day", day, None, evidence) if _real(day.year) else None


def moment_of(moment: dt.datetime, zone: dt.tzinfo, evidence: str) -> StatedDate | None:
    """A moment; without a zone of its own it is one of ``zone``.

    When summer time ends, an hour comes twice, and when it begins, one does not come at all. Which moment was meant
    by a time of day in such an hour nobody can tell, so that only the day is kept.
    """
    if not _real(moment.year):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone, fold=0)
        if moment.utcoffset() != moment.replace(fold=1).utcoffset():
            return day_of(moment.date(), evidence)
    instant = moment.astimezone(dt.UTC)
    edtf = f"{instant.date().isoformat()}T{instant:%H:%M}Z"
    return StatedDate(edtf, "minute", instant.date(), instant, evidence)


def _real(year: int) -> bool:
    # 0001 and 9999 are what software writes for "none"; inside, no offset can overflow.
    return 1 < year < 9999


def plausible(stated: StatedDate, now: dt.datetime) -> bool:
    """Whether news can have appeared then: from 1700 on, and no later than 48 hours after ``now``.

    A month or a year is judged by its first day; the first moment of 1970 is none. ``now`` has a zone.
    """
    first = stated.instant or dt.datetime.combine(span(stated)[0], dt.time(), dt.UTC)
    return _EARLIEST <= first <= now + _AHEAD and stated.instant != _ZERO


def folder_day(stated: StatedDate) -> dt.date | None:
    """The day of the folder for a date: its own day, the first day of a month, ``None`` for a bare year."""
    return None if stated.precision == "year" else span(stated)[0]


def span(stated: StatedDate) -> tuple[dt.date, dt.date]:
    """The first and the last day that a date may mean."""
    if stated.date is not None:
        return stated.date, stated.date
    year, month = (*map(int, stated.edtf.split("-")), 0)[:2]
    last = dt.date(year + (month in (0, 12)), month % 12 + 1, 1) - dt.timedelta(days=1)
    return dt.date(year, month or 1, 1), last


def refines(finer: StatedDate, coarse: StatedDate, zone: dt.tzinfo) -> bool:
    """Whether one date says the same as another and more; the day of a moment is that of ``zone``."""
    if _PRECISIONS.index(finer.precision) <= _PRECISIONS.index(coarse.precision):
        return False
    first, last = span(finer)
    if finer.instant is not None:
        first = last = finer.instant.astimezone(zone).date()
    begin, end = span(coarse)
    return begin <= first and last <= end


def apart(one: StatedDate, other: StatedDate) -> dt.timedelta:
    """How far two dates lie from each other at least: between moments to the second, else in days."""
    if one.instant is not None and other.instant is not None:
        return abs(one.instant - other.instant)
    (begin, end), (start, stop) = span(one), span(other)
    return max(start - end, begin - stop, dt.timedelta())
