"""The two sides of a watch and what passes between them: an order to a worker, and lines of what it does.

Loads nothing of what a run needs: the supervisor is to be small.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import IO, Any

DRAIN, RELOAD = "drain", "reload"
"""What it can be told: to end behind the run at hand, cut short; to read the settings anew, between two runs."""

DRAINED, WRONG, UNUSABLE = 0, 1, 2
"""Its exit status: it ended as it was told or is to be replaced; a run failed; the settings or inputs are wrong."""

_READ_BYTES = 1 << 16
_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from pipeline.watch_worker import main; main()"


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is to do.

    Attributes:
        inputs: as the user wrote them; with none, the feeds of the settings.
        feeds: whether those are followed besides the inputs.
        root: of the data set.
        config: the ``knipsel.toml``, if there is one.
        overrides: single values, as ``--set`` has them.
        source: the outlet of all inputs, where the user names one.
        lenient: whether unknown keys in JSON lines are passed over.
        record: the folder in which what is fetched is kept.
        log_json: whether events are told on stderr as JSON.
        quiet: whether only failures are told there.
        debug: whether tracebacks are shown.
        since: when the watch began.
        first: whether this is its first worker, or none before it has got to work.
    """

    inputs: tuple[str, ...]
    feeds: bool
    root: str
    config: str | None
    overrides: tuple[str, ...]
    source: str | None
    lenient: bool
    record: str | None
    log_json: bool
    quiet: bool
    debug: bool
    since: str
    first: bool = True

    def line(self) -> str:
        """As it is sent."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> Order:
        """What ``line`` gave."""
        fields = json.loads(line)
        return cls(**fields | {name: tuple(fields[name]) for name in ("inputs", "overrides")})


class WorkerProcess:
    """The process, as its supervisor sees it."""

    def __init__(self, order: Order) -> None:
        ours, theirs = os.pipe()
        orders, ours_out = os.pipe()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - this very interpreter, no shell
                [sys.executable, "-c", _START, json.dumps(sys.path), str(theirs)],
                stdin=orders,
                pass_fds=[theirs],
            )
        except OSError:
            os.close(ours)
            os.close(ours_out)
            raise
        finally:
            os.close(theirs)
            os.close(orders)
        self._orders: IO[str] = os.fdopen(ours_out, "w", encoding="utf-8")
        os.set_blocking(ours, False)
        self.pipe = ours
        self._begun = b""
        self.told: str | None = None
        self.working_since: float | None = None
        self.tell(order.line())

    def tell(self, line: str) -> None:
        """Send it a line; where it is gone already, that is seen elsewhere."""
        with contextlib.suppress(OSError):
            self._orders.write(f"{line}\n")
            self._orders.flush()

    def heard(self) -> Iterator[dict[str, Any]]:
        """What it has told since the last call."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.pipe, _READ_BYTES):
                self._begun += data
        *lines, self._begun = self._begun.split(b"\n")
        for line in lines:
            yield json.loads(line)

    def close(self) -> None:
        """Give back what belongs to a process that has ended."""
        os.close(self.pipe)
        with contextlib.suppress(OSError):
            self._orders.close()
