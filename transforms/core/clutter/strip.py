"""Stripping: from a text to its headline, its clean body and the cuts between them.

A cut is never an edit. Every character of the text is either in the body or in exactly one cut, so putting the cuts
back gives the text again (``restore``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple, TypedDict

from schemas.article import Cut
from schemas.rules import NOT_CLUTTER, CutKind, Rule
from transforms.core.clutter.captures import clauses_of, differing
from transforms.core.clutter.decide import DIFFERS, Verdict, decide
from transforms.core.clutter.features import Form, describe
from transforms.core.clutter.fitting import Fitting
from transforms.core.clutter.joints import Parted
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.segments import Segment, coded, first_line, fold, lines, segments
from transforms.core.clutter.shape import is_bullet, is_prose, is_title
from transforms.core.clutter.surroundings import Line

_PASSES = 50
# Each pass cuts something or is the last; clutter uncovered by a cut goes in the next. Two or three do for real
# texts; the bound is for made-up ones.


@dataclass(frozen=True, slots=True)
class Stripped:
    """The clean text: ``headline`` (if one was given or found), ``body``, and every cut in order of ``start``."""

    headline: str | None
    body: str
    removed: tuple[Cut, ...]

    @property
    def clutter_ratio(self) -> float:
        """Characters of clutter as a share of all; a headline or white space that was moved is no clutter."""
        total = len(self.body) + sum(c.end - c.start for c in self.removed)
        clutter = sum(c.end - c.start for c in self.removed if c.kind not in NOT_CLUTTER)
        return clutter / total if total else 0.0


class _Weighing(TypedDict):
    """What ``decide`` is told beyond the text and its headline."""

    extracted: bool
    recurring: Callable[[str], bool] | None
    suspects: Set[str]
    reasons: bool


class _Span(NamedTuple):
    start: int
    end: int
    verdict: Verdict


def restore(body: str, removed: Iterable[Cut]) -> str:
    """The text before stripping: ``body`` with every cut put back where it was."""
    out, at, length = [], 0, 0
    for cut in removed:
        take = cut.start - length
        out += [body[at : at + take], cut.text]
        at += take
        length = cut.end
    return "".join([*out, body[at:]])


def strip(
    text: str,
    book: RuleBook,
    *,
    headline: str | None = None,
    host: str | None = None,
    source_id: str | None = None,
    extracted: bool = False,
    recurring: Callable[[str], bool] | None = None,
    suspects: Set[str] = frozenset(),
    reasons: dict[int, tuple[tuple[str, float], ...]] | None = None,
) -> Stripped:
    """Cut the clutter out of ``text`` and tell its headline.

    Args:
        text: the article as it was read or extracted.
        book: the rules.
        headline: the headline if it is known from elsewhere; each copy of it in the text goes. Where it is not
            known, a first line in the form of a headline is taken out of the body.
        host: the host of the article's address, for rules of an outlet.
        source_id: the outlet as the settings call it, likewise.
        extracted: whether the text comes from an extractor, which has left little clutter in it.
        recurring: tells of a folded line whether the outlet prints it under many titles; such lines go.
        suspects: folded lines that another capture of the address does not have; they are weighed with less caution.
        reasons: is given, by the ``start`` of each cut that the model made, the features that weighed most.
    """
    reader = _Reader(book, host, source_id, parted=None if extracted else {})
    weighing: _Weighing = {
        "extracted": extracted,
        "recurring": recurring,
        "suspects": suspects,
        "reasons": reasons is not None,
    }
    folded = fold(text)
    kept = [(0, len(text))] if text else []
    cuts: list[Cut] = []
    for _ in range(_PASSES):
        before = len(cuts)
        kept = _take(text, kept, _spans(_join(folded, kept), reader, headline, weighing), cuts, reasons)
        if headline is None:
            left = _join(text, kept)
            title = _headline(_join(folded, kept))
            if title is not None:
                headline = left[title.start : title.end].strip()
                kept = _take(text, kept, [title], cuts)
        kept = _take(text, kept, _blank_ends(_join(text, kept)), cuts)
        if len(cuts) == before:
            break
    return Stripped(headline, _join(text, kept), tuple(sorted(cuts, key=lambda c: c.start)))


def strip_again(
    text: str,
    book: RuleBook,
    before: bytes,
    *,
    headline: str | None = None,
    host: str | None = None,
    source_id: str | None = None,
    extracted: bool = False,
    recurring: Callable[[str], bool] | None = None,
) -> Stripped:
    """The same for a later capture of an address: what the one before does not have is suspect.

    Suspects that stay are suspects no longer, lest they take their neighbours with them. So ``strip`` gives the same
    for the lines whose cuts say ``DIFFERS`` as ``suspects``.

    Args:
        text: of the later capture.
        book: the rules.
        before: what ``clauses_of`` gives of the earlier one.
        headline: and the others: as for ``strip``.
        host: likewise.
        source_id: likewise.
        extracted: likewise.
        recurring: likewise.
    """
    folded = fold(text)
    pieces = segments(folded, book.seams(coded(folded), host, source_id, None if extracted else {}))
    begins = [i for i, piece in enumerate(pieces) if not piece.glued]
    whole = [pieces[a:b] for a, b in pairwise([*begins, len(pieces)])]
    new = differing(([text[part.start : part.end] for part in line] for line in whole), before)
    suspects = frozenset(whole[line][part].form for line, part in new)
    while True:
        stripped = strip(
            text,
            book,
            headline=headline,
            host=host,
            source_id=source_id,
            extracted=extracted,
            recurring=recurring,
            suspects=suspects,
        )
        if (cut := suspected(stripped.removed)) == suspects:
            return stripped
        suspects &= cut


def told(headline: str | None, body: str, removed: Iterable[Cut]) -> bytes:
    """What a capture tells a later one: ``before`` of ``strip_again``.

    What was itself cut for another capture's not having it stays suspect.
    """
    text = restore(body, (replace(cut, text="\n") if cut.rule == DIFFERS else cut for cut in removed))
    return clauses_of(f"{headline or ''}\n{text}")


def suspected(removed: Iterable[Cut]) -> frozenset[str]:
    """The lines, folded, that were cut because another capture does not have them."""
    return frozenset(fold(cut.text).strip() for cut in removed if cut.rule == DIFFERS)


def stated_headline(headline: str | None, removed: Iterable[Cut]) -> str | None:
    """The headline as it was stated beside the text, ``None`` where it was found in the text or there is none."""
    return None if any(cut.kind == CutKind.HEADLINE for cut in removed) else headline


def _join(text: str, kept: Sequence[tuple[int, int]]) -> str:
    return "".join(text[a:b] for a, b in kept)


def _take(
    text: str,
    kept: Sequence[tuple[int, int]],
    spans: Sequence[_Span],
    cuts: list[Cut],
    reasons: dict[int, tuple[tuple[str, float], ...]] | None = None,
) -> list[tuple[int, int]]:
    """Take ``spans`` (offsets into what was kept) out of ``kept`` (offsets into ``text``), noting the ``cuts``."""
    out: list[tuple[int, int]] = []
    base = s = 0
    for a, b in kept:
        at = a
        while s < len(spans):
            start, end = a + spans[s].start - base, a + spans[s].end - base
            if start >= b:
                break
            start, stop = max(start, a), min(end, b)
            if start > at:
                out.append((at, start))
            verdict = spans[s].verdict
            cuts.append(Cut(start, stop, verdict.kind, verdict.rule, text[start:stop]))
            if reasons is not None and verdict.reasons:
                reasons[start] = verdict.reasons
            at = stop
            if end > b:
                break
            s += 1
        if at < b:
            out.append((at, b))
        base += b - a
    return out


@dataclass(slots=True)
class _Reader:
    """The rules and the model as they hold for one text. A line is looked up once, whatever passes it survives."""

    book: RuleBook
    host: str | None
    source_id: str | None
    parted: Parted | None
    known: dict[str, tuple[Form, list[int], Fitting]] = field(default_factory=dict)
    ends: dict[str, tuple[Rule, int] | None] = field(default_factory=dict)

    def lines(self, pieces: Sequence[Segment], code: bytes) -> list[Line]:
        """The segments of a text of which ``code`` is the coded form.

        Step by step for all together, which is faster than all steps for each.
        """
        new = {piece.form: code[piece.left : piece.right] for piece in pieces if piece.form not in self.known}
        forms = [describe(text) for text in new]
        fittings = [self.book.fitting(line, self.host, self.source_id) for line in new.values()]
        rows = [self.book.chain.rows(form) for form in forms]
        self.known.update(zip(new, zip(forms, rows, fittings, strict=True), strict=True))
        return [Line(piece, *self.known[piece.form]) for piece in pieces]

    def ending(self, form: str, code: bytes) -> tuple[Rule, int] | None:
        """The first rule that the end of ``form``, coded ``code``, fits, and how much of ``form`` it leaves."""
        if form not in self.ends:
            found = self.book.endings(code, self.host, self.source_id)
            left = ((rule, len(form[:start].rstrip())) for rule, start in found)
            self.ends[form] = next(((rule, kept) for rule, kept in left if kept), None)
        return self.ends[form]


def read_lines(folded: str, book: RuleBook, *, extracted: bool = False) -> list[Line]:
    """The lines of a folded text as ``decide`` takes them; an extractor ends every paragraph by itself."""
    reader = _Reader(book, None, None, parted=None if extracted else {})
    code = coded(folded)
    return reader.lines(segments(folded, book.seams(code, parted=reader.parted)), code)


def _spans(
    folded: str,
    reader: _Reader,
    headline: str | None,
    weighing: _Weighing,
) -> list[_Span]:
    """What one pass cuts, in order and without overlap."""
    out: list[_Span] = []
    begin = 0
    for outfit, rule, pattern in reader.book.starts:
        found = pattern.match(coded(folded[: rule.max_chars]))
        if found and found.end() and outfit.holds_for(reader.host, reader.source_id):
            begin = found.end()
            out.append(_Span(0, begin, Verdict(rule.kind, rule.id)))
            break
    rest = folded[begin:]
    code = coded(rest)
    pieces = segments(rest, reader.book.seams(code, reader.host, reader.source_id, reader.parted))
    verdicts = decide(
        reader.lines(pieces, code),
        reader.book.chain,
        headline=fold(headline).strip() or None if headline else None,
        **weighing,
    )
    for start, end, verdict in (*_line_spans(pieces, verdicts), *_end_spans(pieces, verdicts, reader, code)):
        if end > start:
            out.append(_Span(start + begin, end + begin, verdict))
    return sorted(out, key=lambda span: span.start)


def _line_spans(pieces: Sequence[Segment], verdicts: Sequence[Verdict | None]) -> list[_Span]:
    """Whole segments. Where a part of a line is kept, its line break is kept with it."""
    out: list[_Span] = []
    i = 0
    while i < len(pieces):
        j = i + 1
        while j < len(pieces) and pieces[j].glued:
            j += 1
        whole = all(verdicts[k] is not None for k in range(i, j))
        for k in range(i, j):
            verdict = verdicts[k]
            if verdict is not None:
                last = k == j - 1
                end = pieces[k].end if whole or not last else pieces[k].right
                out.append(_Span(pieces[k].start, end, verdict))
        i = j
    return out


def _end_spans(
    pieces: Sequence[Segment], verdicts: Sequence[Verdict | None], reader: _Reader, code: bytes
) -> list[_Span]:
    """Ends of lines that are themselves kept, with the blanks before them; and captions, credit and all."""
    out = []
    for piece, verdict in zip(pieces, verdicts, strict=True):
        if verdict is not None or not piece.form:
            continue
        ending = reader.ending(piece.form, code[piece.left : piece.right])
        if ending is None:
            continue
        rule, kept = ending
        seam = piece.left + kept
        if kept <= rule.caption_chars:
            out.append(_Span(piece.start, seam, Verdict(CutKind.CAPTION, rule.id)))
            out.append(_Span(seam, piece.right if piece.glued else piece.end, Verdict(rule.kind, rule.id)))
        else:
            out.append(_Span(seam, piece.right, Verdict(rule.kind, rule.id)))
    return out


def _headline(folded: str) -> _Span | None:
    """The first line where it has the form of a headline and prose follows it."""
    first = first_line(folded)
    if not is_title(first.form) or is_prose(first.form) or is_bullet(first.form) or len(first.form.split()) < 3:
        return None
    rest = folded[first.end :]
    if not any(is_prose(rest[a:b].strip()) for a, b in lines(rest)):
        return None
    return _Span(first.start, first.end, Verdict(CutKind.HEADLINE, "signal.first-line"))


def _blank_ends(text: str) -> list[_Span]:
    verdict = Verdict(CutKind.WHITESPACE, "signal.blank-ends")
    left = len(text) - len(text.lstrip())
    right = len(text.rstrip())
    spans = [_Span(0, left, verdict)] if left else []
    if left < right < len(text):
        spans.append(_Span(right, len(text), verdict))
    return spans
