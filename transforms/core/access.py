"""Who may read an article, as its page declares it and as the end of its text shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.article import Cut
from schemas.rules import CutKind
from transforms.core.jsonld import Node

OPEN, TEASER, LOCKED, UNKNOWN = "open", "teaser", "locked", "unknown"

_TEASER_CHARS = 80
# One sentence of running text. A paywall that leaves less has left no beginning of the article to read.

_BROKEN_OFF = re.compile(r"""(?:(?:[(\[]?(?:…|\.\.\.)|\[\+\d{1,9} chars\])[\s"'”“’‘»«)\]]*)+\Z""")
# What those who cut a text short put behind it; a quote or bracket of the text itself may still close there.
_MARK_CHARS = 40
# No such mark is longer, and no more of a text is looked at for one.

_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_TIERS = {"free": OPEN, "locked": LOCKED}


def declared(article: Node, page: Node, metas: Mapping[str, Sequence[str]]) -> str:
    """What a page declares for readers without a subscription: ``open``, ``locked`` or ``unknown``.

    What JSON-LD says of the whole article goes first; then what it says of its parts, of which the page names those
    behind its paywall by a selector, and one that is not free locks the article; then what it says of the page, and
    last the meta element ``article:content_tier``. See
    https://developers.google.com/search/docs/appearance/structured-data/paywalled-content.

    Args:
        article: the article in JSON-LD.
        page: the page itself in JSON-LD.
        metas: the meta elements by name, in small letters.
    """
    parts = article.get("hasPart")
    of_parts = [_is_free(part) for part in (parts if isinstance(parts, list) else [parts])]
    for free in (_is_free(article), False if False in of_parts else True in of_parts or None, _is_free(page)):
        if free is not None:
            return OPEN if free else LOCKED
    tiers = (tier.strip().casefold() for tier in metas.get("article:content_tier", ()))
    return next((_TIERS[tier] for tier in tiers if tier in _TIERS), UNKNOWN)


def _is_free(node: Any) -> bool | None:
    stated = node.get("isAccessibleForFree") if isinstance(node, dict) else None
    stated = stated[0] if isinstance(stated, list) and stated else stated
    return _WORDS.get(str(stated).rsplit("/", 1)[-1].strip().casefold())


def breaks_off(body: str, removed: Sequence[Cut]) -> bool:
    """Whether the text was cut short by those who passed it on, who say so with "…", "..." or "[+123 chars]"."""
    marks = (cut.text for cut in _below(body, removed) if cut.kind == CutKind.PAYWALL)
    return any(_BROKEN_OFF.search(text.rstrip()[-_MARK_CHARS:]) for text in (body, *marks))


def shown(body: str, removed: Sequence[Cut], stated: str) -> str:
    """Who may read an article, from what its page declares and what was cut out of its text.

    What is declared open is open. A paywall notice below the text says that it is not all, whatever the text; a mark
    that the text was cut short is none, since those who pass a text on cut it short as well. Where the text breaks
    off, an offer of subscriptions below it or a paywall notice above it says so too: with a whole article they are
    advertising and a label. A notice amid the article has stopped nobody. What is left is a ``teaser`` if it can be
    read, else the article is ``locked``. Declared locked it stays so, unless it is shown to be a teaser.

    Args:
        body: the clean text.
        removed: every cut, in order.
        stated: what ``declared`` gave.

    Returns:
        ``open``, ``teaser``, ``locked`` or ``unknown``.
    """
    if stated == OPEN:
        return OPEN
    below = _below(body, removed)
    broken = breaks_off(body, removed)
    notice = any(map(_is_notice, below))
    offer = any(cut.kind == CutKind.SUBSCRIPTION for cut in below) or any(map(_is_notice, _above(removed)))
    if not notice and not (broken and (offer or stated == LOCKED)):
        return stated
    return TEASER if len(body) >= _TEASER_CHARS else LOCKED


def _is_notice(cut: Cut) -> bool:
    text = cut.text.strip()
    return cut.kind == CutKind.PAYWALL and (len(text) > _MARK_CHARS or not _BROKEN_OFF.match(text))


def _above(removed: Sequence[Cut]) -> Sequence[Cut]:
    """The cuts before the first character of the body."""
    end = 0
    for number, each in enumerate(removed):
        if each.start > end:
            return removed[:number]
        end = each.end
    return removed


def _below(body: str, removed: Sequence[Cut]) -> Sequence[Cut]:
    """The cuts behind the last character of the body; all of them where nothing was kept."""
    cut = 0
    for number, each in enumerate(removed):
        if each.start - cut >= len(body):
            return removed[number:]
        cut += each.end - each.start
    return ()
