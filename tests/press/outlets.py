"""The outlets of the test press: who they are, and in which of many ways their servers work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count as count_from
from random import Random
from typing import TypeVar

from tests.press.stories import drawn_name

MOST_OUTLETS = 254
"""One an address of 127.0.1.0/24."""
NETWORK = "127.0.1.0/24"
CRAWL_DELAY_SECONDS = 0.1
"""What a robots.txt asks for where it has a Crawl-delay; short, for tests are to be quick."""
PLUS = "plus"
"""The folder of pages that a robots.txt forbids."""


class Format(StrEnum):
    """Of a feed."""

    RSS_091 = "rss091"
    RSS_092 = "rss092"
    RSS_10 = "rss10"
    RSS_20 = "rss20"
    ATOM_03 = "atom03"
    ATOM_10 = "atom10"
    JSON_11 = "json11"


class Validators(StrEnum):
    """What is told for conditional requests."""

    BOTH = "both"
    ETAG = "etag"
    LAST_MODIFIED = "last-modified"
    WEAK = "weak"
    UNQUOTED = "unquoted"


class Robots(StrEnum):
    """What a robots.txt holds."""

    OPEN = "open"
    DISALLOW = "disallow"
    MISSING = "missing"
    CRAWL_DELAY = "crawl-delay"
    BOM = "bom"
    OTHERS = "others"


_PLACES = {
    Format.RSS_091: ("/rss/091.xml", "text/xml"),
    Format.RSS_092: ("/rss.xml", "application/rss+xml"),
    Format.RSS_10: ("/index.rdf", "application/rdf+xml"),
    Format.RSS_20: ("/feed/", "application/rss+xml"),
    Format.ATOM_03: ("/atom03.xml", "application/xml"),
    Format.ATOM_10: ("/atom.xml", "application/atom+xml"),
    Format.JSON_11: ("/feed.json", "application/feed+json"),
}
_UNDATED = frozenset({Format.RSS_091, Format.RSS_092})
"""Formats whose items have no date, and room for no more than a teaser."""
_ZONES = {
    "NL": "Europe/Amsterdam",
    "BE": "Europe/Brussels",
    "FR": "Europe/Paris",
    "DE": "Europe/Berlin",
    "AT": "Europe/Vienna",
    "GB": "Europe/London",
}
_TONGUES = (("nl", "NL"), ("fr", "FR"), ("de", "DE"), ("en", "GB"), ("nl-BE", "BE"), ("fr-BE", "BE"), ("de", "AT"))


@dataclass(frozen=True, slots=True)
class Outlet:
    """An outlet and the ways of its server.

    Attributes:
        number: from 1.
        port: that all outlets share.
        name: of the outlet.
        language: as BCP 47.
        country: two letters.
        format: of its feed.
        text: where its articles are complete: "page" or "item".
        validators: of its answers.
        coding: of the content, where the client takes it; empty for none.
        chunked: whether pages come in chunks.
        charset: of pages and of XML.
        robots: its robots.txt.
        moved: whether its feed has moved with a 301 from the address that people know.
        redirects: whether some of its links lead to their pages by a 302; only where pages are what is read.
        permalinks: whether the GUIDs of RSS 2.0 are the links.
        gone_status: of pages that were deleted.
        layout: of its pages, 0 to 3.
    """

    number: int
    port: int
    name: str
    language: str
    country: str
    format: Format
    text: str
    validators: Validators
    coding: str
    chunked: bool
    charset: str
    robots: Robots
    moved: bool
    redirects: bool
    permalinks: bool
    gone_status: int
    layout: int

    @property
    def id(self) -> str:
        """Its short name: the ``outlet`` of ``feeds.toml``."""
        return f"outlet-{self.number:02}"

    @property
    def address(self) -> str:
        """Its IP address."""
        return f"127.0.1.{self.number}"

    @property
    def host(self) -> str:
        """Address and port."""
        return f"{self.address}:{self.port}"

    @property
    def origin(self) -> str:
        """What all its addresses begin with."""
        return f"http://{self.host}"

    @property
    def timezone(self) -> str:
        """The zone of its dates."""
        return _ZONES[self.country]

    @property
    def feed_path(self) -> str:
        """Where its feed is."""
        return _PLACES[self.format][0]

    @property
    def feed_type(self) -> str:
        """The media type of its feed."""
        return _PLACES[self.format][1]

    @property
    def known_feed_path(self) -> str:
        """Where people think that its feed is."""
        return f"/old{self.feed_path}" if self.moved else self.feed_path

    @property
    def feed_url(self) -> str:
        """The address that people have of its feed."""
        return self.origin + self.known_feed_path

    @property
    def forbids(self) -> bool:
        """Whether its robots.txt forbids some of its pages; only where pages are what is read."""
        return self.robots in (Robots.DISALLOW, Robots.BOM) and self.text == "page"

    def robots_txt(self) -> bytes | None:
        """Its robots.txt; ``None`` for a 404."""
        match self.robots:
            case Robots.MISSING:
                return None
            case Robots.OPEN:
                lines = "User-agent: *\nDisallow:\n"
            case Robots.DISALLOW:
                lines = f"# {self.id}\nUser-agent: *\nDisallow: /{PLUS}/\n\nSitemap: {self.origin}/sitemap.xml\n"
            case Robots.CRAWL_DELAY:
                lines = f"User-agent: *\nCrawl-delay: {CRAWL_DELAY_SECONDS}\nDisallow: /login\n"
            case Robots.BOM:
                lines = f"\ufeffUser-agent: *\r\nDisallow: /{PLUS}/\r\n"
            case Robots.OTHERS:
                lines = "User-agent: greedybot\nDisallow: /\n\nUser-agent: *\nAllow: /\nDisallow: /search\n"
        return lines.encode()


_T = TypeVar("_T")


def make_outlets(count: int, seed: int, port: int) -> tuple[Outlet, ...]:
    """So many outlets, among which every way of every kind is as frequent as the others.

    Raises:
        ValueError: if there are to be none, or more than there are addresses.
    """
    if not 1 <= count <= MOST_OUTLETS:
        raise ValueError(f"there can be 1 to {MOST_OUTLETS} outlets, not {count}")

    def dealt(kind: str, values: Sequence[_T]) -> list[_T]:
        # In turn, and then shuffled: what goes together differs, how often each comes does not.
        hand = [values[i % len(values)] for i in range(count)]
        Random(f"{seed}/{kind}").shuffle(hand)
        return hand

    tongues = dealt("tongue", _TONGUES)
    names: list[str] = []
    for language, country in tongues:
        drawn = (drawn_name(language, country, f"{seed}/{len(names) + 1}/name/{again}") for again in count_from(0))
        names.append(next(name for name in drawn if name not in names))
    formats = dealt("format", tuple(Format))
    texts = dealt("text", ("page", "item", "page"))
    texts = ["page" if formats[i] in _UNDATED else texts[i] for i in range(count)]
    validators = dealt("validators", tuple(Validators))
    codings = dealt("coding", ("gzip", "", "br", "deflate"))
    chunked = dealt("chunked", (False, True, False))
    charsets = dealt("charset", ("utf-8", "utf-8", "iso-8859-1", "utf-8"))
    robots = dealt("robots", tuple(Robots))
    moved = dealt("moved", (False, False, True, False))
    redirects = dealt("redirects", (True, False, False))
    permalinks = dealt("permalinks", (True, False))
    gone = dealt("gone", (404, 410))
    return tuple(
        Outlet(
            number=i + 1,
            port=port,
            name=names[i],
            language=tongues[i][0],
            country=tongues[i][1],
            format=formats[i],
            text=texts[i],
            validators=validators[i],
            coding=codings[i],
            chunked=chunked[i],
            charset=charsets[i],
            robots=robots[i],
            moved=moved[i],
            redirects=redirects[i] and texts[i] == "page",
            permalinks=permalinks[i],
            gone_status=gone[i],
            layout=i % 4,
        )
        for i in range(count)
    )
