"""Records to finished drafts: the stages between reading and writing, here or in worker processes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.utils.windowed_value import WindowedValue

from schemas.record import Draft, Record
from schemas.reject import Reject
from transforms.nursery_process import loaded, packed
from transforms.pool import Pool, Workers
from transforms.stage import REJECTS, Chain, Stage, Stopwatch
from transforms.stage_times import spent

_FEW = 500
"""So many short texts are seen to here before worker processes are made for the others: at 3 to 5 milliseconds each
that takes as long as the processes need to begin."""

_SHORT_BYTES = 100_000
"""A text is short up to here. Pages are never seen to here: one that hangs must be ended, and this process not."""


class ApplyStages(beam.PTransform):
    """Records in; drafts that went through all stages and, under ``REJECTS``, dead letters out, in order.

    Args:
        stages: what is applied, in order. A dead letter names the stage at which it arose.
        workers: how many processes do it; with none it is done in the process of the engine.
    """

    def __init__(self, stages: Sequence[Stage], workers: Workers) -> None:
        super().__init__()
        self._names = " ".join(stage.name for stage in stages)
        self._fn = ApplyStagesFn(packed(stages), workers)

    def expand(self, records: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return records | self._names >> beam.ParDo(self._fn).with_outputs(REJECTS, main="drafts")


class ApplyStagesFn(beam.DoFn):
    """See ``ApplyStages``. Each result keeps the timestamp and the window of its record."""

    def __init__(self, stages: bytes, workers: Workers) -> None:
        self._stages = stages
        self._workers = workers

    def setup(self) -> None:
        self._chain: Chain | None = None
        self._pool = Pool(self._stages, self._workers)
        self._seen = 0
        self._seconds: dict[str, float] = {}
        self._watch = Stopwatch(self._seconds)

    def process(
        self, record: Record, timestamp: Any = beam.DoFn.TimestampParam, window: Any = beam.DoFn.WindowParam
    ) -> Iterator[WindowedValue | pvalue.TaggedOutput]:
        self._seen += 1
        few = self._seen <= _FEW and record.html is None and len(record.raw) <= _SHORT_BYTES
        done = self._here(record) if few or not self._workers.count else None
        for context, result in self._pool.put(record, (timestamp, window), done):
            yield _output(result, *context)

    def finish_bundle(self) -> Iterator[WindowedValue | pvalue.TaggedOutput]:
        for context, result in self._pool.drain():
            yield _output(result, *context)
        for seconds in (self._pool.seconds, self._seconds):
            spent(seconds)
            seconds.clear()

    def teardown(self) -> None:
        self._pool.close()

    def _here(self, record: Record) -> Draft | Reject:
        if self._chain is None:
            self._chain = loaded(self._stages)
        done: Draft | Reject = self._chain(record, self._entering)
        self._entering("")
        return done

    def _entering(self, stage: str) -> None:
        self._watch.enter(stage, time.monotonic())


def _output(result: Draft | Reject, timestamp: Any, window: Any) -> WindowedValue | pvalue.TaggedOutput:
    value = WindowedValue(result, timestamp, (window,))
    return pvalue.TaggedOutput(REJECTS, value) if isinstance(result, Reject) else value
