"""Hooks: a real command, and a webhook on a real server."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pipeline import alarm
from pipeline.alarm import Event, Happened, Hooks, tell, unknown
from pipeline.drift import Alarm
from schemas.feed import Notice, NoticeCode
from tests.conftest import NOW, REPOSITORY
from transforms.core.drift import Finding

FINDING = Finding("short", 1.0, 0.02, 40, 1, dt.date(2026, 11, 20))
NOTICE = Notice(NoticeCode.FEED_EMPTY, "https://zuidkade.example/rss", "answered without a single entry", NOW)
DRIFTED = Happened("out", NOW, alarms=(Alarm("oudewal", FINDING, new=True), Alarm("kust", FINDING, new=False)))
COPY = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read()); print('heard')"


class _Server(ThreadingHTTPServer):
    def __init__(self, status: int, seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.seconds, self.got = status, seconds, list[tuple[str, str | None, Any]]()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, self.headers["content-type"], json.loads(body)))
        time.sleep(self.server.seconds)
        self.send_response(self.server.status)
        self.send_header("location", "/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@contextmanager
def serving(status: int = 204, seconds: float = 0.0) -> Iterator[tuple[_Server, str]]:
    with _Server(status, seconds) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server, f"http://127.0.0.1:{server.server_port}/hooks/geheim"
        finally:
            server.shutdown()
            thread.join()


# What is told


def test_what_happened_is_told_as_lines_and_as_values() -> None:
    told = json.loads(json.dumps(Happened("out", NOW, notices=(NOTICE,), alarms=DRIFTED.alarms).as_json()))
    assert told["events"] == ["drift", "notice"]
    assert told["text"].splitlines() == [
        "knipsel, out:",
        "oudewal: 100% of 40 articles have an empty or short body, usually 2%; since 2026-11-20",
        "FEED_EMPTY https://zuidkade.example/rss: answered without a single entry",
    ]
    assert [(one["outlet"], one["new"]) for one in told["alarms"]] == [("oudewal", True), ("kust", False)]
    failed = Happened("out", NOW, error="the disk is full", summary={"read": 1})
    assert failed.as_json()["text"] == "knipsel, out:\nfailed: the disk is full"
    assert failed.as_json()["summary"] == {"read": 1}
    assert failed.events == {Event.FAILED}


def test_nobody_is_told_twice_or_of_what_they_did_not_ask_for() -> None:
    hook = ("/nonexistent/hook",)
    standing = Happened("out", NOW, alarms=DRIFTED.alarms[1:])
    assert standing.events == frozenset()
    assert tell(Hooks(hook), standing) == ()
    assert tell(Hooks(hook, on=frozenset({Event.FAILED, Event.NOTICE})), DRIFTED) == ()
    assert tell(Hooks(), DRIFTED) == ()
    assert unknown([NOTICE], [NOTICE]) == ()
    assert unknown([NOTICE], []) == (NOTICE,)


# A command


def test_a_command_is_given_the_json_without_a_shell(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "$(told) *.json"
    assert tell(Hooks((sys.executable, "-c", COPY, str(file))), DRIFTED) == ()
    assert json.loads(file.read_bytes()) == DRIFTED.as_json()
    assert capfd.readouterr() == ("", "heard\n"), "stdout is the run's own"


def test_a_command_that_fails_is_a_line(tmp_path: Path) -> None:
    assert tell(Hooks((str(tmp_path / "none"),)), DRIFTED) == (
        f"alarm.command: {tmp_path / 'none'}: cannot be started (No such file or directory)",
    )
    status = (sys.executable, "-c", "raise SystemExit(3)")
    assert tell(Hooks(status), DRIFTED) == (f"alarm.command: {sys.executable}: ended with status 3",)
    deaf = (sys.executable, "-c", "import os; os.close(0)")
    assert tell(Hooks(deaf), Happened("out", NOW, error="x" * 1_000_000)) == ()


def test_a_command_that_hangs_is_ended_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm, "COMMAND_SECONDS", 0.5)
    mark = tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(1.5); pathlib.Path({str(mark)!r}).touch()"
    hangs = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    (line,) = tell(Hooks((sys.executable, "-c", hangs)), DRIFTED)
    assert line.endswith("took longer than 0 s and was ended")
    time.sleep(1.5)
    assert not mark.exists()


def test_a_command_does_not_outlive_who_is_stopped(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    hangs = f"import pathlib, time; pathlib.Path({str(begun)!r}).touch(); time.sleep(60)"
    code = f"""
import sys
from pathlib import Path
from pipeline.alarm import Happened, Hooks, tell
from pipeline.engine import Stopped
from pipeline.stopping import stoppable
from tests.conftest import NOW
try:
    with stoppable([]):
        tell(Hooks((sys.executable, "-c", {hangs!r})), Happened("out", NOW, error="no space"))
except Stopped:
    sys.exit(9)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY) as process:
        until = time.monotonic() + 60
        while not begun.exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        process.terminate()
        assert process.wait(20) == 9


# A webhook


def test_a_webhook_is_posted_to() -> None:
    with serving() as (server, url):
        assert tell(Hooks(webhook=url), DRIFTED) == ()
    assert server.got == [("/hooks/geheim", "application/json", DRIFTED.as_json())]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_answer_that_is_none_is_a_line_that_keeps_the_secret(status: int) -> None:
    with serving(status) as (server, url):
        assert tell(Hooks(webhook=url), DRIFTED) == (f"alarm.webhook: 127.0.0.1: answered with status {status}",)
    assert len(server.got) == 1


def test_a_server_that_is_slow_or_away_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarm, "WEBHOOK_SECONDS", 0.3)
    with serving(seconds=0.8) as (_, url):
        assert tell(Hooks(webhook=url), DRIFTED) == ("alarm.webhook: 127.0.0.1: gave no answer in 0 s",)
    (line,) = tell(Hooks(webhook=url), DRIFTED)
    assert line.startswith("alarm.webhook: 127.0.0.1: cannot be reached (")


def test_both_are_tried_whatever_becomes_of_the_first(tmp_path: Path) -> None:
    with serving() as (server, url):
        assert len(tell(Hooks((str(tmp_path / "none"),), url), DRIFTED)) == 1
    assert len(server.got) == 1
