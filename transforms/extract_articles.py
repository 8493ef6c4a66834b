"""Records to drafts: text, metadata, dates and identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from schemas.record import Draft, Record
from schemas.reject import Reason
from transforms.core import stages
from transforms.stage import Stage


def extract_articles(*, now: datetime, timezones: Mapping[str, str]) -> Stage:
    """The stage that tells text and metadata of each record.

    Args:
        now: the moment of the run.
        timezones: the zone of a country, for times stated without one.
    """
    return Stage("extract", partial(_load, now, dict(timezones)), Reason.EXTRACT_ERROR)


def _load(now: datetime, timezones: Mapping[str, str]) -> Callable[[Record], Draft]:
    return partial(stages.extract, now=now, timezones=timezones)
