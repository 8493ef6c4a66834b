"""A feed to its entries."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from time import struct_time
from typing import Any
from urllib.parse import urljoin

import feedparser
import lxml.html
from lxml.etree import iterwalk

from schemas.record import Declared, InputKind, Record, SourceFile
from schemas.reject import Reason, Refused
from transforms.core.charsets import decode_page
from transforms.core.dates import read_date
from transforms.core.text import sound
from transforms.core.urls import host

FEED_BOZO = "feed_bozo"
SUMMARY_ONLY = "summary_only"
NO_TEXT = "no_text"

_BLANKS = re.compile(r"\s+")
_ENTITY = re.compile(r"<!ENTITY", re.IGNORECASE)
_HTML = re.compile(r"<html[\s>]", re.IGNORECASE)
_WIDE = (b"<\x00", b"\x00<")
_FRAME = re.compile(r"</?(?:html|body)(?:\s[^<>]*)?>", re.IGNORECASE)
_BLOCKS = frozenset(
    ["address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure"]
)
_BLOCKS |= {"footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre"}
_BLOCKS |= {"section", "table", "td", "th", "tr", "ul"}
_UNSEEN = frozenset(["head", "iframe", "noscript", "object", "script", "style", "template", "title"])


def read_feed(raw: bytes, file: SourceFile) -> Iterator[Record]:
    """Every entry of the feed in ``raw``, in its order.

    The text is the entry's content, or where it has none its summary (flag ``summary_only``). An entry without
    either is kept with its title (flag ``no_text``).

    Raises:
        Refused: ``XML_FORBIDDEN`` for declared entities, ``NOT_A_FEED`` where no feed format is recognised,
            ``FEED_PARSE`` where the parser fails.
    """
    # Decoded here and not by feedparser, which reads encodings in which no search would find a declaration.
    markup, flags = decode_page(raw, None)
    if _ENTITY.search(markup) or raw[:2] in _WIDE:
        raise Refused(Reason.XML_FORBIDDEN, "the XML declares entities or is in an encoding that hides them")
    if not markup.strip():
        raise Refused(Reason.NOT_A_FEED, "the file is empty")
    carrier = {"content-type": "application/xml; charset=utf-8"}
    try:
        parsed = feedparser.parse(BytesIO(markup.encode()), response_headers=carrier)
    except Exception as fault:
        # feedparser lets errors of any kind through from the parsers beneath it.
        raise Refused(Reason.FEED_PARSE, f"the feed parser failed: {type(fault).__name__}: {fault}"[:300]) from fault
    if not parsed.get("version"):
        what = "an HTML page" if _HTML.search(markup[:4096]) else "no RSS, RDF or Atom"
        raise Refused(Reason.NOT_A_FEED, f"{what}, not a feed")
    flags += (FEED_BOZO,) if parsed.get("bozo") else ()
    outlet = _outlet(parsed.feed, file)
    site = _line(parsed.feed.get("link"))
    for number, entry in enumerate(parsed.entries, start=1):
        yield _record(entry, number, replace(file, outlet=outlet), flags, site)


def _outlet(feed: Mapping[str, Any], file: SourceFile) -> Any:
    known = file.outlet
    site = feed.get("link")
    return replace(
        known,
        source_id=known.source_id or (host(site) if isinstance(site, str) and "://" in site else None),
        name=known.name or _line(feed.get("title")),
        language=_line(feed.get("language")) or known.language,
        feed_url=known.feed_url or file.path,
    )


def _record(
    entry: Mapping[str, Any], number: int, file: SourceFile, flags: tuple[str, ...], site: str | None
) -> Record:
    # feedparser leaves out what it did not find, and puts None where a tag confused it.
    contents, labels = entry.get("content") or [], entry.get("tags") or []
    body = max((c.get("value") or "" for c in contents), key=len, default="")
    text, description = fragment_text(body), fragment_text(entry.get("summary") or "")
    if not text:
        text, description = description, ""
        flags = (*flags, SUMMARY_ONLY if text else NO_TEXT)
    published, updated = _date(entry, "published"), _date(entry, "updated")
    guid = _line(entry.get("id"))
    url = _link(entry, site)
    declared = Declared(
        guid=guid,
        url=url,
        title=_line(fragment_text(entry.get("title") or "")),
        description=_line(description) if description != text else None,
        published=published or updated,
        modified=updated if published and updated != published else None,
        language=_line(contents[0].get("language")) if contents else None,
        section=next((_line(t.get("term")) for t in labels if t.get("term")), None),
        keywords=tuple(k for t in labels if (k := _line(t.get("term")))),
        authors=tuple(n for a in entry.get("authors") or () if (n := _line(a.get("name")))),
    )
    return Record(
        kind=InputKind.FEED,
        ref=f"{file.path}#{number}",
        record=guid or url or f"{declared.title}\n{text}",
        outlet=file.outlet,
        declared=declared,
        raw=repr(sorted((k, str(v)) for k, v in entry.items())).encode("utf-8", "replace"),
        text=text,
        flags=flags,
    )


def _link(entry: Mapping[str, Any], site: str | None) -> str | None:
    """The address of an entry, a relative one below that of the site.

    Where it has none feedparser puts its id there, which need not be an address.
    """
    link = _line(entry.get("link"))
    if link and link == _line(entry.get("id")) and not link.lower().startswith(("http://", "https://")):
        return None
    try:
        return urljoin(site, link) if site and link else link
    except ValueError:
        return link


def _date(entry: Mapping[str, Any], key: str) -> str | None:
    """The date as it was written where we can read that, else as feedparser reads it.

    feedparser makes midnight of a day alone and guesses at what it does not know, so it is asked for times only.
    """
    # The plain look-up of a dict: feedparser's own gives the other date, with a warning, where one is missing.
    written = _line(dict(entry).get(key))
    if written and read_date(written, evidence=key) is not None:
        return written
    parsed = dict(entry).get(f"{key}_parsed")
    if written and ":" in written and isinstance(parsed, struct_time) and 0 < parsed.tm_year <= dt.MAXYEAR:
        return dt.datetime(*parsed[:6], tzinfo=dt.UTC).isoformat()
    return written


def _line(value: object) -> str | None:
    text = " ".join(sound(str(value))[0].split()) if value else ""
    return text or None


def fragment_text(markup: str) -> str:
    """The text of a piece of HTML, a line for each block and a blank line between paragraphs.

    What is nested more than some 2,000 elements deep, which no page needs, is lost in the parser.
    """
    markup = sound(markup)[0]
    if "<" not in markup and "&" not in markup:
        return markup.strip()
    parser = lxml.html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True)
    root = lxml.html.document_fromstring("<html><body>" + _FRAME.sub("", markup), parser=parser)
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
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return "\n\n".join(line for line in lines if line)
