"""How long articles take from their publication to the commit that brings them: median and 95th percentile."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LEAST_SECONDS = 0.1
_STEP = math.log(1.05)
"""Buckets grow by a twentieth, so a quantile is right to some 2.5 %, and a week is told by 300 numbers."""

_HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of how many articles, and their median and 95th percentile in seconds; ``None`` where there are none."""

    articles: int
    median: float | None
    p95: float | None

    def as_json(self) -> dict[str, float | int | None]:
        """As a JSON object."""
        return {"articles": self.articles, "median_seconds": self.median, "p95_seconds": self.p95}


class Histogram:
    """Durations, counted by how long they are."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: Iterable[float]) -> None:
        """Count these."""
        self._buckets.update(round(math.log(max(one, _LEAST_SECONDS) / _LEAST_SECONDS) / _STEP) for one in seconds)

    def figures(self) -> Figures:
        """What they come to."""
        return Figures(self._buckets.total(), self._quantile(0.5), self._quantile(0.95))

    def _quantile(self, share: float) -> float | None:
        left = share * self._buckets.total()
        for bucket in sorted(self._buckets):
            left -= self._buckets[bucket]
            if left <= 0:
                return round(_LEAST_SECONDS * math.exp(bucket * _STEP), 1)
        return None


class Latency:
    """The latencies of a watch: as a whole, of this hour of the clock, and of the hour before it."""

    def __init__(self) -> None:
        self._whole, self._hour, self._before = Histogram(), Histogram(), Histogram()
        self._began: dt.datetime | None = None

    def add(self, seconds: Sequence[float], now: dt.datetime) -> None:
        """Count those of a commit at the moment ``now``."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        if self._began is not None and hour != self._began:
            self._before = self._hour if hour - self._began == _HOUR else Histogram()
            self._hour = Histogram()
        self._began = hour
        self._whole.add(seconds)
        self._hour.add(seconds)

    def as_json(self) -> dict[str, dict[str, float | int | None]]:
        """The figures of each."""
        each = {"whole": self._whole, "hour": self._hour, "hour_before": self._before}
        return {name: histogram.figures().as_json() for name, histogram in each.items()}
