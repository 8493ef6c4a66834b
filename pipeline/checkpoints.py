"""Checkpoints of the Delta log: the table as of one entry in one file, so that few entries are left to read.

The deltalake library writes them, and Delta readers look for the newest in ``_last_checkpoint``. That file is ours:
beside what Delta asks for it holds the sha256 of each checkpoint, so that a damaged one is noticed and passed over.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable

from pipeline import deltalog
from transforms.parquet import hash_file
from transforms.storage import Storage

POINTER = "_last_checkpoint"
_NAME = re.compile(r"\A[0-9]{20}\.checkpoint\.parquet\Z")
_OURS = re.compile(
    r"\Aarticles/date=[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9]{6,}-[0-9]{8}T[0-9]{6}Z-[0-9A-Za-z-]+\.parquet\Z"
)
"""Paths that this program gives; a file that another one added is not among the articles that it answers for."""


@dataclass(frozen=True, slots=True)
class LiveFile:
    """One file of articles that the data set holds.

    Attributes:
        path: below the root.
        bytes: its length.
        rows: how many it holds.
        added_at: when the log took it in, milliseconds since 1970; a file put in its place later has another moment.
    """

    path: str
    bytes: int
    rows: int
    added_at: int

    @property
    def name(self) -> str:
        """Its name in its folder; names sort by commit."""
        return PurePosixPath(self.path).name

    @property
    def date(self) -> str:
        """The day of its folder, ISO."""
        return PurePosixPath(self.path).parent.name.removeprefix("date=")


def checkpoint_path(root: Path, version: int) -> Path:
    """The file of the checkpoint of entry ``version``."""
    return root / deltalog.LOG / f"{version:020d}.checkpoint.parquet"


def checkpoints(root: Path) -> list[Path]:
    """The checkpoints that lie there, in order."""
    return sorted(path for path in (root / deltalog.LOG).glob("*.checkpoint.parquet") if _NAME.match(path.name))


def pointer(root: Path, version: int, digests: dict[str, str]) -> bytes:
    """What ``_last_checkpoint`` is to say once the checkpoint of entry ``version`` is written.

    Args:
        root: of the data set.
        version: of the entry.
        digests: the sha256 of earlier checkpoints by name, as ``read_digests`` gave them.

    Raises:
        OSError: a checkpoint cannot be read.
        pyarrow.ArrowException: this one is no Parquet.
    """
    found = {path.name: digests.get(path.name) or hash_file(path) for path in checkpoints(root)}
    newest = checkpoint_path(root, version)
    return _encoded(_facts(newest, version), {**found, newest.name: hash_file(newest)})


def make_checkpoint(root: Path, version: int, scratch: Path, storage: Storage) -> None:
    """Write the checkpoint of entry ``version``, in place of one that may be there.

    The library flushes nothing, and a torn checkpoint at its final name would stop Delta readers. So it works on
    another table in the folder ``scratch``, whose log is the same files but for this checkpoint.

    Raises:
        DeltaError: the library failed.
        OSError: the disk failed.
    """
    log = scratch / deltalog.LOG
    file, pointing = checkpoint_path(root, version), root / deltalog.LOG / POINTER
    digests = read_digests(root)
    if scratch.exists():
        storage.remove_tree(scratch)
    storage.make_folder(scratch)
    storage.make_folder(log)
    for path in sorted(path for path in (root / deltalog.LOG).iterdir() if path.is_file()):
        if path not in (file, pointing):
            storage.link(path, log / path.name)
    DeltaTable(scratch).create_checkpoint()
    storage.sync_file(log / file.name)
    storage.write_file(log / POINTER, pointer(scratch, version, digests))
    for made in (file, pointing):
        storage.rename(log / made.name, made)
        storage.sync_folder(root / deltalog.LOG)


def read_digests(root: Path) -> dict[str, str]:
    """The sha256 of each checkpoint by its name; empty where they are not known."""
    try:
        return dict(json.loads((root / deltalog.LOG / POINTER).read_bytes())["tags"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {}


def live(root: Path) -> tuple[LiveFile, ...]:
    """The files of articles that the data set holds, in the order of their commits.

    Reads the newest checkpoint and the entries behind it; all entries where there is no sound one.

    Raises:
        LedgerError: an entry of the log is missing or damaged.
    """
    last = deltalog.last_version(root)
    base, held = _from_checkpoint(root, last)
    for version in range(base + 1, last + 1):
        entry = deltalog.read_entry(root, version)
        moment = entry.record.committed_at if entry.record else 0
        for file in deltalog.articles(entry.files):
            held[file.path] = LiveFile(file.path, file.bytes, file.rows, moment)
        for path in entry.taken:
            held.pop(path, None)
    return tuple(sorted(held.values(), key=lambda file: (file.name, file.path)))


def of_days(root: Path, days: Collection[dt.date]) -> list[str]:
    """The paths of the live files of articles that are filed under one of the ``days``, in order.

    Raises:
        LedgerError: an entry of the log is missing or damaged.
    """
    folders = {f"date={day.isoformat()}" for day in days}
    return [str(root / file.path) for file in live(root) if Path(file.path).parent.name in folders]


def _from_checkpoint(root: Path, last: int) -> tuple[int, dict[str, LiveFile]]:
    """The entry up to which a sound checkpoint tells, and the files as of it; -1 without one."""
    for name, digest in sorted(read_digests(root).items(), reverse=True):
        path = root / deltalog.LOG / name
        if not _NAME.match(name) or int(name[:20]) > last or not path.is_file() or hash_file(path) != digest:
            continue
        names = ("path", "size", "stats", "modificationTime")
        adds = _adds(path, *names)
        adds = adds.filter(pc.is_valid(pc.struct_field(adds, "path")))
        rows = zip(*(pc.struct_field(adds, name).to_pylist() for name in names), strict=True)
        return int(name[:20]), {
            added: LiveFile(added, size, json.loads(stats)["numRecords"], moment)
            for added, size, stats, moment in rows
            if _OURS.match(added)
        }
    return -1, {}


def faults(root: Path) -> Iterator[str]:
    """What is wrong with the checkpoints and with the file that points to them.

    Where that file is missing, or the library's own, there is nothing to hold them against; whether Delta readers
    come to the right files with them is then all that can be asked.
    """
    path = root / deltalog.LOG / POINTER
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    newest = "a checkpoint"
    try:
        stated = json.loads(data)
        version, digests = stated["version"], stated.pop("tags", None)
        newest = str(checkpoint_path(root, version))
        facts = _facts(checkpoint_path(root, version), version)
        if digests is None and stated == facts:
            return
        whole = _encoded(facts, {name: str(digests[name]) for name in digests})
    except (ValueError, KeyError, TypeError, AttributeError, OSError, pa.ArrowException):
        digests, whole = {}, b""
    if data != whole:
        yield f"{path}: damaged, or {newest} is, of which it tells; --repair makes both anew"
        return
    for name in sorted({*digests, *(found.name for found in checkpoints(root))}):
        found = path.parent / name
        if not _NAME.match(name) or not found.is_file() or hash_file(found) != digests.get(name):
            yield f"{found}: not what {path} says of it (sha256); --repair makes both anew"


def _facts(path: Path, version: int) -> dict[str, int]:
    """What the library writes of a checkpoint into the file that points to it."""
    adds = _adds(path, "path")
    return {
        "version": version,
        "size": len(adds),
        "sizeInBytes": path.stat().st_size,
        "numOfAddFiles": len(adds) - pc.struct_field(adds, "path").null_count,
    }


def _adds(path: Path, *fields: str) -> pa.StructArray:
    """The files that a checkpoint adds; null in the rows that are about something else."""
    with pq.ParquetFile(path) as file:
        return file.read(columns=[f"add.{field}" for field in fields])["add"].combine_chunks()


def _encoded(facts: dict[str, int], digests: dict[str, str]) -> bytes:
    value: dict[str, Any] = {**facts, "tags": dict(sorted(digests.items()))}
    return json.dumps(value, separators=(",", ":")).encode()
