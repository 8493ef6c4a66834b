"""``knipsel watch`` as a process: what it reads, how it is stopped, and what becomes of it when something fails."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pyarrow.dataset as ds
import pytest

from pipeline.feed_state import FeedState
from pipeline.ledger import current_state
from pipeline.metrics_file import write_watch
from pipeline.verify import verify
from pipeline.watch import held
from pipeline.watch_alarm import Bell
from pipeline.watch_link import Order
from pipeline.watch_status import Status
from tests.pipeline.watch_press import CODE, Watch, watch_a_press
from tests.press import Kind, Press

T = TypeVar("T")
LONGEST_SECONDS = 180.0
"""A machine may have other things to do."""
QUICK = ["--workers", "0", *(f"--set=watch.{name}" for name in ("cycle_seconds=1", "look_seconds=0.1"))]
QUICK += ["--set=watch.settle_seconds=0.2", "--set=watch.retry_seconds=1"]
NOON = dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC)


def soon(ask: Callable[[], T]) -> T:
    """What ``ask`` gives once that is something."""
    until = time.monotonic() + LONGEST_SECONDS
    while not (found := ask()):
        assert time.monotonic() < until, "it has not come to pass"
        time.sleep(0.05)
    return found


def text(number: int) -> str:
    line = "De gemeente Beekdal legt dit voorjaar een fietspad aan langs de oude spoordijk."
    return f"Fietspad {number} komt er\n\n{line} Dat besluit viel op dag {number}.\n"


@contextmanager
def watching(folder: Path, *words: str) -> Iterator[Watch]:
    watch = Watch(folder, [*QUICK, *words])
    try:
        yield watch
    finally:
        if watch.process.poll() is None:
            watch.process.kill()
            watch.process.wait()


def cycles(watch: Watch) -> list[dict[str, Any]]:
    return [json.loads(line) for line in watch.said.read_text("utf-8").splitlines(keepends=True) if line[-1] == "\n"]


def headlines(root: Path) -> list[tuple[str, int]]:
    if not (root / "articles").is_dir():
        return []
    rows = ds.dataset(root / "articles", format="parquet", partitioning="hive").to_table(["headline", "version"])
    return sorted((row["headline"], row["version"]) for row in rows.to_pylist())


def heartbeat(watch: Watch) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((watch.root / "_watch" / "heartbeat.json").read_text("utf-8"))
    return found


def test_a_folder_is_followed_until_it_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "1.txt").write_text(text(1), "utf-8")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with manager(tmp_path / "notify") as heard:
        with watching(tmp_path, str(inbox), "--metrics", str(tmp_path / "knipsel.prom")) as watch:
            first = soon(lambda: cycles(watch))[0]
            assert (first["read"], first["written"]) == (1, 1)
            assert soon(lambda: "READY=1" in heard)
            # A new one, one that has changed, and one that is not whole.
            (inbox / "2.txt").write_text(text(2), "utf-8")
            (inbox / "1.txt").write_text(text(1) + "Er komt ook verlichting langs het hele pad.\n", "utf-8")
            (inbox / ".3.txt").write_text("Fietspad", "utf-8")
            soon(lambda: len(headlines(watch.root)) == 3)
            assert headlines(watch.root) == [(f"Fietspad {n} komt er", v) for n, v in ((1, 1), (1, 2), (2, 1))]
            assert heartbeat(watch)["pid"] == watch.process.pid
            watch.process.send_signal(signal.SIGTERM)
            assert watch.process.wait(40) == 0
            assert heartbeat(watch)["doing"] == "stopped"
            assert soon(lambda: {"STOPPING=1", "WATCHDOG=1"} <= set(heard))
        count = len(cycles(watch))
        # What is done is known to the next watch.
        with watching(tmp_path, str(inbox)) as watch:
            (inbox / ".3.txt").write_text(text(3), "utf-8")
            (inbox / ".3.txt").rename(inbox / "3.txt")
            soon(lambda: len(headlines(watch.root)) == 4)
            watch.process.send_signal(signal.SIGINT)
            assert watch.process.wait(40) == 0
            assert sum(cycle["read"] for cycle in cycles(watch)[count:]) == 1
    assert 'knipsel_watch_inputs{root="' in (tmp_path / "knipsel.prom").read_text("utf-8")
    assert verify(watch.root).faults == ()


def test_a_run_that_fails_is_tried_again(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "bad.jsonl").write_text("{}\n", "utf-8")
    with watching(tmp_path, str(inbox), "--set=run.max_rejected_share=0.5") as watch:
        soon(lambda: watch.log.read_text("utf-8").count("trying again"))
        assert "1 of 1 inputs were rejected" in watch.log.read_text("utf-8")
        assert heartbeat(watch)["last_failure"] is not None
        good = "".join(json.dumps({"id": str(n), "text": text(n)}) + "\n" for n in range(3))
        (inbox / "bad.jsonl").write_text(good, "utf-8")
        soon(lambda: cycles(watch))
        assert len(headlines(watch.root)) == 3
        # A worker that is killed is replaced; a supervisor that is killed takes its worker along.
        worker = soon(watch.worker)
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        after = soon(lambda: watch.worker() if heartbeat(watch)["worker_pid"] not in (None, worker) else None)
        assert after is not None
        watch.process.kill()
        watch.process.wait()
        soon(lambda: not _is_alive(after))


@contextmanager
def manager(address: Path) -> Iterator[list[str]]:
    """Hears what services tell on this socket; gives the lines."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(address))

        def hear() -> None:
            while (data := end.recv(4_096)) != b"over":
                heard.extend(data.decode().splitlines())

        thread = threading.Thread(target=hear)
        thread.start()
        try:
            yield heard
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
                other.sendto(b"over", str(address))
            thread.join()


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["nowhere/"], 2, "nothing of this name is here"),
        (["--set", "watch.cycle_seconds=nought", "."], 2, "watch.cycle_seconds"),
    ],
)
def test_what_can_never_work_ends_at_once(tmp_path: Path, words: list[str], status: int, said: str) -> None:
    for root in ("out", "."):
        command = [sys.executable, "-c", CODE, "watch", "--root", root, *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST_SECONDS)
        assert (done.returncode, said in done.stderr) == (status, True), done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert list(tmp_path.iterdir()) == []


def test_only_what_was_made_is_taken_back(tmp_path: Path) -> None:
    with held(tmp_path / "out") as take_back:
        (tmp_path / "out" / "_watch" / "mine").touch()
        take_back()
    assert [path.name for path in (tmp_path / "out" / "_watch").iterdir()] == ["mine"]
    with held(tmp_path / "out") as take_back:
        take_back()
    assert (tmp_path / "out" / "_watch" / "lock").exists(), "it was there before"


FEED = """<rss version="2.0"><channel><title>Beekdal</title><link>https://beekdal.example/</link>
<item><title>Fietspad {number} komt er</title><link>https://beekdal.example/{number}</link>
<description>De gemeente Beekdal legt langs de oude spoordijk fietspad {number} aan. Zo is besloten.</description>
</item></channel></rss>"""


def test_a_hangup_has_settings_and_feeds_read_anew(tmp_path: Path) -> None:
    config, feeds = tmp_path / "knipsel.toml", tmp_path / "feeds.toml"
    tables = []
    for number in (1, 2):
        (tmp_path / f"{number}.xml").write_text(FEED.format(number=number), "utf-8")
        tables.append(f'[[feed]]\nurl = "{number}.xml"\noutlet = "beekdal"\ntext = "item"\n')
    config.touch()
    feeds.write_text(tables[0], "utf-8")
    with watching(tmp_path, "--config", str(config)) as watch:
        soon(lambda: cycles(watch))
        assert headlines(watch.root) == [("Fietspad 1 komt er", 1)]
        worker = heartbeat(watch)["worker_pid"]
        # What is not well-formed is said, and nothing else happens.
        config.write_text("[fetch]\nretries = 'many'\n", "utf-8")
        watch.process.send_signal(signal.SIGHUP)
        soon(lambda: "the settings stay as they were" in watch.log.read_text("utf-8"))
        assert watch.worker() == worker
        config.write_text("[fetch]\nretries = 1\n", "utf-8")
        feeds.write_text("\n".join(tables), "utf-8")
        watch.process.send_signal(signal.SIGHUP)
        soon(lambda: len(headlines(watch.root)) == 2)
        assert headlines(watch.root) == [(f"Fietspad {n} komt er", 1) for n in (1, 2)]
        soon(lambda: len(cycles(watch)) == 2)
        assert watch.worker() != worker
        assert "the worker is replaced: to read the settings anew" in watch.log.read_text("utf-8")
        watch.process.send_signal(signal.SIGTERM)
        assert watch.process.wait(40) == 0
        assert (heartbeat(watch)["workers"], heartbeat(watch)["failures"]) == (2, 0)


HOOK = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read() + b'\\n')"


def hooked(folder: Path) -> tuple[Path, Path]:
    """Settings with a hook, and the file to which that adds a line each time that it is told something."""
    told, config = folder / "told.jsonl", folder / "knipsel.toml"
    config.write_text(f"[alarm]\ncommand = {json.dumps([sys.executable, '-c', HOOK, str(told)])}\n", "utf-8")
    return config, told


def lines(told: Path) -> list[dict[str, Any]]:
    if not told.exists():
        return []
    return [json.loads(line) for line in told.read_text("utf-8").splitlines(keepends=True) if line[-1] == "\n"]


def test_a_hook_is_told_of_workers_that_die(tmp_path: Path) -> None:
    config, told = hooked(tmp_path)
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "1.txt").write_text(text(1), "utf-8")
    with watching(tmp_path, str(inbox), "--config", str(config)) as watch:
        soon(lambda: cycles(watch))
        worker = watch.worker()
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        (first,) = soon(lambda: lines(told))
        assert (first["events"], first["root"]) == (["failed"], str(watch.root))
        assert first["error"] == "the worker is gone: it was ended by signal 9"
        (inbox / "2.txt").write_text(text(2), "utf-8")
        soon(lambda: len(cycles(watch)) == 2)
        # Now it keeps dying, and the settings by which the hook is known are what is wrong.
        config.write_text("[alarm]\ncommand = 7\n", "utf-8")
        worker = watch.worker()
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        soon(lambda: len(lines(told)) == 2)
        soon(lambda: heartbeat(watch)["failures_in_a_row"] >= 3)
        assert "alarm.command" in heartbeat(watch)["last_failure"]
        assert len(lines(told)) == 2, "of failures in a row the first is told"


def test_a_hook_is_told_of_a_worker_that_never_came_to_work(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config, told = hooked(tmp_path)
    order = Order((), True, "out", str(config), (), None, False, None, False, False, False, NOON.isoformat())
    bell = Bell(order)
    bell.ring("no worker process could be started")
    (line,) = soon(lambda: lines(told))
    assert (line["events"], line["error"]) == (["failed"], "no worker process could be started")
    # What becomes of the hook is said.
    bell.hooks = {"command": [str(tmp_path / "none")], "webhook": "", "on": ["failed"]}
    bell.ring("again")
    assert soon(lambda: capfd.readouterr().err).endswith("none: cannot be started (No such file or directory)\n")
    for process in bell.ringing:
        process.wait(LONGEST_SECONDS)
    bell.forget_ended()
    bell.hooks = {"command": [], "webhook": "", "on": ["failed"]}
    bell.ring("and again")
    assert not bell.ringing


def test_a_data_set_has_one_watch(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CODE, "watch", "--root", str(tmp_path / "out"), str(tmp_path)]
    with held(tmp_path / "out"):
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS)
    assert (done.returncode, "another watch is at work" in done.stderr) == (75, True)
    done = subprocess.run(
        [*command[:5], str(tmp_path / "no" / "out")], capture_output=True, text=True, timeout=LONGEST_SECONDS
    )
    assert (done.returncode, "cannot be used as a root" in done.stderr) == (1, True)


def test_a_press_that_publishes_while_it_is_watched_and_killed(tmp_path: Path) -> None:
    found = watch_a_press(tmp_path, minutes=0.35, outlets=4, per_second=2.0, kills=2, cycle_seconds=2.0)
    assert found.faults == []
    assert found.rows == found.wanted > 20
    assert found.kills == 2
    assert found.drain_seconds < 30


def test_who_stops_it_while_it_fetches_finds_what_had_come(tmp_path: Path) -> None:
    with Press(outlets=2, seed=3, stories=9) as press:
        config = press.write_config(tmp_path, 2.0)
        with watching(tmp_path, "--config", str(config), "--set=watch.cycle_seconds=300") as watch:
            soon(lambda: len(press.requests(lambda request: request.kind is Kind.PAGE)) >= 2)
            asked = time.monotonic()
            watch.process.send_signal(signal.SIGTERM)
            assert watch.process.wait(40) == 0
            assert time.monotonic() - asked < 30
    waiting = FeedState.from_json(current_state(watch.root)).pages
    written = len(headlines(watch.root))
    assert written >= 1
    assert len(waiting) >= 5
    assert cycles(watch)[-1]["waiting"] == len(waiting)
    assert verify(watch.root).faults == ()


def test_the_metrics_of_a_watch(tmp_path: Path) -> None:
    status = Status(7, NOON)
    fields = dict.fromkeys(("read", "written", "duplicate", "filtered", "rejected", "waiting", "held_bytes"), 2)
    cycle = {**fields, "run_id": "1", "seconds": 3.0, "published_at": NOON.isoformat(), "latencies": [4.0, 4.0]}
    status.learn(cycle, NOON)
    assert "2 articles in 1 commits; latency 4.1 s, 95 % within 4.1 s" in status.line()
    write_watch(status, tmp_path, NOON, tmp_path / "knipsel.prom")
    lines = (tmp_path / "knipsel.prom").read_text("utf-8").splitlines()
    assert f'knipsel_watch_latency_whole_seconds{{root="{tmp_path}",quantile="0.5"}} 4.1' in lines
    assert f'knipsel_watch_inputs{{root="{tmp_path}",state="written"}} 2' in lines
