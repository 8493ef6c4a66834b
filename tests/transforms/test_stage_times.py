from __future__ import annotations

import time
from collections.abc import Iterator

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from transforms.stage import Stopwatch
from transforms.stage_times import spent, stage_seconds, timed


class Work(beam.DoFn):
    def process(self, element: int) -> Iterator[int]:
        with timed("sleep"):
            time.sleep(0.01)
        spent({"counted": 1.5, "other": 0.25})
        yield element


def test_what_every_bundle_took_is_added_up() -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        _ = pipeline | beam.Create([1, 2, 3, 4]) | beam.ParDo(Work())
    found = stage_seconds(pipeline.result)
    assert (found["counted"], found["other"]) == (6.0, 1.0)
    assert found["sleep"] >= 0.04


def test_a_stopwatch_gives_each_stage_its_time() -> None:
    seconds: dict[str, float] = {}
    watch = Stopwatch(seconds)
    for stage, at in (("extract", 1.0), ("strip", 3.0), ("", 3.5), ("extract", 10.0), ("", 11.0)):
        watch.enter(stage, at)
        assert watch.stage == stage
    assert seconds == {"extract": pytest.approx(3.0), "strip": pytest.approx(0.5)}
