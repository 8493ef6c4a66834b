"""The process in which the test press runs, and the command that starts one for people.

    python -m tests.press.server --outlets 5 --stories 10

Started by ``tests.press.Press`` it is told what to do by lines of JSON on its standard input, answers each by a line,
and ends with the process that started it, however that ends.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import json
import os
import shlex
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.press.log import Kind
from tests.press.newsroom import Newsroom
from tests.press.outlets import make_outlets
from tests.press.settings import DELAY_SECONDS, feeds_toml, overrides, write_config
from tests.press.site import Fault, Misbehaviour, Site

_WATCH_SECONDS = 0.1
"""How often it is looked whether the parent is still there."""
_PORTS_TRIED = 20
_BACKLOG = 512
_LINE_BYTES = 1 << 20


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve, until told to stop, until Ctrl-C, or until the parent has gone."""
    parser = argparse.ArgumentParser(prog="python -m tests.press.server", description="A press of made-up outlets.")
    parser.add_argument("--outlets", type=int, default=5, help="how many outlets, each with an address of its own")
    parser.add_argument("--seed", type=int, default=1, help="of all that is made up")
    parser.add_argument("--stories", type=int, default=10, help="that each outlet has published at the beginning")
    parser.add_argument("--publish-every", type=float, metavar="SECONDS", help="one more story at each outlet")
    parser.add_argument(
        "--config", type=Path, metavar="FOLDER", help="write feeds.toml and knipsel.toml there as well"
    )
    parser.add_argument("--keep", type=int, default=30, help="how many entries a feed lists")
    parser.add_argument("--latency", type=float, default=0.005, metavar="SECONDS", help="of each answer")
    parser.add_argument("--port", type=int, default=0, help="that all outlets listen on; without it a free one")
    parser.add_argument(
        "--now", type=dt.datetime.fromisoformat, help="the press's idea of the time; without it the time"
    )
    parser.add_argument("--parent", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.parent is not None:
        # A Ctrl-C goes to the whole group of processes; the parent decides when this one ends.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_end_with, args=[options.parent], daemon=True).start()
    else:
        # A shell has its jobs in the background ignore it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options))


def _end_with(parent: int) -> None:
    """End this process once its parent has ended.

    The end of its standard input would tell as well, but not while a fork of the parent holds the other end.
    """
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(0)


def _bound(count: int, port: int) -> tuple[list[socket.socket], int]:
    """A socket for each outlet, all with the same port.

    Raises:
        OSError: if no port was free on all addresses.
    """
    for tries_left in reversed(range(1 if port else _PORTS_TRIED)):
        sockets: list[socket.socket] = []
        chosen = port
        try:
            for number in range(1, count + 1):
                one = socket.socket()
                sockets.append(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind((f"127.0.1.{number}", chosen))
                chosen = one.getsockname()[1]
        except OSError:
            for one in sockets:
                one.close()
            if not tries_left:
                raise
        else:
            return sockets, chosen
    raise AssertionError("either a port was free or the last try raised")


async def _serve(options: argparse.Namespace) -> None:
    sockets, port = _bound(options.outlets, options.port)
    outlets = make_outlets(options.outlets, options.seed, port)
    newsroom = Newsroom(outlets, options.seed, options.now or dt.datetime.now(dt.UTC), options.keep)
    site = Site(newsroom, options.latency)
    _Control(site).publish(options.stories)
    server = web.Server(site.answer, access_log=None, handler_cancellation=True)
    loop = asyncio.get_running_loop()
    listening = [await loop.create_server(server, sock=one, backlog=_BACKLOG) for one in sockets]
    try:
        if options.parent is not None:
            await _obey(site, port)
        else:
            print(feeds_toml(outlets), flush=True)
            words = ["--config knipsel.toml"]
            words += [f"--set {shlex.quote(override)}" for override in overrides(port, DELAY_SECONDS)]
            if options.config is not None:
                options.config.mkdir(parents=True, exist_ok=True)
                words = [f"--config {shlex.quote(str(write_config(options.config, outlets, DELAY_SECONDS)))}"]
            # feeds.toml is looked for beside the file that --config names.
            print("# knipsel run --root out", *words, file=sys.stderr, flush=True)
            await _publish_on(site, options.publish_every)
    finally:
        for one in listening:
            one.close()
        await server.shutdown(timeout=0.1)


async def _publish_on(site: Site, every_seconds: float | None) -> None:
    while True:
        await asyncio.sleep(every_seconds or 3_600.0)
        if every_seconds:
            site.newsroom.now = dt.datetime.now(dt.UTC)
            _Control(site).publish(1)


async def _obey(site: Site, port: int) -> None:
    """Do what comes in on standard input, until nothing can come any more."""
    lines = asyncio.StreamReader(limit=_LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    control = _Control(site)
    _say({"done": port})
    while line := await lines.readline():
        task: dict[str, Any] = json.loads(line)
        try:
            answer = {"done": getattr(control, task.pop("do"))(**task)}
        except ValueError as fault:
            answer = {"fault": str(fault)}
        _say(answer)


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


class _Control:
    """What a client may ask for, a method each; see the methods of ``client.Press``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._newsroom = site.newsroom

    def publish(self, n: int, outlet: str | None = None) -> list[dict[str, Any]]:
        published = self._newsroom.publish(n, outlet)
        for article in published:
            self._site.warm(article.outlet, article.number)
        return [article.to_json() for article in published]

    def edit(self, n: int, outlet: str | None = None) -> list[dict[str, Any]]:
        edited = self._newsroom.edit(n, outlet)
        for article in edited:
            self._site.warm(article.outlet, article.number)
        return [article.to_json() for article in edited]

    def delete(self, n: int, outlet: str | None = None) -> list[dict[str, Any]]:
        return [article.to_json() for article in self._newsroom.delete(n, outlet)]

    def truth(self, all_versions: bool) -> list[dict[str, Any]]:
        return [article.to_json() for article in self._newsroom.truth(all_versions=all_versions)]

    def tick(self, at: str) -> None:
        self._newsroom.now = dt.datetime.fromisoformat(at)

    def misbehave(self, outlet: str | None, fault: str, on: str | None, **how: Any) -> None:
        for desk in self._newsroom.chosen(outlet):
            fresh = Misbehaviour(Fault(fault), None if on is None else Kind(on), **how)
            self._site.faults[desk.outlet.id].append(fresh)

    def calm(self, outlet: str | None) -> None:
        self._site.calm(outlet)

    def state(self) -> dict[str, Any]:
        return {"now": self._newsroom.now.isoformat(), "outlets": self._site.state()}

    def requests(self) -> list[dict[str, Any]]:
        return [asdict(request) for request in self._site.log]

    def forget(self) -> None:
        self._site.log = [request for request in self._site.log if request.ended is None]


if __name__ == "__main__":
    main()
