"""Many reads while runs commit.

    python -m tests.pipeline.reads --count 100000 --seed 1

lets a reader with DuckDB and one with pyarrow read so often together, while three writers at a time compete for the
data set and are killed. The exit status is 1 if a read failed, met a part of a file, or rows that no log names.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.pipeline.competing import BUSY, read_while_writing


def main(words: list[str] | None = None) -> int:
    """Read as often as the words ask, print what came of it, give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="how many reads (default: 100000)")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(words)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="knipsel-") as folder:
        result = read_while_writing(Path(folder), asked.count, asked.seed)
    print(
        f"{result.reads:,} reads met {result.states:,} states of {result.commits:,} commits: {len(result.errors)} "
        f"errors, {len(result.torn)} torn, {len(result.unnamed)} counts that no log names\n"
        f"writers: {result.statuses[0]:,} done, {result.statuses[BUSY]:,} found the root busy, "
        f"{result.statuses[-9]:,} killed\nseed {asked.seed}, {time.monotonic() - begun:.0f} s"
    )
    print("\n".join([*result.errors[:5], *result.torn[:5], *result.unnamed[:5]]))
    others = result.statuses.total() - sum(result.statuses[status] for status in (0, BUSY, -9))
    return int(bool(result.errors or result.torn or result.unnamed or others))


if __name__ == "__main__":
    sys.exit(main())
