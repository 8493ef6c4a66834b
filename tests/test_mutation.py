"""Every rule is needed, and every rule is as narrow as its examples say: what is changed in one, a check notices.

The mutants stand in one book of rules, each with an id of its own, so that compiling takes seconds and not minutes.
A rule that is *dropped* is missed where no other rule of its kind and scope fits its example, or where a golden case
names it. A rule that is *widened* is noticed by its own counter-example, or by cutting in a golden case what the
rules that ship keep.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from pipeline.settings import Config
from schemas.rules import Rule, RuleFile, RuleSet, Scope, Seam
from tests.golden import cases
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.segments import fold
from transforms.core.clutter.strip import strip

PROBE = "en zo nog wat"
"""Words that stand before or behind no clutter: a rule that fits its example with them has no anchor there."""

MOST_DOUBLED = 0.30
"""The share of rules whose example another of the same kind cuts too: languages share words. Only to fall."""
MOST_LOOSE = 0.60
"""The share of rules of which the one counter-example stops other widenings than the most telling. Only to fall."""

_NAMED = re.compile(r"^(?:rule|seam) '([^']+)'")


def mutants(rule: Rule) -> dict[str, Rule]:
    """The ways in which a rule could be widened, the most telling first."""
    out: dict[str, Mapping[str, Any]] = {}
    if rule.match is not None and rule.scope is Scope.START:
        out["later"] = {"match": rf"(?s:.{{0,80}})(?:{rule.match})"}
    elif rule.match is not None:
        out["longer"] = {"match": f"(?:{rule.match}).*"}
    if rule.none:
        out["unbarred"] = {"none": ()}
    if rule.match is not None and rule.scope not in (Scope.START, Scope.END):
        out["later"] = {"match": f".*(?:{rule.match})"}
    if rule.case_sensitive:
        out["any-case"] = {"case_sensitive": False}
    if rule.match is not None or len(rule.all) > 1:
        for number in range(len(rule.all)):
            out[f"without-{number + 1}"] = {"all": rule.all[:number] + rule.all[number + 1 :]}
    return {way: _renamed(rule, way, **changes) for way, changes in out.items()}


def probes(rule: Rule) -> dict[str, Rule]:
    """The rule with an example that only a wider one fits, by the way of widening that it tells of."""
    if rule.match is None or rule.scope is Scope.START:
        return {}
    longer = {"longer": _renamed(rule, "probe-longer", example=f"{rule.example} {PROBE}")}
    if rule.scope is Scope.END:
        return longer
    return {**longer, "later": _renamed(rule, "probe-later", example=f"{PROBE} {rule.example}")}


def _renamed(rule: Rule, way: str, **changes: Any) -> Rule:
    return rule.model_copy(update={**changes, "id": f"{rule.id}/{way}"})


def _book(config: Config, made: Mapping[str, list[Rule]]) -> RuleBook:
    """A book of the rules in ``made`` alone, each in the file that it comes from, with all words known."""
    words = {name: texts for file in config.rules.files.values() for name, texts in file.words.items()}
    files = {
        name: file.model_copy(
            update={"rule": tuple(made.get(name, ())), "seam": (), "words": {**words, **file.words}}
        )
        for name, file in config.rules.files.items()
    }
    return RuleBook(RuleSet(files, config.rules.model))


def _failing_in(config: Config, made: Mapping[str, list[Rule]], saying: str) -> set[str]:
    """The ids with a fault that says ``saying``. A book a file: all mutants at once are too many for RE2."""
    return {id_ for name in made for id_ in _failing(_book(config, {name: made[name]}), saying)}


def _failing(book: RuleBook, saying: str = "") -> set[str]:
    found = (_NAMED.match(fault) for fault in book.faults() if saying in fault)
    return {match[1] for match in found if match}


def _rules(config: Config) -> Iterator[tuple[str, RuleFile, Rule]]:
    for name, file in config.rules.files.items():
        for rule in file.rule:
            yield name, file, rule


@pytest.fixture(scope="module")
def widened(config: Config) -> dict[str, tuple[str, list[Rule]]]:
    """For each rule its file and its mutants, those first that tell most and that differ from it at all."""
    made: dict[str, list[Rule]] = {}
    for name, _, rule in _rules(config):
        made.setdefault(name, []).extend(probes(rule).values())
    anchored = _failing_in(config, made, "does not fit its example")
    out: dict[str, tuple[str, list[Rule]]] = {}
    for name, _, rule in _rules(config):
        probed = probes(rule)
        real = [
            mutant
            for way, mutant in mutants(rule).items()
            if way not in probed or f"{rule.id}/probe-{way}" in anchored
        ]
        out[rule.id] = (name, real)
    return out


def _cut_in_golden_cases(config: Config, suspects: Mapping[str, tuple[str, list[Rule]]]) -> set[str]:
    """Which of the mutants cut what a golden case keeps, when they stand behind the rules that ship."""
    noticed: set[str] = set()
    while True:
        left = {
            name: [m for file, found in suspects.values() if file == name for m in found if m.id not in noticed]
            for name in config.rules.files
        }
        files: dict[str, RuleFile] = dict(config.rules.files)
        for name, rules in left.items():
            files[f"~ {name}"] = files[name].model_copy(update={"rule": tuple(rules), "seam": ()})
        book = RuleBook(RuleSet(files, config.rules.model))
        known = {mutant.id for rules in left.values() for mutant in rules}
        new: set[str] = set()
        for case in map(cases.load, cases.names()):
            about = case.about
            found = strip(case.text, book, headline=about.headline, host=about.host, source_id=about.source)
            new |= {cut.rule for cut in found.removed} & known
        if not new:
            return noticed
        noticed |= new


def test_a_rule_that_is_dropped_is_missed(config: Config, book: RuleBook) -> None:
    named = {cut.rule for case in map(cases.load, cases.names()) for cut in case.cuts or ()}
    unnoticed = []
    for _, file, rule in _rules(config):
        host, source = next(iter(file.hosts), None), next(iter(file.sources), None)
        form = fold(rule.example).strip()
        if rule.scope is Scope.START:
            fitting = [outfit.rule for outfit, pattern in book.starts if pattern.match(fold(rule.example))]
        elif rule.scope is Scope.END:
            fitting = [found for found, _ in book.endings(form, host, source)]
        else:
            fitting = book.fitting(form, host, source)
        assert rule in fitting
        others = [o.id for o in fitting if o.id != rule.id and (o.kind, o.scope) == (rule.kind, rule.scope)]
        if others and rule.id not in named:
            unnoticed.append(
                f"{rule.id}: its example is cut by {', '.join(others)} too; choose one that only it cuts"
            )
    assert len(unnoticed) <= MOST_DOUBLED * len(book.rules), "\n".join(unnoticed)


def test_a_seam_that_is_dropped_is_missed(book: RuleBook) -> None:
    for seam, _ in book.seams:
        left, right = seam.example.split("|")
        splitting = [
            other.id
            for other, pattern in book.seams
            if any(found.start(1) == len(left) for found in pattern.finditer(fold(left + right)))
        ]
        assert splitting == [seam.id]


def test_a_rule_that_is_widened_is_noticed(config: Config, widened: dict[str, tuple[str, list[Rule]]]) -> None:
    made: dict[str, list[Rule]] = {}
    for name, rules in widened.values():
        made.setdefault(name, []).extend(rules)
    noticed = _failing_in(config, made, "fits its counter_example")
    suspects = {id_: found for id_, found in widened.items() if found[1] and not _is_noticed(found[1], noticed)}
    for name in config.rules.files:
        of_file = {id_: found for id_, found in suspects.items() if found[0] == name}
        noticed |= _cut_in_golden_cases(config, of_file) if of_file else set()
    unnoticed = [" or ".join(_demanded(rules)) for _, rules in suspects.values() if not _is_noticed(rules, noticed)]
    said = "neither a counter-example nor a golden case stands against "
    assert len(unnoticed) <= MOST_LOOSE * len(widened), said + "\n".join(unnoticed)


def _demanded(rules: list[Rule]) -> list[str]:
    """The widening that must be noticed: the first; of the words that must all be found, leaving out any one."""
    first = rules[0].id
    return [rule.id for rule in rules] if "/without-" in first else [first]


def _is_noticed(rules: list[Rule], noticed: set[str]) -> bool:
    return not noticed.isdisjoint(_demanded(rules))


def test_a_seam_that_is_widened_is_noticed(config: Config) -> None:
    for file in config.rules.files.values():
        if file.seam:
            made = {"seams": file.model_copy(update={"rule": (), "seam": tuple(_halved(file.seam))})}
            noticed = _failing(RuleBook(RuleSet(made, config.rules.model)), "splits its counter_example")
            assert {id_.partition("/")[0] for id_ in noticed} == {seam.id for seam in file.seam}


def _halved(seams: Iterable[Seam]) -> Iterator[Seam]:
    """Each seam without what must stand before it, and without what must stand behind it."""
    for seam in seams:
        before, _, behind = seam.match.partition("()")
        for way, match in (("behind", f"(){behind}"), ("before", f"{before}()")):
            yield seam.model_copy(update={"id": f"{seam.id}/{way}", "match": match})
