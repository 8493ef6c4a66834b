"""The books of a run: how many inputs were read, and how each of them ended."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import apache_beam as beam

from schemas.article import Article
from schemas.feed import HostMemory, PageRequest, Poll
from schemas.record import Left
from schemas.reject import FILTERED, Reject
from transforms.core.clutter.recurring import Tally
from transforms.core.near_duplicates import Entry
from transforms.core.outlet_figures import OutletFigures, added, figured
from transforms.parquet import StagedFile

READ = "read"
DUPLICATE = "duplicate"


@dataclass(slots=True)
class Outcome:
    """What a run came to: its staged files, and the tallies of its books.

    ``read`` is counted where records are read, everything else where they end; that both agree is what the books
    are for. ``reasons`` counts the dead letters by code. ``tallies`` is what the lines of new articles came to, by
    ``source_id``. ``left`` are the files that were not read to their end, each with how far. ``polls`` is how each
    poll of a feed ended, ``later`` the pages that are asked for in a later run, ``hosts`` what was learned of hosts.
    ``figures`` is what new articles and dead letters come to, by ``source_id``.
    """

    files: list[StagedFile] = field(default_factory=list)
    read: int = 0
    duplicate: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    tallies: dict[str, Tally] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    polls: list[Poll] = field(default_factory=list)
    later: list[PageRequest] = field(default_factory=list)
    hosts: dict[str, HostMemory] = field(default_factory=dict)
    clustered: list[Entry] = field(default_factory=list)
    figures: dict[str, OutletFigures] = field(default_factory=dict)

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
    """One ``Outcome`` out of all that a run has to count: a dict in, whose keys tell what the collections hold.

    These are staged ``files``, ``records`` and ``unread`` inputs, the ``rejects`` of all stages, ``duplicates`` that
    were read, ``known`` ones that nobody had to read, new ``articles``, ``tallies``, and what is in ``NOTED``.
    """

    def expand(self, inputs: Mapping[str, beam.PCollection]) -> beam.PCollection:
        notes = [part | f"Count {name}" >> beam.FlatMap(_counting(name)) for name, part in inputs.items()]
        return notes | beam.Flatten() | beam.CombineGlobally(_Tally())


def outcome_of(inputs: Mapping[str, Iterable[Any]]) -> Outcome:
    """The same of inputs that are at hand."""
    outcome, tally = Outcome(), _Tally()
    for name, part in inputs.items():
        for one in part:
            for note in _counting(name)(one):
                outcome = tally.add_input(outcome, note)
    return outcome


NOTED = ("files", "left", "polls", "later", "clustered")
"""What an ``Outcome`` lists as it came."""


def _counting(name: str) -> Callable[[Any], Iterable[tuple[str, Any]]]:
    """What of the input called ``name`` is noted of each."""
    return _COUNTS.get(name, partial(_noted, name))


def _noted(name: str, value: Any) -> tuple[tuple[str, Any]]:
    return ((name, value),)


def _figures(item: Article | Reject) -> Iterator[tuple[str, Any]]:
    found = figured(item)
    if found is not None:
        yield "figures", found


_COUNTS: dict[str, Callable[[Any], Iterable[tuple[str, Any]]]] = {
    "records": lambda _: ((READ, 1),),
    "unread": lambda _: ((READ, 1),),
    "known": lambda _: ((READ, 1), (DUPLICATE, 1)),
    "duplicates": lambda _: ((DUPLICATE, 1),),
    "articles": _figures,
    "rejects": lambda reject: (("reasons", str(reject.code)), *_figures(reject)),
}


def newer(one: Mapping[str, HostMemory], other: Mapping[str, HostMemory]) -> dict[str, HostMemory]:
    """What is known of all the hosts, of each what was learned last."""
    merged = dict(one)
    for name, memory in other.items():
        held = merged.get(name)
        if held is None or _moment(held) <= _moment(memory):
            merged[name] = memory
    return merged


def _moment(memory: HostMemory) -> dt.datetime:
    return memory.asked_at or dt.datetime.min.replace(tzinfo=dt.UTC)


class _Tally(beam.CombineFn):
    """Adds notes up in each worker before anything is shuffled."""

    def create_accumulator(self) -> Outcome:
        return Outcome()

    def add_input(self, outcome: Outcome, note: tuple[str, Any]) -> Outcome:
        what, value = note
        if what == READ:
            outcome.read += value
        elif what == DUPLICATE:
            outcome.duplicate += value
        elif what == "reasons":
            outcome.reasons[value] += 1
        elif what in NOTED:
            getattr(outcome, what).append(value)
        elif what == "tallies":
            outcome.tallies |= [value]
        elif what == "figures":
            source_id, one = value
            held = outcome.figures.get(source_id)
            outcome.figures[source_id] = one if held is None else held + one
        else:
            outcome.hosts = newer(outcome.hosts, dict([value]))
        return outcome

    def merge_accumulators(self, outcomes: Iterable[Outcome]) -> Outcome:
        merged = Outcome()
        for outcome in outcomes:
            merged.read += outcome.read
            merged.duplicate += outcome.duplicate
            merged.reasons += outcome.reasons
            merged.tallies |= outcome.tallies
            merged.hosts = newer(merged.hosts, outcome.hosts)
            merged.figures = added(merged.figures, outcome.figures)
            for name in NOTED:
                getattr(merged, name).extend(getattr(outcome, name))
        return merged

    def extract_output(self, outcome: Outcome) -> Outcome:
        return outcome
