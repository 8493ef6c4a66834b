"""Inputs of any size as batches of bounded size, and what a later run needs to go on where one was interrupted.

A batch is one run: it is read, cleaned and committed as a whole. What a batch may hold is counted on disk; of files
with many records (JSON lines, WARC) a part may be enough, and the reader says where it left them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from pipeline.deltalog import Counts
from schemas.feed import FeedSource, PageRequest
from schemas.record import Cursor, InputKind, Left, SourceFile

JOB = "job"
"""The key in the state of a data set under which it says how far an unfinished job has come."""

_MANY = frozenset({InputKind.JSONL, InputKind.WARC})
"""Files that may be read in parts."""

NOTHING = Counts(0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a job is: all files before number ``upcoming`` are read, but for what is left of the ``begun`` ones."""

    upcoming: int = 0
    begun: tuple[tuple[int, Cursor], ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What one run reads and fetches; ``upcoming`` is the number of the first file behind that."""

    files: tuple[SourceFile, ...]
    upcoming: int
    feeds: tuple[FeedSource, ...] = ()
    pages: tuple[PageRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """What the committed batches of a job came to: how far they are, and their books, added up."""

    position: Position = Position()
    counts: Counts = NOTHING
    batches: int = 0

    def as_json(self, name: str) -> dict[str, Any]:
        """What the state keeps of the job called ``name``."""
        return {
            "name": name,
            "upcoming": self.position.upcoming,
            "begun": [[number, asdict(cursor)] for number, cursor in self.position.begun],
            "counts": asdict(self.counts),
            "batches": self.batches,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What ``as_json`` gave.

        Raises:
            ValueError: it is not of this shape.
        """
        try:
            begun = tuple((int(number), Cursor(**cursor)) for number, cursor in found["begun"])
            return cls(Position(int(found["upcoming"]), begun), Counts(**found["counts"]), int(found["batches"]))
        except (KeyError, TypeError, AttributeError) as fault:
            raise ValueError(f"what it keeps of an interrupted job cannot be read: {fault!r}") from fault

    def with_batch(self, position: Position, counts: Counts) -> Self:
        """The job with one more batch done."""
        return replace(self, position=position, counts=added((self.counts, counts)), batches=self.batches + 1)


class Backlog:
    """The files of a job in order, with their sizes on disk, and the name by which the job is known again.

    The name changes when a file is another, longer, shorter or newer, and when settings or rules are others.

    Args:
        files: what is to be read.
        hashes: of everything else that the outcome depends on.
    """

    def __init__(self, files: Sequence[SourceFile], hashes: Sequence[str]) -> None:
        self.files = tuple(files)
        stats = [_stat(file.path) for file in files]
        self.sizes = tuple(size for size, _ in stats)
        facts = [repr((str(f.kind), f.path, f.record, f.outlet, f.lenient, str(f.text))) for f in files]
        told = "\n".join([*hashes, *map(repr, zip(facts, stats, strict=True))])
        self.name = hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def total_bytes(self) -> int:
        """Of all files, on disk."""
        return sum(self.sizes)

    def bytes_before(self, position: Position) -> int:
        """How much of all files lies before ``position``, as near as is known."""
        left = sum(self.sizes[number] - cursor.disk_bytes for number, cursor in position.begun)
        return sum(self.sizes[: position.upcoming]) - left

    def next_batch(self, at: Position, *, most_bytes: int, most_records: int) -> Batch:
        """The files to be read next: what was left of those begun, then as many more as there is room for.

        Args:
            at: how far the job is.
            most_bytes: on disk; one file alone may be larger, of files with many records a part is taken.
            most_records: of files that are one record each, or of any one file with many.
        """
        taken: list[SourceFile] = []
        upcoming, room = at.upcoming, most_bytes
        for number, cursor in self._rest(at):
            file, size = self.files[number], self.sizes[number] - cursor.disk_bytes
            # What was begun goes first, all of it: the position knows no order among files begun and not begun.
            if taken and number >= at.upcoming and (size > room or len(taken) >= most_records):
                break
            if file.kind in _MANY:
                file = replace(file, start=cursor, most_bytes=most_bytes, most_records=most_records)
            taken.append(file)
            upcoming, room = max(upcoming, number + 1), room - size
        return Batch(tuple(taken), upcoming)

    def _rest(self, at: Position) -> Iterator[tuple[int, Cursor]]:
        yield from at.begun
        for number in range(at.upcoming, len(self.files)):
            yield number, Cursor()

    def behind(self, batch: Batch, left: Iterable[Left]) -> Position:
        """How far the job is once ``batch`` is done, but for what it ``left``."""
        numbers = {file.path: number for number, file in enumerate(self.files[: batch.upcoming])}
        return Position(batch.upcoming, tuple(sorted((numbers[one.path], one.cursor) for one in left)))

    def read(self, position: Position) -> tuple[SourceFile, ...]:
        """The files that are read to their end once the job is at ``position``."""
        begun = {number for number, _ in position.begun}
        return tuple(file for number, file in enumerate(self.files[: position.upcoming]) if number not in begun)

    def is_done(self, position: Position) -> bool:
        """Whether nothing is left behind ``position``."""
        return position == Position(len(self.files))


def added(books: Iterable[Counts]) -> Counts:
    """Several books as one."""
    total = NOTHING
    for one in books:
        codes = sorted({*total.reasons, *one.reasons})
        total = Counts(
            read=total.read + one.read,
            written=total.written + one.written,
            duplicate=total.duplicate + one.duplicate,
            filtered=total.filtered + one.filtered,
            rejected=total.rejected + one.rejected,
            reasons={code: total.reasons.get(code, 0) + one.reasons.get(code, 0) for code in codes},
        )
    return total


def _stat(path: str) -> tuple[int, int]:
    """Size and time of change; what cannot be looked at will be rejected when it is read."""
    try:
        found = Path(path).stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns
