"""What the words right beside a name say of it: half of a longer name, a person, a club, or surely a place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from schemas.gazetteer import CueFile
from transforms.core.gazetteer import Kind, Match, Name, words_by_language
from transforms.core.words import Words

TITLED_SHARE, TITLED_WORDS, TITLED_CHARS = 0.6, 4, 4
"""A headline has capitals for style if this share of its words of four letters has one, four words at least."""

MAX_SHOUTED_CHARS = 3
"""In a headline all in capitals an abbreviation as short as this (US, IS, WHO) cannot be told from a word."""

NOUNS_HAVE_CAPITALS = frozenset({"de"})
"""Where a capital beside a name says little."""

DERIVED = (Kind.COUNTRY_DERIVED, Kind.CITY_DERIVED)
SPACES = frozenset({" ", "\u00a0"})

_OPENERS = frozenset('.!?:;\n"“”„«»•|–—(…')
_PARTICLES = frozenset({"de", "den", "der"})
_PARTICLE_LINKS = frozenset({"van", "von"})


class State(IntEnum):
    """How far a name counts.

    ``OUT``: not at all. ``HALF``: with a sure mention elsewhere, as it may be half of another name. ``DOUBTFUL``: so,
    or with evidence near it. ``SURE``: by itself.
    """

    OUT = 0
    HALF = 1
    DOUBTFUL = 2
    SURE = 3


class Cues(NamedTuple):
    """The words around names of one language, folded; see ``schemas.gazetteer.CueFile``."""

    place_before: frozenset[str]
    country_before: frozenset[str]
    place_noun: frozenset[str]
    place_link: frozenset[str]
    title: frozenset[str]
    office: frozenset[str]
    party_near: frozenset[str]
    given_name: frozenset[str]
    club: frozenset[str]
    calendar: frozenset[str]

    @classmethod
    def of(cls, cues: CueFile, language: str) -> Cues:
        """Those of the file that hold in the language."""
        return cls(*(words_by_language(getattr(cues, field), language) for field in cls._fields))


@dataclass(slots=True)
class Found:
    """A name found at one place, while it is being judged.

    Attributes:
        zone: 0 for the headline, 1 for the body.
        at: the number of its first word there.
        size: the number of its words.
        kind: what it most likely is.
        names: all that it may be.
        guarded: whether it is also another word or name.
        target: the entity, -1 as long as there are several.
        state: how far it counts.
    """

    zone: int
    at: int
    size: int
    kind: Kind
    names: tuple[Name, ...]
    guarded: bool
    target: int
    state: State = State.DOUBTFUL

    def targets(self, kind: Kind) -> set[int]:
        """The entities that it may stand for as one kind of name."""
        if len(self.names) == 1:
            return {self.names[0].target} if self.names[0].kind == kind else set()
        return {name.target for name in self.names if name.kind == kind}


class Zone:
    """The headline or the body as words, and whether capitals mean anything in it."""

    __slots__ = ("capitals", "language", "number", "titled", "words")

    def __init__(self, number: int, words: Words, language: str) -> None:
        self.number = number
        self.language = language
        self.words = words
        headline = number == 0
        self.capitals = headline and "".join(words.words).isupper()
        self.titled = self.capitals or (headline and language not in NOUNS_HAVE_CAPITALS and _is_titled(words))

    def gap(self, at: int) -> str:
        """What stands between a word and the one before it."""
        return self.words.gaps[at] if 0 < at < len(self.words.words) else "\n"

    def key(self, at: int) -> str:
        """A word folded."""
        return self.words.key(at)

    def capital(self, at: int) -> bool:
        """Whether the word begins with a capital."""
        return self.words.words[at][0].isupper()

    def opens(self, at: int) -> bool:
        """Whether a sentence, a quote or a bracket begins with the word."""
        return at == 0 or not _OPENERS.isdisjoint(self.gap(at))

    def written(self, found: Found) -> str:
        """The name as the text has it."""
        if found.names[0].exact:
            return found.names[0].exact
        if found.size == 1:
            return self.words.words[found.at]
        last = found.at + found.size - 1
        return " ".join((self.words.written(found.at, found.size - 1) + self.words.words[last]).split())

    def found(self, match: Match) -> Found | None:
        """The names at one place as what they most likely are; ``None`` if they are no name here."""
        names = match.names
        if self.capitals:
            names = tuple(name for name in names if not name.exact or len(name.exact) > MAX_SHOUTED_CHARS)
        if len(names) == 1:
            # As nearly all are; what follows would come to the same.
            kind, target, guarded = names[0].kind, names[0].target, names[0].is_guarded(self.language)
            if kind == Kind.NOTHING:
                return None
            return Found(self.number, match.at, match.size, kind, names, guarded, target)
        kind = min((name.kind for name in names), default=Kind.NOTHING)
        if kind == Kind.NOTHING:
            return None
        guarded = all(name.is_guarded(self.language) for name in names if name.kind == kind)
        targets = {name.target for name in names if name.kind == kind}
        target = targets.pop() if len(targets) == 1 else -1
        return Found(self.number, match.at, match.size, kind, names, guarded, target)


def _is_titled(words: Words) -> bool:
    long = [word for word in words.words if len(word) >= TITLED_CHARS]
    upper = sum(word[0].isupper() for word in long)
    return len(long) >= TITLED_WORDS and upper >= TITLED_SHARE * len(long)


class Judge:
    """Judges names of one language by the words beside them."""

    __slots__ = ("_cues", "_nouns_have_capitals")

    def __init__(self, cues: Cues, language: str) -> None:
        self._cues = cues
        self._nouns_have_capitals = language in NOUNS_HAVE_CAPITALS

    def state(self, one: Found, zone: Zone, *, beside: bool) -> State:
        """How far a name counts by the words beside it; ``beside`` if the word before it belongs to another name."""
        if one.kind == Kind.PERSON:
            return State.SURE
        plain = State.DOUBTFUL if one.guarded else State.SURE
        before = zone.key(one.at - 1) if one.at and zone.gap(one.at) in SPACES else ""
        person = before in self._cues.given_name
        if one.kind == Kind.ORGANISATION:
            return State.OUT if person and one.size == 1 else plain
        if one.kind == Kind.SURNAME:
            return self._surname(one, zone, before)
        if one.kind in DERIVED:
            return State.OUT if person else State.DOUBTFUL
        if self._is_other(one, zone, before):
            return State.OUT
        if self._is_first_half(one, zone) or self._is_second_half(one, zone, before, beside=beside):
            return State.HALF
        return State.SURE if one.guarded and self._is_shown(one, zone, before) else plain

    def has_office(self, one: Found, zone: Zone) -> bool:
        """Whether a title or an office stands beside the name: "the Russian president", "Kölner Polizei"."""
        cues, behind = self._cues, one.at + one.size
        near = zone.words.keys(one.at - 1, one.at) + zone.words.keys(behind, behind + 2)
        return any(key in cues.office or key in cues.title for key in near)

    def _capital_behind(self, one: Found, zone: Zone) -> bool:
        behind = one.at + one.size
        return (
            not (self._nouns_have_capitals or zone.titled)
            and zone.gap(behind) in SPACES
            and zone.capital(behind)
            and zone.key(behind) not in self._cues.calendar
        )

    def _surname(self, one: Found, zone: Zone, before: str) -> State:
        if self._capital_behind(one, zone):
            return State.OUT
        if before in self._cues.title:
            return State.DOUBTFUL if one.guarded else State.SURE
        if before and zone.capital(one.at - 1) and not zone.titled:
            another = before in self._cues.given_name or not zone.opens(one.at - 1)
            return State.OUT if another else State.DOUBTFUL
        return State.DOUBTFUL

    def _is_other(self, one: Found, zone: Zone, before: str) -> bool:
        """Whether the name of a place is that of a person or a club."""
        cues, key, at = self._cues, zone.key, one.at
        if before in cues.given_name or (before in cues.club and zone.capital(at - 1)):
            return True
        if at > 1:
            link, first = key(at - 1), key(at - 2)
            if link in cues.place_link and first in cues.given_name:
                return True
            if one.kind == Kind.CITY and link in _PARTICLES and first in _PARTICLE_LINKS:
                return True
        behind = at + one.size
        return zone.gap(behind) in SPACES and key(behind) in cues.club and zone.capital(behind)

    def _is_first_half(self, one: Found, zone: Zone) -> bool:
        """Whether a name before a capitalised word may be the first half of a longer one.

        It is whole in "Ukraine President …" and "le président du Sénégal Bassirou …"; in "Polen-Jans" it is half of a
        nickname.
        """
        cues, key, at = self._cues, zone.key, one.at
        behind = at + one.size
        if one.kind == Kind.COUNTRY and zone.gap(behind) == "-":
            return not (self._nouns_have_capitals or one.names[0].exact) and zone.capital(behind)
        if one.names[0].exact or not self._capital_behind(one, zone) or key(behind) in cues.title:
            return False
        linked = at > 1 and (key(at - 1) in cues.place_link or key(at - 1) in cues.country_before)
        return not (linked and (key(at - 2) in cues.title or key(at - 2) in cues.office))

    def _is_second_half(self, one: Found, zone: Zone, before: str, *, beside: bool) -> bool:
        """Whether a name behind a capitalised word may be the second half of a longer one."""
        if not before or zone.titled or not zone.capital(one.at - 1):
            return False
        cues = self._cues
        if before in cues.place_before or before in cues.place_noun or before in cues.country_before:
            return False
        if before in cues.title:
            return False
        if zone.opens(one.at - 1):
            return beside
        # Before a country German has its nouns: "Gegner Frankreich".
        return not self._nouns_have_capitals or one.kind == Kind.CITY

    def _is_shown(self, one: Found, zone: Zone, before: str) -> bool:
        """Whether the words before a doubtful name make a place of it."""
        cues, at = self._cues, one.at
        if one.kind == Kind.COUNTRY and one.targets(Kind.REGION):
            return False
        if before in cues.place_before or (one.kind == Kind.COUNTRY and before in cues.country_before):
            return True
        if at > 1 and zone.key(at - 1) in cues.place_link:
            return zone.key(at - 2) in cues.place_noun or (zone.key(at - 1) == "d" and not before)
        return False
