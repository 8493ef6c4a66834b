"""The feeds of a site: those its pages name, and the addresses at which one often lies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin, urlsplit

from lxml.etree import ParserError
from lxml.html import HtmlElement, HTMLParser, document_fromstring

from schemas.reject import Refused
from transforms.core.charsets import decode_page
from transforms.core.feed_entries import line
from transforms.core.urls import checked

_MOST = 100
"""A page that lists all the feeds of a newspaper names some sixty; what names more is no list for people."""

_FEED_TYPES = frozenset(
    ["application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json", "application/rss"]
)
_LOOSE_TYPES = frozenset(["application/json", "application/xml", "text/xml", "text/rss+xml", "text/atom+xml"])
"""Feeds are served as these, and much else is: the address has to look like a feed as well."""

_LOOKS = re.compile(r"(?:^|[/._=&-])(?:rss|atom|rdf|feeds?)[0-9]{0,2}(?:[/._=&]|$)", re.IGNORECASE)
_FILE = re.compile(r"(?:^|[/._-])(?:rss|feed)[^/]{0,100}\.xml\Z", re.IGNORECASE)
_HOST = re.compile(r"(?:feeds?[0-9]?|rss)\.")
_NESTED = re.compile(r"https?(?::|%3a)", re.IGNORECASE)
_SCHEME = re.compile(r"\Afeed:(?://)?(?=https?:)", re.IGNORECASE)
_PLAIN_SCHEME = re.compile(r"\Afeed://", re.IGNORECASE)
_NO_FEED = re.compile(r"\.(?:html?|css|js|png|jpe?g|gif|svg|ico|pdf|opml|mp3)\Z", re.IGNORECASE)

_HERE = ("feed", "rss", "feed.xml", "rss.xml", "index.xml")
_AT_THE_ROOT = (
    *("feed", "rss", "rss.xml", "atom.xml", "feed.xml", "index.xml", "feeds", "feed.json", "index.rdf"),
    *("rss/index.xml", "rss/nieuws", "feeds/rss", "feed/rss", "feed/atom", "?feed=rss2"),
)
"""WordPress, Ghost, Drupal, Jekyll, Hugo and Blogger put their feeds at some of these; newspapers at the others."""


@dataclass(frozen=True, slots=True)
class FoundFeed:
    """A feed that a page names.

    Attributes:
        url: absolute, without a fragment.
        title: how the page calls it; ``None`` where it does not.
        type: the media type that the page states; empty for a plain link, which only looks like a feed.
    """

    url: str
    title: str | None
    type: str


def feeds_of(html: bytes, url: str, charset: str | None = None) -> tuple[FoundFeed, ...]:
    """The feeds that a page names: those in its head first, then links that look like feeds; each once.

    Args:
        html: the page as it came.
        url: where it came from.
        charset: what its carrier says of its encoding.
    """
    text = decode_page(html, charset)[0]
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
    try:
        page = document_fromstring(text.encode(), parser=parser)
    except ParserError:
        return ()
    base = next((href for each in page.iter("base") if (href := each.get("href"))), "")
    found: dict[str, FoundFeed] = {}
    for feed in _named(page, _joined(url, base) or url):
        found.setdefault(feed.url, feed)
        if len(found) == _MOST:
            break
    return tuple(found.values())


def _named(page: HtmlElement, base: str) -> Iterator[FoundFeed]:
    for link in page.iter("link"):
        rel, kind = (link.get("rel") or "").lower().split(), _kind(link)
        if "alternate" not in rel and "feed" not in rel:
            continue
        address = _joined(base, link.get("href") or "")
        sure = kind in _FEED_TYPES or ("feed" in rel and not kind)
        if address and (sure or (kind in _LOOSE_TYPES and _looks(address))):
            yield FoundFeed(address, line(link.get("title")), kind)
    for link in page.iter("a"):
        href = link.get("href") or ""
        address = _joined(base, href)
        if address and (_kind(link) in _FEED_TYPES or href.lower().startswith("feed:") or _looks(address)):
            yield FoundFeed(address, line(link.get("title")) or line(str(link.text_content())), _kind(link))


def guesses(url: str) -> tuple[str, ...]:
    """Addresses at which the feed of a site or of a section of it may lie, the nearest to ``url`` first.

    Args:
        url: of the site or section.

    Raises:
        Refused: ``BAD_URL`` or ``BAD_SCHEME``.
    """
    parts = urlsplit(checked(url))
    root = f"{parts.scheme}://{parts.netloc}/"
    folder = parts.path if parts.path.endswith("/") else parts.path.rpartition("/")[0] + "/"
    if "." not in parts.path.rpartition("/")[2]:
        folder = parts.path.rstrip("/") + "/"
    here = [root + folder.lstrip("/") + name for name in _HERE] if folder != "/" else []
    return tuple(dict.fromkeys((*here, *(root + name for name in _AT_THE_ROOT))))


def _kind(link: HtmlElement) -> str:
    return (link.get("type") or "").partition(";")[0].strip().lower()


def _joined(base: str, href: str) -> str | None:
    """The address that ``href`` leads to, if it is one on the web."""
    href = _PLAIN_SCHEME.sub("https://", _SCHEME.sub("", href.strip()))
    try:
        return checked(urldefrag(urljoin(base, href))[0]) if href else None
    except (Refused, ValueError):
        return None


def _looks(address: str) -> bool:
    """Whether an address is that of a feed by its look, and not one that hands another address to a reader."""
    parts = urlsplit(address)
    where = f"{parts.path}?{parts.query}"
    if _NESTED.search(where) or _NO_FEED.search(parts.path):
        return False
    named = _LOOKS.search(parts.path) or _LOOKS.search(parts.query) or _FILE.search(parts.path)
    return bool(named or (_HOST.match(parts.netloc.lower()) and parts.path.strip("/")))
