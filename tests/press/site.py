"""The outlets of the test press on the web: every request to its answer, as well or as badly as it was told to."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from email.utils import format_datetime, parsedate_to_datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from urllib.parse import urlsplit

import brotli
from aiohttp import web

from tests.press.feeds import feed_bytes
from tests.press.log import Kind, Request
from tests.press.newsroom import Desk, Newsroom
from tests.press.outlets import Outlet, Validators
from tests.press.pages import page_bytes

_KEPT_PAGES = 4_096
_OTHERS = 5
"""Stories that a page links to."""
_CHUNK = 4_096
_STALE = '"stale"'

_CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, 6, mtime=0),
    "deflate": zlib.compress,
    "br": lambda body: bytes(brotli.compress(body, quality=4)),
}


class Fault(StrEnum):
    """How an outlet can misbehave.

    The first five are told of which requests they hold; the others hold for the feed.
    """

    TOO_MANY = "429"
    UNAVAILABLE = "503"
    SERVER_ERROR = "500"
    FORBIDDEN = "403"
    HANG = "hang"
    NO_ENTRIES = "no-entries"
    EMPTY_BODY = "empty-body"
    FRESH_GUIDS = "fresh-guids"
    STALE_ETAG = "stale-etag"


_OF_FEEDS = frozenset({Fault.NO_ENTRIES, Fault.EMPTY_BODY, Fault.FRESH_GUIDS, Fault.STALE_ETAG})


@dataclass(slots=True)
class Misbehaviour:
    """How an outlet misbehaves at present.

    Attributes:
        fault: in which way.
        on: at which requests; ``None``: feed and pages.
        requests: how many more; ``None``: all.
        retry_after: the header of that name, as it is sent; for 429 and 503.
    """

    fault: Fault
    on: Kind | None = None
    requests: int | None = None
    retry_after: str | None = None

    def strikes(self, kind: Kind, *, redirects: bool) -> bool:
        """Whether it happens to a request, which is then counted.

        Args:
            kind: of what is asked for.
            redirects: whether the answer would only say where that is.
        """
        if self.fault in _OF_FEEDS:
            sought = kind == Kind.FEED and not redirects
        else:
            sought = kind in ((Kind.FEED, Kind.PAGE) if self.on is None else (self.on,))
        if not sought or self.requests == 0:
            return False
        if self.requests is not None:
            self.requests -= 1
        return True


@dataclass(frozen=True, slots=True)
class _Reply:
    """An answer before it is coded; ``changed`` and ``tag`` make it fit for conditional requests."""

    status: int = 200
    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    changed: dt.datetime | None = None
    tag: str | None = None


class Site:
    """Answers for all outlets.

    Args:
        newsroom: has what they published.
        latency_seconds: so long each answer takes at least. Without it two requests that a client sends at once would
            be over one after the other, and nobody would see that it did.
    """

    def __init__(self, newsroom: Newsroom, latency_seconds: float) -> None:
        self.newsroom = newsroom
        self.log: list[Request] = []
        self.faults: dict[str, list[Misbehaviour]] = {name: [] for name in newsroom.desks}
        self._latency_seconds = latency_seconds
        self._by_address = {desk.outlet.address: desk for desk in newsroom.desks.values()}
        self._polls = 0
        self._calmed = asyncio.Event()
        # Pages and their codings are made once, as soon as they are published: no client is to wait for them.
        self._page = lru_cache(_KEPT_PAGES)(self._made_page)
        self._coded = lru_cache(_KEPT_PAGES)(lambda coding, body: _CODINGS[coding](body))

    def warm(self, outlet: str, number: int) -> None:
        """Make a page ready, so far as there is room for it."""
        desk = self.newsroom.desks[outlet]
        body = self._page(outlet, number, desk.articles[number - 1][-1].version)
        if desk.outlet.coding:
            self._coded(desk.outlet.coding, body)

    def calm(self, outlet: str | None) -> None:
        """End all misbehaviour of an outlet, or of all; who hangs is answered."""
        for desk in self.newsroom.chosen(outlet):
            self.faults[desk.outlet.id].clear()
        self._calmed.set()
        self._calmed = asyncio.Event()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """The handler of all requests."""
        transport = request.transport
        if transport is None:  # the client has left already
            return web.Response()
        desk = self._by_address[transport.get_extra_info("sockname")[0]]
        headers: dict[str, str] = {}
        for name, value in request.headers.items():
            lower = name.lower()
            headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
        path = request.raw_path
        kind, number = self._sought(desk, urlsplit(path).path)
        at = len(self.log)
        self.log.append(
            Request(desk.outlet.host, path, kind, request.method, headers, time.monotonic(), ended=None, status=None)
        )
        log, status = self.log, None
        try:
            if self._latency_seconds:
                await asyncio.sleep(self._latency_seconds)
            reply = self._conditional(desk.outlet, await self._reply(desk, request, kind, number), headers)
            response, pieces = self._response(desk.outlet, reply, kind, headers)
            await response.prepare(request)
            for piece in pieces[:-1]:
                await response.write(piece)
            status = reply.status
        finally:
            # Before the last piece is sent: behind it the client may be quicker than the next line here.
            log[at] = replace(log[at], ended=time.monotonic(), status=status)
        await response.write_eof(b"" if request.method == "HEAD" else pieces[-1])
        return response

    def _sought(self, desk: Desk, path: str) -> tuple[Kind, int]:
        """What a path leads to, and the number of the article."""
        outlet = desk.outlet
        if path == "/robots.txt":
            return Kind.ROBOTS, 0
        if path in (outlet.feed_path, outlet.known_feed_path):
            return Kind.FEED, 0
        number = path.removesuffix(".html").rpartition("-" if path.endswith(".html") else "/")[2]
        if number.isdecimal() and 1 <= int(number) <= len(desk.articles):
            article = desk.articles[int(number) - 1][-1]
            if outlet.origin + path in (article.url, article.link):
                return Kind.PAGE, int(number)
        return Kind.OTHER, 0

    async def _reply(self, desk: Desk, request: web.BaseRequest, kind: Kind, number: int) -> _Reply:
        outlet, path = desk.outlet, urlsplit(request.raw_path).path
        moved = kind == Kind.FEED and path != outlet.feed_path
        if request.method not in ("GET", "HEAD"):
            return _Reply(405, b"Method not allowed", headers={"Allow": "GET, HEAD"})
        struck = next((m for m in self.faults[outlet.id] if m.strikes(kind, redirects=moved)), None)
        if struck is not None and struck.fault not in _OF_FEEDS:
            return await self._failed(struck)
        match kind:
            case Kind.ROBOTS:
                robots = outlet.robots_txt()
                return _Reply(404, b"Not found") if robots is None else _Reply(body=robots, kind="text/plain")
            case Kind.FEED if moved:
                return _Reply(301, b"Moved", headers={"Location": outlet.feed_path})
            case Kind.FEED:
                return self._feed(desk, struck)
            case Kind.PAGE:
                return self._article(desk, path, number)
        return _Reply(404, b"Not found")

    async def _failed(self, struck: Misbehaviour) -> _Reply:
        if struck.fault == Fault.HANG:
            await self._calmed.wait()
            return _Reply(503, b"Late")
        headers = {} if struck.retry_after is None else {"Retry-After": struck.retry_after}
        return _Reply(int(struck.fault), b"No", headers=headers)

    def _feed(self, desk: Desk, struck: Misbehaviour | None) -> _Reply:
        outlet = desk.outlet
        fault = None if struck is None else struck.fault
        salt = ""
        if fault == Fault.FRESH_GUIDS:
            self._polls += 1
            salt = str(self._polls)
        articles = () if fault == Fault.NO_ENTRIES else desk.listed(self.newsroom.keep)
        body = b"" if fault == Fault.EMPTY_BODY else feed_bytes(outlet, articles, salt)
        charset = (
            f"; charset={outlet.charset}" if outlet.number % 2 and outlet.feed_type != "application/feed+json" else ""
        )
        tag = _STALE if fault == Fault.STALE_ETAG else f'"{sha256(body).hexdigest()[:16]}"'
        # What a fault makes of the feed has no date of its own: it would hide the feed that comes after it.
        changed = desk.changed if fault in (None, Fault.STALE_ETAG) else None
        return _Reply(body=body, kind=outlet.feed_type + charset, changed=changed, tag=tag)

    def _article(self, desk: Desk, path: str, number: int) -> _Reply:
        outlet, article = desk.outlet, desk.articles[number - 1][-1]
        if article.gone:
            return _Reply(outlet.gone_status, b"<!DOCTYPE html><title>Gone</title><h1>Gone</h1>", "text/html")
        if outlet.origin + path != article.url:
            # To an address in full, and to a path alone: clients have to take both.
            return _Reply(302, headers={"Location": article.url if number % 2 else urlsplit(article.url).path})
        body = self._page(outlet.id, number, article.version)
        charset = f"; charset={outlet.charset}" if outlet.number % 2 else ""
        return _Reply(
            body=body, kind=f"text/html{charset}", changed=article.modified, tag=f'"{number}-{article.version}"'
        )

    def _made_page(self, outlet: str, number: int, version: int) -> bytes:
        desk = self.newsroom.desks[outlet]
        # The first versions of earlier stories: what comes later must not change a page behind its validators.
        others = [versions[0] for versions in desk.articles[max(0, number - 1 - _OTHERS) : number - 1]]
        return page_bytes(desk.outlet, desk.articles[number - 1][version - 1], others)

    def _conditional(self, outlet: Outlet, reply: _Reply, headers: Mapping[str, str]) -> _Reply:
        """The reply with its validators, or the 304 in its place."""
        if reply.status != 200 or reply.tag is None:
            return reply
        shown = {}
        if outlet.validators != Validators.LAST_MODIFIED:
            shown["ETag"] = _tag(outlet, reply.tag)
        if reply.changed is not None and outlet.validators in (Validators.BOTH, Validators.LAST_MODIFIED):
            shown["Last-Modified"] = format_datetime(reply.changed.astimezone(dt.UTC), usegmt=True)
        fresh = False
        if reply.tag == _STALE:
            fresh = "if-none-match" in headers or "if-modified-since" in headers
        elif "if-none-match" in headers:
            # RFC 9110, section 13.1.3: beside it a date is not looked at.
            fresh = headers["if-none-match"] == shown.get("ETag")
        elif "if-modified-since" in headers and "Last-Modified" in shown:
            fresh = _is_since(headers["if-modified-since"], shown["Last-Modified"])
        shown |= reply.headers
        return _Reply(304, headers=shown) if fresh else replace(reply, headers=shown)

    def _response(
        self, outlet: Outlet, reply: _Reply, kind: Kind, headers: Mapping[str, str]
    ) -> tuple[web.StreamResponse, list[bytes]]:
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        if reply.status == 304:
            return response, [b""]
        body = reply.body
        response.headers["Content-Type"] = reply.kind
        if reply.status == 200 and kind != Kind.ROBOTS and outlet.coding and body:
            response.headers["Vary"] = "Accept-Encoding"
            if outlet.coding in headers.get("accept-encoding", ""):
                body = self._coded(outlet.coding, body)
                response.headers["Content-Encoding"] = outlet.coding
        if outlet.chunked and kind == Kind.PAGE and body:
            response.enable_chunked_encoding()
            return response, [body[i : i + _CHUNK] for i in range(0, len(body), _CHUNK)]
        response.content_length = len(body)
        return response, [body]

    def state(self) -> list[dict[str, object]]:
        """What ``client.OutletState`` holds, an outlet each."""
        return [
            {
                "outlet": desk.outlet.id,
                "articles": len(desk.articles),
                "versions": sum(map(len, desk.articles)),
                "listed": len(desk.listed(self.newsroom.keep)),
                "gone": sum(article.gone for article in desk.current()),
                "changed": desk.changed.isoformat(),
                "faults": [asdict(m) for m in self.faults[desk.outlet.id] if m.requests != 0],
            }
            for desk in self.newsroom.desks.values()
        ]


def _tag(outlet: Outlet, strong: str) -> str:
    match outlet.validators:
        case Validators.WEAK:
            return f"W/{strong}"
        case Validators.UNQUOTED:
            return strong.strip('"')
    return strong


def _is_since(stated: str, changed: str) -> bool:
    try:
        return parsedate_to_datetime(stated) >= parsedate_to_datetime(changed)
    except ValueError:
        return False
