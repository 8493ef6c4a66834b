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
import ctypes
import fcntl
import gc
import json
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from schemas.reject import Reason, Reject
from transforms.stage import Chain, Stage

PIPE_BYTES = 1 << 20
"""How much a pipe to or from a child holds: the most that Linux allows without privileges. Without a say, 64 KiB."""

RETIRES = ""
"""What a child answers, in the place of a stage, that ends by itself and with nothing begun."""

_SPENT = 0.5
"""A child that has grown by this share of what it may take retires: matchers and caches grow with every text, and a
page that is innocent would have to pay for them."""

_KEPT_STAGES = 8
"""Loaded stages that are kept: the six of a run, so that the next run of this process loads only those that depend on
its moment or on what was learned meanwhile."""

_PR_SET_PDEATHSIG = 1
_LINUX = sys.platform == "linux"
_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from transforms.nursery import main; main()"


class NurseryError(Exception):
    """No worker process can be had: the stages could not be loaded, or the system refuses processes."""


class _GoneError(NurseryError):
    """The nursery has ended; the next to ask makes a new one."""


def packed(stages: Sequence[Stage]) -> bytes:
    """The stages as they travel to other processes: their names on a line, which can be read without loading them."""
    names = " ".join(stage.name for stage in stages)
    # Each by itself, so that a stage that has not changed since an earlier run need not be loaded again.
    parts = [pickle.dumps(stage, protocol=pickle.HIGHEST_PROTOCOL) for stage in stages]
    return names.encode() + b"\n" + pickle.dumps(parts, protocol=pickle.HIGHEST_PROTOCOL)


def loaded(stages: bytes) -> Chain:
    """What ``packed`` was given, as one function."""
    parts: list[bytes] = pickle.loads(stages.partition(b"\n")[2])  # noqa: S301 - made by this program in this run
    return Chain([_kept(part) for part in parts])


@lru_cache(_KEPT_STAGES)
def _kept(stage: bytes) -> Stage:
    """The stage, loaded once and for all."""
    found: Stage = pickle.loads(stage)  # noqa: S301 - as above
    function = found.load()
    return replace(found, load=lambda: function)


def _name(stages: bytes) -> str:
    return stages.partition(b"\n")[0].decode()


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
        self._link: _Link | None = None
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
            self._fork = os.fork()
            if self._fork == 0:
                ours.close()
                _live(theirs)
            theirs.close()
            self._link = _Link(ours)

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
            name = _name(stages)
            if stages != self._loaded.get(name):
                self._send("load", name, data=stages)
                self._loaded[name] = stages

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
            return self._reared(_name(stages), child_bytes)
        except _GoneError:
            # Somebody has ended it, or the system for lack of memory.
            self.load(stages)
            return self._reared(_name(stages), child_bytes)

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
        self._link = _Link(ours)

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


class _Link:
    """A socket between a nursery and its asker, for messages and for file descriptors."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self.messages = Connection(os.dup(end.fileno()))

    def close(self) -> None:
        self.messages.close()
        self.socket.close()


@cache
def nursery() -> Nursery:
    """The one of this process, which is kept: what it has loaded serves every run."""
    made = Nursery()
    atexit.register(made.close)
    return made


# What follows runs in the nursery and its children.


def main() -> NoReturn:
    """Be a nursery: the entry of a fresh interpreter, whose last argument is the number of its socket."""
    _live(socket.socket(fileno=int(sys.argv[2])))


def _live(end: socket.socket) -> NoReturn:
    """Load and fork as asked until the asker is gone. Never returns, whatever happens: nobody is above it."""
    children: set[int] = set()
    try:
        # The asker decides when work ends; a Ctrl-C goes to the whole group of processes.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        _detach()
        _attend(_Link(end), children)
    except (EOFError, OSError):
        pass
    finally:
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os._exit(0)


def _detach() -> None:
    """What a library prints before it aborts belongs to nobody's output."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _attend(link: _Link, children: set[int]) -> None:
    chains: dict[str, Chain] = {}
    faults: dict[str, str] = {}
    while True:
        what, value = link.messages.recv()
        if what == "load":
            # The one that it takes the place of is of no use any more.
            chains.pop(value, None)
            try:
                chains[value] = loaded(link.messages.recv_bytes())
            except EOFError:
                raise
            except Exception as error:
                # It is told to whoever asks for a child.
                faults[value] = f"{type(error).__name__}: {error}"
            # Objects that no collection looks at stay on pages that all children share.
            gc.collect()
            gc.freeze()
        elif what == "rear":
            _, descriptors, _, _ = socket.recv_fds(link.socket, 1, 2)
            name, child_bytes = value
            if name not in chains:
                answer: tuple[str, Any] = ("fault", faults.get(name, "nothing was loaded"))
            else:
                try:
                    pid = os.fork()
                except OSError as error:
                    answer = ("fault", str(error))
                else:
                    if pid == 0:
                        _work(chains[name], link, *descriptors, child_bytes=child_bytes)
                    children.add(pid)
                    answer = ("pid", pid)
            for descriptor in descriptors:
                os.close(descriptor)
            link.messages.send(answer)
        else:
            status = 0
            # A child of an earlier nursery ended with that.
            if value in children:
                os.kill(value, signal.SIGKILL)
                _, status = os.waitpid(value, 0)
                children.discard(value)
            link.messages.send(("status", status))


def _work(chain: Chain, link: _Link, tasks_in: int, answers_out: int, *, child_bytes: int) -> NoReturn:
    """Be a child: apply ``chain`` to what comes in until nothing can come any more."""
    status = 1
    try:
        mother = os.getppid()
        if _LINUX:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == mother:
            link.close()
            tasks = Connection(tasks_in, writable=False)
            _serve(chain, tasks, Connection(answers_out, readable=False), child_bytes)
        status = 0
    except (EOFError, BrokenPipeError):
        status = 0
    finally:
        os._exit(status)


def _serve(chain: Chain, tasks: Connection, answers: Connection, child_bytes: int) -> None:
    def entering(stage: str) -> None:
        answers.send((stage, time.monotonic()))

    begun_with = _held_bytes()
    _limit(begun_with + child_bytes)
    while True:
        done = chain(tasks.recv(), entering)
        answers.send((None, (done, time.monotonic())))
        # After a lack of memory nobody knows what is left in which state.
        short = isinstance(done, Reject) and done.code == Reason.WORKER_CRASH
        if short or _held_bytes() - begun_with > _SPENT * child_bytes:
            answers.send((RETIRES, None))
            return


def _held_bytes() -> int:
    """The private memory that this process holds or may come to write; 0 where the system does not say."""
    if not _LINUX:
        return 0
    data_pages = Path("/proc/self/statm").read_bytes().split()[5]
    return int(data_pages) * resource.getpagesize()


def _limit(data_bytes: int) -> None:
    """Bound the memory of this process, where the system can."""
    if not _LINUX:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(
        resource.RLIMIT_DATA, (data_bytes if hard == resource.RLIM_INFINITY else min(data_bytes, hard), hard)
    )


def _widened(pipe: int) -> int:
    """Make a pipe hold ``PIPE_BYTES``; gives what it really holds."""
    if not _LINUX:
        return 1 << 14
    with contextlib.suppress(PermissionError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ)
