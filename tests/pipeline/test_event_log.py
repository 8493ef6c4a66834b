"""What a run says while it works, with a clock that is moved by hand."""

from __future__ import annotations

import datetime as dt
import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipeline.drift import Alarm
from pipeline.event_log import (
    Begun,
    Ended,
    Event,
    Finished,
    JsonLines,
    Log,
    Pace,
    Published,
    Remark,
    Reporter,
    Resumed,
    Silent,
    Started,
    Terminal,
    log_handler,
    reporter,
)
from pipeline.inputs import find_inputs
from pipeline.ledger import Counts
from pipeline.run import Summary, run
from pipeline.settings import Config
from schemas.feed import Notice, NoticeCode
from tests.conftest import NOW, REPOSITORY
from transforms.core.drift import Finding
from transforms.progress import Progress

FIRST, SECOND = "000000-20261120T023000Z", "000001-20261120T023000Z"
COUNTS = Counts(read=12_000, written=11_000, duplicate=900, filtered=60, rejected=40, reasons={"TIMEOUT": 40})
SUMMARY = Summary(
    runs=(FIRST, SECOND),
    counts=COUNTS,
    seconds=61.25,
    files=("a.parquet", "b.parquet"),
    waiting=1_200,
    alarms=(Alarm("news.example", Finding("short", 0.9, 0.03, 34, 1, NOW.date()), new=True),),
    stage_seconds={"extract": 40.0, "strip": 6.0},
    peak_bytes=420_000_000,
    notices=(Notice(NoticeCode.FEED_GAP, "https://news.example/rss", "asked [too] seldom", NOW),),
)
STORY: tuple[Event, ...] = (
    Remark("fetch.contact is empty"),
    Started(FIRST, files=3, total_bytes=2_300_000_000, feeds=2),
    Resumed(FIRST, batches=2),
    Begun(FIRST),
    Published(FIRST, COUNTS, files=1, more=True),
    Begun(SECOND),
    Published(SECOND, COUNTS, files=1, more=False),
    Finished(SUMMARY, Path("/data/press"), ("notes.doc",)),
)


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> dt.datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += dt.timedelta(seconds=seconds)


def objects(text: str) -> list[dict[str, Any]]:
    assert text == "" or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


# Progress


def test_progress_is_what_the_counters_say() -> None:
    counters, clock = Progress(), Clock()
    counters.total_bytes = 2_300_000_000
    pace = Pace(counters, clock)
    clock.move(60)
    counters.read, counters.done_bytes, counters.file_bytes = 2_100, 900_000_000, 43_000_000
    assert pace.line() == "2026-11-20 02:31:00Z read 2,100 articles, 35/s, 41% of 2.3 GB"
    clock.move(30)
    # What is said is the speed since the line before, so that a standstill is seen.
    assert pace.line() == "2026-11-20 02:31:30Z read 2,100 articles, 0/s, 41% of 2.3 GB"
    clock.move(30)
    counters.read, counters.done_bytes, counters.asked, counters.answered = 2_400, 2_300_000_000, 300, 120
    assert pace.line() == "2026-11-20 02:32:00Z read 2,400 articles, 10/s, 120 of 300 feeds and pages"


def test_progress_without_files_or_feeds_and_with_a_clock_that_is_set_back() -> None:
    counters, clock = Progress(), Clock()
    pace = Pace(counters, clock)
    counters.read = 5
    clock.move(-3_600)
    assert pace.line() == "2026-11-20 01:30:00Z read 5 articles, 0/s"
    clock.move(10)
    counters.read = 25
    expected = {"per_second": 2.0, "read": 25, "bytes": 0, "total_bytes": 0, "asked": 0, "answered": 0}
    assert pace.fields() == expected


# JSON


def test_each_event_is_an_object_on_a_line() -> None:
    out, clock = io.StringIO(), Clock()
    report = JsonLines(out, clock)
    for event in STORY:
        report.tell(event)
        clock.move(0.5)
    found = objects(out.getvalue())
    names = [
        "remark",
        "started",
        "resumed",
        "begun",
        "published",
        "begun",
        "published",
        "drift",
        "notice",
        "waiting",
        "finished",
    ]
    assert [one["event"] for one in found] == names
    assert all(list(one)[:3] == ["time", "event", "run_id"] for one in found)
    assert [one["run_id"] for one in found] == [None, *[FIRST] * 4, *[SECOND] * 6]
    assert [one["time"] for one in found[:3]] == [f"2026-11-20T02:30:0{t}Z" for t in ("0.000", "0.500", "1.000")]
    by_name = {one["event"]: one for one in found}
    assert by_name["started"] | {"files": 3, "total_bytes": 2_300_000_000, "feeds": 2} == by_name["started"]
    assert by_name["published"]["read"] == 12_000
    assert by_name["published"]["reasons"] == {"TIMEOUT": 40}
    assert by_name["published"]["more"] is False
    notice = {"code": "FEED_GAP", "about": "https://news.example/rss", "since": NOW.isoformat()}
    assert by_name["notice"] | notice == by_name["notice"]
    assert by_name["waiting"]["pages"] == 1_200
    finished = {
        "files": 2,
        "batches": 2,
        "passed_over": 1,
        "seconds": 61.25,
        "written": 11_000,
        "root": "/data/press",
    }
    assert by_name["finished"] | finished == by_name["finished"]


def test_what_is_no_text_is_still_one_line_of_ascii() -> None:
    out = io.StringIO()
    JsonLines(out, Clock()).tell(Remark("a\nb\u2028c\udcff é"))
    assert out.getvalue().isascii()
    (found,) = objects(out.getvalue())
    assert found["message"] == "a\nb\u2028c\udcff é"


@pytest.mark.parametrize(
    ("status", "name"), [(1, "failed"), (2, "failed"), (75, "failed"), (130, "stopped"), (143, "stopped")]
)
def test_how_it_ended_is_said_even_where_quiet(status: int, name: str) -> None:
    out = io.StringIO()
    report = JsonLines(out, Clock(), quiet=True)
    for event in STORY[:-1]:
        report.tell(event)
    report.watch(Progress())
    report.tell(Ended(status, "the disk is full"))
    (found,) = objects(out.getvalue())
    assert found | {"event": name, "status": status, "message": "the disk is full", "run_id": SECOND} == found


def test_progress_is_told_until_the_end() -> None:
    out, clock, counters = io.StringIO(), Clock(), Progress()
    report = JsonLines(out, clock, every_seconds=0.01)
    report.tell(STORY[1])
    report.watch(counters)
    counters.read = 7
    until = time.monotonic() + 10
    while '"read": 7' not in out.getvalue():
        assert time.monotonic() < until
        time.sleep(0.01)
    report.tell(STORY[-1])
    assert "progress" not in {thread.name for thread in threading.enumerate()}
    found = objects(out.getvalue())
    assert [one["event"] for one in found][-3:] == ["notice", "waiting", "finished"]
    progress = [one for one in found if one["event"] == "progress"]
    assert progress[-1]["read"] == 7
    assert progress[-1]["run_id"] == FIRST


def test_the_logs_of_libraries_are_events_too(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.Logger("apache_beam.runner")
    logger.addHandler(log_handler(Clock()))
    try:
        raise ValueError("so it is")
    except ValueError:
        logger.exception("a bundle of %d failed", 3)
    (found,) = objects(capsys.readouterr().err)
    assert found["event"] == "log"
    assert (found["level"], found["logger"], found["message"]) == (
        "ERROR",
        "apache_beam.runner",
        "a bundle of 3 failed",
    )
    assert found["traceback"].endswith("ValueError: so it is")


def test_the_events_are_those_that_the_docs_name() -> None:
    out = io.StringIO()
    report = JsonLines(out, Clock())
    for event in (*STORY, Ended(1, "over"), Ended(143, "over")):
        report.tell(event)
    told = {one["event"]: set(one) - {"time", "event", "run_id"} for one in objects(out.getvalue())}
    told["progress"] = set(Pace(Progress(), Clock()).fields())
    page = (REPOSITORY / "docs" / "operation.md").read_text("utf-8")
    rows = page.partition("\n| event |")[2].partition("\n\n")[0].splitlines()[2:]
    books = ["read", "written", "duplicate", "filtered", "rejected"]
    named = {}
    for row in rows:
        name, _, fields = (cell.strip() for cell in row.strip("|").split("|"))
        named[name.strip("`")] = {*re.findall(r"`(\w+)`", fields), *(books if "the books" in fields else [])}
    assert named.pop("log") == {"level", "logger", "message", "traceback"}
    assert named == told


# Words


def words(report: Terminal, out: io.StringIO) -> list[str]:
    for event in STORY:
        report.tell(event)
    return [line.rstrip() for line in out.getvalue().splitlines()]


SAID = [
    "fetch.contact is empty",
    "going on behind the 2 batches that an interrupted run has published",
    "read       12,000",
    "written    11,000",
    "duplicate     900",
    "filtered       60",
    "rejected       40",
    "  TIMEOUT      40  the server did not answer, or not to the end, in the time that the settings allow",
    "1 files passed over, no kind that is read: notes.doc",
    "DRIFT news.example: 90% of 34 articles have an empty or short body, usually 3%; since 2026-11-20",
    "FEED_GAP https://news.example/rss: asked [too] seldom",
    "1,200 pages are left to the next run",
    f"run {FIRST} and 1 more: 2 new files in /data/press after 61.2 s",
    "of all processes together: extract 40.0 s, strip 6.0 s",
]


def test_a_terminal_shows_the_books() -> None:
    out = io.StringIO()
    assert words(Terminal(Console(file=out, width=140)), out) == SAID


def test_a_log_names_each_batch_that_is_followed_by_another() -> None:
    out = io.StringIO()
    batch = f"batch {FIRST}: 12,000 read, 11,000 written; the next one begins"
    assert words(Log(Console(file=out, width=140), Clock()), out) == [*SAID[:2], batch, *SAID[2:]]


def test_a_log_says_now_and_then_how_far_it_is() -> None:
    out, clock, counters = io.StringIO(), Clock(), Progress()
    report = Log(Console(file=out, width=40), clock, every_seconds=0.01)
    counters.total_bytes, counters.read = 1_000_000, 3
    report.watch(counters)
    until = time.monotonic() + 10
    while "\n" not in out.getvalue():
        assert time.monotonic() < until
        time.sleep(0.01)
    report.tell(Ended(1, "over"))
    before = out.getvalue()
    assert before.splitlines()[0] == "2026-11-20 02:30:00Z read 3 articles, 0/s, 0% of 1.0 MB"
    time.sleep(0.05)
    assert out.getvalue() == before


def test_a_terminal_shows_a_bar_while_it_works() -> None:
    out, counters = io.StringIO(), Progress()
    report = Terminal(Console(file=out, width=140, force_terminal=True))
    counters.total_bytes, counters.read = 1_000_000, 3
    report.watch(counters)
    until = time.monotonic() + 10
    while "3 articles" not in out.getvalue():
        assert time.monotonic() < until
        time.sleep(0.05)
    report.tell(STORY[-1])
    assert "12,000" in out.getvalue()


def test_how_it_ended_is_said_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    for report in (Terminal(Console(quiet=True)), Log(Console(quiet=True), Clock())):
        report.tell(Ended(1, "the disk is full"))
        assert capsys.readouterr() == ("", "knipsel: the disk is full\n")


def test_the_silent_one_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    report: Reporter = Silent()
    for event in (*STORY, Ended(1, "over")):
        report.tell(event)
    report.watch(Progress())
    assert capsys.readouterr() == ("", "")


def test_which_one_reports_follows_from_where_it_goes(capsys: pytest.CaptureFixture[str]) -> None:
    assert isinstance(reporter("json", quiet=False, clock=Clock()), JsonLines)
    assert type(reporter("text", quiet=False, clock=Clock())) is Log
    assert type(reporter("text", quiet=True, clock=Clock())) is Terminal


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_run_goes_on_when_nobody_reads_what_it_says(log_format: str) -> None:
    code = f"""
import datetime as dt, sys
from pipeline.event_log import Ended, Published, Remark, reporter
from pipeline.ledger import Counts
report = reporter({log_format!r}, quiet=False, clock=lambda: dt.datetime.now(dt.UTC))
sys.stdin.read()
for event in (Remark("a"), Published("x", Counts(0, 0, 0, 0, 0), 0, True), Ended(1, "over")):
    report.tell(event)
print("done")
"""
    read, write = os.pipe()
    done = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=write,
        text=True,
    )
    os.close(write)
    os.close(read)
    assert done.communicate("", timeout=60)[0] == "done\n"


def test_a_real_run_is_watched(tmp_path: Path, config: Config) -> None:
    out, clock = io.StringIO(), Clock()
    report = JsonLines(out, clock, every_seconds=0.01)
    inputs = find_inputs([str(REPOSITORY / "examples" / "txt")], source="press", lenient=False, config=config)
    summary = run(inputs, config, tmp_path / "out", now=NOW, report=report)
    report.tell(Finished(summary, tmp_path / "out"))
    found = objects(out.getvalue())
    progress = [one["read"] for one in found if one["event"] == "progress"]
    assert progress == sorted(progress)
    assert found[-1]["event"] == "finished"
    assert found[-1]["written"] == 3
