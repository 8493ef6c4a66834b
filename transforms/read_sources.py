"""Files, feeds and pages to records."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.shared import Shared

from schemas.feed import FeedDocument, FeedSource
from schemas.record import Cursor, Declared, InputKind, Left, Record, SourceFile
from schemas.reject import Reason, Refused, Reject, fingerprint
from transforms.core.forgotten import Forgotten
from transforms.core.jsonl import read_line
from transforms.core.stages import event_time
from transforms.core.text import decode
from transforms.fetch_pages import LATER, FetchPages
from transforms.fetching.job import HOSTS, Fetching
from transforms.moment import moment
from transforms.parse_feeds import KNOWN, ParseFeeds
from transforms.poll_feeds import POLLS, PollFeeds
from transforms.pool import Workers
from transforms.progress import Progress
from transforms.stage import REJECTS
from transforms.warc import WarcFeed, WarcGap, WarcItem, WarcPage, WarcSkipped, read_warc

STAGE = "read"
CURSORS = "cursors"
"""The tag of files that were not read to their end, as ``Left``."""

Disk = Callable[[], int]
"""Tells how much of a file on disk was read by now."""


@dataclass(frozen=True, slots=True)
class Read:
    """What was read, and what there is to say of it. The collections are small but for the first.

    Attributes:
        records: stamped with their event time.
        unread: dead letters of what could not be read.
        cursors: files that were not read to their end, as ``Left``.
        known: the names of feed entries that were seen before.
        polls: how each ``Poll`` ended.
        later: pages that were put off, as ``PageRequest``.
        hosts: what was learned of hosts, as their name and ``HostMemory``.
    """

    records: beam.PCollection
    unread: beam.PCollection
    cursors: beam.PCollection
    known: beam.PCollection
    polls: beam.PCollection
    later: beam.PCollection
    hosts: beam.PCollection


class ReadSources(beam.PTransform):
    """Files, feeds and requests for pages in; what was ``Read`` out.

    One chain, of which each step does its own part and passes the rest on: so that no page or text is ever held
    between two stages of an engine.

    Args:
        now: the moment of the run; ``None``: whenever something is read.
        text_bytes: the largest article, decoded.
        feed_bytes: the largest feed, decoded.
        fetching: how feeds and pages are fetched.
        workers: where feeds are parsed.
        forgotten: what was erased for good.
        progress: the handle by which a watcher in the same process has acquired a ``Progress``.
    """

    def __init__(
        self,
        *,
        now: datetime | None,
        text_bytes: int,
        feed_bytes: int,
        fetching: Fetching,
        workers: Workers,
        progress: Shared | None = None,
        forgotten: Forgotten | None = None,
    ) -> None:
        super().__init__()
        progress = progress or Shared()
        self._fn = ReadSourceFn(now, text_bytes, feed_bytes, progress)
        self._poll = PollFeeds(fetching, progress)
        self._parse = ParseFeeds(now, workers, progress, forgotten)
        self._fetch = FetchPages(fetching, progress)

    def expand(self, sources: beam.PCollection) -> Read:
        files = sources | STAGE >> beam.ParDo(self._fn).with_outputs(REJECTS, CURSORS, main="read")
        feeds = files["read"] | "Poll" >> self._poll
        entries = feeds["documents"] | "Parse" >> self._parse
        pages = entries["records"] | "Fetch" >> self._fetch
        return Read(
            records=pages["records"],
            unread=[step[REJECTS] for step in (files, feeds, entries, pages)] | "Unread" >> beam.Flatten(),
            cursors=files[CURSORS],
            known=entries[KNOWN],
            polls=[feeds[POLLS], entries[POLLS]] | "Polls" >> beam.Flatten(),
            later=pages[LATER],
            hosts=[feeds[HOSTS], pages[HOSTS]] | "Hosts" >> beam.Flatten(),
        )


class ReadSourceFn(beam.DoFn):
    """See ``ReadSources``. What is no file is passed on as it is."""

    def __init__(self, now: datetime | None, text_bytes: int, feed_bytes: int, progress: Shared) -> None:
        self._now = now
        self._text_bytes = text_bytes
        self._feed_bytes = feed_bytes
        self._shared = progress

    def setup(self) -> None:
        self._progress: Progress = self._shared.acquire(Progress)

    def process(self, file: Any) -> Iterator[Any]:
        if not isinstance(file, SourceFile):
            yield file
            return
        at = end = 0

        def moved(disk_bytes: int) -> None:
            nonlocal at
            at = self._progress.file_bytes = disk_bytes - file.start.disk_bytes

        for item in read_file(file, text_bytes=self._text_bytes, feed_bytes=self._feed_bytes, moved=moved):
            if isinstance(item, Left):
                end = item.cursor.disk_bytes
                yield pvalue.TaggedOutput(CURSORS, item)
                continue
            if isinstance(item, FeedDocument):
                yield item
                continue
            self._progress.read += 1
            if isinstance(item, Reject):
                yield pvalue.TaggedOutput(REJECTS, item)
            else:
                yield TimestampedValue(item, event_time(item, moment(self._now)).timestamp())
        self._progress.file_bytes = 0
        self._progress.done_bytes += (end - file.start.disk_bytes) if end else max(at, _rest(file))


def _rest(file: SourceFile) -> int:
    try:
        return Path(file.path).stat().st_size - file.start.disk_bytes
    except OSError:
        return 0


def _nobody(disk_bytes: int) -> None:
    """Is told how far a file was read, and does nothing."""


def read_file(
    file: SourceFile, *, text_bytes: int, feed_bytes: int, moved: Callable[[int], object] = _nobody
) -> Iterator[Record | FeedDocument | Reject | Left]:
    """Every record in ``file``, or in the part that is wanted, and a dead letter for each that could not be read.

    Where the file holds more than is wanted of it, the last that is given says where it was left.

    Args:
        file: what to read.
        text_bytes: the largest article, decoded.
        feed_bytes: the largest feed, decoded.
        moved: is told, with each record, how many bytes of the file on disk were read.
    """
    try:
        if file.kind is InputKind.WARC:
            yield from _portion(_pages(file, text_bytes), file, moved)
            return
        with _opened(file.path) as (stream, disk):
            if file.kind is InputKind.JSONL:
                yield from _portion(_lines(stream, file, text_bytes, disk), file, moved)
            else:
                raw = _whole(stream, feed_bytes if file.kind is InputKind.FEED else text_bytes)
                yield from _records(raw, file)
    except Refused as refusal:
        yield _reject(file, refusal)
    except (EOFError, gzip.BadGzipFile, zlib.error) as fault:
        yield _reject(file, Refused(Reason.GZIP_BAD, f"the gzip stream is damaged: {fault}"))
    except OSError as fault:
        yield _reject(file, Refused(Reason.READ_ERROR, f"cannot be read: {fault.strerror or fault}"))


@contextmanager
def _opened(path: str) -> Iterator[tuple[IO[bytes], Disk]]:
    with Path(path).open("rb") as stream:
        if path.lower().endswith(".gz"):
            with gzip.open(stream) as unpacked:
                yield cast(IO[bytes], unpacked), stream.tell
        else:
            yield stream, stream.tell


def _portion(
    items: Iterator[tuple[Record | FeedDocument | Reject, Cursor]], file: SourceFile, moved: Callable[[int], object]
) -> Iterator[Record | FeedDocument | Reject | Left]:
    """What is wanted of the ``items``, each of which comes with the place behind it."""
    for count, (item, behind) in enumerate(items, start=1):
        moved(behind.disk_bytes)
        yield item
        enough = file.most_records is not None and count >= file.most_records
        size = behind.disk_bytes - file.start.disk_bytes
        if enough or (file.most_bytes is not None and size >= file.most_bytes):
            # Whether anything is left only a look at it tells; what is looked at here is read again later.
            if next(items, None) is not None:
                yield Left(file.path, behind)
            return


def _pages(file: SourceFile, page_bytes: int) -> Iterator[tuple[Record | FeedDocument | Reject, Cursor]]:
    number = file.start.number
    for item in read_warc(file.path, page_bytes=page_bytes, start=file.start.offset):
        number += 1
        yield _recorded(item, file), Cursor(item.next_start, number, item.offset)


def _recorded(item: WarcItem, file: SourceFile) -> Record | FeedDocument | Reject:
    ref = f"{file.path}#{item.place}"
    if isinstance(item, WarcFeed):
        return FeedDocument(item.source, item.body, item.content_type, item.url, recorded=True)
    if not isinstance(item, WarcPage):
        lost = cast(WarcSkipped | WarcGap, item)
        letter = _reject(replace(file, path=ref), Refused(lost.reason, lost.message))
        return replace(
            letter, url=lost.url, guid=lost.record_id, raw_sha256=lost.raw_sha256, raw_bytes=lost.raw_bytes
        )
    page = Record(
        kind=file.kind,
        ref=ref,
        record=item.url,
        outlet=file.outlet,
        declared=Declared(guid=item.record_id),
        raw=item.html,
        html=item.html,
        charset=item.charset,
    )
    if asked := item.request:
        page = replace(page, record=asked.record, outlet=asked.outlet, declared=asked.declared, flags=asked.flags)
    return replace(page, declared=replace(page.declared, url=item.url, fetched_at=item.fetched_at))


def _whole(stream: IO[bytes], limit: int) -> bytes:
    raw = stream.read(limit + 1)
    if len(raw) > limit:
        raise Refused(Reason.TOO_LARGE, f"larger than {limit:,} bytes, the limit in the settings")
    return raw


def _records(raw: bytes, file: SourceFile) -> Iterator[Record | FeedDocument | Reject]:
    try:
        if file.kind is InputKind.FEED:
            yield FeedDocument(FeedSource(file.path, file.outlet, file.text), raw)
            return
        if not raw.strip():
            raise Refused(Reason.EMPTY, "the file is empty")
        name = f"{file.record}\n{fingerprint(raw)}" if file.shared else file.record
        record = Record(file.kind, file.path, name, file.outlet, Declared(guid=file.record), raw)
        if file.kind is InputKind.HTML:
            yield replace(record, html=raw)
        else:
            text, flags = decode(raw)
            yield replace(record, text=text, flags=flags)
    except Refused as refusal:
        yield _reject(file, refusal, raw)


def _lines(stream: IO[bytes], file: SourceFile, limit: int, disk: Disk) -> Iterator[tuple[Record | Reject, Cursor]]:
    """Each line that is not blank, and the place behind it."""
    offset, number = file.start.offset, file.start.number
    found = bool(offset)
    if offset:
        stream.seek(offset)
    while raw := stream.readline(limit + 1):
        number += 1
        at = replace(file, path=f"{file.path}#{number}")
        size = len(raw)
        offset += size
        found = found or bool(raw.strip())
        if size > limit and not raw.endswith(b"\n"):
            while (rest := stream.readline(1 << 20)) and not rest.endswith(b"\n"):
                size += len(rest)
            size += len(rest)
            offset += size - len(raw)
            message = f"line {number} holds {size:,} bytes; {limit:,} is the limit in the settings"
            letter = replace(_reject(at, Refused(Reason.TOO_LARGE, message)), raw_bytes=size)
            yield letter, Cursor(offset, number, disk())
        elif raw.strip():
            yield _line(raw, file, at, number), Cursor(offset, number, disk())
    if not found:
        yield _reject(file, Refused(Reason.EMPTY, "the file is empty"), b""), Cursor(offset, number, disk())


def _line(raw: bytes, file: SourceFile, at: SourceFile, number: int) -> Record | Reject:
    try:
        return read_line(raw.rstrip(b"\r\n"), file, number)
    except Refused as refusal:
        return _reject(at, refusal, raw)


def _reject(file: SourceFile, refusal: Refused, raw: bytes | None = None) -> Reject:
    return Reject(
        stage=STAGE,
        code=refusal.reason,
        input_ref=file.path,
        message=refusal.message,
        source_id=file.outlet.source_id,
        feed_url=(file.outlet.feed_url or file.path) if file.kind is InputKind.FEED else None,
        raw_sha256=None if raw is None else fingerprint(raw),
        raw_bytes=None if raw is None else len(raw),
    )
