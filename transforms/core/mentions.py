"""What the names in a text stand for, judged by the words beside and around them.

A mention is out, doubtful or sure (``transforms.core.beside.State``). One sure mention makes the doubtful ones of its
entity count as well; an entity that has none is not reported.

* A name of a person or a club is out: behind a given name ("Jack London", "Jan van Mechelen"), beside "FC".
* A name beside another capitalised word is doubtful: it may be half of a longer name ("Sydney Sweeney").
* A name that is marked as also another word or name is doubtful, unless a place word stands before it ("in Best",
  "maire de Tours"), its country or a region near it, or a sure place before it in the same list ("Mol en Geel"); to
  a country it is enough that one of its cities or regions or its people stand anywhere in the article.
* An adjective or inhabitant is doubtful, since it may say no more than the make of a thing ("türkischer Honig"): it
  needs a sure place in the article, an office beside it ("the Russian president"), or two more mentions.
* A marked name of a party needs the words of party politics or another party of its country near it.
* A surname needs a title before it or the full name in the article.

Of several cities with one name it is the one whose country is named near it; else one that the article names
otherwise; else the one in the outlet's country; else one that has ten times the people of each other; else the only
one in a country that the article names; else the only one in Europe; else none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from transforms.core.beside import DERIVED, SPACES, Cues, Found, Judge, State, Zone
from transforms.core.gazetteer import Entity, Kind, Match, Name
from transforms.core.words import Words

NEAR_WORDS = 8
"""So far from a name its country counts as near: about half a sentence to either side."""

NEAR_PARTY_WORDS = 12
"""So far from the name of a party the words of politics do."""

NEAR_PARTIES = 40
"""So far from it another party of its country does: lists of parties run over two or three sentences."""

OFTEN = 3
"""So many mentions of its adjectives alone make a place known."""

DOMINANT = 10
"""So many times larger than the others is the city that a name stands for: London has 20 times the people of London,
Ontario."""

EUROPE = frozenset(
    {
        *("AD", "AL", "AT", "BA", "BE", "BG", "BY", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR"),
        *("HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL", "NO", "PL", "PT"),
        *("RO", "RS", "RU", "SE", "SI", "SK", "SM", "UA", "VA", "XK"),
    }
)
"""Where the press of the gazetteer's languages is at home, and most of the places that it names."""

_JOINERS = frozenset({"and", "en", "et", "oder", "of", "or", "ou", "und"})
_COMMAS = frozenset({", ", "/"})
_NAMED_PLACES = (Kind.COUNTRY, Kind.CITY)
_PLACES = (*_NAMED_PLACES, Kind.REGION)


class Mention(NamedTuple):
    """One mention that counts.

    Attributes:
        target: the number of the entity.
        zone: 0 for the headline, 1 for the body.
        at: the number of its first word there.
        written: how it is written.
        derived: whether it is an adjective or an inhabitant.
    """

    target: int
    zone: int
    at: int
    written: str
    derived: bool


class _Spot(NamedTuple):
    """Where a country is named, by itself, a city, a region or an adjective; counted from the headline on."""

    at: int
    country: str


class Reader:
    """Judges the names that were found in a text of one language."""

    __slots__ = ("_cues", "_entities", "_judge", "_language")

    def __init__(self, entities: Sequence[Entity], cues: Cues, language: str) -> None:
        self._entities = entities
        self._cues = cues
        self._language = language
        self._judge = Judge(cues, language)

    def read(
        self, zones: Iterable[tuple[Words, Iterable[Match]]], *, country: str | None, dateline: Sequence[Name]
    ) -> list[Mention]:
        """The mentions that count, in the order of the text.

        Args:
            zones: the headline and the body, each with the names found in it.
            country: of the outlet.
            dateline: the names in the dateline; they are places.
        """
        texts: list[Zone] = []
        found: list[Found] = []
        for number, (words, matches) in enumerate(zones):
            zone = Zone(number, words, self._language)
            texts.append(zone)
            end = -1
            for match in matches:
                one = zone.found(match)
                if one is not None:
                    one.state = self._judge.state(one, zone, beside=match.at == end and zone.gap(end) in SPACES)
                    found.append(one)
                    # A marked name at the beginning of a sentence is more often the word: Auch in Gascony.
                    end = -1 if one.state == State.DOUBTFUL else match.at + match.size
        self._settle_persons(found)
        self._settle_places(found, texts, country, {name.target for name in dateline if name.kind in _NAMED_PLACES})
        self._settle_organisations(found, texts)
        known = {one.target for one in found if one.state == State.SURE and one.kind != Kind.REGION}
        return [
            Mention(
                target=one.target,
                zone=one.zone,
                at=one.at,
                written=texts[one.zone].written(one),
                derived=one.kind in DERIVED,
            )
            for one in found
            if one.state != State.OUT and one.kind != Kind.REGION and one.target >= 0 and one.target in known
        ]

    def _settle_persons(self, found: Iterable[Found]) -> None:
        """Say whose the surnames are; one that is also a place is the person's where the full name stands too."""
        known = {one.target for one in found if one.kind == Kind.PERSON}
        for one in found:
            surnames = one.targets(Kind.SURNAME)
            if not surnames or one.state == State.OUT:
                continue
            whose = surnames & known
            if not whose and one.kind == Kind.SURNAME and one.state == State.SURE:
                whose = surnames
            if len(whose) == 1:
                one.kind, one.target = Kind.SURNAME, whose.pop()
                known.add(one.target)

    def _settle_places(
        self, found: Sequence[Found], texts: Sequence[Zone], country: str | None, dateline: Collection[int]
    ) -> None:
        """Say which cities and countries are meant, and which of the doubtful ones are."""
        spots = [self._spot(one, texts) for one in found if self._shows_country(one)]
        named = {spot.country for spot in spots}
        sure = set(dateline)
        certain = {one.target for one in found if one.kind in _NAMED_PLACES and one.state == State.SURE}
        last: Found | None = None
        for one in found:
            if one.kind not in _NAMED_PLACES or one.state == State.OUT:
                continue
            if one.target < 0 or one.state == State.DOUBTFUL:
                at = _position(one, texts)
                near = {spot.country for spot in spots if abs(spot.at - at) <= NEAR_WORDS and spot.at != at}
                if one.target < 0:
                    one.target = self._city(
                        one.targets(Kind.CITY), near=near, known=certain | sure, country=country, named=named
                    )
                if one.target < 0:
                    continue
                if one.state == State.DOUBTFUL and (
                    one.target in sure
                    or self._entities[one.target].country in (named if one.kind == Kind.COUNTRY else near)
                    or (last is not None and _in_one_list(last, one, texts[one.zone]))
                ):
                    one.state = State.SURE
            if one.state == State.SURE:
                last = one
                sure.add(one.target)
                spots.append(self._spot(one, texts))
        self._settle_adjectives(found, texts, some_place=bool(sure))

    def _shows_country(self, one: Found) -> bool:
        """Whether a name shows by itself that its country is meant."""
        if one.kind in DERIVED:
            return one.state != State.OUT and not one.guarded
        return one.kind in _PLACES and one.state == State.SURE

    def _spot(self, one: Found, texts: Sequence[Zone]) -> _Spot:
        if len(one.names) == 1:
            return _Spot(_position(one, texts), self._entities[one.names[0].target].country)
        countries = {self._entities[target].country for target in one.targets(one.kind)}
        return _Spot(_position(one, texts), countries.pop() if len(countries) == 1 else "")

    def _city(
        self,
        cities: Collection[int],
        *,
        near: Collection[str],
        known: Collection[int],
        country: str | None,
        named: Collection[str],
    ) -> int:
        """Which of several cities of one name is meant, or -1; the reasons stand at the head of the module."""
        entities = self._entities
        left = sorted(cities)
        left = [city for city in left if entities[city].country in near] or left
        left = [city for city in left if city in known] or left
        left = [city for city in left if entities[city].country == country] or left
        largest = max(left, key=lambda city: entities[city].population, default=-1)
        if all(
            city == largest or entities[largest].population >= DOMINANT * entities[city].population for city in left
        ):
            return largest
        left = [city for city in left if entities[city].country in named] or left
        if len(left) > 1:
            left = [city for city in left if entities[city].country in EUROPE]
        return left[0] if len(left) == 1 else -1

    def _settle_adjectives(self, found: Sequence[Found], texts: Sequence[Zone], *, some_place: bool) -> None:
        adjectives = [one for one in found if one.kind in DERIVED and one.state != State.OUT and one.target >= 0]
        numbers: dict[int, int] = {}
        for one in adjectives:
            numbers[one.target] = numbers.get(one.target, 0) + 1
        for one in adjectives:
            if not one.guarded and (
                some_place or numbers[one.target] >= OFTEN or self._judge.has_office(one, texts[one.zone])
            ):
                one.state = State.SURE

    def _settle_organisations(self, found: Iterable[Found], texts: Sequence[Zone]) -> None:
        """Say which of the doubtful names of parties are meant."""
        entities, politics = self._entities, self._cues.party_near
        bodies = [one for one in found if one.kind == Kind.ORGANISATION and one.state != State.OUT]
        parties = [
            one for one in bodies if one.state == State.SURE and one.target >= 0 and entities[one.target].party
        ]
        for one in bodies:
            if one.state == State.SURE:
                continue
            targets = {target for target in one.targets(Kind.ORGANISATION) if entities[target].party}
            countries = {
                entities[other.target].country
                for other in parties
                if abs(_position(other, texts) - _position(one, texts)) <= NEAR_PARTIES
            }
            meant = {target for target in targets if entities[target].country in countries}
            if not meant and not texts[one.zone].opens(one.at):
                words, behind = texts[one.zone].words, one.at + one.size
                near = words.keys(one.at - NEAR_PARTY_WORDS, one.at) + words.keys(behind, behind + NEAR_PARTY_WORDS)
                meant = set() if politics.isdisjoint(near) else targets
            if len(meant) == 1:
                one.target, one.state = meant.pop(), State.SURE


def _position(one: Found, texts: Sequence[Zone]) -> int:
    """The number of its first word, counted from the headline on."""
    return one.at + (len(texts[0].words.words) if one.zone else 0)


def _in_one_list(last: Found, one: Found, zone: Zone) -> bool:
    """Whether a name is joined to the place before it: "Mol en Geel", "Breda, Best"."""
    if last.zone != one.zone:
        return False
    end = last.at + last.size
    if end == one.at:
        return zone.gap(one.at) in _COMMAS
    return end + 1 == one.at and zone.key(end) in _JOINERS and zone.gap(one.at) in SPACES
