r"""What can be told of a rule's pattern without matching it: how long a text it fits at most, and texts that it fits.

Reads the part of RE2's syntax that rules use. Texts are made for probes and need not be perfect: whether a rule fits
one is always asked of the rule.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from transforms.core.clutter.segments import fold

_WORDS = re.compile(r"(?<!\(\?P)<([a-z_]+)>")
_UNIT = re.compile(
    r"(?P<open>\((?:\?(?:[imsU-]+:|[imsU-]+\)|P<\w+>|:))?)|(?P<close>\))|(?P<bar>\|)"
    r"|(?P<border>\\[bBAz]|[\^$])"
    r"|(?P<sign>\\[pP]\{\w+\}|\\[pP]\w|\\x[0-9a-fA-F]{2}|\\.|\[\^?\]?(?:\\[pP]\{\w+\}|\[:\w+:\]|\\.|[^\]\\])*\]|.)",
    re.DOTALL,
)
_COUNT = re.compile(r"(?:([*+?])|\{(\d+)(,?)(\d*)\})\??")
_TRIED = "aA1 .-'" + "".join(chr(code) for code in (*range(0x20, 0x7F), *range(0xA1, 0x100)))
"""A class of characters is shown by the first of these that it holds."""
_LONG = 700
"""About so long are made the repetitions of a long text: more than nearly any rule looks at."""
_MOST = 400
"""So many texts are made of one pattern at most; the longest list of words has some 200."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A character or a class of them, as the pattern writes it."""

    text: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Alternatives, each a sequence."""

    ways: tuple[tuple[Part, ...], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A sign or a group with how often it stands; ``most`` may be without end."""

    what: Sign | Choice
    least: int
    most: float


def filled(pattern: str, words: Mapping[str, tuple[str, ...]]) -> str:
    """``pattern`` folded, with each ``<name>`` replaced by the words of that name."""
    return fold(_WORDS.sub(lambda found: "(?:" + "|".join(words[found[1]]) + ")", pattern))


@lru_cache(maxsize=4096)
def parsed(pattern: str) -> Choice:
    """The tree of a filled pattern.

    Raises:
        ValueError: the groups of the pattern do not close.
    """
    open_ways: list[list[list[Part]]] = [[[]]]
    at = 0
    while at < len(pattern):
        unit = _UNIT.match(pattern, at)
        if unit is None:
            raise ValueError(f"cannot read {pattern[at:]!r}")
        at = unit.end()
        what: Sign | Choice
        if unit["open"]:
            if not re.fullmatch(r"\(\?[imsU-]+\)", unit[0]):
                open_ways.append([[]])
            continue
        if unit["bar"]:
            open_ways[-1].append([])
            continue
        if unit["border"]:
            continue
        if unit["close"]:
            what = Choice(tuple(map(tuple, open_ways.pop())))
            if not open_ways:
                raise ValueError(f"a group too many is closed in {pattern!r}")
        else:
            what = Sign(unit["sign"])
        least, most = 1, 1.0
        if count := _COUNT.match(pattern, at):
            at = count.end()
            if count[1]:
                least, most = int(count[1] == "+"), 1 if count[1] == "?" else math.inf
            else:
                least = int(count[2])
                most = (int(count[4]) if count[4] else math.inf) if count[3] else least
        open_ways[-1][-1].append(Part(what, least, most))
    if len(open_ways) != 1:
        raise ValueError(f"a group is not closed in {pattern!r}")
    return Choice(tuple(map(tuple, open_ways[0])))


def longest(tree: Choice | Sign) -> float:
    """How many characters a text has at most that the pattern fits from end to end."""
    if isinstance(tree, Sign):
        return 1
    return max(sum(part.most * width if (width := longest(part.what)) else 0 for part in way) for way in tree.ways)


def is_open(tree: Choice, chars: int, *, behind: bool) -> bool:
    """Whether every way of the pattern ends (or begins) in any text whatever, of ``chars`` characters or more."""

    def holds(way: tuple[Part, ...]) -> bool:
        if not way:
            return False
        part = way[-1 if behind else 0]
        if isinstance(part.what, Sign):
            return part.what.text == "." and part.most >= chars
        return part.most >= 1 and part.least >= 1 and is_open(part.what, chars, behind=behind)

    return all(map(holds, tree.ways))


def texts(tree: Choice) -> list[str]:
    """Texts that the pattern fits: every alternative once, and as short and as long as may be."""
    found = [_plain(tree, long=False), _plain(tree, long=True), *_each(tree)]
    return list(dict.fromkeys(found))[:_MOST]


def _plain(tree: Choice | Sign, *, long: bool) -> str:
    if isinstance(tree, Sign):
        return _shown(tree.text)
    return (
        max(("".join(_times(part, long) for part in way) for way in tree.ways), key=len)
        if long
        else "".join(_times(part, long) for part in tree.ways[0])
    )


def _times(part: Part, long: bool) -> str:
    if not long:
        return _plain(part.what, long=False) * part.least
    text = _plain(part.what, long=True)
    return text * int(min(part.most, max(part.least, _LONG // max(1, len(text)))))


def _each(tree: Choice | Sign) -> Iterator[str]:
    if isinstance(tree, Sign):
        yield _shown(tree.text)
        return
    for way in tree.ways:
        short = [_times(part, long=False) for part in way]
        yield "".join(short)
        for number, part in enumerate(way):
            if isinstance(part.what, Choice) or part.least == 0:
                before, behind = "".join(short[:number]), "".join(short[number + 1 :])
                rest = _plain(part.what, long=False) * max(0, part.least - 1)
                for text in _each(part.what):
                    yield before + text + rest + behind


@lru_cache(maxsize=1024)
def _shown(sign: str) -> str:
    if len(sign) == 1:
        return "x" if sign == "." else sign
    if sign in (r"\s", r"\d", r"\w", r"\S", r"\D", r"\W"):
        return {"s": " ", "d": "1", "w": "x", "S": "x", "D": "x", "W": " "}[sign[1]]
    if sign == r"\n":
        return "\n"
    if re.fullmatch(r"\\[^\w]", sign):
        return sign[1]
    known = re.sub(r"\\p(?:\{(\w+)\}|(\w))", lambda m: _LETTERS.get(m[1] or m[2], ""), sign)
    inside = known if sign.startswith("[") else f"[{known}]"
    try:
        pattern = re.compile(inside.replace("[:alpha:]", "a-zA-Z"))
    except re.error:
        return "x"
    return next((char for char in _TRIED if pattern.match(char)), "x")


_LETTERS = {"L": "a-zA-Z", "Lu": "A-Z", "Ll": "a-z", "N": "0-9", "Nd": "0-9", "P": ".,:;!?-", "S": "©|>+", "So": "©"}
