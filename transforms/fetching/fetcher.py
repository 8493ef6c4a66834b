"""Fetches addresses politely: all hosts side by side, one request at a time to each, within what robots.txt allows.

A host is left alone for ``delay_seconds``, or the ``Crawl-delay`` of its robots.txt where that is longer, from the
end of one request to the beginning of the next. Every request counts: for robots.txt, behind a redirect, again after
a failure, for whichever flow. What a host asks to be left alone for is waited where ``patience_seconds`` allow;
behind longer waits all that is wanted of the host is put off. So it is where its robots.txt asks for a
``Crawl-delay`` beyond ``longest_crawl_delay_seconds``: until that file is asked for again.

A host is a name with its port, as they stand in the address; http and https on their own ports are one, with one
robots.txt.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty
from types import MappingProxyType, TracebackType
from typing import Any, Self

from aiohttp.abc import AbstractResolver

from schemas.feed import Fetched, FetchPolicy, HostMemory, Postponed, Wanted
from schemas.reject import Reason
from transforms.fetching.client import Answer
from transforms.fetching.errands import Errands, Job, Result, Stream
from transforms.fetching.recording import Recorder

_MOST_OPEN = 10_000
"""So much may a flow have taken in and not given out: some tens of megabytes, where no bodies are counted."""

_RESOLVERS = 32
"""Threads in which the system looks names up: one that hangs for half a minute must not hold up all others."""

_RESOLVER_SECONDS = 0.5
"""So long ``close`` waits for name look-ups, which cannot be broken off; their threads end by themselves."""

_NONE: Mapping[str, HostMemory] = MappingProxyType({})
_ENDED = Postponed(None, Reason.HOST_BUSY, "fetching was ended before its turn came")


class Flow:
    """Addresses in, what came of them out. For one thread at a time; made by ``Fetcher.flow``."""

    def __init__(self, fetcher: Fetcher, stream: Stream) -> None:
        # The fetcher ends with the last that refers to it.
        self._fetcher = fetcher
        self._stream = stream
        self._open: dict[Job, None] = {}

    def put(self, wanted: Wanted, context: Any = None) -> Iterator[tuple[Any, Result]]:
        """Take an address in, and give out what is done, in the order in which that came, each with its ``context``.

        It is taken in by the call itself. Waits only while 10,000 are neither done nor given out.

        Args:
            wanted: what to fetch.
            context: is given back with the result.

        Returns:
            Results, as ``drain`` gives them.
        """
        job = Job(wanted, context)
        self._open[job] = None
        self._fetcher._call(self._fetcher._errands.enter, self._stream, job)
        return self._given(_MOST_OPEN)

    def drain(self) -> Iterator[tuple[Any, Result]]:
        """Give out all that was taken in, waiting for what is not done.

        Each result is ``Fetched``, ``Refused`` with one of the reasons of ``Client.get`` or with ``HTTP_STATUS``,
        ``SERVER_ERROR``, ``HOST_BUSY``, ``HOST_NOT_LISTED``, ``ROBOTS_DISALLOWED`` or ``STAGE_ERROR``, or
        ``Postponed`` with ``HOST_BUSY`` or ``ROBOTS_UNREACHABLE``; without a moment where its turn did not come.

        Raises:
            OSError: what came cannot be recorded.
            RuntimeError: the event loop broke down.
        """
        return self._given(0)

    def _given(self, most: int) -> Iterator[tuple[Any, Result]]:
        while self._open:
            try:
                done = self._stream.done.get(block=len(self._open) > most)
            except Empty:
                return
            if done is None:
                yield from self._ended()
                return
            job, result, answer = done
            del self._open[job]
            if isinstance(result, Fetched):
                self._fetcher._call(self._stream.slots.release)
            if answer is not None and answer.status == 200:
                self._fetcher._record(answer, job.wanted.note)
            yield job.context, result

    def _ended(self) -> Iterator[tuple[Any, Result]]:
        # For the next call.
        self._stream.done.put(None)
        if fault := self._fetcher._errands.fault:
            raise RuntimeError("the event loop of the fetcher broke down") from fault
        for job in list(self._open):
            del self._open[job]
            yield job.context, _ENDED


class Fetcher:
    """Fetches addresses side by side, one at a time from each host, in an event loop in a thread of its own.

    Threads may share it. It ends with ``close``, with the ``with`` block, or when nothing refers to it any more.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        clock: Callable[[], dt.datetime],
        hosts: Mapping[str, HostMemory] = _NONE,
        seed: int = 0,
        recorder: Recorder | None = None,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Starts the thread; nothing is sent yet.

        Args:
            policy: how it is gone about.
            clock: tells the time in UTC. Waits are measured by another, which never goes back.
            hosts: what is known of the hosts.
            seed: of the random waits behind failures.
            recorder: keeps the answers of status 200, each when it is given out; closed with the fetcher.
            resolver: looks names up; without one the system does.
            tls: which certificates are trusted; without one, those that the system trusts.

        Raises:
            ValueError: if ``policy.allow_private`` holds what is no network.
        """
        self._errands = Errands(
            policy, clock, hosts, seed=seed, resolver=resolver, tls=tls, keeps_answers=recorder is not None
        )
        self._recorder = recorder
        begun: Future[asyncio.AbstractEventLoop] = Future()
        thread = threading.Thread(target=_run, args=(self._errands, begun), name="fetcher", daemon=True)
        thread.start()
        self._loop = begun.result()
        self._end = weakref.finalize(self, _end, self._errands, self._loop, thread, recorder)

    def flow(self, *, in_flight: int, seconds: float | None = None) -> Flow:
        """A way in and out for one thread.

        Args:
            in_flight: how many answers may be on their way, or have come and not been taken out: bounds the memory.
            seconds: what has not begun by then is ``Postponed``, a redirect or another try included; what has begun
                is brought to its end.
        """
        stream = Stream(in_flight)
        self._errands.join(stream)
        if seconds is not None and seconds <= 0:
            stream.late = True
        elif seconds is not None:
            self._call(self._loop.call_later, seconds, stream.expire)
        return Flow(self, stream)

    def learned(self) -> dict[str, HostMemory]:
        """The hosts of which something was learned since the last call, each with all that is known of it."""
        return self._errands.learned()

    def wind_down(self) -> None:
        """Begin nothing more: what has not begun is ``Postponed``, what has begun is brought to its end."""
        self._call(self._errands.wind_down)

    def close(self) -> None:
        """Break off what is under way, which comes back as ``Postponed``, and end the thread.

        Raises:
            OSError: the recording cannot be finished.
        """
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, function: Callable[..., object], *args: object) -> None:
        # The loop is closed: streams have been told, and flows answer for themselves.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)

    def _record(self, answer: Answer, note: str) -> None:
        if self._recorder is not None:
            self._recorder.keep(answer, note)


def _run(errands: Errands, begun: Future[asyncio.AbstractEventLoop]) -> None:
    """What the thread does. It must not refer to the fetcher, which would never end."""
    # Not ``asyncio.run``: that waits without limit for name look-ups that hang.
    loop = asyncio.new_event_loop()
    resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="resolve")
    loop.set_default_executor(resolvers)
    fault: BaseException | None = None
    try:
        loop.run_until_complete(errands.run(begun))
        loop.run_until_complete(loop.shutdown_asyncgens())
    except BaseException as raised:  # of whatever kind it is: the threads that wait for results are told
        fault = raised
        if not begun.done():
            begun.set_exception(raised)
    finally:
        loop.close()
        errands.announce_end(fault)
    ending = threading.Thread(target=resolvers.shutdown, daemon=True)
    ending.start()
    ending.join(_RESOLVER_SECONDS)


def _end(
    errands: Errands, loop: asyncio.AbstractEventLoop, thread: threading.Thread, recorder: Recorder | None
) -> None:
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(errands.end)
    # The last reference may go while the thread itself collects garbage.
    if threading.current_thread() is not thread:
        thread.join()
    if recorder is not None:
        recorder.close()
