"""What was cut, by kind and by rule, with cuts shown in their place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipeline.report.links import followable
from pipeline.report.model import Kind, Piece, RuleCuts, Sample
from pipeline.report.rows import load_texts
from schemas.article import Cut
from schemas.rules import NOT_CLUTTER
from transforms.core.clutter.strip import restore

SAMPLED_KINDS = 8
"""Kinds that samples are shown of, those with the most characters; sixteen samples can be read over a coffee."""

MOST_RULES = 12
"""Rules named of each kind."""

AROUND_CHARS = 260
"""Of what was kept, shown before and after a cut: two or three sentences, enough to see whether it belongs there."""

LONGEST_CHARS, NEAR_CHARS = 900, 120
"""Of a longer cut its beginning and its end are shown, and less of the cuts around it."""

MOST_NEAR = 5
"""Stretches shown before and after a cut; there may be hundreds before something that was kept."""

_EDGE_CHARS = 24
"""So far is looked for a blank to begin or end at, so that no word is shown in part."""

_KINDS = """
select kind, count(*), sum(chars), count(distinct (file_no, row_no)) from cuts group by 1 order by 3 desc, 1
"""
_RULES = "select kind, rule, count(*), sum(chars) from cuts group by 1, 2 order by 4 desc, 2"
_CHOSEN = """
select kind, file_no, row_no, start, nth from (
    select kind, file_no, row_no, start, count(*) over (partition by kind) as cuts,
           row_number() over (partition by kind order by chars desc, file_no, row_no, start) as nth
    from cuts where list_contains($kinds, kind)
) where nth = 1 or nth = cuts // 2 + 1 order by nth
"""


def kinds_of(db: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> tuple[Kind, ...]:
    """What was cut, the most characters first.

    Args:
        db: a connection with the table ``cuts``.
        paths: the files of the articles, where the texts are found.

    Raises:
        ReportError: a file of articles cannot be read.
    """
    rules: dict[str, list[RuleCuts]] = defaultdict(list)
    for kind, *rule in db.execute(_RULES).fetchall():
        rules[kind].append(RuleCuts(*rule))
    found = db.execute(_KINDS).fetchall()
    sampled = [kind for kind, *_ in found if kind not in NOT_CLUTTER][:SAMPLED_KINDS]
    samples = _samples(db, paths, sampled)
    return tuple(
        Kind(
            kind=kind,
            clutter=kind not in NOT_CLUTTER,
            cuts=cuts,
            chars=chars,
            articles=count,
            rules=tuple(rules[kind][:MOST_RULES]),
            more_rules=len(rules[kind][MOST_RULES:]),
            samples=tuple(samples[kind]),
        )
        for kind, cuts, chars, count in found
    )


def _samples(
    db: duckdb.DuckDBPyConnection, paths: Sequence[Path], kinds: Sequence[str]
) -> Mapping[str, list[Sample]]:
    """Of each kind the longest cut, which is where a mistake costs most, and one of middle length."""
    chosen = db.execute(_CHOSEN, {"kinds": list(kinds)}).fetchall()
    wanted: dict[int, set[int]] = defaultdict(set)
    for _, file_no, row_no, _, _ in chosen:
        wanted[file_no].add(row_no)
    texts = {number: load_texts(paths[number], sorted(rows)) for number, rows in wanted.items()}
    samples: dict[str, list[Sample]] = defaultdict(list)
    for kind, file_no, row_no, start, nth in chosen:
        why = "the longest" if nth == 1 else "of middle length"
        samples[kind].append(sample(texts[file_no][row_no], start, why))
    return samples


def sample(row: Mapping[str, Any], start: int, why: str) -> Sample:
    """The cut of an article that begins at ``start``, in its place.

    Args:
        row: the article.
        start: offset in characters into the text before stripping.
        why: which of its kind this cut is.
    """
    cuts = [Cut(**cut) for cut in row["removed"] if cut["end"] > cut["start"]]
    pieces = _pieces(restore(row["body"], cuts), cuts)
    place = next(n for n, piece in enumerate(pieces) if piece.cut is not None and piece.cut.start == start)
    cut = cuts[[one.start for one in cuts].index(start)]
    before, opens = _near(list(reversed(pieces[:place])), _tail)
    after, closes = _near(pieces[place + 1 :], _head)
    here = Piece(_shortened(cut.text, LONGEST_CHARS), cut.kind, cut.rule, asked=True)
    return Sample(
        why=why,
        headline=row["headline"],
        href=followable(row["url"]) or followable(row["canonical_url"]),
        input_ref=row["input_ref"],
        source_id=row["source_id"],
        language=row["language"],
        chars=cut.end - cut.start,
        rule=cut.rule,
        before=(*reversed(before), here, *after),
        opens=opens,
        closes=closes,
    )


@dataclass(frozen=True, slots=True)
class _Stretch:
    text: str
    cut: Cut | None


def _pieces(text: str, cuts: Sequence[Cut]) -> list[_Stretch]:
    """The whole text as stretches that were kept and cuts."""
    out, at = [], 0
    for cut in cuts:
        if cut.start > at:
            out.append(_Stretch(text[at : cut.start], None))
        out.append(_Stretch(cut.text, cut))
        at = cut.end
    return out if at == len(text) else [*out, _Stretch(text[at:], None)]


def _near(stretches: Sequence[_Stretch], part: Callable[[str, int], str]) -> tuple[list[Piece], bool]:
    """The nearest of ``stretches``, until enough that was kept is shown, and whether these are all of them."""
    out: list[Piece] = []
    room = AROUND_CHARS
    for stretch in stretches:
        if room <= 0 or len(out) == MOST_NEAR:
            return out, False
        if stretch.cut is not None:
            out.append(Piece(_shortened(stretch.text, NEAR_CHARS), stretch.cut.kind, stretch.cut.rule))
            continue
        shown = part(stretch.text, room)
        out.append(Piece(shown))
        room -= len(stretch.text)
        if shown != stretch.text:
            return out, False
    return out, True


def _head(text: str, chars: int) -> str:
    """The first ``chars`` of ``text`` or a little fewer, so that no word is shown in part."""
    if len(text) <= chars:
        return text
    end = next((i for i in range(chars, max(chars - _EDGE_CHARS, 0), -1) if text[i].isspace()), chars)
    return text[:end]


def _tail(text: str, chars: int) -> str:
    if len(text) <= chars:
        return text
    begin = len(text) - chars
    return text[
        next((i for i in range(begin, min(begin + _EDGE_CHARS, len(text))) if text[i - 1].isspace()), begin) :
    ]


def _shortened(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} [… {len(text) - 2 * half:,} characters …] {text[-half:]}"
