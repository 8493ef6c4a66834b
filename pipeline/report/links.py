"""Which addresses may be followed from a report: they come from the press, and some of them mean harm."""

from __future__ import annotations

from schemas.reject import Refused
from transforms.core.urls import checked


def followable(url: str | None) -> str | None:
    """``url`` as it may stand in a link, ``None`` if it is no valid http or https address."""
    if not url:
        return None
    try:
        return checked(url)
    except Refused:
        return None
