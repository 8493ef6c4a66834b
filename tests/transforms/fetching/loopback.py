"""A real HTTP server on several addresses of 127.0.1.0/24, which writes down when it was asked for what."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from multidict import CIMultiDict

from schemas.feed import Fetched, FetchPolicy, HostMemory, Wanted
from schemas.reject import Reason
from transforms.fetching.clock import RunClock
from transforms.fetching.errands import Result
from transforms.fetching.fetcher import Fetcher

HOSTS = 6
NETWORK = "127.0.1.0/24"

NOW = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)
DELAY = 0.05
TOLERANCE = 0.004
"""Both clocks of the gaps are the server's own; it is its thread that may be late."""

Page = Callable[[], web.Response] | web.Response | None


@dataclass(slots=True)
class Seen:
    """One request: when it came and was answered, by a clock that never goes back."""

    host: str
    path: str
    headers: Mapping[str, str]
    start: float
    end: float = 0.0


@dataclass(slots=True)
class Loopback:
    """The server.

    Attributes:
        pages: what it answers, by host and path: in turn, the last for ever. Anything else is ``ok``, but for
            robots.txt, which is not there.
        seconds: how long an answer takes.
        log: what it was asked, in order.
    """

    pages: dict[tuple[str, str], list[Page]] = field(default_factory=dict)
    seconds: float = 0.0
    port: int = 0
    log: list[Seen] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None

    def host(self, number: int) -> str:
        return f"127.0.1.{number}:{self.port}"

    def url(self, number: int, path: str = "/") -> str:
        return f"http://{self.host(number)}{path}"

    def serve(self, number: int, path: str, *pages: Page) -> str:
        """Have ``path`` answered with ``pages`` in turn; ``None`` breaks the connection off."""
        self.pages[self.host(number), path] = list(pages)
        return self.url(number, path)

    def paths(self, number: int) -> list[str]:
        return [seen.path for seen in self.log if seen.host == self.host(number)]

    def asked(self, number: int, path: str) -> list[Seen]:
        return [seen for seen in self.log if (seen.host, seen.path) == (self.host(number), path)]

    def gaps(self) -> dict[str, list[float]]:
        """By host, the time from each answer to the next request; negative where they were in flight together."""
        by_host: dict[str, list[Seen]] = defaultdict(list)
        for seen in self.log:
            by_host[seen.host].append(seen)
        return {host: [b.start - a.end for a, b in pairwise(all_)] for host, all_ in by_host.items()}

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        seen = Seen(request.host, request.path_qs, dict(request.headers), time.monotonic())
        self.log.append(seen)
        if self.seconds:
            await asyncio.sleep(self.seconds)
        pages = self.pages.get((seen.host, seen.path))
        if pages is None:
            page: Page = text("ok") if seen.path != "/robots.txt" else web.Response(status=404)
        else:
            page = pages.pop(0) if len(pages) > 1 else pages[0]
        seen.end = time.monotonic()
        if page is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if callable(page):
            return page()
        # A response can be sent once.
        return web.Response(status=page.status, body=page.body, headers=CIMultiDict(page.headers))

    def __enter__(self) -> Self:
        started = threading.Event()

        async def begin() -> web.AppRunner:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", self._answer)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
            await runner.setup()
            for number in range(1, HOSTS + 1):
                site = web.TCPSite(runner, f"127.0.1.{number}", self.port)
                await site.start()
                self.port = self.port or runner.addresses[0][1]
            return runner

        def run() -> None:
            runner = self._loop.run_until_complete(begin())
            started.set()
            self._loop.run_forever()
            self._loop.run_until_complete(runner.cleanup())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

        self._thread = threading.Thread(target=run)
        self._thread.start()
        assert started.wait(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        assert self._thread is not None
        self._thread.join()


def text(body: str | bytes, *, status: int = 200, **headers: str) -> web.Response:
    """An answer; in the names of headers, ``_`` stands for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body.encode() if isinstance(body, str) else body
    return web.Response(body=raw, status=status, headers={"Content-Type": "text/html; charset=utf-8", **named})


def moved(to: str, status: int = 302) -> web.Response:
    return web.Response(status=status, headers={"Location": to})


def policy(port: int, **changes: object) -> FetchPolicy:
    """Quick, and open to the loopback server."""
    values: dict[str, object] = {
        "user_agent": "knipsel/0.1 (+https://example.org/about)",
        "delay_seconds": DELAY,
        "connect_seconds": 2.0,
        "total_seconds": 3.0,
        "too_many_seconds": 0.3,
        "patience_seconds": 2.0,
        "longest_crawl_delay_seconds": 1.0,
        "longest_retry_after_seconds": 86_400.0,
        "robots_seconds": 86_400.0,
        "retries": 2,
        "redirects": 5,
        "in_flight": 8,
        "ports": (port,),
        "allow_private": (NETWORK,),
        **changes,
    }
    return FetchPolicy(**values)  # type: ignore[arg-type]  # tests name what they change


def frozen() -> dt.datetime:
    """A clock that stands still."""
    return NOW


def fetcher(server: Loopback, hosts: dict[str, HostMemory] | None = None, **changes: Any) -> Fetcher:
    """One whose policy has ``changes``, by a clock that goes."""
    return Fetcher(policy(server.port, **changes), clock=RunClock(NOW), hosts=hosts or {})


def wanted(url: str, **more: Any) -> Wanted:
    return Wanted(url, accept="text/html", most_bytes=1_000_000, **more)


def fetch_all(fetching: Fetcher, asked: Sequence[Wanted], in_flight: int = 8) -> dict[str, Result]:
    flow = fetching.flow(in_flight=in_flight)
    found = [pair for one in asked for pair in flow.put(one, one.url)]
    return dict([*found, *flow.drain()])


def fetch(fetching: Fetcher, one: Wanted) -> Result:
    return fetch_all(fetching, [one])[one.url]


def code(result: Result) -> Reason | int:
    """The status of what was fetched, or why it was not."""
    return result.status if isinstance(result, Fetched) else result.reason
