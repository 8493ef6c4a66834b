"""Lists of feeds as OPML 2.0, in and out (http://opml.org/spec2.opml), and as the tables of ``feeds.toml``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from lxml import etree

from schemas.reject import Reason, Refused
from transforms.core.charsets import decode_page
from transforms.core.feed_entries import line
from transforms.core.text import sound
from transforms.core.urls import checked, host

_ENTITY = re.compile(r"<!ENTITY", re.IGNORECASE)
_DECLARATION = re.compile(r"\A<\?xml\s[^<>]*>")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_NO_NAME = re.compile(r"[^a-z0-9._-]+")
_LONGEST_NAME = 63
# Of an outlet: what a host name's label may have.

_FEED_TYPES = frozenset(["", "rss", "atom", "rdf", "feed", "json"])
"""What outlines of feeds are called; others are links, searches and what a reader keeps for itself."""

_CARRIERS = frozenset(["feeds.feedburner.com", "feeds2.feedburner.com", "feedproxy.google.com", "rss.app"])
"""Hosts that carry the feeds of many outlets, so that they name none."""


@dataclass(frozen=True, slots=True)
class FeedLine:
    """One feed of a list.

    Attributes:
        url: its address.
        name: how the list calls it.
        site: the address of the outlet's site.
        section: the folder of the list that it lies in, the innermost.
        language: as the list has it.
    """

    url: str
    name: str | None = None
    site: str | None = None
    section: str | None = None
    language: str | None = None

    @property
    def outlet(self) -> str:
        """A short name: the host of the site, or the name where that is not known."""
        known = host(self.site or "") or host(self.url) or ""
        return _short(self.name or "") or _short(known) if known in _CARRIERS else _short(known) or "outlet"


def read_opml(raw: bytes) -> tuple[FeedLine, ...]:
    """The feeds of an OPML file in its order, each address once.

    Raises:
        Refused: ``XML_FORBIDDEN`` for declared entities, ``FEED_PARSE`` for what is not well-formed or names a feed
            without its address, ``NOT_A_FEED`` for what is no OPML, ``BAD_URL`` and ``BAD_SCHEME`` for an address
            that is none; each but the first with the line.
    """
    text = decode_page(raw, None)[0]
    if _ENTITY.search(text):
        raise Refused(Reason.XML_FORBIDDEN, "the XML declares entities")
    # Parsed as the UTF-8 that it now is, whatever its declaration says.
    markup = _DECLARATION.sub("", text.lstrip()).encode()
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    try:
        root = etree.fromstring(markup, parser)
    except etree.XMLSyntaxError as fault:
        raise Refused(Reason.FEED_PARSE, f"the XML is not well-formed: {fault}"[:300]) from None
    body = root.find("body")
    if str(root.tag).lower() != "opml" or body is None:
        raise Refused(Reason.NOT_A_FEED, "no OPML: it has no <opml> with a <body>")
    lines: dict[str, FeedLine] = {}
    for each in _lines(body):
        lines.setdefault(each.url, each)
    return tuple(lines.values())


def _lines(body: etree._Element) -> Iterator[FeedLine]:
    for outline in body.iter("outline"):
        said = {str(key).lower(): value for key, value in outline.attrib.items()}
        address = said.get("xmlurl", "").strip()
        name = line(said.get("title")) or line(said.get("text"))
        kind = said.get("type", "").strip().lower()
        if kind not in _FEED_TYPES or not (kind or address):
            continue
        if not address:
            raise Refused(Reason.FEED_PARSE, f"line {outline.sourceline}: the feed {name!r} has no xmlUrl")
        try:
            url = checked(address)
        except Refused as refusal:
            raise Refused(refusal.reason, f"line {outline.sourceline}: {refusal.message}") from None
        folder = outline.getparent()
        above = {} if folder is None or folder is body else {str(k).lower(): v for k, v in folder.attrib.items()}
        yield FeedLine(
            url=url,
            name=name,
            site=line(said.get("htmlurl")),
            section=line(above.get("text")) or line(above.get("title")),
            language=line(said.get("language")),
        )


def write_opml(feeds: Iterable[FeedLine], title: str) -> str:
    """An OPML 2.0 document; feeds of one section lie in one folder, in the order in which the sections come up."""
    opml = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(opml, "head"), "title").text = _xml(title)
    body = etree.SubElement(opml, "body")
    listed = list(feeds)
    order = {section: number for number, section in reversed(list(enumerate(each.section for each in listed)))}
    for section, members in groupby(sorted(listed, key=lambda each: order[each.section]), lambda each: each.section):
        folder = etree.SubElement(body, "outline", text=_xml(section)) if section else body
        for each in members:
            name = each.name or each.url
            said = {"text": name, "title": name, "type": "rss", "xmlUrl": each.url}
            said |= {"htmlUrl": each.site or "", "language": each.language or ""}
            etree.SubElement(folder, "outline", {key: _xml(value) for key, value in said.items() if value})
    return etree.tostring(opml, encoding="utf-8", xml_declaration=True, pretty_print=True).decode()


def feed_tables(feeds: Iterable[FeedLine]) -> str:
    """The feeds as ``[[feed]]`` tables of ``feeds.toml``."""
    tables = []
    for each in feeds:
        keys = {"url": each.url, "outlet": each.outlet, "name": each.name}
        keys |= {"language": each.language, "section": each.section}
        tables.append("\n".join(["[[feed]]", *(f"{key} = {_toml(value)}" for key, value in keys.items() if value)]))
    return "\n\n".join(tables) + "\n" if tables else ""


def _short(name: str) -> str:
    return _NO_NAME.sub("-", name.lower()).strip("._-")[:_LONGEST_NAME].rstrip("._-")


def _xml(text: str) -> str:
    return _NO_XML.sub("\ufffd", sound(text)[0])


def _toml(text: str) -> str:
    """A basic string: https://toml.io/en/v1.0.0#string. It is JSON's but for the character DEL."""
    return json.dumps(sound(text)[0], ensure_ascii=False).replace("\x7f", "\\u007f")
