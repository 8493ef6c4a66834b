"""Drafts to drafts that can become rows of the data set."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from transforms.core.contract import check
from transforms.core.stages import Stage as Step
from transforms.moment import moment
from transforms.stage import Stage


def check_articles(*, now: datetime | None) -> Stage:
    """The stage that turns away what breaks the contract of the data set, after all others have filled their columns.

    Args:
        now: the moment of the run, days after which no article is dated; ``None``: whenever one is come to.
    """
    return Stage("check", partial(_load, now))


def _load(now: datetime | None) -> Step:
    return lambda draft: check(draft, now=moment(now))
