"""What runs in the process that forks workers and in its children, and how stages and messages get there.

That process runs no thread and nothing of Beam's, so forking it is safe.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import resource
import signal
import socket
import sys
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from schemas.reject import Reason, Reject
from transforms.allocator import give_back
from transforms.stage import Chain, Stage

RETIRES = ""
"""What a child answers, in the place of a stage, that ends by itself and with nothing begun."""

_SPENT = 0.5
"""A child that has grown by this share of what it may take retires: matchers and caches grow with every text, and a
page that is innocent would have to pay for them."""

_KEPT_STAGES = 8
"""Loaded stages that are kept: the six of a run, so that the next run of this process loads only those that depend on
its moment or on what was learned meanwhile."""

_PACKING = 1
"""The quickest there is: a third is left of the stages, and a quarter by the best, which takes ten times as long."""

_PR_SET_PDEATHSIG = 1
_LINUX = sys.platform == "linux"


def packed(stages: Sequence[Stage]) -> bytes:
    """The stages as they travel to other processes: their names on a line, which can be read without loading them."""
    names = " ".join(stage.name for stage in stages)
    # Each by itself, so that a stage that has not changed since an earlier run need not be loaded again. An engine
    # keeps half a dozen copies of what its stages hold, for which a third of the size is worth the milliseconds.
    parts = [zlib.compress(pickle.dumps(stage, protocol=pickle.HIGHEST_PROTOCOL), _PACKING) for stage in stages]
    return names.encode() + b"\n" + pickle.dumps(parts, protocol=pickle.HIGHEST_PROTOCOL)


def loaded(stages: bytes) -> Chain:
    """What ``packed`` was given, as one function."""
    parts: list[bytes] = pickle.loads(stages.partition(b"\n")[2])  # noqa: S301 - made by this program in this run
    return Chain([_kept(part) for part in parts])


@lru_cache(_KEPT_STAGES)
def _kept(stage: bytes) -> Stage:
    """The stage, loaded once and for all."""
    found: Stage = pickle.loads(zlib.decompress(stage))  # noqa: S301 - as above
    function = found.load()
    return replace(found, load=lambda: function)


def name_of(stages: bytes) -> str:
    """The names of packed stages, on a line."""
    return stages.partition(b"\n")[0].decode()


class Link:
    """A socket between a nursery and its asker, for messages and for file descriptors."""

    def __init__(self, end: socket.socket) -> None:
        self.socket = end
        self.messages = Connection(os.dup(end.fileno()))

    def close(self) -> None:
        """Give both ends back."""
        self.messages.close()
        self.socket.close()


def main() -> NoReturn:
    """Be a nursery: the entry of a fresh interpreter, whose last argument is the number of its socket."""
    live(socket.socket(fileno=int(sys.argv[2])))


def live(end: socket.socket) -> NoReturn:
    """Load and fork as asked until the asker is gone. Never returns, whatever happens: nobody is above it."""
    children: set[int] = set()
    try:
        # The asker decides when work ends; a Ctrl-C goes to the whole group of processes.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        _detach()
        _attend(Link(end), children)
    except (EOFError, OSError):
        pass
    finally:
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os._exit(0)


def settle() -> None:
    """Make the memory of this process fit to be shared with what it forks.

    Free memory is given back: what is there would else be written to, and so copied, in every child. Objects that no
    collection looks at any more stay on shared pages: a collection writes to each that it looks at.
    """
    gc.collect()
    give_back()
    gc.freeze()


def _detach() -> None:
    """What a library prints before it aborts belongs to nobody's output."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _attend(link: Link, children: set[int]) -> None:
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
            settle()
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


def _work(chain: Chain, link: Link, tasks_in: int, answers_out: int, *, child_bytes: int) -> NoReturn:
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
