"""Dates as they are stated: ISO 8601, RFC 822 and written days, kept exactly as coarse as they were given.

Nothing is added to a date: a bare month stays a month, a day without a time of day has no instant. The
result names its precision and carries its EDTF form (https://www.loc.gov/standards/datetime/), in UTC where
a time of day was stated.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LONGEST = 100
"""Characters of the longest date that is tried; written out with weekday, time and zone it takes about 80."""

_EARLIEST = dt.datetime(1700, 1, 1, tzinfo=dt.UTC)
"""Digitised newspapers reach back to the 18th century; below lie the zeros of software (0001, 1601)."""

_AHEAD = dt.timedelta(hours=48)
"""Time zones (14 hours), tomorrow's print edition, a clock a day off; further ahead is an error."""


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


_MONTHS: dict[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "januari january janvier januar janner janv jan",
            "februari february fevrier februar feber febr fevr fev feb",
            "maart march mars marz maerz mrt mrz mar",
            "april avril apr avr",
            "mei may mai",
            "juni june juin jun",
            "juli july juillet juill juil jul",
            "augustus august aout aug aou",
            "september septembre sept sep",
            "oktober october octobre okt oct",
            "november novembre nov",
            "december decembre dezember dec dez",
        ),
        start=1,
    )
    for name in names.split()
}
"""Dutch, English, French and German, full and short, without accents."""

_WEEKDAYS = (
    "maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|ma|di|wo|do|vr|za|zo|"
    "monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tues|tue|wed|thurs|thur|thu|fri|sat|sun|"
    "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lun|mar|mer|jeu|ven|sam|dim|"
    "montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag|mo|mi|fr|sa|so"
)

_ZONES: dict[str, int] = {
    name: hours
    for hours, names in (
        *((0, "z ut utc gmt wet"), (1, "west bst cet mez"), (2, "cest mesz eet"), (3, "eest msk")),
        *((9, "jst"), (10, "aest"), (11, "aedt"), (-3, "adt"), (-4, "ast edt"), (-5, "est cdt")),
        *((-6, "cst mdt"), (-7, "mst pdt"), (-8, "pst")),
    )
    for name in names.split()
}
"""Hours east of Greenwich: the American names as RFC 822 has them, and European ones that mean one thing."""


_MONTH = rf"(?P<name>{'|'.join(_MONTHS)})"
_DAY = r"(?P<day>[0-9]{1,2})"
_YEAR = r"(?P<year>[0-9]{4})"
_DATES = (
    rf"{_YEAR}(?P<ymd>[-/.])(?P<month>[0-9]{{1,2}})(?P=ymd){_DAY}",
    rf"{_DAY}(?P<dmy>[-/.]) ?(?P<month>[0-9]{{1,2}})(?P=dmy) ?{_YEAR}",
    rf"{_DAY}(?:\.|er|ste|st|nd|rd|th|de|e)?[ -](?:of )?{_MONTH}\.?,?[ -]{_YEAR}",
    rf"{_MONTH}\.? {_DAY}(?:st|nd|rd|th)?,? {_YEAR}",
)
_CLOCK = (
    r"(?P<hour>[0-9]{1,2})"
    r"(?:(?: ?h ?|[:.u])(?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?)?"
    r"(?P<unit> ?(?:uhr|uur|u|h|hrs)\b\.?)?(?: ?(?P<half>[ap])\.?m\b\.?)?"
    r"(?: ?(?:(?P<zone>[a-z]{1,5})|(?:utc|gmt)? ?(?P<offset>[+-][0-9]{2}(?::?[0-9]{2})?))"
    r"(?: ?[\[(][a-z/_ +-]{1,40}[\])])?)?"
)
_OPENING = rf"(?:(?:le|op|am|den|on) )?(?:(?:{_WEEKDAYS})\.?,?(?: den| le)? )?"
_BETWEEN = r"(?: ?[,|/·–—-] ?|t| )(?:(?:om|um|at|a|as of) )?"
_WRITTEN = tuple(
    re.compile(pattern)
    for date in _DATES
    for pattern in (
        rf"{_OPENING}{date}(?:{_BETWEEN}{_CLOCK})?",
        rf"{_CLOCK}(?: ?[,|/·–—-] ?| ){_OPENING}{date}",
    )
)
_MONTH_ONLY = re.compile(rf"(?:{_YEAR}-(?P<month>[0-9]{{2}})|{_MONTH}\.?,? (?P<year_behind>[0-9]{{4}}))")
_YEAR_ONLY = re.compile(_YEAR)
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


def read_date(stated: str, *, evidence: str, timezone: str | None = None) -> StatedDate | None:
    """Reads a date that fills the whole of a string.

    Understood are ISO 8601 (with or without a time of day, an offset, fractions of a second; also
    ``2017-09`` and ``2017``), RFC 822 and 2822 as in feeds, and days written in Dutch, English, French or
    German, where figures alone (``14/05/2019``) are read day first. A weekday is not held against the day.

    Args:
        stated: The date as it was written; white space around and inside it does not matter.
        evidence: Where it was read; handed on.
        timezone: The IANA name of the zone in which a time of day without a zone is read; without it, UTC.

    Returns:
        The date, or ``None`` where the string is anything else, no real day, or in the years 0001 and 9999,
        with which software says "no date".

    Raises:
        ValueError: The timezone does not exist.
    """
    if len(stated) > _LONGEST * 4:
        return None
    zone = _zone(timezone)
    text = " ".join(stated.split())
    if not text or len(text) > _LONGEST:
        return None
    try:
        return _iso(text, zone, evidence) or _rfc(text, evidence) or _written(text, zone, evidence)
    except (ValueError, OverflowError):  # the 31st of June, the hour 25, an offset of a day
        return None


def plausible(stated: StatedDate, now: dt.datetime) -> bool:
    """Whether news can have appeared then: from 1700 on, and no later than 48 hours after ``now``.

    A month or a year is judged by its first day; ``now`` has a zone.
    """
    first = stated.instant
    if first is None:
        parts = [int(part) for part in stated.edtf.split("-")]
        year, month, day = (*parts, 1, 1)[:3]
        first = dt.datetime(year, month, day, tzinfo=dt.UTC)
    return _EARLIEST <= first <= now + _AHEAD


def folder_day(stated: StatedDate) -> dt.date | None:
    """The day of the folder for a date: its own day, the first day of a month, ``None`` for a bare year."""
    if stated.precision == "month":
        return dt.date.fromisoformat(f"{stated.edtf}-01")
    return stated.date


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


def _zone(name: str | None) -> dt.tzinfo:
    if name is None:
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone of the IANA list") from error


def _iso(text: str, zone: dt.tzinfo, evidence: str) -> StatedDate | None:
    if _ISO.fullmatch(text) is None:
        return None
    # fromisoformat takes any one character between day and time, but no blank before the offset.
    moment = dt.datetime.fromisoformat(text[:10] + text[10:].replace(" ", "T", 1).replace(" ", ""))
    if len(text) <= 10:
        return _day(moment.date(), evidence)
    return _minute(moment if moment.tzinfo else moment.replace(tzinfo=zone), evidence)


def _rfc(text: str, evidence: str) -> StatedDate | None:
    if _RFC.fullmatch(text) is None:
        return None
    moment = parsedate_to_datetime(text)
    # "-0000" comes back without a zone: RFC 2822 means UTC, the place unknown.
    return _minute(moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC), evidence)


def _written(text: str, zone: dt.tzinfo, evidence: str) -> StatedDate | None:
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    plain = plain.casefold()
    if _YEAR_ONLY.fullmatch(plain):
        return StatedDate(plain, "year", None, None, evidence) if _real(int(plain)) else None
    if found := _MONTH_ONLY.fullmatch(plain):
        year = int(found["year"] or found["year_behind"])
        first = dt.date(year, int(found["month"] or _MONTHS[found["name"]]), 1)
        return StatedDate(f"{first:%Y-%m}", "month", None, None, evidence) if _real(year) else None
    for pattern in _WRITTEN:
        if found := pattern.fullmatch(plain):
            return _assemble(found.groupdict(), zone, evidence)
    return None


def _assemble(parts: dict[str, str | None], zone: dt.tzinfo, evidence: str) -> StatedDate | None:
    """Puts the named groups of a written date together."""
    month = int(parts["month"] or 0) if "month" in parts else _MONTHS[parts["name"] or ""]
    day = dt.date(int(parts["year"] or 0), month, int(parts["day"] or 0))
    if parts["hour"] is None:
        return _day(day, evidence)
    if not (parts["minute"] or parts["unit"] or parts["half"]):
        return None  # a number alone is no time of day
    hour = int(parts["hour"])
    if parts["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if parts["half"] == "p" else 0)
    micro = int((parts["fraction"] or "0")[:6].ljust(6, "0"))
    time = dt.time(hour, int(parts["minute"] or 0), int(parts["second"] or 0), micro)
    moment = dt.datetime.combine(day, time, tzinfo=zone)
    if parts["offset"]:
        sign = -1 if parts["offset"][0] == "-" else 1
        digits = parts["offset"][1:].replace(":", "").ljust(4, "0")
        offset = sign * dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        moment = moment.replace(tzinfo=dt.timezone(offset))
    elif parts["zone"] in _ZONES:
        moment = moment.replace(tzinfo=dt.timezone(dt.timedelta(hours=_ZONES[parts["zone"]])))
    elif parts["zone"] and parts["zone"] != (moment.tzname() or "").casefold():
        return None  # letters that name no zone, or one of several ("IST")
    return _minute(moment, evidence)


def _real(year: int) -> bool:
    # 0001 and 9999 are what software writes for "none"; inside, no offset can overflow.
    return 1 < year < 9999


def _day(day: dt.date, evidence: str) -> StatedDate | None:
    return StatedDate(day.isoformat(), "day", day, None, evidence) if _real(day.year) else None


def _minute(moment: dt.datetime, evidence: str) -> StatedDate | None:
    if not _real(moment.year):
        return None
    instant = moment.astimezone(dt.UTC)
    edtf = f"{instant.date().isoformat()}T{instant:%H:%M}Z"
    return StatedDate(edtf, "minute", instant.date(), instant, evidence)
