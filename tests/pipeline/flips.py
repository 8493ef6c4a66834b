"""Bits that flip in what a data set has published, one at a time: ``verify`` must name each one.

    python -m tests.pipeline.flips --count 1000 --seed 1

makes a data set of a few runs with a checkpoint and an index of known texts, flips single bits in its files by chance
(most of them in the tables, the others in the log, the checkpoint, the states and the index), asks ``verify`` after
each, with and without what it remembers, and puts the bit back. It prints how many were named, by kind of file.

A tenth as many bits flip in what ``verify`` remembers, which is to be harmless: another that flips at the same time
in a file of the tables must be named all the same, and nothing once that is put back.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from pipeline import known_index, ledger
from pipeline.sound_files import verify_and_remember
from pipeline.verify import verify
from tests.pipeline.rows import commit_run

KINDS = {
    "articles": "articles/*/*.parquet",
    "rejects": "rejects/*/*.parquet",
    "entry of the log": "_delta_log/*.json",
    "checkpoint": "_delta_log/*.checkpoint.parquet",
    "pointer to the checkpoint": "_delta_log/_last_checkpoint",
    "state": "_state/*.json",
    "index of known texts": "_state/known-*.arrow",
}
MEMORY = "memory of verify"
_PUBLISHED = 0.6
"""This share of the flips falls on the files of the tables."""


def data_set(root: Path) -> None:
    """Four runs, a checkpoint after the second and the fourth, an index after the third."""
    with patch.object(ledger, "CHECKPOINT_EVERY", 2), patch.object(known_index, "MOST_BESIDE", 5):
        for night in range(4):
            with ledger.Ledger(root) as held:
                known_index.known_files(held)
                commit_run(held, range(4 * night, 4 * night + 4))
    verify_and_remember(root)


def flips(root: Path, count: int, seed: int) -> Iterator[tuple[str, Path, int]]:
    """The kind of file, the file and the bit, by chance; every bit of a file is as likely as the others."""
    chance = random.Random(seed)
    files = {kind: sorted(root.glob(pattern)) for kind, pattern in KINDS.items()}
    rest = [kind for kind in KINDS if kind not in ("articles", "rejects")]
    for _ in range(count):
        published = chance.random() < _PUBLISHED
        kind = chance.choice(("articles", "articles", "rejects") if published else rest)
        path = chance.choice(files[kind])
        yield kind, path, chance.randrange(8 * path.stat().st_size)
    (memory,) = root.glob("_state/sound-*.arrow")
    for _ in range(count // 10):
        yield MEMORY, memory, chance.randrange(8 * memory.stat().st_size)


@contextmanager
def flipped(path: Path, bit: int) -> Iterator[None]:
    """This bit of this file is another meanwhile."""
    data = path.read_bytes()
    other = bytearray(data)
    other[bit // 8] ^= 1 << bit % 8
    path.write_bytes(other)
    try:
        yield
    finally:
        path.write_bytes(data)


def is_named(root: Path, path: Path, bit: int) -> bool:
    """Whether ``verify`` names this file while this bit of it is flipped, whatever it remembers."""
    with flipped(path, bit):
        looks = (verify(root), verify_and_remember(root))
    return all(any(str(path) in fault for fault in found.faults) for found in looks)


def is_harmless(root: Path, memory: Path, bit: int) -> bool:
    """Whether nothing is hidden or invented while this bit of what ``verify`` remembers is flipped."""
    files = sorted(root.glob(KINDS["articles"]))
    path = files[bit % len(files)]
    with flipped(memory, bit), flipped(path, bit % (8 * path.stat().st_size)):
        named = any(str(path) in fault for fault in verify_and_remember(root).faults)
    with flipped(memory, bit):
        invented = verify_and_remember(root).faults
        again = verify_and_remember(root)
    return named and not invented and not again.faults and again.known == again.files


def main(arguments: list[str] | None = None) -> int:
    """Flip, ask, count; the exit status is 1 where a flip was not named."""
    parser = argparse.ArgumentParser(description="Flip single bits in a data set and see whether verify names them.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    began = time.process_time()
    named: Counter[str] = Counter()
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "out"
        data_set(root)
        if verify(root).faults:
            raise SystemExit(f"the data set is not sound to begin with: {verify(root).faults}")
        for kind, path, bit in flips(root, args.count, args.seed):
            total[kind] += 1
            if (is_harmless if kind == MEMORY else is_named)(root, path, bit):
                named[kind] += 1
            else:
                print(f"missed: {path.relative_to(root)}, bit {bit}")
        if verify(root).faults:
            raise SystemExit("the data set is not as it was")
    for kind in KINDS:
        print(f"{kind:26} {named[kind]:6} of {total[kind]:6} named")
    harmless, flips_there = named.pop(MEMORY, 0), total.pop(MEMORY, 0)
    print(f"{MEMORY:26} {harmless:6} of {flips_there:6} harmless")
    print(f"{named.total()} of {total.total()} flips named, {time.process_time() - began:.0f} s of CPU time")
    return 0 if named == total and harmless == flips_there else 1


if __name__ == "__main__":
    sys.exit(main())
