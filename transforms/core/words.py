"""A text cut into words, once for all that look them up."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

MAX_BODY_CHARS = 2_000
"""No further is a body read for topics and names: some 330 words; what it is about was named by then. With 3,000, the
1,433 texts at hand have no name more that scores 0.3, and 17 topics of 2,190."""

REMEMBERED_TEXTS = 8
"""Topics and names are looked up in the same texts, one after the other: a headline, a body and a few short ones."""

REMEMBERED_WORDS = 1 << 14
"""Of so many words it is remembered how they are folded."""

_WORD = re.compile(r"(\w+)")
_LETTERS = str.maketrans({"ß": "ss", "œ": "oe", "æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "ʻ": "", "ʼ": ""})


class Words(NamedTuple):
    """A text cut into words.

    Attributes:
        text: what was cut.
        words: as they are written.
        gaps: what stands before each, and after the last.
    """

    text: str
    words: tuple[str, ...]
    gaps: tuple[str, ...]

    def key(self, at: int) -> str:
        """A word folded."""
        return _fold(self.words[at])

    def keys(self, start: int = 0, end: int | None = None) -> list[str]:
        """Some of the words, or all, folded."""
        return list(map(_fold, self.words[max(0, start) : end]))

    def before(self, end: int) -> int:
        """How many of the words begin before a place in the text, in characters."""
        at = 0
        for number, (gap, word) in enumerate(zip(self.gaps, self.words, strict=False)):
            at += len(gap)
            if at >= end:
                return number
            at += len(word)
        return len(self.words)

    def written(self, at: int, size: int) -> str:
        """The text from the beginning of a word to that of the word so many behind it."""
        pairs = zip(self.words[at : at + size], self.gaps[at + 1 : at + 1 + size], strict=True)
        return "".join([part for pair in pairs for part in pair])


@lru_cache(REMEMBERED_TEXTS)
def words_in(text: str) -> Words:
    """The words of a text, which is composed first, and rid of soft hyphens: neither is to be seen in a word."""
    # An underscore parts words. The pattern that says so takes longer than this.
    plain = unicodedata.normalize("NFC", text).replace("\u00ad", "").replace("_", "\t")
    parts = _WORD.split(plain)
    return Words(plain, tuple(parts[1::2]), tuple(parts[::2]))


def fold(word: str) -> str:
    """A word without case, accents and ligatures."""
    low = word.lower()
    if low.isascii():
        return low
    apart = unicodedata.normalize("NFD", low.translate(_LETTERS))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


_fold = lru_cache(REMEMBERED_WORDS)(fold)
# Beside names the same words stand again and again.
