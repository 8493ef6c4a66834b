"""The source of a job that never ends: what is due of feeds, their pages, and files that appear.

What was given out, when a feed was asked and with which validators, is in the state of the engine and nowhere else:
so it holds exactly where what it stands for has gone on its way too, and a job begun anew asks for everything once
more. What of that the data set holds already is found out when it is committed.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.coders import StrUtf8Coder
from apache_beam.io.restriction_trackers import OffsetRange, OffsetRestrictionTracker
from apache_beam.io.watermark_estimators import ManualWatermarkEstimator
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.shared import Shared
from apache_beam.utils.timestamp import Duration, Timestamp

from pipeline.feed_state import FeedState
from pipeline.inputs import InputError, find_inputs
from pipeline.watch_folders import Folders, read_followed
from schemas.feed import FeedSource
from schemas.record import InputKind, Record, SourceFile
from transforms.by_hand import bundle, set_up
from transforms.core.forgotten import Forgotten
from transforms.core.stages import event_time
from transforms.fetch_pages import LATER, FetchPageFn
from transforms.fetching.job import HOSTS, Fetching
from transforms.keep_books import Outcome, newer
from transforms.parse_feeds import KNOWN, ParseFeedFn
from transforms.poll_feeds import POLLS, PollFeedFn
from transforms.pool import Workers
from transforms.progress import Progress
from transforms.read_sources import ReadSourceFn
from transforms.stage import REJECTS

_TICKS = 1 << 50
"""More than there will ever be."""

_LEASE_SECONDS = 1.0
_CUT_SECONDS = 10.0
"""As for a watch on one machine: after so long what is still under way is broken off."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A file on the disk that all share, which names the job that is to go on. Any other comes to its end."""

    path: str
    job: str

    def holds(self) -> bool:
        """Whether the job is to go on.

        Raises:
            OSError: the disk cannot be asked.
        """
        try:
            return Path(self.path).read_text("utf-8") == self.job
        except FileNotFoundError:
            return False


class Tick(beam.PTransform):
    """Gives a number every ``seconds`` until the lease is over. Its watermark is what the clock says."""

    def __init__(self, lease: Lease, seconds: float) -> None:
        super().__init__()
        self._fn = TickFn(lease, seconds)

    def expand(self, begin: beam.Pipeline) -> beam.PCollection:
        return begin | beam.Impulse() | beam.ParDo(self._fn)


class _Tracker(OffsetRestrictionTracker):
    """Goes on later, but is never divided: two halves would tick twice."""

    def try_split(self, fraction_of_remainder: float) -> Any:
        return super().try_split(0) if fraction_of_remainder == 0 else None


class _Ticks(beam.transforms.core.RestrictionProvider):
    def initial_restriction(self, element: bytes) -> OffsetRange:
        return OffsetRange(0, _TICKS)

    def create_tracker(self, restriction: OffsetRange) -> _Tracker:
        return _Tracker(restriction)

    def restriction_size(self, element: bytes, restriction: OffsetRange) -> int:
        return 1

    def truncate(self, element: bytes, restriction: OffsetRange) -> None:
        """An engine that drains a job has it end here."""


class TickFn(beam.DoFn):
    """See ``Tick``. A tick that could not come in time is left out."""

    def __init__(self, lease: Lease, seconds: float) -> None:
        self._lease = lease
        self._seconds = seconds

    @beam.DoFn.unbounded_per_element()
    def process(
        self,
        element: bytes,
        tracker: Any = beam.DoFn.RestrictionParam(_Ticks()),  # noqa: B008 - Beam asks for it here
        watermark: Any = beam.DoFn.WatermarkEstimatorParam(ManualWatermarkEstimator.default_provider()),  # noqa: B008
    ) -> Iterator[TimestampedValue]:
        if not self._lease.holds():
            tracker.try_claim(_TICKS - 1)
            return
        number = tracker.current_restriction().start
        if tracker.try_claim(number):
            now = Timestamp.now()
            watermark.set_watermark(now)
            yield TimestampedValue(number, now)
            tracker.defer_remainder(Duration(self._seconds))


@dataclass(frozen=True, slots=True)
class Followed:
    """What is followed.

    Attributes:
        feeds: on the network.
        paths: files, folders and globs as the user wrote them.
        fixed: further files.
        source: the outlet of the paths, where the user names one.
        lenient: whether unknown keys in JSON lines are passed over.
        groups: in so many groups the hosts of feeds are, each with a state of its own. Each group is served in one
            process at a time, so that a host is left alone between two requests.
    """

    feeds: tuple[FeedSource, ...]
    paths: tuple[str, ...]
    fixed: tuple[SourceFile, ...]
    source: str | None
    lenient: bool
    groups: int

    def group(self, number: int) -> tuple[FeedSource, ...]:
        """The feeds of a group: those whose hosts fall into it."""
        return tuple(feed for feed in self.feeds if _hashed(urlsplit(feed.url).netloc) % self.groups == number)

    def files(self) -> list[SourceFile]:
        """What there is at the paths.

        Raises:
            InputError: a path is missing.
        """
        found = find_inputs(self.paths, source=self.source, lenient=self.lenient, may_be_empty=True).files
        return [*found, *self.fixed]


def _hashed(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))


class FollowSources(beam.PTransform):
    """Ticks in; records of feeds and their pages, and files to be read, out; dead letters and known entries beside.

    Args:
        followed: what is followed.
        fetching: how feeds and pages are fetched.
        settle_seconds: a file is given out that has not changed for so long.
        feed_bytes: the largest feed.
        workers: where feeds are parsed.
        forgotten: what was erased for good.
        lease: until when.
    """

    def __init__(
        self,
        followed: Followed,
        *,
        fetching: Fetching,
        settle_seconds: float,
        feed_bytes: int,
        workers: Workers,
        forgotten: Forgotten,
        lease: Lease,
    ) -> None:
        super().__init__()
        self._groups = followed.groups
        self._fn = FollowFn(followed, fetching, settle_seconds, feed_bytes, workers, forgotten, lease)

    def expand(self, ticks: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        groups = range(self._groups)
        spread = beam.FlatMap(lambda tick: [(group, tick) for group in groups]).with_output_types(tuple[int, int])
        return (
            ticks | "Groups" >> spread | "follow" >> beam.ParDo(self._fn).with_outputs(REJECTS, KNOWN, main="sources")
        )


class FollowFn(beam.DoFn):
    """See ``FollowSources``."""

    FEEDS = ReadModifyWriteStateSpec("feeds", StrUtf8Coder())
    FILES = ReadModifyWriteStateSpec("files", StrUtf8Coder())

    def __init__(
        self,
        followed: Followed,
        fetching: Fetching,
        settle_seconds: float,
        feed_bytes: int,
        workers: Workers,
        forgotten: Forgotten,
        lease: Lease,
    ) -> None:
        self._followed = followed
        self._fetching = fetching
        self._settle_seconds = settle_seconds
        self._feed_bytes = feed_bytes
        self._workers = workers
        self._forgotten = forgotten
        self._lease = lease

    def setup(self) -> None:
        self._progress = Shared()
        # Feeds on disk, whose pages are fetched; other files are read behind this step.
        self._read = set_up(ReadSourceFn(None, self._feed_bytes, self._feed_bytes, self._progress))
        self._parse = set_up(ParseFeedFn(None, self._workers, self._progress, self._forgotten))
        self._counters = self._progress.acquire(Progress)
        # The pauses between requests are kept by one fetcher, which lives as long as anybody holds it.
        self._fetching = replace(self._fetching, now=_clock())
        self._fetcher = self._fetching.acquire() if self._followed.feeds else None
        self._folders: Folders | None = None
        self._over = threading.Event()
        if self._fetcher is not None:
            threading.Thread(target=self._brake, name="lease", daemon=True).start()

    def teardown(self) -> None:
        self._over.set()
        self._parse.teardown()

    def process(
        self,
        element: tuple[int, int],
        feeds: Any = beam.DoFn.StateParam(FEEDS),  # noqa: B008 - Beam asks for it here
        files: Any = beam.DoFn.StateParam(FILES),  # noqa: B008
    ) -> Iterator[Any]:
        group, _ = element
        ready: list[SourceFile] = []
        if group == 0 and (self._followed.paths or self._followed.fixed):
            ready = self._ready(files.read() or "{}")
            yield from (file for file in ready if file.kind is not InputKind.FEED)
        yield from self._fetch(self._followed.group(group), [f for f in ready if f.kind is InputKind.FEED], feeds)
        if ready and self._folders is not None:
            files.write(json.dumps(self._folders.learned(ready)))

    def _ready(self, done: str) -> list[SourceFile]:
        if self._folders is None:
            known = read_followed(json.loads(done))
            self._folders = Folders(self._followed.files, self._settle_seconds, known)
        try:
            return self._folders.look(time.monotonic())
        except InputError:
            # A folder that is not there now, because its disk is not, may come back.
            return []

    def _fetch(self, group: Sequence[FeedSource], files: Sequence[SourceFile], kept: Any) -> Iterator[Any]:
        """Ask what is due, and keep what that has taught; the steps of a run, one element at a time."""
        now, policy = _clock(), self._fetching.polls
        state = FeedState.from_json(json.loads(kept.read() or "{}"))
        due, pages = state.due(group, policy, now=now)
        if not (due or pages or files):
            return
        fetching = replace(self._fetching, now=now)
        outcome = Outcome()
        aside: list[pvalue.TaggedOutput] = []
        items: Iterator[Any] = iter([*files, *due, *pages])
        for fn in (
            self._read,
            set_up(PollFeedFn(fetching, self._progress)),
            self._parse,
            set_up(FetchPageFn(fetching, self._progress)),
        ):
            items = _passed_on(fn, items, outcome, aside)
        for record in items:
            yield (
                TimestampedValue(record, event_time(record, now).timestamp())
                if isinstance(record, Record)
                else record
            )
            yield from aside
            aside.clear()
        yield from aside
        kept.write(json.dumps(state.learned(outcome, due, pages, policy, now=now).as_json()))

    def _brake(self) -> None:
        """Once the lease is over, have nothing more fetched."""
        while not self._over.wait(_LEASE_SECONDS):
            if not self._lease.holds() and self._fetcher is not None:
                self._fetcher.wind_down()
                self._over.wait(_CUT_SECONDS)
                self._fetcher.close()
                return


def _passed_on(
    fn: beam.DoFn, items: Iterator[Any], outcome: Outcome, aside: list[pvalue.TaggedOutput]
) -> Iterator[Any]:
    """What ``fn`` passes on; what it tells goes into ``outcome``, and what is to go out beside into ``aside``."""
    for tag, value in bundle(fn, items):
        if tag is None:
            yield value
        elif tag == POLLS:
            outcome.polls.append(value)
        elif tag == LATER:
            outcome.later.append(value)
        elif tag == HOSTS:
            outcome.hosts = newer(outcome.hosts, dict([value]))
        else:
            aside.append(pvalue.TaggedOutput(tag, value))


def _clock() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)
