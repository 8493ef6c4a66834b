"""Terms and how a text is looked up in them: whole words, beginnings, endings, insides and phrases."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from transforms.core.remembered import Remembered

MIN_PREFIX, MIN_SUFFIX = 3, 4
"""Shorter beginnings and endings would fit half of all words. They are also the keys of the first look-up."""

REMEMBERED_WORDS = 20_000
"""So many words are looked up once only: all but one in ten of those of a night's articles, in some 3 MB."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A term as a look-up finds it, each time the same object, which counting relies on.

    Of the terms of one ``family`` of topics only one counts for a word, that of the highest ``rank``: the
    length of its literal, then how exact the form is.
    """

    topic: int
    family: int
    weight: int
    rank: int
    term: str


class _Phrase(NamedTuple):
    rest: tuple[str, ...]
    last_is_prefix: bool
    entry: Entry


class _Known(NamedTuple):
    """What the terms know of a word: those it fits, and the phrases it begins, by the letters of their second."""

    entries: tuple[Entry, ...]
    phrases: Mapping[str, tuple[_Phrase, ...]]


class Pattern(NamedTuple):
    """A term as it was read: its folded words, and whether the first and the last may be part of a word."""

    words: tuple[str, ...]
    open_start: bool
    open_end: bool


def words_of(text: str) -> list[str]:
    """The words of a text, folded: case, soft hyphens, ligatures; apostrophes and hyphens part words."""
    folded = text.casefold()
    if folded.isascii():
        if folded.isalpha():
            return [folded]
    else:
        folded = unicodedata.normalize("NFC", folded)
        # Three calls of replace take a twentieth of the time of one translate.
        folded = folded.replace("\u00ad", "").replace("œ", "oe").replace("æ", "ae")
    return _WORD.findall(folded)


def _fold(word: str) -> str:
    """A word folded, as ``words_of`` does."""
    low = word.casefold()
    return low if low.isascii() else "".join(words_of(low))


def parse_term(term: str) -> Pattern:
    """Read a term as it is written in a vocabulary; raises ValueError with what is wrong with it."""
    bare = term.strip()
    open_start, open_end = bare.startswith("*"), bare.endswith("*")
    inner = bare.strip("*")
    words = tuple(words_of(inner))
    if not words:
        raise ValueError("is empty")
    if "*" in inner or bare.startswith("**") or bare.endswith("**"):
        raise ValueError("has an asterisk elsewhere than at its beginning or end")
    if open_start and len(words) > 1:
        raise ValueError("is a phrase and cannot begin with an asterisk")
    if open_start and len(words[0]) < MIN_SUFFIX:
        raise ValueError(f"needs {MIN_SUFFIX} letters to stand for the end or the inside of words")
    if open_end and len(words[-1]) < MIN_PREFIX:
        raise ValueError(f"needs {MIN_PREFIX} letters to stand for the beginning of words")
    return Pattern(words, open_start, open_end)


def _sizes(found: Iterable[tuple[str, int]]) -> dict[str, tuple[int, ...]]:
    sizes: dict[str, set[int]] = {}
    for key, size in found:
        sizes.setdefault(key, set()).add(size)
    return {key: tuple(sorted(given)) for key, given in sizes.items()}


def _by_second(phrases: Iterable[_Phrase]) -> dict[str, tuple[_Phrase, ...]]:
    """The phrases by the first letters of their second word, the longest first."""
    found: dict[str, list[_Phrase]] = {}
    for phrase in sorted(phrases, key=lambda phrase: -phrase.entry.rank):
        found.setdefault(phrase.rest[0][:MIN_PREFIX], []).append(phrase)
    return {letters: tuple(begun) for letters, begun in found.items()}


class Lexicon:
    """The terms of one language, by the ways in which they are looked up.

    Each comes as its topic, the topic's family, its weight and its text.
    """

    __slots__ = ("_inner", "_known", "_phrases", "_prefix_sizes", "_prefixes", "_suffix_sizes", "_suffixes", "_whole")

    def __init__(self, terms: Iterable[tuple[int, int, int, str]]) -> None:
        whole: dict[str, list[Entry]] = {}
        prefixes: dict[str, list[Entry]] = {}
        suffixes: dict[str, list[Entry]] = {}
        inner: list[tuple[str, Entry]] = []
        phrases: dict[str, list[_Phrase]] = {}
        for topic, family, weight, term in terms:
            pattern = parse_term(term)
            shown = term.strip().strip("*")
            literal = pattern.words[0]
            exactness = 3 - pattern.open_end - 2 * pattern.open_start
            entry = Entry(topic, family, weight, 4 * sum(map(len, pattern.words)) + exactness, shown)
            if len(pattern.words) > 1:
                phrases.setdefault(literal, []).append(_Phrase(pattern.words[1:], pattern.open_end, entry))
            elif pattern.open_start and pattern.open_end:
                inner.append((literal, entry))
            elif pattern.open_start:
                suffixes.setdefault(literal, []).append(entry)
            elif pattern.open_end:
                prefixes.setdefault(literal, []).append(entry)
            else:
                whole.setdefault(literal, []).append(entry)
        self._whole = {key: tuple(found) for key, found in whole.items()}
        self._prefixes = {key: tuple(found) for key, found in prefixes.items()}
        self._suffixes = {key: tuple(found) for key, found in suffixes.items()}
        self._inner = tuple(inner)
        self._phrases = {key: _by_second(found) for key, found in phrases.items()}
        self._prefix_sizes = _sizes((key[:MIN_PREFIX], len(key)) for key in prefixes)
        self._suffix_sizes = _sizes((key[-MIN_SUFFIX:], len(key)) for key in suffixes)
        self._known = Remembered(self._terms_of, REMEMBERED_WORDS)

    def count(self, words: Sequence[str]) -> dict[Entry, int]:
        """How often each term stands in a text, given its words as they are written.

        Of the terms of one family the longest counts for a word, and none where a phrase of that family covers it.
        """
        known = self._known
        # Few words are in any term; the others are left out all at once.
        met = [(at, one) for at, word in enumerate(words) if (one := known[word]) is not None]
        hits: dict[Entry, int] = {}
        covered: dict[tuple[int, str], int] = {}
        for entry, phrase in self._phrases_in(words, met):
            hits[entry] = hits.get(entry, 0) + 1
            for word in phrase:
                covered[entry.family, word] = covered.get((entry.family, word), 0) + 1
        for at, one in met:
            for entry in one.entries:
                within = (entry.family, _fold(words[at])) if covered else None
                if within is not None and covered.get(within):
                    covered[within] -= 1
                else:
                    hits[entry] = hits.get(entry, 0) + 1
        return hits

    def find(self, word: str) -> tuple[Entry, ...]:
        """For each family the longest term that fits the folded word; exceptions are among them, with weight 0."""
        found = [*self._whole.get(word, ())]
        size = len(word)
        for length in self._prefix_sizes.get(word[:MIN_PREFIX], ()):
            if length > size:
                break
            if begun := self._prefixes.get(word[:length]):
                found += begun
        for length in self._suffix_sizes.get(word[-MIN_SUFFIX:], ()):
            if length <= size:
                found += self._suffixes.get(word[-length:], ())
        for literal, entry in self._inner:
            if literal in word:
                found.append(entry)
        if not found:
            return ()
        best: dict[int, Entry] = {}
        for entry in found:
            other = best.get(entry.family)
            if other is None or entry.rank > other.rank:
                best[entry.family] = entry
        return tuple(best.values())

    def _terms_of(self, word: str) -> _Known | None:
        """What the terms know of a word as it is written; ``None`` if nothing, as of most."""
        folded = _fold(word)
        entries, phrases = self.find(folded), self._phrases.get(folded)
        return _Known(entries, phrases or {}) if entries or phrases else None

    def _phrases_in(
        self, words: Sequence[str], met: Iterable[tuple[int, _Known]]
    ) -> Iterator[tuple[Entry, tuple[str, ...]]]:
        """Each phrase with the words it covers, folded; at one place only the longest for each family."""
        seconds = words[1:]
        # Of the words that begin a phrase few are followed by one that goes on with it.
        for at, begun in [
            (at, one.phrases[letters])
            for at, one in met
            if one.phrases and at < len(seconds) and (letters := _fold(seconds[at])[:MIN_PREFIX]) in one.phrases
        ]:
            families: set[int] = set()
            for rest, last_is_prefix, entry in begun:
                if entry.family in families:
                    continue
                following = tuple(map(_fold, words[at + 1 : at + 1 + len(rest)]))
                if following == rest or (
                    last_is_prefix
                    and len(following) == len(rest)
                    and following[:-1] == rest[:-1]
                    and following[-1].startswith(rest[-1])
                ):
                    families.add(entry.family)
                    yield entry, (_fold(words[at]), *following)
