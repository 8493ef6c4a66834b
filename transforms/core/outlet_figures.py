"""What the articles and dead letters of an outlet come to: counts that can be added in any order."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from schemas.article import Article
from schemas.reject import Reject
from transforms.core.stages import LOCAL, SHORT_BODY

K = TypeVar("K", int, str)

BINS = 20
_FINEST = 0.005
_STEP = math.log(1 / _FINEST) / (BINS - 1)
_EDGES = [_FINEST * math.exp(_STEP * i) for i in range(BINS - 1)]
"""Where a bin of the clutter's share ends and the next begins. They grow by a third each, for clutter that doubles
is as remarkable at 4% of the text as at 40%; all below half a percent is one bin."""

_MEDIAN_ERROR = 1.2533
_QUARTILES_TO_SIGMA = 1.349
"""Of the normal distribution: the standard error of a median in standard errors of the mean, and the distance between
the quartiles in standard deviations."""


class Measure(StrEnum):
    """What is watched, besides dead letters, which go by their reason code."""

    VOLUME = "volume"
    CLUTTER = "clutter"
    SHORT = "short"
    UNDATED = "undated"
    UND = "und"
    TRUNCATED = "truncated"
    LOCKED = "locked"


SHARES = (Measure.SHORT, Measure.UNDATED, Measure.UND, Measure.TRUNCATED, Measure.LOCKED)
"""Those that are a share of the articles."""


@dataclass(frozen=True, slots=True)
class OutletFigures:
    """What the articles and dead letters of one outlet come to; adding is free of order and grouping.

    Attributes:
        new: articles that were not known before; later versions of known ones do not count.
        articles: all that were written.
        clutter: how many of them by bin of their clutter's share.
        flaws: how many of them by ``Measure``, those of ``SHARES``.
        codes: dead letters by reason code.
    """

    new: int = 0
    articles: int = 0
    clutter: Mapping[int, int] = field(default_factory=dict)
    flaws: Mapping[str, int] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: OutletFigures) -> OutletFigures:
        return OutletFigures(
            self.new + other.new,
            self.articles + other.articles,
            _sum(self.clutter, other.clutter),
            _sum(self.flaws, other.flaws),
            _sum(self.codes, other.codes),
        )

    @property
    def inputs(self) -> int:
        """All that ended as an article or as a dead letter."""
        return self.articles + sum(self.codes.values())


def _sum(one: Mapping[K, int], other: Mapping[K, int]) -> Mapping[K, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}} if other else one


def figured(item: Article | Reject) -> tuple[str, OutletFigures] | None:
    """What one article or dead letter counts for, by ``source_id``; ``None`` where nothing says whose it is."""
    if not item.source_id or item.source_id == LOCAL:
        return None
    if isinstance(item, Reject):
        return item.source_id, OutletFigures(codes={str(item.code): 1})
    found = {
        Measure.SHORT: SHORT_BODY in item.quality_flags,
        Measure.UNDATED: item.date_basis == "fetched",
        Measure.UND: item.language == "und",
        Measure.TRUNCATED: "truncated" in item.quality_flags,
        Measure.LOCKED: item.access == "locked",
    }
    return item.source_id, OutletFigures(
        new=int(item.version == 1),
        articles=1,
        clutter={bisect_right(_EDGES, item.clutter_ratio): 1},
        flaws={str(what): 1 for what, is_so in found.items() if is_so},
    )


Figures = Mapping[str, OutletFigures]
"""By ``source_id``."""


def added(*parts: Figures) -> dict[str, OutletFigures]:
    """Several figures as one."""
    total: dict[str, OutletFigures] = {}
    for part in parts:
        for source_id, one in part.items():
            held = total.get(source_id)
            total[source_id] = one if held is None else held + one
    return total


def quantile(histogram: Mapping[int, int], part: float) -> float:
    """Where in the bins the ``part`` of all lies, the values in a bin taken as evenly spread."""
    wanted = part * sum(histogram.values())
    for place, count in sorted(histogram.items()):
        if wanted <= count:
            return place + wanted / count
        wanted -= count
    raise ValueError("an empty histogram has no quantile")


def ratio(place: float) -> float:
    """The share of clutter at a place in the bins."""
    return 0.0 if place <= 0 else min(1.0, _FINEST * (place if place < 1 else math.exp(_STEP * (place - 1))))


def sigma(histogram: Mapping[int, int]) -> float:
    """How far the values scatter, as a standard deviation in bins; none is known more exactly than its bin."""
    return max(1.0, (quantile(histogram, 0.75) - quantile(histogram, 0.25)) / _QUARTILES_TO_SIGMA)


def median_error(scatter: float, count: int) -> float:
    """The standard error of the median of so many values that ``scatter`` so much."""
    return _MEDIAN_ERROR * scatter / math.sqrt(count)


def apart(times: float) -> float:
    """How far apart in the bins two shares lie of which one is so many ``times`` the other."""
    return math.log(times) / _STEP
