"""What the state of a data set keeps of feeds, of their hosts, and of pages that are still to be fetched."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from schemas.feed import FeedMemory, FeedSource, HostMemory, Notice, PageRequest
from transforms.core.polling import PollPolicy, is_due, refusal, remembered
from transforms.keep_books import Outcome, newer

FEEDS, HOSTS, PAGES = "feeds", "hosts", "pages"
"""The keys in the state."""

_FORGOTTEN = dt.timedelta(days=90)
"""A feed or host that was asked nothing for so long is none of ours any more."""

_FEEDS = TypeAdapter(dict[str, FeedMemory])
_HOSTS = TypeAdapter(dict[str, HostMemory])
_PAGES = TypeAdapter(tuple[PageRequest, ...])


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is known of feeds by their address, of hosts by their name, and the pages that were put off."""

    feeds: Mapping[str, FeedMemory] = field(default_factory=dict)
    hosts: Mapping[str, HostMemory] = field(default_factory=dict)
    pages: tuple[PageRequest, ...] = ()

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """What ``as_json`` gave; empty where the state holds nothing of the kind.

        Raises:
            ValueError: it is not of this shape.
        """
        try:
            return cls(
                _FEEDS.validate_python(state.get(FEEDS, {})),
                _HOSTS.validate_python(state.get(HOSTS, {})),
                _PAGES.validate_python(state.get(PAGES, ())),
            )
        except ValidationError as fault:
            raise ValueError(f"what it keeps of feeds cannot be read: {fault.errors()[0]['msg']}") from fault

    def as_json(self) -> dict[str, Any]:
        """The keys of the state that hold it, without those that have nothing to hold."""
        # Headers may hold a password, and are in the settings.
        without = {"__all__": {"headers"}}
        kept = {
            FEEDS: _FEEDS.dump_python(dict(sorted(self.feeds.items())), mode="json", exclude_defaults=True),
            HOSTS: _HOSTS.dump_python(dict(sorted(self.hosts.items())), mode="json", exclude_defaults=True),
            PAGES: _PAGES.dump_python(self.pages, mode="json", exclude=without, exclude_defaults=True),
        }
        return {key: value for key, value in kept.items() if value}

    def due(
        self, feeds: Sequence[FeedSource], policy: PollPolicy, *, now: dt.datetime
    ) -> tuple[tuple[FeedSource, ...], tuple[PageRequest, ...]]:
        """What is to be fetched at the moment ``now``: those of the ``feeds`` that are due, and pages put off."""
        known = [replace(feed, memory=self.feeds.get(feed.url, FeedMemory())) for feed in feeds]
        headers = {feed.url: feed.headers for feed in feeds}
        pages = [
            replace(page, headers=headers[page.outlet.feed_url or ""])
            for page in self.pages
            if page.outlet.feed_url in headers and (page.not_before is None or page.not_before <= now)
        ]
        return (
            tuple(feed for feed in known if is_due(feed.memory, policy, now=now, asked=feed.asked)),
            tuple(pages),
        )

    def learned(
        self,
        outcome: Outcome,
        asked: Iterable[FeedSource],
        fetched: Iterable[PageRequest],
        policy: PollPolicy,
        *,
        now: dt.datetime,
    ) -> Self:
        """What is known after a batch.

        Args:
            outcome: what it came to.
            asked: the feeds that it asked.
            fetched: the pages of this state that it fetched, or tried to.
            policy: how often feeds are asked.
            now: the moment of the run.
        """
        sources = {feed.url: feed for feed in asked}
        feeds = dict(self.feeds)
        for poll in sorted(outcome.polls, key=lambda poll: poll.url):
            if source := sources.get(poll.url):
                interval = source.interval_seconds
                feeds[poll.url] = remembered(source.memory, poll, policy, now=now, interval_seconds=interval)
        done = {(page.url, page.ref) for page in fetched}
        waiting = [page for page in self.pages if (page.url, page.ref) not in done]
        oldest = now - _FORGOTTEN
        return replace(
            self,
            feeds={url: memory for url, memory in feeds.items() if (memory.polled_at or now) > oldest},
            hosts={
                name: memory
                for name, memory in newer(self.hosts, outcome.hosts).items()
                if (memory.asked_at or now) > oldest
            },
            pages=(*waiting, *sorted(outcome.later, key=lambda page: (page.ref, page.url))),
        )

    def notices(self, feeds: Iterable[FeedSource]) -> tuple[Notice, ...]:
        """What a person should know of the ``feeds`` and of the hosts."""
        noted = [notice for feed in feeds for notice in self.feeds.get(feed.url, FeedMemory()).notices]
        refusals = (refusal(name, memory) for name, memory in sorted(self.hosts.items()))
        return (*noted, *(notice for notice in refusals if notice))

    def hampered(self, feeds: Iterable[FeedSource]) -> frozenset[str]:
        """The outlets of which a notice or pages that wait say already why they bring few articles."""
        noted = [feed.outlet for feed in feeds if self.feeds.get(feed.url, FeedMemory()).notices]
        outlets = [*noted, *(page.outlet for page in self.pages)]
        return frozenset(outlet.source_id for outlet in outlets if outlet.source_id)

    def next_due(self, feeds: Sequence[FeedSource], policy: PollPolicy, *, now: dt.datetime) -> dt.datetime | None:
        """When the first of the ``feeds``, or of the pages that were put off, is to be fetched.

        ``None`` where nothing ever is; a moment that is past, or ``now``, where something is due.
        """
        urls = {feed.url for feed in feeds}
        moments = [page.not_before or now for page in self.pages if page.outlet.feed_url in urls]
        for feed in feeds:
            memory = self.feeds.get(feed.url, FeedMemory())
            if feed.asked or memory.failures < policy.feed_failures:
                moments.append(memory.next_at or now)
        return min(moments, default=None)

    def next_poll(self, feeds: Iterable[FeedSource], policy: PollPolicy) -> dt.datetime | None:
        """When the first of the ``feeds`` may be asked again; ``None`` where none of them ever was."""
        known = [self.feeds.get(feed.url, FeedMemory()) for feed in feeds]
        alive = [one for one in known if one.failures < policy.feed_failures]
        return min((one.next_at for one in alive if one.next_at), default=None)
