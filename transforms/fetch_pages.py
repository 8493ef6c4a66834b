"""Requests for pages to the records of these pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import WindowedValue

from schemas.feed import Fetched, PageRequest, Postponed, Wanted
from schemas.record import InputKind, Record
from schemas.reject import Reason, Refused, Reject
from transforms.core.http_message import page
from transforms.core.stages import event_time
from transforms.fetching.job import HOSTS, Fetching
from transforms.fetching.notes import note_of
from transforms.progress import Progress
from transforms.stage import REJECTS

STAGE = "fetch"
LATER = "later"
"""The tag of pages that are asked for again in a later run, as ``PageRequest``."""
ACCEPT = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"

_OVER_SOON = frozenset(
    {
        Reason.TIMEOUT,
        Reason.UNREACHABLE,
        Reason.TLS,
        Reason.TRUNCATED,
        Reason.SERVER_ERROR,
        Reason.HOST_BUSY,
        Reason.HTTP_PROTOCOL,
    }
)
"""Faults that another night may be free of; what the page itself is at fault for will be the same then."""

_NEXT_RUN = dt.timedelta(minutes=30)
"""A page that failed is tried in another run, and not while this one still goes on with others."""

_LONGEST_WAIT = dt.timedelta(days=7)
"""A page that was put off again and again is given up: no feed of news lists it any more."""


class FetchPages(beam.PTransform):
    """Requests in; the records of the pages and dead letters out, in the order in which they come.

    Further outputs are the requests that are put off to a later run, and what was learned of the hosts. What is no
    request is passed on as it is.

    Args:
        fetching: how it is done.
        progress: the handle of the counters of whoever watches.
    """

    def __init__(self, fetching: Fetching, progress: Shared) -> None:
        super().__init__()
        self._fn = FetchPageFn(fetching, progress)

    def expand(self, requests: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return requests | STAGE >> beam.ParDo(self._fn).with_outputs(REJECTS, LATER, HOSTS, main="records")


class FetchPageFn(beam.DoFn):
    """See ``FetchPages``."""

    def __init__(self, fetching: Fetching, progress: Shared) -> None:
        self._fetching = fetching
        self._shared = progress

    def setup(self) -> None:
        self._progress: Progress = self._shared.acquire(Progress)

    def start_bundle(self) -> None:
        self._flow: Any = None
        self._context: Any = None

    def process(
        self, request: Any, timestamp: Any = beam.DoFn.TimestampParam, window: Any = beam.DoFn.WindowParam
    ) -> Iterator[Any]:
        if not isinstance(request, PageRequest):
            yield request
            return
        self._context = (timestamp, window)
        self._progress.asked += 1
        if self._flow is None:
            fetching = self._fetching
            self._flow = fetching.acquire().flow(in_flight=fetching.policy.in_flight, seconds=fetching.batch_seconds)
        wanted = Wanted(
            url=request.url,
            accept=ACCEPT,
            most_bytes=self._fetching.page_bytes,
            headers=request.headers,
            hosts=request.hosts,
            note=note_of(request),
        )
        for context, result in self._flow.put(wanted, (request, timestamp, window)):
            yield from self._outputs(result, *context)

    def finish_bundle(self) -> Iterator[Any]:
        if self._flow is not None:
            for context, result in self._flow.drain():
                yield from self._outputs(result, *context)
            timestamp, window = self._context
            for learned in self._fetching.acquire().learned().items():
                yield pvalue.TaggedOutput(HOSTS, WindowedValue(learned, timestamp, (window,)))

    def _outputs(
        self, result: Fetched | Refused | Postponed, request: PageRequest, timestamp: Any, window: Any
    ) -> Iterator[Any]:
        fetching = self._fetching
        self._progress.answered += 1
        for output in outcome(request, result, fetching.page_bytes, fetching.page_tries, fetching.now):
            self._progress.read += not isinstance(output, PageRequest)
            if isinstance(output, Record):
                yield WindowedValue(output, event_time(output, fetching.now).timestamp(), (window,))
            else:
                tag = REJECTS if isinstance(output, Reject) else LATER
                yield pvalue.TaggedOutput(tag, WindowedValue(output, timestamp, (window,)))


def outcome(
    request: PageRequest,
    result: Fetched | Refused | Postponed,
    page_bytes: int,
    page_tries: int,
    now: dt.datetime,
) -> Iterator[Record | Reject | PageRequest]:
    """What came of a request: the record of the page; or why there is none, and whether it is tried again.

    Args:
        request: what was asked for.
        result: what the fetcher gave.
        page_bytes: the largest page.
        page_tries: in so many runs a page that fails is tried.
        now: the moment of the run.
    """
    if isinstance(result, Fetched):
        try:
            html = page(result.body, result.header("content-type") or "", page_bytes=page_bytes)
        except Refused as refusal:
            result = refusal
        else:
            declared = replace(request.declared, url=result.url, fetched_at=result.fetched_at)
            yield Record(
                kind=InputKind.PAGE,
                ref=request.ref,
                record=request.record,
                outlet=request.outlet,
                declared=declared,
                raw=html.html,
                html=html.html,
                charset=html.charset,
                flags=request.flags,
            )
            return
    if isinstance(result, Postponed):
        if now - (request.since or now) < _LONGEST_WAIT:
            yield replace(request, not_before=result.until)
        else:
            yield request.dead_letter(
                STAGE, result.reason, f"put off for {_LONGEST_WAIT.days} days: {result.message}"
            )
        return
    yield request.dead_letter(STAGE, result.reason, result.message)
    if result.reason in _OVER_SOON and request.failures + 1 < page_tries:
        yield replace(request, failures=request.failures + 1, not_before=now + _NEXT_RUN)
