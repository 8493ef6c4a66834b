"""Drafts to drafts with the day they are filed under."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from transforms.core.stages import Stage, date_article
from transforms.stage import StageTransform


class DateArticles(StageTransform):
    """Settles each article's date.

    Args:
        now: the moment of the run; no article is dated after it.
    """

    def __init__(self, *, now: datetime) -> None:
        super().__init__("date", partial(_load, now))


def _load(now: datetime) -> Stage:
    return partial(date_article, now=now)
