"""Which segments go: full-form rules first, then a decision over the sequence.

A line that fits a full-form rule goes wherever it stands. Everything else is decided for all lines together: each
is either article or furniture, or lies in a block that a header has opened, and of all ways to read the document
the one with the best sum is taken (Viterbi). A line's own evidence comes from rules and from its shape; changing
over costs, and costs less above the article and nothing at the end of the document. So a tail goes on clear
evidence, and a lone line inside the article only on overwhelming evidence. The numbers stand in
``config/clutter/model.toml``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from schemas.rules import CutKind, Model, Rule, Scope
from transforms.core.clutter.segments import Segment
from transforms.core.clutter.shape import is_bullet, is_prose, is_title, sentences, without_bullet, words

REPEAT_CHARS = 25
"""An exact repetition of a line this long is furniture: 68 of 68 in the annotated documents. Shorter ones can be
refrains, scores or answers in an interview."""

_SHORT = frozenset({"title", "title_before_prose", "sentence"})
_TEXT = frozenset({"sentence", "prose", "long_prose"})
_ARTICLE, _FURNITURE = "article", "furniture"
_SHORT_ITEM_WORDS = 4
_HEADLINE_WORDS = 4
_STRUCTURAL = 3
_NEAR = 3
_OF_LINKS = frozenset({CutKind.RELATED_TEASER, CutKind.AGGREGATOR, CutKind.TIMESTAMP})
_BEHIND_LEDE = frozenset({CutKind.BYLINE, CutKind.TIMESTAMP, CutKind.SHARE, CutKind.CAPTION, CutKind.PHOTO_CREDIT})
_NEAR_TOP = 2
# Where the lede comes first, byline and time stand right behind it.


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a segment goes: the kind of clutter, and the rule or signal that decided."""

    kind: CutKind
    rule: str


@dataclass(slots=True)
class _Line:
    """A segment with what is known of it."""

    segment: Segment
    rules: Sequence[Rule]
    shape: str = "empty"
    repeated: bool = False
    sure: Verdict | None = None
    base: float = 0.0
    blocks: dict[CutKind, float] = field(default_factory=dict)
    opens: Rule | None = None
    top: bool = False
    near_top: bool = False
    claimed: bool = False
    below_headline: bool = False
    structural: frozenset[str] = frozenset()


def decide(
    segments: Sequence[Segment],
    fitting: Sequence[Sequence[Rule]],
    model: Model,
    *,
    headline: str | None = None,
    recurring: Callable[[str], bool] | None = None,
) -> list[Verdict | None]:
    """A verdict for each segment, ``None`` where it is kept.

    Args:
        segments: the text in order.
        fitting: for each segment the rules that its form fits.
        model: the numbers of the decision.
        headline: what is known to be the headline already; each line that repeats it goes.
        recurring: tells of a form whether the outlet prints it under many titles; such a line goes.
    """
    lines = [_Line(segment, rules) for segment, rules in zip(segments, fitting, strict=True)]
    _mark_sure(lines, headline, recurring)
    if not any(line.rules or line.sure or line.segment.indented for line in lines):
        return [line.sure for line in lines]
    _weigh(lines, model, headline)
    path = _best_path(lines, model)
    if not _leaves_an_article(lines, path):
        return [line.sure for line in lines]
    return _verdicts(lines, path)


def _leaves_an_article(lines: Sequence[_Line], path: Sequence[str]) -> bool:
    """Whether a sentence is left, where there was one that no rule claims: an article is never cut whole."""
    free = [state for line, state in zip(lines, path, strict=True) if line.shape in _TEXT and not line.claimed]
    return not free or _ARTICLE in free


def _mark_sure(lines: Sequence[_Line], headline: str | None, recurring: Callable[[str], bool] | None) -> None:
    title = headline.casefold().strip() if headline else None
    seen: set[str] = set()
    for line in lines:
        form = line.segment.form.casefold()
        if not form:
            continue
        entry = without_bullet(form)
        line.repeated = entry in seen
        seen.add(entry)
        if title and form == title:
            line.sure = Verdict(CutKind.TITLE, "signal.headline-again")
        elif line.repeated and len(form) >= REPEAT_CHARS and (is_prose(form) or is_title(form)):
            kind = CutKind.TITLE if is_title(line.segment.form) else CutKind.OTHER
            line.sure = Verdict(kind, "signal.line-again")
        elif rule := _first(line.rules, Scope.LINE, CutKind.SOURCE_CREDIT) or _first(line.rules, Scope.LINE):
            line.sure = Verdict(rule.kind, rule.id)
        elif recurring is not None and recurring(line.segment.form):
            line.sure = Verdict(CutKind.OTHER, "signal.recurring-line")


def _weigh(lines: Sequence[_Line], model: Model, headline: str | None) -> None:
    """The evidence of each line, by itself and in a block."""
    shapes = [_shape(line.segment.form) for line in lines]
    prose = [shape in ("prose", "long_prose") for shape in shapes]
    first_prose = prose.index(True) if True in prose else len(lines)
    lede = words(headline or "")
    for line in lines[: first_prose + 2]:
        lede |= words(line.segment.form)
    bonus = model.bonus
    structural = _structural(lines)
    last_prose = len(prose) - 1 - prose[::-1].index(True) if True in prose else len(lines)
    below = headline is not None
    for i, line in enumerate(lines):
        form = line.segment.form
        shape = shapes[i]
        line.top = i < first_prose
        line.near_top = first_prose < i <= first_prose + _NEAR_TOP and not prose[i]
        line.below_headline, line.structural = below, structural
        below = below or (shape == "title" and len(form.split()) >= _HEADLINE_WORDS and not line.rules)
        if shape == "title" and i + 1 < len(lines) and prose[i + 1]:
            shape = "title_before_prose"
        line.shape = shape
        line.claimed = any(r.scope is not Scope.SIGNAL and _counts(r, line) for r in line.rules)
        share = bonus["claimed"] if line.claimed else 1.0
        line.base = share * model.line[shape] + _rule_evidence(line, bonus)
        if i > last_prose and shape in _SHORT:
            line.base += bonus["bottom"]
        elif first_prose < i < last_prose and not line.rules:
            line.base += bonus["middle"]
        if line.top and not line.below_headline and shape in _SHORT and len(form.split()) == 1:
            line.base += bonus["lone_word_above"]
        if line.segment.indented and shape != "empty":
            line.base += bonus["indented"]
        if line.repeated and not line.sure:
            line.base += bonus["repeated_short"]
        if (
            line.top
            and not line.claimed
            and shape in ("title", "title_before_prose")
            and len(form.split()) >= _HEADLINE_WORDS
        ):
            line.base += bonus["headline_form"]
        if line.top and shape == "bullet" and len(form.split()) <= _SHORT_ITEM_WORDS:
            line.base += bonus["list_at_top"]
        if prose[i] and not line.top and _near_evidence(lines, i) and not (words(form) & lede):
            line.base += bonus["unrelated"]
        if form.startswith(('"', "'")) and shape in _TEXT:
            line.base += bonus["quoted"]
        # Above the headline a header is one more word of the menu.
        line.opens = _first(line.rules, Scope.HEADER) if line.below_headline or not line.top else None
        if i and lines[i - 1].opens and prose[i]:
            line.base += bonus["first_prose"]
        if line.sure:
            line.base = bonus["known"]
        in_block = line.base + (0.0 if line.sure else share * (model.block[shape] - model.line[shape]))
        if line.sure and line.sure.kind in _OF_LINKS:
            in_block += bonus["first_item"]
        if i and lines[i - 1].opens and shape in ("title", "title_before_prose", "bullet"):
            in_block += bonus["first_item"]
        if prose[i]:
            line.blocks[CutKind.RELATED_TEASER] = in_block + bonus["teaser_prose"]
        for rule in line.rules:
            if rule.scope is Scope.ITEM:
                line.blocks[rule.kind] = max(line.blocks.get(rule.kind, 0.0), rule.weight)
        line.blocks[CutKind.OTHER] = in_block


def _rule_evidence(line: _Line, bonus: dict[str, float]) -> float:
    """What the rules say. Of several for one kind the heaviest counts: languages share words, and would add up."""
    kinds: dict[CutKind, float] = {}
    for rule in line.rules:
        if _counts(rule, line) or (rule.scope is Scope.ITEM and rule.kind is CutKind.TIMESTAMP):
            kinds[rule.kind] = max(rule.weight, kinds.get(rule.kind, 0.0))
    return sum(kinds.values()) + (bonus["header"] if _first(line.rules, Scope.HEADER) else 0.0)


def _near_evidence(lines: Sequence[_Line], i: int) -> bool:
    """Whether a rule fits a line nearby; elsewhere running text is article however little it shares with the lede."""
    return any(line.rules or line.sure for line in lines[max(0, i - _NEAR) : i + _NEAR + 1])


def _counts(rule: Rule, line: _Line) -> bool:
    """Whether the rule is evidence where the line stands."""
    if rule.scope is Scope.TOP:
        if rule.id in line.structural or (rule.below_headline and not line.below_headline):
            return False
        return line.top or (line.near_top and rule.kind in _BEHIND_LEDE)
    return rule.scope is Scope.SIGNAL or (rule.scope is Scope.TAIL and not line.top)


def _structural(lines: Sequence[_Line]) -> frozenset[str]:
    """Rules for the top that fit so many lines that these must be the article: the times of a live-blog."""
    fits = Counter(rule.id for line in lines for rule in line.rules if rule.scope is Scope.TOP)
    return frozenset(rule for rule, count in fits.items() if count >= _STRUCTURAL)


def _shape(form: str) -> str:
    if not form:
        return "empty"
    if is_bullet(form):
        form = without_bullet(form)
        if is_title(form):
            return "bullet"
    if is_prose(form):
        return "long_prose" if sentences(form) > 2 else "prose"
    return "title" if is_title(form) else "sentence"


_AUTHORITY = {Scope.HEADER: 3, Scope.TAIL: 2, Scope.TOP: 2, Scope.ITEM: 1}


def _authority(rule: Rule) -> tuple[int, float]:
    """Which of several rules names a cut: the one that claims most, then the heaviest."""
    return _AUTHORITY.get(rule.scope, 0), rule.weight


def _first(rules: Sequence[Rule], scope: Scope, kind: CutKind | None = None) -> Rule | None:
    return next((r for r in rules if r.scope is scope and (kind is None or r.kind is kind)), None)


def _best_path(lines: Sequence[_Line], model: Model) -> list[str]:
    """For each line the state in which the document as a whole reads best."""
    border = model.border
    kinds = sorted({line.opens.opens for line in lines if line.opens and line.opens.opens})
    states = [_ARTICLE, _FURNITURE, *kinds]
    scores = dict.fromkeys(states, float("-inf")) | {_ARTICLE: 0.0, _FURNITURE: 0.0}
    back: list[dict[str, str]] = []
    before = lines[0]
    for line in lines:
        enter, leave = f"enter{_place(line)}", f"leave{_place(before)}"
        before = line
        furniture_before = max(states[1:], key=scores.__getitem__)
        block_before = max(kinds, key=scores.__getitem__) if kinds else None
        new, chosen = {}, {}

        ways = [(scores[_ARTICLE], _ARTICLE), (scores[_FURNITURE] - border[leave], _FURNITURE)]
        if block_before is not None:
            ways.append((scores[block_before] - border["leave_block"], block_before))
        new[_ARTICLE], chosen[_ARTICLE] = max(ways, key=_score)

        ways = [(scores[_FURNITURE], _FURNITURE), (scores[_ARTICLE] - border[enter], _ARTICLE)]
        if block_before is not None:
            ways.append((scores[block_before], block_before))
        best, chosen[_FURNITURE] = max(ways, key=_score)
        new[_FURNITURE] = best + line.base

        for kind in kinds:
            if line.opens is not None and line.opens.opens == kind:
                ways = [
                    (scores[_ARTICLE] - border["enter_block"], _ARTICLE),
                    (scores[furniture_before], furniture_before),
                ]
            else:
                ways = [(scores[kind], kind)]
            best, chosen[kind] = max(ways, key=_score)
            item = line.blocks.get(kind)
            new[kind] = best + (line.blocks[CutKind.OTHER] if item is None else item)
        back.append(chosen)
        scores = new
    state = max(states, key=scores.__getitem__)
    path = []
    for chosen in reversed(back):
        path.append(state)
        state = chosen[state]
    return path[::-1]


def _place(line: _Line) -> str:
    """Which of the costs in ``[border]`` hold at the line."""
    return "_top" if line.top else "_near_top" if line.near_top else ""


def _score(way: tuple[float, str]) -> float:
    return way[0]


def _verdicts(lines: Sequence[_Line], path: Sequence[str]) -> list[Verdict | None]:
    out: list[Verdict | None] = []
    header: Rule | None = None
    for line, state in zip(lines, path, strict=True):
        header = line.opens or header if state != _ARTICLE else None
        out.append(line.sure or (_named(line, state, header) if state != _ARTICLE else None))
    # A line without a rule of its own goes by the name of its neighbourhood.
    for i, verdict in enumerate(out):
        if verdict is not None and verdict.rule == _FURNITURE:
            near = next((v for v in reversed(out[:i]) if v), None) if i and out[i - 1] else None
            near = near or next((v for v in out[i + 1 :] if v and v.rule != _FURNITURE), None)
            out[i] = Verdict(near.kind if near else CutKind.OTHER, "signal.among-furniture")
    return out


def _named(line: _Line, state: str, header: Rule | None) -> Verdict:
    usable = [r for r in line.rules if r.scope in (Scope.HEADER, Scope.ITEM) or _counts(r, line)]
    if state != _FURNITURE:
        usable = [r for r in usable if r.scope is not Scope.ITEM or r.kind in (state, CutKind.TIMESTAMP)]
    if usable:
        rule = max(usable, key=_authority)
        return Verdict(rule.kind, rule.id)
    if state != _FURNITURE and header is not None:
        return Verdict(CutKind(state), header.id)
    return Verdict(CutKind.OTHER, _FURNITURE)
