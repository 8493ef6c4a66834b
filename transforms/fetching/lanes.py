"""The way to one host, which one request at a time may take, and what is known of the host."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from random import Random

from schemas.feed import FetchPolicy, HostMemory, Postponed
from schemas.reject import Reason, Refused
from transforms.core.retrying import TOO_MANY, UNAVAILABLE, backoff_seconds, retry_after
from transforms.fetching.client import Answer
from transforms.fetching.robots import Rules

_REFUSALS = frozenset({401, 403, TOO_MANY})
_GOOD = frozenset({200, 304})


class Lane:
    """One host: whose turn it is, since when it has been left alone, and what it has said.

    Every request to the host, for whatever reason, is made between ``turn`` and ``leave``. To be used in one event
    loop, in which it must have been made.

    Args:
        host: its name, with the port where that is not the scheme's own.
        memory: what is known of it.
        policy: of it are used the delays and how long is waited.
        clock: tells the time in UTC.
        seed: of the random waits.
        learned: is told of each change of the memory.
    """

    def __init__(
        self,
        host: str,
        memory: HostMemory,
        policy: FetchPolicy,
        *,
        clock: Callable[[], dt.datetime],
        seed: int,
        learned: Callable[[str, HostMemory], None],
    ) -> None:
        self.host = host
        self.memory = memory
        self._policy = policy
        self._clock = clock
        self._learned = learned
        # One for each host: what other hosts do meanwhile must not change it.
        self._rng = Random(f"{seed}/{host}")  # noqa: S311 - nothing secret hangs on when a host is asked again
        self._loop = asyncio.get_running_loop()
        self._delay_seconds = policy.delay_seconds
        self._rules: Rules | None = None
        self.asking: asyncio.Task[None] | None = None
        self._shut: Postponed | Refused | None = None
        self._order = asyncio.Lock()
        self._freed = asyncio.Event()
        self._busy = False
        now = clock()
        since = 0.0 if memory.asked_at is None else max(0.0, (now - memory.asked_at).total_seconds())
        self._left_at = -float("inf") if memory.asked_at is None else self._loop.time() - since
        self._paused_until = -float("inf")
        if (until := self.asked_to_wait()) is not None:
            self._paused_until = self._loop.time() + (until - now).total_seconds()

    def closed(self) -> Postponed | Refused | None:
        """Why nothing may be asked for in this run; ``None`` where it may, be it after a wait."""
        until = self.asked_to_wait()
        if until is not None and (until - self._clock()).total_seconds() > self._policy.patience_seconds:
            message = f"{self.host} asked to be left alone until {until:%Y-%m-%d %H:%M:%S} UTC"
            return Postponed(until, Reason.HOST_BUSY, message)
        return self._shut

    async def turn(self, slots: asyncio.Semaphore) -> bool:
        """Wait until the host may be sent a request, and take one of ``slots``.

        The slot is taken when the delay has passed and before it is the caller's turn: so it is not idle while the
        host rests, and who waits for one keeps nobody from the host. Who comes again stands behind those who wait.

        Returns:
            Whether it is the caller's turn, who then has to call ``leave`` and to release the slot. If not, the host
            is closed, and no slot was taken.
        """
        while True:
            async with self._order:
                while (rest := self._rest()) is not None and self.closed() is None:
                    if rest:
                        await asyncio.sleep(rest)
                    else:
                        await self._freed.wait()
            if self.closed() is not None:
                return False
            await slots.acquire()
            if self._rest() is None and self.closed() is None:
                self._busy = True
                self._freed.clear()
                return True
            slots.release()

    def leave(self, *, used: bool = True) -> None:
        """End the turn; where it was not ``used``, the host need not rest."""
        self._busy = False
        self._freed.set()
        if used:
            self._left_at = self._loop.time()
            self._remember(replace(self.memory, asked_at=self._clock()))

    def _rest(self) -> float | None:
        """How many seconds the host is to be left alone; 0: until another has had its turn; ``None``: no longer."""
        if self._busy:
            return 0.0
        rest = max(self._left_at + self._delay_seconds, self._paused_until) - self._loop.time()
        return rest if rest > 0.0 else None

    def follow(self, rules: Rules) -> None:
        """Keep to ``rules`` from now on. A host that asks for too long a delay is closed."""
        self._rules = rules
        longest = self._policy.longest_crawl_delay_seconds
        if rules.delay_seconds > longest:
            message = (
                f"the robots.txt of {self.host} asks for {rules.delay_seconds:g} s between requests; "
                f"fetch.longest_crawl_delay_seconds is {longest:g}"
            )
            again = self._clock() + dt.timedelta(seconds=self._policy.robots_seconds)
            self.shut(Postponed(again, Reason.HOST_BUSY, message))
        self._delay_seconds = max(self._policy.delay_seconds, rules.delay_seconds)

    def disallows(self, url: str) -> bool:
        """Whether the rules forbid to ask for ``url``."""
        return self._rules is not None and not self._rules.allows(url)

    def shut(self, why: Postponed | Refused) -> None:
        """Send it nothing more in this run."""
        self._shut = why

    def asked_to_wait(self) -> dt.datetime | None:
        """The moment until when it asked to be left alone, where that is still to come."""
        until = self.memory.not_before
        return until if until is not None and until > self._clock() else None

    def known_robots(self) -> tuple[bool, str | None]:
        """Whether its robots.txt is known and still good, and what it says."""
        asked = self.memory.robots_at
        age = None if asked is None else (self._clock() - asked).total_seconds()
        return age is not None and 0 <= age < self._policy.robots_seconds, self.memory.robots

    def learn_robots(self, text: str | None) -> None:
        """Remember what its robots.txt says."""
        self._remember(replace(self.memory, robots=text, robots_at=self._clock()))

    def hear(self, answer: Answer, *, robots: bool = False) -> Postponed | None:
        """Take from an answer what it tells of the host.

        Args:
            answer: the answer.
            robots: whether it is to a request for robots.txt. Such an answer says nothing of how the host takes
                to being read, unless it is a 429.

        Returns:
            Where it asks to be left alone, how long.
        """
        status = answer.status
        if status == TOO_MANY or (status in _REFUSALS and not robots):
            self.refused()
        elif status in _GOOD and not robots and self.memory.refusals:
            self._remember(replace(self.memory, refusals=0, refused_since=None))
        if status not in (TOO_MANY, UNAVAILABLE):
            return None
        stated = next((value for name, value in answer.headers if name.lower() == "retry-after"), None)
        now = self._clock()
        until = retry_after(stated, now=now, longest_seconds=self._policy.longest_retry_after_seconds)
        if until is None and status == TOO_MANY:
            until = now + dt.timedelta(seconds=self._policy.too_many_seconds)
        if until is None:
            return None
        self._remember(replace(self.memory, not_before=until))
        self._paused_until = self._loop.time() + (until - now).total_seconds()
        return Postponed(until, Reason.HOST_BUSY, f"{self.host} answered with status {status}")

    def refused(self) -> None:
        """Count that it turned a request away, or took no connection."""
        self._remember(
            replace(
                self.memory,
                refusals=self.memory.refusals + 1,
                refused_since=self.memory.refused_since or self._clock(),
            )
        )

    def back_off(self, tries: int) -> None:
        """Leave it alone for a random while behind the failure number ``tries`` of one request."""
        seconds = backoff_seconds(
            tries,
            base_seconds=self._policy.delay_seconds,
            longest_seconds=self._policy.patience_seconds,
            rng=self._rng,
        )
        self._paused_until = max(self._paused_until, self._left_at + self._delay_seconds + seconds)

    def _remember(self, memory: HostMemory) -> None:
        self.memory = memory
        self._learned(self.host, memory)
