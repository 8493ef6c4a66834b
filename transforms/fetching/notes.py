"""What a recording keeps beside an answer, so that it can take the place of the network."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from schemas.feed import FeedSource, PageRequest

_ADAPTERS: dict[str, TypeAdapter[Any]] = {"page": TypeAdapter(PageRequest), "feed": TypeAdapter(FeedSource)}
_LEFT_OUT = {"headers", "memory", "failures", "not_before"}
"""Headers may hold a password; the rest is of the run that recorded, not of the article."""


def note_of(asked: PageRequest | FeedSource) -> str:
    """``asked`` as JSON on one line."""
    kind = "page" if isinstance(asked, PageRequest) else "feed"
    stated = _ADAPTERS[kind].dump_python(asked, mode="json", exclude=_LEFT_OUT, exclude_defaults=True)
    return json.dumps({"knipsel": {kind: stated}}, sort_keys=True)


def read_note(text: str) -> PageRequest | FeedSource | None:
    """What ``note_of`` was given; ``None`` for anything that it did not write."""
    try:
        [(kind, stated)] = json.loads(text)["knipsel"].items()
        found: PageRequest | FeedSource = _ADAPTERS[kind].validate_python(stated)
    except (ValueError, TypeError, KeyError, AttributeError, ValidationError):
        return None
    return found
