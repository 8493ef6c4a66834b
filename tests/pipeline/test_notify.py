"""What a service manager hears."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from pipeline.notify import Notifier


@pytest.mark.parametrize("abstract", [False, True])
def test_it_is_told_on_its_socket(tmp_path: Path, abstract: bool) -> None:
    name = f"@knipsel-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(f"\0{name[1:]}" if abstract else name)
        notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "6000000"})
        notifier.tell(READY=1, STATUS="two\nlines")
        assert heard.recv(1_000) == b"READY=1\nSTATUS=two lines"
    assert notifier.watchdog_seconds == 6.0
    notifier.tell(WATCHDOG=1)


def test_without_one_nobody_is_told() -> None:
    notifier = Notifier({})
    notifier.tell(READY=1)
    assert notifier.watchdog_seconds is None
    assert Notifier({"WATCHDOG_USEC": "6000000", "WATCHDOG_PID": "1"}).watchdog_seconds is None
