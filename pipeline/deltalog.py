"""The Delta log of a data set: what one entry holds, and how it is read.

An entry is a file of JSON lines, named by its number and never changed (Delta transaction protocol, reader
version 1, writer version 2).

Only articles are rows of the Delta table. An entry's ``commitInfo`` carries, under ``knipsel``, the record of
the run: its counts, the files of both tables, the state that holds from then on. Beside it stands the sha256 of
the entry itself, so that no bit of it can change unnoticed. An entry that no run wrote, such as one that takes
out a damaged file, carries an ``Upkeep`` instead.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pipeline.pane import Pane
from pipeline.upkeep import UPKEEP, Upkeep, is_sealed
from schemas.article import SCHEMA_VERSION
from transforms.parquet import ContractError, StagedFile

LOG = "_delta_log"
APPLICATION = "knipsel"
WRITER_VERSION = 2
"""Of the Delta protocol: the least that tables without special features ask for, so the most readers can."""

RUN_ID = re.compile(r"\A[0-9]{6,}-[0-9]{8}T[0-9]{6}Z\Z")
_ENTRY = re.compile(r"\A[0-9]{20}\.json\Z")
_BESIDE = re.compile(r"\A(?:_delta_log|_state|_reports|_quarantine)(?:/(?!\.)[\w.=-]+)+\Z", re.ASCII)


class LedgerError(Exception):
    """The data set cannot be worked on as it is. The message says what, where, and what to do."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The books of one run: every input that was read ended in exactly one of the other four."""

    read: int
    written: int
    duplicate: int
    filtered: int
    rejected: int
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def balanced(self) -> bool:
        """Whether the four add up to what was read, and the reasons to what was filtered or rejected."""
        ends = (self.written, self.duplicate, self.filtered, self.rejected)
        dropped = self.filtered + self.rejected
        return min(ends) >= 0 and self.read == sum(ends) and sum(self.reasons.values()) == dropped


@dataclass(frozen=True, slots=True)
class StateFile:
    """An immutable file under ``_state``: its name there, and the sha256 of its bytes."""

    name: str
    sha256: str


class Operation(StrEnum):
    """What a commit does to the data set."""

    RUN = "run"
    FORGET = "forget"
    COMPACT = "compact"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A file of ours that a commit puts in place of the one at ``path``, below the root."""

    path: str
    sha256: str

    @property
    def staged_name(self) -> str:
        """Its name in the staging folder, which is flat."""
        return f"rewritten.{self.path.rpartition('/')[2]}"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What one run did: the content of its intent, and of its entry in the log.

    Attributes:
        run_id: sorts by commit.
        number: of the commit.
        committed_at: milliseconds since 1970, UTC, by the clock that the run was given.
        files: of both tables.
        state: what holds after the run, its own or an earlier one; ``None`` if there is none.
        counts: the books.
        config_hash: of the settings.
        inputs: what the run was asked to read.
        schema_version: of the rows that it wrote.
        operation: what it did. ``FORGET`` puts its ``files`` in place of published ones, at the same paths;
            ``COMPACT`` begins a data set with the rows of another.
        rewritten: other files that it puts in place of those there; told in its intent only.
        removed: paths below the root of what it removes, besides articles and dead letters; in its intent only.
        pane: what it is of a job that never ends.
    """

    run_id: str
    number: int
    committed_at: int
    files: tuple[StagedFile, ...]
    state: StateFile | None
    counts: Counts
    config_hash: str
    inputs: tuple[str, ...]
    schema_version: int = SCHEMA_VERSION
    operation: Operation = Operation.RUN
    rewritten: tuple[Rewritten, ...] = ()
    removed: tuple[str, ...] = ()
    pane: Pane | None = None

    def as_json(self) -> dict[str, Any]:
        """The record as JSON takes it."""
        later = {"operation": Operation.RUN, "rewritten": (), "removed": (), "pane": None}
        return {name: value for name, value in asdict(self).items() if name not in later or value != later[name]}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """The record that ``as_json`` gave.

        Raises:
            LedgerError: it is none, or a name in it would lead out of the data set.
        """
        try:
            record = cls(
                **{
                    **found,
                    "files": tuple(StagedFile(**file) for file in found["files"]),
                    "state": StateFile(**found["state"]) if found["state"] else None,
                    "counts": Counts(**found["counts"]),
                    "inputs": tuple(found["inputs"]),
                    "operation": Operation(found.get("operation", Operation.RUN)),
                    "rewritten": tuple(Rewritten(**file) for file in found.get("rewritten", ())),
                    "removed": tuple(found.get("removed", ())),
                    "pane": Pane.from_json(found.get("pane")),
                }
            )
        except (KeyError, TypeError, ValueError, ContractError) as err:
            raise LedgerError(f"no record of a run: {err}") from err
        names = [record.run_id, *([record.state.name.removesuffix(".json")] if record.state else [])]
        if not all(RUN_ID.match(name) for name in names):
            raise LedgerError(f"no record of a run: the names {names} are not those of runs")
        odd = [
            path for path in (*(file.path for file in record.rewritten), *record.removed) if not _BESIDE.match(path)
        ]
        if odd:
            raise LedgerError(f"no record of a run: {odd} are no files beside those of the data")
        return record


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log.

    Attributes:
        version: its number, from 0.
        record: of the run that wrote it; ``None`` if none did.
        upkeep: what this program changed without a run; with neither, another program wrote the entry.
        added: path and length of each file that it adds.
        removed: the paths that it takes out.
        metadata: of the table, its schema among it, where the entry states it.
        schema_in: the entry, this or an earlier one, that states the metadata; 0 where unknown.
        writer_version: the protocol's version for writers, where the entry states it.
    """

    version: int
    record: RunRecord | None
    upkeep: Upkeep | None
    added: Mapping[str, int]
    removed: tuple[str, ...]
    metadata: Mapping[str, Any] | None
    schema_in: int
    writer_version: int | None

    @property
    def files(self) -> tuple[StagedFile, ...]:
        """What the run added with it, of both tables."""
        return self.record.files if self.record else ()

    @property
    def taken(self) -> frozenset[str]:
        """The paths that it takes out of either table, whoever wrote it."""
        return frozenset(self.removed) | frozenset(self.upkeep.removed if self.upkeep else ())


def entry_path(root: Path, version: int) -> Path:
    """The file of entry ``version``."""
    return root / LOG / f"{version:020d}.json"


def last_version(root: Path) -> int:
    """The number of the last entry, -1 if there is none.

    Raises:
        LedgerError: an entry before the last is missing.
    """
    try:
        names = [path.name for path in (root / LOG).iterdir()]
    except FileNotFoundError:
        return -1
    versions = sorted(int(name[:20]) for name in names if _ENTRY.match(name))
    for expected, version in enumerate(versions):
        if version != expected:
            raise LedgerError(f"{entry_path(root, expected)}: missing; restore it from a backup")
    return len(versions) - 1


def read_entry(root: Path, version: int) -> Entry:
    """Entry ``version`` of the log.

    Raises:
        LedgerError: the file is damaged.
    """
    path = entry_path(root, version)
    record: RunRecord | None = None
    upkeep: Upkeep | None = None
    added: dict[str, int] = {}
    removed: list[str] = []
    metadata: dict[str, Any] | None = None
    schema_in = 0
    writer_version = None
    try:
        data = path.read_bytes()
        sealed = is_sealed(data)
        for line in data.splitlines():
            ((action, value),) = json.loads(line).items()
            if action == "commitInfo" and APPLICATION in value:
                ours = dict(value[APPLICATION])
                schema_in = ours.pop("schema_in")
                # Entries of earlier versions of the program have no seal; an unknown key is refused.
                if sealed:
                    del ours["entry_sha256"]
                record = RunRecord.from_json(ours)
            elif action == "commitInfo" and UPKEEP in value:
                ours = dict(value[UPKEEP])
                del ours["entry_sha256"]
                upkeep = Upkeep.from_json(ours)
            elif action == "add":
                added[value["path"]] = value["size"]
            elif action == "remove":
                removed.append(value["path"])
            elif action == "metaData":
                metadata = value
            elif action == "protocol":
                writer_version = value["minWriterVersion"]
    except (ValueError, KeyError, TypeError, AttributeError, LedgerError) as err:
        raise LedgerError(f"{path}: damaged ({err}); restore it from a backup") from err
    return Entry(version, record, upkeep, added, tuple(removed), metadata, schema_in, writer_version)


def last_entry(root: Path, version: int) -> Entry | None:
    """The newest entry up to ``version`` that a run of ours wrote; ``None`` if the log is empty.

    Raises:
        LedgerError: the table is another program's, or was changed by one to what this one cannot write.
    """
    for number in range(version, -1, -1):
        entry = read_entry(root, number)
        if entry.record is not None:
            return entry
        if (entry.writer_version or 0) > WRITER_VERSION:
            raise LedgerError(
                f"{entry_path(root, number)}: another program changed the table to writer version "
                f"{entry.writer_version}, which this one does not write; choose another root"
            )
    if version >= 0:
        raise LedgerError(f"{root / LOG}: a table of another program; choose another root")
    return None


def read_log(root: Path) -> list[Entry]:
    """All entries of the log in their order.

    Raises:
        LedgerError: one is missing or damaged.
    """
    return [read_entry(root, version) for version in range(last_version(root) + 1)]


def held_files(entries: Sequence[Entry]) -> dict[str, StagedFile]:
    """The files of both tables by their path, as they are after ``entries``: added by our runs, removed by nobody."""
    held: dict[str, StagedFile] = {}
    for entry in entries:
        held.update({file.path: file for file in entry.files})
        for path in entry.taken:
            held.pop(path, None)
    return held


def live_files(entries: Sequence[Entry]) -> tuple[StagedFile, ...]:
    """The files of articles that the table holds after ``entries``."""
    return tuple(articles(tuple(held_files(entries).values())))


def articles(files: Sequence[StagedFile]) -> list[StagedFile]:
    """Those of ``files`` that are rows of the Delta table."""
    return [file for file in files if file.table == "articles"]


def milliseconds(moment: dt.datetime) -> int:
    """``moment`` as the log counts time."""
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
