"""Telling the hooks of ``[alarm]`` that a watch fails, in a process of its own.

A worker may end in ways in which it can tell nobody: killed, out of memory, unable to load. So its supervisor tells,
which loads nothing of what that needs, and waits for nobody.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from pipeline.watch_link import Order
from pipeline.watch_voice import Voice

_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from pipeline.watch_alarm import main; main()"


class Bell:
    """By which the supervisor has the hooks told.

    Args:
        order: what it watches.

    Attributes:
        hooks: as the last worker that came to work found them in the settings; those may be what is wrong by now.
            ``None``: none came to work yet.
        ringing: the processes that are at it.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self.hooks: dict[str, Any] | None = None
        self.ringing: list[subprocess.Popen[bytes]] = []

    def ring(self, error: str) -> None:
        """Have them told of an ``error``; it is not waited for.

        Raises:
            OSError: no process could be started.
        """
        if self.hooks is not None and not (self.hooks["command"] or self.hooks["webhook"]):
            return
        # In a session of its own: a Ctrl-C is for the watch.
        process = subprocess.Popen(  # noqa: S603 - this very interpreter, no shell
            [sys.executable, "-c", _START, json.dumps(sys.path)], stdin=subprocess.PIPE, start_new_session=True
        )
        self.ringing.append(process)
        told = {"order": self._order.line(), "hooks": self.hooks, "error": error}
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
                pipe.write(json.dumps(told).encode())

    def forget_ended(self) -> None:
        """Let go of the processes that have done their work."""
        self.ringing = [process for process in self.ringing if process.poll() is None]


def main() -> None:
    """Be such a process: tell the hooks, or those of the settings, what is on stdin."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    told = json.loads(sys.stdin.read())
    order = Order.read(told["order"])

    from pipeline.alarm import Event, Happened, Hooks, tell
    from pipeline.settings import SettingsError, load

    hooks = told["hooks"]
    if hooks is None:
        try:
            alarm = load(Path(order.config) if order.config else None, order.overrides).settings.alarm
        except SettingsError:
            # They may be why it fails, which is said already.
            return
        hooks = alarm.model_dump()
    happened = Happened(order.root, dt.datetime.now(dt.UTC), told["error"])
    voice = Voice(order.log_json, order.quiet)
    for fault in tell(Hooks(tuple(hooks["command"]), hooks["webhook"], frozenset(map(Event, hooks["on"]))), happened):
        voice.say("remark", fault)
