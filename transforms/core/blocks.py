"""The blocks of text on a page: what stands between two block elements, as a reader sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree
from lxml.html import HtmlElement

INLINE = frozenset(
    {
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code"),
        *("data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label"),
        *("mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span"),
        *("strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    }
)
UNSEEN = frozenset(
    {
        *("script", "style", "noscript", "template", "head", "svg", "math", "iframe", "object", "select"),
        *("textarea", "button", "audio", "video", "canvas", "map", "datalist", "dialog"),
    }
)
FURNITURE = frozenset({"nav", "footer", "aside", "menu", "figcaption"})
HEADINGS = frozenset({"h2", "h3", "h4", "h5", "h6"})

SENTENCE_END = re.compile(r"[.!?…。！？][\"'”“’»«)\]]*\Z")
"""The end of a line that is a sentence, as headlines and labels are none."""

_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_NEITHER = re.compile(r"[\W_]+")

string = etree.XPath("string()", smart_strings=False)
"""The text of an element with all in it, as it is written."""


def bare(text: str) -> str:
    """The letters and figures of a text alone, in small letters: the same for two layouts of it."""
    return _NEITHER.sub("", text.casefold())


def squeezed(element: HtmlElement) -> str:
    """The text of an element on one line."""
    return " ".join(string(element).split())


def is_unseen(element: HtmlElement) -> bool:
    """Whether an element is hidden, or of a kind that holds no text of the page."""
    return (
        element.tag in UNSEEN
        or element.get("hidden") is not None
        or _HIDDEN.search(element.get("style") or "") is not None
    )


def leaves(tree: HtmlElement) -> list[HtmlElement]:
    """The block elements with no other block element in them, in the order of the page."""
    found: list[HtmlElement] = []
    outer: set[HtmlElement | None] = set()
    for element in tree.iter():
        if element.tag in INLINE or element.tag == "br":
            continue
        found.append(element)
        around = element.getparent()
        while around is not None and around.tag in INLINE:
            around = around.getparent()
        outer.add(around)
    return [element for element in found if element not in outer]


@dataclass(slots=True)
class Block:
    """A stretch of text between two block elements.

    Attributes:
        linked_letters: Characters of it, without white space, that stand in links.
        furniture: Whether it stands in navigation, a footer or the like.
    """

    parts: list[str] = field(default_factory=list)
    linked_letters: int = 0
    furniture: bool = False

    def text(self) -> str:
        """The text on one line."""
        return " ".join("".join(self.parts).split())


def shown(tree: HtmlElement) -> Iterator[Block]:
    """The text that a page shows, block by block, without what readers do not see."""
    links = furniture = 0
    block = Block()
    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        starts = event == "start"
        links += (1 if starts else -1) * (element.tag == "a")
        furniture += (1 if starts else -1) * (element.tag in FURNITURE)
        unseen = is_unseen(element)
        if not unseen and element.tag not in INLINE:
            if block.text():
                yield block
            block = Block(furniture=furniture > 0)
        if starts and unseen:
            walk.skip_subtree()
            continue
        text = (element.text if starts else element.tail) or ""
        block.parts.append(text)
        block.linked_letters += len(bare(text)) if links else 0
    if block.text():
        yield block
