"""Drafts to drafts that can become rows of the data set."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from schemas.record import Draft
from transforms.core.contract import check
from transforms.core.stages import Stage as Step
from transforms.stage import Stage


def check_articles(*, now: datetime) -> Stage:
    """The stage that turns away what breaks the contract of the data set, after all others have filled their columns.

    Args:
        now: the moment of the run; no article is dated days after it.
    """
    return Stage("check", partial(_load, now))


def _load(now: datetime) -> Step:
    step: partial[Draft] = partial(check, now=now)
    return step
