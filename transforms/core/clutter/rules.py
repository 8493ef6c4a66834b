"""Rules made ready for use: words filled in, patterns compiled by RE2, each line looked up in few steps.

RE2 matches in time linear in the text and refuses what would need backtracking (back references, look-around), so
no rule can hang a run. It works with automata that it builds while it reads, and one automaton for hundreds of exact
patterns is built for ages. So each line is first held against looser forms of the patterns, all together: counted
repetitions as uncounted ones, of a rule with several conditions the first alone. What passes is held against the
rule as it stands. Text is matched in one byte a character (see ``coded``), which keeps the automata small.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise, product

import re2

from schemas.rules import Rule, RuleSet, Scope, Seam
from transforms.core.clutter.chain import Chain
from transforms.core.clutter.fitting import EMPTY, NO_RULES, Fitting
from transforms.core.clutter.joints import Joints, Parted
from transforms.core.clutter.patterns import Anchor, in_one_byte, loosened, openings, options
from transforms.core.clutter.segments import coded, fold

_WORDS = re.compile(r"(?<!\(\?P)<([a-z_]+)>")
_SET_MEMORY_BYTES = 1 << 26
# The largest set of the 327 rules for lines can be made with 10 MB; this leaves room for six times as many. Automata
# that outgrow it are thrown away and built anew, which takes time and says the same: with 16 MB the cuts in 16
# million characters were as with 64 MB.
_RULE_MEMORY_BYTES = 1 << 24
# The same for the patterns of one rule: the largest of the 327 rules can be made with 11 MB.


class RuleError(ValueError):
    """A rule that cannot be used; the message names the rule and what is wrong with it."""


def _fill(pattern: str, words: Mapping[str, tuple[str, ...]], where: str) -> str:
    def alternatives(found: re.Match[str]) -> str:
        name = found[1]
        if name not in words:
            raise RuleError(f"{where}: <{name}> is not in [words]; known: {', '.join(sorted(words)) or 'none'}")
        return "(?:" + "|".join(sorted(words[name], key=lambda w: (-len(w), w))) + ")"

    return fold(_WORDS.sub(alternatives, pattern))


def _compile(pattern: str, *, case_sensitive: bool, where: str) -> re2._Regexp:
    try:
        return re2.compile(in_one_byte(pattern), options(case_sensitive=case_sensitive))
    except re2.error as fault:
        why = fault.args[0].decode() if fault.args and isinstance(fault.args[0], bytes) else str(fault)
        raise RuleError(
            f"{where}: RE2 refuses the pattern ({why}); look-around and back references are not allowed"
        ) from None


@dataclass(frozen=True, slots=True)
class Outfit:
    """A rule or seam with the outlet that it is confined to; no hosts and no sources means everywhere."""

    rule: Rule | Seam
    hosts: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()

    def holds_for(self, host: str | None, source_id: str | None) -> bool:
        """Whether the rule may be used on a text of this outlet."""
        if not self.hosts and not self.sources:
            return True
        if source_id in self.sources:
            return True
        return any(host == h or (host or "").endswith("." + h) for h in self.hosts)


@dataclass
class _Line:
    """A rule for whole lines. Its patterns are compiled when a line first asks for them.

    ``proven`` says that a line which a gate lets pass fits the first of ``needs``, whose looser form is itself.
    """

    order: int
    outfit: Outfit
    rule: Rule
    needs: tuple[str, ...]
    bars: tuple[str, ...]
    where: str
    proven: bool = False

    @cached_property
    def _asked(self) -> re2.Set | None:
        """What a line must fit and then what it must not, matched in one go; ``None`` where it is proven to fit."""
        patterns = (*self.needs[self.proven :], *self.bars)
        if not patterns:
            return None
        asked = re2.Set.SearchSet(options(case_sensitive=self.rule.case_sensitive, memory=_RULE_MEMORY_BYTES))
        try:
            for pattern in patterns:
                asked.Add(in_one_byte(pattern))
            asked.Compile()
        except re2.error:
            self.compile()
            raise RuleError(f"{self.where}: the patterns are too large to match together; shorten them") from None
        return asked

    @cached_property
    def _answer(self) -> set[int]:
        return set(range(len(self.needs) - self.proven))

    def compile(self) -> None:
        """Compile each pattern by itself: a set does not say what is wrong with one."""
        for pattern in (*self.needs, *self.bars):
            _compile(pattern, case_sensitive=self.rule.case_sensitive, where=self.where)

    def fits(self, form: bytes) -> bool:
        """Whether the rule fits a line that one of its gates lets pass."""
        if len(form) > self.rule.max_chars:
            return False
        return self._asked is None or set(self._asked.Match(form) or ()) == self._answer


@dataclass(slots=True)
class _Gate:
    """Looser forms of many patterns, matched together; tells which rules are worth a look."""

    set: re2.Set
    lines: list[dict[int, _Line]] = field(default_factory=list)
    index: dict[str, int] = field(default_factory=dict)

    def add(self, pattern: str, line: _Line) -> None:
        if pattern not in self.index:
            try:
                self.index[pattern] = self.set.Add(in_one_byte(pattern))
            except re2.error:
                line.compile()
                raise
            self.lines.append({})
        self.lines[self.index[pattern]][line.order] = line

    def compile(self) -> None:
        if self.index:
            try:
                self.set.Compile()
            except re2.error:
                raise RuleError("the rules are too many or too large to match together; shorten them") from None


_LIMITS = (120, 300, 600, sys.maxsize)
# Lines of up to so many characters are held against gates of their own: of 327 rules 200 look at lines of more than
# 120 characters, 58 of more than 300, three of more than 600. So running text, which is most of a text, meets few.

_SETS = {
    Anchor.WHOLE: re2.Set.FullMatchSet,
    Anchor.START: re2.Set.MatchSet,
    Anchor.ANYWHERE: re2.Set.SearchSet,
}


@lru_cache(maxsize=2)
def rule_book(rules: RuleSet) -> RuleBook:
    """The rules compiled; the same content is compiled once in a process."""
    return RuleBook(rules)


class RuleBook:
    """Every rule of a run, compiled.

    Args:
        rules: the rule files and the model.

    Raises:
        RuleError: a pattern that RE2 refuses, an unknown word list, or an id that stands twice.
    """

    def __init__(self, rules: RuleSet) -> None:
        files = rules.files
        self.chain = Chain(rules.model)
        self.joints = Joints(rules.model.seams, rules.model.seam_border)
        self._gates = {
            (limit, case, anchor): _Gate(made(options(case_sensitive=case, memory=_SET_MEMORY_BYTES)))
            for limit in _LIMITS
            for case in (False, True)
            for anchor, made in _SETS.items()
        }
        self._lines: list[_Line] = []
        self._fittings: dict[tuple[int, ...], Fitting] = {}
        self.starts: list[tuple[Outfit, Rule, re2._Regexp]] = []
        self._ends: list[tuple[Outfit, Rule, re2._Regexp]] = []
        self._any_end = re2.Set.SearchSet(options(case_sensitive=False, memory=_SET_MEMORY_BYTES))
        self._seams: list[tuple[Outfit, Seam, re2._Regexp]] = []
        self._any_seam = re2.Set.SearchSet(options(case_sensitive=True, memory=_SET_MEMORY_BYTES))
        self.rules: dict[str, Rule] = {}
        seen: dict[str, str] = {}
        words = {name: texts for file in files.values() for name, texts in file.words.items()}
        for name, file in files.items():
            known = {**words, **file.words}
            things: tuple[Rule | Seam, ...] = (*file.rule, *file.seam)
            for thing in things:
                where = f"{name}: rule '{thing.id}'"
                if thing.id in seen:
                    raise RuleError(f"{where}: the id stands in {seen[thing.id]} already")
                seen[thing.id] = name
                outfit = Outfit(thing, frozenset(file.hosts), frozenset(file.sources))
                if isinstance(thing, Seam):
                    self._add_seam(outfit, thing, known, where)
                else:
                    self._add_rule(outfit, thing, known, where)
        for gate in self._gates.values():
            gate.compile()
        self._by_length = [
            [gate for (upto, _, _), gate in self._gates.items() if upto == limit and gate.lines] for limit in _LIMITS
        ]
        if self._ends:
            self._any_end.Compile()
        if self._seams:
            self._any_seam.Compile()
        self._longest_end = max((rule.max_chars for _, rule, _ in self._ends), default=0)

    def _add_seam(self, outfit: Outfit, seam: Seam, words: Mapping[str, tuple[str, ...]], where: str) -> None:
        pattern = _compile(_fill(seam.match, words, where), case_sensitive=seam.case_sensitive, where=where)
        if pattern.groups < 1:
            raise RuleError(f"{where}: 'match' has no empty group () to say where the seam is")
        self._seams.append((outfit, seam, pattern))
        looser = loosened(_fill(seam.match, words, where))
        self._any_seam.Add(in_one_byte(looser if seam.case_sensitive else f"(?i:{looser})"))

    def _add_rule(self, outfit: Outfit, rule: Rule, words: Mapping[str, tuple[str, ...]], where: str) -> None:
        self.rules[rule.id] = rule
        match = _fill(rule.match, words, where) if rule.match is not None else None
        if rule.scope in (Scope.START, Scope.END):
            anchored = rf"\A(?:{match})" if rule.scope is Scope.START else rf"(?:{match})\z"
            pattern = _compile(anchored, case_sensitive=rule.case_sensitive, where=where)
            if rule.scope is Scope.START:
                self.starts.append((outfit, rule, pattern))
            else:
                self._ends.append((outfit, rule, pattern))
                self._any_end.Add(in_one_byte(loosened(anchored)))
            return
        needs = (*([rf"\A(?:{match})\z"] if match is not None else []), *(_fill(p, words, where) for p in rule.all))
        bars = tuple(_fill(p, words, where) for p in rule.none)
        line = _Line(len(self.rules), outfit, rule, needs, bars, where)
        self._lines.append(line)
        try:
            if match is not None:
                forms = openings(match)
                line.proven = loosened(match) == match and {anchor for anchor, _ in forms} == {Anchor.WHOLE}
            else:
                anchor = Anchor.START if needs[0].startswith(r"\A") else Anchor.ANYWHERE
                forms = [(anchor, loosened(needs[0]))]
                line.proven = forms[0][1] == needs[0]
        except re2.error:
            line.compile()
            raise
        for (shorter, limit), (anchor, form) in product(pairwise((0, *_LIMITS)), forms):
            if rule.max_chars > shorter:
                self._gates[limit, rule.case_sensitive, anchor].add(form, line)

    def faults(self) -> list[str]:
        """A line for each example that its rule does not fit, and each counter-example that it does.

        Raises:
            RuleError: a pattern that RE2 refuses.
        """
        for line in self._lines:
            line.compile()
        out = []
        for rule in self.rules.values():
            if not self._fits(rule, rule.example):
                out.append(f"rule '{rule.id}': does not fit its example")
            if self._fits(rule, rule.counter_example):
                out.append(f"rule '{rule.id}': fits its counter_example")
        for _, seam, pattern in self._seams:
            left, right = seam.example.split("|")
            if [m.start(1) for m in pattern.finditer(coded(fold(left + right)))] != [len(left)]:
                out.append(f"seam '{seam.id}': does not split its example at the bar")
            if pattern.search(coded(fold(seam.counter_example))):
                out.append(f"seam '{seam.id}': splits its counter_example")
        return out

    def _fits(self, rule: Rule, text: str) -> bool:
        form = coded(fold(text).strip())
        if rule.scope is Scope.START:
            return any(r is rule and p.match(coded(fold(text))) is not None for _, r, p in self.starts)
        if rule.scope is Scope.END:
            return any(r is rule and p.search(form) is not None for _, r, p in self._ends)
        return any(line.rule is rule and line.fits(form) for line in self._passing(form).values())

    def _passing(self, form: bytes) -> dict[int, _Line]:
        """The rules that a line may fit, by their order."""
        passing: dict[int, _Line] = {}
        for gate in self._by_length[bisect_left(_LIMITS, len(form))]:
            for number in gate.set.Match(form) or ():
                passing |= gate.lines[number]
        return passing

    def fitting(self, form: bytes, host: str | None = None, source_id: str | None = None) -> Fitting:
        """The rules for whole lines that ``form`` (a folded, coded line without blanks around it) fits."""
        if not form:
            return EMPTY
        passing = self._passing(form)
        fitting = [n for n, line in passing.items() if line.fits(form) and line.outfit.holds_for(host, source_id)]
        if not fitting:
            return NO_RULES
        found = tuple(sorted(fitting))
        if found not in self._fittings:
            self._fittings[found] = Fitting([passing[order].rule for order in found])
        return self._fittings[found]

    def endings(
        self, form: bytes, host: str | None = None, source_id: str | None = None
    ) -> Iterator[tuple[Rule, int]]:
        """The rules that the end of ``form`` fits, in rule order, each with the offset where that end begins."""
        if not self._ends or not self._any_end.Match(form[-self._longest_end :]):
            return
        for outfit, rule, pattern in self._ends:
            offset = max(0, len(form) - rule.max_chars)
            found = pattern.search(form[offset:])
            if found and outfit.holds_for(host, source_id):
                yield rule, offset + found.start(1 if pattern.groups else 0)

    def seams(
        self, text: bytes, host: str | None = None, source_id: str | None = None, parted: Parted | None = None
    ) -> Sequence[int]:
        """Where pieces of a folded and coded text are glued together, in any order.

        Args:
            text: the text.
            host: the host of its address.
            source_id: its outlet.
            parted: see ``Joints``; without it nothing is weighed, and only rules part.
        """
        found = [] if parted is None else self.joints.find(text, parted)
        if self._seams:
            for number in self._any_seam.Match(text) or ():
                outfit, _, pattern = self._seams[number]
                if outfit.holds_for(host, source_id):
                    found += [match.start(1) for match in pattern.finditer(text)]
        return found
