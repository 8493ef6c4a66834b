"""Which texts are held under which id, as sorted arrays of keys: 18 bytes a text, and a binary search to ask."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from transforms.core.keys import keys_of

COLUMNS = ("article_id", "content_hash", "version")
"""The columns of ``articles`` that tell."""

SCHEMA: pa.Schema = pa.schema(
    [
        pa.field("article_id", pa.uint64(), nullable=False),
        pa.field("content_hash", pa.uint64(), nullable=False),
        pa.field("version", pa.int16(), nullable=False),
    ],
    metadata={"knipsel.table": "known"},
)


@dataclass(frozen=True, slots=True, eq=False)
class KnownTexts:
    """One text an element: the keys of its id and of its content hash, its version; in the order of the ids."""

    ids: NDArray[np.uint64]
    texts: NDArray[np.uint64]
    versions: NDArray[np.int16]

    @classmethod
    def of_articles(cls, tables: Iterable[pa.Table]) -> Self:
        """What these tables hold, which have the columns ``COLUMNS`` of ``articles``."""
        ids, texts = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
        versions = [np.empty(0, np.int16)]
        for table in tables:
            for batch in table.to_batches():
                ids.append(keys_of(batch["article_id"]))
                texts.append(keys_of(batch["content_hash"]))
                versions.append(batch["version"].to_numpy())
        return cls._ordered(np.concatenate(ids), np.concatenate(texts), np.concatenate(versions))

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """All that the parts hold."""
        each = list(parts)
        return cls._ordered(
            np.concatenate([part.ids for part in each]),
            np.concatenate([part.texts for part in each]),
            np.concatenate([part.versions for part in each]),
        )

    @classmethod
    def _ordered(cls, ids: NDArray[np.uint64], texts: NDArray[np.uint64], versions: NDArray[np.int16]) -> Self:
        # A stable sort makes use of what is in order already, as all but the newest texts are.
        order = np.argsort(ids, kind="stable")
        return cls(ids[order], texts[order], versions[order])

    @classmethod
    def of_table(cls, table: pa.Table) -> Self:
        """What ``as_table`` gave, without a copy where it is in one piece."""
        return cls(*(_in_one_piece(table[name]) for name in COLUMNS))

    def as_table(self) -> pa.Table:
        """The arrays as columns."""
        return pa.Table.from_arrays([pa.array(part) for part in (self.ids, self.texts, self.versions)], schema=SCHEMA)

    def __len__(self) -> int:
        """How many texts are held."""
        return len(self.ids)

    def under(self, key: int) -> tuple[NDArray[np.uint64], NDArray[np.int16]]:
        """The texts that are held under the id with this key, and their versions."""
        wanted = np.uint64(key)
        first = int(self.ids.searchsorted(wanted, "left"))
        last = int(self.ids.searchsorted(wanted, "right"))
        return self.texts[first:last], self.versions[first:last]


def _in_one_piece(column: pa.ChunkedArray) -> NDArray[Any]:
    # To combine a single chunk would copy it, and memory that is mapped would be held twice.
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    values: NDArray[Any] = whole.to_numpy(zero_copy_only=False)
    return values
