"""Rules made ready for use: words filled in, patterns compiled by RE2, everything looked up in one pass a line.

RE2 matches in time linear in the text and refuses what would need backtracking (back references, look-around), so
no rule can hang a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import re2

from schemas.rules import Rule, RuleSet, Scope, Seam
from transforms.core.clutter.segments import fold

_WORDS = re.compile(r"(?<!\(\?P)<([a-z_]+)>")
_SET_MEMORY_BYTES = 1 << 30
# RE2's automaton is built as texts are met; with too little memory for it a set would answer "no match".


class RuleError(ValueError):
    """A rule that cannot be used; the message names the rule and what is wrong with it."""


def _options(*, case_sensitive: bool, memory: int = 8 << 20) -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = case_sensitive
    options.max_mem = memory
    return options


def _fill(pattern: str, words: Mapping[str, tuple[str, ...]], where: str) -> str:
    def alternatives(found: re.Match[str]) -> str:
        name = found[1]
        if name not in words:
            raise RuleError(f"{where}: <{name}> is not in [words]; known: {', '.join(sorted(words)) or 'none'}")
        return "(?:" + "|".join(sorted(words[name], key=lambda w: (-len(w), w))) + ")"

    return fold(_WORDS.sub(alternatives, pattern))


def _compile(pattern: str, *, case_sensitive: bool, where: str) -> re2._Regexp:
    try:
        return re2.compile(pattern, _options(case_sensitive=case_sensitive))
    except re2.error as fault:
        why = fault.args[0].decode() if fault.args and isinstance(fault.args[0], bytes) else str(fault)
        raise RuleError(
            f"{where}: RE2 refuses the pattern ({why}); look-around and back references are not allowed"
        ) from None


@dataclass(frozen=True, slots=True)
class Outfit:
    """A rule with the outlet that it is confined to; no hosts and no sources means everywhere."""

    rule: Rule
    hosts: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()

    def holds_for(self, host: str | None, source_id: str | None) -> bool:
        """Whether the rule may be used on a text of this outlet."""
        if not self.hosts and not self.sources:
            return True
        if source_id in self.sources:
            return True
        return any(host == h or (host or "").endswith("." + h) for h in self.hosts)


@dataclass(frozen=True, slots=True)
class _Line:
    """A rule for whole lines as indices into the set of patterns."""

    order: int
    outfit: Outfit
    needs: frozenset[int]
    bars: frozenset[int]


@dataclass(slots=True)
class _Patterns:
    """All patterns of one sensitivity to case, matched together."""

    case_sensitive: bool
    index: dict[str, int] = field(default_factory=dict)
    set: re2.Set | None = None

    def add(self, pattern: str, where: str) -> int:
        if self.set is None:
            self.set = re2.Set.SearchSet(_options(case_sensitive=self.case_sensitive, memory=_SET_MEMORY_BYTES))
        if pattern not in self.index:
            try:
                self.index[pattern] = self.set.Add(pattern)
            except re2.error:
                # The set does not say what is wrong with a pattern; compiled alone it does.
                _compile(pattern, case_sensitive=self.case_sensitive, where=where)
                raise
        return self.index[pattern]

    def compile(self) -> None:
        if self.set is None:
            return
        try:
            self.set.Compile()
        except re2.error:
            raise RuleError("the rules are too many or too large for RE2 to match together; shorten them") from None

    def matching(self, form: str) -> frozenset[int]:
        return frozenset(self.set.Match(form) or ()) if self.set is not None else frozenset()


@lru_cache(maxsize=2)
def rule_book(rules: RuleSet) -> RuleBook:
    """The rules compiled. Compiling takes most of a second, so the same content is compiled once in a process."""
    return RuleBook(rules)


class RuleBook:
    """Every rule of a run, compiled.

    Args:
        rules: the rule files and the model.

    Raises:
        RuleError: a pattern that RE2 refuses, an unknown word list, an id that stands twice, or an example that
            its own rule does not fit.
    """

    def __init__(self, rules: RuleSet) -> None:
        files = rules.files
        self.model = rules.model
        self._sets = (_Patterns(case_sensitive=False), _Patterns(case_sensitive=True))
        self._lines: tuple[list[_Line], list[_Line]] = ([], [])
        self.starts: list[tuple[Outfit, re2._Regexp]] = []
        self._ends: list[tuple[Outfit, re2._Regexp]] = []
        self._any_end = re2.Set.SearchSet(_options(case_sensitive=False, memory=_SET_MEMORY_BYTES))
        self.seams: list[tuple[Seam, re2._Regexp]] = []
        self.rules: dict[str, Rule] = {}
        seen: dict[str, str] = {}
        words = {name: texts for file in files.values() for name, texts in file.words.items()}
        for name, file in files.items():
            known = {**words, **file.words}
            outlet = frozenset(file.hosts), frozenset(file.sources)
            things: tuple[Rule | Seam, ...] = (*file.rule, *file.seam)
            for thing in things:
                where = f"{name}: rule '{thing.id}'"
                if thing.id in seen:
                    raise RuleError(f"{where}: the id stands in {seen[thing.id]} already")
                seen[thing.id] = name
                if isinstance(thing, Seam):
                    self._add_seam(thing, known, where)
                else:
                    self._add_rule(Outfit(thing, *outlet), known, where)
        self._by_pattern: tuple[dict[int, list[_Line]], ...] = ({}, {})
        for patterns, lines, by_pattern in zip(self._sets, self._lines, self._by_pattern, strict=True):
            patterns.compile()
            for line in lines:
                # Looked up by one of the patterns that it needs; the others are held against what was found.
                by_pattern.setdefault(max(line.needs), []).append(line)
        for _, pattern in self._ends:
            self._any_end.Add(pattern.pattern)
        if self._ends:
            self._any_end.Compile()
        lengths = {rule.scope is Scope.END: rule.max_chars for rule in sorted(self.rules.values(), key=_by_length)}
        self._longest_line, self._longest_end = lengths.get(False, 0), lengths.get(True, 0)

    def _add_seam(self, seam: Seam, words: Mapping[str, tuple[str, ...]], where: str) -> None:
        pattern = _compile(_fill(seam.match, words, where), case_sensitive=seam.case_sensitive, where=where)
        if pattern.groups < 1:
            raise RuleError(f"{where}: 'match' has no empty group () to say where the seam is")
        self.seams.append((seam, pattern))

    def _add_rule(self, outfit: Outfit, words: Mapping[str, tuple[str, ...]], where: str) -> None:
        rule = outfit.rule
        self.rules[rule.id] = rule
        match = _fill(rule.match, words, where) if rule.match is not None else None
        if rule.scope in (Scope.START, Scope.END):
            anchored = rf"\A(?:{match})" if rule.scope is Scope.START else rf"(?:{match})\z"
            pattern = _compile(anchored, case_sensitive=rule.case_sensitive, where=where)
            (self.starts if rule.scope is Scope.START else self._ends).append((outfit, pattern))
            return
        wanted = [rf"\A(?:{match})\z"] if match is not None else []
        wanted += [_fill(p, words, where) for p in rule.all]
        barred = [_fill(p, words, where) for p in rule.none]
        patterns = self._sets[rule.case_sensitive]
        needs = frozenset(patterns.add(pattern, where) for pattern in wanted)
        bars = frozenset(patterns.add(pattern, where) for pattern in barred)
        self._lines[rule.case_sensitive].append(_Line(len(self.rules), outfit, needs, bars))

    def faults(self) -> list[str]:
        """A line for each example that its rule does not fit, and each counter-example that it does."""
        out = []
        for rule in self.rules.values():
            if not self._fits(rule, rule.example):
                out.append(f"rule '{rule.id}': does not fit its example")
            if self._fits(rule, rule.counter_example):
                out.append(f"rule '{rule.id}': fits its counter_example")
        for seam, pattern in self.seams:
            left, right = seam.example.split("|")
            if [m.start(1) for m in pattern.finditer(fold(left + right))] != [len(left)]:
                out.append(f"seam '{seam.id}': does not split its example at the bar")
            if pattern.search(fold(seam.counter_example)):
                out.append(f"seam '{seam.id}': splits its counter_example")
        return out

    def _fits(self, rule: Rule, text: str) -> bool:
        form = fold(text).strip()
        if rule.scope is Scope.START:
            return any(o.rule is rule and p.match(fold(text)) is not None for o, p in self.starts)
        if rule.scope is Scope.END:
            return any(o.rule is rule and p.search(form) is not None for o, p in self._ends)
        return any(
            line.outfit.rule is rule
            and line.needs <= found
            and not (line.bars & found)
            and len(form) <= rule.max_chars
            for patterns, candidates in zip(self._sets, self._lines, strict=True)
            if (found := patterns.matching(form))
            for line in candidates
        )

    def fitting(self, form: str, host: str | None = None, source_id: str | None = None) -> list[Rule]:
        """The rules for whole lines that ``form`` (a folded line without blanks around it) fits, in rule order."""
        if not form or len(form) > self._longest_line:
            return []
        out: list[tuple[int, Rule]] = []
        for patterns, by_pattern in zip(self._sets, self._by_pattern, strict=True):
            found = patterns.matching(form)
            for index in found:
                out += [
                    (line.order, line.outfit.rule)
                    for line in by_pattern.get(index, ())
                    if line.needs <= found
                    and not (line.bars & found)
                    and len(form) <= line.outfit.rule.max_chars
                    and line.outfit.holds_for(host, source_id)
                ]
        return [rule for _, rule in sorted(out, key=_by_order)]

    def endings(self, form: str, host: str | None = None, source_id: str | None = None) -> Iterator[tuple[Rule, int]]:
        """The rules that the end of ``form`` fits, in rule order, each with the offset where that end begins."""
        if not self._ends or not self._any_end.Match(form[-self._longest_end :]):
            return
        for outfit, pattern in self._ends:
            offset = max(0, len(form) - outfit.rule.max_chars)
            found = pattern.search(form[offset:])
            if found and outfit.holds_for(host, source_id):
                yield outfit.rule, offset + found.start(1 if pattern.groups else 0)


def _by_order(ranked: tuple[int, Rule]) -> int:
    return ranked[0]


def _by_length(rule: Rule) -> int:
    return rule.max_chars
