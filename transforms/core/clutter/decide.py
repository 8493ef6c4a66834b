"""Which segments go: rules first, then what the sequence tells.

A line that fits a full-form rule goes wherever it stands. A header opens a block, and the block ends where the
evidence for it does: every line behind the header adds or takes away, and the block is the stretch with the highest
sum. Furniture above the article goes until the first prose; the tail goes from the bottom up until a line stands
that no rule knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.rules import CutKind, Rule, Scope
from transforms.core.clutter.segments import Segment
from transforms.core.clutter.shape import is_bullet, is_prose, is_title, sentences

REPEAT_CHARS = 25
"""An exact repetition of a line this long is furniture: 68 of 68 in the annotated documents. Shorter ones can be
refrains, scores or answers in an interview."""
BLOCK_SEGMENTS = 400
"""How far a block is followed at most, so that many headers in one document cannot make the work quadratic."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What a line adds to the evidence that a block goes on.

    Chosen by hand so that one sure sign of an item (a rule of scope ``item`` weighs 2 and more) outweighs the teaser
    paragraph before it, and two paragraphs without a sign end the block.
    """

    bullet: float = 1.5
    known_clutter: float = 1.0
    first_title: float = 1.0
    title: float = 0.3
    title_before_prose: float = -0.5
    other_line: float = -0.2
    prose: float = -1.5
    long_prose: float = -2.0
    repeated: float = 2.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a segment goes: the kind of clutter, and the rule or signal that decided."""

    kind: CutKind
    rule: str


def _first(rules: Sequence[Rule], scope: Scope) -> Rule | None:
    return next((r for r in rules if r.scope is scope), None)


def _repeated(segments: Sequence[Segment]) -> list[bool]:
    seen: set[str] = set()
    out = []
    for segment in segments:
        form = segment.form.casefold()
        out.append(len(form) >= REPEAT_CHARS and form in seen)
        seen.add(form)
    return out


def _evidence(
    i: int,
    segments: Sequence[Segment],
    fitting: Sequence[Sequence[Rule]],
    repeated: Sequence[bool],
    block: CutKind,
    *,
    first: bool,
    bulleted: bool,
    weights: Weights,
) -> float:
    """How much segment ``i`` speaks for (above zero) or against being part of an open ``block``."""
    form = segments[i].form
    score = weights.repeated if repeated[i] else 0.0
    item = [r.weight for r in fitting[i] if r.scope is Scope.ITEM and r.kind in (block, CutKind.TIMESTAMP)]
    if item:
        return score + max(item)
    if any(r.scope in (Scope.LINE, Scope.HEADER) for r in fitting[i]):
        return score + weights.known_clutter
    if is_bullet(form):
        return score + weights.bullet
    if is_prose(form):
        return score + (weights.long_prose if sentences(form) > 1 else weights.prose)
    if is_title(form) and not bulleted:
        if first:
            return score + weights.first_title
        before_prose = i + 1 < len(segments) and is_prose(segments[i + 1].form)
        return score + (weights.title_before_prose if before_prose else weights.title)
    return score + weights.other_line


def _block_end(
    header: int,
    segments: Sequence[Segment],
    fitting: Sequence[Sequence[Rule]],
    repeated: Sequence[bool],
    block: CutKind,
    weights: Weights,
) -> int:
    """The index behind the last segment of the block that the header opens."""
    total = best = 0.0
    end = header + 1
    bulleted = end < len(segments) and is_bullet(segments[end].form)
    for i in range(header + 1, min(len(segments), header + BLOCK_SEGMENTS)):
        total += _evidence(
            i,
            segments,
            fitting,
            repeated,
            block,
            first=i == header + 1,
            bulleted=bulleted,
            weights=weights,
        )
        if total >= best and total > 0:
            best, end = total, i + 1
    return end


def decide(
    segments: Sequence[Segment],
    fitting: Sequence[Sequence[Rule]],
    headline: str | None = None,
    weights: Weights | None = None,
) -> list[Verdict | None]:
    """A verdict for each segment, ``None`` where it is kept.

    Args:
        segments: the text in order.
        fitting: for each segment the rules that its form fits.
        headline: what is known to be the headline already; each line that repeats it goes.
        weights: the evidence that a block goes on; the defaults where not given.
    """
    weights = weights or Weights()
    repeated = _repeated(segments)
    verdicts: list[Verdict | None] = [None] * len(segments)
    title = headline.casefold().strip() if headline else None

    for i, rules in enumerate(fitting):
        if title and segments[i].form.casefold() == title:
            verdicts[i] = Verdict(CutKind.TITLE, "signal.headline-again")
        elif repeated[i]:
            verdicts[i] = Verdict(CutKind.TITLE if is_title(segments[i].form) else CutKind.OTHER, "signal.line-again")
        elif rule := _first(rules, Scope.LINE):
            verdicts[i] = Verdict(rule.kind, rule.id)

    i = 0
    while i < len(segments):
        header = _first(fitting[i], Scope.HEADER)
        if header is None or header.opens is None:
            i += 1
            continue
        end = _block_end(i, segments, fitting, repeated, header.opens, weights)
        verdicts[i] = Verdict(header.kind, header.id)
        for j in range(i + 1, end):
            rule = (
                _first(fitting[j], Scope.HEADER) or _first(fitting[j], Scope.LINE) or _first(fitting[j], Scope.ITEM)
            )
            verdicts[j] = Verdict(rule.kind, rule.id) if rule else Verdict(header.opens, header.id)
        i = end

    for i, rules in enumerate(fitting):
        if verdicts[i] is None:
            if is_prose(segments[i].form):
                break
            if rule := _first(rules, Scope.TOP):
                verdicts[i] = Verdict(rule.kind, rule.id)

    for i in range(len(segments) - 1, -1, -1):
        if verdicts[i] is None and segments[i].form:
            rule = _first(fitting[i], Scope.TAIL)
            if rule is None:
                break
            verdicts[i] = Verdict(rule.kind, rule.id)
    return verdicts
