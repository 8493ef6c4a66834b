"""The test press as tests have it: started, told what to do, and asked what happened."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.press import log
from tests.press.log import Kind, Request
from tests.press.newsroom import Article
from tests.press.outlets import Outlet, make_outlets
from tests.press.settings import DELAY_SECONDS, feeds_toml, overrides, write_config
from tests.press.site import Fault

START = dt.datetime(2026, 11, 20, 2, 0, tzinfo=dt.UTC)
"""The press's idea of now at the beginning: half an hour before that of the tests."""

_REPOSITORY = Path(__file__).parents[2]
_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class OutletState:
    """How things are at an outlet.

    Attributes:
        outlet: its short name.
        articles: that it has ever published.
        versions: of all of them.
        listed: entries of its feed.
        gone: articles that were deleted.
        changed: when its feed last changed, as Last-Modified says.
        faults: in which ways it misbehaves.
    """

    outlet: str
    articles: int
    versions: int
    listed: int
    gone: int
    changed: dt.datetime
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class State:
    """How things are: the press's idea of now, and its outlets in their order."""

    now: dt.datetime
    outlets: tuple[OutletState, ...]


class PressError(Exception):
    """The press has ended, or was asked for what it cannot do."""


class Press:
    """A press of outlets on loopback, in a process of its own. A context manager; to be used from any thread.

    Outlet ``n`` listens on 127.0.1.n, all of them on the same port. The same calls in the same order give the same
    news and the same bytes for the same seed and port.

    Attributes:
        port: that all outlets listen on.
        outlets: who they are and how their servers work.
        pid: of the server.
    """

    def __init__(
        self,
        outlets: int = 40,
        seed: int = 1,
        *,
        stories: int = 0,
        keep: int = 30,
        latency_seconds: float = 0.005,
        port: int = 0,
        at: dt.datetime = START,
    ) -> None:
        """Starts the server, and returns when it can be asked.

        Args:
            outlets: how many, 1 to 254.
            seed: of all that is made up.
            stories: that each outlet has published at the beginning.
            keep: the most entries that a feed lists, the newest.
            latency_seconds: so long each answer takes at least.
            port: to listen on; 0: one that is free on all addresses.
            at: the press's idea of now, with a zone.

        Raises:
            PressError: if it could not be started; on stderr stands why.
            ValueError: if there are to be no outlets, or more than there are addresses.
        """
        make_outlets(outlets, seed, port)
        options = {
            "outlets": outlets,
            "seed": seed,
            "stories": stories,
            "keep": keep,
            "latency": latency_seconds,
            "port": port,
            "now": at.isoformat(),
            "parent": os.getpid(),
        }
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.press.server", *(f"--{name}={value}" for name, value in options.items())],
            cwd=_REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.pid = self._process.pid
        try:
            self.port: int = self._answer()
        except PressError:
            self.close()
            raise
        self.outlets = make_outlets(outlets, seed, self.port)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server."""
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def publish(self, n: int, outlet: str | None = None) -> list[Article]:
        """Publish ``n`` articles at an outlet, or at each of them; more than a feed lists make some scroll off."""
        return self._articles("publish", n=n, outlet=outlet)

    def edit(self, n: int, outlet: str | None = None) -> list[Article]:
        """Edit ``n`` articles that the feed of an outlet, or each feed, lists: a paragraph, the headline, the date.

        Only articles that robots.txt allows are chosen.

        Raises:
            PressError: if a feed lists fewer of them.
        """
        return self._articles("edit", n=n, outlet=outlet)

    def delete(self, n: int, outlet: str | None = None) -> list[Article]:
        """Take ``n`` articles off the feed of an outlet, or off each feed; their pages answer with 404 or 410.

        Only articles that robots.txt allows are chosen.

        Raises:
            PressError: if a feed lists fewer of them.
        """
        return self._articles("delete", n=n, outlet=outlet)

    def tick(self, at: dt.datetime) -> None:
        """Set the press's idea of now, with a zone: the date of what is published and edited from here on."""
        self._ask("tick", at=at.isoformat())

    def misbehave(
        self,
        outlet: str | None,
        fault: Fault,
        *,
        on: Kind | None = None,
        requests: int | None = None,
        retry_after: int | str | None = None,
    ) -> None:
        """Make an outlet, or all of them, misbehave from now on, besides what was asked for before.

        Args:
            outlet: its short name; ``None``: all.
            fault: in which way.
            on: at which requests; ``None``: to feed and pages. Some faults are of feeds, whatever this says.
            requests: for so many requests of each outlet; ``None``: until ``calm``.
            retry_after: sent with a status of 403, 429, 500 or 503.
        """
        stated = None if retry_after is None else str(retry_after)
        self._ask("misbehave", outlet=outlet, fault=fault, on=on, requests=requests, retry_after=stated)

    def calm(self, outlet: str | None = None) -> None:
        """End all misbehaviour of an outlet, or of all."""
        self._ask("calm", outlet=outlet)

    def truth(self, *, all_versions: bool = False) -> list[Article]:
        """Every article ever published, as it is now, or one for each of its versions."""
        return self._articles("truth", all_versions=all_versions)

    def state(self) -> State:
        """How things are."""
        found = self._ask("state")
        outlets = tuple(
            OutletState(
                **one
                | {
                    "changed": dt.datetime.fromisoformat(one["changed"]),
                    "faults": tuple(Fault(each["fault"]) for each in one["faults"]),
                }
            )
            for one in found["outlets"]
        )
        return State(dt.datetime.fromisoformat(found["now"]), outlets)

    def requests(self, where: Callable[[Request], bool] = lambda _: True) -> list[Request]:
        """The requests since the beginning or since ``forget``, in the order in which they came.

        Args:
            where: which of them.
        """
        found = (Request(**one | {"kind": Kind(one["kind"])}) for one in self._ask("requests"))
        return [request for request in found if where(request)]

    def forget(self) -> None:
        """Forget the requests so far; those under way are kept."""
        self._ask("forget")

    def closest_gap(self, host: str) -> float:
        """See ``log.closest_gap``."""
        return log.closest_gap(self.requests(), host)

    def parallel(self, host: str) -> int:
        """See ``log.parallel``."""
        return log.parallel(self.requests(), host)

    def conditional_share(self, kind: Kind | None = Kind.FEED) -> float:
        """See ``log.conditional_share``."""
        return log.conditional_share(self.requests(), kind)

    def feeds_toml(self, outlets: Iterable[Outlet] | None = None) -> str:
        """The ``feeds.toml`` for these outlets, or for all."""
        return feeds_toml(self.outlets if outlets is None else outlets)

    def write_config(self, folder: Path, delay_seconds: float = DELAY_SECONDS) -> Path:
        """Write the ``feeds.toml`` and ``knipsel.toml`` for this press into a folder; the path of the latter."""
        return write_config(folder, self.outlets, delay_seconds)

    def overrides(self, delay_seconds: float = DELAY_SECONDS) -> list[str]:
        """The values for ``--set``, and for ``pipeline.settings.load``."""
        return overrides(self.port, delay_seconds)

    def _articles(self, task: str, **how: Any) -> list[Article]:
        return [Article.from_json(fields) for fields in self._ask(task, **how)]

    def _ask(self, task: str, **how: Any) -> Any:
        stdin = self._process.stdin
        assert stdin is not None
        with self._lock:
            try:
                stdin.write(json.dumps({"do": task, **how}) + "\n")
                stdin.flush()
            except (BrokenPipeError, ValueError) as fault:  # ValueError: it is closed
                raise PressError("the press has ended") from fault
            return self._answer()

    def _answer(self) -> Any:
        stdout = self._process.stdout
        assert stdout is not None
        line = stdout.readline()
        if not line:
            raise PressError("the press has ended; what it printed on stderr says why")
        answer = json.loads(line)
        if "fault" in answer:
            raise PressError(answer["fault"])
        return answer["done"]
