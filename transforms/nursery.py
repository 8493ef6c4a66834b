"""Worker processes: a process that has loaded the stages once, and the children that it forks.

Loading takes seconds and hundreds of megabytes, most of it for the clutter rules. So one process, the nursery, loads
the stages and forks a child whenever one is asked for: a child is there in some milliseconds, shares what was loaded,
and can be replaced at no cost. The nursery runs no thread and nothing of Beam's, so forking it is safe.

No child outlives the process that asked for it, however that ends: the nursery sees the end of its socket, ends its
children and then itself; and when the nursery is killed the kernel ends its children (Linux), or they see the end of
their pipe.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from typing import Any

from transforms.nursery_process import Link, live, name_of, settle

PIPE_BYTES = 1 << 20
"""How much a pipe to or from a child holds: the most that Linux allows without privileges. Without a say, 64 KiB."""

_LINUX = sys.platform == "linux"
_START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from transforms.nursery_process import main; main()"
)


class NurseryError(Exception):
    """No worker process can be had: the stages could not be loaded, or the system refuses processes."""


class _GoneError(NurseryError):
    """The nursery has ended; the next to ask makes a new one."""


@dataclass(slots=True)
class Child:
    """A worker process.

    Attributes:
        pid: its number.
        tasks: where records go, pickled.
        answers: what comes back: for each stage of a record ``(its name, the moment)`` by ``time.monotonic``, which
            is one clock for all processes of a machine; then ``(None, the result)``; last, where the child retires,
            ``(RETIRES, None)``.
        room: how many bytes may wait in ``tasks`` unread.
    """

    pid: int
    tasks: Connection
    answers: Connection
    room: int


class Nursery:
    """The parent's side of the process that forks workers. One thread at a time may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._link: Link | None = None
        self._loaded: dict[str, bytes] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._fork: int | None = None

    def fork(self) -> None:
        """Make the nursery a fork of this process, with all that is loaded already, where that is safe.

        It is while there is one thread and Beam, whose engine has threads of its own, has not been imported. Where
        it is not safe, nothing is done: a fresh interpreter will be the nursery once one is needed.
        """
        if self._link is None and _LINUX and threading.active_count() == 1 and "apache_beam" not in sys.modules:
            ours, theirs = socket.socketpair()
            settle()
            self._fork = os.fork()
            if self._fork == 0:
                ours.close()
                live(theirs)
            theirs.close()
            self._link = Link(ours)

    def load(self, stages: bytes) -> None:
        """Have the nursery load ``stages``, packed, for the children to come; does not wait for it.

        It keeps one chain of each name (the names of its stages): those that clean articles with what is known of
        the outlets now, and those that read feeds.

        Raises:
            NurseryError: no process could be started.
        """
        with self._lock:
            if self._link is None:
                self._start()
            name = name_of(stages)
            digest = hashlib.sha256(stages).digest()
            if digest != self._loaded.get(name):
                self._send("load", name, data=stages)
                self._loaded[name] = digest

    def rear(self, stages: bytes, *, child_bytes: int) -> Child:
        """A new child that applies ``stages``.

        Args:
            stages: what the child applies, packed.
            child_bytes: how much memory it may take beyond what it begins with.

        Raises:
            NurseryError: the stages cannot be loaded, or there is no process to be had.
        """
        try:
            self.load(stages)
            return self._reared(name_of(stages), child_bytes)
        except _GoneError:
            # Somebody has ended it, or the system for lack of memory.
            self.load(stages)
            return self._reared(name_of(stages), child_bytes)

    def _reared(self, name: str, child_bytes: int) -> Child:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        room = min(_widened(ours_out), _widened(ours_in))
        try:
            with self._lock:
                self._send("rear", (name, child_bytes), descriptors=[theirs_in, theirs_out])
                pid = self._answer()
        except BaseException:
            os.close(ours_out)
            os.close(ours_in)
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        return Child(pid, Connection(ours_out, readable=False), Connection(ours_in, writable=False), room - room // 8)

    def end(self, child: Child) -> str:
        """End ``child``, at once if it still runs, and say how it ended."""
        for pipe in (child.tasks, child.answers):
            pipe.close()
        with self._lock:
            try:
                self._send("end", child.pid)
                status = self._answer()
            except NurseryError:
                return "it is gone with all others"
        if os.WIFSIGNALED(status):
            return f"it was ended by signal {os.WTERMSIG(status)} ({signal.strsignal(os.WTERMSIG(status))})"
        return f"it left with status {os.waitstatus_to_exitcode(status)}"

    def close(self) -> None:
        """End the nursery and all its children."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        """The nursery ends once nobody holds the other end of its socket; it ends its children first."""
        if self._link is not None:
            self._link.close()
            self._link = None
            self._loaded.clear()
        if self._process is not None:
            self._process.wait()
            self._process = None
        if self._fork is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._fork, 0)
            self._fork = None

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - this very interpreter, no shell
                    [sys.executable, "-c", _START, json.dumps(sys.path), str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            except OSError as fault:
                ours.close()
                raise NurseryError(f"no worker process could be started: {fault}") from fault
        self._link = Link(ours)

    def _send(self, what: str, value: Any, *, data: bytes = b"", descriptors: Sequence[int] = ()) -> None:
        if self._link is None:
            raise NurseryError("the process that makes workers was closed")
        try:
            self._link.messages.send((what, value))
            if data:
                self._link.messages.send_bytes(data)
            if descriptors:
                socket.send_fds(self._link.socket, [b"f"], list(descriptors))
        except OSError as fault:
            raise self._gone() from fault

    def _answer(self) -> Any:
        if self._link is None:
            raise NurseryError("the process that makes workers was closed")
        try:
            kind, value = self._link.messages.recv()
        except (OSError, EOFError) as fault:
            raise self._gone() from fault
        if kind == "fault":
            raise NurseryError(f"the stages could not be loaded in a worker process: {value}")
        return value

    def _gone(self) -> _GoneError:
        self._forget()
        return _GoneError("the process that makes workers has ended; run again")


@cache
def nursery() -> Nursery:
    """The one of this process, which is kept: what it has loaded serves every run."""
    made = Nursery()
    atexit.register(made.close)
    return made


def _widened(pipe: int) -> int:
    """Make a pipe hold ``PIPE_BYTES``; gives what it really holds."""
    if not _LINUX:
        return 1 << 14
    with contextlib.suppress(PermissionError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
