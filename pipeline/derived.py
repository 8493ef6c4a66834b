"""Files in ``_state`` that follow from the rest of a data set, each under the sha256 of its own bytes.

They are no part of what a commit decides, and spare work that can be done again: whoever wants one that is gone,
damaged or out of date passes it over and makes it anew. A kind of them is told by how their names begin.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa

from pipeline.states import STATE
from transforms.drop_known import INDEX_SUFFIX
from transforms.parquet import hash_file
from transforms.storage import Storage


def files(root: Path, kind: str = "") -> list[Path]:
    """Those of a kind, by default of all, and what interrupted processes left of some."""
    return sorted((root / STATE).glob(f"*{kind}-*{INDEX_SUFFIX}*"))


def is_whole(path: Path) -> bool:
    """Whether it has its final name and is what that says.

    Raises:
        OSError: it cannot be read.
    """
    kind, _, digest = path.stem.rpartition("-")
    return path.suffix == INDEX_SUFFIX and not kind.startswith(".") and hash_file(path) == digest


def write(root: Path, kind: str, table: pa.Table, storage: Storage) -> Path:
    """Write the one of its kind, and remove those before it.

    Raises:
        OSError: the disk failed.
    """
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    data = sink.getvalue().to_pybytes()
    path = root / STATE / f"{kind}-{hashlib.sha256(data).hexdigest()}{INDEX_SUFFIX}"
    storage.make_folders([path.parent])
    storage.write_file(path, data)
    for other in files(root, kind):
        if other != path:
            storage.unlink(other)
    return path
