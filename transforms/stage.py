"""The one mechanism by which a pure function becomes a stage of the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam import pvalue

from schemas.record import Draft, Record
from schemas.reject import Reason, Refused

REJECTS = "rejects"
"""The tag of every stage's second output: dead letters."""


class StageFn(beam.DoFn):
    """Applies a function to each record or draft; what it refuses, or fails on, becomes a dead letter.

    Args:
        name: the stage as it stands in the dead letters.
        load: makes the function; called once per worker, so that heavy things load there.
        fault: the code for an error that the function does not know.
    """

    def __init__(self, name: str, load: Callable[[], Callable[[Any], Draft]], fault: Reason) -> None:
        self._name = name
        self._load = load
        self._fault = fault

    def setup(self) -> None:
        self._apply = self._load()

    def process(self, element: Record | Draft) -> Iterator[Draft | pvalue.TaggedOutput]:
        try:
            yield self._apply(element)
        except Refused as refusal:
            letter = element.dead_letter(self._name, refusal.reason, refusal.message)
            yield pvalue.TaggedOutput(REJECTS, letter)
        except Exception as fault:
            # One article must not end the run. A fault that is in the program and not in the article shows as the
            # share of rejects, which the settings bound.
            letter = element.dead_letter(self._name, self._fault, f"{type(fault).__name__}: {fault}"[:500])
            yield pvalue.TaggedOutput(REJECTS, letter)


class StageTransform(beam.PTransform):
    """A stage: records or drafts in; drafts and, under ``REJECTS``, dead letters out. See ``StageFn``."""

    def __init__(
        self, name: str, load: Callable[[], Callable[[Any], Draft]], fault: Reason = Reason.STAGE_ERROR
    ) -> None:
        super().__init__()
        self._name = name
        self._fn = StageFn(name, load, fault)

    def expand(self, elements: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return elements | self._name >> beam.ParDo(self._fn).with_outputs(REJECTS, main="drafts")
