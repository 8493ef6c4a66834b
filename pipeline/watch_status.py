"""How a watch is doing: what its heartbeat file, its status line and its metrics say."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.latency import Latency

STATES = ("read", "written", "duplicate", "filtered", "rejected")


@dataclass(slots=True)
class Status:
    """Of a watch, from its beginning.

    Attributes:
        pid: of the supervisor.
        since: when it began.
        doing: ``starting``, ``working``, ``waiting``, ``busy`` (another run has the data set), ``failing`` (the next
            try is to come), or ``stopping``.
        worker_pid: of the process that works.
        workers: how many there were.
        cycles: runs that ended well.
        commits: those of them that published something.
        failures: runs, or workers, that failed.
        failures_in_a_row: those since the last run that ended well.
        last_failure: in a line.
        books: of all cycles, added up.
        last_cycle: what the last one came to.
        next_due: when the next is to begin, as far as is known.
        latency: from publication to commit.
    """

    pid: int
    since: dt.datetime
    doing: str = "starting"
    worker_pid: int | None = None
    workers: int = 0
    cycles: int = 0
    commits: int = 0
    failures: int = 0
    failures_in_a_row: int = 0
    last_failure: str | None = None
    books: Counter[str] = field(default_factory=Counter)
    last_cycle: dict[str, Any] | None = None
    next_due: str | None = None
    latency: Latency = field(default_factory=Latency)

    def learn(self, cycle: dict[str, Any], now: dt.datetime) -> None:
        """Take in what a worker told of a run that has ended well at the moment ``now``."""
        self.cycles += 1
        self.commits += cycle["published_at"] is not None
        self.failures_in_a_row = 0
        self.books.update({name: cycle[name] for name in STATES})
        self.latency.add(cycle["latencies"], now)
        kept = ("run_id", *STATES, "seconds", "published_at", "waiting", "held_bytes")
        self.last_cycle = {name: cycle[name] for name in kept} | {"ended_at": now.isoformat(timespec="milliseconds")}

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        names = ("pid", "doing", "worker_pid", "workers", "cycles", "commits", "failures", "failures_in_a_row")
        return {
            **{name: getattr(self, name) for name in names},
            "since": self.since.isoformat(timespec="seconds"),
            "last_failure": self.last_failure,
            "books": {name: self.books[name] for name in STATES},
            "last_cycle": self.last_cycle,
            "next_due": self.next_due,
            "latency": self.latency.as_json(),
        }

    def line(self) -> str:
        """For people who ask a service manager."""
        said = f"{self.doing}; {self.books['written']:,} articles in {self.commits:,} commits"
        if self.failures_in_a_row:
            said += f"; failed {self.failures_in_a_row} times in a row: {self.last_failure}"
        latency = self.latency.as_json()["hour"]
        if latency["median_seconds"] is not None:
            said += f"; latency {latency['median_seconds']} s, 95 % within {latency['p95_seconds']} s"
        return said + (f"; next due {self.next_due}" if self.next_due else "")

    def write(self, path: Path) -> None:
        """Replace the heartbeat file. A reader sees all of it or the one before; a loss of power may lose it.

        Raises:
            OSError: the disk failed.
        """
        draft = path.with_name(f".{path.name}.new")
        draft.write_text(json.dumps(self.as_json(), indent=1) + "\n", "utf-8")
        draft.replace(path)
