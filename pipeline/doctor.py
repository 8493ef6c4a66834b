"""``knipsel doctor``: what this machine lacks for runs that nobody watches. It looks, and changes nothing.

The judgements are pure functions of what was found; ``examine`` does the finding. Nothing is imported here that
may be what is missing.
"""

from __future__ import annotations

import codecs
import datetime as dt
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from pipeline import machine
from transforms.storage import is_locked

if TYPE_CHECKING:
    from pipeline.settings import Config

DISTRIBUTION = "knipsel"

NETWORK_DISKS = frozenset(
    {"9p", "afs", "ceph", "cifs", "glusterfs", "nfs", "nfs4", "smb3"}
    | {"fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"}
)
"""Types of file systems, as Linux names them, whose disk is another machine's."""

BASE_BYTES = 512_000_000
WORKER_BYTES = 128_000_000
"""Memory of a run without its workers, and of one worker on an ordinary page: measured 384 and 69 MB (proportional
set size, 400 pages, two workers), with a third or more to spare."""

BASE_FILES = 100
WORKER_FILES = 8
"""Open files of a run without fetching, and for one worker: measured 11 with two workers, with room for the Parquet
files of many days at a time."""

FIRST_YEAR = 2026
"""No version of this program is older, so no clock is right that says so."""

_TOLERATED = dt.timedelta(minutes=1)
_ZONES_AGE_YEARS = 2
_LEAST_INODES = 10_000


class Level(StrEnum):
    """How bad it is: a fault will end runs, or has a part of them fail."""

    OK = "ok"
    WARN = "warn"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what is the case, and what to do about it."""

    check: str
    level: Level
    says: str
    do: str = ""

    def as_json(self) -> dict[str, Any]:
        """The finding as ``--json`` prints it."""
        return asdict(self)


def ok(check: str, says: str) -> Finding:
    """There is nothing to do."""
    return Finding(check, Level.OK, says)


def warn(check: str, says: str, do: str) -> Finding:
    """It may cost something."""
    return Finding(check, Level.WARN, says, do)


def fault(check: str, says: str, do: str) -> Finding:
    """It will."""
    return Finding(check, Level.FAULT, says, do)


# Judgements.


def python(found: str, wanted: str) -> Finding:
    """The version of Python against the range of the packaging; ``wanted`` is empty where that is unknown."""
    if wanted and not SpecifierSet(wanted).contains(found, prereleases=True):
        return fault(
            "python", f"{found}, which is not {wanted}", "install knipsel into an environment of another Python"
        )
    return ok("python", found)


def packages(wanted: Iterable[str] | None, found: Callable[[str], str | None]) -> list[Finding]:
    """The installed packages against the ranges of the packaging.

    Args:
        wanted: requirements as they stand in the metadata; ``None``: knipsel itself is not installed.
        found: gives the version of a package, ``None`` where it is missing.
    """
    again = "install them anew: pip install -c constraints.txt ."
    if wanted is None:
        return [fault("packages", "knipsel is not installed in this environment", again)]
    needed = [one for one in map(Requirement, wanted) if one.marker is None or one.marker.evaluate({"extra": ""})]
    faults = []
    for one in needed:
        version_found = found(one.name)
        if version_found is None:
            faults.append(fault("packages", f"{one.name} is missing", again))
        elif not one.specifier.contains(version_found, prereleases=True):
            faults.append(fault("packages", f"{one.name} is {version_found}, and works with {one.specifier}", again))
    return faults or [ok("packages", f"{len(needed)}, each in its range")]


def space(free_bytes: int, free_inodes: int | None, held_bytes: int, batch_bytes: int) -> Finding:
    """The room on the disk.

    Args:
        free_bytes: for this user.
        free_inodes: how many more files there can be; ``None`` where there is no bound.
        held_bytes: what the data set takes.
        batch_bytes: what is read at a time, which is staged before it counts.
    """
    says = f"{decimal(free_bytes)} free; the data set takes {decimal(held_bytes)}"
    make_room = "make room, or move the data set to a larger disk"
    if free_bytes < batch_bytes:
        return fault("disk space", f"{says}; a batch may take {decimal(batch_bytes)}", make_room)
    if free_inodes is not None and free_inodes < _LEAST_INODES:
        return warn("disk space", f"the disk can hold {free_inodes:,} more files", make_room)
    # Of a data set that has grown for a year, that is what it grows by in a month and a bit.
    if free_bytes < max(held_bytes // 10, 4 * batch_bytes):
        return warn("disk space", says, make_room)
    return ok("disk space", says)


def disk_type(kind: str | None) -> Finding | None:
    """The type of the file system under the root, as Linux names it; nothing where it is unknown."""
    if kind in NETWORK_DISKS:
        return warn(
            "disk type",
            f"{kind}, a disk of another machine: locks and renames hold only as far as that one keeps them",
            "keep the data set on a disk of this machine, and copy it to the other",
        )
    return ok("disk type", kind) if kind else None


def clock(now: dt.datetime, committed: dt.datetime | None, on_disk: dt.datetime | None) -> Finding:
    """The clock of the machine.

    Args:
        now: what it says.
        committed: the moment of the last run.
        on_disk: when, by the disk, a file was made just now.
    """
    set_it = "set the clock, and have it kept by NTP (timedatectl set-ntp true)"
    if now.year < FIRST_YEAR:
        return fault("clock", f"it says {now:%Y-%m-%d %H:%M} UTC, which is long past", set_it)
    if committed is not None and committed > now + _TOLERATED:
        return warn(
            "clock", f"it says {now:%Y-%m-%d %H:%M} UTC, and the last run was at {committed:%Y-%m-%d %H:%M}", set_it
        )
    if on_disk is not None and abs(on_disk - now) > _TOLERATED:
        return warn(
            "clock", f"the disk's is {abs(on_disk - now).total_seconds():.0f} s off from the machine's", set_it
        )
    return ok("clock", f"{now:%Y-%m-%d %H:%M} UTC")


def memory(available_bytes: int | None, workers: int, child_bytes: int) -> Finding:
    """The memory that a run finds, against what its processes take as a rule, and one of them at the most."""
    if available_bytes is None:
        return ok("memory", "this system does not say how much there is")
    usual = BASE_BYTES + workers * WORKER_BYTES
    says = f"{decimal(available_bytes)} to be had; a run with {workers} workers takes {decimal(usual)} as a rule"
    if available_bytes < usual:
        return fault("memory", says, "lower run.workers in the settings, or give the machine more")
    if available_bytes < usual + child_bytes:
        most = f"{says}, and one page {decimal(child_bytes)} more at the most"
        return warn(
            "memory", most, "lower limits.child_bytes or run.workers in the settings, or give the machine more"
        )
    return ok("memory", says)


def open_files(limit: int, workers: int, in_flight: int) -> Finding:
    """The limit on open files (``ulimit -n``): each page in flight has a socket, and may have one for a look-up."""
    needed = BASE_FILES + workers * WORKER_FILES + 2 * in_flight
    if limit < needed:
        return fault(
            "open files", f"{limit} at most, and a run may need {needed}", f"raise the limit: ulimit -n {4 * needed}"
        )
    return ok("open files", f"{limit} at most, and a run may need {needed}")


def zone_data(newest: str | None, now: dt.datetime, load: Callable[[str], object] = ZoneInfo) -> Finding:
    """The database of time zones; ``newest`` is its version, such as 2025b."""
    update = "update the package tzdata of the system, or of Python: pip install --upgrade tzdata"
    try:
        load("Europe/Amsterdam")
    except (ZoneInfoNotFoundError, OSError):
        return fault("time zones", "there are none", update)
    if newest and newest[:4].isdecimal() and int(newest[:4]) <= now.year - _ZONES_AGE_YEARS:
        return warn("time zones", f"version {newest}: rules have changed since", update)
    return ok("time zones", f"version {newest}" if newest else "there")


def encoding(stdout: str | None, file_names: str) -> Finding:
    """How text is written to the terminal and how files are named."""
    others = [name for name in (stdout or "utf-8", file_names) if codecs.lookup(name).name != "utf-8"]
    if others:
        return warn(
            "encoding", f"{others[0]}, which has no room for most letters", "set LANG=C.UTF-8, or PYTHONUTF8=1"
        )
    return ok("encoding", "UTF-8")


def feeds(enabled: int, contact: str) -> Finding:
    """Whether publishers are told whom to reach. ``enabled`` counts the feeds that are asked over the network."""
    if enabled and not contact:
        return warn(
            "feeds",
            f"{enabled} are asked, and fetch.contact is empty",
            "set fetch.contact in knipsel.toml to an address or a page where publishers can reach you",
        )
    return ok("feeds", f"{enabled} are asked" if enabled else "none is enabled; a run reads what it is given")


def names(hosts: Sequence[str], resolve: Callable[[str], str | None]) -> list[Finding]:
    """Whether the hosts of feeds have addresses; ``resolve`` gives what is wrong with one, or ``None``."""
    if not hosts:
        return [ok("names", "no feed is enabled")]
    with ThreadPoolExecutor(min(16, len(hosts))) as pool:
        wrong = [(host, message) for host, message in zip(hosts, pool.map(resolve, hosts), strict=True) if message]
    if len(wrong) == len(hosts):
        do = "see to the network and to the name server of this machine"
        return [fault("names", f"none of {len(hosts)} hosts has an address ({wrong[0][0]}: {wrong[0][1]})", do)]
    do = "correct the address in feeds.toml, or set enabled = false"
    return [warn("names", f"{host}: {message}", do) for host, message in wrong] or [
        ok("names", f"{len(hosts)} looked up, each has an address")
    ]


# Looking.


def examine(
    root: Path | None, config_file: Path | None, overrides: Sequence[str], *, now: dt.datetime, network: bool = False
) -> list[Finding]:
    """Look at everything.

    Args:
        root: of the data set; ``None``: the one of the settings.
        config_file: the user's ``knipsel.toml``.
        overrides: single settings as KEY=VALUE.
        now: the time.
        network: whether names may be looked up; nothing else is ever asked of the network.
    """
    found = [python(sys.version.split()[0], _wanted_python()), *packages(_requirements(), _version)]
    found += [
        encoding(sys.stdout.encoding, sys.getfilesystemencoding()),
        zone_data(machine.zones_version() or _version("tzdata"), now),
    ]
    config, wrong = _settings(config_file, overrides)
    found += wrong
    if config is None:
        return [*found, *(_of_root(root, 0, now) if root else [])]
    settings = config.settings
    workers = settings.run.workers if settings.run.workers != "auto" else machine.cores()
    asked = sorted({urlsplit(feed.url).hostname or "" for feed in config.feeds if feed.enabled and not feed.on_disk})
    found.append(feeds(sum(feed.enabled and not feed.on_disk for feed in config.feeds), settings.fetch.contact))
    found += _of_root(root or Path(settings.root), settings.run.batch_bytes, now)
    found.append(memory(machine.available_memory(), workers, settings.limits.child_bytes))
    found.append(open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0], workers, settings.fetch.in_flight))
    if network:
        found += names(asked, machine.resolve)
    return found


def show(found: Iterable[Finding], console: Console) -> None:
    """Print the findings, a line each, with what to do beneath."""
    styles = {Level.OK: "green", Level.WARN: "yellow", Level.FAULT: "bold red"}
    for one in found:
        line = Text.assemble((f"{one.level.value:<6}", styles[one.level]), f"{one.check:<12}", one.says)
        console.print(line, soft_wrap=True)
        if one.do:
            console.print(Text(f"{'':<18}{one.do}", style="dim"), soft_wrap=True)


def _settings(config_file: Path | None, overrides: Sequence[str]) -> tuple[Config | None, list[Finding]]:
    correct = "correct it; 'knipsel check' says whether it is right now"
    try:
        from pipeline.settings import SettingsError, check, load
    except ImportError as missing:
        return None, [fault("settings", f"cannot be read: {missing}", "install what is missing")]
    try:
        config = load(config_file, overrides)
    except SettingsError as wrong:
        return None, [fault("settings", str(wrong), correct)]
    faults = [fault("rules", line, correct) for line in check(config)]
    return config, [
        ok("settings", str(config_file or "those that ship")),
        *(faults or [ok("rules", "fit their examples")]),
    ]


def _of_root(root: Path, batch_bytes: int, now: dt.datetime) -> Iterator[Finding]:
    folder = root if root.exists() else root.absolute().parent
    try:
        with tempfile.TemporaryDirectory(prefix=".knipsel-doctor-", dir=folder) as made:
            lacks = list(machine.lacking(Path(made)))
            on_disk = dt.datetime.fromtimestamp(Path(made).stat().st_mtime, dt.UTC)
        state = "a run holds it" if is_locked(root / "_lock") else "is free" if root.exists() else "will be made"
    except OSError as wrong:
        do = f"make it, and give it to the user who runs knipsel: install -d -o USER {root.absolute()}"
        yield fault("root", f"{root}: cannot be written to ({wrong.strerror})", do)
        return
    for what in lacks:
        yield fault(
            "root", f"{root}: {what}", "keep the data set on a disk of this machine, such as ext4, XFS or APFS"
        )
    if not lacks:
        yield ok("root", f"{root}: {state}; locks and renames hold")
    kind = disk_type(machine.disk_type(folder, machine.mounts()))
    if kind is not None:
        yield kind
    counted = os.statvfs(folder)
    inodes = counted.f_favail if counted.f_files else None
    yield space(shutil.disk_usage(folder).free, inodes, machine.held_bytes(root), batch_bytes)
    yield clock(now, _committed(root), on_disk)


def _committed(root: Path) -> dt.datetime | None:
    try:
        from pipeline.deltalog import LedgerError, last_entry, last_version
    except ImportError:
        # It is among the packages that are missing.
        return None
    try:
        entry = last_entry(root, last_version(root))
    except (LedgerError, OSError):
        # That is for "knipsel verify" to say.
        return None
    if entry is None or entry.record is None:
        return None
    return dt.datetime.fromtimestamp(entry.record.committed_at / 1000, dt.UTC)


def _wanted_python() -> str:
    try:
        return metadata(DISTRIBUTION)["Requires-Python"] or ""
    except PackageNotFoundError:
        return ""


def _requirements() -> list[str] | None:
    try:
        return requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        return None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
