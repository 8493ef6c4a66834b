"""How fast stripping is, how it grows with the length of a text, and what share of extraction's time it takes.

    python -m benchmarks.strip_speed [--shared DIR] [FILE.jsonl …]

Prints megabytes of text a second on one core, in processor time, over documents (default: those in tests/data) when
they are met for the first time and after that, and for made-up texts of 2 KB to 2 MB; with ``--shared DIR`` also the
time for the real pages in ``DIR/pages`` against that of their extraction. All in one run, so that the ratios between
the lines hold on a noisy machine.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.settings import load
from transforms.core.clutter.rules import RuleBook, rule_book
from transforms.core.clutter.strip import strip
from transforms.core.extraction import extract_page

DATA = Path(__file__).parent.parent / "tests" / "data" / "clutter"
ROUNDS = 7


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median processor time of ``work`` over some rounds."""
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return statistics.median(times)


def documents(book: RuleBook, paths: list[Path]) -> None:
    """The speed over documents, and over texts of growing length made of them."""
    texts = [json.loads(line)["text"] for path in paths for line in path.read_text("utf-8").splitlines() if line]
    size = sum(len(text.encode()) for text in texts)
    for when, rounds in (("met for the first time", 1), ("known", ROUNDS)):
        spent = seconds(lambda: [strip(text, book) for text in texts], rounds)
        print(f"{len(texts)} documents of {size / len(texts) / 1e3:.1f} KB, {when}: {size / spent / 1e6:.2f} MB/s")
    whole = "\n".join(texts)
    base = 0.0
    for kilobytes in (2, 20, 200, 2000):
        text = (whole * (kilobytes * 1000 // len(whole) + 1))[: kilobytes * 1000]
        rate = seconds(partial(strip, text, book)) / kilobytes
        base = base or rate
        print(f"{kilobytes:5} KB: {1e-3 / rate:.2f} MB/s, {rate / base:.2f} times the cost a KB of the shortest")


def pages(book: RuleBook, folder: Path) -> None:
    """The time for real pages, met for the first time and then known, against that of extracting them."""
    files = sorted((folder / "html").glob("*.html.gz"))
    html = [gzip.decompress(file.read_bytes()) for file in files]
    begun = time.process_time()
    texts = [extract_page(page).text for page in html]
    extraction = time.process_time() - begun
    for when, rounds in (("met for the first time", 1), ("known", 3)):
        spent = seconds(lambda: [strip(text, book, extracted=True) for text in texts], rounds)
        print(
            f"{len(html)} pages, {when}: {spent / len(html) * 1e3:.1f} ms a page, "
            f"{spent / extraction:.0%} of the {extraction / len(html) * 1e3:.1f} ms that extraction takes"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=sorted(DATA.glob("*.jsonl")))
    parser.add_argument("--shared", type=Path, help="a folder with pages/")
    args = parser.parse_args()
    book = rule_book(load().rules)
    if args.shared:
        pages(book, args.shared / "pages")
    documents(book, args.files)


if __name__ == "__main__":
    main()
