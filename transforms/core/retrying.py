"""When a server is asked again: what may be over soon, how long it asks to be left alone, how long it is waited."""

from __future__ import annotations

import datetime as dt
import re
from email.utils import parsedate_to_datetime
from random import Random

from schemas.reject import Reason

TOO_MANY = 429
UNAVAILABLE = 503

_SECONDS = re.compile(r"([0-9]+)(?:\.[0-9]*)?", re.ASCII)
"""RFC 9110 knows whole seconds only; servers also write ``1.5``. What follows the point is rounded up."""

_MOST_DIGITS = 12
"""A number with more is thirty thousand years, and beyond what a ``timedelta`` holds."""

_LONGEST_VALUE = 100
"""The longest form of a date has 33 characters, and the parser of dates is slow on long nonsense."""


def is_retried_status(status: int) -> bool:
    """Whether a status may be another a little later: 408, 429 and those of 500 and above."""
    return status in (408, TOO_MANY) or 500 <= status < 600


def is_retried_fault(reason: Reason) -> bool:
    """Whether a request that failed for ``reason`` is made again: no connection, or one that broke off.

    ``TIMEOUT`` is not: a server that has worked on an answer for the whole of ``total_seconds`` has more to do than
    it can, and to ask again doubles that.
    """
    return reason in (Reason.UNREACHABLE, Reason.TRUNCATED)


def retry_after(value: str | None, *, now: dt.datetime, longest_seconds: float) -> dt.datetime | None:
    """The moment that a header ``Retry-After`` asks to wait for.

    Args:
        value: of the header (RFC 9110, section 10.2.3: seconds, or a date in any of the three forms of HTTP);
            ``None`` where there is none.
        now: the moment of the answer, in UTC.
        longest_seconds: a later moment is cut to this.

    Returns:
        The moment in UTC, never before ``now``; ``None`` where the value is neither form.
    """
    value = (value or "").strip()
    longest = dt.timedelta(seconds=longest_seconds)
    if stated := _SECONDS.fullmatch(value):
        whole, fraction = stated[1].lstrip("0"), value[len(stated[1]) :].strip(".0")
        if len(whole) > _MOST_DIGITS:
            return now + longest
        return now + min(dt.timedelta(seconds=int(whole or "0") + bool(fraction)), longest)
    moment = _date(value) if len(value) <= _LONGEST_VALUE else None
    return None if moment is None else now + min(max(moment - now, dt.timedelta()), longest)


def _date(value: str) -> dt.datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        # HTTP knows no other zone; a date without one, or in "-0000", is meant as GMT.
        return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def backoff_seconds(tries: int, *, base_seconds: float, longest_seconds: float, rng: Random) -> float:
    """How long to wait behind a failure: anything from nothing to a bound that doubles with each ("full jitter").

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/

    Args:
        tries: failures so far, from 1.
        base_seconds: half the bound behind the first.
        longest_seconds: the bound grows no further.
        rng: makes the choice.
    """
    return rng.uniform(0.0, min(longest_seconds, base_seconds * 2.0 ** min(tries, 32)))
