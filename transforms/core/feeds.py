"""A feed to its entries: RSS, RDF and Atom by feedparser, JSON Feed by the reader beside this one."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Container, Mapping
from io import BytesIO
from time import struct_time
from typing import Any

import feedparser

from schemas.feed import FeedDocument, ParsedFeed
from schemas.reject import Reason, Refused
from transforms.core.charsets import decode_page
from transforms.core.dates import read_date
from transforms.core.feed_entries import Channel, Item, absolute, assembled, fragment_text, is_web, line, lines
from transforms.core.jsonfeed import looks_like_json, read_json_feed
from transforms.core.text import REPLACED_CHARACTERS

FEED_BOZO = "feed_bozo"

_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([a-z0-9_.:-]{1,40})", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE", re.IGNORECASE)
_ENTITY = re.compile(r"<!ENTITY", re.IGNORECASE)
_HTML = re.compile(r"<html[\s>]", re.IGNORECASE)
_WIDE = (b"<\x00", b"\x00<")
_DECLARATION = re.compile(r"\A<\?xml\s[^<>]*>")
_MEDIA = re.compile(r"xmlns:([\w.-]{1,100})\s*=\s*[\"']http://search\.yahoo\.com/mrss/?[\"']", re.IGNORECASE)
_DESCRIBED = re.compile(r"<(/?)([\w.-]{1,100}):description(?:\s[^<>]*?)?(/?)>", re.IGNORECASE)
_CLASHES = re.compile(r"<(/?)(authors|contributors|links)(?=[\s/>])", re.IGNORECASE)
_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]*)|([0-9]*));")
_MAIL = re.compile(r"[^\s()<>@,;]{1,64}@[^\s()<>@,;]{1,255}")
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|<\s*>")
_OF_MEDIA = ("http://search.yahoo.com/mrss/category_schema", "http://www.itunes.com/")
"""The schemes that feedparser gives to labels of pictures and sounds."""


def parse_feed(document: FeedDocument) -> ParsedFeed:
    """Every entry of a feed, in its order; of entries with the same mark the first.

    The text is the entry's content, or where it has none its summary (flag ``summary_only``). An entry without
    either is kept with its title (flag ``no_text``). Every entry of a feed that is not well-formed has the flag
    ``feed_bozo``. What the source says of its outlet goes before what the feed says, but for the language.

    Raises:
        Refused: ``XML_FORBIDDEN`` for declared entities, ``NOT_A_FEED`` where no feed format is recognised,
            ``FEED_PARSE`` where the parser fails.
    """
    # Decoded here and not by feedparser, which reads encodings in which no search would find a declaration.
    charset = _CHARSET.search(document.content_type)
    markup, flags = decode_page(document.raw, charset[1] if charset else None)
    if not markup.strip():
        raise Refused(Reason.NOT_A_FEED, "it is empty")
    if looks_like_json(markup):
        channel, items, well_formed = read_json_feed(markup, document.url)
    else:
        mended, faults = _mended(markup)
        channel, items, well_formed = _read_xml_feed(mended, document)
        well_formed = well_formed and mended is markup
        flags = tuple(dict.fromkeys((*flags, *faults)))
    return assembled(document, channel, items, flags if well_formed else (*flags, FEED_BOZO))


def _read_xml_feed(markup: str, document: FeedDocument) -> tuple[Channel, list[Item], bool]:
    """What a feed in XML says of itself and of its entries, and whether it is well-formed."""
    doctype = _DOCTYPE.search(markup)
    if document.raw[:2] in _WIDE or (doctype and _ENTITY.search(markup, doctype.end())):
        raise Refused(Reason.XML_FORBIDDEN, "the XML declares entities or is in an encoding that hides them")
    try:
        # Of the markup in it only the text is wanted, which needs neither cleaning nor absolute links.
        parsed = feedparser.parse(
            BytesIO(_prepared(markup).encode()),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except Exception as fault:
        # feedparser lets errors of any kind through from the parsers beneath it.
        raise Refused(Reason.FEED_PARSE, f"the feed parser failed: {type(fault).__name__}: {fault}"[:300]) from fault
    version = parsed.get("version")
    if not version:
        what = "an HTML page" if _HTML.search(markup[:4096]) else "no RSS, RDF, Atom or JSON Feed"
        raise Refused(Reason.NOT_A_FEED, f"{what}, not a feed")
    feed = parsed.feed
    site = absolute(line(feed.get("link")), document.url)
    # RFC 4287 makes the document the base of Atom's links. RSS has no such rule, and a feed may lie on another host
    # than its site.
    bases = (document.url, site) if version.startswith("atom") else (site, document.url)
    language = line(feed.get("language"))
    inherited = {language, *(_language(feed.get(key)) for key in ("title_detail", "subtitle_detail"))}
    channel = Channel(version, line(feed.get("title")), site, language, bases)
    items = [_item(entry, inherited) for entry in parsed.entries]
    return channel, items, not parsed.get("bozo") and not markup[0].isspace()


def _mended(markup: str) -> tuple[str, tuple[str, ...]]:
    """The markup without references to numbers that are no characters, and the flag that this earns it.

    Programs that think in UTF-16 write an emoji as two of them, which are put together. The XML parser gives up at
    such a reference, and the one for broken feeds fails. Markup without any comes back as it is.
    """
    halves = _REFERENCE.sub(_character, markup)
    if halves == markup:
        return markup, ()
    mended = halves.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return mended, (REPLACED_CHARACTERS,) if "\ufffd" in mended else ()


def _character(reference: re.Match[str]) -> str:
    """The reference as it is; the half character that it names, or U+FFFD, where it names no whole one."""
    digits = (reference[1] or reference[2] or "").lstrip("0") or "0"
    # The last code point, 10FFFF, has six digits, and seven as a decimal number.
    number = int(digits, 16 if reference[1] else 10) if len(digits) <= 7 else -1
    if 0xD800 <= number <= 0xDFFF:
        return chr(number)
    return reference[0] if 0 < number <= sys.maxunicode and number not in (0xFFFE, 0xFFFF) else "\ufffd"


def _prepared(markup: str) -> str:
    """The markup as feedparser is given it.

    Blanks before the XML, which are a common mistake, would make it fall back on its parser for broken feeds. The
    declaration is written anew, on a line of its own: the pattern by which feedparser looks for an encoding takes
    time that grows with the square of the first line. Captions of pictures get a name of their own: feedparser
    takes them for the description of the entry, and the description for its content. So do elements that are called
    like its own lists, which they would break.
    """
    media = {"media", *(found[1].lower() for found in _MEDIA.finditer(markup))}

    def renamed(tag: re.Match[str]) -> str:
        return f"<{tag[1]}{tag[2]}:caption{tag[3]}>" if tag[2].lower() in media else tag[0]

    body = _DECLARATION.sub("", markup.lstrip())
    body = _CLASHES.sub(r"<\1\2-list", _DESCRIBED.sub(renamed, body))
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}'


def _item(entry: Mapping[str, Any], inherited: Container[str | None]) -> Item:
    """What feedparser says of an entry.

    It leaves out what it did not find, puts ``None`` where a tag confused it, and puts an element that it does not
    know in the place of one of its own keys where it is called so.
    """
    contents = [content for content in _tables(entry.get("content")) if _is_text(content)]
    content = max((_text(content.get("value")) for content in contents), key=len, default="")
    # A summary without details is a copy of the content.
    summary = _text(entry.get("summary")) if "summary_detail" in entry or not content else ""
    labels = [
        (label, tag.get("scheme") in _OF_MEDIA)
        for tag in _tables(entry.get("tags"))
        if (label := _plain(tag.get("label")) or _plain(tag.get("term")))
    ]
    of_article = next((label for label, of_media in labels if not of_media), None)
    languages = map(_language, (*contents, entry.get("summary_detail"), entry.get("title_detail")))
    own = (language for language in languages if language and language not in inherited)
    return Item(
        raw=repr(sorted((k, str(v)) for k, v in entry.items())).encode("utf-8", "replace"),
        guid=line(entry.get("id")),
        link=_link(entry),
        title=_plain(entry.get("title")),
        summary=summary or ("" if content else _text(entry.get("media_caption"))),
        content=content,
        published=_date(entry, "published") or _date(entry, "prism_publicationdate") or _date(entry, "created"),
        updated=_date(entry, "updated"),
        language=line(entry.get("language")) or next(own, None),
        section=_plain(entry.get("prism_section")) or of_article,
        keywords=lines(label for label, _ in labels),
        authors=_authors(entry),
    )


def _authors(entry: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the authors, without their mail addresses.

    feedparser knows no mail address that ends in ``.media`` or ``.brussels``, and tears it apart.
    """
    authors, written = _tables(entry.get("authors")), _plain(entry.get("author"))
    if len(authors) != 1 or not written or not _MAIL.search(written):
        return lines(_plain(author.get("name")) for author in authors)
    name = _EMPTY_BRACKETS.sub(" ", _MAIL.sub(" ", written)).strip()
    return lines([name[1:-1] if name[:1] + name[-1:] == "()" else name])


def _link(entry: Mapping[str, Any]) -> str | None:
    """The address of an entry; where its link is one of FeedBurner, that which it leads to.

    Where it has none feedparser puts its id there, which need not be an address.
    """
    original, link = line(entry.get("feedburner_origlink")), line(entry.get("link"))
    if is_web(original):
        return original
    return None if link == line(entry.get("id")) and not is_web(link) else link


def _date(entry: Mapping[str, Any], key: str) -> str | None:
    """The date as it was written where we can read that, else as feedparser reads it.

    feedparser makes midnight of a day alone and guesses at what it does not know, so it is asked for times only.
    """
    # The plain look-up of a dict: feedparser's own gives the other date, with a warning, where one is missing.
    written = line(dict(entry).get(key))
    if written and read_date(written, evidence=key) is not None:
        return written
    parsed = dict(entry).get(f"{key}_parsed")
    if written and ":" in written and isinstance(parsed, struct_time) and 0 < parsed.tm_year <= dt.MAXYEAR:
        return dt.datetime(*parsed[:6], tzinfo=dt.UTC).isoformat()
    return written


def _is_text(content: Mapping[str, Any]) -> bool:
    """Whether the type of a content lets it be text: Atom may carry pictures, in Base64."""
    kind = content.get("type")
    return not isinstance(kind, str) or "/" not in kind or kind.startswith("text/") or kind.endswith("xml")


def _language(detail: object) -> str | None:
    return line(detail.get("language")) if isinstance(detail, Mapping) else None


def _tables(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _text(markup: object) -> str:
    return fragment_text(markup) if isinstance(markup, str) else ""


def _plain(markup: object) -> str | None:
    return line(_text(markup))
