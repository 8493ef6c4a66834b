"""Rules a little wider than those that ship, and whether the record of fits tells them apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from schemas.rules import Rule, Scope, Seam
from tests.golden import fits
from tests.golden.fits import Fit, Probe
from tests.golden.patterns import filled, is_open, longest, parsed, texts
from transforms.core.clutter.rules import RuleBook

Words = Mapping[str, tuple[str, ...]]


def mutants(thing: Rule | Seam, words: Words) -> dict[str, Rule | Seam]:
    """The ways in which a rule or seam could be widened, without those that are plainly the same rule."""
    found = _of_seam(thing) if isinstance(thing, Seam) else _of_rule(thing, words)
    return {way: thing.model_copy(update={**changes, "id": f"{thing.id}/{way}"}) for way, changes in found}


def _of_rule(rule: Rule, words: Words) -> Iterator[tuple[str, Mapping[str, Any]]]:
    match = parsed(filled(rule.match, words)) if rule.match is not None else None
    if match is not None and rule.scope is Scope.START:
        yield "later", {"match": rf"(?s:.{{0,80}})(?:{rule.match})"}
    elif match is not None:
        # A pattern that ends (begins) in as much as the line may hold of any character is no wider with more of them.
        if not is_open(match, rule.max_chars, behind=True):
            yield "longer", {"match": f"(?:{rule.match}).*"}
        if rule.scope is not Scope.END and not is_open(match, rule.max_chars, behind=False):
            yield "later", {"match": f".*(?:{rule.match})"}
    # What is never longer than the bound is fitted under any larger bound, or none.
    if match is None or longest(match) > rule.max_chars:
        yield "more-chars", {"max_chars": 2 * rule.max_chars}
    if rule.case_sensitive:
        yield "any-case", {"case_sensitive": False}
    if match is not None or len(rule.all) > 1:
        for number in range(len(rule.all)):
            yield f"without-{number + 1}", {"all": rule.all[:number] + rule.all[number + 1 :]}
    if rule.none:
        yield "unbarred", {"none": ()}
    if len(rule.none) > 1:
        for number in range(len(rule.none)):
            yield f"unbarred-{number + 1}", {"none": rule.none[:number] + rule.none[number + 1 :]}


def _of_seam(seam: Seam) -> Iterator[tuple[str, Mapping[str, Any]]]:
    before, _, behind = seam.match.partition("()")
    if before:
        yield "behind", {"match": f"(){behind}"}
    if behind:
        yield "before", {"match": f"{before}()"}
    if seam.case_sensitive:
        yield "any-case", {"case_sensitive": False}


def untold(thing: Rule | Seam, words: Words, probes: Sequence[Probe]) -> dict[str, Rule | Seam]:
    """The mutants that fit the very same lines as the rule: its probes, its variants and the corpus."""
    made = mutants(thing, words)
    lines = chain((probe.line for probe in probes), fits.variants(thing), fits.corpus())
    left = {mutant.id: way for way, mutant in made.items()}
    books = _books([thing, *made.values()], words)
    for line in lines:
        if not left:
            break
        found = _found(books, line)
        left = {id_: way for id_, way in left.items() if found.get(id_) == found.get(thing.id)}
    return {way: made[way] for way in left.values()}


def _books(made: Sequence[Rule | Seam], words: Words) -> list[tuple[RuleBook, list[str]]]:
    """One book for all rules; for seams one each, for a book does not say which of them parts."""
    rules = [thing for thing in made if isinstance(thing, Rule)]
    seams = [thing for thing in made if isinstance(thing, Seam)]
    together = [(fits.alone(rules, words), list[str]())] if rules else []
    return together + [(fits.alone([seam], words), [seam.id]) for seam in seams]


def _found(books: Sequence[tuple[RuleBook, list[str]]], line: str) -> dict[str, list[Fit]]:
    out: dict[str, list[Fit]] = {}
    for book, seams in books:
        out |= fits.fits_of(book, seams, (line,))
    return out


def _fits(made: Sequence[Rule | Seam], words: Words, lines: Iterable[str]) -> dict[str, list[Fit]]:
    lines = list(lines)
    out: dict[str, list[Fit]] = {}
    for book, seams in _books(made, words):
        out |= fits.fits_of(book, seams, lines)
    return out


def probes_for(thing: Rule | Seam, mutants_left: Mapping[str, Rule | Seam], words: Words) -> list[Probe]:
    """For each of the mutants the first line found that tells it from the rule; none where none was found."""
    out: list[Probe] = []
    left = dict(mutants_left)
    for lines in _likely(thing, left, words):
        if not left:
            break
        found = _fits([thing, *left.values()], words, lines)
        own = set(found.get(thing.id, ()))
        for way, mutant in list(left.items()):
            differing = own ^ set(found.get(mutant.id, ()))
            if differing:
                line = min((line for line, _ in differing), key=lambda text: (len(text), text))
                out.append(Probe(thing.id, line, None))
                del left[way]
    return fits.probed(thing, words, out)


def _likely(thing: Rule | Seam, left: Mapping[str, Rule | Seam], words: Words) -> Iterator[list[str]]:
    """Lines that may tell the mutants from the rule, those that read best first."""
    if isinstance(thing, Seam):
        yield texts(parsed(filled(thing.match, words)))
        return
    patterns = [text for text in (thing.match, *thing.all) if text is not None]
    fitting = [line for line, _ in _fits([thing], words, fits.corpus()).get(thing.id, ())][:40]
    made = [texts(parsed(filled(pattern, words))) for pattern in patterns]
    joined = [" ".join(parts[0] for parts in made), " ".join(parts[-1] for parts in made)]
    barred = [made.none for way, made in left.items() if way.startswith("unbarred") and isinstance(made, Rule)]
    gone = [pattern for pattern in thing.none if any(pattern not in kept for kept in barred)]
    bars = list(dict.fromkeys(text for pattern in gone for text in texts(parsed(filled(pattern, words)))))
    seeds = [thing.example, *fitting]
    yield [(seed + " zo wat" * thing.max_chars)[: thing.max_chars] for seed in seeds]
    yield [line for bar in bars for line in _placed(thing.example, bar)]
    yield [line for bar in bars for seed in fitting for line in _placed(seed, bar)]
    yield [line for seed in fitting for line in fits.variants(thing.model_copy(update={"example": seed}))]
    yield [line for parts in made for line in parts]
    yield [f"{seed}{blank}{line}" for seed in seeds for parts in made for line in parts for blank in (" ", "")]
    yield [text[:1].upper() + text[1:] for text in (*bars, *(line for parts in made for line in parts))]
    yield [f"{line} {bar}" for parts in (*made, joined) for line in parts[:60] for bar in bars]
    yield [f"{bar} {line}" for parts in (*made, joined) for line in parts[:60] for bar in bars]
    more = [line for parts in made for line in parts][:150]
    for seed in (*joined, *more):
        yield fits.variants(thing.model_copy(update={"example": seed}))
    for seed in (*joined, *more):
        yield [line for bar in bars for line in _placed(seed, bar)]


def _placed(seed: str, text: str) -> Iterator[str]:
    """``text`` before, behind, between and in place of the words of ``seed``."""
    words = seed.split(" ")
    yield f"{seed}{text}"
    yield f"{text}{seed}"
    for at in range(len(words) + 1):
        yield " ".join([*words[:at], text, *words[at:]])
        yield " ".join([*words[:at], text, *words[at + 1 :]])
