"""The job that never ends on Prism, over a press that publishes while it runs, and what kill -9 leaves of it."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from pipeline.deltalog import RunRecord, read_log
from pipeline.verify import verify
from tests.conftest import REPOSITORY
from tests.engines.servers import PRISM, prism, prism_process
from tests.engines.test_engines import CODE
from tests.press import Press

WINDOW_SECONDS = 20
SETTINGS = f"""
[watch]
look_seconds = 0.5
window_seconds = {WINDOW_SECONDS}
late_seconds = 3600
pane_seconds = 2
"""
LONGEST_SECONDS = 90.0
"""Until an article is there, on a machine that is busy with other tests; it takes five."""


class Job:
    """The command, in a process of its own; the workers of the engine are threads of it."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.root, self.log = folder / "out", folder / "job.log"
        self._words = ["watch", "--root", str(self.root), "--config", str(config), "--runner", "PortableRunner", "--"]
        self.process: subprocess.Popen[bytes]

    @contextmanager
    def begun(self, engine: list[str]) -> Iterator[None]:
        words = [sys.executable, "-c", CODE, *self._words, *engine]
        with self.log.open("ab") as log, subprocess.Popen(words, stderr=log, cwd=REPOSITORY) as self.process:
            try:
                yield
            finally:
                self.process.kill()

    def wait(self, what: Callable[[], bool]) -> None:
        until = time.monotonic() + LONGEST_SECONDS
        while not what():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < until, f"{len(self.rows())} articles are there; {self.said()}"
            time.sleep(0.5)

    def stopped(self) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")[-3_000:]

    def rows(self) -> Counter[str]:
        """How often each article is there."""
        folder = self.root / "articles"
        if not folder.is_dir():
            return Counter()
        table = ds.dataset(folder, format="parquet", partitioning="hive").to_table(["canonical_url"])
        return Counter(table["canonical_url"].to_pylist())

    def records(self) -> list[RunRecord]:
        return [entry.record for entry in read_log(self.root) if entry.record is not None]


class Newsroom:
    """Publishes, and knows what is to be had of that."""

    def __init__(self, press: Press) -> None:
        self._press = press
        self._on_pages = {outlet.id for outlet in press.outlets if outlet.text == "page"}

    def publish(self, count: int) -> None:
        for number in range(count):
            self._press.tick(dt.datetime.now(dt.UTC))
            self._press.publish(1, self._press.outlets[number % len(self._press.outlets)].id)
            time.sleep(0.25)

    def wanted(self) -> dict[str, dt.datetime]:
        """By address when it was published."""
        return {
            article.url: article.published
            for article in self._press.truth()
            if article.allowed or article.outlet not in self._on_pages
        }


def test_each_article_once_whatever_is_killed(tmp_path: Path) -> None:
    if not PRISM.exists():
        pytest.skip(f"{PRISM.name} is missing: 'make engines' fetches it")
    with Press(outlets=6, stories=0, at=dt.datetime.now(dt.UTC)) as press:
        config = press.write_config(tmp_path, 0.01)
        config.write_text(config.read_text("utf-8") + SETTINGS, "utf-8")
        newsroom, job = Newsroom(press), Job(tmp_path, config)

        with prism_process(tmp_path) as (engine, process), job.begun(engine):
            newsroom.publish(8)
            job.wait(lambda: len(job.rows()) >= 4)
            # The engine dies in the middle: the command says so.
            newsroom.publish(2)
            process.kill()
            assert job.process.wait(60) == 1, job.said()
            assert "the job has failed; what it had published stays" in job.said()

        with prism(tmp_path) as engine:
            before = len(job.rows())
            with job.begun(engine):
                newsroom.publish(8)
                job.wait(lambda: len(job.rows()) > before)
                # The workers die in the middle, and with them whoever would have told the engine of it.
                newsroom.publish(2)
                job.process.kill()
            with job.begun(engine):
                # All of it is asked for once more, and what is there already is told from what is new.
                newsroom.publish(8)
                job.wait(lambda: len(job.rows()) == len(newsroom.wanted()))
                assert job.stopped() == 0, job.said()

        assert list((job.root / "_staging").iterdir()) == []
        assert sum(record.counts.duplicate for record in job.records()) >= before
        assert job.rows() == Counter(newsroom.wanted().keys())
        by_window = Counter[str]()
        for record in job.records():
            assert record.pane is not None
            by_window[record.pane.window] += record.counts.written
        assert +by_window == Counter(map(_window, newsroom.wanted().values()))
    assert verify(job.root).faults == ()


def _window(published: dt.datetime) -> str:
    """The window in which it belongs, as the log calls it."""
    seconds = published.timestamp()
    return dt.datetime.fromtimestamp(seconds - seconds % WINDOW_SECONDS, dt.UTC).strftime("%Y%m%dT%H%M%SZ")
