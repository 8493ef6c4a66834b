"""The files that a watch follows: which of them are new or have changed, and are whole."""

from __future__ import annotations

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pipeline.inputs import InputError
from schemas.record import SourceFile

STATE = "followed"
"""The key in the state of a data set."""

MOST_FILES = 200_000
"""So many files can be followed: what is remembered of them takes 2 MB of a state that each commit writes anew."""

_DIGEST_BYTES = 8
"""For each file: by chance one of 200,000 is taken for another once in a billion data sets."""

Stat = tuple[int, int]
"""Size in bytes, and the time of the last change in nanoseconds."""


def digest(path: str, stat: Stat) -> bytes:
    """By which a file as it is now is known again."""
    told = f"{os.path.abspath(path)}\0{stat[0]}\0{stat[1]}"  # noqa: PTH100 - without resolving links, as they are read
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()


def read_followed(state: Mapping[str, Any]) -> frozenset[bytes]:
    """The digests of the files that are done, from the state of a data set.

    Raises:
        ValueError: they are not what ``Folders.learned`` gives.
    """
    packed = b64decode(state.get(STATE, ""), validate=True)
    if len(packed) % _DIGEST_BYTES:
        raise ValueError("what it keeps of files that are followed cannot be read")
    return frozenset(packed[at : at + _DIGEST_BYTES] for at in range(0, len(packed), _DIGEST_BYTES))


class Folders:
    """Looks again and again at the files that there are.

    A file is read when its size and time of change have been the same for ``settle_seconds``. Who writes slower than
    that writes under a name that is not read, such as one with a dot in front, and renames.

    Args:
        find: gives the files.
        settle_seconds: see above.
        done: digests of those that need not be read.
    """

    def __init__(
        self, find: Callable[[], Sequence[SourceFile]], settle_seconds: float, done: Iterable[bytes] = ()
    ) -> None:
        self._find = find
        self._settle_seconds = settle_seconds
        self._done = frozenset(done)
        self._seen: dict[str, tuple[Stat, float]] = {}
        self.unsettled = False

    def look(self, now: float) -> list[SourceFile]:
        """The files that are to be read, those that have waited longest first.

        Args:
            now: the moment, on a clock that never goes back, in seconds.

        Raises:
            InputError: a folder cannot be listed, or there are more than ``MOST_FILES``.
        """
        files = self._find()
        if len(files) > MOST_FILES:
            raise InputError(
                f"{len(files):,} files to follow, more than {MOST_FILES:,}; move what was read long ago elsewhere"
            )
        seen: dict[str, tuple[Stat, float]] = {}
        ready: list[tuple[int, str, SourceFile]] = []
        self.unsettled = False
        for file in files:
            try:
                found = os.stat(file.path)  # noqa: PTH116 - a quarter of the time, for each file at each look
            except OSError:
                # It has gone meanwhile, or is a link to nothing: perhaps it comes yet.
                continue
            stat = (found.st_size, found.st_mtime_ns)
            before = self._seen.get(file.path)
            since = before[1] if before is not None and before[0] == stat else now
            seen[file.path] = (stat, since)
            if digest(file.path, stat) in self._done:
                continue
            if now - since >= self._settle_seconds:
                ready.append((stat[1], file.path, file))
            else:
                self.unsettled = True
        self._seen = seen
        return [file for _, _, file in sorted(ready, key=lambda one: one[:2])]

    def learned(self, read: Sequence[SourceFile]) -> dict[str, str]:
        """What the state is to keep once the files ``read`` are done, as they were at the last look.

        Files that are no longer there are forgotten.
        """
        if not read:
            return {}
        there = {digest(path, stat) for path, (stat, _) in self._seen.items()}
        done = {digest(file.path, self._seen[file.path][0]) for file in read if file.path in self._seen}
        self._done = frozenset((self._done & there) | done)
        return {STATE: b64encode(b"".join(sorted(self._done))).decode()}
