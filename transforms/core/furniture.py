"""What stands on a page around and inside its article and is none of it, taken off the tree before it is read.

Only what the page itself marks is taken: by the element, by an ARIA role, by whole words in the names of classes
and ids, by being hidden. Nothing goes that holds a title, a stated body or a good part of the paragraphs. A smaller
tree is a faster one, too: this takes off two thirds of the elements of a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise

from lxml import etree
from lxml.html import HtmlElement

from transforms.core.blocks import is_unseen, squeezed, string
from transforms.core.teasers import teasers

_SHARE = 0.3
"""Furniture holds at most this share of the characters in the paragraphs of a page; of 148 pages none loses a
sentence of its article to a greater one. All that goes by its name together holds at most half of them."""

_FEW = 500
"""With fewer characters in paragraphs than this, a page writes its text into other elements, and all text counts."""

_TITLES, _BODIES = 10, 5
"""Titles and stated bodies of a page that are looked at: more are no page of one article."""

_NAME_CHARACTERS, _LABEL_CHARACTERS = 1_000, 40
"""Of the longest list of names: those of utility classes run to 600, and a longer one is dropped, since it is
searched again and again. A longer label is a headline."""

_CAPTION_CHARACTERS, _CAPTION_PARAGRAPHS = 400, 2
"""A picture with so much text is a picture with its caption and credit."""

_NO_TEXT = (
    *("script", "style", "noscript", "head", "svg", "math", "iframe", "object", "embed", "select", "textarea"),
    *("button", "audio", "video", "canvas", "map", "datalist", "dialog", "menu", "input", "label", "link", "meta"),
)
_IMAGES = ("img", "picture", "source")
_ASIDE = frozenset({"nav", "footer", "aside", "form", "figure", "figcaption", "fieldset", "template"})
_NEVER = frozenset({"html", "body", "main", "h1"})
_ROLES = frozenset(
    {
        *("navigation", "complementary", "contentinfo", "search", "dialog", "alertdialog", "menu", "menubar"),
        *("tablist", "toolbar", "tooltip", "alert", "status", "figure"),
    }
)

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_STATE = re.compile(r"(?:has|is|no|not|with|without|tag|category|topic|term|js|hide|show|type|status|format)[-_:]")
"""Begins a name that says what its element has or is about, and not what it is."""

_NAMES = frozenset(
    {
        *("newsletter", "newsletters", "related", "recommended", "recommendation", "recommendations", "trending"),
        *("promo", "promobox", "outbrain", "taboola", "advert", "advertisement", "advertising", "advertorial"),
        *("sponsored", "infobox", "factbox", "sidebar", "breadcrumb", "breadcrumbs", "disqus", "signup"),
        *("modal", "popup", "lightbox", "tooltip", "toolbar", "playlist", "poll", "quiz", "survey"),
        *("caption", "captions", "credit", "credits", "copyright", "biography", "bio"),
        *("cookie", "cookies", "consent", "gdpr", "readmore", "seealso", "mostread"),
        *("tweet", "instagram", "tiktok", "facebook", "visuallyhidden", "offscreen"),
    }
)
_PAIRS = frozenset(
    {
        *(("author", "box"), ("author", "info"), ("author", "card"), ("author", "profile"), ("about", "author")),
        *(("read", "more"), ("read", "also"), ("see", "also"), ("also", "read"), ("also", "like"), ("up", "next")),
        *(("more", "stories"), ("more", "topic"), ("most", "read"), ("most", "popular"), ("news", "letter")),
        *(("fact", "box"), ("info", "box"), ("sign", "up"), ("line", "clamp")),
        *(("video", "title"), ("video", "heading"), ("video", "headline")),
        *(("image", "title"), ("image", "description"), ("photo", "description")),
        *(("sr", "only"), ("visually", "hidden"), ("screen", "reader")),
    }
)
_PICTURE = re.compile(
    r"(?:image|img|photo|foto|picture|pic|bild)(?:box)?|\w*(?:image|img|photo|foto|picture|bild|gallery|slideshow|media)s?"
)

_with_body = etree.XPath("//*[@itemprop='articleBody']")
_count = etree.XPath("count(.//*)")


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken off a page: why, and the text of it on one line."""

    why: str
    text: str


@dataclass(slots=True)
class _Names:
    """What the names of one page say. Most of them stand on many elements."""

    known: dict[str, str] = field(default_factory=dict)

    def furniture(self, names: str) -> str:
        """The first of the names that is one of furniture, or nothing."""
        if names not in self.known:
            self.known[names] = next((part for part in names.split() if self._is_furniture(part)), "")
        return self.known[names]

    def _is_furniture(self, name: str) -> bool:
        if _STATE.match(name):
            return False
        words = [word.lower() for word in _WORDS.findall(name)]
        return not _NAMES.isdisjoint(words) or any(pair in _PAIRS for pair in pairwise(words))


def prune(tree: HtmlElement, taken: list[Taken] | None = None) -> int:
    """Takes off the tree what is no part of an article. Text behind an element that goes stays.

    Args:
        tree: The page; it is changed.
        taken: Gets what went, if given, but for what no reader sees.

    Returns:
        The characters that the paragraphs of the page held before.
    """
    etree.strip_elements(tree, *_NO_TEXT, with_tail=False)
    total = _in_paragraphs(tree)
    kept = _protected(tree)
    doomed = list(_furniture(tree, kept, total))
    if 2 * sum(characters for _, why, characters in doomed if why.startswith("name ")) > total:
        doomed = [each for each in doomed if not each[1].startswith("name ")]
    for element, why, _ in doomed:
        _take(element, why, taken)
    pictures: dict[str, bool] = {}
    for element in [each for each in tree.iter("div", "section", "span") if _is_picture(each, pictures)]:
        if element not in kept:
            _take(element, "picture with its caption", taken)
    for element, why in teasers(tree, kept):
        _take(element, why, taken)
    etree.strip_elements(tree, *_IMAGES, with_tail=False)
    return total


def _take(element: HtmlElement, why: str, taken: list[Taken] | None) -> None:
    if element.getparent() is None:
        return
    if taken is not None and not is_unseen(element) and (text := squeezed(element)):
        taken.append(Taken(why, text))
    element.drop_tree()


def _in_paragraphs(element: HtmlElement) -> int:
    return sum(len(string(paragraph)) for paragraph in element.iter("p"))


def _protected(tree: HtmlElement) -> set[HtmlElement]:
    """Titles, what is marked as the body, and all around them."""
    kept: set[HtmlElement] = set()
    for element in (*islice(tree.iter("h1"), _TITLES), *_with_body(tree)[:_BODIES]):
        kept.add(element)
        kept.update(element.iterancestors())
    return kept


def _furniture(tree: HtmlElement, kept: set[HtmlElement], total: int) -> Iterator[tuple[HtmlElement, str, int]]:
    """Elements that are furniture, why, and the characters of their paragraphs; none within another."""
    names = _Names()
    all_text = len(string(tree)) if total < _FEW else 0
    elements = list(tree.iter())
    at = 0
    while at < len(elements):
        element = elements[at]
        at += 1
        if element.tag in _NEVER or element in kept:
            continue
        why = _why(element, names)
        if not why:
            continue
        characters = _in_paragraphs(element)
        if characters <= _SHARE * total and not (all_text and len(string(element)) > _SHARE * all_text):
            yield element, why, characters
            at += int(_count(element))


def _why(element: HtmlElement, names: _Names) -> str:
    """Why an element is furniture, if it is. Names of no sensible length are taken off it."""
    tag = str(element.tag)
    if tag in _ASIDE:
        return f"<{tag}>" if tag != "figure" or element.find(".//table") is None else ""
    attributes = element.attrib
    if not attributes:
        return ""
    if attributes.get("role") in _ROLES:
        return f"role {attributes['role']}"
    # A paragraph may be hidden from screen readers where a paywall covers it.
    if attributes.get("aria-hidden") == "true" and tag != "p":
        return "hidden"
    if is_unseen(element):
        return "hidden"
    for attribute in ("class", "id"):
        value = attributes.get(attribute) or ""
        if len(value) > _NAME_CHARACTERS:
            del attributes[attribute]
        elif value and (name := names.furniture(value)):
            return f"name {name}"
    label = attributes.get("aria-label") or ""
    if label and len(label) <= _LABEL_CHARACTERS and (name := names.furniture(label)):
        return f"name {name}"
    return ""


def _is_picture(element: HtmlElement, known: dict[str, bool]) -> bool:
    """Whether an element is named after a picture and holds one and little text: a caption."""
    names = element.get("class")
    if not names:
        return False
    if names not in known:
        known[names] = any(_PICTURE.fullmatch(word.lower()) for word in _WORDS.findall(names))
    if not known[names]:
        return False
    if next(element.iter("img", "picture"), None) is None or next(element.iter("h1", "h2", "h3"), None) is not None:
        return False
    paragraphs = sum(1 for _ in islice(element.iter("p"), _CAPTION_PARAGRAPHS + 1))
    return paragraphs <= _CAPTION_PARAGRAPHS and len(squeezed(element)) <= _CAPTION_CHARACTERS
