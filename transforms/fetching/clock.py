"""The time of a run, for what takes place while it lasts."""

from __future__ import annotations

import datetime as dt
import time


class RunClock:
    """Tells the moment of the run plus what has passed since this was made, in UTC.

    Args:
        now: the moment of the run.
    """

    def __init__(self, now: dt.datetime) -> None:
        self._now = now
        self._begun = time.monotonic()

    def __call__(self) -> dt.datetime:
        """The moment it is now, on the clock of the run."""
        return self._now + dt.timedelta(seconds=time.monotonic() - self._begun)
