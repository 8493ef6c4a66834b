"""Which of several dates an article has, and where they contradict each other.

What is stated for machines goes before what is written for readers, what is about the article before what may be
about the page or another story, and all of it before a guess:

1.  what the record states: the feed's or the JSON line's own date of publication
2.  JSON-LD ``datePublished`` of the page's article
3.  meta elements of publication, such as ``article:published_time``, in the order of ``page_dates``
4.  microdata ``datePublished``
5.  ``<time>`` that is marked as the time of publication
6.  JSON-LD ``datePublished`` of the page, then ``dateCreated`` of the article
7.  meta elements that may name another day: of creation, or simply ``date``
8.  any other ``<time>``, first those behind the title
9.  the marker `` date YYYY-MM `` at the head of a text
10. a date line at the head of the text: "Gepubliceerd op 18 juni 2024"
11. the address: ``/2024/06/18/``
12. a date line that a page without any of the above shows behind its title; else what htmldate finds in it
13. the day in the dateline, for the month or year that is known: "PARIS, 12 mai (AFP) -"

Numbers 1 to 5, 9, 10 and 11 are *firm*: they speak of this article's publication and nothing else, unless one says
two things. A date that says the same as the one chosen, and more, is taken instead: the day of its month from any
source, the time of its day from a firm one. A firm date that lies over a day from the one chosen contradicts it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass

from transforms.core.date_lines import read_line
from transforms.core.date_values import Hints, StatedDate, apart, plausible, refines
from transforms.core.dates import read_date, read_hinted, says_none

DATE_ABSURD, DATE_CONFLICT, DATE_UNREAD = "date_absurd", "date_conflict", "date_unread"

FAR = dt.timedelta(days=1)
"""Two dates of one article may lie so far apart: zones, and an evening dated with the next morning's paper."""

_DAY_IN_PATH = re.compile(r"/((?:19|20)[0-9]{2})[/-]([01]?[0-9])[/-]([0-3]?[0-9])(?=[/_.-]|\Z)")
_MONTH_IN_PATH = re.compile(r"/((?:19|20)[0-9]{2})/([01][0-9])(?=/)")


@dataclass(frozen=True, slots=True)
class Said:
    """A date as a source has it: its words, where they stand, and whether the source is firm."""

    text: str
    evidence: str
    firm: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A date that was read, and whether its source is firm."""

    date: StatedDate
    firm: bool = True


def in_address(url: str) -> StatedDate | None:
    """The day in the path of an address, else the month; ``None`` where it has neither."""
    path = url.partition("?")[0].partition("#")[0]
    if found := _DAY_IN_PATH.search(path):
        year, month, day = found.groups()
        if stated := read_date(f"{year}-{month:0>2}-{day:0>2}", evidence="address"):
            return stated
    found = _MONTH_IN_PATH.search(path)
    return read_date(f"{found[1]}-{found[2]}", evidence="address") if found else None


def read_all(said: Iterable[Said], hints: Hints, latest: dt.datetime) -> tuple[list[Candidate], tuple[str, ...]]:
    """The dates that can be read and can be true, in order, and the flags for those before the first of them.

    Args:
        said: the dates in the order of their weight.
        hints: what is known beside them.
        latest: the moment when the article was there at the latest.
    """
    read: list[Candidate] = []
    flags: list[str] = []
    for each in said:
        stated = read_hinted(each.text, hints, evidence=each.evidence)
        stated = stated or read_line(each.text, hints, evidence=each.evidence).published
        if stated is not None and plausible(stated, latest):
            read.append(Candidate(stated, each.firm))
        elif not read:
            flags.append(DATE_ABSURD if stated is not None or says_none(each.text) else DATE_UNREAD)
    return read, tuple(dict.fromkeys(flags))


def weigh(candidates: Iterable[Candidate], zone: dt.tzinfo) -> tuple[StatedDate | None, bool]:
    """The date of an article, and whether a firm source contradicts it.

    Args:
        candidates: in the order of their weight; each can be true.
        zone: of the outlet, in which a day without a time is one.
    """
    ordered = list(candidates)
    if not ordered:
        return None, False
    chosen = ordered[0].date
    for each in ordered[1:]:
        if refines(each.date, chosen, zone) and (each.firm or chosen.date is None):
            chosen = each.date
    return chosen, any(each.firm and apart(each.date, chosen) > FAR for each in ordered)
