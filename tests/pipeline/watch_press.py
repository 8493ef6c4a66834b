"""A watch over a press that publishes in bursts, for as long as is wanted, with or without kill -9 in between.

    python -m tests.pipeline.watch_press --minutes 20
    python -m tests.pipeline.watch_press --minutes 20 --kills 10
    python -m tests.pipeline.watch_press --minutes 4 --outlets 20 --per-second 4 --kills 5 --prism

prints how long articles took from their publication to their commit, how much memory the watch held, and whether
every article is there once; the exit status is 1 where one of these is not as it should be. With ``--prism`` it is
the job that never ends, on that engine (``make engines``), with panes as long as a cycle otherwise is.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.dataset as ds

from pipeline.verify import verify
from tests.engines.servers import prism
from tests.press import Press

CODE = "import sys; from pipeline.cli import main; sys.exit(main())"
GAP_SECONDS = 4.0
"""Between two bursts on average."""
DELAY_SECONDS = 0.05


@dataclass(slots=True)
class Found:
    """What came of a watch. Times in seconds, memory in megabytes, by the second."""

    published: int = 0
    wanted: int = 0
    rows: int = 0
    commits: int = 0
    kills: int = 0
    cycle_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    told: dict[str, dict[str, float]] = field(default_factory=dict)
    memory: list[tuple[float, float]] = field(default_factory=list)
    cpu_seconds: float = 0.0
    drain_seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def held(self, minute: float) -> float:
        """The memory that was held in the minute before this one, at the most."""
        span = [held for at, held in self.memory if 60 * (minute - 1) <= at <= 60 * minute]
        return max(span, default=0.0)

    def held_usually(self, minute: float) -> float:
        """The memory that was held in the minute before this one, usually."""
        span = [held for at, held in self.memory if 60 * (minute - 1) <= at <= 60 * minute]
        return statistics.median(span) if span else 0.0


class Watch:
    """A watch in a process of its own, which can be killed and started anew."""

    def __init__(self, folder: Path, words: list[str]) -> None:
        self.root = folder / "out"
        self._words = [sys.executable, "-c", CODE, "watch", "--root", str(self.root), "--json", *words]
        self.said, self.log = folder / "cycles.jsonl", folder / "log.txt"
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        with self.said.open("ab") as out, self.log.open("ab") as err:
            self.process = subprocess.Popen(self._words, stdout=out, stderr=err)
        return self.process

    def family(self) -> list[int]:
        """The supervisor and everything below it."""
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except OSError:
                    continue
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def worker(self) -> int | None:
        return next(iter(self.family()[1:]), None)

    def cpu_seconds(self) -> float:
        """What the family has taken of the processors, with those of its children that have ended."""
        total = 0
        for pid in self.family():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            total += sum(map(int, fields[11:15]))
        return total / os.sysconf("SC_CLK_TCK")

    def held(self) -> float:
        """Megabytes, what is shared counted once."""
        total = 0
        for pid in self.family():
            try:
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1e3


def watch_a_press(
    folder: Path,
    *,
    minutes: float,
    outlets: int = 40,
    per_second: float = 10.0,
    kills: int = 0,
    cycle_seconds: float = 20.0,
    seed: int = 1,
    words: tuple[str, ...] = (),
    say: Callable[[str], object] = lambda _: None,
) -> Found:
    """Watch a press that publishes for so many minutes, stop the watch, and look at what stands there."""
    rng = random.Random(seed)
    found = Found(cycle_seconds=cycle_seconds)
    # On another engine the workers are threads of the command, or not its own.
    no_worker = "--runner" in words
    keep = max(30, round(480 * per_second / outlets))  # what an outlet publishes in eight minutes
    with Press(outlets=outlets, seed=seed, stories=0, keep=keep, at=dt.datetime.now(dt.UTC)) as press:
        config = press.write_config(folder, DELAY_SECONDS)
        config.write_text(f"{config.read_text('utf-8')}\n[watch]\ncycle_seconds = {cycle_seconds}\n", "utf-8")
        watch = Watch(folder, ["--config", str(config), *words])
        begun = time.monotonic()
        until = begun + 60 * minutes
        over = threading.Event()

        def measure() -> None:
            while not over.wait(2.0):
                found.memory.append((time.monotonic() - begun, watch.held()))

        sampling = threading.Thread(target=measure)
        sampling.start()
        # A kill in each of so many equal parts of the time, the first of which belongs to the start.
        at = [begun + 60 * minutes * (i + rng.uniform(0.5, 1.4)) / (kills + 1) for i in range(kills)]
        born: dict[str, float] = {}
        try:
            while (now := time.monotonic()) < until:
                pause = rng.expovariate(1 / GAP_SECONDS)
                for _ in range(max(1, round(per_second * pause))):
                    press.tick(dt.datetime.now(dt.UTC))
                    (article,) = press.publish(1, rng.choice(press.outlets).id)
                    born[article.url] = time.time()
                if at and now >= at[0]:
                    at.pop(0)
                    _kill(watch, whole=no_worker or found.kills % 2 == 1)
                    found.kills += 1
                    say(f"{now - begun:.0f} s: kill {found.kills}")
                time.sleep(min(pause, max(0.0, until - time.monotonic())))
            for _ in at:
                _kill(watch, whole=no_worker or found.kills % 2 == 1)
                found.kills += 1
            truth = press.truth()
            on_pages = {outlet.id for outlet in press.outlets if outlet.text == "page"}
            wanted = {article.url for article in truth if article.allowed or article.outlet not in on_pages}
            _wait_for(watch, len(wanted), seconds=180.0 + 6 * cycle_seconds)
            found.cpu_seconds = watch.cpu_seconds()
            asked = time.monotonic()
            watch.process.send_signal(signal.SIGTERM)
            if status := watch.process.wait(60):
                found.faults.append(f"it left with status {status}")
            found.drain_seconds = time.monotonic() - asked
        finally:
            over.set()
            sampling.join()
            if watch.process.poll() is None:
                watch.process.kill()
                watch.process.wait()
    found.published, found.wanted = len(truth), len(wanted)
    _look(watch, wanted, born, found)
    return found


def _kill(watch: Watch, *, whole: bool) -> None:
    """End the worker, or the supervisor, with which the worker ends, and start another."""
    victim = watch.process.pid if whole else watch.worker()
    if victim is not None:
        os.kill(victim, signal.SIGKILL)
    if whole:
        watch.process.wait()
        watch.start()


def _rows(root: Path) -> int:
    folder = root / "articles"
    return ds.dataset(folder, format="parquet", partitioning="hive").count_rows() if folder.is_dir() else 0


def _wait_for(watch: Watch, count: int, *, seconds: float) -> None:
    until = time.monotonic() + seconds
    while _rows(watch.root) < count and time.monotonic() < until:
        time.sleep(1.0)


def _look(watch: Watch, wanted: set[str], born: dict[str, float], found: Found) -> None:
    names = ["canonical_url", "run_id", "version"]
    stored = ds.dataset(watch.root / "articles", format="parquet", partitioning="hive").to_table(columns=names)
    rows = stored.to_pylist()
    held = Counter(row["canonical_url"] for row in rows)
    found.rows = len(rows)
    found.faults += [f"lost: {url}" for url in sorted(wanted - set(held))]
    found.faults += [f"{count} times: {url}" for url, count in sorted(held.items()) if count > 1]
    found.faults += [f"never published: {url}" for url in sorted(set(held) - wanted)]
    found.faults += [str(fault) for fault in verify(watch.root).faults]
    committed = {}
    for entry in (watch.root / "_delta_log").glob("*.json"):
        for line in entry.read_text("utf-8").splitlines():
            info = json.loads(line).get("commitInfo")
            if info:
                committed[info["knipsel"]["run_id"]] = entry.stat().st_mtime
    found.commits = len(committed)
    found.latencies = [committed[row["run_id"]] - born[row["canonical_url"]] for row in rows]
    cycles = [json.loads(line) for line in watch.said.read_text("utf-8").splitlines()]
    found.told = cycles[-1].get("latency", {}) if cycles else {}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--outlets", type=int, default=40)
    parser.add_argument("--per-second", type=float, default=10.0)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--cycle-seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prism", action="store_true", help="the job that never ends, on Prism")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work there, and leave everything")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folder = asked.keep or Path(made)
        folder.mkdir(exist_ok=True)
        words: tuple[str, ...] = ()
        if asked.prism:
            options = stack.enter_context(prism(folder))
            seconds = f"watch.pane_seconds={max(1, round(asked.cycle_seconds))}"
            words = ("--set", seconds, "--set", "watch.look_seconds=1", "--runner", "PortableRunner", "--", *options)
        found = watch_a_press(
            folder,
            minutes=asked.minutes,
            outlets=asked.outlets,
            per_second=asked.per_second,
            kills=asked.kills,
            cycle_seconds=asked.cycle_seconds,
            seed=asked.seed,
            words=words,
            say=lambda line: print(line, flush=True),
        )
    late = sorted(found.latencies)
    median = statistics.median(late)
    faults = list(found.faults)
    print(f"{found.published} articles published in {asked.minutes:g} minutes, {found.wanted} of them to be had")
    print(f"{found.rows} rows in {found.commits} commits; killed {found.kills} times")
    print(f"latency: median {median:.1f} s, p95 {late[int(0.95 * len(late))]:.1f} s, most {late[-1]:.1f} s")
    print(f"as the watch tells it: {found.told.get('whole')}")
    if not found.kills:
        print(f"processors: {found.cpu_seconds:.0f} s, {1e3 * found.cpu_seconds / found.rows:.0f} ms an article")
    if median >= 2 * asked.cycle_seconds:
        faults.append(f"the median is not under twice the cycle of {asked.cycle_seconds:g} s")
    if asked.minutes >= 6:
        for minute in (5, asked.minutes / 2, asked.minutes):
            usually, most = found.held_usually(minute), found.held(minute)
            print(f"memory in minute {minute:g}: usually {usually:.0f} MB, at most {most:.0f} MB")
        growth = found.held(asked.minutes) / found.held(5)
        usual = found.held_usually(asked.minutes) / found.held_usually(5)
        print(f"from minute 5 on it grew {growth:.2f} times at most, usually {usual:.2f} times")
        if not found.kills and growth > 1.15:
            faults.append("the memory grew by more than 15 %")
    print(f"drained in {found.drain_seconds:.1f} s; {len(faults)} faults")
    print("\n".join(faults[:20]))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
