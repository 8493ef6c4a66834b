"""Dates as they are stated: ISO 8601, RFC 822 and written days, kept exactly as coarse as they were given.

Nothing is added to a date: a bare month stays a month, a day without a time of day has no instant. The
result names its precision and carries its EDTF form (https://www.loc.gov/standards/datetime/), in UTC where
a time of day was stated.
"""

from __future__ import annotations

import datetime as dt
import re
from email.utils import parsedate_to_datetime

from transforms.core.date_values import Hints, StatedDate, day_of, folder_day, moment_of, plausible, zone_of
from transforms.core.written_dates import plain, read_written

__all__ = ["Hints", "StatedDate", "folder_day", "plausible", "read_date", "read_hinted", "read_marker", "says_none"]

_LONGEST = 100
"""Characters of the longest date that is tried; written out with weekday, time and zone it takes about 80."""

_ISO = re.compile(
    r"[0-9]{4}(?P<dash>-?)[0-9]{2}(?P=dash)[0-9]{2}"
    r"(?:[T ](?:[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?|[0-9]{4}(?:[0-9]{2})?)"
    r" ?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_RFC = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?[0-9]{1,2} "
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?:[0-9]{2}|[0-9]{4}) "
    r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})? (?:UTC?|GMT|Z|[ACEMP][SD]T|[+-][0-9]{4})",
    re.IGNORECASE,
)
_MARKER = re.compile(r"\s*date ([0-9]{4}-[0-9]{2}(?:-[0-9]{2})?)(?:\s|\Z)")
_NONE = re.compile(
    r"-?[0-9]{1,3}|(?:0000|0001|9999)(?:[-/.T ].{0,30})?|.{0,30}[-/. ](?:0000|0001|9999)(?:[ ,T].{0,30})?"
)
_NO_HINTS = Hints()


def read_date(stated: str, *, evidence: str, timezone: str | None = None) -> StatedDate | None:
    """Reads a date that fills the whole of a string, with no more known than its time zone; see ``read_hinted``.

    Args:
        stated: The date as it was written.
        evidence: Where it was read; handed on.
        timezone: The IANA name of the zone in which a time of day without a zone is read; without it, UTC.

    Raises:
        ValueError: The timezone does not exist.
    """
    return read_hinted(stated, Hints(zone_of(timezone)) if timezone is not None else _NO_HINTS, evidence=evidence)


def read_hinted(stated: str, hints: Hints, *, evidence: str) -> StatedDate | None:
    """Reads a date that fills the whole of a string.

    Understood are ISO 8601 (with or without a time of day, an offset, fractions of a second; also
    ``2017-09`` and ``2017``), RFC 822 and 2822 as in feeds, days written in Dutch, English, French or
    German, and times told from now ("2 hours ago", "gisteren om 14:05"). A weekday is not held against the day. Of
    figures alone (``03/04/2019``) ``hints`` must say whether the day or the month comes first, unless only the day
    can.

    Args:
        stated: The date as it was written; white space around and inside it does not matter.
        hints: What is known beside it.
        evidence: Where it was read; handed on.

    Returns:
        The date, or ``None`` where the string is anything else, no real day, or in the years 0001 and 9999,
        with which software says "no date".
    """
    if len(stated) > _LONGEST * 4:
        return None
    text = " ".join(stated.split())
    if not text or len(text) > _LONGEST:
        return None
    try:
        return _iso(text, hints.zone, evidence) or _rfc(text, evidence) or read_written(plain(text), hints, evidence)
    except (ValueError, OverflowError):  # the 31st of June, the hour 25, an offset of a day
        return None


def says_none(stated: str) -> bool:
    """Whether a string is what software writes where it has no date: ``-1``, ``0``, the years 0000, 0001 and 9999."""
    return _NONE.fullmatch(stated.strip()) is not None


def read_marker(text: str) -> tuple[int, StatedDate] | None:
    """Reads the marker `` date YYYY-MM[-DD] `` with which a text may begin.

    Returns:
        The number of characters that the marker takes, with the blank behind it, and the date; ``None``
        where the text does not begin with a marker or the date is no real one.
    """
    found = _MARKER.match(text)
    if found is None:
        return None
    stated = read_date(found[1], evidence="date marker")
    return None if stated is None else (found.end(), stated)


def _iso(text: str, zone: dt.tzinfo, evidence: str) -> StatedDate | None:
    if _ISO.fullmatch(text) is None:
        return None
    # fromisoformat takes any one character between day and time, but no blank before the offset.
    moment = dt.datetime.fromisoformat(text[:10] + text[10:].replace(" ", "T", 1).replace(" ", ""))
    return day_of(moment.date(), evidence) if len(text) <= 10 else moment_of(moment, zone, evidence)


def _rfc(text: str, evidence: str) -> StatedDate | None:
    if _RFC.fullmatch(text) is None:
        return None
    # "-0000" comes back without a zone: RFC 2822 means UTC, the place unknown.
    return moment_of(parsedate_to_datetime(text), dt.UTC, evidence)
