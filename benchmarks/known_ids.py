"""What it takes to know ten million articles: the memory and the time until a run can ask, and the price of asking.

    python -m benchmarks.known_ids [--count 10000000] [--recent 5000]

Makes up ids and content hashes, has them indexed as a run does, and loads the index in a process of its own together
with two files that it does not cover. For comparison a process loads a twentieth of the texts as the strings that
they are, into a dict and a set. Times are processor time; memory is the growth of the peak, which for mapped files
counts the pages that were touched.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.derived import is_whole
from pipeline.known_index import write_index
from transforms.core.known_texts import COLUMNS
from transforms.drop_known import read_known
from transforms.parquet import read_rows
from transforms.storage import DISK

T = TypeVar("T")

ASKED = 5_000
PER_FILE = 50_000
STRINGS = 20
"""This part of the texts is loaded as strings; all of them would not fit in the memory of a small machine."""


def hexadecimal(chance: np.random.Generator, count: int) -> pa.Array:
    """Made-up ids: so many strings of 32 hexadecimal digits."""
    data = chance.bytes(16 * count).hex().encode()
    offsets = np.arange(0, 32 * count + 1, 32, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets.tobytes()), pa.py_buffer(data))


def write(folder: Path, count: int) -> list[Path]:
    """Files with the columns that tell, of so many articles."""
    chance = np.random.default_rng(1)
    paths = []
    for number, start in enumerate(range(0, count, PER_FILE)):
        rows = min(PER_FILE, count - start)
        columns = [hexadecimal(chance, rows), hexadecimal(chance, rows), pa.array(np.ones(rows, np.int16))]
        paths.append(folder / f"{number:06d}.parquet")
        pq.write_table(pa.Table.from_arrays(columns, list(COLUMNS)), paths[-1], use_dictionary=False)
    return paths


def load_strings(paths: list[Path]) -> object:
    """The texts as strings."""
    versions: dict[str, int] = {}
    texts: set[tuple[str, str]] = set()
    for path in paths:
        for name, text, version in zip(*(column.to_pylist() for column in read_rows(path, COLUMNS)), strict=True):
            versions[name] = version
            texts.add((name, text))
    return versions, texts


def told(what: str, work: Callable[[], T]) -> T:
    """Print the time and the memory that ``work`` takes."""
    before, began = peak(), time.process_time()
    result = work()
    print(f"{what}: {time.process_time() - began:.2f} s, {peak() - before:.0f} MB", flush=True)
    return result


def peak() -> float:
    """The most memory that this process has held, in MB."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / (1e6 if sys.platform == "darwin" else 1e3)


def index(folder: Path) -> None:
    """Make an index of all files but two, and then anew with a hundredth of the texts come to it."""
    paths = sorted(folder.glob("*.parquet"))
    few = max(1, len(paths) // 100)
    covered, later = paths[: -2 - few], paths[-2 - few : -2]
    first = told(
        f"  made of {len(covered)} files",
        lambda: write_index(folder, None, list(map(str, covered)), list(map(str, covered)), DISK),
    )
    told(
        f"  made anew with {few} files more",
        lambda: write_index(folder, first, list(map(str, later)), list(map(str, paths[:-2])), DISK),
    )


def ask(folder: Path) -> None:
    """Load as a run does, and ask for texts that are held and for others."""
    paths = sorted(folder.glob("*.parquet"))
    made = next(folder.glob("_state/*.arrow"))
    if not told("  its sha256", lambda: is_whole(made)):
        raise SystemExit(f"{made}: damaged")
    known = told("  loaded, with two files that it lacks", lambda: read_known([str(made), *map(str, paths[-2:])]))
    held = [row for path in (paths[0], paths[-1]) for row in read_rows(path, COLUMNS).slice(0, ASKED).to_pylist()]
    new = hexadecimal(np.random.default_rng(2), len(held)).to_pylist()
    began = time.process_time()
    lost = [row for row in held if known.admit(row["article_id"], row["content_hash"]) is not None]
    dropped = [name for name in new if known.admit(name, name) is None]
    spent = (time.process_time() - began) / (len(held) + len(new))
    print(f"  asked for {len(held)} that are held and {len(new)} that are not: {1e6 * spent:.1f} µs each")
    print(f"  {len(lost)} of them taken for new, {len(dropped)} for known; {peak():.0f} MB at the peak, all in all")


def strings(folder: Path) -> None:
    """Load a part of the texts as strings."""
    paths = sorted(folder.glob("*.parquet"))
    some = paths[: max(1, len(paths) // STRINGS)]
    told(f"  {len(some)} of {len(paths)} files", lambda: load_strings(some))


STEPS = {"as an index": index, "in a run": ask, "as strings": strings}


def main() -> None:
    """Make the files up, then take each step in a process of its own."""
    parser = argparse.ArgumentParser(description="Memory and time to know many articles.")
    parser.add_argument("--count", type=int, default=10_000_000)
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.step:
        STEPS[args.step](args.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        print(f"{args.count:,} articles in {len(write(Path(name), args.count))} files", flush=True)
        for step in STEPS:
            print(step, flush=True)
            command = [sys.executable, "-m", "benchmarks.known_ids", "--step", step, "--folder", name]
            subprocess.run(command, check=True)  # noqa: S603 - this very program


if __name__ == "__main__":
    main()
