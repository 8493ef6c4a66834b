"""News that never happened: stories composed of the sentence grammars in ``words/``, the same for the same seed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

_WORDS = Path(__file__).parent / "words"
_FEWEST, _MOST = 8, 20
"""Sentences of a story, its standfirst aside."""
_SUBHEADING_FROM = 14
"""So many sentences are broken up by a subheading."""

_CAST = frozenset(["place", "town", "street", "subject", "group", "firm", "expertise"])
"""Slots that stand for the same throughout a story."""
_NUMBERS = {
    "n": (3, 48),
    "n_age": (19, 88),
    "digit": (1, 9),
    "pct": (3, 88),
    "past": (1931, 2019),
    "year": (2027, 2036),
    "day": (1, 28),
    "many": (600, 9_800),
}
_THOUSANDS = {"nl": ".", "de": ".", "fr": " ", "en": ","}


@dataclass(frozen=True, slots=True)
class Story:
    """The text of an article.

    Attributes:
        headline: without full stop.
        standfirst: one sentence.
        paragraphs: without the standfirst, the subheading among them.
        subheading: the place of the subheading in ``paragraphs``, ``None`` without one.
        author: first and last name.
        photographer: likewise.
        caption: of the picture; no part of the text.
    """

    headline: str
    standfirst: str
    paragraphs: tuple[str, ...]
    subheading: int | None
    author: str
    photographer: str
    caption: str


def compose(language: str, country: str, seed: str, version: int = 1) -> Story:
    """The story of ``seed``, as it reads after ``version - 1`` edits.

    Each edit gives it another headline and one paragraph anew.

    Args:
        language: nl, fr, de or en; what follows a hyphen is left aside.
        country: two letters; the Belgian have offices of their own.
        seed: any text; another one gives another story.
        version: 1 or more.
    """
    draw = _Draw(words(language, country), language[:2], seed)
    story = draw.story()
    for number in range(2, version + 1):
        story = draw.edited(story, f"{seed}/{number}")
    return story


@cache
def words(language: str, country: str) -> Mapping[str, Any]:
    """The grammar of a language as it is spoken in a country."""
    grammar: dict[str, Any] = tomllib.loads((_WORDS / f"{language[:2]}.toml").read_text(encoding="utf-8"))
    own: dict[str, Any] = grammar.get(country, {})
    return grammar | own


def drawn_name(language: str, country: str, seed: str) -> str:
    """A name for an outlet."""
    draw = _Draw(words(language, country), language[:2], seed)
    return draw.fill(draw.rng.choice(words(language, country)["clutter"]["names"]))


class _Draw:
    """Fills templates. What was drawn from a list is not drawn from it again before the list is used up."""

    def __init__(self, grammar: Mapping[str, Any], language: str, seed: str) -> None:
        self.rng = Random(seed)
        self._words = grammar
        self._language = language
        self._cast: dict[str, str] = {}
        self._decks: dict[str, list[str]] = {}

    def story(self) -> Story:
        count = self.rng.randint(_FEWEST, _MOST)
        headline, standfirst = self._sentence("headlines"), self._sentence("standfirsts")
        sentences = [self._sentence("ledes"), *(self._sentence("sentences") for _ in range(count - 1))]
        if self.rng.random() < 0.3:
            sentences[0] = f"{self['place'].upper()} – {sentences[0]}"
        if self.rng.random() < 0.5:
            sentences[-1] = self.fill(self._words["conclusion"])
        paragraphs: list[str] = []
        while sentences:
            size = self.rng.randint(1, 3)
            paragraphs.append(" ".join(sentences[:size]))
            del sentences[:size]
        subheading = None
        if count >= _SUBHEADING_FROM and len(paragraphs) >= 4:
            subheading = self.rng.randrange(2, len(paragraphs) - 1)
            paragraphs.insert(subheading, self._sentence("subheadings"))
        return Story(
            headline=headline,
            standfirst=standfirst,
            paragraphs=tuple(paragraphs),
            subheading=subheading,
            author=self._person(),
            photographer=self._person(),
            caption=self.fill(self._words["clutter"]["caption"]),
        )

    def edited(self, story: Story, seed: str) -> Story:
        self.rng = Random(seed)
        places = [i for i in range(1, len(story.paragraphs)) if i != story.subheading]
        at = self.rng.choice(places)
        anew = " ".join(self._sentence("sentences") for _ in range(2))
        paragraphs = (*story.paragraphs[:at], anew, *story.paragraphs[at + 1 :])
        return replace(story, headline=self._sentence("headlines"), paragraphs=paragraphs)

    def fill(self, template: str) -> str:
        return template.format_map(self)

    def __getitem__(self, slot: str) -> str:
        """What a slot stands for: the name that ``format_map`` asks for."""
        if slot.endswith("_cap"):
            return _capital(self[slot.removesuffix("_cap")])
        if slot in _NUMBERS:
            number = self.rng.randint(*_NUMBERS[slot])
            return f"{number:,}".replace(",", _THOUSANDS[self._language]) if slot == "many" else str(number)
        if slot.upper() in ("A", "B", "C"):
            return self._character(slot)
        if slot in _CAST:
            if slot not in self._cast:
                self._cast[slot] = self._new(slot)
            return self._cast[slot]
        return self.fill(self._next({"thing2": "thing"}.get(slot, slot)))

    def _new(self, slot: str) -> str:
        if slot not in ("place", "town"):
            return self.fill(self._next(slot))
        while True:
            place = self._next("place_front") + self._next("place_back")
            if place not in self._cast.values():
                return place

    def _character(self, slot: str) -> str:
        """Someone: ``A`` with office and name, ``B`` and ``C`` with their names; ``a`` … the surnames."""
        if slot not in self._cast:
            gender, last = self.rng.choice("fm"), self._next("last")
            full = f"{self._next(f'first_{gender}')} {last}"
            office = f"{self._next(f'role_{gender}')} " if slot.upper() == "A" else ""
            self._cast[slot.upper()], self._cast[slot.lower()] = office + full, last
        return self._cast[slot]

    def _person(self) -> str:
        return f"{self._next(self.rng.choice(('first_f', 'first_m')))} {self._next('last')}"

    def _sentence(self, kind: str) -> str:
        return _capital(self.fill(self._next(kind)))

    def _next(self, kind: str) -> str:
        deck = self._decks.setdefault(kind, [])
        if not deck:
            deck += self.rng.sample(self._words[kind], len(self._words[kind]))
        return deck.pop()


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
