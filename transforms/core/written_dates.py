"""Days and times as people write them, in Dutch, English, French and German: "di 18 juni 2024 om 9.12 uur".

dateparser, which reads many more languages, fills what is not said (a month without a day gets today's), guesses the
order of 03/04/2024, and takes milliseconds. Here nothing is added: what is not understood in full is no date.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from transforms.core.date_values import Hints, StatedDate, day_of, moment_of, month_of, year_of

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

_ZONES: dict[str, dt.tzinfo] = {
    name: dt.timezone(dt.timedelta(hours=hours))
    for hours, names in (
        *((0, "z ut utc gmt wet"), (1, "west bst cet mez"), (2, "cest mesz eet"), (3, "eest msk")),
        *((9, "jst"), (10, "aest"), (11, "aedt"), (-3, "adt"), (-4, "ast edt"), (-5, "est cdt")),
        *((-6, "cst mdt"), (-7, "mst pdt"), (-8, "pst")),
    )
    for name in names.split()
}
"""By name: the American ones as RFC 822 has them, and European ones that mean one thing."""

_LOCAL_ZONES = {
    "et": "America/New_York",
    "ct": "America/Chicago",
    "mt": "America/Denver",
    "pt": "America/Los_Angeles",
}
"""Names that mean summer and winter time, each in its season."""

_RELATIVE_DAYS: dict[str, int] = {
    name: days
    for days, names in (
        (0, "vandaag|aujourd'hui|heute|today"),
        (1, "gisteren|hier|gestern|yesterday"),
        (2, "eergisteren|avant-hier|vorgestern"),
    )
    for name in names.split("|")
}

_UNITS: dict[str, str] = {
    name: unit
    for unit, names in {
        "second": "seconden seconde secondes seconds second sekunden sekunde sec secs sek s",
        "minute": "minuten minuut minutes minute mins min m",
        "hour": "uur uren heures heure stunden stunde std hours hour hrs hr h u",
        "day": "dagen dag jours jour tagen tage tag days day d j",
        "week": "weken week semaines semaine wochen woche weeks w",
        "month": "maanden maand mois monaten monate monat months month",
        "year": "jaar jaren annees annee ans an jahren jahre jahr years year",
    }.items()
    for name in names.split()
}

_MONTH = rf"(?P<name>{'|'.join(_MONTHS)})"
_DAY = r"(?P<day>[0-9]{1,2})"
_YEAR = r"(?P<year>[0-9]{4})"
_DATES = (
    rf"{_YEAR}(?P<ymd>[-/.])(?P<month>[0-9]{{1,2}})(?P=ymd){_DAY}",
    rf"{_DAY}(?P<dmy>[-/.]) ?(?P<month>[0-9]{{1,2}})(?P=dmy) ?{_YEAR}",
    rf"{_DAY}(?:\.|er|ste|st|nd|rd|th|de|e)?[ -](?:of )?{_MONTH}\.?,?[ -]{_YEAR}",
    rf"{_MONTH}\.? {_DAY}(?:st|nd|rd|th)?,? {_YEAR}",
    rf"(?P<relative>{'|'.join(_RELATIVE_DAYS)})",
)
_CLOCK = (
    r"(?P<hour>[0-9]{1,2})"
    r"(?:(?: ?h ?|[:.u])(?P<minute>[0-9]{2})(?:[:.](?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?)?"
    r"(?P<unit> ?(?:uhr|uur|u|h|hrs)\b\.?)?(?: ?(?P<half>[ap])\.?m\b\.?)?"
    r"(?: ?(?:\(?(?P<zone>[a-z]{1,5})\)?|(?:utc|gmt)? ?(?P<offset>[+-][0-9]{2}(?::?[0-9]{2})?))"
    r"(?: ?[\[(][a-z/_ +-]{1,40}[\])])?)?"
)
_OPENING = rf"(?:(?:le|op|am|den|on) )?(?:(?:{_WEEKDAYS})\.?,?(?: den| le)? )?"
_BETWEEN = r"(?: ?[,|/·•–—-] ?|t| )(?:(?:om|um|at|a|as of) )?"
_WRITTEN = tuple(
    re.compile(pattern)
    for date in _DATES
    for pattern in (
        rf"{_OPENING}{date}(?:{_BETWEEN}{_CLOCK})?",
        rf"{_CLOCK}(?: ?[,|/·•–—-] ?| ){_OPENING}{date}",
    )
)
_CLOCK_ALONE = re.compile(rf"(?:(?:om|um|at|a) )?{_CLOCK}")
_MONTH_ONLY = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_YEAR}-(?P<month>[0-9]{{2}})",
        rf"(?P<month>[0-9]{{2}})[-/]{_YEAR}",
        rf"{_MONTH}\.?,? {_YEAR}",
    )
)
_YEAR_ONLY = re.compile(_YEAR)
_COUNT = r"(?P<count>[0-9]{1,3}|een|une?|ein(?:er|em|e)?|an?|one)"
_UNIT = rf"(?P<unit>{'|'.join(_UNITS)})\.?"
_AGO = tuple(
    re.compile(pattern)
    for pattern in (rf"{_COUNT} ?{_UNIT} (?:geleden|ago)", rf"il y a {_COUNT} ?{_UNIT}", rf"vor {_COUNT} ?{_UNIT}")
)
_LENGTHS = {
    "hour": dt.timedelta(hours=1),
    "day": dt.timedelta(days=1),
    "week": dt.timedelta(weeks=1),
    "month": dt.timedelta(days=31),
}
"""Of the units that are counted in full; a year is too long for any precision."""

_TOLD_YEAR = re.compile(r"1[5-9][0-9]{2}|20[0-9]{2}")
_TOLD_FROM_NOW = re.compile(rf"geleden|\b(?:(?:ago|il y a|{'|'.join(_RELATIVE_DAYS)})\b|vor \w)".replace("'", "['’]"))
_ACCENTS = {**dict.fromkeys(range(0x300, 0x370)), ord("’"): "'"}


def plain(text: str) -> str:
    """A text in small letters without accents, its white space folded: as the patterns here are written."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text).translate(_ACCENTS)
    return " ".join(text.casefold().split())


def may_tell(text: str) -> bool:
    """Whether a text may tell a date at all: it has a year or a word such as "yesterday" in it."""
    return _TOLD_YEAR.search(text) is not None or _TOLD_FROM_NOW.search(text.casefold()) is not None


def read_written(text: str, hints: Hints, evidence: str) -> StatedDate | None:
    """The date that a plain text is, and nothing else.

    Raises:
        ValueError: It has the form of a date and is none: the 31st of June, the hour 25.
        OverflowError: Its offset leads out of the calendar.
    """
    if _YEAR_ONLY.fullmatch(text):
        return year_of(int(text), evidence)
    for pattern in _MONTH_ONLY:
        if found := pattern.fullmatch(text):
            parts = found.groupdict()
            return month_of(int(parts["year"]), _month(parts), evidence)
    for pattern in _WRITTEN:
        if found := pattern.fullmatch(text):
            return _assemble(found.groupdict(), hints, evidence)
    return _ago(text, hints, evidence)


def read_clock(text: str, day: dt.date, hints: Hints, evidence: str) -> StatedDate | None:
    """The moment of ``day`` at a time of day that stands alone; raises as ``read_written``."""
    found = _CLOCK_ALONE.fullmatch(text)
    return _at(found.groupdict(), day, hints, evidence) if found else None


def _assemble(parts: Mapping[str, str | None], hints: Hints, evidence: str) -> StatedDate | None:
    """Puts the named groups of a written date together."""
    day = _day(parts, hints)
    if day is None or parts["hour"] is None:
        return None if day is None else day_of(day, evidence)
    return _at(parts, day, hints, evidence)


def _day(parts: Mapping[str, str | None], hints: Hints) -> dt.date | None:
    if relative := parts.get("relative"):
        if hints.fetched is None:
            return None
        return hints.fetched.astimezone(hints.zone).date() - dt.timedelta(days=_RELATIVE_DAYS[relative])
    day, month = int(parts["day"] or 0), _month(parts)
    if parts.get("dmy") in ("/", "-"):  # with full stops nobody writes the month first
        if day <= 12 and month <= 12 and day != month and hints.day_first is None:
            return None
        if hints.day_first is False and day <= 12:
            day, month = month, day
    return dt.date(int(parts["year"] or 0), month, day)


def _month(parts: Mapping[str, str | None]) -> int:
    return _MONTHS[parts["name"] or ""] if "name" in parts else int(parts["month"] or 0)


def _at(parts: Mapping[str, str | None], day: dt.date, hints: Hints, evidence: str) -> StatedDate | None:
    if not (parts["minute"] or parts["unit"] or parts["half"]):
        return None  # a number alone is no time of day
    hour = int(parts["hour"] or 0)
    if parts["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if parts["half"] == "p" else 0)
    micro = int((parts["fraction"] or "0")[:6].ljust(6, "0"))
    time = dt.time(hour, int(parts["minute"] or 0), int(parts["second"] or 0), micro)
    moment, zone = dt.datetime.combine(day, time), hints.zone
    if parts["offset"]:
        sign = -1 if parts["offset"][0] == "-" else 1
        digits = parts["offset"][1:].replace(":", "").ljust(4, "0")
        zone = dt.timezone(sign * dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
    elif parts["zone"] in _LOCAL_ZONES:
        zone = ZoneInfo(_LOCAL_ZONES[parts["zone"]])
    elif parts["zone"] in _ZONES:
        zone = _ZONES[parts["zone"]]
    elif parts["zone"] and parts["zone"] != (moment.replace(tzinfo=zone).tzname() or "").casefold():
        return None  # letters that name no zone, or one of several ("IST")
    return moment_of(moment, zone, evidence)


def _ago(text: str, hints: Hints, evidence: str) -> StatedDate | None:
    """A time that is told by how long ago it was, in units that are counted in full: "1 day ago" is up to 2 days.

    Minutes give a moment. What is left of the others is the day for hours, the month for days and weeks and the year
    for months, where all of that time lies in one, and nothing where it does not.
    """
    found = next((found for pattern in _AGO if (found := pattern.fullmatch(text))), None)
    if found is None or hints.fetched is None:
        return None
    count = int(found["count"]) if found["count"].isdigit() else 1
    unit = _UNITS[found["unit"]]
    if unit in ("minute", "second"):
        back = dt.timedelta(minutes=count) if unit == "minute" else dt.timedelta(seconds=count)
        return moment_of(hints.fetched - back, hints.zone, evidence)
    length = _LENGTHS.get(unit)
    if length is None:
        return None
    first, last = ((hints.fetched - units * length).astimezone(hints.zone).date() for units in (count + 1, count))
    if unit == "hour":
        return day_of(last, evidence) if first == last else None
    if unit == "month":
        return year_of(last.year, evidence) if first.year == last.year else None
    return month_of(last.year, last.month, evidence) if first.replace(day=1) == last.replace(day=1) else None
