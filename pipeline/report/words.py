"""How amounts and moments are written in a report, and how foreign text is made harmless to look at."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from markupsafe import Markup

MOST_CHARS = 300
"""Of a headline, message or address; longer ones are hostile or of no use to a reader."""

_UNSHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def clean(value: Any) -> Any:
    """``value`` with U+FFFD for what no page may hold: control characters and halves of surrogate pairs."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _UNSHOWN.sub("\ufffd", value)
    return value


def count(value: float) -> str:
    """A number with separators: 12,345."""
    return f"{value:,.0f}"


def percent(share: float) -> str:
    """A share of 0 to 1: ``0%``, ``0.4%``, ``12%``."""
    return f"{share:.0%}" if share == 0 or share >= 0.0995 else "under 0.1%" if share < 0.0005 else f"{share:.1%}"


def size(amount: float) -> str:
    """Bytes: ``312 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:,.0f} {unit}" if unit == "bytes" or amount >= 100 else f"{amount:.1f} {unit}"


def span(seconds: float) -> str:
    """A length of time: ``0.4 s``, ``52 s``, ``4 min 12 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def day(date: dt.date) -> str:
    """A date: ``21 November 2026``."""
    return f"{date.day} {date:%B} {date.year}"


def moment(time: dt.datetime) -> str:
    """A moment: ``Saturday 21 November 2026, 02:30 UTC``."""
    utc = time.astimezone(dt.UTC)
    return f"{utc:%A} {day(utc.date())}, {utc:%H:%M} UTC"


def clock(time: dt.datetime) -> str:
    """A moment in a table: ``2026-11-21 02:30``."""
    utc = time.astimezone(dt.UTC)
    return f"{utc:%Y-%m-%d %H:%M}"


def clip(text: str, most: int = MOST_CHARS) -> str:
    """``text`` no longer than ``most`` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def plain(name: str) -> str:
    """The name of a kind or flag as words."""
    return name.replace("_", " ")


FILTERS: dict[str, Callable[..., str]] = {
    "count": count,
    "percent": percent,
    "size": size,
    "span": span,
    "day": day,
    "moment": moment,
    "clock": clock,
    "clip": clip,
    "plain": plain,
}
