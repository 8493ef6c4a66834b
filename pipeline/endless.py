"""The whole graph that never ends on one screen: the first half is that of a run, the second goes by windows."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.transforms.trigger import AccumulationMode, AfterProcessingTime, Repeatedly
from apache_beam.transforms.window import FixedWindows, TimestampedValue
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import PaneInfoTiming

from pipeline.build import read_and_clean
from pipeline.follow import Followed, FollowSources, Lease, Tick
from pipeline.pane import LATE, Pane
from pipeline.publish import Ended, Publisher, Publishing, digest
from pipeline.settings import Config
from schemas.record import Draft
from schemas.reject import Reject
from transforms.core.forgotten import Forgotten
from transforms.fetching.job import Fetching
from transforms.moment import moment
from transforms.parse_feeds import KNOWN
from transforms.pool import Workers
from transforms.stage import REJECTS

BOOKS, READ = "knipsel.books", "read"
"""The metric that counts what is read; once a job has ended, its commits come to the same."""

_CLOCKS_DIFFER_SECONDS = 3_600.0
"""An engine keeps its windows for so much longer: what is too late is told by the clock of a worker, and it must
not drop by its own clock what was still in time by that."""


@dataclass(frozen=True, slots=True)
class Windowing:
    """How articles are gathered.

    Attributes:
        seconds: the length of a window.
        late_seconds: so long behind its end articles are still gathered into it.
        pane_seconds: so long an article waits to be published.
        shards: a window is gathered in so many parts, each with commits of its own.
    """

    seconds: int
    late_seconds: int
    pane_seconds: int
    shards: int


@dataclass(frozen=True, slots=True)
class Endless:
    """A job that never ends: what it follows, for how long, by what, and how it publishes."""

    followed: Followed
    lease: Lease
    workers: Workers
    fetching: Fetching
    furniture: Mapping[str, Mapping[str, int]]
    forgotten: Forgotten
    publishing: Publishing


def endless(begin: beam.Pipeline, config: Config, job: Endless) -> beam.PCollection:
    """Everything from what is due to commits; gives the books of each, as a mapping."""
    watch = config.settings.watch
    due = (
        begin
        | "Tick" >> Tick(job.lease, watch.look_seconds)
        | "FollowSources"
        >> FollowSources(
            job.followed,
            fetching=job.fetching,
            settle_seconds=watch.settle_seconds,
            feed_bytes=config.settings.limits.feed_bytes,
            workers=job.workers,
            forgotten=job.forgotten,
            lease=job.lease,
        )
    )
    read, drafted = read_and_clean(
        due["sources"],
        config,
        now=None,
        fetching=job.fetching,
        workers=job.workers,
        furniture=job.furniture,
        forgotten=job.forgotten,
    )
    ended = [drafted["drafts"], drafted[REJECTS], read.unread, due[REJECTS], read.known, due[KNOWN]]
    _ = [read.records, *ended[2:]] | "AllRead" >> beam.Flatten() | "CountRead" >> beam.ParDo(CountReadFn())
    windowing = Windowing(watch.window_seconds, watch.late_seconds, watch.pane_seconds, watch.shards)
    return ended | "Ended" >> beam.Flatten() | "PublishWindows" >> PublishWindows(windowing, job.publishing)


class CountReadFn(beam.DoFn):
    """Counts what is read, as a metric of the engine."""

    def process(self, element: Any) -> None:
        Metrics.counter(BOOKS, READ).inc()


class PublishWindows(beam.PTransform):
    """Inputs as they ended in; out come the books of each commit, as a mapping with its pane.

    An article belongs to the window of its own time: when it was published, else fetched. What comes when its window
    is no longer kept goes to a shard of its own, which is gathered with what comes now and published under the window
    that it belongs to: no engine gets to drop it.

    Args:
        windowing: how they are gathered.
        publishing: how they are published.
        now: stands in for the clock in tests.
    """

    def __init__(self, windowing: Windowing, publishing: Publishing, now: dt.datetime | None = None) -> None:
        super().__init__()
        self._windowing = windowing
        self._place = PlaceFn(windowing, now)
        self._publish = PublishFn(windowing, publishing, now)

    def expand(self, ended: beam.PCollection) -> beam.PCollection:
        windowing = self._windowing
        window = beam.WindowInto(
            FixedWindows(windowing.seconds),
            trigger=Repeatedly(AfterProcessingTime(windowing.pane_seconds)),
            accumulation_mode=AccumulationMode.DISCARDING,
            allowed_lateness=windowing.late_seconds + _CLOCKS_DIFFER_SECONDS,
        )
        return (
            ended
            | "place" >> beam.ParDo(self._place).with_output_types(tuple[str, Any])
            | "window" >> window
            | "gather" >> beam.GroupByKey()
            | "publish" >> beam.ParDo(self._publish)
        )


class PlaceFn(beam.DoFn):
    """Gives each its shard, and what is too late a place where it is in time."""

    def __init__(self, windowing: Windowing, now: dt.datetime | None) -> None:
        self._windowing = windowing
        self._now = now

    def process(self, ended: Ended, timestamp: Any = beam.DoFn.TimestampParam) -> Iterator[TimestampedValue]:
        windowing = self._windowing
        at, now = _happened(ended, float(timestamp)), moment(self._now).timestamp()
        begins = at - at % windowing.seconds
        if begins + windowing.seconds + windowing.late_seconds <= now:
            yield TimestampedValue((f"{LATE}{_told(begins)}", ended), now)
        else:
            yield TimestampedValue((str(zlib.crc32(_name(ended).encode()) % windowing.shards), ended), at)


def _happened(ended: Ended, read: float) -> float:
    """When an article was published as far as its page tells too; else the time that it was ``read`` with."""
    article = ended.article if isinstance(ended, Draft) else None
    if article is None or article.partition_date is None or article.date_basis != "published":
        return read
    day = dt.datetime.combine(article.partition_date, dt.time(), dt.UTC)
    return (article.published_at or day).timestamp()


def _name(ended: Ended) -> str:
    """By which it falls into a shard: all versions of an article into one."""
    if isinstance(ended, Draft):
        return ended.article.article_id
    return ended.input_ref if isinstance(ended, Reject) else ended


class PublishFn(beam.DoFn):
    """Commits what a shard of a window has gathered."""

    def __init__(self, windowing: Windowing, publishing: Publishing, now: dt.datetime | None) -> None:
        self._windowing = windowing
        self._publishing = publishing
        self._now = now
        self._shared = Shared()

    def setup(self) -> None:
        # The threads of a process know what the data set holds together, and take turns.
        self._publisher: Publisher = self._shared.acquire(lambda: Publisher(self._publishing))

    def process(
        self,
        element: tuple[str, Iterable[Ended]],
        window: Any = beam.DoFn.WindowParam,
        pane: Any = beam.DoFn.PaneInfoParam,
    ) -> Iterator[dict[str, Any]]:
        shard, gathered = element
        ended = list(gathered)
        if not ended:
            return
        late = shard.startswith(LATE)
        begins = _read(shard.removeprefix(LATE)) if late else float(window.start)
        named = Pane(
            job=self._publishing.job,
            window=_told(begins),
            until=_told(begins + self._windowing.seconds),
            shard=shard,
            number=pane.index,
            timing="too_late" if late else PaneInfoTiming.to_string(pane.timing).lower(),
            digest=digest(ended, _told(float(window.start))),
        )
        counts = self._publisher.publish(named, ended, moment(self._now))
        if counts is not None:
            yield {**asdict(named), **asdict(counts)}


def _told(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y%m%dT%H%M%SZ")


def _read(told: str) -> float:
    return dt.datetime.strptime(told, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()
