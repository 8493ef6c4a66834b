"""The progress bar of a run on a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from transforms.progress import Progress as Counters

_EVERY_SECONDS = 0.2


def _far(counters: Counters) -> dict[str, Any]:
    """How far a run is: in bytes while there are files, then in feeds and pages."""
    if counters.bytes < counters.total_bytes:
        done = f"{decimal(counters.bytes)} of {decimal(counters.total_bytes)}"
        return {"description": "reading", "total": counters.total_bytes, "completed": counters.bytes, "done": done}
    done = f"{counters.answered:,} of {counters.asked:,} feeds and pages"
    return {"description": "fetching", "total": counters.asked or None, "completed": counters.answered, "done": done}


@contextmanager
def watching(console: Console) -> Iterator[Callable[[Counters], None] | None]:
    """Gives a function that takes the counters of a run and shows them until the context ends.

    Where ``console`` is no terminal, or is quiet, there is nothing to show and ``None`` is given.
    """
    if not console.is_terminal or console.quiet:
        yield None
        return
    over = threading.Event()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TextColumn("{task.fields[read]:,} articles, {task.fields[rate]:.0f}/s"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:

        def follow(counters: Counters) -> None:
            begun = time.monotonic()
            # What an interrupted run has done is no measure of the speed of this one.
            task = bar.add_task("reading", total=None, completed=counters.bytes, read=0, rate=0.0, done="")
            while not over.wait(_EVERY_SECONDS):
                rate = counters.read / (time.monotonic() - begun)
                bar.update(task, read=counters.read, rate=rate, **_far(counters))

        try:
            yield lambda counters: threading.Thread(target=follow, args=(counters,), daemon=True).start()
        finally:
            over.set()
