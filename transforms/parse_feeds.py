"""Feed documents to records, and to requests for the pages that hold the text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.shared import Shared

from schemas.feed import Entry, FeedDocument, PageRequest, ParsedFeed, Poll, PollResult
from schemas.record import TextFrom
from schemas.reject import Reason, Refused, Reject
from transforms.core import urls
from transforms.core.dates import read_date
from transforms.core.feeds import FEED_BOZO, parse_feed
from transforms.core.forgotten import Forgotten, obituary
from transforms.core.stages import event_time
from transforms.moment import moment
from transforms.nursery_process import loaded, packed
from transforms.poll_feeds import POLLS
from transforms.pool import Pool, Workers
from transforms.progress import Progress
from transforms.stage import REJECTS, Stage

STAGE = "parse"
KNOWN = "known"
"""The tag of entries that were seen before and have not changed, as their names."""


class ParseFeeds(beam.PTransform):
    """Feed documents in; records with the text of the item, requests for pages, and dead letters out.

    Further outputs are entries that are known, and how the poll ended. What is no feed is passed on as it is.

    Args:
        now: the moment of the run; ``None``: whenever a feed is parsed.
        workers: a parser that hangs or dies is in a process of its own; with none it is in that of the engine.
        progress: the handle of the counters of whoever watches.
        forgotten: what was erased for good; it is not asked for again.
    """

    def __init__(
        self, now: datetime | None, workers: Workers, progress: Shared, forgotten: Forgotten | None = None
    ) -> None:
        super().__init__()
        self._fn = ParseFeedFn(now, workers, progress, forgotten or Forgotten())

    def expand(self, documents: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return documents | STAGE >> beam.ParDo(self._fn).with_outputs(REJECTS, KNOWN, POLLS, main="records")


class ParseFeedFn(beam.DoFn):
    """See ``ParseFeeds``."""

    def __init__(self, now: datetime | None, workers: Workers, progress: Shared, forgotten: Forgotten) -> None:
        self._forgotten = forgotten
        self._now = now
        self._workers = workers
        self._shared = progress

    def setup(self) -> None:
        self._progress: Progress = self._shared.acquire(Progress)
        self._parser = Parser(self._workers)

    def process(self, document: Any) -> Iterator[Any]:
        if not isinstance(document, FeedDocument):
            yield document
            return
        parsed = self._parser(document)
        if isinstance(parsed, Reject):
            self._progress.read += 1
            yield pvalue.TaggedOutput(REJECTS, parsed)
            yield pvalue.TaggedOutput(POLLS, Poll(document.source.url, PollResult.FAILED, message=parsed.message))
            return
        seen = frozenset(document.source.memory.marks)
        now = moment(self._now)
        for entry in parsed.entries:
            has_page = document.source.text is TextFrom.PAGE and entry.record.declared.url
            gone = self._forgotten.known(addresses=(entry.record.declared.url, entry.record.declared.guid))
            if gone is not None and not (has_page and document.recorded):
                self._progress.read += 1
                outlet = entry.record.outlet
                letter = obituary(gone, source_id=outlet.source_id, feed_url=outlet.feed_url)
                yield pvalue.TaggedOutput(REJECTS, letter)
                continue
            # A page is counted once it has come.
            self._progress.read += entry.mark in seen or not has_page
            if entry.mark in seen:
                yield pvalue.TaggedOutput(KNOWN, entry.name)
            elif not has_page:
                yield TimestampedValue(entry.record, event_time(entry.record, now).timestamp())
            elif not document.recorded:
                wanted = request_of(entry, document, now)
                self._progress.read += isinstance(wanted, Reject)
                yield pvalue.TaggedOutput(REJECTS, wanted) if isinstance(wanted, Reject) else wanted
        yield pvalue.TaggedOutput(POLLS, poll_of(document, parsed))

    def teardown(self) -> None:
        self._parser.close()


class Parser:
    """Parses feeds one by one in a worker process, which is ended where it hangs.

    They come from the network one after the other, and each takes milliseconds: nothing is to be done side by side.

    Args:
        workers: what a feed may cost; with a count of 0 it is parsed in this process.
    """

    def __init__(self, workers: Workers) -> None:
        stages = packed([Stage(STAGE, load_parser, Reason.FEED_PARSE)])
        self._pool = Pool(stages, replace(workers, count=1)) if workers.count else None
        self._chain = None if workers.count else loaded(stages)

    def __call__(self, document: FeedDocument) -> ParsedFeed | Reject:
        """The feed understood, or its dead letter."""
        if self._pool is not None:
            [(_, done)] = [*self._pool.put(document), *self._pool.drain()]
        elif self._chain is not None:
            done = self._chain(document)
        parsed: ParsedFeed | Reject = done
        return parsed

    def close(self) -> None:
        """End the worker process."""
        if self._pool is not None:
            self._pool.close()


def load_parser() -> Callable[[FeedDocument], ParsedFeed]:
    """What a worker process parses with."""
    return parse_feed


def request_of(entry: Entry, document: FeedDocument, now: datetime) -> PageRequest | Reject:
    """The request for the page of ``entry``; a dead letter where its link is no address that is fetched."""
    record, source = entry.record, document.source
    try:
        url = urls.checked(record.declared.url or "")
    except Refused as refusal:
        return record.dead_letter(STAGE, refusal.reason, refusal.message)
    return PageRequest(
        url=url,
        ref=record.ref,
        record=record.record,
        outlet=record.outlet,
        declared=record.declared,
        # What the feed lacks of the text says nothing of the page.
        flags=tuple(flag for flag in record.flags if flag == FEED_BOZO),
        headers=source.headers,
        hosts=source.hosts,
        since=now,
    )


def poll_of(document: FeedDocument, parsed: ParsedFeed) -> Poll:
    """How a poll that gave a feed ended."""
    written = [entry.record.declared.published or "" for entry in parsed.entries]
    dated = [date.instant for text in written if (date := read_date(text, evidence="feed")) and date.instant]
    return Poll(
        document.source.url,
        PollResult.FULL,
        etag=document.etag,
        last_modified=document.last_modified,
        marks=tuple(entry.mark for entry in parsed.entries),
        span_seconds=(max(dated) - min(dated)).total_seconds() if dated else None,
    )
