"""Drafts to drafts with the day they are filed under."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from transforms.core import stages
from transforms.stage import Stage


def date_articles(*, now: datetime) -> Stage:
    """The stage that settles each article's date.

    Args:
        now: the moment of the run; no article is dated after it.
    """
    return Stage("date", partial(_load, now))


def _load(now: datetime) -> stages.Stage:
    return partial(stages.date_article, now=now)
