"""When a feed is asked, with which validators, and what is remembered and noticed afterwards."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from schemas.feed import FeedMemory, HostMemory, Notice, NoticeCode, Poll, PollResult

_EARLY = 0.05
"""A poll may come early by this share of the interval: whoever runs every night does not start on the second."""

_LONGEST_BACKOFF = dt.timedelta(hours=24)
"""A feed that fails is asked once a day at least, until it is given up."""

_LEAST_MARKS = 1_000
"""So many entries are remembered at least, those of the last poll included: some feeds leave entries out and list
them again. A mark has 32 characters."""

_MARKS_TIMES = 3
"""Of a feed that lists more, so many times what it lists."""

_ARRIVALS, _FEWEST_ARRIVALS = 20, 6
"""A habit is told from the last twenty times that something new was found, and not from fewer than six."""

_SILENT_TIMES = 5
_SILENT_LEAST = dt.timedelta(days=3)
"""A feed is silent when it has brought nothing for five times its usual pause, and for a long weekend at least."""

_FAILING = 3
"""A poll or two may fail by chance; each has its dead letter all the same."""

_REFUSES = 3
"""As for failing: so many refusals in a row are meant."""

_SHORTEST_ADVICE = 5
"""Minutes; no feed is to be asked oftener."""


@dataclass(frozen=True, slots=True)
class PollPolicy:
    """How often a feed is asked, all of it, and how often it may fail in a row; from ``[fetch]`` in the settings."""

    poll_seconds: float
    full_poll_seconds: float
    feed_failures: int


def is_due(memory: FeedMemory, policy: PollPolicy, *, now: dt.datetime, asked: bool = False) -> bool:
    """Whether a feed is to be polled now.

    Args:
        memory: what is known of it.
        policy: the settings.
        now: the moment.
        asked: by name: then past failures do not count.
    """
    if asked and memory.failures:
        return True
    if memory.failures >= policy.feed_failures:
        return False
    return memory.next_at is None or memory.next_at <= now


def validators(memory: FeedMemory, policy: PollPolicy, *, now: dt.datetime) -> tuple[str | None, str | None]:
    """``ETag`` and ``Last-Modified`` to ask with.

    None where the feed was called unchanged for too long: a server that repeats a stale validator for ever is found
    out. One answer of 304 is always allowed, or who runs once a night would never ask with a validator.
    """
    if memory.full_at is None:
        return None, None
    if memory.unchanged and now - memory.full_at >= dt.timedelta(seconds=policy.full_poll_seconds):
        return None, None
    return memory.etag, memory.last_modified


def remembered(
    memory: FeedMemory, poll: Poll, policy: PollPolicy, *, now: dt.datetime, interval_seconds: float | None = None
) -> FeedMemory:
    """What is known of a feed after a poll.

    Args:
        memory: what was known before.
        poll: how it went.
        policy: the settings.
        now: when.
        interval_seconds: how often this feed is asked; ``None``: as the policy says.
    """
    interval = dt.timedelta(seconds=policy.poll_seconds if interval_seconds is None else interval_seconds)
    if poll.result is PollResult.LATER and poll.until is None:
        # Its turn did not come before the run had to end.
        return memory
    if poll.result is PollResult.LATER:
        return replace(memory, next_at=poll.until, notices=_notices(memory, poll, memory, policy, now))
    if poll.result is PollResult.FAILED:
        failures = memory.failures + 1
        wait = min(max(interval, dt.timedelta(minutes=1)) * 2 ** min(failures - 1, 20), _LONGEST_BACKOFF)
        after = replace(
            memory,
            polled_at=now,
            next_at=now + wait * (1 - _EARLY),
            failures=failures,
            failing_since=memory.failing_since or now,
        )
        return replace(after, notices=_notices(memory, poll, after, policy, now))

    after = replace(
        memory,
        etag=poll.etag or (memory.etag if poll.result is PollResult.SAME else None),
        last_modified=poll.last_modified or (memory.last_modified if poll.result is PollResult.SAME else None),
        polled_at=now,
        next_at=now + interval * (1 - _EARLY),
        unchanged=memory.unchanged + 1 if poll.result is PollResult.SAME else 0,
        failures=0,
        failing_since=None,
    )
    if poll.result is PollResult.FULL:
        new = set(poll.marks).difference(memory.marks)
        after = replace(
            after,
            full_at=now,
            marks=_marks(poll.marks, memory.marks),
            arrivals=(*memory.arrivals, now)[-_ARRIVALS:] if new else memory.arrivals,
        )
    return replace(after, notices=_notices(memory, poll, after, policy, now))


def refusal(host: str, memory: HostMemory) -> Notice | None:
    """The line about a host that refuses us, if it does."""
    if memory.refusals < _REFUSES or memory.refused_since is None:
        return None
    message = f"has refused {memory.refusals} requests since {_day(memory.refused_since)}; ask it, or leave it alone"
    return Notice(NoticeCode.HOST_REFUSES, host, message, memory.refused_since)


def _marks(listed: tuple[str, ...], before: tuple[str, ...]) -> tuple[str, ...]:
    most = max(_LEAST_MARKS, _MARKS_TIMES * len(listed))
    return tuple(dict.fromkeys((*listed, *before)))[:most]


def _notices(
    before: FeedMemory, poll: Poll, after: FeedMemory, policy: PollPolicy, now: dt.datetime
) -> tuple[Notice, ...]:
    """What a person should know after this poll; what was the case before keeps its beginning."""
    found: list[tuple[NoticeCode, str, dt.datetime]] = []
    if poll.result is PollResult.LATER:
        until = f" until {_minute(poll.until)}" if poll.until else ""
        found.append((NoticeCode.FEED_DEFERRED, f"put off{until}: {poll.message}", now))
    elif after.failures >= policy.feed_failures:
        advice = f"it is asked no more; when it works again, ask for it by name: knipsel run {poll.url}"
        message = f"failed {after.failures} times in a row ({poll.message}); {advice}"
        found.append((NoticeCode.FEED_DISABLED, message, after.failing_since or now))
    elif after.failures >= _FAILING:
        message = f"failed {after.failures} times in a row: {poll.message}"
        found.append((NoticeCode.FEED_FAILING, message, after.failing_since or now))
    if poll.result is PollResult.FULL and not poll.marks:
        found.append((NoticeCode.FEED_EMPTY, "answered without a single entry; look at it with a browser", now))
    known = poll.result is PollResult.FULL and poll.marks and before.marks
    if known and before.polled_at and not _names(poll.marks) & _names(before.marks):
        found.append((NoticeCode.FEED_GAP, _gap(poll, before.polled_at, now), now))
    if poll.result in (PollResult.FULL, PollResult.SAME) and (pause := _silence(after, now)):
        days = (now - after.arrivals[-1]).days
        message = f"nothing new for {days} days; before, something came every {_span(pause)}"
        found.append((NoticeCode.FEED_SILENT, message, after.arrivals[-1]))
    began = {notice.code: notice.since for notice in before.notices}
    return tuple(Notice(code, poll.url, message, began.get(code, since)) for code, message, since in found)


def _names(marks: Collection[str]) -> set[str]:
    return {mark[:16] for mark in marks}


def _gap(poll: Poll, last: dt.datetime, now: dt.datetime) -> str:
    """Half of what the feed spans would have caught all: the next poll then finds half of its entries again."""
    spans = [seconds for seconds in (poll.span_seconds, (now - last).total_seconds()) if seconds]
    minutes = max(int(min(spans, default=0) / 2 / 60), _SHORTEST_ADVICE)
    return (
        f"nothing that it lists was listed at the poll before ({_minute(last)}), so articles may have passed unseen; "
        f"ask it oftener: interval_minutes = {minutes}"
    )


def _silence(memory: FeedMemory, now: dt.datetime) -> dt.timedelta | None:
    """The usual pause between arrivals, where the present one is far longer."""
    if len(memory.arrivals) < _FEWEST_ARRIVALS:
        return None
    pauses = ((later - earlier).total_seconds() for earlier, later in pairwise(memory.arrivals))
    usual = dt.timedelta(seconds=median(pauses))
    return usual if now - memory.arrivals[-1] > max(_SILENT_TIMES * usual, _SILENT_LEAST) else None


def _span(pause: dt.timedelta) -> str:
    hours = pause.total_seconds() / 3_600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours" if hours >= 2 else "hour or oftener"


def _day(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _minute(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
