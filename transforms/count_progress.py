"""Counters for whoever watches a run in the same process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam.utils.shared import Shared


class Progress:
    """How far a run is. On an engine with workers elsewhere the counters stay at zero here."""

    def __init__(self) -> None:
        self.files_total = 0
        self.files = 0
        self.articles = 0


class CountProgress(beam.PTransform):
    """Hands every element on and counts it.

    Args:
        what: the counter, ``files`` or ``articles``.
        shared: the handle by which the watcher has acquired the same ``Progress``.
    """

    def __init__(self, what: str, shared: Shared) -> None:
        super().__init__()
        self._fn = CountProgressFn(what, shared)

    def expand(self, elements: beam.PCollection) -> beam.PCollection:
        return elements | beam.ParDo(self._fn)


class CountProgressFn(beam.DoFn):
    """See ``CountProgress``."""

    def __init__(self, what: str, shared: Shared) -> None:
        self._what = what
        self._shared = shared

    def setup(self) -> None:
        self._progress = self._shared.acquire(Progress)

    def process(self, element: Any) -> Iterator[Any]:
        setattr(self._progress, self._what, getattr(self._progress, self._what) + 1)
        yield element
