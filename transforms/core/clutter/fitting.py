"""What the rules that a line fits say of it and of its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schemas.rules import CutKind, Rule, Scope

FULL_WEIGHT = 2.5
"""The ``weight`` at which a rule counts as the model was fitted to; other rules count in proportion."""

LINKS = frozenset({CutKind.RELATED_TEASER, CutKind.RELATED_WIRE, CutKind.AGGREGATOR})
"""What a list of links to other stories is made of."""

Strengths = tuple[tuple[str, float], ...]
"""Features, each with its strength."""

PLACES = ("top", "first", "mid", "tail")
"""Where a line stands: above the first prose, it is that, amidst, or below the last."""

_CLAIMING = frozenset({Scope.TOP, Scope.TAIL, Scope.HEADER, Scope.ITEM})
_AUTHORITY: Mapping[Scope, int] = {Scope.HEADER: 3, Scope.TAIL: 2, Scope.TOP: 2, Scope.ITEM: 1}


def _authority(rule: Rule) -> tuple[int, float]:
    """Which of several rules names a cut: the one that claims most, then the heaviest."""
    return _AUTHORITY.get(rule.scope, 0), rule.weight


class Said(NamedTuple):
    """Features without a strength that a line gives: to itself, to the line behind it, to the line before it."""

    own: tuple[str, ...]
    behind: tuple[str, ...]
    before: tuple[str, ...]


def _said(own: tuple[str, ...], shared: Sequence[str]) -> Said:
    return Said(own, tuple("<" + name for name in shared), tuple(">" + name for name in shared))


class Fitting:
    """Rules that a line fits, in order, and what follows from them; lines that fit the same rules share it.

    Attributes:
        rules: the rules.
        sure: the rule by which the line goes wherever it stands, if any; a source credit before others.
        header: the first header among the rules, if any.
        naming: the rule that names the cut where the model decides on it, if any.
        claims: whether a rule speaks for cutting the line.
        opens: whether a list of links may follow.
        strengths: by the line's place its features that have a strength.
        said: its other features; of two, the second where the line goes in any case.
    """

    __slots__ = ("claims", "header", "naming", "opens", "rules", "said", "strengths", "sure")

    def __init__(self, rules: Sequence[Rule], *, empty: bool = False) -> None:
        self.rules = rules
        whole = [rule for rule in rules if rule.scope is Scope.LINE]
        signed = (rule for rule in whole if rule.kind is CutKind.SOURCE_CREDIT)
        self.sure = next(signed, whole[0] if whole else None)
        self.header = next((rule for rule in rules if rule.scope is Scope.HEADER), None)
        self.naming = max(rules, key=_authority, default=None)
        self.claims = any(rule.scope in _CLAIMING for rule in rules)
        self.opens = any(rule.scope is Scope.HEADER or rule.kind in LINKS for rule in rules)
        self.strengths = {place: self._strengths(place) for place in PLACES}
        shared = list(dict.fromkeys(name for rule in rules for name in (f"r={rule.scope}", f"k={rule.kind}")))
        none = () if empty else ("norule",)
        self.said = (
            _said((), shared) if rules else _said(none, none),
            _said(("sure",), ["sure", *shared]),
        )

    def _strengths(self, place: str) -> Strengths:
        found: dict[str, float] = {}
        for rule in self.rules:
            strength = rule.weight / FULL_WEIGHT
            for name in (f"r={rule.scope}", f"r={rule.scope} {place}", f"k={rule.kind}"):
                found[name] = max(strength, found.get(name, 0.0))
        return tuple(found.items())


NO_RULES = Fitting(())
"""Of a line that fits none."""
EMPTY = Fitting((), empty=True)
"""Of a line without text."""
