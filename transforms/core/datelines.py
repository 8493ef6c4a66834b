"""The place that opens a news story: "UTRECHT (ANP) - …", "Helmond - …"."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

MAX_PLACE_CHARS, MAX_PLACE_WORDS = 50, 6
"""Longer than any place of a dateline: "WASHINGTON/NEW YORK/SAN FRANCISCO" has 33 characters, 4 words."""

MAX_BARE_WORDS = 4
"""Capelle aan den IJssel; longer ones before a dash are kickers."""

MIN_SENTENCE_CHARS = 60
"""A place without an agency must open a paragraph at least this long; headlines with a dash are shorter."""

_BARE_DATELINE = re.compile(r"(?P<place>[^\n()\d:;!?\"“”]{2,50}?)[ \u00a0][-–—][ \u00a0]+(?=[A-ZÀ-Þ'’‘\"“„«])")
_DATED_LEAD = re.compile(
    r"(?P<place>[^\n()\d]{2,50}?),? (?P<day>\d{1,2}[^\n()]{1,24}?|[^\W\d_]{3,9}\.? \d{1,2}(?:, \d{4})?)"
    r" ?\([^()\n]{2,60}\)"
)
_SCORE = re.compile(r"\b\d{1,3}[ \u00a0]?[-–:][ \u00a0]?\d{1,3}\b")
_OPENERS = frozenset(
    {
        "de",
        "het",
        "een",
        "in",
        "op",
        "bij",
        "er",
        "door",
        "met",
        "na",
        "voor",
        "tijdens",
        "volgens",
        "twee",
        "drie",
        "wie",
    }
    | {
        "le",
        "la",
        "les",
        "un",
        "une",
        "des",
        "deux",
        "trois",
        "dans",
        "après",
        "à",
        "il",
        "c'est",
        "selon",
        "depuis",
    }
    | {
        "der",
        "die",
        "das",
        "ein",
        "eine",
        "im",
        "am",
        "nach",
        "mit",
        "auf",
        "für",
        "wegen",
        "zwei",
        "drei",
        "bei",
        "es",
    }
    | {"the", "a", "an", "on", "at", "two", "three", "after", "more", "it", "there", "nearly", "about"}
)
"""Words that open a sentence and no name: after "Ajax - Feyenoord" comes none of them."""

_LOCATIVES = ("in", "te", "bij", "uit", "aus", "nach", "à", "near", "from", "van")
"""Before a name they make a place of it."""

_SMALL_WORDS = frozenset(
    {
        "a",
        "aan",
        "am",
        "an",
        "and",
        "auf",
        "aux",
        "bei",
        "bij",
        "da",
        "das",
        "de",
        "del",
        "della",
        "den",
        "der",
        "des",
        "di",
    }
    | {
        "do",
        "dos",
        "du",
        "el",
        "en",
        "et",
        "im",
        "in",
        "la",
        "las",
        "le",
        "les",
        "los",
        "of",
        "on",
        "op",
        "ob",
        "over",
        "sur",
    }
    | {
        "sous",
        "te",
        "ten",
        "ter",
        "the",
        "und",
        "under",
        "unter",
        "upon",
        "van",
        "von",
        "vor",
        "y",
        "zu",
        "zum",
        "zur",
        "'t",
    }
)
"""The small words inside names of places: Bergen op Zoom, Frankfurt am Main, Rio de Janeiro."""


def bare_place(lines: Sequence[str], not_places: Collection[str]) -> str | None:
    """The place of a dateline without an agency, in the first or second line, as ``place_of`` gives it.

    A name before a dash may be anything, a kicker in capitals above all, so the text must show that it is a
    place: an article or preposition follows the dash, or the text says "in" it. ``not_places`` holds words
    that are none, case-folded.
    """
    for line in lines[:2]:
        match = _BARE_DATELINE.match(line)
        if match is None or len(line) - match.end() < MIN_SENTENCE_CHARS or _SCORE.search(line[:200]):
            continue
        name, following = match["place"], line[match.end() :].split(" ", 1)[0]
        place = place_of(name)
        if place is None or name.casefold() in not_places or len(name.split()) > MAX_BARE_WORDS:
            continue
        opener = following.strip("\"“”„«'’‘").casefold()
        if opener in _OPENERS or opener[:2] in {"l'", "d'", "l’", "d’"}:
            return place
        if any(f" {word} {written}" in text for text in lines for word in _LOCATIVES for written in {name, place}):
            return place
    return None


def dateline_day(line: str) -> str | None:
    """The words for the day in the dateline that opens a line: "12 mai" in "PARIS, 12 mai (AFP) - …"."""
    found = _DATED_LEAD.match(line)
    return found["day"].strip(" ,") if found and place_of(found["place"]) else None


def place_of(lead: str) -> str | None:
    """The place in the words before a dateline's agency, without a date; ``None`` if they are no name.

    Written as in the text, but in title case where the text has it in capitals.
    """
    head = lead.split(",", 1)[0].strip(" \u00a0.-–—")
    words = head.split()
    while words and any(letter.isdigit() for letter in words[-1]):
        words.pop()
    if not words or len(words) > MAX_PLACE_WORDS or len(head) > MAX_PLACE_CHARS:
        return None
    for at, word in enumerate(words):
        bare = word.replace("’", "'").replace("‘", "'")
        small = bare.casefold() in _SMALL_WORDS
        if not (bare.lstrip("'")[:1].isupper() or bare.startswith(("'s-", "'t")) or (small and at > 0)):
            return None
    text = " ".join(words)
    return title_case(text) if text.upper() == text else text


def title_case(place: str) -> str:
    """A place in capitals as running text has it: DEN HAAG → Den Haag, IJMUIDEN → IJmuiden."""
    parts = re.split(r"([ /-])", place)
    cased: list[str] = []
    for at, part in enumerate(parts):
        low = part.replace("’", "'").replace("‘", "'").casefold()
        opens = at == 0 or parts[at - 1] == "/"
        if low in {"'s", "'t"} or (low in _SMALL_WORDS and not opens):
            cased.append(low)
        elif low.startswith("ij"):
            cased.append("IJ" + part[2:].lower())
        elif "." in part and len(part) <= 4:
            cased.append(part if part.count(".") > 1 else part.capitalize())
        else:
            cased.append(
                "'".join(piece[:1].upper() + piece[1:].lower() for piece in part.replace("’", "'").split("'"))
            )
    return "".join(cased)
