"""Which segments go: what is sure first, then a decision over the sequence.

A line that fits a full-form rule goes wherever it stands, and so does one that repeats another or is known to recur.
Everything else is decided for all lines together by the fitted model (``chain``), from what each line says by itself,
where it stands, and which rules it fits.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from schemas.rules import CutKind, Rule, Scope
from transforms.core.clutter.chain import Chain
from transforms.core.clutter.features import PROSE
from transforms.core.clutter.fitting import LINKS
from transforms.core.clutter.shape import is_prose, is_title, without_bullet
from transforms.core.clutter.surroundings import Line, surroundings

REPEAT_CHARS = 25
"""An exact repetition of a line this long is furniture: 68 of 68 in the annotated documents. Shorter ones can be
refrains, scores or answers in an interview."""

SUSPICION = 2.5
"""What a line that another capture does not have loses as article: it is e^2.5, twelve, times as often of the frame.
Of 1.5, 2, 2.5, 3 and 4 the largest by which no more than one in a thousand characters of articles was lost besides,
where one paragraph in twenty was new, in 120 documents (``python -m benchmarks.two_captures``)."""

DIFFERS = "signal.differs"
"""What decided where the model cuts a line that another capture does not have."""

WEIGHED = "signal.weighed"
"""What decided where no rule fits: the sum of many small things, which ``Verdict.reasons`` names."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a segment goes: the kind of clutter, the rule or signal that decided, and what weighed most."""

    kind: CutKind
    rule: str
    reasons: tuple[tuple[str, float], ...] = ()


def decide(
    lines: Sequence[Line],
    chain: Chain,
    *,
    headline: str | None = None,
    extracted: bool = False,
    recurring: Callable[[str], bool] | None = None,
    suspects: Set[str] = frozenset(),
    reasons: bool = False,
) -> list[Verdict | None]:
    """A verdict for each line, ``None`` where it is kept.

    Args:
        lines: the text in order.
        chain: the fitted model.
        headline: what is known to be the headline already, folded; each line that repeats it goes.
        extracted: whether the text comes from an extractor, which has left little clutter in it.
        recurring: tells of a form whether the outlet prints it under many titles; such a line goes.
        suspects: forms that another capture of the address does not have: see ``SUSPICION``.
        reasons: whether to name what weighed most for each line that the model cuts.
    """
    sure = _sure(lines, headline, recurring)
    around = surroundings(lines, [verdict is not None for verdict in sure], headline)
    sums = chain.weigh((line.rows, one.groups) for line, one in zip(lines, around, strict=True))
    for i, one in enumerate(around):
        if one.strengths:
            sums[i] += chain.weigh_rules(one.strengths)
    sums[:, Chain.ARTICLE_STATE] += chain.caution[extracted]
    if suspects:
        sums[[line.segment.form in suspects for line in lines], Chain.ARTICLE_STATE] -= SUSPICION
    path = chain.best_path(sums)
    nothing_goes = not any(sure) and not any(state != Chain.ARTICLE_STATE for state in path)
    if nothing_goes or not _leaves_an_article(lines, sure, path):
        return sure
    out: list[Verdict | None] = []
    header: Rule | None = None
    goes = [verdict is not None or state != Chain.ARTICLE_STATE for verdict, state in zip(sure, path, strict=True)]
    items = {**_entries(lines, goes), **_items(lines, goes)}
    for i, (line, verdict, state) in enumerate(zip(lines, sure, path, strict=True)):
        if i in items:
            verdict = verdict or Verdict(items[i].kind, items[i].id)
        elif state == Chain.ARTICLE_STATE:
            header = None
        else:
            header = line.fitting.header or header
            if verdict is None and line.form.shape != "empty":
                verdict = _named(line.fitting.naming, chain.kind(state), header)
                if line.segment.form in suspects:
                    verdict = Verdict(verdict.kind, DIFFERS)
                if reasons:
                    features = {**line.form.features(), **around[i].features()}
                    verdict = Verdict(verdict.kind, verdict.rule, chain.reasons(features, state))
        out.append(verdict)
    return out


def _items(lines: Sequence[Line], goes: Sequence[bool]) -> dict[int, Rule]:
    """Items below a header of other stories that the model would keep between two that go, with their rules.

    Of such a list one is as good as the other: what it is about must not save it.
    """
    found: dict[int, Rule] = {}
    is_open = False
    for i, line in enumerate(lines):
        if goes[i]:
            header = line.fitting.header
            is_open = is_open or (header is not None and header.opens in LINKS)
            continue
        item = next((rule for rule in line.fitting.rules if rule.scope is Scope.ITEM and rule.kind in LINKS), None)
        is_open = is_open and item is not None and (i + 1 == len(lines) or goes[i + 1])
        if is_open and item is not None:
            found[i] = item
    return found


_ENTRY_LINES, _MARK_CHARS = 6, 40


def _entries(lines: Sequence[Line], goes: Sequence[bool]) -> dict[int, Rule]:
    """Lines that stay in a list of other stories whose entries all end alike, with the header of the list.

    Behind the article's text a header is followed by a mark (a time, the same link to read on) at least twice at one
    distance: what stands between is entries, whatever they tell.
    """
    marks: dict[str, list[int]] = {}
    for i, line in enumerate(lines):
        rules = [rule for rule in line.fitting.rules if rule.scope in _MARKING]
        if rules and len(line.segment.form) <= _MARK_CHARS:
            is_time = any(rule.kind is CutKind.TIMESTAMP for rule in rules)
            marks.setdefault("" if is_time else line.form.folded, []).append(i)
    rows = [at for at in marks.values() if len(at) > 1]
    begun = next((i for i, line in enumerate(lines) if line.form.shape in PROSE and not goes[i]), len(lines))
    found: dict[int, Rule] = {}
    for i in range(begun + 1, len(lines) if rows else 0):
        header = lines[i].fitting.header
        if header is None or header.opens not in LINKS:
            continue
        for row in rows:
            below = row[bisect_right(row, i) :]
            if i in row or len(below) < 2:
                continue
            gap = below[1] - below[0]
            if below[0] - i > _ENTRY_LINES or not 1 < gap <= _ENTRY_LINES:
                continue
            last = max(at for number, at in enumerate(below) if at == below[0] + number * gap)
            found.update((j, header) for j in range(i, last) if not goes[j])
    return found


_MARKING = (Scope.LINE, Scope.ITEM)


def _leaves_an_article(lines: Sequence[Line], sure: Sequence[Verdict | None], path: Sequence[int]) -> bool:
    """Whether something is left, and prose where there was some, of what no rule claims: no article is cut whole."""
    free: list[tuple[bool, bool]] = []
    for line, verdict, state in zip(lines, sure, path, strict=True):
        if verdict is None and line.segment.form and not line.fitting.claims:
            free.append((line.form.shape in PROSE, state == Chain.ARTICLE_STATE))
    prose = [stays for is_prose_, stays in free if is_prose_]
    return any(prose) if prose else any(stays for _, stays in free) or not free


def _sure(
    lines: Sequence[Line], headline: str | None, recurring: Callable[[str], bool] | None
) -> list[Verdict | None]:
    """The verdicts that need no weighing."""
    title = headline.casefold().strip() if headline else None
    seen: set[str] = set()
    forms = [line.form.folded for line in lines]
    framed, doubled = _framed(forms[:_FRAME_LINES]), _doubled(forms)
    out: list[Verdict | None] = []
    for i, (line, form) in enumerate(zip(lines, forms, strict=True)):
        text = line.segment.form
        verdict = None
        if form:
            entry = without_bullet(form)
            repeated = entry in seen and len(form) >= REPEAT_CHARS and (is_prose(form) or is_title(form))
            seen.add(entry)
            rule = line.fitting.sure
            if (title and form == title) or i in framed:
                verdict = Verdict(CutKind.TITLE, "signal.headline-again")
            elif i in doubled:
                verdict = Verdict(CutKind.CAPTION, "signal.caption-again")
            elif repeated:
                verdict = Verdict(CutKind.TITLE if is_title(text) else CutKind.OTHER, "signal.line-again")
            elif rule is not None:
                verdict = Verdict(rule.kind, rule.id)
            elif recurring is not None and recurring(text):
                verdict = Verdict(CutKind.OTHER, "signal.recurring-line")
        out.append(verdict)
    return out


_FRAME_LINES, _FRAMED = 8, 20
_FRAME = re.compile(r"\s*(?:[-|·•»>:]|::)\s*[^.!?]{2,40}")
"""What the title of a page puts behind the headline: a sign and the name of the outlet."""


def _framed(forms: Sequence[str]) -> set[int]:
    """Which of the first lines are the title of the page: the headline that stands near by, and the outlet's name."""
    return {
        i
        for i, form in enumerate(forms)
        for other in (*forms[max(0, i - 3) : i], *forms[i + 1 : i + 4])
        if _FRAMED <= len(other) < len(form) and form.startswith(other) and _FRAME.fullmatch(form, len(other))
    }


_CREDIT = re.compile(
    r"[.,]?\s*[(|/-]?\s*(?:©|(?:fotos?|photos?|bild|beeld|image|credit|quelle|picture)\b\s*[:/©(|])\s*\S.{0,80}"
)
_CAPTION_CHARS = 12


def _doubled(forms: Sequence[str]) -> set[int]:
    """Which lines are a caption that stands there once without its credit and, next to it, once with it."""
    return {
        i
        for one, other in pairwise(range(len(forms)))
        if len(forms[one]) >= _CAPTION_CHARS
        and forms[other].startswith(forms[one])
        and _CREDIT.fullmatch(forms[other], len(forms[one]))
        for i in (one, other)
    }


def _named(rule: Rule | None, kind: CutKind, header: Rule | None) -> Verdict:
    """The cut of a line that the model cuts: by the rule that it fits, by its block, or by its state."""
    if rule is not None:
        return Verdict(rule.kind, rule.id)
    if header is not None and header.opens is not None and kind in LINKS:
        return Verdict(header.opens, header.id)
    return Verdict(kind, WEIGHED)
