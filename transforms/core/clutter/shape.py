"""What the bare form of a line tells, in any language: prose, title, list item, or none of these."""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"[.!?…][\"')\]]*(?:\s|$)")
_BULLET = re.compile(r"[-*•·▪►>+]\s+\S|\d{1,2}[.)]\s+\S")
_WORD = re.compile(r"[^\W\d_]+")
_MARK = re.compile(r"^(?:[-*•·▪►>+]|\d{1,2}[.)])\s+")
_CLOSED = frozenset(".…:;,")
_CLOSING = "\"')]"

PROSE_CHARS = 80
"""A line of this length with a sentence that ends counts as prose: shorter ones are as often clutter."""
WORD_CHARS = 6
"""Shorter words are mostly function words in the four languages."""
TITLE_CHARS = 140
"""No headline in the bundled or annotated texts is longer; a lede seldom is shorter."""


def is_prose(form: str) -> bool:
    """Whether the line reads as running text: long enough, and with at least one sentence that ends."""
    return len(form) >= PROSE_CHARS and bool(_SENTENCE_END.search(form)) and not is_bullet(form)


def words(form: str) -> set[str]:
    """The longer words of a line, in lower case: what two texts on one matter share."""
    return {w for w in _WORD.findall(form.casefold()) if len(w) >= WORD_CHARS}


def sentences(form: str) -> int:
    """How many sentences end in the line, by their punctuation."""
    return sum(1 for _ in _SENTENCE_END.finditer(form))


def is_bullet(form: str) -> bool:
    """Whether the line begins like an entry of a list."""
    return not form[:1].isalpha() and bool(_BULLET.match(form))


def without_bullet(form: str) -> str:
    """The line without the mark or number that makes it an entry of a list."""
    return _MARK.sub("", form, count=1)


def is_title(form: str) -> bool:
    """Whether the line could be a headline: short, with letters, and not closed like a sentence."""
    return (
        0 < len(form) <= TITLE_CHARS
        and form.rstrip(_CLOSING)[-1:] not in _CLOSED
        and (form[0].isalpha() or any(map(str.isalpha, form)))
    )
