"""Runs a command and measures the whole tree of processes that it starts (Linux)."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

PERIOD = 0.2
"""Seconds between two looks at the tree: a look takes some milliseconds, and few processes live shorter."""
GRACE = 5.0
"""Seconds that helpers of a command may take to end by themselves after it."""
_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_TICKS = os.sysconf("SC_CLK_TCK")


class CommandError(Exception):
    """The command did not end well; the message says how, and ends with what it printed last."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command took.

    Attributes:
        seconds: from its start to its end, by the clock.
        cpu_seconds: of all processes, user and system.
        peak_bytes: the most memory of all processes at one moment: the sum of their proportional set sizes (PSS),
            in which a page that n processes share counts as a n-th for each.
        processes: the most at one moment.
        left: processes still alive ``GRACE`` seconds after its end.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    processes: int
    left: int


@dataclass(slots=True)
class _Tree:
    """The processes below this one that were not there before."""

    before: frozenset[int]
    peak_bytes: int = 0
    processes: int = 0
    ticks: dict[int, int] = field(default_factory=dict)

    def alive(self) -> list[int]:
        """Those that have not ended; notes the processor time of all."""
        below: dict[int, list[tuple[int, str, int]]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    line = (entry / "stat").read_text("ascii", "replace")
                except OSError:  # it has ended meanwhile
                    continue
                # The name in brackets may hold anything; the fields behind it are numbered from 3 in proc(5).
                rest = line[line.rindex(")") + 2 :].split()
                below.setdefault(int(rest[1]), []).append((int(entry.name), rest[0], int(rest[11]) + int(rest[12])))
        found, parents = [], [os.getpid()]
        while parents:
            for pid, state, ticks in below.get(parents.pop(), []):
                parents.append(pid)
                if pid not in self.before:
                    self.ticks[pid] = ticks
                    if state not in "ZX":
                        found.append(pid)
        return found

    def look(self) -> None:
        """Sum up the memory of this moment."""
        pids = self.alive()
        self.processes = max(self.processes, len(pids))
        self.peak_bytes = max(self.peak_bytes, sum(map(_proportional_bytes, pids)))

    def kill(self) -> None:
        """End what is left, and what that may still start."""
        while pids := self.alive():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


def measure(
    command: Sequence[str],
    log: Path,
    *,
    limit: float,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Usage:
    """Run ``command`` to its end, in ``folder``, with its output in ``log``.

    Processor time is what the kernel has summed up of every process waited for; processes that outlive their parent
    are handed to this one, which waits for them. It leaves out those whose parent ignores their end, so that the sum
    of what was seen of each process counts where that is more.

    Raises:
        CommandError: if its status is not 0, or it takes more than ``limit`` seconds. Nothing of it is left running.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")
    tree = _Tree(frozenset())
    tree.before = frozenset(tree.alive())
    tree.ticks.clear()
    spent = _children_seconds()
    with log.open("wb") as out:
        begun = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603 - to run the command it is given is what it is for
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=folder, env=env
        )
        try:
            if not _watch(child.pid, tree, begun + limit):
                raise CommandError(f"took more than {limit:.0f} s; {_tail(log)}")
            seconds = time.perf_counter() - begun
            status = child.wait()
            until = time.perf_counter() + GRACE
            while (left := len(tree.alive())) and time.perf_counter() < until:
                time.sleep(PERIOD / 4)
        finally:
            tree.kill()
            child.wait()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
    if status:
        raise CommandError(f"ended with status {status}; {_tail(log)}")
    cpu = max(_children_seconds() - spent, sum(tree.ticks.values()) / _TICKS)
    return Usage(seconds, cpu, tree.peak_bytes, tree.processes, left)


def _watch(pid: int, tree: _Tree, until: float) -> bool:
    """Look at the tree until the process ends, or time has run out (false)."""
    handle = os.pidfd_open(pid)
    try:
        due = time.perf_counter()
        while True:
            due = max(due + PERIOD, time.perf_counter())
            if select.select([handle], [], [], max(0.0, due - time.perf_counter()))[0]:
                return True
            tree.look()
            if time.perf_counter() > until:
                return False
    finally:
        os.close(handle)


def _proportional_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    except OSError:  # it has ended meanwhile
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _tail(log: Path) -> str:
    return "it said last:\n" + "\n".join(log.read_text("utf-8", "replace").splitlines()[-8:])
