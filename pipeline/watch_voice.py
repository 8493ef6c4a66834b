"""How a watch speaks: lines for people or for programs on stderr, an object for each run on stdout."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.event_log import log_line


@dataclass(frozen=True, slots=True)
class Voice:
    """How a watch speaks.

    Attributes:
        log_json: whether events are told on stderr as JSON, an object a line.
        quiet: whether only failures are told there.
        json: whether each run that ended well is an object on stdout.
    """

    log_json: bool = False
    quiet: bool = False
    json: bool = False

    def say(self, event: str, message: str, *, failure: bool = False, **fields: Any) -> None:
        """Tell an ``event`` in words, or as JSON with these fields."""
        if self.quiet and not failure:
            return
        now = dt.datetime.now(dt.UTC)
        text = f"knipsel: {now:%Y-%m-%d %H:%M:%SZ} {message}\n"
        # Nobody may read it any more, or the log be full: that is no reason to stop.
        with contextlib.suppress(OSError):
            sys.stderr.write(log_line(now, event, None, {"message": message, **fields}) if self.log_json else text)
            sys.stderr.flush()

    def show(self, cycle: Mapping[str, Any]) -> None:
        """Tell of a run on stdout."""
        if self.json:
            with contextlib.suppress(OSError):
                print(json.dumps(cycle), flush=True)
