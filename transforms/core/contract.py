"""Whether an article can become a row: what the columns of ``articles`` ask of values.

A value that cannot stand where it should is the fault of one article, which becomes a dead letter. A value of another
type is a fault of the program, of which every row may have its share: writing refuses it, and the run fails.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from schemas.article import ARTICLES
from schemas.record import Draft
from schemas.reject import Reason, Refused

_LATER = frozenset({"version", "ingested_at", "run_id", "schema_version", "config_hash", "rules_version"})
"""Columns that are filled when the row is written."""

_FIELDS = tuple(field for field in ARTICLES if field.name not in _LATER)

_FIRST_DAY = dt.date(1700, 1, 1)
_AHEAD = dt.timedelta(hours=72)
"""A day more than a stated date may lie ahead of the run, since a day may be counted in the zone of the article."""


def check(draft: Draft, *, now: dt.datetime) -> Draft:
    """The draft, if its article can become a row.

    Raises:
        Refused: a required column has no value, a text is no Unicode, a number does not fit or is none, or a date
            lies before 1700 or days ahead of ``now``. The message names the column.
    """
    last = (now + _AHEAD).astimezone(dt.UTC)
    for field in _FIELDS:
        value = getattr(draft.article, field.name)
        missing = value is None and not field.nullable
        problem = "is required and has no value" if missing else _problem(value, field.type)
        if problem is None and isinstance(value, dt.date):
            problem = _misdated(value, last)
        if problem is not None:
            raise Refused(Reason.CONTRACT, f"column {field.name} {problem}")
    return draft


def _problem(value: Any, kind: pa.DataType) -> str | None:
    if isinstance(value, str):
        return None if value.isascii() or _is_unicode(value) else "holds half of a surrogate pair, which is no text"
    if isinstance(value, float):
        return None if math.isfinite(value) else "holds no finite number"
    if isinstance(value, int) and pa.types.is_integer(kind):
        most = 1 << (kind.bit_width - 1)
        return None if -most <= value < most else f"holds {value}, which is no {kind}"
    if isinstance(value, list | tuple) and pa.types.is_list(kind):
        return next(filter(None, (_problem(item, kind.value_type) for item in value)), None)
    if pa.types.is_struct(kind) and value is not None:
        parts = value if isinstance(value, Mapping) else {part.name: getattr(value, part.name, None) for part in kind}
        return next(filter(None, (_problem(parts.get(part.name), part.type) for part in kind)), None)
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _misdated(value: dt.date, last: dt.datetime) -> str | None:
    try:
        day = value.astimezone(dt.UTC).date() if isinstance(value, dt.datetime) else value
    except OverflowError:
        return "holds a moment that is none in UTC"
    if _FIRST_DAY <= day <= last.date():
        return None
    return f"holds {day.isoformat()}, which is before 1700 or days ahead of the run"
