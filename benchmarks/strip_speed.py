"""How fast stripping is, and how it grows with the length of a text.

    python -m benchmarks.strip_speed [FILE.jsonl …]

Prints megabytes of text a second on one core, in processor time, over documents (default: those in tests/data), and
for made-up texts of 2 KB to 2 MB; all in one run, so that the ratios between the lines hold on a noisy machine.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.settings import load
from transforms.core.clutter.rules import rule_book
from transforms.core.clutter.strip import strip

DATA = Path(__file__).parent.parent / "tests" / "data" / "clutter"
ROUNDS = 7


def seconds(work: Callable[[], object]) -> float:
    """The median processor time of ``work`` over ``ROUNDS`` rounds."""
    times = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return statistics.median(times)


def main(files: list[str]) -> None:
    """Measure and print."""
    book = rule_book(load().rules)
    paths = [Path(name) for name in files] or sorted(DATA.glob("*.jsonl"))
    texts = [json.loads(line)["text"] for path in paths for line in path.read_text("utf-8").splitlines() if line]
    size = sum(len(text.encode()) for text in texts)
    spent = seconds(lambda: [strip(text, book) for text in texts])
    print(f"{len(texts)} documents of {size / len(texts) / 1e3:.1f} KB: {size / spent / 1e6:.2f} MB/s")
    whole = "\n".join(texts)
    base = 0.0
    for kilobytes in (2, 20, 200, 2000):
        text = (whole * (kilobytes * 1000 // len(whole) + 1))[: kilobytes * 1000]
        rate = seconds(partial(strip, text, book)) / kilobytes
        base = base or rate
        print(f"{kilobytes:5} KB: {1e-3 / rate:.2f} MB/s, {rate / base:.2f} times the cost a KB of the shortest")


if __name__ == "__main__":
    main(sys.argv[1:])
