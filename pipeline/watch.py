"""``knipsel watch``: has a worker make one small run after the other, and sees to it that there is one.

The supervisor loads nothing of what a run needs, so that it is small and has little that could fail. Whatever becomes
of a worker, the next one begins behind its last commit. A worker ends with its supervisor, however that ends.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.notify import Notifier
from pipeline.watch_alarm import Bell
from pipeline.watch_link import DRAIN, DRAINED, RELOAD, UNUSABLE, Order, WorkerProcess
from pipeline.watch_status import STATES, Status
from pipeline.watch_voice import Voice
from transforms.storage import try_lock

FOLDER = "_watch"
"""Below the root: what a watch has there besides the data set."""
HEARTBEAT = "heartbeat.json"
_LOCK = "lock"

HEARTBEAT_SECONDS = 10.0
"""The heartbeat file is never older than this while the supervisor lives."""

DRAIN_SECONDS = 28.0
"""A worker that is to stop and has not by then is killed: half a minute is what is promised."""

_FIRST_RETRY_SECONDS = 1.0
_RETRY_SECONDS = 60.0
"""The longest wait between tries as long as nobody has read what the settings say of it."""


class WatchBusy(Exception):  # noqa: N818 - it says what is the case; nothing is in error
    """Another watch follows into the same data set."""


class Supervisor:
    """Has workers carry out ``order`` until a signal stops it.

    Args:
        order: what is followed, and into which data set.
        voice: how it speaks.
        metrics: is given the status after each run, where metrics are wanted.
        heartbeat: the heartbeat file, in place of that below the root.
    """

    def __init__(
        self,
        order: Order,
        voice: Voice,
        *,
        metrics: Callable[[Status], None] | None = None,
        heartbeat: Path | None = None,
    ) -> None:
        self._order = order
        self._voice = voice
        # As the settings have it, once a worker has read them.
        self._retry_seconds, self._stuck_seconds = _RETRY_SECONDS, float("inf")
        self._metrics = metrics
        self._heartbeat = heartbeat or Path(order.root) / FOLDER / HEARTBEAT
        self._notifier = Notifier()
        self._bell = Bell(order)
        self.status = Status(os.getpid(), dt.datetime.fromisoformat(order.since))
        self._worker: WorkerProcess | None = None
        self._proven = False
        self._start_at = 0.0
        self._beat_at = 0.0
        self._stop = 0
        self._deadline = float("inf")
        self._killed = False
        self._status_line = ""
        # Where there is one, SIGHUP says that it has been closed.
        self._terminal = sys.stderr.isatty()

    def run(self) -> int:
        """Watch, and give the exit status.

        Returns:
            0 where a signal has ended it; 128 and the number of the signal where work had to be given up for that;
            2 where the first worker found settings or inputs that cannot be used.
        """
        with _signals() as wakened, selectors.DefaultSelector() as selector:
            selector.register(wakened, selectors.EVENT_READ)
            try:
                while (status := self._step(wakened, selector)) is None:
                    pass
            finally:
                if self._worker is not None:
                    self._worker.process.kill()
                    self._worker.process.wait()
        return status

    def _step(self, wakened: socket.socket, selector: selectors.BaseSelector) -> int | None:
        """Wait for the next thing that happens and do what it asks for; the exit status where it is over."""
        now = time.monotonic()
        if self._worker is None:
            if self._stop:
                return self._over()
            if now >= self._start_at:
                self._begin(selector)
        self._beat(now)
        self._bell.forget_ended()
        for key, _ in selector.select(self._wait(now)):
            if key.fileobj is wakened:
                for number in wakened.recv(64):
                    self._hear_signal(number)
        worker, now = self._worker, time.monotonic()
        if worker is None:
            return None
        # Asked for first, so that nothing that it told before its end is missed.
        status = worker.process.poll()
        for message in worker.heard():
            self._hear(worker, message)
        if status is not None:
            selector.unregister(worker.pipe)
            worker.close()
            self._worker = None
            return self._ended(worker, status, now)
        if now >= self._deadline and not self._killed:
            self._killed = True
            worker.process.kill()
        elif worker.working_since is not None and now - worker.working_since > self._stuck_seconds:
            worker.told = f"a run took longer than watch.stuck_seconds = {self._stuck_seconds:g}"
            worker.working_since = None
            worker.process.kill()
        return None

    def _begin(self, selector: selectors.BaseSelector) -> None:
        try:
            worker = WorkerProcess(replace(self._order, first=not self._proven))
        except OSError as fault:
            self._fail(f"no worker process could be started: {fault}")
            return
        self._worker = worker
        selector.register(worker.pipe, selectors.EVENT_READ)
        self.status.workers += 1
        self.status.worker_pid = worker.process.pid
        self.status.doing = "starting"

    def _wait(self, now: float) -> float:
        """Seconds until something is to be done, whatever happens."""
        until = min(self._beat_at, self._deadline)
        if self._worker is None:
            until = min(until, self._start_at)
        # A worker that has ended closes its pipe, but for what it has forked and what ends a moment later.
        return max(0.05, min(until - now, 1.0))

    # What happens

    def _hear_signal(self, number: int) -> None:
        if number == signal.SIGHUP and not self._terminal:
            if self._worker is not None:
                self._worker.tell(RELOAD)
            return
        if number not in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            return
        if self._stop:
            # Who asks twice means at once.
            self._deadline = time.monotonic()
            return
        self._stop = number
        self._deadline = time.monotonic() + DRAIN_SECONDS
        self.status.doing = "stopping"
        self._beat_at = 0.0
        self._voice.say("stopping", "stopping: what has come is published yet")
        self._notifier.tell(STOPPING=1)
        if self._worker is not None:
            self._worker.tell(DRAIN)

    def _hear(self, worker: WorkerProcess, message: dict[str, Any]) -> None:
        what = message.pop("what")
        status = self.status
        if what == "ready":
            self._retry_seconds, self._stuck_seconds = message.pop("retry_seconds"), message.pop("stuck_seconds")
            self._bell.hooks = message.pop("hooks")
            if not self._proven:
                self._proven = True
                self._notifier.tell(READY=1)
                self._voice.say(
                    "watching", f"watching: {message['feeds']} feeds, {message['paths']} paths", **message
                )
        elif what == "begun":
            worker.working_since = time.monotonic()
            self._do("working")
        elif what == "busy":
            worker.working_since = None
            if status.doing != "busy":
                self._voice.say("busy", message["message"])
            self._do("busy")
        elif what == "idle":
            self._do("waiting")
            status.next_due = message["next_due"]
        elif what == "remark":
            self._voice.say("remark", message["message"])
        elif what == "retiring":
            self._voice.say("replaced", f"the worker is replaced: {message['why']}", worker_pid=worker.process.pid)
        elif what == "failed":
            worker.told = message["message"]
        elif what == "cycle":
            worker.working_since = None
            self._learn(message)

    def _do(self, doing: str) -> None:
        if not self._stop:
            self.status.doing = doing

    def _learn(self, cycle: dict[str, Any]) -> None:
        self.status.learn(cycle, _clock())
        self._beat_at = 0.0
        for line in (*cycle.pop("news"), *(f"DRIFT {line}" for line in cycle.pop("drift"))):
            self._voice.say("notice", line)
        latencies = cycle.pop("latencies")
        latency = self.status.latency.as_json()
        self._voice.show({**cycle, "latency": latency, "articles_timed": len(latencies)})
        if cycle["read"]:
            books = ", ".join(f"{cycle[name]:,} {name}" for name in STATES if cycle[name])
            median = latency["hour"]["median_seconds"]
            typical = f"; latency {median} s" if median is not None else ""
            told = {name: cycle[name] for name in ("run_id", *STATES, "seconds")}
            text = f"run {cycle['run_id']}: {books} in {cycle['seconds']:.1f} s{typical}"
            self._voice.say("cycle", text, **told, latency=latency)
        if self._metrics is not None:
            try:
                self._metrics(self.status)
            except OSError as fault:
                self._voice.say("remark", f"the metrics could not be written ({fault})")

    def _ended(self, worker: WorkerProcess, status: int, now: float) -> int | None:
        self.status.worker_pid = None
        if self._stop:
            return self._over()
        if status == DRAINED:
            self._start_at = now
            return None
        if status == UNUSABLE and not self._proven:
            self._voice.say("failed", worker.told or "it cannot be used", failure=True, status=UNUSABLE)
            return UNUSABLE
        how = f"it was ended by signal {-status}" if status < 0 else f"it left with status {status}"
        self._fail(worker.told or f"the worker is gone: {how}")
        return None

    def _fail(self, message: str) -> None:
        """Note a failure, and when the next try is: behind a random part of a wait that doubles each time."""
        status = self.status
        status.failures += 1
        status.failures_in_a_row += 1
        status.last_failure = message
        status.doing = "failing"
        longest = min(self._retry_seconds, _FIRST_RETRY_SECONDS * 2 ** min(status.failures_in_a_row - 1, 30))
        wait = random.uniform(0.0, longest)  # noqa: S311 - nothing secret hangs on it
        self._start_at = time.monotonic() + wait
        self._beat_at = 0.0
        text = f"{message}; trying again in {wait:.0f} s"
        self._voice.say("failed", text, failure=True, retry_seconds=round(wait, 1), in_a_row=status.failures_in_a_row)
        if status.failures_in_a_row == 1:
            # Of the first in a row somebody is told; whether the next ones have the same cause, nobody knows.
            try:
                self._bell.ring(message)
            except OSError as fault:
                self._voice.say("remark", f"the alarm could not be given ({fault})")

    def _over(self) -> int:
        self.status.doing = "stopped"
        self._beat_at = 0.0
        self._beat(time.monotonic())
        if self._killed:
            self._voice.say("stopped", "stopped; the run at hand was given up, and the next goes on behind the last")
            return 128 + self._stop
        self._voice.say("stopped", "stopped; everything that had come is published")
        return 0

    def _beat(self, now: float) -> None:
        """Say that it lives, as often as is wanted."""
        line = self.status.line()
        if now >= self._beat_at:
            every = HEARTBEAT_SECONDS
            if self._notifier.watchdog_seconds is not None:
                every = min(every, self._notifier.watchdog_seconds / 3)
            self._beat_at = now + every
            self._notifier.tell(WATCHDOG=1)
            try:
                self.status.write(self._heartbeat)
            except OSError as fault:
                self._voice.say("remark", f"{self._heartbeat}: the heartbeat could not be written ({fault.strerror})")
        if line != self._status_line:
            self._status_line = line
            self._notifier.tell(STATUS=line)


@contextlib.contextmanager
def held(root: Path) -> Iterator[Callable[[], None]]:
    """The right to be the watch of a data set, whose folder is made if it is missing.

    Yields:
        What takes back what was made for it, for a watch that never came to work.

    Raises:
        WatchBusy: another has it.
        RootError: the root cannot be used.
    """
    folder = root / FOLDER
    made = [each for each in (folder, root) if not each.exists()]
    try:
        root.mkdir(exist_ok=True)
        folder.mkdir(exist_ok=True)
        unlock = try_lock(folder / _LOCK)
    except OSError as fault:
        # It takes a second to load, and a supervisor needs it for nothing else.
        from pipeline.ledger import RootError

        raise RootError(
            f"{root}: cannot be used as a root ({fault.strerror}); make the folder above it, or name one that this "
            "user may write to"
        ) from fault
    if unlock is None:
        raise WatchBusy(f"{root}: another watch is at work; stop that, or choose another root")

    def take_back() -> None:
        if folder in made:
            # What somebody else has put there meanwhile stays, and with it the folder.
            with contextlib.suppress(OSError):
                for name in (HEARTBEAT, _LOCK):
                    (folder / name).unlink(missing_ok=True)
                for each in made:
                    each.rmdir()

    try:
        yield take_back
    finally:
        unlock()


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket on which the number of each signal comes, a byte each, that asks for something."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    descriptor = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, handler in before.items():
            signal.signal(number, handler)
        ours.close()
        theirs.close()


def _clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
