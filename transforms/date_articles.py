"""Drafts to drafts with the day they are filed under."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from transforms.core import stages
from transforms.moment import moment
from transforms.stage import Stage


def date_articles(*, now: datetime | None) -> Stage:
    """The stage that settles each article's date.

    Args:
        now: the moment of the run, after which no article is dated; ``None``: whenever one is come to.
    """
    return Stage("date", partial(_load, now))


def _load(now: datetime | None) -> stages.Stage:
    return lambda draft: stages.date_article(draft, now=moment(now))
