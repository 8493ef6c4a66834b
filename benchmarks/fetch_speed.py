"""How fast pages are fetched, beside how fast politeness lets them be, and in what memory.

    python -m benchmarks.fetch_speed                                   40 hosts of 25 pages, 0.05 s apart
    python -m benchmarks.fetch_speed --hosts 200 --pages 50 --delay 1  10,000 pages, in about a minute
    python -m benchmarks.fetch_speed --hosts 4 --pages 2000 --delay 0 --page-bytes 200000   what the client can do

A server in a process of its own answers on 127.0.1.1, 127.0.1.2 and so on, each of which is a host. The floor is the
time that the delays of one host take, one behind its robots.txt and each page but the last. Memory is the peak of
this process when it has a quarter of the pages, and when it has all.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from schemas.feed import Fetched, FetchPolicy, Wanted
from transforms.fetching.fetcher import Fetcher

NETWORK = "127.0.1."
MOST_HOSTS = 254
IN_FLIGHT = 8
"""Fewer than a run has by default: answers that come within a millisecond wait for the processor alone, and the more
of them share it, the later all are. 40 made the ratio 1.3 to 1.4, where 8 made it 1.2."""


class Pages(asyncio.Protocol):
    """Answers every request with the same page, but for robots.txt, and closes the connection.

    Args:
        page: the answer, headers and all.
    """

    def __init__(self, page: bytes) -> None:
        self._page = page
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of the protocol."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Part of the protocol."""
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            robots = self._head.startswith(b"GET /robots.txt ")
            self._transport.write(_response("404 Not Found", b"") if robots else self._page)
            self._transport.close()


def _response(status: str, body: bytes) -> bytes:
    fields = f"Content-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"HTTP/1.1 {status}\r\n{fields}\r\n\r\n".encode() + body


async def serve(hosts: int, page_bytes: int) -> None:
    """Answer until the process is ended; the port is the first line on stdout."""
    loop = asyncio.get_running_loop()
    page = _response("200 OK", b"<!doctype html>" + b"x" * page_bytes)
    servers = []
    port = 0
    for number in range(1, hosts + 1):
        server = await loop.create_server(lambda: Pages(page), f"{NETWORK}{number}", port, backlog=1_000)
        port = server.sockets[0].getsockname()[1]
        servers.append(server)
    print(port, flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


@contextmanager
def served(hosts: int, page_bytes: int) -> Iterator[int]:
    """A server in a process of its own; gives its port."""
    command = [sys.executable, "-m", "benchmarks.fetch_speed", "--serve", "--hosts", str(hosts)]
    command += ["--page-bytes", str(page_bytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - this very program
        try:
            yield int(cast(IO[str], process.stdout).readline())
        finally:
            process.kill()


def _policy(port: int, delay_seconds: float, in_flight: int) -> FetchPolicy:
    return FetchPolicy(
        user_agent="knipsel/0.1",
        delay_seconds=delay_seconds,
        connect_seconds=10.0,
        total_seconds=20.0,
        too_many_seconds=30.0,
        patience_seconds=60.0,
        longest_crawl_delay_seconds=30.0,
        longest_retry_after_seconds=86_400.0,
        robots_seconds=86_400.0,
        retries=2,
        redirects=5,
        in_flight=in_flight,
        ports=(port,),
        allow_private=(f"{NETWORK}0/24",),
    )


def _peak_megabytes() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(args: argparse.Namespace) -> None:
    """Fetch everything once and print the table."""
    total = args.hosts * args.pages
    results: Counter[str] = Counter()
    quarter = 0.0
    with served(args.hosts, args.page_bytes) as port:
        asked = [
            Wanted(f"http://{NETWORK}{number}:{port}/{page}", "text/html", 5_242_880)
            for page in range(args.pages)
            for number in range(1, args.hosts + 1)
        ]
        policy = _policy(port, args.delay, args.in_flight)
        with Fetcher(policy, clock=lambda: dt.datetime.now(dt.UTC)) as fetcher:
            begun, worked = time.perf_counter(), time.process_time()
            flow = fetcher.flow(in_flight=args.in_flight)

            def take(result: object) -> None:
                nonlocal quarter
                results["fetched" if isinstance(result, Fetched) else str(result)] += 1
                if results.total() == max(1, total // 4):
                    quarter = _peak_megabytes()

            for wanted in asked:
                for _, result in flow.put(wanted):
                    take(result)
            for _, result in flow.drain():
                take(result)
            seconds, processor = time.perf_counter() - begun, time.process_time() - worked
    floor = args.pages * args.delay
    rows = {
        "pages": f"{total:,} of {args.hosts} hosts, {args.delay:g} s apart",
        "fetched": f"{results['fetched']:,}",
        "seconds": f"{seconds:.2f}",
        "floor (s)": f"{floor:.2f}",
        "ratio": f"{seconds / floor:.2f}" if floor else "-",
        "pages a second": f"{total / seconds:,.0f}",
        "processor (ms a page)": f"{processor / total * 1e3:.2f}",
        "peak at a quarter (MB)": f"{quarter:.0f}",
        "peak at the end (MB)": f"{_peak_megabytes():.0f}",
    }
    for name, value in rows.items():
        print(f"{name:<24}{value}")
    for fault, count in results.items():
        if fault != "fetched":
            print(f"{count} x {fault}", file=sys.stderr)


def main() -> None:
    """Measure and print, or be the server."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=40, help=f"at most {MOST_HOSTS}")
    parser.add_argument("--pages", type=int, default=25, help="of each host")
    parser.add_argument("--delay", type=float, default=0.05, help="seconds between two requests to a host")
    parser.add_argument("--page-bytes", type=int, default=30_000)
    parser.add_argument("--in-flight", type=int, default=IN_FLIGHT, help="of all hosts together")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not 1 <= args.hosts <= MOST_HOSTS:
        parser.error(f"--hosts is a number from 1 to {MOST_HOSTS}")
    if args.serve:
        asyncio.run(serve(args.hosts, args.page_bytes))
    else:
        measure(args)


if __name__ == "__main__":
    main()
