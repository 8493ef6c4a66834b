"""Fitted seams: where a long line is parted though no rule knows the form of what begins there.

Crawls put a whole page on one line: menu, headline, text and links behind one another, often without a mark between
them. At each place in a long line where something could begin, the words and signs around it are weighed; the numbers
come from ``config/clutter/model.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_TOKEN = re.compile(r"[^\W\d_]*?[a-z](?=[A-Z])|[^\W\d_]+|\d+|[^\w\s]|_")
_LINE = re.compile(rb"[^\n\r]+")
_BEGINS = frozenset("\"'(©@#|>*·-+[")
"""Signs with which a piece may begin."""
_ENDS = frozenset(".!?")
_TIED = frozenset("'-(/\"@#.")
"""Signs behind which a capital without a blank begins nothing."""
_FAR = 24
# So many words on either side of a place the end of a sentence is looked for.
_BORDERS = (0, 1, 2, 4, 6, 9, 13, 18)
_BUCKETS = [str(next((border for border in _BORDERS if number <= border), "+")) for number in range(_FAR + 1)]
_STEM = 6
_ASIDE = 3


Parted = dict[bytes, list[int]]
"""By the line where it is parted: a text is gone through more than once."""


class Joints:
    """The numbers made ready for use.

    Args:
        weights: what each feature of a place adds to its sum.
        border: a line is parted at a place whose sum is above this.
    """

    def __init__(self, weights: Mapping[str, float], border: float, chars: int = 500) -> None:
        self._weights, self._border, self._chars = weights, border, chars

    def find(self, text: bytes, parted: Parted) -> list[int]:
        """The offsets in a folded and coded text at which its long lines are parted.

        Args:
            text: the text.
            parted: what was found before in lines of this text, added to.
        """
        if not self._weights:
            return []
        found: list[int] = []
        for line in _LINE.finditer(text):
            if line.end() - line.start() >= self._chars:
                if line[0] not in parted:
                    parted[line[0]] = self._parts(line[0].decode("latin-1"))
                found += [line.start() + at for at in parted[line[0]]]
        return found

    def _parts(self, line: str) -> list[int]:
        weight = self._weights.get
        return [at for at, names in places(line) if sum(filter(None, map(weight, names))) > self._border]


def _kind(token: str) -> str:
    first = token[0]
    if first.isdigit():
        return "0" * min(len(token), 4)
    if not first.isalpha():
        return token
    if first.isupper():
        return "A" if len(token) > 1 and token.isupper() else "Aa"
    return "a"


def places(line: str) -> Iterator[tuple[int, list[str]]]:
    """The offsets in a folded line at which something could begin, each with its features."""
    found = list(_TOKEN.finditer(line))
    count = len(found)
    words = [match[0] for match in found]
    aside = [""] * _ASIDE
    kinds = [*aside, *map(_kind, words), *aside]
    low = [*aside, *map(str.lower, words), *aside]
    low = [kind if kind[:1] == "0" else word for word, kind in zip(low, kinds, strict=True)]
    # How many words ago a sentence ended, and in how many the next will.
    since, until = [0] * count, [0] * count
    ago = ahead = 0
    for i, word in enumerate(words):
        since[i] = ago
        ago = 0 if word in _ENDS else min(ago + 1, _FAR)
    ahead = _FAR
    for i in range(count - 1, -1, -1):
        until[i] = ahead = 0 if words[i] in _ENDS else min(ahead + 1, _FAR)
    for i in range(1, count):
        j = i + _ASIDE
        k1 = kinds[j]
        if k1 != "Aa" and k1 != "A" and k1[0] != "0" and k1 not in _BEGINS:
            continue
        m1 = kinds[j - 1]
        start = found[i].start()
        spaced = found[i - 1].end() < start
        if not spaced and (k1[0] != "A" or m1 in _TIED):
            continue
        m3, m2 = kinds[j - 3], kinds[j - 2]
        k2, k3 = kinds[j + 1], kinds[j + 2]
        l2, l1, r1, r2, r3 = low[j - 2 : j + 3]
        ended = "a" if m1[0].isalnum() else m1 if m1 not in _ENDS else "."
        ago, ahead = since[i], until[i]
        names = [
            "spaced" if spaced else "glued",
            f"e={ended} {spaced:d}",
            f"l1={l1}",
            f"l2={l2} {l1}",
            f"r1={r1}",
            f"re={r1} {ended}",
            f"r2={r1} {r2}",
            f"r3={r1} {r2} {r3}",
            f"w2={r2}",
            f"w3={r3}",
            f"lr={l1} {r1}",
            f"k={m2} {m1}|{k1} {k2}",
            f"kl={m3} {m2} {m1}|{k1}",
            f"kr={m1}|{k1} {k2} {k3}",
            f"s={_BUCKETS[ago]}",
            f"u={_BUCKETS[ahead]}",
            f"su={_BUCKETS[ago]} {_BUCKETS[ahead]} {ended}",
            f"sk={_BUCKETS[ago]} {m1}|{k1}",
            f"uk={_BUCKETS[ahead]} {m1}|{k1} {k2}",
        ]
        if len(r1) > _STEM:
            names.append(f"p1={r1[:_STEM]}")
        if len(r2) > _STEM:
            names.append(f"p2={r2[:_STEM]}")
        if ended != "a":
            names.append(f"v1={l2}")
        yield start, names
