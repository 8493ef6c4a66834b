"""From the bytes of a page to the text of its article and what the page says about itself.

The page is parsed once; trafilatura finds the text, and what it is known to miss or to add at the top is put
right from the page itself. Every result is held against the text that the page shows, so that nothing is lost
without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import trafilatura
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from schemas.reject import Reason, Refused
from transforms.core.charsets import decode_page
from transforms.core.metadata import Metadata, headings, read_metadata
from transforms.core.text import letters

_SHOWN_LETTERS = 300
"""So many letters outside links and navigation are an article; what a cookie notice says is shorter."""

_SHARE = 0.2
"""A text with less than this share of what the paragraphs of the page or its JSON-LD hold is suspect. Of 148
real pages none falls below it: readers' comments and teasers seldom make up four fifths of a page."""


@dataclass(frozen=True, slots=True)
class Page:
    """An extracted page.

    Attributes:
        text: The article, one paragraph a line: standfirst, subheadings, paragraphs; not the headline.
        metadata: What the page says about itself.
        flags: ``charset_guessed``, ``replaced_characters``, ``parsed_in_part``, ``text_from_jsonld``,
            ``text_from_fallback``.
    """

    text: str
    metadata: Metadata
    flags: tuple[str, ...] = ()


_TOP_LINES = 3
"""Among so many lines at the top a headline is looked for: a kicker and a date may stand above it."""

_SURE_TITLE, _KICKER = 20, 60
"""Letters and figures that a title has at least, and a kicker before it at most, to be taken for that."""

_SHORTEST_STANDFIRST, _PROBE = 30, 20
"""Characters: below lie section names and the like; so much of the beginning must stand in one text node."""

_TRIES = 10
"""Places tried for a description: more are no page of one article, and each costs a look at all around it."""

_MORE, _ALIKE = 1.5, 0.8
"""A standfirst holds the description and at most half as much again (a dateline, a last sentence), or shares
four fifths of its words. On 148 pages 44 were put back so, 41 of them rightly."""

_holding = etree.XPath("//body//text()[contains(., $probe)]")

_PARSED_IN_PART, _FROM_JSON_LD, _FROM_FALLBACK = "parsed_in_part", "text_from_jsonld", "text_from_fallback"

_INLINE = frozenset(
    {
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code"),
        *("data", "del", "dfn", "em", "font", "i", "ins", "kbd", "label"),
        *("mark", "q", "rp", "rt", "ruby", "s", "samp", "small", "span"),
        *("strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr"),
    }
)
_UNSEEN = frozenset(
    {
        *("script", "style", "noscript", "template", "head", "svg", "math", "iframe", "object", "select"),
        *("textarea", "button", "audio", "video", "canvas", "map", "datalist", "dialog"),
    }
)
_FURNITURE = frozenset({"nav", "footer", "aside", "menu", "figcaption"})
_NO_STANDFIRST = _FURNITURE | {"a", "figure", "table", "title"}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


@dataclass(slots=True)
class _Block:
    """A stretch of text between two block elements, while the page is walked."""

    parts: list[str] = field(default_factory=list)
    linked_letters: int = 0
    furniture: bool = False

    def text(self) -> str:
        return " ".join("".join(self.parts).split())


def extract_page(html: bytes, *, url: str | None = None, charset: str | None = None) -> Page:
    """Extracts the article of a page.

    Args:
        html: The page as it came, decompressed. Its size is the caller's to bound.
        url: Where it came from, if known.
        charset: What the carrier (HTTP, a WARC record) says of its encoding.

    Raises:
        Refused: EMPTY where the page shows no text, EXTRACT_LOSS where it shows text of which nearly nothing
            could be extracted, EXTRACT_ERROR where the parser or the extractor gives up.
    """
    tree, flags = _parse(html, charset)
    metadata = read_metadata(tree, url)
    text = _without_headline(tree, _trafilatura(tree), metadata.headline)
    if _PARSED_IN_PART in flags and letters(text) < _SHOWN_LETTERS:
        raise Refused(Reason.EXTRACT_LOSS, "the page is nested so deeply that the parser gave up")
    text, more = _checked(tree, text, metadata)
    if standfirst := _standfirst(tree, text, metadata.summaries):
        text = f"{standfirst}\n{text}"
    return Page(text, metadata, (*flags, *more))


def left_out(html: bytes, text: str, *, charset: str | None = None) -> tuple[str, ...]:
    """The blocks of text that a page shows and ``text`` does not hold, each once, in the order of the page.

    Raises:
        Refused: As ``extract_page``, where the page cannot be parsed.
    """
    tree, _ = _parse(html, charset)
    held = bare(text)
    shown = dict.fromkeys(block.text() for block in _blocks(tree))
    return tuple(block for block in shown if (form := bare(block)) and form not in held)


def bare(text: str) -> str:
    """The letters and figures of a text alone, in small letters: the same for two layouts of it."""
    return "".join(char for char in text.casefold() if char.isalnum())


def _parse(html: bytes, charset: str | None) -> tuple[HtmlElement, tuple[str, ...]]:
    characters, flags = decode_page(html, charset)
    # huge_tree lifts the depth from 256 to 2,048 elements and the length of a text node from 10 MB to 1 GB.
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        tree = document_fromstring(characters.encode("utf-8"), parser=parser)
    except etree.ParserError as error:  # what lxml.html raises where no element is left
        raise Refused(Reason.EMPTY, "there is no element in the page") from error
    except (etree.LxmlError, ValueError) as error:
        raise Refused(Reason.EXTRACT_ERROR, f"the page could not be parsed: {error}") from error
    if any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log):
        flags = (*flags, _PARSED_IN_PART)
    return tree, flags


def _trafilatura(tree: HtmlElement, *, recall: bool = False) -> str:
    """What trafilatura takes for the text, a paragraph a line; it works on a copy of the tree."""
    try:
        found = trafilatura.bare_extraction(tree, include_comments=False, with_metadata=False, favor_recall=recall)
    except Exception as error:  # whatever it raises, it is about this one page, and named in its dead letter
        raise Refused(Reason.EXTRACT_ERROR, f"the extractor failed: {error!r}") from error
    return _lines((getattr(found, "text", None) or "").split("\n"))


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(folded for line in lines if (folded := " ".join(line.split())))


def _without_headline(tree: HtmlElement, text: str, headline: str | None) -> str:
    """Drops the headline from the top of a text, in the wording of the metadata or of the page."""
    titles = [title for title in map(bare, (headline or "", *headings(tree))) if title]
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


def _checked(tree: HtmlElement, text: str, metadata: Metadata) -> tuple[str, tuple[str, ...]]:
    """Holds the text against what the page shows and states, and looks further where it is far too short.

    Raises:
        Refused: EMPTY or EXTRACT_LOSS.
    """
    found = letters(text)
    stated = metadata.article_body or ""
    if "\n" not in text and bare(text) == bare(stated) and found:
        # trafilatura falls back to JSON-LD by itself, but loses its line breaks.
        shown = bare("".join(block.text() for block in _blocks(tree)))
        return (text, ()) if bare(text) in shown else (stated, (_FROM_JSON_LD,))
    paragraphs = sum(len(str(paragraph.text_content())) for paragraph in tree.iter("p"))
    enough = len(text) >= _SHARE * max(paragraphs, len(stated))
    if found >= _SHOWN_LETTERS and enough:
        return text, ()
    if letters(stated) > _SHOWN_LETTERS and len(text) < _SHARE * len(stated):
        return stated, (_FROM_JSON_LD,)
    prose = [
        shown
        for block in _blocks(tree)
        if not block.furniture and letters(shown := block.text()) > 2 * block.linked_letters
    ]
    if not prose:
        raise Refused(Reason.EMPTY, "the page shows no text outside links and navigation")
    visible = sum(map(letters, prose))
    wanted = min(_SHARE * visible, _SHOWN_LETTERS)
    for candidate in (text, _trafilatura(tree, recall=True), _lines(prose)):
        if letters(candidate) >= wanted:
            return candidate, () if candidate == text else (_FROM_FALLBACK,)
    raise Refused(Reason.EXTRACT_LOSS, f"{visible} letters are shown and {found} could be extracted")


def _blocks(tree: HtmlElement) -> Iterator[_Block]:
    """The text that a page shows, block by block, without what readers do not see."""
    links = furniture = 0
    block = _Block()
    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        starts = event == "start"
        links += (1 if starts else -1) * (element.tag == "a")
        furniture += (1 if starts else -1) * (element.tag in _FURNITURE)
        unseen = _is_unseen(element)
        if not unseen and element.tag not in _INLINE:
            if block.text():
                yield block
            block = _Block(furniture=furniture > 0)
        if starts and unseen:
            walk.skip_subtree()
            continue
        text = (element.text if starts else element.tail) or ""
        block.parts.append(text)
        block.linked_letters += letters(text) if links else 0
    if block.text():
        yield block


def _is_unseen(element: HtmlElement) -> bool:
    return (
        element.tag in _UNSEEN
        or element.get("hidden") is not None
        or _HIDDEN.search(element.get("style") or "") is not None
    )


def _standfirst(tree: HtmlElement, text: str, summaries: tuple[str, ...]) -> str | None:
    """The description, where the page shows it as an element of its own and the text does not hold it."""
    held = bare(text)
    for summary in summaries:
        form = bare(summary.rstrip(". …"))
        if len(form) < _SHORTEST_STANDFIRST or form in held:
            continue
        if (shown := _shown(tree, summary.rstrip(". …"))) and bare(shown) not in held:
            return shown
    return None


def _shown(tree: HtmlElement, summary: str) -> str | None:
    """The first text block of the page, outside links and furniture, that says what the summary says."""
    probe = summary[:_PROBE]
    words = set(summary.casefold().split())
    form = bare(summary)
    for found in _holding(tree, probe=probe)[:_TRIES]:
        block: HtmlElement | None = found.getparent()
        if found.is_tail and block is not None:
            block = block.getparent()
        # Up from words in bold to their paragraph, and from the first of two paragraphs to what holds both.
        while block is not None and (up := block.getparent()) is not None:
            if block.tag not in _INLINE - {"a"} and len(bare(str(up.text_content()))) > len(form):
                break
            block = up
        if block is None or any(
            above.tag in _NO_STANDFIRST or _is_unseen(above) for above in (block, *block.iterancestors())
        ):
            continue
        shown = " ".join(str(block.text_content()).split())
        others = set(shown.casefold().split())
        alike = len(words & others) >= _ALIKE * max(len(words), len(others))
        if alike or (form in bare(shown) and len(bare(shown)) <= _MORE * len(form)):
            return shown
    return None
