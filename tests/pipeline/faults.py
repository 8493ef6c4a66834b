"""Many accidents, and what came of them, as a table.

    python -m tests.pipeline.faults --count 10000 --seed 1

strikes so many commits, each at a step that chance picks: kill -9 (of a real process), the death of a process while
the machine goes on, the loss of power, a full, failing or forbidden disk, SIGTERM; what the source offers changes
between the attempts. ``--runs`` more befall whole runs of the command. The exit status is 1 if an article
was lost or doubled, a file was partial, a reader failed, or the books were wrong; each is told with the seed of the
life in which it happened, and ``--life`` lives that one again.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from tests.pipeline.disks import Accident
from tests.pipeline.lives import STRUCK_MOST, Life, Tally
from tests.pipeline.looks import KINDS
from tests.pipeline.whole_runs import WholeLife
from tests.pipeline.wrong import RIGHT, WRONG, Protocol

RUNS_OF_A_LIFE = 5
"""So many whole runs on one data set are to be struck; one more, at the end, is not."""

_HEADINGS = {
    "lost": "articles lost",
    "doubled": "doubled",
    "partial": "partial files",
    "reader": "readers in error",
    "books": "books wrong",
}


def one_life(
    seed: str, name: str = "", accidents: tuple[Accident, ...] = tuple(Accident), most: int = STRUCK_MOST
) -> Tally:
    """The life that ``seed`` stands for, under the wrong protocol ``name`` if one is given."""
    protocol: Protocol = WRONG[name] if name else RIGHT
    with quiet(), tempfile.TemporaryDirectory(prefix="knipsel-") as folder:
        return Life(Path(folder), seed, protocol=protocol, accidents=accidents).live(most)


@contextmanager
def quiet() -> Iterator[None]:
    """One thread for Arrow, which suits files of a few rows; and no warnings, which are expected."""
    threads = pa.cpu_count()
    pa.set_cpu_count(1)
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        pa.set_cpu_count(threads)


def one_whole_life(seed: str) -> Tally:
    """The life of whole runs that ``seed`` stands for."""
    with quiet(), tempfile.TemporaryDirectory(prefix="knipsel-") as folder:
        return WholeLife(Path(folder), seed).live(tuple(Accident), RUNS_OF_A_LIFE)


def many_lives(count: int, runs: int, seed: int, workers: int, name: str = "") -> Iterator[Tally]:
    """Lives that together hold ``count`` accidents to commits, or some few more, and ``runs`` to whole runs."""
    seeds = [f"{seed}-{number}" for number in range(-(-count // STRUCK_MOST))]
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _ignore_interruptions)
    try:
        short = pool.map(one_life, seeds, [name] * len(seeds), chunksize=4)
        whole = [pool.submit(one_whole_life, f"{seed}-{number}") for number in range(-(-runs // RUNS_OF_A_LIFE))]
        yield from short
        yield from (life.result() for life in whole)
    finally:
        pool.shutdown(cancel_futures=True)


def _ignore_interruptions() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def table(tally: Tally) -> str:
    """The accidents by kind, and what each led to."""
    lines = [f"{'accident':28}{'times':>8}" + "".join(f"{_HEADINGS[kind]:>18}" for kind in KINDS)]
    labels = [
        *dict.fromkeys(
            [*(str(accident) for accident in Accident), *tally.struck, *(label for label, _ in tally.found)]
        )
    ]
    for label in labels:
        found = "".join(f"{tally.found[label, kind]:18,}" for kind in KINDS)
        lines.append(f"{label:28}{tally.struck[label]:8,}{found}")
    sums = [sum(number for (_, kind), number in tally.found.items() if kind == wanted) for wanted in KINDS]
    lines.append(f"{'all':28}{tally.struck.total():8,}" + "".join(f"{number:18,}" for number in sums))
    return "\n".join(lines)


def main(words: list[str] | None = None) -> int:
    """Strike as often as the words ask, print the table, give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="how many accidents (default: 10000)")
    parser.add_argument("--runs", type=int, default=50, help="how many whole runs are struck besides (default: 50)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument("--life", help="only this one, as a fault named it (1-37)")
    parser.add_argument("--wrong", default="", choices=list(WRONG), help="under a protocol that is wrong on purpose")
    asked = parser.parse_args(words)
    begun = time.monotonic()
    tally = Tally()
    lives = (
        iter([one_life(asked.life, asked.wrong)])
        if asked.life
        else many_lives(asked.count, asked.runs, asked.seed, asked.workers, asked.wrong)
    )
    try:
        for number, life in enumerate(lives, 1):
            tally.add(life)
            if number % 25 == 0:
                print(f"{tally.struck.total():,} of {asked.count + asked.runs:,}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("interrupted; so far:")
    seconds = time.monotonic() - begun
    print(table(tally))
    print(f"seed {asked.seed}, {seconds:.0f} s, {tally.struck.total() / seconds:.0f} accidents a second")
    print("\n".join(tally.told[:20]))
    return int(bool(tally.found))


if __name__ == "__main__":
    sys.exit(main())
