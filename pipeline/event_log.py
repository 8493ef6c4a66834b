"""What a run says while it works: to a person at a terminal, into a log, or as JSON to a program.

A run tells a ``Reporter`` what happens; which one it is, ``reporter`` decides. With ``--log-format json`` each line
is an object with ``time``, ``event``, ``run_id`` (``null`` before there is one) and the fields of the event. What
cannot be written, because a log is full or nobody reads it any more, is lost, and the run goes on.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, Protocol

from rich.console import Console
from rich.filesize import decimal

if TYPE_CHECKING:
    from pipeline.ledger import Counts
    from pipeline.run import Summary
    from transforms.progress import Progress

FORMATS = ("text", "json")
EVERY_SECONDS = 30.0
"""From one line on progress to the next, where there is no bar: 120 an hour are few enough for a log, and a run that
stands still is seen within a minute."""

Clock = Callable[[], dt.datetime]

# What can happen, in this order.


@dataclass(frozen=True, slots=True)
class Started:
    """A run has the data set to itself; ``run_id`` is that of its first batch."""

    run_id: str
    files: int
    total_bytes: int
    feeds: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """It goes on behind the batches that an interrupted run has published."""

    run_id: str
    batches: int


@dataclass(frozen=True, slots=True)
class Begun:
    """A batch begins, which is a run of its own."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Published:
    """A batch is in the data set for good; ``more`` says whether another comes."""

    run_id: str
    counts: Counts
    files: int
    more: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a person should know, whatever comes of the run."""

    message: str


@dataclass(frozen=True, slots=True)
class Finished:
    """All is done. ``passed_over`` are the inputs of no kind that is read."""

    summary: Summary
    root: Path
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """It is over before it was done. ``status`` is the exit status, from 128 on of what a signal has stopped."""

    status: int
    message: str


Event = Started | Resumed | Begun | Published | Remark | Finished | Ended


class Reporter(Protocol):
    """Is told by a run what happens."""

    def tell(self, event: Event) -> None:
        """Something has happened."""

    def watch(self, counters: Progress) -> None:
        """The work begins; until ``Finished`` or ``Ended``, ``counters`` say how far it is."""


class Silent:
    """For those who want nothing but what a run gives back."""

    def tell(self, event: Event) -> None:
        """Say nothing."""

    def watch(self, counters: Progress) -> None:
        """Look away."""


SILENT: Reporter = Silent()


class Terminal:
    """A bar while it works, the books as a table when it is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._watching = ExitStack()

    def tell(self, event: Event) -> None:
        """Say it in words, if it is worth a line."""
        match event:
            case Resumed(batches=count):
                which = "batch" if count == 1 else f"{count:,} batches"
                self._say(f"going on behind the {which} that an interrupted run has published")
            case Remark(message=message):
                self._say(message)
            case Finished():
                self._watching.close()
                self._summarise(event)
            case Ended(message=message):
                self._watching.close()
                # Also where nothing else is to be said.
                with suppress(OSError):
                    print(f"knipsel: {message}", file=sys.stderr, flush=True)

    def watch(self, counters: Progress) -> None:
        """Show the bar."""
        from pipeline.progress import watching

        if follow := self._watching.enter_context(watching(self._console)):
            follow(counters)

    def _summarise(self, done: Finished) -> None:
        from rich.table import Table

        from schemas.reject import EXPLAINED, Reason

        summary = done.summary
        table = Table.grid(padding=(0, 2))
        table.add_column()
        table.add_column(justify="right", style="bold")
        table.add_column(style="dim")
        for name in _STATES:
            table.add_row(name, f"{getattr(summary.counts, name):,}", "")
        for code, count in summary.counts.reasons.items():
            table.add_row(f"  {code}", f"{count:,}", EXPLAINED[Reason(code)])
        with suppress(OSError):
            self._console.print(table)
        if done.passed_over:
            self._say(f"{len(done.passed_over)} files passed over, no kind that is read: {some(done.passed_over)}")
        for alarm in summary.alarms:
            self._say(f"DRIFT {alarm}")
        for notice in summary.notices:
            self._say(f"{notice.code} {notice.about}: {notice.message}")
        if summary.waiting:
            self._say(f"{summary.waiting:,} pages are left to the next run")
        where = f"{len(summary.files)} new files in {done.root}" if summary.files else f"nothing new for {done.root}"
        runs = summary.runs[-1] if len(summary.runs) == 1 else f"{summary.runs[0]} and {len(summary.runs) - 1} more"
        self._say(f"run {runs}: {where} after {summary.seconds:.1f} s")
        if summary.stage_seconds:
            stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in summary.stage_seconds.items())
            self._say(f"of all processes together: {stages}")

    def _say(self, line: str) -> None:
        with suppress(OSError):
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class Log(Terminal):
    """The same words, with a line on progress now and then in place of the bar.

    Args:
        console: to write to.
        clock: gives the time of a line.
        every_seconds: from one line on progress to the next.
    """

    def __init__(self, console: Console, clock: Clock, every_seconds: float = EVERY_SECONDS) -> None:
        super().__init__(console)
        self._clock = clock
        self._every_seconds = every_seconds

    def tell(self, event: Event) -> None:
        """Say it in words, if it is worth a line."""
        super().tell(event)
        if isinstance(event, Published) and event.more:
            books = event.counts
            self._say(f"batch {event.run_id}: {books.read:,} read, {books.written:,} written; the next one begins")

    def watch(self, counters: Progress) -> None:
        """Say now and then how far it is."""
        pace = Pace(counters, self._clock)
        _repeat(self._watching, self._every_seconds, lambda: self._say(pace.line()))


class JsonLines:
    """One object a line.

    Args:
        stream: to write to.
        clock: gives the time of an event.
        quiet: whether only how a run failed or was stopped is said.
        every_seconds: from one event on progress to the next.
    """

    def __init__(
        self, stream: IO[str], clock: Clock, *, quiet: bool = False, every_seconds: float = EVERY_SECONDS
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._quiet = quiet
        self._every_seconds = every_seconds
        self._run_id: str | None = None
        self._watching = ExitStack()

    def tell(self, event: Event) -> None:
        """Write it; what is in a summary becomes an event each."""
        if isinstance(event, Started | Begun):
            self._run_id = event.run_id
        if isinstance(event, Finished | Ended):
            self._watching.close()
        if not self._quiet or isinstance(event, Ended):
            for name, fields in _told(event):
                self._write(name, fields)

    def watch(self, counters: Progress) -> None:
        """Write an event ``progress`` now and then."""
        pace = Pace(counters, self._clock)
        if not self._quiet:
            _repeat(self._watching, self._every_seconds, lambda: self._write("progress", pace.fields()))

    def _write(self, name: str, fields: dict[str, Any]) -> None:
        with suppress(OSError):
            # In one call, because progress is told from another thread.
            self._stream.write(log_line(self._clock(), name, self._run_id, fields))
            self._stream.flush()


class Pace:
    """How far a run is, and how fast it was since that was asked last.

    Args:
        counters: of the run.
        clock: gives the time.
    """

    def __init__(self, counters: Progress, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock
        self._before = (clock(), counters.read)

    def line(self) -> str:
        """The progress as a line for people, with the time before it."""
        now, rate = self._rate()
        counters = self._counters
        far = ""
        if counters.bytes < counters.total_bytes:
            far = f", {counters.bytes / counters.total_bytes:.0%} of {decimal(counters.total_bytes)}"
        elif counters.asked:
            far = f", {counters.answered:,} of {counters.asked:,} feeds and pages"
        return f"{now.astimezone(dt.UTC):%Y-%m-%d %H:%M:%SZ} read {counters.read:,} articles, {rate:.0f}/s{far}"

    def fields(self) -> dict[str, Any]:
        """The progress as the fields of an event."""
        _, rate = self._rate()
        names = ("read", "bytes", "total_bytes", "asked", "answered")
        return {"per_second": round(rate, 1), **{name: getattr(self._counters, name) for name in names}}

    def _rate(self) -> tuple[dt.datetime, float]:
        now, read = self._clock(), self._counters.read
        (then, had), self._before = self._before, (now, read)
        seconds = (now - then).total_seconds()
        # A clock may be set back meanwhile.
        return now, (read - had) / seconds if seconds > 0 else 0.0


def reporter(log_format: str, *, quiet: bool, clock: Clock) -> Reporter:
    """The reporter for stderr as it is.

    Args:
        log_format: one of ``FORMATS``.
        quiet: whether only how a run failed or was stopped is said.
        clock: gives the time of an event.
    """
    if log_format == "json":
        return JsonLines(sys.stderr, clock, quiet=quiet)
    console = _Stderr(stderr=True, quiet=quiet)
    return Terminal(console) if console.is_terminal or quiet else Log(console, clock)


def log_handler(clock: Clock) -> logging.Handler:
    """For the ``logging`` of libraries where a log is JSON: each record is an event ``log`` on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(clock))
    return handler


def some(names: tuple[str, ...]) -> str:
    """The first few of the names of files."""
    return ", ".join(Path(name).name for name in names[:3]) + (" …" if len(names) > 3 else "")


class _Stderr(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Leave it to whoever prints: by itself rich would end the program."""
        raise BrokenPipeError


_STATES = ("read", "written", "duplicate", "filtered", "rejected")


class _Formatter(logging.Formatter):
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line."""
        fields = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return log_line(self._clock(), "log", None, fields).rstrip("\n")


def _told(event: Event) -> Iterator[tuple[str, dict[str, Any]]]:
    """An event as names and fields; its ``run_id`` is known by then."""
    match event:
        case Started():
            yield "started", {"files": event.files, "total_bytes": event.total_bytes, "feeds": event.feeds}
        case Resumed():
            yield "resumed", {"batches": event.batches}
        case Begun():
            yield "begun", {}
        case Published():
            yield "published", {**_books(event.counts), "files": event.files, "more": event.more}
        case Remark():
            yield "remark", {"message": event.message}
        case Finished(summary=summary):
            for alarm in summary.alarms:
                yield "drift", alarm.as_json()
            for notice in summary.notices:
                what = {"code": notice.code, "about": notice.about, "message": notice.message}
                yield "notice", {**what, "since": notice.since.isoformat()}
            if summary.waiting:
                yield "waiting", {"pages": summary.waiting}
            sums = {"files": len(summary.files), "batches": len(summary.runs), "passed_over": len(event.passed_over)}
            times = {name: round(seconds, 3) for name, seconds in summary.stage_seconds.items()}
            took = {"seconds": round(summary.seconds, 3), "stage_seconds": times, "peak_bytes": summary.peak_bytes}
            yield "finished", {"root": str(event.root), **_books(summary.counts), **sums, **took}
        case Ended():
            yield "stopped" if event.status >= 128 else "failed", {"status": event.status, "message": event.message}


def _books(counts: Counts) -> dict[str, Any]:
    return {**{name: getattr(counts, name) for name in _STATES}, "reasons": dict(counts.reasons)}


def log_line(now: dt.datetime, event: str, run_id: str | None, fields: Mapping[str, Any]) -> str:
    """An event as a line of a log of JSON."""
    time = now.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # All of it ASCII: paths may hold what is no text, and the stream may know few letters.
    return json.dumps({"time": time, "event": event, "run_id": run_id, **fields}) + "\n"


def _repeat(until: ExitStack, every_seconds: float, say: Callable[[], None]) -> None:
    """Say something again and again, in a thread of its own, until the stack is closed."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(every_seconds):
            say()

    thread = threading.Thread(target=repeat, name="progress", daemon=True)
    thread.start()
    until.callback(thread.join)
    until.callback(over.set)
