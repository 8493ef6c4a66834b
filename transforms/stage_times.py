"""The time that the stages take, as metrics of the engine: whatever runs the graph gathers and shows them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.runners.runner import PipelineResult

NAMESPACE = "knipsel.stage_microseconds"


def spent(seconds: Mapping[str, float]) -> None:
    """Count the ``seconds`` that each stage took; within a DoFn."""
    for stage, value in seconds.items():
        Metrics.counter(NAMESPACE, stage).inc(round(value * 1e6))


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Count what is done meanwhile as time of ``stage``; within a DoFn."""
    begun = time.monotonic()
    try:
        yield
    finally:
        spent({stage: time.monotonic() - begun})


def stage_seconds(result: PipelineResult) -> dict[str, float]:
    """The seconds that each stage took in a run, of all processes together; empty on an engine without metrics."""
    try:
        counters = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    except NotImplementedError:
        return {}
    found: dict[str, float] = {}
    for counter in counters:
        name = counter.key.metric.name
        found[name] = found.get(name, 0.0) + counter.result / 1e6
    return found
