"""Records to drafts: text, metadata, dates and identity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from schemas.record import Draft, Record
from schemas.reject import Reason
from transforms.core import stages
from transforms.moment import moment
from transforms.stage import Stage


def extract_articles(*, now: datetime | None, timezones: Mapping[str, str]) -> Stage:
    """The stage that tells text and metadata of each record.

    Args:
        now: the moment of the run; ``None``: whenever a record is come to.
        timezones: the zone of a country, for times stated without one.
    """
    return Stage("extract", partial(_load, now, dict(timezones)), Reason.EXTRACT_ERROR)


def _load(now: datetime | None, timezones: Mapping[str, str]) -> Callable[[Record], Draft]:
    return lambda record: stages.extract(record, now=moment(now), timezones=timezones)
