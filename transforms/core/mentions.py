"""What the names in a text stand for, judged by the words beside and around them.

A mention is *sure*, *doubtful* or *out*. One sure mention makes the doubtful ones of the same entity count as well; an
entity that has none is not reported.

* A name that is a person's, a club's or another name's part is out: behind a given name ("Jack London"), behind "FC", behind
  "Jan van".
* A name right beside another capitalised word is doubtful: it may be half of a longer name ("Sydney Sweeney").
* A name that the gazetteer marks as also another word or name is doubtful, unless a place word stands before it ("in Best",
  "maire de Tours"), the country or a region near it, or a sure place in the same list ("Mol en Geel").
* An adjective or inhabitant is doubtful where it stands for no more than the make of a thing ("türkischer Honig"): it needs
  another sure place in the article, an office beside it ("the Russian president"), or three mentions.
* Such a name of a party needs the words of party politics or another party near it.
* A surname needs a title before it or the full name in the article.

Of several cities with one name it is the one whose country is named near it; else one that the article names otherwise; else
the one in the outlet's country; else one that has ten times the people of each other; else the only one in a country that
the article names; else the only one in Europe; else none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from schemas.gazetteer import CueFile
from transforms.core.gazetteer import Entity, Kind, Match, Name, Words, words_by_language

NEAR_WORDS = 8
"""So far from a name its country counts as near: about half a sentence to either side."""

NEAR_PARTY_WORDS = 12
"""So far from the name of a party the words of politics do."""

NEAR_PARTIES = 40
"""So far from it another party of its country does: lists of parties run over two or three sentences."""

DOMINANT = 10
"""So many times larger than the others the well-known city of a name is: London has 20 times the people of London, Ontario."""

EUROPE = frozenset(
    ["AD", "AL", "AT", "BA", "BE", "BG", "BY", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL", "NO", "PL", "PT", "RO", "RS", "RU", "SE", "SI", "SK", "SM", "UA", "VA", "XK"]
)

_OPENERS = frozenset('.!?:;\n"“”„«»•|–—(…')
_SPACES = frozenset({" ", "\u00a0"})
_JOINERS = frozenset({"en", "et", "und", "and", "of", "ou", "oder", "or"})
_PARTICLES = frozenset({"den", "der", "de"})
_PLACES = frozenset({Kind.COUNTRY, Kind.COUNTRY_DERIVED, Kind.REGION, Kind.CITY, Kind.CITY_DERIVED})
_DERIVED = frozenset({Kind.COUNTRY_DERIVED, Kind.CITY_DERIVED})


class Cues(NamedTuple):
    """The words around names of one language, folded."""

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


class Mention(NamedTuple):
    """One mention that counts: the entity's number, the zone (0 headline, 1 body), where it begins, and how it is written."""

    target: int
    zone: int
    start: int
    written: str
    derived: bool


class _State(IntEnum):
    OUT = 0
    HALF = 1
    DOUBTFUL = 2
    SURE = 3


@dataclass(slots=True)
class _Found:
    zone: int
    at: int
    size: int
    kind: Kind
    names: tuple[Name, ...]
    guarded: bool
    state: _State = _State.DOUBTFUL
    target: int = -1


class _Text:
    """One zone, and how it is written: names cannot be told by their capitals where everything has one."""

    __slots__ = ("capitals", "keys", "titled", "words", "zone")

    def __init__(self, zone: int, words: Words, language: str) -> None:
        self.zone = zone
        self.words = words
        self.keys = words.keys
        text = words.text
        self.capitals = zone == 0 and text.isupper()
        long = (
            [start for start, end in zip(words.starts, words.ends, strict=True) if end - start > 3]
            if zone == 0
            else []
        )
        upper = sum(text[start].isupper() for start in long)
        self.titled = self.capitals or (language != "de" and len(long) > 3 and upper >= 0.6 * len(long))

    def gap(self, at: int) -> str:
        """What stands between a word and the one before it."""
        words = self.words
        return words.text[words.ends[at - 1] : words.starts[at]] if 0 < at < len(words.keys) else "\n"

    def capital(self, at: int) -> bool:
        return self.words.text[self.words.starts[at]].isupper()

    def opens(self, at: int) -> bool:
        """Whether a sentence, a quote or a bracket begins with the word."""
        return at == 0 or not _OPENERS.isdisjoint(self.gap(at))

    def written(self, found: _Found) -> str:
        words = self.words
        start = words.starts[found.at]
        if found.names[0].exact:
            return found.names[0].exact
        return " ".join(words.text[start : words.ends[found.at + found.size - 1]].split())


class Reader:
    """Judges the names that were found in a text of one language."""

    def __init__(self, entities: Sequence[Entity], cues: Cues, language: str) -> None:
        self._entities = entities
        self._cues = cues
        # German capitalises its nouns, so that a capital behind a name says nothing.
        self._tells_by_capitals = language != "de"

    def read(
        self, zones: Iterable[tuple[Words, Iterable[Match]]], *, country: str | None, given: Sequence[Name]
    ) -> list[Mention]:
        """The mentions that count, in the order of the text.

        Args:
            zones: the headline and the body, each with the names found in it.
            country: of the outlet.
            given: the names in the dateline; they are sure.
        """
        texts: list[_Text] = []
        found: list[_Found] = []
        for zone, (words, matches) in enumerate(zones):
            text = _Text(zone, words, "" if self._tells_by_capitals else "de")
            texts.append(text)
            ends = -1
            for match in matches:
                one = _found(zone, match, text)
                if one is not None:
                    self._judge(one, text, beside=match.at == ends and text.gap(match.at) in _SPACES)
                    found.append(one)
                ends = match.at + match.size
        known = self._persons(found)
        self._places(found, texts, country, given)
        known |= self._parties(found, texts)
        known |= {one.target for one in found if one.state == _State.SURE and one.target >= 0}
        return [
            Mention(one.target, one.zone, text.words.starts[one.at], text.written(one), one.kind in _DERIVED)
            for one in found
            if one.state != _State.OUT and one.target in known and one.kind != Kind.REGION
            for text in (texts[one.zone],)
        ]

    def _judge(self, one: _Found, text: _Text, *, beside: bool) -> None:
        """What the words right beside a name say of it; ``beside`` if the word before it belongs to another name."""
        cues, keys, at = self._cues, text.keys, one.at
        behind = at + one.size
        joined = text.gap(at) in _SPACES
        before = keys[at - 1] if at else ""
        guarded = one.guarded
        one.state = _State.DOUBTFUL if guarded else _State.SURE
        if one.kind == Kind.ORGANISATION:
            if joined and before in cues.given_name and not one.names[0].rest:
                one.state = _State.OUT
            return
        if one.kind == Kind.PERSON:
            return
        upper_before = joined and text.capital(at - 1) and not text.titled
        upper_behind = (
            self._tells_by_capitals
            and not text.titled
            and text.gap(behind) in _SPACES
            and text.capital(behind)
            and keys[behind] not in cues.calendar
        )
        if one.kind == Kind.SURNAME:
            titled = joined and before in cues.title
            one.state = _State.SURE if titled and not guarded else _State.DOUBTFUL
            if upper_behind or (
                upper_before and not titled and (before in cues.given_name or not text.opens(at - 1))
            ):
                one.state = _State.OUT
            return
        if one.kind in _DERIVED:
            one.state = _State.OUT if joined and before in cues.given_name else _State.DOUBTFUL
            return
        if (joined and (before in cues.given_name or (before in cues.club and upper_before))) or (at > 1 and before in cues.place_link and keys[at - 2] in cues.given_name) or (one.kind == Kind.CITY and at > 1 and before in _PARTICLES and keys[at - 2] in {"van", "von"}) or (text.gap(behind) in _SPACES and keys[behind] in cues.club and text.capital(behind)):
            one.state = _State.OUT
        elif (upper_behind and not one.names[0].exact and not self._ends(one, text, before)) or (upper_before and self._is_half(one, text, before, beside=beside)):
            one.state = _State.HALF
        elif guarded and self._is_shown(one, text, before, joined=joined):
            one.state = _State.SURE

    def _ends(self, one: _Found, text: _Text, before: str) -> bool:
        """Whether a name before a capitalised word is whole: "Ukraine President", "le président du Sénégal Faye"."""
        cues, at = self._cues, one.at
        linked = before in cues.place_link or before in cues.country_before
        office = at > 1 and (text.keys[at - 2] in cues.title or text.keys[at - 2] in cues.office)
        return text.keys[at + one.size] in cues.title or (linked and office)

    def _is_half(self, one: _Found, text: _Text, before: str, *, beside: bool) -> bool:
        """Whether a name behind a capitalised word may be the second half of a longer one."""
        cues = self._cues
        if (
            before in cues.place_before
            or before in cues.place_noun
            or before in cues.country_before
            or before in cues.title
        ):
            return False
        if text.opens(one.at - 1):
            return beside
        return self._tells_by_capitals or one.kind == Kind.CITY

    def _is_shown(self, one: _Found, text: _Text, before: str, *, joined: bool) -> bool:
        """Whether the words before a doubtful name make a place of it."""
        cues, at = self._cues, one.at
        if one.kind == Kind.COUNTRY and any(name.kind == Kind.REGION for name in one.names):
            return False
        if joined and (before in cues.place_before or (one.kind == Kind.COUNTRY and before in cues.country_before)):
            return True
        if at > 1 and before in cues.place_link:
            return text.keys[at - 2] in cues.place_noun or (before == "d" and not joined)
        return False

    def _persons(self, found: Iterable[_Found]) -> set[int]:
        """Settle whose the surnames are; the persons that are known by a full name or a title."""
        known: set[int] = set()
        for one in found:
            if one.kind == Kind.PERSON and one.state == _State.SURE:
                targets = {name.target for name in one.names if name.kind == Kind.PERSON}
                if len(targets) == 1:
                    one.target = targets.pop()
                    known.add(one.target)
        for one in found:
            surnames = {name.target for name in one.names if name.kind == Kind.SURNAME}
            if surnames and one.state != _State.OUT:
                whose = surnames & known
                if one.kind == Kind.SURNAME and not whose and one.state == _State.SURE:
                    whose = surnames
                if len(whose) == 1:
                    one.kind, one.target = Kind.SURNAME, whose.pop()
                    known.add(one.target)
        return known

    def _places(
        self, found: Sequence[_Found], texts: Sequence[_Text], country: str | None, given: Sequence[Name]
    ) -> None:
        """Settle which places are meant, and which of the doubtful ones are."""
        entities = self._entities
        spots = [_Spot(one, entities) for one in found if one.kind in _PLACES and one.state != _State.OUT]
        named = {spot.country for spot in spots if spot.country and spot.counts}
        sure = {name.target for name in given if name.kind in (Kind.COUNTRY, Kind.CITY)}
        single = {
            one.target for one in found if one.kind == Kind.CITY and one.state == _State.SURE and one.target >= 0
        }
        last: _Found | None = None
        for one in found:
            if one.kind not in (Kind.COUNTRY, Kind.CITY) or one.state == _State.OUT:
                continue
            if one.state == _State.SURE and one.target >= 0:
                near: set[str] = set()
            else:
                near = {spot.country for spot in spots if spot.is_near(one) and spot.counts}
            if one.target < 0:
                cities = [name.target for name in one.names if name.kind == Kind.CITY]
                one.target = self._city(cities, near=near, known=single | sure, country=country, named=named)
            if one.target < 0:
                continue
            own = entities[one.target].country
            if one.state == _State.DOUBTFUL:
                listed = last is not None and _in_one_list(last, one, texts[one.zone])
                if one.target in sure or own in near or listed:
                    one.state = _State.SURE
            if one.state == _State.SURE:
                last = one
                sure.add(one.target)
                spots.append(_Spot(one, entities))
        self._adjectives(found, texts, sure, named)

    def _city(
        self,
        cities: Sequence[int],
        *,
        near: Collection[str],
        known: Collection[int],
        country: str | None,
        named: Collection[str],
    ) -> int:
        """Which of several cities of one name is meant, or -1."""
        left = list(dict.fromkeys(cities))
        if len(left) == 1:
            return left[0]
        entities = self._entities
        left = [city for city in left if entities[city].country in near] or left
        left = [city for city in left if city in known] or left
        left = [city for city in left if entities[city].country == country] or left
        largest = max(left, key=lambda city: entities[city].population)
        people = entities[largest].population
        if all(city == largest or people >= DOMINANT * entities[city].population for city in left):
            return largest
        left = [city for city in left if entities[city].country in named] or left
        if len(left) > 1:
            left = [city for city in left if entities[city].country in EUROPE] or left
        return left[0] if len(left) == 1 else -1

    def _adjectives(
        self, found: Sequence[_Found], texts: Sequence[_Text], sure: Collection[int], named: Collection[str]
    ) -> None:
        """Settle which adjectives and inhabitants count."""
        numbers: dict[int, int] = {}
        for one in found:
            if one.kind in _DERIVED and one.state != _State.OUT:
                targets = {name.target for name in one.names if name.kind == one.kind}
                if len(targets) == 1:
                    one.target = targets.pop()
                    numbers[one.target] = numbers.get(one.target, 0) + 1
        for one in found:
            if one.kind in _DERIVED and one.target >= 0 and one.target not in sure:
                if one.guarded:
                    continue
                if sure or numbers[one.target] > 2 or self._has_office(one, texts[one.zone]):
                    one.state = _State.SURE

    def _has_office(self, one: _Found, text: _Text) -> bool:
        office, title = self._cues.office, self._cues.title
        near = text.keys[max(0, one.at - 1) : one.at] + text.keys[one.at + one.size : one.at + one.size + 2]
        return any(key in office or key in title for key in near)

    def _parties(self, found: Sequence[_Found], texts: Sequence[_Text]) -> set[int]:
        """Settle which doubtful names of parties count; the organisations that are known."""
        entities, cues = self._entities, self._cues
        bodies = [one for one in found if one.kind == Kind.ORGANISATION and one.state != _State.OUT]
        for one in bodies:
            if one.state == _State.SURE:
                targets = {name.target for name in one.names if name.kind == Kind.ORGANISATION and not name.guarded}
                one.target = targets.pop() if len(targets) == 1 else -1
        for one in bodies:
            if one.state == _State.SURE:
                continue
            countries = {
                entities[other.target].country
                for other in bodies
                if other.state == _State.SURE
                and other.target >= 0
                and entities[other.target].party
                and other.zone == one.zone
                and abs(other.at - one.at) <= NEAR_PARTIES
            }
            targets = {name.target for name in one.names if name.kind == Kind.ORGANISATION}
            among = {target for target in targets if entities[target].country in countries}
            keys, text = texts[one.zone].keys, texts[one.zone]
            near = keys[max(0, one.at - NEAR_PARTY_WORDS) : one.at] + keys[one.at + one.size :][:NEAR_PARTY_WORDS]
            politics = not text.opens(one.at) and not cues.party_near.isdisjoint(near)
            meant = among or (targets if politics else set())
            if len(targets) == 1:
                one.target = next(iter(targets))
            if len(meant) == 1 and entities[next(iter(meant))].party:
                one.target, one.state = next(iter(meant)), _State.SURE
        return {one.target for one in bodies if one.state == _State.SURE and one.target >= 0}


class _Spot:
    """Where a country is named, by itself, a city, a region or an adjective."""

    __slots__ = ("at", "country", "one", "zone")

    def __init__(self, one: _Found, entities: Sequence[Entity]) -> None:
        self.one = one
        self.zone, self.at = one.zone, one.at
        countries = {entities[name.target].country for name in one.names if name.kind == one.kind}
        self.country = countries.pop() if len(countries) == 1 else ""

    @property
    def counts(self) -> bool:
        """Whether it shows by itself that its country is meant."""
        return self.one.state == _State.SURE or (self.one.kind in _DERIVED and not self.one.guarded)

    def is_near(self, other: _Found) -> bool:
        return self.one is not other and self.zone == other.zone and abs(self.at - other.at) <= NEAR_WORDS


def _found(zone: int, match: Match, text: _Text) -> _Found | None:
    """The names at one place as what they most likely are; ``None`` if they are no name here."""
    names = match.names
    if text.capitals:
        names = tuple(name for name in names if not name.exact or len(name.exact) > 3)
    kind = min((name.kind for name in names), default=Kind.NOTHING)
    if kind == Kind.NOTHING:
        return None
    guarded = all(name.guarded for name in names if name.kind == kind)
    one = _Found(zone, match.at, match.size, kind, names, guarded)
    targets = {name.target for name in names if name.kind == kind}
    one.target = targets.pop() if len(targets) == 1 else -1
    return one


def _in_one_list(last: _Found, one: _Found, text: _Text) -> bool:
    """Whether a name is joined to the place before it: "Mol en Geel", "Breda, Best"."""
    if last.zone != one.zone:
        return False
    end = last.at + last.size
    if end == one.at:
        return text.gap(one.at) in {", ", "/"}
    return end + 1 == one.at and text.keys[end] in _JOINERS and text.gap(one.at) in _SPACES
