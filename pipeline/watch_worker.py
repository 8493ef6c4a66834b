"""The process of a watch that works: one small run after the other, until it is told to stop or is to be replaced.

It is told by lines on its standard input (``Order`` first, as JSON; then the words below), and ends at once when that
ends, for then the supervisor has gone. It tells by lines of JSON, each with ``what`` happened.
"""

from __future__ import annotations

import datetime as dt
import gc
import json
import logging
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pipeline.event_log import Event as RunEvent
from pipeline.event_log import JsonLines, Published, Reporter, Silent, log_handler
from pipeline.inputs import InputError, Inputs, find_feeds, find_inputs
from pipeline.settings import Config, SettingsError, load
from pipeline.watch_link import DRAIN, DRAINED, RELOAD, UNUSABLE, WRONG, Order
from schemas.feed import FeedSource
from schemas.record import SourceFile
from transforms.allocator import keep_little
from transforms.nursery import nursery

if TYPE_CHECKING:
    from pipeline.run import Summary

CUT_SECONDS = 10.0
"""After so long what is still under way when it is to stop is broken off, so that the rest of half a minute is left
to clean and to publish what has come."""

_NEVER = float("inf")

_BUSY_SECONDS = 5.0
"""How often it is looked whether another run still has the data set."""

_LOOK_SHARE = 20
"""Looking at folders may take a twentieth of the time."""


class _Ears:
    """Hears from a run when it has published."""

    def __init__(self, report: Reporter) -> None:
        self._report = report
        self.published_at: dt.datetime | None = None

    def tell(self, event: RunEvent) -> None:
        if isinstance(event, Published):
            self.published_at = dt.datetime.now(dt.UTC)
        self._report.tell(event)

    def watch(self, counters: Any) -> None:
        """Of so short a run nobody watches the progress."""


def main() -> None:
    """Be a worker; the last argument is the number of the pipe on which it tells."""
    # A Ctrl-C goes to the whole group of processes, and a service manager's SIGTERM as well; the supervisor decides.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    told = os.fdopen(int(sys.argv[-1]), "w", encoding="utf-8", buffering=1)
    order = Order.read(sys.stdin.readline())
    handlers = [log_handler(_clock)] if order.log_json else None
    logging.basicConfig(level=logging.ERROR, handlers=handlers, format="%(levelname)s %(name)s: %(message)s")
    status = DRAINED
    try:
        Worker(order, told).work()
    except (SettingsError, InputError) as fault:
        status = _failed(told, fault, UNUSABLE)
    except Exception as fault:
        # Whatever it is: the next worker begins afresh, behind the last commit.
        if order.debug:
            logging.exception("the run failed")
        status = _failed(told, fault, WRONG)
    told.close()
    # Threads of the engine may still be at work, and nothing they do counts any more; the nursery sees it end.
    os._exit(status)


def _failed(told: IO[str], fault: Exception, status: int) -> int:
    told.write(json.dumps({"what": "failed", "message": _said(fault), "status": status}) + "\n")
    return status


def _said(fault: Exception) -> str:
    return " ".join(str(fault).split()) or type(fault).__name__


class Worker:
    """Follows what the ``order`` names, and tells it to ``told``.

    Raises:
        SettingsError: the settings are not well-formed.
        InputError: an input cannot be used.
    """

    def __init__(self, order: Order, told: IO[str]) -> None:
        self._order = order
        self._told = told
        self._root = Path(order.root)
        self._since = dt.datetime.fromisoformat(order.since)
        self._config = _for_watch(self._load())
        self._paths = tuple(text for text in order.inputs if "://" not in text)
        self._feeds, self._fixed = feeds_of(order, self._config)
        # Before any thread: a process that has threads should not fork.
        if self._config.settings.run.workers:
            nursery().fork()
        keep_little()
        from pipeline.feed_state import FeedState
        from pipeline.ledger import current_state
        from pipeline.loop import Loop
        from pipeline.watch_folders import Folders, read_followed

        state = current_state(self._root)
        watch = self._config.settings.watch
        self._folders = Folders(self._find_files, watch.settle_seconds, read_followed(state))
        self._loop = Loop(learned=self._folders.learned, feeds=FeedState.from_json(state))
        self._report: Reporter = Silent()
        if order.log_json:
            self._report = JsonLines(sys.stderr, _clock, quiet=order.quiet)
        self._woken = threading.Event()
        self._reload = False
        self._cycles = 0
        self._left: list[SourceFile] = []
        self._missing = ""
        if order.first:
            # Later on one that is missing may come back, and feeds do not wait for it.
            self._find_files()

    def work(self) -> None:
        """Make one run after the other until it is over."""
        threading.Thread(target=self._obey, name="orders", daemon=True).start()
        watch = self._config.settings.watch
        limits = {"retry_seconds": watch.retry_seconds, "stuck_seconds": watch.stuck_seconds}
        hooks = self._config.settings.alarm.model_dump(mode="json")
        paths = len(self._paths) + len(self._fixed)
        self._tell("ready", feeds=len(self._feeds), paths=paths, hooks=hooks, **limits)
        feeds_free = files_free = -_NEVER
        looked = -_NEVER if self._paths or self._fixed else _NEVER
        ready: list[SourceFile] = []
        fed = False
        while not self._loop.brake.pulled.is_set():
            now, wall = time.monotonic(), _clock()
            if self._reload and self._is_well_formed():
                self._tell("retiring", why="to read the settings anew")
                return
            if now >= looked:
                ready = self._look(now)
                wait = watch.settle_seconds if self._folders.unsettled else watch.look_seconds
                looked = now + max(wait, _LOOK_SHARE * (time.monotonic() - now))
            files = self._left or ready
            due = self._next_due(wall)
            feeds_at = _NEVER if due is None else max(feeds_free, now + (due - wall).total_seconds())
            files_at = max(files_free, now) if files else _NEVER
            if (work_at := min(feeds_at, files_at)) > now:
                self._tell("idle", next_due=_moment(wall, work_at - now))
                # An hour at most, for a clock may be set.
                self._woken.wait(max(0.0, min(work_at, looked, now + 3_600.0) - now))
                self._woken.clear()
                continue
            # In turn, so that a large file and feeds do not wait for one another.
            fed = feeds_at <= now and not (fed and files_at <= now)
            inputs = Inputs(self._asked(), feeds=self._feeds) if fed else self._batch(files)
            if not self._cycle(inputs):
                # Another run has the data set.
                self._woken.wait(_BUSY_SECONDS)
            elif fed:
                feeds_free = now + watch.cycle_seconds
            else:
                more = self._left or len(files) > len(inputs.files)
                files_free, looked = now if more else now + watch.cycle_seconds, -_NEVER
            if why := self._is_spent():
                self._tell("retiring", why=why)
                return

    # What is followed

    def _load(self) -> Config:
        order = self._order
        return load(Path(order.config) if order.config else None, order.overrides)

    def _find_files(self) -> list[SourceFile]:
        order = self._order
        found = find_inputs(self._paths, source=order.source, lenient=order.lenient, may_be_empty=True).files
        return [*found, *self._fixed]

    def _look(self, now: float) -> list[SourceFile]:
        try:
            found = self._folders.look(now)
        except InputError as fault:
            # A folder that is not there now, because its disk is not, must not keep feeds from being asked.
            if self._missing != str(fault):
                self._missing = str(fault)
                self._tell("remark", message=str(fault))
            return []
        self._missing = ""
        return found

    def _next_due(self, now: dt.datetime) -> dt.datetime | None:
        from pipeline.build import polls_of

        # A run has the second at which it begins for its moment: what is due within it is due in the next.
        second = now.replace(microsecond=0)
        due = self._loop.feeds.next_due(self._feeds, polls_of(self._config.settings), now=second)
        return due and (due + dt.timedelta(microseconds=999_999)).replace(microsecond=0)

    def _batch(self, files: list[SourceFile]) -> Inputs:
        """As many of the files as one batch holds, or those of which one was begun."""
        from pipeline.batches import Backlog, Position

        if not self._left:
            run = self._config.settings.run
            batch = Backlog(files, []).next_batch(
                Position(), most_bytes=run.batch_bytes, most_records=run.batch_records
            )
            files = files[: batch.upcoming]
        return Inputs(self._asked(), files)

    def _asked(self) -> tuple[str, ...]:
        return self._order.inputs or tuple(feed.url for feed in self._feeds)

    # A run

    def _cycle(self, inputs: Inputs) -> bool:
        """One run, and what it came to; whether there was one, for another may hold the data set."""
        from pipeline.ledger import RootBusy
        from pipeline.run import run

        now = _clock().replace(microsecond=0)
        self._tell("begun", files=len(inputs.files), feeds=len(inputs.feeds))
        ears = _Ears(self._report)
        try:
            summary = run(
                inputs,
                self._config,
                self._root,
                now=now,
                report=ears,
                record=Path(self._order.record) if self._order.record else None,
                loop=self._loop,
            )
        except RootBusy as fault:
            self._tell("busy", message=str(fault))
            return False
        self._left = inputs.files if self._loop.unfinished else []
        self._feeds = [replace(feed, asked=False) for feed in self._feeds]
        self._cycles += 1
        seconds: list[float] = []
        if ears.published_at is not None:
            folder = self._root / "articles"
            files = (path for path in map(Path, summary.files) if path.is_relative_to(folder))
            seconds = latencies(files, ears.published_at, self._since)
        self._tell(
            "cycle",
            **summary.as_json(),
            published_at=ears.published_at and ears.published_at.isoformat(timespec="milliseconds"),
            latencies=[round(one, 2) for one in seconds],
            news=[f"{notice.code} {notice.about}: {notice.message}" for notice in summary.news],
            drift=[str(alarm) for alarm in summary.alarms if alarm.new],
            held_bytes=held_bytes(),
        )
        self._alarm(summary)
        if self._cycles == 1:
            # What serves every run from here on need not be looked at again and again.
            gc.collect()
            gc.freeze()
        gc.collect()
        return True

    def _alarm(self, summary: Summary) -> None:
        """Run the hooks of the settings, if they are for what a run came to; of failures the supervisor tells."""
        from pipeline.alarm import Event, Happened, Hooks, tell

        happened = Happened(
            str(self._root), _clock(), alarms=summary.alarms, notices=summary.news, summary=summary.as_json()
        )
        alarm = self._config.settings.alarm
        for fault in tell(Hooks(alarm.command, alarm.webhook, frozenset(map(Event, alarm.on))), happened):
            self._tell("remark", message=fault)

    def _is_spent(self) -> str | None:
        """Why this process is to be replaced, if it is."""
        watch, held = self._config.settings.watch, held_bytes()
        if self._cycles >= watch.worker_cycles:
            return f"after {self._cycles} runs"
        return f"it holds {held / 1e6:.0f} MB" if held > watch.worker_bytes else None

    def _is_well_formed(self) -> bool:
        self._reload = False
        try:
            self._load()
        except SettingsError as fault:
            self._tell("remark", message=f"the settings stay as they were: {fault}")
            return False
        return True

    # Being told, and telling

    def _obey(self) -> None:
        """Do what the supervisor says until it has gone."""
        for line in sys.stdin:
            if line.strip() == DRAIN:
                brake = self._loop.brake
                brake.pull()
                timer = threading.Timer(CUT_SECONDS, brake.cut)
                timer.daemon = True
                timer.start()
            elif line.strip() == RELOAD:
                self._reload = True
            self._woken.set()
        os._exit(WRONG)

    def _tell(self, what: str, **fields: Any) -> None:
        self._told.write(json.dumps({"what": what, **fields}) + "\n")


def feeds_of(order: Order, config: Config) -> tuple[list[FeedSource], list[SourceFile]]:
    """The feeds on the network that are to be followed, and those on disk, which are files.

    Raises:
        InputError: an input cannot be used.
    """
    urls = [text for text in order.inputs if "://" in text]
    feeds = find_inputs(urls, source=order.source, config=config).feeds
    # Who asks for a feed by name wants it asked though it has failed: once, not in every run from then on.
    feeds = [replace(feed, asked=order.first) for feed in feeds]
    if order.inputs and not order.feeds:
        return feeds, []
    own = find_feeds(config)
    named = {feed.url for feed in feeds}
    return [*feeds, *(feed for feed in own.feeds if feed.url not in named)], own.files


def _for_watch(config: Config) -> Config:
    """The settings with the batches of a watch."""
    settings = config.settings
    watch = settings.watch
    run = settings.run.model_copy(update={"batch_bytes": watch.batch_bytes, "batch_records": watch.batch_records})
    seconds = min(settings.fetch.batch_seconds, watch.cycle_seconds)
    fetch = settings.fetch.model_copy(update={"batch_seconds": seconds})
    return replace(config, settings=settings.model_copy(update={"run": run, "fetch": fetch}))


def _moment(wall: dt.datetime, seconds: float) -> str | None:
    """``seconds`` from the moment ``wall`` on; ``None`` where that is never."""
    return None if seconds == _NEVER else (wall + dt.timedelta(seconds=seconds)).isoformat(timespec="seconds")


def _clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def held_bytes() -> int:
    """The memory that this process holds; where the system does not say, the most that it ever held."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def latencies(files: Iterable[Path], committed: dt.datetime, since: dt.datetime) -> list[float]:
    """The seconds from publication to commit of the articles in these files.

    Counted are first versions that a feed listed and whose time of publication is stated and not before ``since``:
    what was out before the watch began has not waited for it.
    """
    import pyarrow.parquet as pq

    found: list[float] = []
    for file in files:
        columns = pq.read_table(file, columns=["published_at", "version", "feed_url"], partitioning=None).to_pydict()
        moments = zip(columns["published_at"], columns["version"], columns["feed_url"], strict=True)
        found += [
            (committed - published).total_seconds()
            for published, version, feed_url in moments
            if published is not None and published >= since and version == 1 and feed_url is not None
        ]
    return found
