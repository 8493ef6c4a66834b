"""What the bare form of a line tells, in any language: prose, title, list item, or none of these."""

from __future__ import annotations

import re

_SENTENCE_END = re.compile(r"[.!?…][\"')\]]*(?:\s|$)")
_BULLET = re.compile(r"[-*•·▪►>+]\s+\S|\d{1,2}[.)]\s+\S")
_CLOSED = re.compile(r"[.…:;,][\"')\]]*$")

PROSE_CHARS = 80
"""A line of this length with a sentence that ends counts as prose: shorter ones are as often clutter."""
TITLE_CHARS = 140
"""No headline in the bundled or annotated texts is longer; a lede seldom is shorter."""


def is_prose(form: str) -> bool:
    """Whether the line reads as running text: long enough, and with at least one sentence that ends."""
    return len(form) >= PROSE_CHARS and bool(_SENTENCE_END.search(form)) and not is_bullet(form)


def sentences(form: str) -> int:
    """How many sentences end in the line, by their punctuation."""
    return sum(1 for _ in _SENTENCE_END.finditer(form))


def is_bullet(form: str) -> bool:
    """Whether the line begins like an entry of a list."""
    return bool(_BULLET.match(form))


def is_title(form: str) -> bool:
    """Whether the line could be a headline: short, with letters, and not closed like a sentence."""
    return 0 < len(form) <= TITLE_CHARS and not _CLOSED.search(form) and any(c.isalpha() for c in form)
