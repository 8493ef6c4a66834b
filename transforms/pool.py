"""Records through a chain of stages in worker processes: several in flight, given back in the order they came.

Each child has a pipe of its own, so that it is known whose task a child was at when it hung or died: that one becomes
a dead letter, and what waited in its pipe behind it goes to another child. Everything is moved by whoever calls
``put`` and ``drain``; there is no thread.
"""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import Any

from schemas.reject import Reason
from transforms.nursery import Child, Nursery, nursery
from transforms.nursery_process import RETIRES
from transforms.stage import Input, Stopwatch

_AHEAD = 4
"""Tasks that a child may have, the one it is at included: so it need not wait while the parent does something else.
More would only lengthen the way back when it hangs."""

_QUEUED = 2
"""Tasks that wait for each child besides those: so that the next is at hand while the parent does something else with
what has come. More would only hold memory: a page takes 400 kB."""

_IN_FLIGHT = 32
"""Tasks in flight for each child, those that are done and wait for an earlier one included: while one takes seconds,
the other children find work for a while."""

_IN_FLIGHT_BYTES = 1 << 26
"""How much the inputs in flight may hold together, or what was made of them: with the larger copies in pipes and
parsers it is what bounds the memory of a run whose pages are all large."""

_TRIES = 3
"""So often may a child die before it has begun with a task, until the task is held to be the cause."""


@dataclass(frozen=True, slots=True)
class Workers:
    """How many processes apply the stages, and what a record may cost.

    Attributes:
        count: of processes; 0 where the stages are applied in the process of the engine.
        seconds: wall-clock time a record may take in a child.
        child_bytes: memory a child may take beyond what it begins with.
    """

    count: int
    seconds: float
    child_bytes: int


@dataclass(slots=True, eq=False)
class _Task:
    """What is in flight: a ``record`` until it is ``done``, from then on what came of it alone."""

    record: Input | None
    context: Any
    size: int
    done: Any = None
    data: bytes = b""
    tries: int = 0


@dataclass(slots=True, eq=False)
class _Busy:
    """A child with what was sent to it, the one it is at first; ``unread`` bytes of it lie in the pipe."""

    child: Child
    watch: Stopwatch
    sent: deque[tuple[_Task, int]] = field(default_factory=deque)
    unread: int = 0
    begun: bool = False
    since: float = 0.0


class Pool:
    """Applies ``stages`` to records in worker processes. For one thread at a time.

    Args:
        stages: what is applied, as ``packed`` gives it.
        workers: how many processes and what a record may cost.
        mother: who makes the processes.

    Attributes:
        seconds: what each stage took by now, of all processes together.
    """

    def __init__(self, stages: bytes, workers: Workers, mother: Nursery | None = None) -> None:
        self._stages = stages
        self._workers = workers
        self._mother = mother or nursery()
        self._children: list[_Busy] = []
        self._order: deque[_Task] = deque()
        self._queue: deque[_Task] = deque()
        self._bytes = 0
        self.seconds: dict[str, float] = {}

    def put(self, record: Input, context: Any = None, done: Any = None) -> Iterator[tuple[Any, Any]]:
        """Take a record in, and give out what is done, in the order of ``put``, each with its ``context``.

        Waits while as much is in flight as may be.

        Args:
            record: what is to be worked on.
            context: is given back with the result.
            done: the result, where the caller has it already and only the order is wanted.

        Raises:
            NurseryError: there are no processes to be had.
        """
        task = _Task(record if done is None else None, context, record.size, done)
        self._order.append(task)
        self._bytes += task.size
        if done is None:
            self._queue.append(task)
        if self._queue or self._children:
            self._move(0)
        yield from self._released()
        while self._is_full():
            self._move(None)
            yield from self._released()

    def drain(self) -> Iterator[tuple[Any, Any]]:
        """Give out all that is in flight, in order.

        Raises:
            NurseryError: there are no processes to be had.
        """
        yield from self._released()
        while self._order:
            self._move(None)
            yield from self._released()

    def close(self) -> None:
        """End all children; what is in flight is lost."""
        for busy in self._children:
            self._mother.end(busy.child)
        self._children.clear()
        self._order.clear()
        self._queue.clear()
        self._bytes = 0

    def _is_full(self) -> bool:
        count = self._workers.count
        return (
            len(self._order) > _IN_FLIGHT * count
            or len(self._queue) > _QUEUED * count
            or self._bytes > _IN_FLIGHT_BYTES
        )

    def _released(self) -> Iterator[tuple[Any, Any]]:
        while self._order and (done := self._order[0].done) is not None:
            task = self._order.popleft()
            self._bytes -= task.size
            yield task.context, done

    def _move(self, patience: float | None) -> None:
        """Send what can be sent, then take in what has come, waiting up to ``patience`` seconds for something."""
        self._dispatch()
        limits = [one.since + self._workers.seconds for one in self._children if one.sent]
        if patience is None:
            patience = max(0.0, min(limits) - time.monotonic()) if limits else 0.0
        ready = wait([one.child.answers for one in self._children], patience)
        for one in [one for one in self._children if one.child.answers in ready]:
            self._take_in(one)
        now = time.monotonic()
        for one in list(self._children):
            # An answer may have come while this process was busy elsewhere: that was in time.
            if one.sent and now - one.since > self._workers.seconds and not one.child.answers.poll():
                self._timed_out(one)
        self._dispatch()

    def _dispatch(self) -> None:
        while self._queue:
            task = self._queue[0]
            idle = [one for one in self._children if not one.sent]
            if not idle and len(self._children) < self._workers.count:
                child = self._mother.rear(self._stages, child_bytes=self._workers.child_bytes)
                self._children.append(_Busy(child, Stopwatch(self.seconds)))
                continue
            task.data = task.data or pickle.dumps(task.record, protocol=pickle.HIGHEST_PROTOCOL)
            # A child that is at work reads nothing: what is sent to it must fit into the pipe, or this would wait.
            size = len(task.data)
            ahead = [one for one in self._children if len(one.sent) < _AHEAD and one.unread + size <= one.child.room]
            if not idle and not ahead:
                return
            self._queue.popleft()
            self._give(idle[0] if idle else min(ahead, key=_load), task)

    def _give(self, one: _Busy, task: _Task) -> None:
        data, task.data = task.data, b""
        if not one.sent:
            one.since = time.monotonic()
        one.sent.append((task, len(data)))
        one.unread += len(data)
        try:
            one.child.tasks.send_bytes(data)
        except OSError:
            self._died(one)

    def _take_in(self, one: _Busy) -> None:
        try:
            while one in self._children and one.child.answers.poll():
                self._answer(one, *one.child.answers.recv())
        except (EOFError, OSError):
            self._died(one)

    def _answer(self, one: _Busy, stage: str | None, value: Any) -> None:
        if stage == RETIRES:
            self._lost(one, None, "")
            return
        if stage is None:
            task, _ = one.sent.popleft()
            task.done, left = value
            task.record = None
            one.watch.enter("", left)
            one.begun = False
            one.since = time.monotonic()
            return
        if not one.begun:
            one.begun = True
            one.unread -= one.sent[0][1]
            one.since = value
        one.watch.enter(stage, value)

    def _timed_out(self, one: _Busy) -> None:
        seconds = self._workers.seconds
        message = f"it took longer than {seconds:g} seconds (limits.parse_seconds), and was ended"
        self._lost(one, Reason.PARSE_TIMEOUT, message)

    def _died(self, one: _Busy) -> None:
        self._lost(one, Reason.WORKER_CRASH, "the process at work on it broke down")

    def _lost(self, one: _Busy, reason: Reason | None, message: str) -> None:
        """End a child that hangs, is dead or retires: what it was at is answered for, the rest goes to the queue."""
        self._children.remove(one)
        how = self._mother.end(one.child)
        waiting = [task for task, _ in one.sent]
        if waiting and reason is not None and not one.begun:
            waiting[0].tries += 1
        if waiting and reason is not None and (one.begun or waiting[0].tries >= _TRIES):
            task = waiting.pop(0)
            said = f"{message}: {how}" if reason is Reason.WORKER_CRASH else message
            if task.record is not None:  # it is held until the task is done
                task.done = task.record.dead_letter(one.watch.stage or "extract", reason, said)
                task.record = None
        self._queue.extendleft(reversed(waiting))


def _load(one: _Busy) -> int:
    return len(one.sent)
