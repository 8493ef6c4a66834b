"""Patterns of rules as RE2 takes them, and looser forms of them by which many are looked through together.

RE2 builds its automata while it reads, and one for hundreds of exact patterns is built for ages: what tells one text
from another in it are counters and the wild stretches that any number of characters may fill. So the looser forms do
not count, and end where a wild stretch begins.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import Enum
from functools import lru_cache

import re2

from transforms.core.clutter.segments import coded

_COUNTED = re.compile(r"(\))?(?<!\\[pPx])\{(\d+)(,?)(\d*)\}")
_FEW = 3
# So many repetitions of a sign stay exact in the looser form: they tell a time from a year. Those of a group do not,
# for RE2 writes a group out as often as it may stand.
_WILD = re.compile(r"(?<!\\)\.[*+]")


class Anchor(Enum):
    """How a looser form must fit a line: as a whole, from its beginning, or anywhere."""

    WHOLE = "whole"
    START = "start"
    ANYWHERE = "anywhere"


def options(*, case_sensitive: bool, memory: int = 8 << 20) -> re2.Options:
    """How patterns are compiled: quietly, for text in one byte a character, with so many bytes for automata."""
    chosen = re2.Options()
    chosen.log_errors = False
    chosen.case_sensitive = case_sensitive
    chosen.max_mem = memory
    chosen.encoding = re2.Options.Encoding.LATIN1
    return chosen


_UNIT = re.compile(r"\\p(?:\{(\w+)\}|(\w))|\\.|\[(?!:)\^?\]?|\]|[^\\\[\]]+|.", re.DOTALL)


def in_one_byte(pattern: str) -> bytes:
    r"""A folded pattern for coded text.

    Classes of characters such as ``\p{L}`` are written out as they are within Latin-1: with no regard to case RE2
    takes 10 ms for each that it looks up in all of Unicode.
    """
    out: list[str] = []
    within = False
    for unit in _UNIT.finditer(pattern):
        text, name = unit[0], unit[1] or unit[2]
        if name:
            out.append(_members(name) if within else f"[{_members(name)}]")
            continue
        if text[0] == "[" and not within:
            within = True
        elif text == "]" and within:
            within = False
        out.append(text)
    return coded("".join(out))


@lru_cache
def _members(category: str) -> str:
    """The characters of Latin-1 whose category begins so, as a class writes them."""
    return "".join(f"\\x{n:02x}" for n in range(256) if unicodedata.category(chr(n)).startswith(category))


def loosened(pattern: str) -> str:
    """A pattern that fits all that ``pattern`` fits, and counts next to nothing."""

    def uncounted(found: re.Match[str]) -> str:
        group, least, comma, most = found[1] or "", int(found[2]), found[3], found[4]
        if not group and least <= _FEW and (not comma or (most and int(most) <= _FEW)):
            return found[0]
        return group + ("+" if least else "*")

    return _COUNTED.sub(uncounted, pattern)


def openings(match: str) -> list[tuple[Anchor, str]]:
    """Looser forms of a pattern for whole lines; each line that ``match`` fits is fitted by one of them.

    Each alternative is loosened by itself: one without a wild stretch as a whole, another as far as its first, or
    where next to nothing stands before that, by the longest piece behind.
    """
    return [_opening(branch) for branch in _branches(loosened(match))]


def _opening(branch: str) -> tuple[Anchor, str]:
    pieces: list[list[str]] = [[]]
    for unit in _units(branch):
        if _WILD.search(unit):
            pieces.append([])
        else:
            pieces[-1].append(unit)
    if len(pieces) == 1:
        return Anchor.WHOLE, branch
    first, longest = pieces[0], max(pieces[1:], key=lambda units: len("".join(units)))
    if _tells(first) and (len(first) > 1 or not _tells(longest)):
        return Anchor.START, "".join(first)
    return (Anchor.ANYWHERE, "".join(longest)) if _tells(longest) else (Anchor.WHOLE, branch)


def _tells(units: Sequence[str]) -> bool:
    """Whether a piece of a pattern does not fit just anything. It is seldom compiled to know that."""
    sure = any(unit[0] not in r"\(^$" and unit[-1] not in "*?}" for unit in units)
    return sure or (bool(units) and not _fits_nothing("".join(units)))


def _fits_nothing(pattern: str) -> bool:
    return bool(re2.compile(in_one_byte(pattern), options(case_sensitive=False)).match(b""))


_ATOM = re.compile(r"\\[pP](?:\{\w+\}|\w)|\\x\{\w+\}|\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|.", re.DOTALL)
"""The units of a pattern: an escape, a class in brackets, or one character."""


def _branches(pattern: str) -> list[str]:
    """The alternatives of a pattern that are not inside a group; the pattern itself where a flag holds for all."""
    if pattern.startswith("(?") and not pattern.startswith("(?:"):
        return [pattern]
    out, depth = [""], 0
    for atom in _ATOM.findall(pattern):
        depth += (atom == "(") - (atom == ")")
        if atom == "|" and not depth:
            out.append("")
        else:
            out[-1] += atom
    return out


def _units(branch: str) -> list[str]:
    """The atoms and groups of an alternative, each with its repetition."""
    out: list[str] = []
    depth = 0
    counting = False
    for atom in _ATOM.findall(branch):
        if depth or counting or (out and atom in _REPEATED):
            out[-1] += atom
        else:
            out.append(atom)
        depth += (atom == "(") - (atom == ")")
        counting = atom == "{" or (counting and atom != "}")
    return out


_REPEATED = frozenset("*+?{")
