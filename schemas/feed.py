"""Polling a feed and fetching its pages: what is asked for, what came back, and what is remembered of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum

from schemas.record import Declared, Outlet, Record, TextFrom
from schemas.reject import Reason, Reject, fingerprint


@dataclass(frozen=True, slots=True)
class FeedMemory:
    """What is known of a feed since the last commit. Times are in UTC, ``None`` where there was none.

    Attributes:
        etag: the validator ``ETag`` as it came, ``None`` where none was given.
        last_modified: the validator ``Last-Modified`` as it came.
        full_at: when it was last given in full, not with a 304.
        unchanged: polls since then that were answered with a 304.
        polled_at: when it was last asked.
        next_at: before this moment it is not asked.
        failures: polls in a row that failed.
        failing_since: when the first of these was.
        marks: the entries seen, as ``Entry.mark``, those of the last poll first.
        arrivals: moments at which a poll found something new, the latest last.
        notices: what was noticed at the last poll.
    """

    etag: str | None = None
    last_modified: str | None = None
    full_at: dt.datetime | None = None
    unchanged: int = 0
    polled_at: dt.datetime | None = None
    next_at: dt.datetime | None = None
    failures: int = 0
    failing_since: dt.datetime | None = None
    marks: tuple[str, ...] = ()
    arrivals: tuple[dt.datetime, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class FeedSource:
    """One feed to poll.

    Attributes:
        url: its address; of a feed on disk the path.
        outlet: whose it is.
        text: where the text of its articles is taken from.
        headers: sent with each request to it and to its pages.
        hosts: the hosts, subdomains included, that its pages may be on; empty: any.
        interval_seconds: how often it is asked; ``None``: as the settings have it.
        asked: whether it was asked for by name, however often it has failed.
        memory: what is known of it.
    """

    url: str
    outlet: Outlet
    text: TextFrom = TextFrom.PAGE
    interval_seconds: float | None = None
    asked: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    hosts: tuple[str, ...] = ()
    memory: FeedMemory = field(default_factory=FeedMemory)

    @property
    def on_disk(self) -> bool:
        """Whether it is a file."""
        return "://" not in self.url

    def dead_letter(self, stage: str, reason: Reason, message: str, raw: bytes | None = None) -> Reject:
        """What is kept of a feed, whose bytes are ``raw``, that gave no entries."""
        return Reject(
            stage=stage,
            code=reason,
            input_ref=self.url,
            message=message,
            url=None if self.on_disk else self.url,
            source_id=self.outlet.source_id,
            feed_url=self.outlet.feed_url or self.url,
            raw_sha256=None if raw is None else fingerprint(raw),
            raw_bytes=None if raw is None else len(raw),
        )


@dataclass(frozen=True, slots=True)
class FeedDocument:
    """A feed as it was read or fetched, its codings taken off.

    Attributes:
        source: the feed.
        raw: its bytes.
        content_type: the header as it came; empty where there was none.
        url: where it came from in the end, for relative links; empty for a file.
        etag: the validator that it came with.
        last_modified: the other one.
        recorded: whether it comes out of a recording, in which its pages follow.
    """

    source: FeedSource
    raw: bytes
    content_type: str = ""
    url: str = ""
    etag: str | None = None
    last_modified: str | None = None
    recorded: bool = False

    @property
    def size(self) -> int:
        """The bytes that it was read from."""
        return len(self.raw)

    def dead_letter(self, stage: str, reason: Reason, message: str) -> Reject:
        """What is kept of the feed where ``stage`` found no entries in it."""
        return self.source.dead_letter(stage, reason, message, self.raw)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed.

    Attributes:
        record: what it says, with the text of the item; ``declared.url`` is its link as it was written, made
            absolute, and may be no valid address.
        mark: 32 hexadecimal digits by which it is known at the next poll. The first half names the entry: its
            canonical address, or without one its GUID. The second half changes when an editor has changed it: title,
            dates, summary, or the text of the item where that is the article.
    """

    record: Record
    mark: str

    @property
    def name(self) -> str:
        """The first half of the mark."""
        return self.mark[:16]


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """A feed understood: its entries in its order, each with whose they are.

    Attributes:
        entries: what it lists.
        format: such as ``rss20``, ``atom10``, ``rss10`` or ``json11``.
        title: how it calls itself.
    """

    entries: tuple[Entry, ...]
    format: str
    title: str | None = None


class PollResult(StrEnum):
    """How a poll ended."""

    FULL = "full"
    SAME = "same"
    FAILED = "failed"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Poll:
    """What came of asking a feed.

    Attributes:
        url: of the feed.
        result: given in full, unchanged since the last poll, failed, or put off by the host.
        etag: the validator that came with the answer.
        last_modified: the other one.
        marks: of its entries, in its order.
        span_seconds: from the oldest of its entries to the newest, where they are dated.
        message: why it failed or was put off.
        until: not before this moment may it be asked again, where the host said so.
    """

    url: str
    result: PollResult
    etag: str | None = None
    last_modified: str | None = None
    marks: tuple[str, ...] = ()
    span_seconds: float | None = None
    message: str = ""
    until: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page to fetch because a feed lists it.

    Attributes:
        url: the link as the feed has it, made absolute.
        ref: the article's ``input_ref``.
        record: the name of the article at its source.
        outlet: whose it is.
        declared: what the feed says of it.
        flags: of the feed.
        headers: sent with the request.
        hosts: the hosts, subdomains included, that it may be on; empty: any.
        failures: runs in which fetching it has failed.
        since: when a run first wanted it.
        not_before: before this moment it is not asked for.
    """

    url: str
    ref: str
    record: str
    outlet: Outlet
    declared: Declared
    flags: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    hosts: tuple[str, ...] = ()
    failures: int = 0
    since: dt.datetime | None = None
    not_before: dt.datetime | None = None

    def dead_letter(self, stage: str, reason: Reason, message: str) -> Reject:
        """What is kept of a page that could not be fetched."""
        return Reject(
            stage=stage,
            code=reason,
            input_ref=self.ref,
            message=message,
            url=self.url,
            guid=self.declared.guid,
            source_id=self.outlet.source_id,
            feed_url=self.outlet.feed_url,
        )


class NoticeCode(StrEnum):
    """What a person should know of a feed or a host; the value stands in the state and in the summary."""

    FEED_GAP = "FEED_GAP"
    FEED_SILENT = "FEED_SILENT"
    FEED_EMPTY = "FEED_EMPTY"
    FEED_FAILING = "FEED_FAILING"
    FEED_DISABLED = "FEED_DISABLED"
    FEED_DEFERRED = "FEED_DEFERRED"
    HOST_REFUSES = "HOST_REFUSES"


@dataclass(frozen=True, slots=True)
class Notice:
    """One line for a person.

    Attributes:
        code: of its kind.
        about: the address of the feed, or the host.
        message: what is the case, and what can be done.
        since: when it began.
    """

    code: NoticeCode
    about: str
    message: str
    since: dt.datetime


@dataclass(frozen=True, slots=True)
class HostMemory:
    """What is known of a host (``name`` or ``name:port``) since the last commit.

    Attributes:
        robots: its robots.txt as text; ``None`` where it has none (any 4xx), which allows all.
        robots_at: when that was asked for; ``None`` where it never was.
        not_before: before this moment it is sent nothing (Retry-After).
        refusals: answers of 401, 403, 429, or no connection at all, since the last that was good.
        refused_since: when the first of these came.
        asked_at: when it was last sent a request.
    """

    robots: str | None = None
    robots_at: dt.datetime | None = None
    not_before: dt.datetime | None = None
    refusals: int = 0
    refused_since: dt.datetime | None = None
    asked_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """How fetching goes about it; each with its default in ``config/knipsel.toml`` under ``[fetch]``."""

    user_agent: str
    delay_seconds: float
    connect_seconds: float
    total_seconds: float
    too_many_seconds: float
    patience_seconds: float
    longest_crawl_delay_seconds: float
    longest_retry_after_seconds: float
    robots_seconds: float
    retries: int
    redirects: int
    in_flight: int
    ports: tuple[int, ...]
    allow_private: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One address to fetch.

    Attributes:
        url: as the feed or the settings have it.
        accept: the header ``Accept``.
        most_bytes: the largest body, decoded.
        etag: sent as ``If-None-Match``, exactly.
        last_modified: sent as ``If-Modified-Since``, exactly.
        headers: more headers to send; never to another host than that of ``url``.
        hosts: the hosts, subdomains included, that it may be on, also after redirects; empty: any.
        note: JSON that is kept with the answer where answers are recorded.
    """

    url: str
    accept: str
    most_bytes: int
    etag: str | None = None
    last_modified: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    hosts: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer of 200 or 304.

    Attributes:
        url: where it came from, after redirects.
        status: 200 or 304.
        headers: as they came, in order.
        body: transfer coding and content coding taken off; empty with a 304.
        fetched_at: when the answer began to come.
    """

    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    fetched_at: dt.datetime

    def header(self, name: str) -> str | None:
        """The last value of the header ``name`` (in lower case)."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name), None)


@dataclass(frozen=True, slots=True)
class Postponed:
    """An address that is asked for in a later run.

    Attributes:
        until: not before this moment; ``None``: as soon as there is a run.
        reason: why, as a code.
        message: why, in words.
    """

    until: dt.datetime | None
    reason: Reason
    message: str
