"""What a service manager is told that has started this process and left ``NOTIFY_SOCKET`` (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """Sends what is told to the socket that ``environment`` names; to nobody where it names none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # "@" stands for the NUL of the abstract namespace.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        whose = environment.get("WATCHDOG_PID", str(os.getpid()))
        microseconds = environment.get("WATCHDOG_USEC", "") if whose == str(os.getpid()) else ""
        self.watchdog_seconds = int(microseconds) / 1e6 if microseconds.isdigit() else None

    def tell(self, **states: str | int) -> None:
        """Tell ``states``, such as ``READY=1``."""
        if not self._address:
            return
        # A line break would begin another state.
        lines = [f"{name}={' '.join(str(value).split())}" for name, value in states.items()]
        # Where the manager is gone or its socket full: what is told here is told again soon.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.setblocking(False)
            end.sendto("\n".join(lines).encode("utf-8", "replace"), self._address)
