"""Changes to a data set that no run made, and the seal that every entry of the log bears."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

UPKEEP = "knipsel-upkeep"
"""Under this key it stands in the ``commitInfo`` of an entry."""

UNSEALED = "0" * 64
"""What stands in an entry in the place of its sha256 while that is computed."""

_SEAL = re.compile(rb'"entry_sha256":"([0-9a-f]{64})"')
"""Within a string of JSON the quotes would be escaped, so nothing else in an entry looks like it."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """Files taken out of the data set without a run.

    Attributes:
        operation: why, in a word, such as ``quarantine``.
        committed_at: milliseconds since 1970, UTC.
        removed: paths below the root, of both tables; their rows count as never written.
    """

    operation: str
    committed_at: int
    removed: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The change as JSON takes it."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What ``as_json`` gave.

        Raises:
            ValueError: it is none.
        """
        try:
            return cls(**{**found, "removed": tuple(found["removed"])})
        except (KeyError, TypeError) as err:
            raise ValueError(f"no record of upkeep: {err}") from err


def seal(data: bytes) -> bytes:
    """An entry of the log with the sha256 of itself, its place for that filled with zeros, in this place.

    Any bit that changes afterwards shows; the file system promises no such thing.
    """
    opened = _SEAL.sub(f'"entry_sha256":"{UNSEALED}"'.encode(), data, count=1)
    digest = hashlib.sha256(opened).hexdigest()
    return _SEAL.sub(f'"entry_sha256":"{digest}"'.encode(), opened, count=1)


def is_sealed(data: bytes) -> bool:
    """Whether an entry has a seal; those that earlier versions of the program wrote have none.

    Raises:
        ValueError: it has one that is not its own.
    """
    found = _SEAL.search(data)
    if found is not None and seal(data) != data:
        raise ValueError("its sha256 is another")
    return found is not None


def sealed_lines(actions: Sequence[Mapping[str, Any]]) -> bytes:
    """The bytes of an entry with these actions, sealed."""
    return seal(b"".join(json.dumps(action, separators=(",", ":")).encode() + b"\n" for action in actions))


def upkeep_entry(upkeep: Upkeep, sizes: Mapping[str, int]) -> bytes:
    """The bytes of the entry that takes files out.

    Args:
        upkeep: which.
        sizes: the length of each file of articles among them, as the log states it.
    """
    info = {
        "timestamp": upkeep.committed_at,
        "operation": upkeep.operation.upper(),
        "operationParameters": {},
        "isBlindAppend": False,
        UPKEEP: {**upkeep.as_json(), "entry_sha256": UNSEALED},
    }
    removes = [
        {
            "path": path,
            "deletionTimestamp": upkeep.committed_at,
            "dataChange": True,
            "extendedFileMetadata": True,
            "partitionValues": {"date": path.split("/")[1].removeprefix("date=")},
            "size": size,
        }
        for path, size in sorted(sizes.items())
    ]
    return sealed_lines([{"commitInfo": info}, *({"remove": remove} for remove in removes)])
