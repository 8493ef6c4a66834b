"""An index of the texts that a data set holds, so that a run need not open every file that was ever written.

It lies in ``_state`` under the sha256 of its own bytes and names the files that it covers. It is no part of what a
commit decides: it follows from those files, is made anew where one of them is gone or another, and may be deleted at
any time while no run is under way.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline import derived
from pipeline.file_check import Content
from pipeline.ledger import STATE, Ledger
from transforms.core.known_texts import COLUMNS, KnownTexts
from transforms.drop_known import INDEX_SUFFIX, read_index
from transforms.parquet import read_rows
from transforms.storage import DISK, Storage

KIND = "known"
_COVERS = b"knipsel.covers"

MOST_BESIDE = 100
"""So many files may lie beside the index before it is made anew. Opening one takes a millisecond, and so the start of
a run a tenth of a second; an index of ten million texts takes seconds to make, once in a month of nights."""

_LOGGER = logging.getLogger(__name__)


def known_files(ledger: Ledger, storage: Storage = DISK) -> list[str]:
    """The paths from which ``read_known`` learns all that the data set holds: an index, and files that it lacks.

    Makes the index anew where too many files lie beside it; the ledger must hold the root.

    Raises:
        LedgerError: an entry of the log is missing or damaged.
        OSError: a file of articles is missing or damaged.
    """
    root = ledger.root
    held = {mark(file.path, file.added_at): str(root / file.path) for file in ledger.files()}
    index, covered = _current(root, held)
    beside = [path for mark, path in held.items() if mark not in covered]
    if len(beside) > MOST_BESIDE:
        try:
            index = write_index(root, index, beside, list(held), storage)
        except OSError as err:
            # The run can do without.
            _LOGGER.warning("%s: no index of what is known could be written: %s", root / STATE, err)
        else:
            beside = []
    return [*([str(index)] if index else []), *beside]


def faults(root: Path, contents: Mapping[str, Content]) -> Iterator[str]:
    """What is wrong with the index.

    Args:
        root: of the data set.
        contents: what the files of articles hold, by mark. Where all that the index covers were read, they agree; one
            that covers others as well is out of date.
    """
    for path in derived.files(root, KIND):
        try:
            if path.suffix == INDEX_SUFFIX and not derived.is_whole(path):
                yield f"{path}: damaged (sha256); --repair removes it, and the next run makes it anew"
            elif path.suffix == INDEX_SUFFIX and not _agrees(path, contents):
                yield f"{path}: is not what the files hold; --repair removes it, and the next run makes it anew"
        except FileNotFoundError:
            # A run that began meanwhile has put another in its place.
            continue


def _agrees(path: Path, contents: Mapping[str, Content]) -> bool:
    covered = _covers(path)
    if not all(file in contents for file in covered):
        return True
    each = [contents[file] for file in covered]
    parts = [KnownTexts(content.ids, content.texts, content.versions) for content in each]
    return _same(KnownTexts.merged(parts), read_index(path))


def _current(root: Path, held: Mapping[str, str]) -> tuple[Path | None, frozenset[str]]:
    """The index, if it is sound and all that it covers is held still, with what it covers."""
    for path in derived.files(root, KIND):
        if derived.is_whole(path):
            covered = frozenset(_covers(path))
            if covered <= held.keys():
                return path, covered
    return None, frozenset()


def write_index(root: Path, index: Path | None, beside: list[str], marks: list[str], storage: Storage = DISK) -> Path:
    """Write an index anew and remove the one before.

    Args:
        root: of the data set.
        index: the one before, if it is sound.
        beside: paths of the files that it lacks.
        marks: what the new one covers.
        storage: the disk.

    Raises:
        OSError: a file is missing or damaged, or the disk failed.
    """
    new = KnownTexts.of_articles(read_rows(Path(path), COLUMNS) for path in beside)
    table = (KnownTexts.merged([read_index(index), new]) if index else new).as_table()
    told = json.dumps(marks, separators=(",", ":")).encode()
    table = table.replace_schema_metadata({**table.schema.metadata, _COVERS: told})
    return derived.write(root, KIND, table, storage)


def mark(path: str, added_at: int) -> str:
    """A file as the index names it; one that was put in its place, at another moment, is another."""
    return f"{path}@{added_at}"


def _covers(path: Path) -> list[str]:
    with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
        found: list[str] = json.loads(reader.schema.metadata[_COVERS])
        return found


def _same(one: KnownTexts, other: KnownTexts) -> bool:
    if len(one) != len(other):
        return False
    orders = [np.lexsort((part.versions, part.texts, part.ids)) for part in (one, other)]
    pairs = ((one.ids, other.ids), (one.texts, other.texts), (one.versions, other.versions))
    return all(np.array_equal(ours[orders[0]], theirs[orders[1]]) for ours, theirs in pairs)
