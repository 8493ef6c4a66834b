"""The books of a run: how many inputs were read, and how each of them ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam

from schemas.record import Left
from schemas.reject import FILTERED
from transforms.core.clutter.recurring import Tally

READ = "read"
DUPLICATE = "duplicate"


@dataclass(slots=True)
class Outcome:
    """What a run came to: its staged files, and the tallies of its books.

    ``read`` is counted where records are read, everything else where they end; that both agree is what the books
    are for. ``reasons`` counts the dead letters by code. ``tallies`` is what the lines of new articles came to, by
    ``source_id``. ``left`` are the files that were not read to their end, each with how far.
    """

    files: list[Any] = field(default_factory=list)
    read: int = 0
    duplicate: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    tallies: dict[str, Tally] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)

    @property
    def written(self) -> int:
        """Rows in the staged files of articles."""
        return sum(file.rows for file in self.files if file.table == "articles")

    @property
    def filtered(self) -> int:
        """Inputs that were left out on purpose."""
        return sum(n for code, n in self.reasons.items() if code in FILTERED)

    @property
    def rejected(self) -> int:
        """Inputs that could not become an article."""
        return sum(n for code, n in self.reasons.items() if code not in FILTERED)


class KeepBooks(beam.PTransform):
    """One ``Outcome`` out of all that a run has to count.

    In: staged files, records, unreadable inputs, all dead letters, duplicates, tallies, and files left unfinished.
    """

    def expand(self, inputs: tuple[beam.PCollection, ...]) -> beam.PCollection:
        files, records, unread, rejects, duplicates, tallies, cursors = inputs
        notes = (
            files | "Files" >> beam.Map(lambda file: ("file", file)),
            records | "Records" >> beam.Map(lambda _: (READ, None)),
            unread | "Unread" >> beam.Map(lambda _: (READ, None)),
            rejects | "Codes" >> beam.Map(lambda reject: ("code", str(reject.code))),
            duplicates | "Duplicates" >> beam.Map(lambda _: (DUPLICATE, None)),
            tallies | "Tallies" >> beam.Map(lambda tally: ("tally", tally)),
            cursors | "Cursors" >> beam.Map(lambda left: ("left", left)),
        )
        return notes | beam.Flatten() | beam.CombineGlobally(_Tally())


class _Tally(beam.CombineFn):
    """Adds notes up in each worker before anything is shuffled."""

    def create_accumulator(self) -> Outcome:
        return Outcome()

    def add_input(self, outcome: Outcome, note: tuple[str, Any]) -> Outcome:
        what, value = note
        if what == "file":
            outcome.files.append(value)
        elif what == READ:
            outcome.read += 1
        elif what == DUPLICATE:
            outcome.duplicate += 1
        elif what == "left":
            outcome.left.append(value)
        elif what == "tally":
            source_id, tally = value
            outcome.tallies[source_id] = tally
        else:
            outcome.reasons[value] += 1
        return outcome

    def merge_accumulators(self, outcomes: Iterable[Outcome]) -> Outcome:
        merged = Outcome()
        for outcome in outcomes:
            merged.files += outcome.files
            merged.read += outcome.read
            merged.duplicate += outcome.duplicate
            merged.reasons += outcome.reasons
            merged.tallies |= outcome.tallies
            merged.left += outcome.left
        return merged

    def extract_output(self, outcome: Outcome) -> Outcome:
        return outcome
