"""Lines that tell when a text was published or changed: "Publié le 18 juin 2024 à 9h12, mis à jour à 11h02"."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from transforms.core.date_values import Hints, StatedDate
from transforms.core.dates import read_hinted
from transforms.core.written_dates import may_tell, plain, read_clock, read_written

_LINE_CHARACTERS = 160
"""Of the longest line that is looked at: section, byline, and both dates written out with their labels."""

_HEAD_LINES, _BARE_LINES = 10, 5
"""Lines at the head of a text in which a date with a label is looked for, and one without: above them stand
headline, standfirst and byline, below them begins what the text itself tells."""

_PIECES = 8
"""Between separators in one line; more are a menu or a table."""

_OTHER_CHARACTERS = 60
"""Of the longest byline or section beside a date without a label."""

_PUBLISHED = (
    r"gepubliceerd|geplaatst|publicatie(?:datum)?|verschenen|online sinds|datum|"
    r"(?:date de )?publi(?:ee?|cation)|mise? en ligne|postee?|parue?|"
    r"veroffentlicht|veroffentlichung|erschienen|erstellt|publiziert|online seit|eingestellt|vom|"
    r"(?:first |originally )?(?:published|posted)|publication date|date"
)
_MODIFIED = (
    r"(?:(?:voor het )?laatst )?(?:bijgewerkt|gewijzigd|aangepast|ge-?updatet|geactualiseerd)|"
    r"(?:laatste )?(?:update|wijziging|aanpassing)|"
    r"mise? a jour|modifiee?|actualisee?|derniere (?:mise a jour|modification)|maj|"
    r"(?:zuletzt )?(?:aktualisiert|geandert|bearbeitet|upgedatet)|"
    r"(?:letztes? )?(?:aktualisierung|anderung)|stand|akt\.|"
    r"(?:last )?(?:updated?|modified|edited|revised)"
)
_ENGLISH = re.compile(
    r"(?:first |originally )?(?:published|posted|publication date|date|last|updated?|modified|edited|revised)"
)
_LABEL = re.compile(
    rf"(?<![\w-])(?:(?P<published>{_PUBLISHED})|(?P<modified>{_MODIFIED}))(?![\w-])"
    r"(?: (?:op|om|le|la|am|um|on|at|der|den|a|date)(?= ))*"
)
_EDGES = " ,;:|/·•–—-()[]"
_SEPARATOR = re.compile(r" ?[|•·] ?| [/–—-] ")
_BYLINE = re.compile(r"(?:door|par|von|by) ")
_SENTENCE = re.compile(r"[.!?…] |[.!?…]$")
_CLOCK_SIGN = re.compile(r"[0-9]")
_LINE = re.compile(r"\S[^\n]*")


@dataclass(frozen=True, slots=True)
class DateLine:
    """What a line tells: when the text was ``published``, or when it was last ``modified``, or both."""

    published: StatedDate | None = None
    modified: StatedDate | None = None
    labelled: bool = False


_NOTHING = DateLine()


def read_line(line: str, hints: Hints, *, evidence: str = "date line") -> DateLine:
    """Reads the dates of a line that holds nothing else but labels, a byline and a section.

    A date without a label is one of publication. Of several with one label the first counts. A time of day alone,
    as in "mis à jour à 11h02", is one of the day before it in the line. A label in Dutch, French or German says that
    the day comes first in figures.
    """
    if len(line) > _LINE_CHARACTERS or not may_tell(line):
        return _NOTHING
    text = plain(line)
    found: dict[str, StatedDate] = {}
    day: dt.date | None = None
    labels = 0
    for role, label, words in _segments(text):
        labels += bool(label)
        local = hints
        if label and hints.day_first is None and not _ENGLISH.match(label):
            local = replace(hints, day_first=True)
        stated = _date_in(words, local, evidence, labelled=bool(label))
        if stated is None and label and day is not None and _CLOCK_SIGN.search(words):
            stated = _tried(words, local, evidence, day)
        if stated is not None:
            found.setdefault(role, stated)
            day = day or (stated.instant.astimezone(hints.zone).date() if stated.instant else stated.date)
    return DateLine(found.get("published"), found.get("modified"), labels > 0)


def read_head(text: str, hints: Hints) -> DateLine:
    """Reads the date lines at the head of a text; of several the first counts.

    What is told by a time from now counts only with a time of day or a label: "Vandaag" alone is a section.
    """
    whole = _NOTHING
    for number, line in enumerate(islice(_LINE.finditer(text), _HEAD_LINES)):
        told = read_line(line[0], hints, evidence="date line of the text")
        if told is _NOTHING or (not told.labelled and number >= _BARE_LINES):
            continue
        whole = DateLine(
            whole.published or told.published, whole.modified or told.modified, whole.labelled or told.labelled
        )
    return whole


def _segments(text: str) -> Iterator[tuple[str, str, str]]:
    """The parts of a line: what they date, their label, and their words; the first may have no label."""
    labels = list(_LABEL.finditer(text))
    first = labels[0].start() if labels else len(text)
    if first:
        yield "published", "", text[:first]
    for number, label in enumerate(labels):
        end = labels[number + 1].start() if number + 1 < len(labels) else len(text)
        yield "published" if label["published"] else "modified", label[0], text[label.end() : end]


def _date_in(words: str, hints: Hints, evidence: str, *, labelled: bool) -> StatedDate | None:
    """The date among the words: all of them, or all between two separators, or all behind a byline."""
    words = words.strip(_EDGES)
    if not may_tell(words):
        return None
    if (labelled or _is_firm(words)) and (stated := _tried(words, hints, evidence)):
        return stated
    seams = [found.span() for found in _SEPARATOR.finditer(words)]
    if len(seams) >= _PIECES:
        return None
    starts, ends = [0, *(end for _, end in seams)], [*(start for start, _ in seams), len(words)]
    pieces = range(len(starts))
    for size in range(len(starts) - 1, 0, -1):
        for at in pieces[: len(starts) - size + 1]:
            begin, end = starts[at], ends[at + size - 1]
            others = [words[starts[n] : ends[n]] for n in pieces if not at <= n < at + size]
            if not labelled and any(len(other) > _OTHER_CHARACTERS or _SENTENCE.search(other) for other in others):
                continue
            piece = words[begin:end].strip(_EDGES)
            if may_tell(piece) and _is_firm(piece) and (stated := _tried(piece, hints, evidence)):
                return stated
            if size == 1 and (stated := _behind_byline(piece, hints, evidence)):
                return stated
    return _behind_byline(words, hints, evidence)


def _behind_byline(piece: str, hints: Hints, evidence: str) -> StatedDate | None:
    """The date that ends "door Jan de Wit op 18 juni 2024"."""
    if not _BYLINE.match(piece):
        return None
    names = piece.split(" ")[1:]
    for at in range(1, min(len(names), _PIECES)):
        words = " ".join(names[at:]).strip(_EDGES)
        if _is_firm(words) and (stated := _tried(words, hints, evidence)):
            return stated
    return None


def _is_firm(words: str) -> bool:
    """Whether words are more than a bare year or a bare "today", which may be anything."""
    return " " in words or (any(map(str.isdigit, words)) and not words.isdigit())


def _tried(words: str, hints: Hints, evidence: str, day: dt.date | None = None) -> StatedDate | None:
    try:
        if day is not None:
            return read_clock(words.strip(_EDGES), day, hints, evidence)
        # The forms of machines are understood as well, but not in small letters.
        return read_written(words, hints, evidence) or read_hinted(words.upper(), hints, evidence=evidence)
    except (ValueError, OverflowError):
        return None
