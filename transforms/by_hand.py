"""The steps of the graph on elements that are at hand: what is to happen at one place, and all or nothing."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.transforms.window import GlobalWindow, TimestampedValue
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

_PLACE = {"timestamp": Timestamp(0), "window": GlobalWindow()}
"""For steps that ask where an element stands in time; whoever takes them by hand goes by the elements themselves."""


Fn = TypeVar("Fn", bound=beam.DoFn)


def set_up(fn: Fn) -> Fn:
    """The step, ready for bundles."""
    fn.setup()
    return fn


def bundle(fn: beam.DoFn, elements: Iterable[Any]) -> Iterator[tuple[str | None, Any]]:
    """What ``fn``, which is set up, makes of ``elements`` as one bundle: each output with its tag, ``None`` the main.

    An element is taken when the outputs of those before it are.
    """
    asked = {name: value for name, value in _PLACE.items() if name in inspect.signature(fn.process).parameters}
    fn.start_bundle()
    for element in elements:
        yield from map(_told, fn.process(element, **asked) or ())
    yield from map(_told, fn.finish_bundle() or ())


def _told(output: Any) -> tuple[str | None, Any]:
    tag = None
    if isinstance(output, pvalue.TaggedOutput):
        tag, output = output.tag, output.value
    if isinstance(output, TimestampedValue | WindowedValue):
        output = output.value
    return tag, output
