"""The names of the gazetteer by the words they begin with, and where they stand in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from schemas.gazetteer import EVERY_LANGUAGE, Forms, Gazetteer
from transforms.core.remembered import Remembered
from transforms.core.words import Words, fold, words_in

LANGUAGES = ("de", "en", "fr", "nl")
"""The languages that have names of their own in the gazetteer."""

MAX_ACRONYM_CHARS = 5
"""A name of this many letters with two capitals in it (VS, PvdA, U.S.) must stand as written, or "us" would do."""

REMEMBERED_WORDS = 1 << 14
"""Of so many words it is remembered which names begin with them."""

_ENDINGS = re.compile(r"(?P<stem>.*\S)\((?P<endings>[^()]*)\)")
_ADJECTIVE = {"de": ("e", "em", "en", "er", "es"), "en": ("s",), "fr": ("e", "s", "es"), "nl": ("e",)}
_MARKS = "?~)"
_GAPS = str.maketrans({"’": "'", "‘": "'", "\u00a0": " ", "\u2011": "-", "–": "-"})
_LOOSE = frozenset({" ", "-", ". "})
_GENITIVES = frozenset({"de", "nl"})


class Kind(IntEnum):
    """What a name stands for. Where a place in the text has several, those above hide those below."""

    NOTHING = 0
    PERSON = 1
    ORGANISATION = 2
    COUNTRY = 3
    COUNTRY_DERIVED = 4
    REGION = 5
    CITY = 6
    CITY_DERIVED = 7
    SURNAME = 8


class Name(NamedTuple):
    """One form of a name, ready for looking up.

    Attributes:
        rest: its words behind the first, folded.
        gaps: what stands between its words.
        capital: whether it must begin with a capital.
        last_capital: whether its last word must, too.
        exact: the form as it must be written, or nothing.
        kind: what it stands for.
        target: the number of the entity among all; for a region, of its country.
        guarded: the languages in which it needs evidence, parted by spaces; "*" for all.
    """

    rest: tuple[str, ...]
    gaps: tuple[str, ...]
    capital: bool
    last_capital: bool
    exact: str
    kind: Kind
    target: int
    guarded: str

    def is_guarded(self, language: str) -> bool:
        """Whether it needs evidence in a language."""
        return self.guarded == "*" or (self.guarded != "" and language in self.guarded)


class Entity(NamedTuple):
    """What a tag is made of; of a place or party also its country, of a city its population."""

    scheme: str
    code: str
    label: str
    country: str = ""
    population: int = 0
    party: bool = False


class Match(NamedTuple):
    """A place in the text where names stand: the first word, the number of words, and the names, none longer."""

    at: int
    size: int
    names: tuple[Name, ...]


def expand(form: str, language: str) -> tuple[tuple[str, ...], bool]:
    """All that a form of the gazetteer stands for, and whether it needs evidence."""
    guarded = form.endswith("?")
    bare = form.removesuffix("?")
    if bare.endswith("~"):
        stem = bare[:-1]
        endings = _ADJECTIVE.get(language, ("e", "s", "es"))
        return (stem, *(stem + ending for ending in endings)), guarded
    match = _ENDINGS.fullmatch(bare) if bare.endswith(")") else None
    if match is None:
        return (bare,), guarded
    stem = match["stem"]
    return (stem, *(stem + ending for ending in match["endings"].split("|"))), guarded


def _exact(written: str) -> str:
    """The form itself if it is an abbreviation, which must stand in the text as it is written; else nothing."""
    tail = written[1:]
    if tail == tail.lower() or sum(map(str.isalpha, written)) > MAX_ACRONYM_CHARS:
        return ""
    mixed = any(word != word.capitalize() for word in words_in(written).words)
    return written if mixed or written.isupper() else ""


class Index:
    """The names of one language by their first word, and apart those that need no capital."""

    __slots__ = ("_any_case", "_genitives", "_known", "_names")

    def __init__(self, names: dict[str, list[Name]], language: str) -> None:
        self._names = names
        self._any_case = {
            key: small for key, found in names.items() if (small := [name for name in found if not name.capital])
        }
        self._genitives = language in _GENITIVES
        self._known = Remembered(self._names_of, REMEMBERED_WORDS)

    def _names_of(self, word: str) -> Sequence[Name]:
        """The names that may begin with a word as it is written, the longest first."""
        names = self._names if word[0].isupper() else self._any_case
        key = fold(word)
        found = names.get(key)
        if found is None and self._genitives and key.endswith("s") and key[:-1] in names:
            found = [name for name in names[key[:-1]] if not name.rest and not name.exact]
        return found or ()

    def matches(self, text: Words) -> Iterator[Match]:
        """The names in a text from its beginning to its end: at each place the longest, and none within another."""
        words = text.words
        covered = 0
        known = self._known
        # Few words begin a name; the others are left out all at once.
        for at, names in [(at, names) for at, word in enumerate(words) if (names := known[word])]:
            if at < covered:
                continue
            size = 0
            fitting: list[Name] = []
            behind: tuple[str, ...] = ()
            if names[0].rest and at + 1 < len(words):
                key = text.key(at + 1)
                behind = (key, key.removesuffix("s") if self._genitives else "")
            for name in names:
                length = len(name.rest) + 1
                if length < size:
                    break
                # "Le", "San" and "New" begin dozens of names.
                if length > 1 and name.rest[0] not in behind:
                    continue
                if _fits(name, length, at, text, genitives=self._genitives):
                    size = length
                    fitting.append(name)
            if fitting:
                covered = at + size
                yield Match(at, size, tuple(fitting))


def _fits(name: Name, length: int, at: int, text: Words, *, genitives: bool) -> bool:
    if length > 1:
        *inner, last = text.keys(at + 1, at + length)
        if len(inner) != length - 2 or tuple(inner) != name.rest[:-1]:
            return False
        if last != name.rest[-1] and not (genitives and last == name.rest[-1] + "s"):
            return False
        if name.last_capital and not text.words[at + length - 1][0].isupper():
            return False
        for seen, gap in zip(text.gaps[at + 1 :], name.gaps, strict=False):
            if seen != gap:
                seen = seen.translate(_GAPS)
                if seen != gap and not (seen in _LOOSE and gap in _LOOSE):
                    return False
    return not name.exact or text.written(at, length).startswith(name.exact)


class Names:
    """The whole gazetteer: its entities, and an index of their names for each language.

    Raises ValueError where two entities have one code, a region's country is unknown, or a name has no word in it.
    """

    def __init__(self, gazetteer: Gazetteer) -> None:
        self.entities: list[Entity] = []
        self._codes: set[tuple[str, str]] = set()
        self._shared: dict[str, list[Name]] = {}
        self._own: dict[str, dict[str, list[Name]]] = {language: {} for language in LANGUAGES}
        countries: dict[str, int] = {}
        for code, country in gazetteer.countries.country.items():
            countries[code] = at = self._entity(Entity("place", code, country.label, code))
            self._add_all(country.names, Kind.COUNTRY, at)
            self._add_all(country.derived, Kind.COUNTRY_DERIVED, at)
        for city in gazetteer.cities.cities:
            at = self._entity(
                Entity("place", f"geonames:{city.geonameid}", city.label, city.country, city.population)
            )
            if city.names:
                self._add_all(city.names, Kind.CITY, at)
            else:
                self._add_all({EVERY_LANGUAGE: (city.label,)}, Kind.CITY, at, guarded=city.doubtful)
            if city.derived:
                self._add_all(city.derived, Kind.CITY_DERIVED, at)
        for body in gazetteer.organisations.organisation:
            at = self._entity(
                Entity("organisation", body.code, body.label, body.country or "", party=body.kind == "party")
            )
            self._add_all(body.names, Kind.ORGANISATION, at)
        for person in gazetteer.persons.person:
            at = self._entity(Entity("person", person.code, person.label))
            self._add_all(person.names, Kind.PERSON, at)
            self._add_all(person.surnames, Kind.SURNAME, at)
        for code, forms in gazetteer.cues.region.items():
            if code not in countries:
                raise ValueError(f"region.{code}: there is no such country")
            self._add_all(forms, Kind.REGION, countries[code])
        self._add_all(gazetteer.cues.not_names, Kind.NOTHING, -1)

    def _entity(self, entity: Entity) -> int:
        if (entity.scheme, entity.code) in self._codes:
            raise ValueError(f"{entity.scheme} {entity.code} is given twice")
        self._codes.add((entity.scheme, entity.code))
        self.entities.append(entity)
        return len(self.entities) - 1

    def _add_all(self, forms: Forms, kind: Kind, target: int, *, guarded: str = "") -> None:
        # Most forms of an entity differ in nothing but the key they stand under, and share one name.
        plain: dict[tuple[bool, str], Name] = {}
        for language, listed in forms.items():
            into = self._shared if language == EVERY_LANGUAGE else self._own.get(language)
            if into is None:
                continue
            for form in listed:
                written, marked = expand(form, language) if form[-1] in _MARKS else ((form,), False)
                guard = "*" if marked else guarded
                for one in written:
                    capital = one[0].isupper()
                    if one.isalpha() and (not capital or one[1:].islower()):
                        key = fold(one)
                        name = plain.get((capital, guard))
                        if name is None:
                            name = plain[capital, guard] = Name((), (), capital, False, "", kind, target, guard)
                    else:
                        key, name = _name(one, kind, target, guard)
                    known = into.get(key)
                    if known is None:
                        into[key] = [name]
                    elif name not in known:
                        known.append(name)

    def index(self, language: str) -> Index:
        """The index of one of ``LANGUAGES``."""
        merged = self._shared.copy()
        for key, names in self._own[language].items():
            merged[key] = merged[key] + names if key in merged else names
        for names in merged.values():
            if len(names) > 1:
                names.sort(key=_longest_first)
        return Index(merged, language)


def _name(written: str, kind: Kind, target: int, guarded: str) -> tuple[str, Name]:
    """A name of several words or capitals, and the word it begins with."""
    text = words_in(written)
    if not text.words:
        raise ValueError(f"{written!r} has no word in it")
    first, *rest = text.keys()
    gaps = tuple(gap.translate(_GAPS) for gap in text.gaps[1:-1])
    capital = text.words[0][0].isupper()
    last_capital = capital and rest != [] and text.words[-1][0].isupper()
    exact = _exact(written) if capital else ""
    return first, Name(tuple(rest), gaps, capital, last_capital, exact, kind, target, guarded)


def _longest_first(name: Name) -> int:
    return -len(name.rest)


def words_by_language(forms: Forms, language: str) -> frozenset[str]:
    """The cues of a list that hold in a language, folded.

    Raises:
        ValueError: one is not a single word, and would never be found.
    """
    cues: set[str] = set()
    for cue in (*forms.get(EVERY_LANGUAGE, ()), *forms.get(language, ())):
        keys = words_in(cue).keys()
        if len(keys) != 1:
            raise ValueError(f"the cue {cue!r} is not one word")
        cues.add(keys[0])
    return frozenset(cues)
