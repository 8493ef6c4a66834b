"""From the bytes of a page to the text of its article and what the page says about itself.

The page is parsed once. What is no part of its article goes first, trafilatura finds the text in the rest, and what
it is known to miss or to add is put right from the page itself. Every result is held against the text that the page
shows, so that nothing is lost without a word.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import trafilatura
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from schemas.reject import Reason, Refused
from transforms.core.blocks import bare, shown, squeezed
from transforms.core.charsets import decode_page
from transforms.core.furniture import Taken, prune
from transforms.core.lost import put_back
from transforms.core.metadata import Metadata, headings, read_metadata
from transforms.core.text import letters

__all__ = ["Page", "Taken", "bare", "extract_page", "left_out", "taken_off"]

_SHOWN_LETTERS = 300
"""So many letters outside links and navigation are an article; what a cookie notice says is shorter."""

_SHARE = 0.2
"""A text with less than this share of what the paragraphs of the page or its JSON-LD hold is suspect. Of 148
real pages none falls below it: readers' comments and teasers seldom make up four fifths of a page."""

_SHORT = 0.5
"""Below this share of the paragraphs of the pruned page, the second opinions that trafilatura has are asked for:
6 of 148 real pages fall below it, and one of them gains its text by it. They cost as much time again."""

_MOST_ELEMENTS = 30_000
"""Elements of a page that is given to trafilatura, nine times those of the largest of 148 real pages. Its time
grows with their square, so that of larger pages the blocks are read as they come."""

_MOST_BYTES = 5_000_000
"""Likewise the bytes of a page, three times those of the largest of the 148."""

_DEEPEST_LIST = 200
"""Elements around a list; around those of the 148 there are 26 at most. Here, too, time grows with the square."""

_TOO_MANY_ELEMENTS = 250_000
"""A page of more elements is refused: it is no page of an article, and reading its blocks takes over 4 seconds."""


@dataclass(frozen=True, slots=True)
class Page:
    """An extracted page.

    Attributes:
        text: The article, one paragraph a line: standfirst, subheadings, paragraphs; not the headline.
        metadata: What the page says about itself.
        flags: ``charset_guessed``, ``replaced_characters``, ``parsed_in_part``, ``text_from_jsonld``,
            ``text_from_fallback``.
        put_back: The lines of the text that the extractor had left out.
    """

    text: str
    metadata: Metadata
    flags: tuple[str, ...] = ()
    put_back: tuple[str, ...] = ()


_TOP_LINES = 3
"""Among so many lines at the top a headline is looked for: a kicker and a date may stand above it."""

_SURE_TITLE, _KICKER = 20, 60
"""Letters and figures that a title has at least, and a kicker before it at most, to be taken for that."""

_PARSED_IN_PART, _FROM_JSON_LD, _FROM_FALLBACK = "parsed_in_part", "text_from_jsonld", "text_from_fallback"

_HTML_ELEMENTS = etree.ElementDefaultClassLookup(element=HtmlElement)
"""One class for all elements. The lookup of lxml.html is written in Python and takes a tenth of all the time."""

_count = etree.XPath("count(//*)")


def extract_page(html: bytes, *, url: str | None = None, charset: str | None = None) -> Page:
    """Extracts the article of a page.

    Args:
        html: The page as it came, decompressed. Its size is the caller's to bound.
        url: Where it came from, if known.
        charset: What the carrier (HTTP, a WARC record) says of its encoding.

    Raises:
        Refused: EMPTY where the page shows no text, EXTRACT_LOSS where it shows text of which nearly nothing
            could be extracted, EXTRACT_ERROR where the parser or the extractor gives up, TOO_LARGE where the page
            has hundreds of thousands of elements.
    """
    tree, flags = _parse(html, charset)
    vast = _is_vast(tree, len(html))
    metadata = read_metadata(tree, url)
    if vast:
        return Page(_plain(tree), metadata, (*flags, _FROM_FALLBACK))
    titles = [title for title in map(bare, (metadata.headline or "", *headings(tree))) if title]
    paragraphs = prune(tree)
    text = _without_headline(_trafilatura(tree), titles)
    short = _is_short(text)
    if short and _PARSED_IN_PART in flags:
        raise Refused(Reason.EXTRACT_LOSS, "the page is nested so deeply that the parser gave up")
    if short or len(text) < _SHARE * max(paragraphs, len(metadata.article_body or "")):
        whole, _ = _parse(html, charset)
        text, more = _checked(whole, text, metadata, titles)
        flags = (*flags, *more)
    text, found = put_back(tree, text, metadata.headline, metadata.summaries)
    return Page(text, metadata, flags, tuple(found))


def left_out(html: bytes, text: str, *, charset: str | None = None) -> tuple[str, ...]:
    """The blocks of text that a page shows and ``text`` does not hold, each once, in the order of the page.

    Raises:
        Refused: As ``extract_page``, where the page cannot be parsed.
    """
    tree, _ = _parse(html, charset)
    held = bare(text)
    blocks = dict.fromkeys(block.text() for block in shown(tree))
    return tuple(block for block in blocks if (form := bare(block)) and form not in held)


def taken_off(html: bytes, *, charset: str | None = None) -> tuple[Taken, ...]:
    """What is taken off a page before its text is looked for, and why, in the order in which it goes.

    Raises:
        Refused: As ``extract_page``, where the page cannot be parsed.
    """
    tree, _ = _parse(html, charset)
    taken: list[Taken] = []
    if not _is_vast(tree, len(html)):
        prune(tree, taken)
    return tuple(taken)


def _parse(html: bytes, charset: str | None) -> tuple[HtmlElement, tuple[str, ...]]:
    characters, flags = decode_page(html, charset)
    # huge_tree lifts the depth from 256 to 2,048 elements and the length of a text node from 10 MB to 1 GB.
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    parser.set_element_class_lookup(_HTML_ELEMENTS)
    try:
        tree = document_fromstring(characters.encode("utf-8"), parser=parser)
    except etree.ParserError as error:  # what lxml.html raises where no element is left
        raise Refused(Reason.EMPTY, "there is no element in the page") from error
    except (etree.LxmlError, ValueError) as error:
        raise Refused(Reason.EXTRACT_ERROR, f"the page could not be parsed: {error}") from error
    if any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log):
        flags = (*flags, _PARSED_IN_PART)
    return tree, flags


def _is_short(text: str) -> bool:
    # Most texts have letters enough in their first lines, and counting them takes time.
    return letters(text[: 2 * _SHOWN_LETTERS]) < _SHOWN_LETTERS and letters(text) < _SHOWN_LETTERS


def _is_vast(tree: HtmlElement, size: int) -> bool:
    """Whether a page is too large to be looked at closely.

    Raises:
        Refused: TOO_LARGE where it is too large to be read at all.
    """
    elements = int(_count(tree))
    if elements > _TOO_MANY_ELEMENTS:
        raise Refused(Reason.TOO_LARGE, f"the page has {elements:,} elements; {_TOO_MANY_ELEMENTS:,} are allowed")
    if elements > _MOST_ELEMENTS or size > _MOST_BYTES:
        return True
    return any(
        next(islice(each.iterancestors(), _DEEPEST_LIST, None), None) is not None for each in tree.iter("ul", "ol")
    )


def _plain(tree: HtmlElement) -> str:
    """The blocks of a page outside links and furniture.

    Raises:
        Refused: EMPTY where there are none.
    """
    prose = _prose(tree)
    if not prose:
        raise Refused(Reason.EMPTY, "the page shows no text outside links and navigation")
    return _lines(prose)


def _prose(tree: HtmlElement) -> list[str]:
    return [
        text
        for block in shown(tree)
        if not block.furniture and (text := block.text()) and letters(text) > 2 * block.linked_letters
    ]


def _trafilatura(tree: HtmlElement) -> str:
    """What trafilatura takes for the text, with its second opinions where it takes little."""
    text = _taken(tree)
    if len(text) < _SHORT * sum(len(squeezed(paragraph)) for paragraph in tree.iter("p")):
        return _taken(tree, fast=False)
    return text


def _taken(tree: HtmlElement, *, fast: bool = True, recall: bool = False) -> str:
    """What trafilatura takes for the text, a paragraph a line; it works on a copy of the tree."""
    try:
        found = trafilatura.bare_extraction(
            tree, include_comments=False, with_metadata=False, fast=fast, favor_recall=recall
        )
    except Exception as error:  # whatever it raises, it is about this one page, and named in its dead letter
        raise Refused(Reason.EXTRACT_ERROR, f"the extractor failed: {error!r}") from error
    return _lines((getattr(found, "text", None) or "").split("\n"))


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(folded for line in lines if (folded := " ".join(line.split())))


def _without_headline(text: str, titles: list[str]) -> str:
    """Drops the headline from the top of a text, in the wording of the metadata or of the page."""
    lines = text.split("\n")
    for first in range(min(_TOP_LINES, len(lines))):
        for behind in range(first + 1, min(first + _TOP_LINES, len(lines)) + 1):  # a kicker in a line of its own
            line = bare("".join(lines[first:behind]))
            if any(line == title or _is_with_kicker(line, title) for title in titles):
                return "\n".join(lines[:first] + lines[behind:])
    return text


def _is_with_kicker(line: str, title: str) -> bool:
    """Whether a line is a kicker and the title behind it; a title of a word or two can end any line."""
    return len(title) >= _SURE_TITLE and line.endswith(title) and len(line) <= len(title) + _KICKER


def _checked(tree: HtmlElement, text: str, metadata: Metadata, titles: list[str]) -> tuple[str, tuple[str, ...]]:
    """Holds a short text against what the whole page shows and states, and looks further where it is far too short.

    Raises:
        Refused: EMPTY or EXTRACT_LOSS.
    """
    stated = metadata.article_body or ""
    if letters(stated) > _SHOWN_LETTERS and len(text) < _SHARE * len(stated):
        return stated, (_FROM_JSON_LD,)
    prose = _prose(tree)
    if not prose:
        if stated:
            return stated, (_FROM_JSON_LD,)
        raise Refused(Reason.EMPTY, "the page shows no text outside links and navigation")
    visible = sum(map(letters, prose))
    wanted = min(_SHARE * visible, _SHOWN_LETTERS)
    if letters(text) >= wanted and text:
        return text, ()
    for candidate in (_taken(tree, fast=False), _taken(tree, recall=True), _lines(prose)):
        if letters(candidate) >= wanted:
            return _without_headline(candidate, titles), (_FROM_FALLBACK,)
    raise Refused(Reason.EXTRACT_LOSS, f"{visible} letters are shown and {letters(text)} could be extracted")
