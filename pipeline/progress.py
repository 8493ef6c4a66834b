"""The progress bar of a run on a terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from transforms.count_progress import Progress as Counters

_EVERY_SECONDS = 0.2


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
        TextColumn("reading"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} files, {task.fields[articles]} articles"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:

        def follow(counters: Counters) -> None:
            task = bar.add_task("", total=counters.files_total, articles=0)
            while not over.wait(_EVERY_SECONDS):
                bar.update(task, completed=counters.files, articles=counters.articles)

        try:
            yield lambda counters: threading.Thread(target=follow, args=(counters,), daemon=True).start()
        finally:
            over.set()
