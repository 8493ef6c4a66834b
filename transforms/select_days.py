"""Drafts to those of the days that are wanted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from schemas.record import Draft
from schemas.reject import Reason, Refused
from transforms.stage import Stage


@dataclass(frozen=True, slots=True)
class Days:
    """From a day to a day, both with them; ``None``: from the first, to the last."""

    since: dt.date | None = None
    until: dt.date | None = None

    def __contains__(self, day: dt.date) -> bool:
        return (self.since or dt.date.min) <= day <= (self.until or dt.date.max)

    def __str__(self) -> str:
        since = f"from {self.since} on" if self.since else ""
        return " ".join(filter(None, (since, f"up to {self.until}" if self.until else "")))


ALL = Days()


def select_days(days: Days) -> Stage:
    """The stage that lets through the articles that are filed under one of the ``days``."""
    return Stage("select", partial(_load, days))


def _load(days: Days) -> Callable[[Draft], Draft]:
    return partial(_select, days=days)


def _select(draft: Draft, *, days: Days) -> Draft:
    filed = draft.article.partition_date
    if filed is not None and filed not in days:
        raise Refused(Reason.OUT_OF_RANGE, f"filed under {filed}; wanted are articles {days}")
    return draft
