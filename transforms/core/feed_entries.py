"""What a feed says of its entries, in whatever format, to entries of one form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urljoin

import lxml.html
from lxml.etree import iterwalk

from schemas.feed import Entry, FeedDocument, ParsedFeed
from schemas.record import Declared, InputKind, Outlet, Record, TextFrom
from schemas.reject import Refused
from transforms.core.dates import read_date
from transforms.core.text import comparable, sound
from transforms.core.urls import canonical, checked, host

SUMMARY_ONLY = "summary_only"
NO_TEXT = "no_text"

_HEX = 16
"""Of each half of a mark: 64 bits, where a feed is held against some thousand entries."""

_COUNTERS = re.compile(r"[\d\s]+")
"""What is left out of a summary before it is compared: "12 reacties" must not make a new article at every poll."""

_BLANKS = re.compile(r"\s+")
_FRAME = re.compile(r"</?(?:html|body)(?:\s[^<>]*)?>", re.IGNORECASE)
_BLOCKS = frozenset(
    ["address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure"]
)
_BLOCKS |= {"footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre"}
_BLOCKS |= {"section", "table", "td", "th", "tr", "ul"}
_UNSEEN = frozenset(["head", "iframe", "noscript", "object", "script", "style", "template", "title"])
_CLOSED = re.compile(rf"<(?:{'|'.join(sorted(_UNSEEN))})(?:\s[^<>]*)?/>", re.IGNORECASE)
# In XML nothing is in such an element; in HTML all that follows is.


@dataclass(frozen=True, slots=True)
class Item:
    """What a feed says of one entry: texts, not markup.

    Attributes:
        raw: what a dead letter fingerprints.
        guid: its own id.
        link: its address as it was written.
        title: on one line.
        summary: empty where the feed has none of its own.
        content: the text of the article; empty where the feed does not give it.
        published: as it was written, like ``updated``.
        updated: when it was last changed.
        language: only where it is stated for this entry.
        section: the publisher's.
        keywords: categories and tags, each once.
        authors: their names.
    """

    raw: bytes
    guid: str | None = None
    link: str | None = None
    title: str | None = None
    summary: str = ""
    content: str = ""
    published: str | None = None
    updated: str | None = None
    language: str | None = None
    section: str | None = None
    keywords: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Channel:
    """What a feed says of itself.

    Attributes:
        format: such as ``rss20``.
        title: how it calls itself.
        site: the address of the outlet's site.
        language: of the feed.
        bases: what the links of its entries may be relative to, the likeliest first.
    """

    format: str
    title: str | None
    site: str | None
    language: str | None
    bases: tuple[str | None, ...]


def assembled(document: FeedDocument, channel: Channel, items: Iterable[Item], flags: tuple[str, ...]) -> ParsedFeed:
    """The feed with its entries in its order; of entries with the same mark the first.

    Args:
        document: the feed as it came.
        channel: what it says of itself.
        items: what it says of its entries.
        flags: the quality flags of the feed, which each of its entries gets.
    """
    outlet = _outlet(document, channel)
    entries: dict[str, Entry] = {}
    for number, item in enumerate(items, start=1):
        entry = _entry(item, number, document, outlet, channel.bases, flags)
        entries.setdefault(entry.mark, entry)
    return ParsedFeed(tuple(entries.values()), channel.format, channel.title)


def _outlet(document: FeedDocument, channel: Channel) -> Outlet:
    known = document.source.outlet
    return replace(
        known,
        source_id=known.source_id or (host(channel.site) if channel.site and "://" in channel.site else None),
        name=known.name or channel.title,
        language=channel.language or known.language,
        feed_url=known.feed_url or document.source.url,
    )


def _entry(
    item: Item,
    number: int,
    document: FeedDocument,
    outlet: Outlet,
    bases: tuple[str | None, ...],
    flags: tuple[str, ...],
) -> Entry:
    source = document.source
    text = item.content or item.summary
    if not item.content:
        flags = (*flags, SUMMARY_ONLY if text else NO_TEXT)
    url = absolute(item.link, *bases)
    # Where the page gives the text, the summary is no less a summary for being all that the item has.
    described = source.text is TextFrom.PAGE or item.summary != text
    declared = Declared(
        guid=item.guid,
        url=url,
        title=item.title,
        description=line(item.summary) if described else None,
        published=item.published or item.updated,
        modified=item.updated if item.published and not _same_moment(item.published, item.updated) else None,
        language=item.language,
        section=item.section,
        keywords=item.keywords,
        authors=item.authors,
    )
    name = number if source.on_disk else item.guid or url or number
    record = Record(
        kind=InputKind.FEED,
        ref=f"{source.url}#{name}",
        record=item.guid or url or f"{item.title}\n{text}",
        outlet=outlet,
        declared=declared,
        raw=item.raw,
        text=text,
        flags=flags,
    )
    return Entry(record, _mark(item, url, text, whole=source.text is TextFrom.ITEM or url is None))


def _same_moment(published: str, updated: str | None) -> bool:
    """Whether both dates say the same, be it in two spellings: RSS has ``pubDate`` and ``dc:date`` side by side."""
    if updated is None or updated == published:
        return True
    first, second = (read_date(written, evidence="") for written in (published, updated))
    return first is not None and second is not None and first.edtf == second.edtf


def _mark(item: Item, url: str | None, text: str, *, whole: bool) -> str:
    """See ``Entry.mark``; ``whole``: whether the text of the item is the article."""
    try:
        name = ("url", canonical(checked(url or "")))
    except Refused:
        name = ("guid", item.guid) if item.guid else ("text", f"{item.title}\n{text}")
    edited = (
        item.title or "",
        item.published or "",
        item.updated or "",
        _COUNTERS.sub("", comparable(item.summary)),
        comparable(text) if whole else "",
    )
    return _half(name) + _half(edited)


def _half(parts: tuple[str, ...]) -> str:
    # No part holds the separator: NUL is among the characters that ``sound`` replaces.
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_HEX]


def absolute(link: str | None, *bases: str | None) -> str | None:
    """``link`` below the first of the ``bases`` that is an address on the web; as it is where none is one."""
    base = next(filter(is_web, bases), None)
    try:
        return urljoin(base, link) if link and base else link
    except ValueError:
        return link


def is_web(address: str | None) -> bool:
    """Whether an address is one of http or https."""
    return address is not None and address.lower().startswith(("http://", "https://"))


def line(value: object) -> str | None:
    """A text on one line, sound; ``None`` for what is none or blank."""
    return " ".join(sound(value)[0].split()) or None if isinstance(value, str) else None


def lines(values: Iterable[object]) -> tuple[str, ...]:
    """Those of the ``values`` that are texts, on one line and each once, in order."""
    return tuple(dict.fromkeys(text for value in values if (text := line(value))))


def fragment_text(markup: str) -> str:
    """The text of a piece of HTML, a line for each block and a blank line between paragraphs.

    What is nested more than some 2,000 elements deep, which no page needs, is lost in the parser.
    """
    markup = sound(markup)[0]
    if "<" not in markup and "&" not in markup:
        return markup.strip()
    parser = lxml.html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True)
    root = lxml.html.document_fromstring("<html><body>" + _FRAME.sub("", _CLOSED.sub("", markup)), parser=parser)
    pieces: list[str] = []
    unseen = 0
    for event, node in iterwalk(root, events=("start", "end")):
        pieces.append("\n" if node.tag in _BLOCKS else "")
        if event == "start":
            unseen += node.tag in _UNSEEN
            pieces.append("" if unseen else _BLANKS.sub(" ", node.text or ""))
        else:
            unseen -= node.tag in _UNSEEN
            pieces.append("" if unseen else _BLANKS.sub(" ", node.tail or ""))
    rows = (" ".join(row.split()) for row in "".join(pieces).split("\n"))
    return "\n\n".join(row for row in rows if row)
