"""Teasers: links to other articles that stand between the paragraphs of one, as lists, cards and single lines."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from transforms.core.blocks import HEADINGS, SENTENCE_END, squeezed

_LONGEST_LINE, _LONGEST_CARD, _SHORTEST = 200, 300, 20
"""Characters of a headline in a link, of a card with kicker and summary, and of a link too short to be either."""

_LINKED, _HALF = 0.9, 0.5
"""The share of a line that is linked in a bare teaser, and in one with a kicker before the link."""

_LABEL_CHARACTERS = 60
"""Of a label such as "Read more on this subject" that stands over teasers, and is left over when they go."""

_CLIMB = 3
"""Elements around a teaser that may hold it and its label alone."""

_KICKER = re.compile(r"[^.!?…]{2,60}[:|–—>»-]\s*")
_BOXES = ("div", "section", "article", "li", "ul", "ol", "aside")
_HOLDERS = frozenset({"div", "section", "article", "main"})
_BLOCKS = HEADINGS | {"p", "div", "section", "ul", "ol", "table", "blockquote", "article"}


def teasers(tree: HtmlElement, kept: set[HtmlElement]) -> Iterator[tuple[HtmlElement, str]]:
    """The teasers of a page, each with its kind; whoever asks takes each off the tree before asking for the next.

    Args:
        tree: The page without navigation and the like.
        kept: Elements that stay, whatever they are.
    """
    kinds = (
        ("teaser card", ("a",), _is_card),
        ("teaser line", ("a",), _is_alone),
        ("list of teasers", ("ul", "ol"), _is_list),
        ("teaser line", ("p", *sorted(HEADINGS)), _is_line),
    )
    for why, tags, test in kinds:
        for element in [element for element in tree.iter(*tags) if element not in kept and test(element)]:
            for gone in _with_label(element, kept):
                yield gone, why


def _is_card(link: HtmlElement) -> bool:
    """A link around a heading or a paragraph."""
    return next(link.iter(*HEADINGS, "p", "article"), None) is not None and len(squeezed(link)) <= _LONGEST_CARD


def _is_alone(link: HtmlElement) -> bool:
    """A link in a line of its own, between blocks."""
    around, before, behind = link.getparent(), link.getprevious(), link.getnext()
    if around is None or around.tag not in _HOLDERS or (before is None and behind is None):
        return False
    if _text(link.tail) or _text(around.text if before is None else before.tail):
        return False
    if any(beside is not None and beside.tag not in _BLOCKS for beside in (before, behind)):
        return False
    text = squeezed(link)
    return 0 < len(text) <= _LONGEST_LINE and not SENTENCE_END.search(text)


def _is_list(element: HtmlElement) -> bool:
    """A list with no other in it, in which every item is a link, or a kicker and a link."""
    if next(element.iterdescendants("ul", "ol"), None) is not None:
        return False
    some = False
    for item in element.iterchildren("li"):
        text, last, linked = _links(item)
        if not text:
            continue
        if not last or not text.endswith(last) or linked < _HALF * len(text) or len(text) > _LONGEST_LINE:
            return False
        some = True
    return some


def _is_line(element: HtmlElement) -> bool:
    """A paragraph or heading that is a link, or a kicker and a link to its end, and no sentence."""
    if element.find(".//a") is None:
        return False
    text, last, linked = _links(element)
    if not last or not _SHORTEST <= len(text) <= _LONGEST_LINE or not text.endswith(last):
        return False
    sentence = SENTENCE_END.search(text) is not None
    if linked >= _LINKED * len(text):
        return element.tag in HEADINGS or not sentence
    kicker = text[: len(text) - len(last)]
    return not sentence and len(last) >= _SHORTEST and _KICKER.fullmatch(kicker) is not None


def _links(element: HtmlElement) -> tuple[str, str, int]:
    """The text of an element, that of its last link, and the characters in all its links."""
    links = [squeezed(link) for link in element.iter("a")]
    return (squeezed(element), links[-1], sum(map(len, links))) if links else (squeezed(element), "", 0)


def _with_label(element: HtmlElement, kept: set[HtmlElement]) -> Iterator[HtmlElement]:
    """A teaser, the label before it, and what would be left around it with no more in it than a label."""
    around, before, behind = element.getparent(), element.getprevious(), element.getnext()
    if around is None:
        return
    if before is not None and before not in kept and not _text(before.tail) and not _text(element.tail):
        label = squeezed(before)
        heads_nothing = before.tag in HEADINGS and (behind is None or behind.tag in HEADINGS)
        if 0 < len(label) <= _LABEL_CHARACTERS and (heads_nothing or label.endswith(":")):
            yield before
    yield element
    for _ in range(_CLIMB):
        if around is None or around.tag not in _BOXES or around in kept:
            return
        if next(around.iter("p"), None) is not None or len(squeezed(around)) > _LABEL_CHARACTERS:
            return
        element, around = around, around.getparent()
        yield element


def _text(text: str | None) -> str:
    return (text or "").strip()
