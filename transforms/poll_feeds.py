"""Feeds on the network to the documents that they give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import WindowedValue

from schemas.feed import FeedDocument, FeedSource, Fetched, Poll, PollResult, Postponed, Wanted
from schemas.reject import Refused, Reject
from transforms.core.polling import validators
from transforms.fetching.job import HOSTS, Fetching
from transforms.fetching.notes import note_of
from transforms.progress import Progress
from transforms.stage import REJECTS

STAGE = "poll"
POLLS = "polls"
"""The tag of the outputs that say how polls ended, as ``Poll``."""

ACCEPT = "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"
_NOT_MODIFIED = 304
_SHARE = 4
"""A feed may be three times as large as a page, so fewer are held at a time: the pages in flight divided by this."""


class PollFeeds(beam.PTransform):
    """Feeds in; the documents of those that have changed, and dead letters out.

    Further outputs are how each poll ended, and what was learned of the hosts. What is no feed is passed on as it is.

    Args:
        fetching: how it is done.
        progress: the handle of the counters of whoever watches.
    """

    def __init__(self, fetching: Fetching, progress: Shared) -> None:
        super().__init__()
        self._fn = PollFeedFn(fetching, progress)

    def expand(self, sources: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return sources | STAGE >> beam.ParDo(self._fn).with_outputs(REJECTS, POLLS, HOSTS, main="documents")


class PollFeedFn(beam.DoFn):
    """See ``PollFeeds``."""

    def __init__(self, fetching: Fetching, progress: Shared) -> None:
        self._fetching = fetching
        self._shared = progress

    def setup(self) -> None:
        self._progress: Progress = self._shared.acquire(Progress)

    def start_bundle(self) -> None:
        self._flow: Any = None
        self._context: Any = None

    def process(
        self, source: Any, timestamp: Any = beam.DoFn.TimestampParam, window: Any = beam.DoFn.WindowParam
    ) -> Iterator[Any]:
        if not isinstance(source, FeedSource):
            yield source
            return
        self._context = (timestamp, window)
        self._progress.asked += 1
        if self._flow is None:
            fetcher = self._fetching.acquire()
            self._flow = fetcher.flow(in_flight=max(1, self._fetching.policy.in_flight // _SHARE))
        for context, result in self._flow.put(self._wanted(source), (source, timestamp, window)):
            yield from self._outputs(result, *context)

    def finish_bundle(self) -> Iterator[Any]:
        if self._flow is not None:
            for context, result in self._flow.drain():
                yield from self._outputs(result, *context)
            timestamp, window = self._context
            for learned in self._fetching.acquire().learned().items():
                yield pvalue.TaggedOutput(HOSTS, WindowedValue(learned, timestamp, (window,)))

    def _outputs(
        self, result: Fetched | Refused | Postponed, source: FeedSource, timestamp: Any, window: Any
    ) -> Iterator[Any]:
        self._progress.answered += 1
        for output in outcome(source, result):
            value = WindowedValue(output, timestamp, (window,))
            tag = POLLS if isinstance(output, Poll) else REJECTS if isinstance(output, Reject) else None
            self._progress.read += tag is REJECTS
            yield pvalue.TaggedOutput(tag, value) if tag else value

    def _wanted(self, source: FeedSource) -> Wanted:
        etag, last_modified = validators(source.memory, self._fetching.polls, now=self._fetching.now)
        return Wanted(
            url=source.url,
            accept=ACCEPT,
            most_bytes=self._fetching.feed_bytes,
            etag=etag,
            last_modified=last_modified,
            headers=source.headers,
            note=note_of(source),
        )


def outcome(source: FeedSource, result: Fetched | Refused | Postponed) -> Iterator[FeedDocument | Poll | Reject]:
    """What came of asking ``source``: a document, whose parser will tell how the poll ended; else how it ended."""
    if isinstance(result, Refused):
        yield Poll(source.url, PollResult.FAILED, message=result.message)
        yield source.dead_letter(STAGE, result.reason, result.message)
    elif isinstance(result, Postponed):
        yield Poll(source.url, PollResult.LATER, message=result.message, until=result.until)
    else:
        etag, last_modified = result.header("etag"), result.header("last-modified")
        if result.status == _NOT_MODIFIED:
            yield Poll(source.url, PollResult.SAME, etag=etag, last_modified=last_modified)
        else:
            kind = result.header("content-type") or ""
            yield FeedDocument(source, result.body, kind, result.url, etag, last_modified)
