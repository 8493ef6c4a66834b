"""What a commit leaves to the next: what its articles have taught of lines that recur, and of stories."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pipeline.ledger import LedgerError
from transforms.cluster_articles import first_day
from transforms.core.clutter.recurring import RecurringLines
from transforms.core.near_duplicates import STATE as STORIES
from transforms.core.near_duplicates import Window
from transforms.keep_books import Outcome

T = TypeVar("T")


def with_lines(root: Path, state: Mapping[str, Any], outcome: Outcome, number: int) -> dict[str, Any]:
    """The ``state`` with what the lines of the new articles have taught, as of the commit ``number``."""
    lines = recurring_lines(root, state)
    learned = lines.learned(outcome.tallies, number)
    return {**state, **(learned.as_json() if learned != lines else {})}


def with_stories(
    root: Path, state: Mapping[str, Any], outcome: Outcome, days: int, now: dt.datetime
) -> dict[str, Any]:
    """The ``state`` with the new articles among the stories of the last ``days``; with 0 of them, without any."""
    after = dict(state)
    if not days:
        after.pop(STORIES, None)
    elif outcome.clustered:
        window = read_part(root, Window.from_json, after)
        after |= window.learned(outcome.clustered, since=first_day(now, days)).as_json()
    return after


def recurring_lines(root: Path, state: Mapping[str, Any]) -> RecurringLines:
    """What the state of the data set at ``root`` says of lines that recur.

    Raises:
        LedgerError: it is not what this program writes.
    """
    return read_part(root, RecurringLines.from_json, state)


def read_part(root: Path, read: Callable[[Mapping[str, Any]], T], state: Mapping[str, Any]) -> T:
    """What ``read`` makes of the state of the data set at ``root``.

    Raises:
        LedgerError: it is not what this program writes.
    """
    try:
        return read(state)
    except ValueError as fault:
        raise LedgerError(f"{root}: {fault}; use the version of knipsel that wrote it, or a newer one") from fault
