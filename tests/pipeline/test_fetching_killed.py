"""Kill -9 at random moments of a run that fetches, while the press goes on publishing.

``python -m tests.pipeline.test_fetching_killed --count 200`` does it as often as is wanted, and prints how it went.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.dataset as ds

from pipeline.verify import verify
from tests.press import Kind, Press

NOW = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)
CODE = "import sys; from pipeline.cli import main; sys.exit(main())"
LONGEST_SECONDS = 4.5
"""A run over what is new takes three to four seconds, of which one is start-up."""


@dataclass(slots=True)
class Tally:
    """What became of the runs."""

    killed: int = 0
    too_late: int = 0
    rows: int = 0
    faults: list[str] = field(default_factory=list)


class Ordeal:
    """Runs over a press into one root, of which every other one is killed."""

    def __init__(self, folder: Path, press: Press, seed: int) -> None:
        self._root = folder / "out"
        self._press = press
        self._rng = random.Random(seed)
        self._words = ["run", "--root", str(self._root), "--quiet", "--workers", "1"]
        self._words += ["--config", str(press.write_config(folder, delay_seconds=0.02))]
        self.tally = Tally()

    def suffer(self, number: int) -> None:
        """One run that is killed, one that is not, and a look at what stands there then."""
        self._press.forget()
        self._change(number)
        run = self._start(number * 2)
        time.sleep(self._rng.uniform(0.2, LONGEST_SECONDS))
        os.kill(run.pid, signal.SIGKILL)
        killed = run.wait() == -signal.SIGKILL
        self.tally.killed += killed
        self.tally.too_late += not killed
        self._change(number)
        if status := self._start(number * 2 + 1).wait():
            self.tally.faults.append(f"{number}: the run after it left with status {status}")
        self._look(number)

    def _change(self, number: int) -> None:
        self._press.tick(NOW + dt.timedelta(hours=number))
        for outlet in self._press.outlets:
            self._press.publish(self._rng.randrange(3), outlet.id)
        if number and self._rng.random() < 0.5:
            self._press.edit(1, self._rng.choice(self._press.outlets).id)

    def _start(self, step: int) -> subprocess.Popen[bytes]:
        now = NOW + dt.timedelta(minutes=30 * step)
        return subprocess.Popen([sys.executable, "-c", CODE, *self._words, "--now", now.isoformat()])

    def _look(self, number: int) -> None:
        """Every article that may be fetched is there as it is now, once, and none was asked for more than twice."""
        stored = ds.dataset(self._root / "articles", format="parquet", partitioning="hive").to_table(
            columns=["canonical_url", "headline", "article_id", "content_hash"]
        )
        held = Counter((row["canonical_url"], row["headline"]) for row in stored.to_pylist())
        texts = Counter((row["article_id"], row["content_hash"]) for row in stored.to_pylist())
        on_pages = {outlet.id for outlet in self._press.outlets if outlet.text == "page"}
        wanted = {
            (article.url, article.headline)
            for article in self._press.truth()
            if article.allowed or article.outlet not in on_pages
        }
        faults = [f"lost: {url}" for url, headline in wanted if (url, headline) not in held]
        faults += [f"doubled: {key}" for key, count in texts.items() if count > 1]
        pages = Counter((r.host, r.path) for r in self._press.requests() if r.kind is Kind.PAGE and r.status == 200)
        # Between the two runs an article may have been edited, and is another text then.
        edited = {article.url.partition("//")[2] for article in self._press.truth() if article.version > 1}
        faults += [
            f"asked for {count} times: {host}{path}"
            for (host, path), count in pages.items()
            if count > (3 if f"{host}{path}" in edited else 2)
        ]
        faults += [str(fault) for fault in verify(self._root).faults]
        self.tally.rows = stored.num_rows
        self.tally.faults += [f"{number}: {fault}" for fault in faults]


def ordeal(folder: Path, count: int, seed: int) -> Tally:
    """Kill ``count`` runs and give the tally."""
    with Press(outlets=4, seed=seed, stories=3, keep=60) as press:
        made = Ordeal(folder, press, seed)
        for number in range(count):
            made.suffer(number)
            if sys.stderr.isatty():
                print(f"\r{number + 1} of {count}", end="", file=sys.stderr)
        return made.tally


def test_a_killed_run_loses_and_doubles_nothing(tmp_path: Path) -> None:
    tally = ordeal(tmp_path, 3, seed=5)
    assert tally.faults == []
    assert tally.rows > 12


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="how many runs are killed (default: 200)")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as made_folder:
        found = ordeal(Path(made_folder), asked.count, asked.seed)
    print(
        f"{found.killed} runs killed, {found.too_late} had ended before; {found.rows} rows, "
        f"{len(found.faults)} faults, {time.monotonic() - begun:.0f} s"
    )
    print("\n".join(found.faults))
    sys.exit(bool(found.faults))
