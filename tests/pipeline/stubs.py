"""Pages that a worker process does not survive: an extractor that hangs, aborts or takes all memory when told so."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from schemas.record import Draft, Record
from transforms import extract_articles as real
from transforms.stage import Stage

HANG, ABORT, MEMORY, LEAVE = "<!--hang-->", "<!--abort-->", "<!--memory-->", "<!--leave-->"


def extract_articles(*, now: datetime, timezones: Mapping[str, str]) -> Stage:
    """The real stage behind a trap."""
    stage = real.extract_articles(now=now, timezones=timezones)
    return replace(stage, load=partial(_load, stage))


def _load(stage: Stage) -> Callable[[Record], Draft]:
    return partial(_trap, stage.load())


def _trap(extract: Callable[[Record], Draft], record: Record) -> Draft:
    html = record.html or b""
    if HANG.encode() in html:
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
        while True:
            time.sleep(1)
    if ABORT.encode() in html:
        os.abort()
    if LEAVE.encode() in html:
        os._exit(7)
    if MEMORY.encode() in html:
        held = []
        while True:
            held.append(bytearray(64 << 20))
    return extract(record)
