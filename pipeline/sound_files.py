"""What ``knipsel verify`` remembers: of each file that it found sound, what it holds.

To decode a file's pages takes many times as long as to compute its sha256, and the same bytes can only decode to the
same rows. So bytes that an equal check found sound are not decoded again; whether they are still the same is asked of
the file itself every time. The memory lies in ``_state`` under its own sha256. One that is damaged, or was left by
another version of the check, says nothing.
"""

from __future__ import annotations

import datetime as dt
import itertools
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline import derived
from pipeline.file_check import Content, Mark, Sound, check_version
from pipeline.states import STATE
from pipeline.verify import Verified, is_written_to, verify
from transforms.storage import DISK, Storage

KIND = "sound"
_CHECK = b"knipsel.check"
_ARRAYS = ("ids", "texts", "versions")
_KEYS = pa.large_list(pa.field("item", pa.uint64(), nullable=False))
_SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("run_id", pa.string()),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("codes", pa.map_(pa.string(), pa.int64()), nullable=False),
        pa.field("ids", _KEYS, nullable=False),
        pa.field("texts", _KEYS, nullable=False),
        pa.field("versions", pa.large_list(pa.field("item", pa.int16(), nullable=False)), nullable=False),
    ]
)

_LOGGER = logging.getLogger(__name__)


def verify_and_remember(
    root: Path, since: str | dt.date | None = None, *, full: bool = False, storage: Storage = DISK
) -> Verified:
    """``verify``, by what is remembered; what it finds sound is remembered in its turn.

    Args:
        root: of the data set.
        since: as ``verify`` has it.
        full: decode all files, whatever is remembered.
        storage: the disk.

    Raises:
        RootError: there is no folder ``root``.
        LedgerError: no run is meant by ``since``.
        OSError: the disk failed while it was read.
    """
    before = {} if full else load(root)
    sound = dict(before)
    found = verify(root, since, sound)
    if sound.keys() != before.keys():
        _save(root, sound, found, storage)
    return found


def load(root: Path) -> Sound:
    """What is remembered; nothing where there is no memory that is whole and of an equal check."""
    for path in derived.files(root, KIND):
        try:
            if derived.is_whole(path):
                with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
                    if (reader.schema.metadata or {}).get(_CHECK) == check_version().encode():
                        return dict(_contents(reader.read_all()))
        except (OSError, pa.ArrowException) as err:
            _LOGGER.warning("%s: cannot be read, so files are decoded again: %s", path, err)
    return {}


def _save(root: Path, sound: Sound, found: Verified, storage: Storage) -> None:
    """Leave what is remembered to the next; what cannot be left is found out anew.

    While another process writes to the data set nothing is left: it may be erasing what the files held. A folder of
    states is not made either, for who checks may be another user than who writes.
    """
    if not (root / STATE).is_dir():
        return
    try:
        if is_written_to(root, found):
            return
        path = derived.write(root, KIND, _table(sound), storage)
        if is_written_to(root, found):
            storage.unlink(path)
    except OSError as err:
        _LOGGER.warning("%s: what was found sound could not be noted down: %s", root / STATE, err)


def _table(sound: Sound) -> pa.Table:
    marks = sorted(sound, key=lambda mark: (mark.path, mark.sha256, mark.run_id or ""))
    each = [sound[mark] for mark in marks]
    columns = [
        *([getattr(mark, name) for mark in marks] for name in Mark._fields),
        [content.rows for content in each],
        [sorted(content.codes.items()) for content in each],
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, _SCHEMA, strict=False)]
    for name in _ARRAYS:
        parts: list[NDArray[Any]] = [getattr(content, name) for content in each]
        ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        kind = _SCHEMA.field(name).type
        values = pa.array(np.concatenate(parts), kind.value_type) if parts else pa.array([], kind.value_type)
        arrays.append(pa.LargeListArray.from_arrays(pa.array(ends), values, type=kind))
    schema = _SCHEMA.with_metadata({_CHECK: check_version().encode()})
    return pa.Table.from_arrays(arrays, schema=schema)


def _contents(table: pa.Table) -> Iterator[tuple[Mark, Content]]:
    plain = [table[name].to_pylist() for name in (*Mark._fields, "rows", "codes")]
    lists = [_slices(table[name].combine_chunks()) for name in _ARRAYS]
    for path, sha256, run_id, rows, codes, ids, texts, versions in zip(*plain, *lists, strict=True):
        yield Mark(path, sha256, run_id), Content(rows, ids, texts, versions, Counter(dict(codes)))


def _slices(lists: pa.LargeListArray) -> Sequence[NDArray[Any]]:
    """The values of each list, without a copy."""
    values = lists.values.to_numpy()
    ends = lists.offsets.to_numpy()
    return [values[first:last] for first, last in itertools.pairwise(ends)]
