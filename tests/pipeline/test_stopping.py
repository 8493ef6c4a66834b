"""Signals are seen wherever they come, and wait where they must: tried in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

BEGIN = """
import os, signal, sys, threading, time
from pipeline.engine import Stopped
from pipeline.stopping import deferred, stoppable

received = []

def send(number):
    # To a thread that is not the main one, as the system may.
    thread = threading.Thread(target=lambda: (time.sleep(0.3), signal.pthread_kill(threading.get_ident(), number)))
    thread.start()
"""


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_signal_that_another_thread_gets_ends_a_read_that_waits(number: str) -> None:
    out = run(f"""
reads, writes = os.pipe()
try:
    with stoppable(received):
        send(signal.{number})
        os.read(reads, 1)
except Stopped:
    print(received == [signal.{number}], threading.active_count())
""")
    assert out == "True 1\n"


def test_a_signal_waits_for_what_must_be_done_as_a_whole() -> None:
    out = run("""
try:
    with stoppable(received):
        with deferred():
            send(signal.SIGTERM)
            time.sleep(1)
            print("whole", received)
        print("never")
except Stopped:
    print(received == [signal.SIGTERM])
""")
    assert out == "whole []\nTrue\n"


def test_handlers_are_as_before() -> None:
    out = run("""
before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
with stoppable(received), deferred():
    pass
print(before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)), signal.set_wakeup_fd(-1))
""")
    assert out == "True -1\n"


def test_other_threads_need_not_wait() -> None:
    out = run("""
def work():
    with deferred():
        print("done")
thread = threading.Thread(target=work)
thread.start()
thread.join()
""")
    assert out == "done\n"
