"""Records to drafts: text, metadata, dates and identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from schemas.record import Draft, Record
from schemas.reject import Reason
from transforms.core.stages import extract
from transforms.stage import StageTransform


class ExtractArticles(StageTransform):
    """Tells text and metadata of each record.

    Args:
        now: the moment of the run.
        timezones: the zone of a country, for times stated without one.
    """

    def __init__(self, *, now: datetime, timezones: Mapping[str, str]) -> None:
        super().__init__("extract", partial(_load, now, dict(timezones)), Reason.EXTRACT_ERROR)


def _load(now: datetime, timezones: Mapping[str, str]) -> Callable[[Record], Draft]:
    return partial(extract, now=now, timezones=timezones)
