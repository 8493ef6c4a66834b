"""One published file held against the log and the contract: its bytes, pages, columns and rows."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from schemas.article import ARTICLES, SCHEMA_VERSION
from schemas.reject import REJECTS
from transforms.core.keys import keys_of
from transforms.parquet import StagedFile

SCHEMAS: dict[str, pa.Schema] = {"articles": ARTICLES, "rejects": REJECTS}

_BATCH_ROWS = 4096
"""Rows decoded at a time: some 15 MB of articles of the usual length. Of fewer rows it costs a third more processor
time to hand the columns to threads than to decode them."""

_CHECK = 1
"""To be raised with each change of what is checked, or of what ``Content`` keeps."""


@dataclass(frozen=True, slots=True)
class Content:
    """What was read of one file, all its pages having been decoded.

    Attributes:
        rows: how many there are.
        ids: a key for the id of each article, as ``keys_of`` gives it.
        texts: the same for its content hash.
        versions: its version.
        codes: how often each reason code stands in a file of dead letters.
    """

    rows: int
    ids: NDArray[np.uint64]
    texts: NDArray[np.uint64]
    versions: NDArray[np.int16]
    codes: Counter[str]


class Mark(NamedTuple):
    """A file and what it was held against: its place, its bytes, and the run whose rows it is to hold.

    Attributes:
        path: below the root; it says table and day.
        sha256: of its bytes.
        run_id: of the run that wrote its rows; ``None`` where several may have.
    """

    path: str
    sha256: str
    run_id: str | None


Sound = dict[Mark, Content]
"""What sound files hold: the check of one that is among them can only come to the same."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of the check of one file.

    Attributes:
        file: as what it was checked.
        problems: what is wrong with it.
        content: what it holds, if all of it can be read.
        known: whether its bytes were found sound before, and were not decoded again.
    """

    file: StagedFile
    problems: tuple[str, ...]
    content: Content | None = None
    known: bool = False


def check_file(root: Path, run_id: str | None, meant: Sequence[StagedFile], sound: Sound) -> Checked:
    """Hold a file against the log and the contract. Its sha256 is always computed from its bytes.

    Args:
        root: of the data set.
        run_id: of the run that wrote its rows; ``None`` where several may have.
        meant: the file as the log describes it, and as it is announced where another is about to take its place.
        sound: what was found sound before; the file comes to it if it is.
    """
    file = meant[0]
    try:
        data = (root / file.path).read_bytes()
    except OSError as err:
        missing = isinstance(err, FileNotFoundError)
        return Checked(file, ("missing" if missing else f"cannot be read ({err.strerror})",))
    sha256 = hashlib.sha256(data).hexdigest()
    file = next((one for one in meant if one.sha256 == sha256), file)
    problems = [] if file.sha256 == sha256 else ["damaged (sha256 differs from the log)"]
    mark = Mark(file.path, sha256, run_id)
    content = sound.get(mark)
    known = content is not None
    if content is None:
        try:
            with pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True) as parquet:
                odd = _schema_faults(parquet.schema_arrow, SCHEMAS[file.table])
                if odd:
                    return Checked(file, (*problems, *odd))
                content, odd = _scan(parquet, run_id, file)
        except (OSError, pa.ArrowException) as err:
            return Checked(file, (*problems, f"cannot be read ({first_line(err)})"))
        problems += odd
        if not problems:
            sound[mark] = content
    if content.rows != file.rows:
        problems.append(f"holds {content.rows} rows, {file.rows} in the log")
    return Checked(file, tuple(problems), content, known)


def check_version() -> str:
    """Of the check: what an equal one found sound, this one would."""
    contract = "\n".join(f"{name} {SCHEMAS[name].to_string()}" for name in sorted(SCHEMAS))
    digest = hashlib.sha256(contract.encode()).hexdigest()
    return f"{_CHECK}, schema {SCHEMA_VERSION} {digest}, Arrow {pa.__version__}"


def check_length(root: Path, meant: Sequence[StagedFile]) -> Checked:
    """The same as far as can be seen without reading the file."""
    file = meant[0]
    try:
        size = (root / file.path).stat().st_size
    except OSError:
        return Checked(file, ("missing",))
    if any(size == one.bytes for one in meant):
        return Checked(file, ())
    return Checked(file, (f"damaged (holds {size} bytes, {file.bytes} in the log)",))


def first_line(err: BaseException) -> str:
    """The first line of an error's message."""
    return str(err).strip().partition("\n")[0]


def _schema_faults(found: pa.Schema, expected: pa.Schema) -> list[str]:
    """How a file's columns differ from the contract; a file of an older version may lack newer columns."""
    if found.equals(expected):
        return []
    version = (found.metadata or {}).get(b"knipsel.schema_version", b"")
    older = version.isdigit() and int(version) < SCHEMA_VERSION
    faults = [f"column {name} is none of the contract" for name in found.names if name not in expected.names]
    for field in expected:
        if field.name not in found.names:
            if not (older and field.nullable):
                faults.append(f"column {field.name} is missing")
        elif not found.field(field.name).equals(field):
            faults.append(f"column {_declared(found.field(field.name))}, not {_declared(field)}")
    return faults


def _declared(field: pa.Field) -> str:
    return f"{field.name}: {field.type}{'' if field.nullable else ' not null'}"


def _scan(parquet: pq.ParquetFile, run_id: str | None, file: StagedFile) -> tuple[Content, list[str]]:
    """Decode every page of a file, and so verify its checksum, and hold the rows against run and folder."""
    rows = 0
    ids, texts = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
    versions = [np.empty(0, np.int16)]
    codes: Counter[str] = Counter()
    days: set[dt.date] = set()
    runs: set[str] = set()
    many = parquet.metadata.num_rows > _BATCH_ROWS
    for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, use_threads=many):
        batch.validate(full=True)
        rows += batch.num_rows
        runs.update(pc.unique(batch["run_id"]).to_pylist())
        if file.table == "articles":
            days.update(pc.unique(batch["partition_date"]).to_pylist())
            ids.append(keys_of(batch["article_id"]))
            texts.append(keys_of(batch["content_hash"]))
            versions.append(batch["version"].to_numpy())
        else:
            codes.update(batch["code"].to_pylist())
    faults = [f"holds rows of run {run}" for run in sorted(runs - {run_id} if run_id else ())]
    faults += [f"holds rows of {day}" for day in sorted(days) if day.isoformat() != file.date]
    content = Content(rows, np.concatenate(ids), np.concatenate(texts), np.concatenate(versions), codes)
    return content, faults
