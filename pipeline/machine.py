"""What a machine is like, found by trying: its disks, its memory, its clock data. Only ``doctor`` asks."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from zoneinfo import TZPATH

from transforms.storage import DISK, Storage, try_lock


def lacking(
    folder: Path, *, storage: Storage = DISK, lock: Callable[[Path], Callable[[], None] | None] = try_lock
) -> Iterator[str]:
    """What the file system of ``folder`` does not do of what a commit needs; each need is tried out there."""
    unlock = lock(folder / "lock")
    if unlock is None:
        yield "a lock that nobody holds cannot be taken"
    else:
        if (second := lock(folder / "lock")) is not None:
            second()
            yield "a lock can be taken twice, so two runs could write at once"
        unlock()
    storage.write_file(folder / "file", b"old")
    with (folder / "file").open("rb") as reader:
        storage.write_file(folder / "file", b"new")
        if reader.read() != b"old" or (folder / "file").read_bytes() != b"new":
            yield "a file that is replaced changes under those who read it"
    try:
        storage.link(folder / "file", folder / "name")
        storage.link(folder / "file", folder / "name")
    except FileExistsError:
        return
    except OSError as wrong:
        yield f"a file cannot have a second name ({wrong.strerror}), which the log needs"
        return
    yield "a name can be given twice, so that two programs could write one entry of the log"


def disk_type(folder: Path, mounts: Iterable[str]) -> str | None:
    """The type of the file system that ``folder`` lies on, by lines of ``/proc/self/mountinfo`` (proc(5))."""
    best, kind = Path(), None
    for line in mounts:
        before, _, behind = line.partition(" - ")
        # Blanks and the like are written in octal.
        point = Path(
            before.split(" ")[4].encode().decode("unicode_escape").encode("latin-1").decode(errors="replace")
        )
        if folder.resolve().is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, kind = point, behind.split(" ")[0]
    return kind


def mounts() -> list[str]:
    """The lines of ``/proc/self/mountinfo``; none where there is no such file."""
    return _lines("/proc/self/mountinfo")


def held_bytes(root: Path) -> int:
    """What the files beneath ``root`` take; a run may add and remove some meanwhile."""
    held = 0
    for folder, _, names in os.walk(root):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                held += Path(folder, name).lstat().st_size
    return held


def available_memory() -> int | None:
    """Bytes that new processes can have, by the system and by the bound on the container; ``None`` if nobody says."""
    bounds = []
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            bounds.append(int(line.split()[1]) * 1024)
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        bounds += [int(line) for line in _lines(path) if line.isdecimal()]
    return min(bounds, default=None)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def zones_version() -> str | None:
    """The version of the system's database of time zones; ``None`` if it has none, or does not say."""
    for folder in TZPATH:
        for line in _lines(f"{folder}/tzdata.zi")[:1]:
            return line.removeprefix("# version ")
    return None


def resolve(host: str) -> str | None:
    """What is wrong with looking up ``host``, ``None`` if it has an address."""
    try:
        socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as wrong:
        return getattr(wrong, "strerror", None) or str(wrong)
    return None


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
