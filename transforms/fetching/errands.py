"""What takes place in the event loop: each host's line of what is wanted of it, and what becomes of the answers."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from aiohttp.abc import AbstractResolver

from schemas.feed import Fetched, FetchPolicy, HostMemory, Postponed, Wanted
from schemas.reject import Reason, Refused
from transforms.core.retrying import TOO_MANY, UNAVAILABLE, is_retried_fault, is_retried_status
from transforms.fetching.client import Answer, Client
from transforms.fetching.hops import (
    VALIDATORS,
    headers_for,
    host_of,
    is_redirect,
    permitted,
    redirect_target,
    requestable,
)
from transforms.fetching.lanes import Lane
from transforms.fetching.robots import ROBOTS_BYTES, ROBOTS_TYPES, Rules, ask_robots

Result = Fetched | Refused | Postponed

_ROBOTS_AGAIN = dt.timedelta(hours=1)
"""A robots.txt that could not be read is asked for again no sooner, whatever runs there are meanwhile."""

LATE = Postponed(None, Reason.HOST_BUSY, "its turn did not come in this run")


@dataclass(slots=True, eq=False)
class Job:
    """One address on its way.

    Attributes:
        wanted: what was asked for.
        context: is given back with the result.
        first: the address, as it can be asked for.
        url: the next to be asked for.
        seen: the addresses of the redirects so far, the first included.
        tries: failures so far, whatever the address.
    """

    wanted: Wanted
    context: Any
    first: str = ""
    url: str = ""
    seen: set[str] = field(default_factory=set)
    tries: int = 0


class Stream:
    """The side of a flow that is in the event loop.

    Attributes:
        slots: one for each answer that is coming or has come and was not taken out.
        done: what has come, each with the answer it is made of where there is a body; ``None``: nothing more will.
        lines: what waits for each host, the next first.
        late: whether nothing more is begun.
    """

    def __init__(self, in_flight: int) -> None:
        self.slots = asyncio.Semaphore(in_flight)
        self.done: SimpleQueue[tuple[Job, Result, Answer | None] | None] = SimpleQueue()
        self.lines: dict[str, deque[Job]] = {}
        self.late = False

    def finish(self, job: Job, result: Result, answer: Answer | None = None) -> None:
        """Hand the result of ``job`` to the flow's thread."""
        self.done.put((job, result, answer))

    def expire(self) -> None:
        """Begin nothing more."""
        self.late = True
        for line in self.lines.values():
            while line:
                self.finish(line.popleft(), LATE)


class Errands:
    """Fetches what is wanted. Of the methods, other threads may call ``learned``, ``join`` and ``announce_end``.

    The arguments are those of ``Fetcher``; ``keeps_answers`` says whether they are handed on for a recording.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        clock: Callable[[], dt.datetime],
        hosts: Mapping[str, HostMemory],
        *,
        seed: int,
        resolver: AbstractResolver | None,
        tls: ssl.SSLContext | None,
        keeps_answers: bool,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._hosts = hosts
        self._seed = seed
        self._keeps_answers = keeps_answers
        self._client = Client(policy, clock=clock, resolver=resolver, tls=tls)
        self._robot = policy.user_agent.partition("/")[0].strip()
        self._lanes: dict[str, Lane] = {}
        # Of their own, given back by themselves: who asks for a robots.txt must not wait until pages are taken out.
        self._robots_slots = asyncio.Semaphore(policy.in_flight)
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()
        self._lock = threading.Lock()
        self._changed: dict[str, HostMemory] = {}
        self._streams: list[Stream] = []
        self._late = False
        self.ended = False
        self.fault: BaseException | None = None

    async def run(self, begun: Future[asyncio.AbstractEventLoop]) -> None:
        """Be at work until ``end``."""
        async with self._client:
            begun.set_result(asyncio.get_running_loop())
            await self._over.wait()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)

    def end(self) -> None:
        """Break off what is under way."""
        self._over.set()

    def wind_down(self) -> None:
        """Begin nothing more, for any stream; what has begun is brought to its end."""
        with self._lock:
            self._late = True
            streams = tuple(self._streams)
        for stream in streams:
            stream.expire()

    def join(self, stream: Stream) -> None:
        """Have ``stream`` told of the end."""
        with self._lock:
            stream.late = self._late
            if self.ended:
                stream.done.put(None)
            else:
                self._streams.append(stream)

    def announce_end(self, fault: BaseException | None) -> None:
        """Tell every stream that nothing more will come, because of ``fault`` where there was one."""
        with self._lock:
            self.ended = True
            self.fault = self.fault or fault
            for stream in self._streams:
                stream.done.put(None)
            self._streams.clear()

    def learned(self) -> dict[str, HostMemory]:
        """The hosts whose memory changed since the last call."""
        with self._lock:
            changed, self._changed = self._changed, {}
            return changed

    def enter(self, stream: Stream, job: Job) -> None:
        """Take ``job`` in."""
        try:
            job.first = job.url = permitted(job.wanted.url, job.wanted)
        except Refused as refusal:
            stream.finish(job, refusal)
            return
        job.seen.add(job.url)
        self._line_up(stream, job)

    def _line_up(self, stream: Stream, job: Job, *, first: bool = False) -> None:
        if stream.late:
            stream.finish(job, LATE)
            return
        host = host_of(job.url)
        line = stream.lines.get(host)
        if line is None:
            line = stream.lines[host] = deque()
            self._spawn(self._serve(stream, self._lane(host), line))
        if first:
            line.appendleft(job)
        else:
            line.append(job)

    def _lane(self, host: str) -> Lane:
        lane = self._lanes.get(host)
        if lane is None:
            memory = self._hosts.get(host, HostMemory())
            lane = Lane(host, memory, self._policy, clock=self._clock, seed=self._seed, learned=self._learn)
            self._lanes[host] = lane
        return lane

    def _learn(self, host: str, memory: HostMemory) -> None:
        with self._lock:
            self._changed[host] = memory

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()):
            self.fault = fault
            self.end()

    async def _serve(self, stream: Stream, lane: Lane, line: deque[Job]) -> None:
        """What one flow wants of one host, one after the other.

        While this waits, the line may be ended by the flow's deadline, or a redirect may lead to its beginning.
        """
        while line:
            job = line[0]
            if lane.closed() is None:
                await self._know_robots(lane, job.url)
            why = lane.closed() or self._disallowed(lane, job)
            if why is not None:
                if line and line[0] is job:
                    stream.finish(line.popleft(), why)
            elif await lane.turn(stream.slots):
                if line and line[0] is job:
                    await self._ask(stream, lane, line.popleft())
                else:
                    lane.leave(used=False)
                    stream.slots.release()
        del stream.lines[lane.host]

    def _disallowed(self, lane: Lane, job: Job) -> Refused | None:
        try:
            if lane.disallows(job.url):
                return Refused(Reason.ROBOTS_DISALLOWED, f"the robots.txt of {lane.host} asks not to fetch it")
        except Exception as fault:  # a flow gets an answer for each job, whatever a rule and an address make together
            return _unexpected(fault)
        return None

    async def _ask(self, stream: Stream, lane: Lane, job: Job) -> None:
        """Make one request and do what its answer asks for. It is the turn of ``job``, which has a slot."""
        answer: Answer | None = None
        result: Result | None
        try:
            headers = headers_for(job.url, job.wanted, first=job.first)
            try:
                answer = await self._client.get(job.url, headers=headers, most_bytes=job.wanted.most_bytes)
            finally:
                lane.leave()
            result = self._judged(lane, job, answer, validated=any(name in VALIDATORS for name, _ in headers))
        except Refused as refusal:
            result = self._failed(lane, job, refusal)
        except Exception as fault:  # a flow gets an answer for each job, whatever happens
            result = _unexpected(fault)
        if isinstance(result, Fetched):
            # The slot goes with it: whoever takes it out gives that back.
            stream.finish(job, result, answer if self._keeps_answers else None)
            return
        stream.slots.release()
        if result is None:
            self._line_up(stream, job, first=True)
        else:
            stream.finish(job, result)

    def _judged(self, lane: Lane, job: Job, answer: Answer, *, validated: bool) -> Result | None:
        """What an answer comes to; ``None`` where ``job.url`` is to be asked for, be it again."""
        wait = lane.hear(answer)
        if is_redirect(answer):
            self._redirect(job, answer)
            return None
        status = answer.status
        if status == 200 or (status == 304 and validated):
            return Fetched(answer.url, status, answer.headers, answer.body, answer.fetched_at)
        if status == 304:
            return Refused(Reason.HTTP_PROTOCOL, "the server answered with status 304 to a request without condition")
        said = f"the server answered with status {status}"
        if not is_retried_status(status):
            return Refused(Reason.HTTP_STATUS, said)
        if wait is not None and lane.closed() is not None:
            return wait
        if job.tries < self._policy.retries:
            job.tries += 1
            if wait is None:
                lane.back_off(job.tries)
            return None
        busy = status in (TOO_MANY, UNAVAILABLE)
        return Refused(Reason.HOST_BUSY if busy else Reason.SERVER_ERROR, f"{said}, {1 + job.tries} times")

    def _redirect(self, job: Job, answer: Answer) -> None:
        target = redirect_target(answer)
        if target is None:
            raise Refused(Reason.HTTP_PROTOCOL, f"status {answer.status} leads nowhere: it has no Location")
        address = permitted(target, job.wanted)
        if address in job.seen:
            raise Refused(Reason.HTTP_PROTOCOL, "the redirects go round in a circle")
        if len(job.seen) > self._policy.redirects:
            raise Refused(Reason.HTTP_PROTOCOL, f"more than {self._policy.redirects} redirects")
        job.seen.add(address)
        job.url = address

    def _failed(self, lane: Lane, job: Job, refusal: Refused) -> Refused | None:
        """What a request comes to that got no answer; ``None`` where it is to be made again."""
        if refusal.reason is Reason.UNREACHABLE:
            lane.refused()
        if not is_retried_fault(refusal.reason) or job.tries >= self._policy.retries:
            return refusal
        job.tries += 1
        lane.back_off(job.tries)
        return None

    async def _know_robots(self, lane: Lane, url: str) -> None:
        """Have ``lane`` keep to its robots.txt, which is asked for once, by the first that comes."""
        if lane.asking is None:
            lane.asking = self._spawn(self._read_robots(lane, url))
        await lane.asking

    async def _read_robots(self, lane: Lane, url: str) -> None:
        known, text = lane.known_robots()
        try:
            if not known:
                text = await ask_robots(url, self._get_robots)
                lane.learn_robots(text)
            lane.follow(Rules(text, self._robot))
        except Refused as fault:
            if fault.reason is not Reason.ROBOTS_UNREACHABLE:
                lane.shut(Refused(fault.reason, fault.message))
            else:
                again = lane.asked_to_wait() or self._clock() + _ROBOTS_AGAIN
                lane.shut(Postponed(again, fault.reason, fault.message))
        except Exception as fault:  # as for one request: it becomes the answer to all that is wanted of the host
            lane.shut(_unexpected(fault))

    async def _get_robots(self, url: str) -> Answer:
        address = requestable(url)
        lane = self._lane(host_of(address))
        if not await lane.turn(self._robots_slots):
            raise Refused(Reason.HOST_BUSY, f"{lane.host} asked to be left alone")
        try:
            answer = await self._client.get(address, headers=[("Accept", ROBOTS_TYPES)], most_bytes=ROBOTS_BYTES)
            lane.hear(answer, robots=True)
        except Refused as refusal:
            if refusal.reason is Reason.UNREACHABLE:
                lane.refused()
            raise
        finally:
            lane.leave()
            self._robots_slots.release()
        return answer


def _unexpected(fault: Exception) -> Refused:
    return Refused(Reason.STAGE_ERROR, f"{type(fault).__name__}: {fault}")
