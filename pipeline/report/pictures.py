"""Small pictures as inline SVG: bars, columns, and the books as one strip.

Drawn by hand, since they are rectangles. A chart library brings a style sheet and a script for each picture, colours
that do not follow the page into the dark, and ids made at random, so that the same run would not give the same page.
Everything is sized by attributes: the page forbids styles that it did not come with.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

_GAP = 0.22
"""Of the room of a column: enough to tell one from the next where sixty stand on a phone."""

_LEAST_HEIGHT = 0.8
"""Of 40, so that one is not taken for none."""

_LEAST_WIDTH = 8.0
"""Of 1000, likewise; less would vanish beneath the line between two parts."""


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def bar(value: float, most: float, name: str = "") -> Markup:
    """A horizontal bar of ``value`` where the longest stands for ``most``; the figure itself stands beside it.

    Args:
        value: not negative.
        most: the length of the whole; nothing is drawn where it is 0.
        name: a class of the style sheet for its colour.
    """
    width = 100 * min(value / most, 1) if most else 0
    return Markup(
        '<svg class="bar {}" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="{}" height="6"/></svg>'
    ).format(name, _number(width))


def strip(parts: Sequence[tuple[str, float]], label: str) -> Markup:
    """Parts of a whole, side by side.

    Args:
        parts: a class of the style sheet and an amount each.
        label: what a person who does not see it is told.
    """
    whole = sum(amount for _, amount in parts)
    widths = [(name, max(1000 * amount / whole, _LEAST_WIDTH)) for name, amount in parts if amount]
    scale = 1000 / max(sum(width for _, width in widths), 1)
    out, at = [], 0.0
    for name, width in widths:
        drawn = _number(at * scale), _number(width * scale)
        out.append(Markup('<rect class="{}" x="{}" width="{}" height="10"/>').format(name, *drawn))
        at += width
    return Markup(
        '<svg class="strip" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(label, Markup("").join(out))


def columns(values: Sequence[Sequence[float] | None], label: str, *, names: Sequence[str], last: bool) -> Markup:
    """Columns from left to right, each of one or more parts from the bottom up.

    Args:
        values: the parts of each column, not negative; ``None`` where nothing is known, which leaves a gap.
        label: what a person who does not see it is told.
        names: a class of the style sheet for each part.
        last: whether the last column is the one that the others are compared with.
    """
    most = max((sum(parts) for parts in values if parts is not None), default=0)
    room = 100 / max(len(values), 1)
    tallest = 40 - _LEAST_HEIGHT * (len(names) - 1)
    out = []
    for place, parts in enumerate(values):
        bottom = 40.0
        for name, amount in zip(names, parts or (), strict=False):
            if not amount:
                continue
            height = max(tallest * amount / most, _LEAST_HEIGHT)
            bottom -= height
            mark = " this" if last and place == len(values) - 1 else ""
            out.append(
                Markup('<rect class="{}{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                    name,
                    mark,
                    _number(room * (place + _GAP / 2)),
                    _number(bottom),
                    _number(room * (1 - _GAP)),
                    _number(height),
                )
            )
    return Markup(
        '<svg class="columns" viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(label, Markup("").join(out))
