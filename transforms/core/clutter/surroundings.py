"""What speaks for and against a line beyond itself: its place, its neighbours, the text around it, and the rules.

Features come in groups, tuples of names that are said together: there are few of them, and the model looks up at once
what a group weighs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from transforms.core.clutter.features import PROSE, Form, bucket, long_words, telling
from transforms.core.clutter.fitting import Fitting, Strengths
from transforms.core.clutter.segments import Segment

Names = tuple[str, ...]


class Line(NamedTuple):
    """A segment with what is known of it by itself: its form, the rows of the model for that, the rules it fits."""

    segment: Segment
    form: Form
    rows: Sequence[int]
    fitting: Fitting


class Surroundings(NamedTuple):
    """What surroundings and rules give a line: groups of features, and features that have a strength."""

    groups: list[Names]
    strengths: Strengths

    def features(self) -> dict[str, float]:
        """All of them with their strength."""
        return {**dict.fromkeys([name for group in self.groups for name in group], 1.0), **dict(self.strengths)}


# The groups. Each is made once for what it depends on, which is one of few things.


@cache
def _place(place: str, shape: str, words: str) -> Names:
    return "bias", f"pos={place}", f"pos={place} {shape}", f"pos={place} nw={words}"


@cache
def _neighbours(before: str, shape: str, behind: str) -> Names:
    return f"prev={before}", f"next={behind}", f"pn={before} {shape} {behind}"


@cache
def _with(name: str, value: str, beside: str) -> Names:
    return f"{name}={value}", f"{name}={value} {beside}"


@cache
def _above(to_prose: str, from_top: str) -> Names:
    return f"top={to_prose}", f"topi={from_top}"


@cache
def _at(name: str, where: str) -> Names:
    return name, f"{name} {where}"


_GLUED = ("glued",)


def surroundings(lines: Sequence[Line], sure: Sequence[bool], headline: str | None = None) -> list[Surroundings]:
    """What is said of each line by where it stands, by the text around it, and by the rules.

    Args:
        lines: the text in order.
        sure: for each line whether it goes in any case.
        headline: the headline where it is known from elsewhere, folded.
    """
    forms = [line.form for line in lines]
    shapes = [form.shape for form in forms]
    prose = [i for i, shape in enumerate(shapes) if shape in PROSE]
    first, last = (prose[0], prose[-1]) if prose else (len(forms), -1)
    lede = frozenset[str]().union(*(form.long_words for form in forms[: first + 2]))
    if headline:
        lede |= long_words(headline)
    # The last line of prose that is about what the first ones are about.
    on_it = (i for i in reversed(prose) if i <= first + 1 or not lede.isdisjoint(forms[i].long_words))
    subject = next(on_it, last)
    ahead = set[str]().union(*(telling(forms[i]) for i in prose[:_LEDE] if first))
    spread, spread_further = set[str](), set[str]()
    for i in prose:
        words = forms[i].long_words
        spread_further |= spread & words
        spread |= words
    languages = Counter([form.language for form in forms if form.language])
    spoken = max(languages, key=lambda name: (languages[name], name)) if languages else None
    rows = Counter([form.row for form in forms if form.row])
    row_like = [bool(form.row) and rows[form.row] >= _LIKE_ROWS for form in forms] if rows else []
    timed = [i for i, form in enumerate(forms) if form.time_first]
    times = len(timed) >= _ROWS
    # Of the entries of a live-blog most are running text; of the list of other stories under their times none is.
    told = sum([not PROSE.isdisjoint(shapes[i : i + 2]) for i in timed])
    entries = times and 2 * told >= len(timed)
    ending = len(forms) - 1
    signed = {
        i + 1
        for i in prose
        if i < ending
        and forms[i + 1].named
        and shapes[i + 1] == "title"
        and len(forms[i + 1].tokens) <= _SIGNATURE_WORDS
    }
    signatures = len(signed) >= _SIGNED
    datelines = sum([form.dateline for form in forms]) >= _ROWS
    ruled = [certain or bool(line.fitting.rules) for line, certain in zip(lines, sure, strict=True)]
    claimed = sum(ruled)
    # By whether the line is itself one of those that a rule claims:
    others = [bucket(claimed - itself, (0, 1, 3, 6)) for itself in (0, 1)]
    seen: set[str] = set()
    opened: int | None = None
    intro = "none"
    before = "none"
    out: list[Surroundings] = []
    for i, (line, certain) in enumerate(zip(lines, sure, strict=True)):
        segment, form, _, fitting = line
        shape = shapes[i]
        in_prose = shape in PROSE
        place = "top" if i < first else "first" if i == first else "tail" if i > last else "mid"
        said = fitting.said[certain]
        groups = [
            _place(place, shape, bucket(len(form.tokens), (1, 2, 3, 5, 8, 12, 20))),
            _neighbours(before, shape, shapes[i + 1] if i < ending else "none"),
            said.own,
        ]
        add = groups.append
        if place == "top":
            add(_above(bucket(first - i, (1, 2, 3, 5, 8)), bucket(i, (0, 1, 2, 4, 8))))
            if ahead and (said_here := telling(form)):
                add(_with("ahead", bucket(len(said_here & ahead), (0, 1, 2, 3)), shape))
        elif place == "tail":
            add((f"tail={bucket(i - last, (1, 2, 3, 5, 8, 15))}",))
        if i > subject and shape != "empty":
            add(_with("beyond", bucket(i - subject, (1, 2, 4, 8)), shape))
        if i == ending:
            add(("lastline",))
        if ruled[i] or shape == "empty":
            add((f"others={others[ruled[i]]}",))
        else:
            add(_with("others", others[False], f"{place} {shape}"))
        if i:
            previous = lines[i - 1]
            add(previous.fitting.said[sure[i - 1]].behind)
            if previous.segment.form[-1:] == ":":
                add(("prevcolon",))
        if i < ending:
            add(lines[i + 1].fitting.said[sure[i + 1]].before)
        if shape == "bullet":
            add(_with("intro", intro, place))
        elif shape != "empty":
            intro = shape + (":" if segment.form[-1] == ":" else "")
        if shape != "empty":
            key = form.folded
            if key in seen:
                add(_at("again", shape))
            seen.add(key)
            if len(key) >= _BEGUN:
                if i < ending and forms[i + 1].folded.startswith(key):
                    add(_at("begun", place))
                if i and len(former := forms[i - 1].folded) >= _BEGUN and key.startswith(former):
                    add(_at("begins", place))
            if i > first + 1 and shape != "bullet":
                add(_with("lede", bucket(len(form.long_words & lede), (0, 1, 2)), shape))
            if opened is not None:
                add(_with("below", bucket(i - opened, (1, 2, 4, 8, 16)), shape))
        if form.long_words and len(prose) > (2 if in_prose else 0):
            held = len(form.long_words & (spread_further if in_prose else spread))
            add(_with("held", bucket(10 * held // len(form.long_words), (0, 1, 3, 5)), shape))
        if form.language and form.language != spoken:
            add(("foreign",))
        if segment.glued:
            parted = lines[i - 1].segment.end > lines[i - 1].segment.right
            add(_with("parted", place, shape) if parted else _GLUED)
        if segment.indented:
            add(("indented",))
        if times and form.time_first:
            add(_with("times", "prose" if entries else "none", place))
        elif entries and i > timed[0]:
            add(_with("entry", shape, place))
        if signatures and i in signed:
            add(("signed",))
        # Below a header of other stories datelines are theirs.
        if datelines and opened is None and form.dateline:
            add(("datelines",))
        if row_like:
            if row_like[i]:
                add(_with("rows", bucket(rows[form.row], (1, 2, 3, 5)), place))
            elif any(row_like[max(0, i - 2) : i + 3]):
                add(("near rows",))
        if fitting.opens:
            opened = i
        before = shape
        out.append(Surroundings(groups, fitting.strengths[place]))
    return out


_BEGUN = 12
# A line of so many characters with which the next one begins is a caption that was said before its credit.
_LEDE = 3
# What a headline says is told again in the first lines of prose; a menu or the headline of another story is not.
_SIGNED, _SIGNATURE_WORDS = 2, 7
# Names below so many pieces of prose sign letters to the editor; a lone one is that of the author.
_ROWS, _LIKE_ROWS = 3, 2
# So many lines of one make are the article: the entries of a live-blog; the rows of a table, short as it may be.
