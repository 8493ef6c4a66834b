"""WARC files to pages, with a name for every byte that is no part of a record.

Readers of WARC end a damaged file without a word. This one holds each gzip member against its checksum and length,
each record against its neighbours, and in uncompressed files against its digest; what does not agree is a gap, and
reading goes on at the next whole record.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from schemas.feed import FeedSource, PageRequest
from schemas.reject import Reason, Refused
from transforms.core.http_message import HEAD_BYTES, read_body
from transforms.core.warc_records import page_of
from transforms.fetching.notes import read_note
from transforms.warc_frames import BEGINNING, Hole, Record, ending_missing, frames, next_record
from transforms.windows import Member, Window, is_member, next_member, open_member

_NUMBERS = 1 << 48
"""A start is an offset plus this many times the number of the record within its member: no file is as large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcItem:
    """A part of a WARC file.

    Attributes:
        offset: Where it begins in the file; in a gzip file, where the member begins that holds it.
        number: Which record of that member it is, from 0.
        next_start: ``start`` for a call that goes on right behind it.
        url: The WARC-Target-URI; ``None`` where it could not be read.
        record_id: The WARC-Record-ID; ``None`` where it could not be read.
    """

    offset: int
    number: int
    next_start: int
    url: str | None
    record_id: str | None

    @property
    def place(self) -> str:
        """What stands behind the ``#`` of an ``input_ref``: the offset, and the number where it is not 0."""
        return f"{self.offset}.{self.number}" if self.number else f"{self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcPage(WarcItem):
    """One page as it stands in a response or resource.

    Attributes:
        fetched_at: The WARC-Date in UTC, ``None`` where it is no moment.
        html: The page, its codings taken off; also what a dead letter of it fingerprints.
        charset: What the Content-Type says of the encoding.
        request: What the feed said of it, where a recording of ours keeps it.
    """

    url: str
    fetched_at: dt.datetime | None
    html: bytes
    charset: str | None
    request: PageRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcFeed(WarcItem):
    """A feed that a recording of ours keeps.

    Attributes:
        source: The feed, as it was asked.
        fetched_at: The WARC-Date in UTC, ``None`` where it is no moment.
        body: Its bytes, the codings taken off.
        content_type: The header as it came.
    """

    url: str
    source: FeedSource
    fetched_at: dt.datetime | None
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcSkipped(WarcItem):
    """A record of which no page comes: left out on purpose or refused, as ``reason`` tells.

    ``raw_sha256`` and ``raw_bytes`` (a length) describe its block.
    """

    reason: Reason
    message: str
    raw_sha256: str
    raw_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WarcGap(WarcItem):
    """Bytes that are no part of a whole record.

    ``reason`` is ``WARC_TRUNCATED`` where the file ends before what was begun does, and ``WARC_DAMAGED`` elsewhere.
    ``raw_bytes`` is the length of the gap in the file; where its member is sound and only a record in it is not,
    in the unpacked content of the member. ``raw_sha256`` describes the same bytes.
    """

    reason: Reason
    message: str
    raw_sha256: str
    raw_bytes: int


def read_warc(source: str | PathLike[str] | BinaryIO, *, page_bytes: int, start: int = 0) -> Iterator[WarcItem]:
    """Every page in a WARC file, each record without one, and each gap, in the order of the file.

    Records of other types than response and resource are passed over. Plain and gzip files are told apart by their
    bytes. A damaged gzip member is a gap as a whole: a wrong byte in it is repeated wherever the compression refers
    back to it, so that no record in it can be trusted. Of a member that the file ends in, the records count that
    are followed by another.

    Args:
        source: A path, or a binary stream that can seek; it is read from its beginning.
        page_bytes: The largest page, decoded; memory stays within a few times that.
        start: Where to go on: the ``next_start`` of an item.

    Raises:
        OSError: The file cannot be opened or read.
    """
    with _opened(source) as file:
        limit = 2 * page_bytes + HEAD_BYTES
        offset, number = start % _NUMBERS, start // _NUMBERS
        if not file.size:
            if not start:
                yield _gap(file, Hole(0, 0, "the file is empty", cut=True), offset=0, number=0, next_start=_NUMBERS)
        elif _is_packed(file):
            yield from _packed(file, offset, number, _Pages(page_bytes, limit))
        else:
            yield from _plain(file, offset, _Pages(page_bytes, limit), unended=bool(number))


@contextmanager
def _opened(source: str | PathLike[str] | BinaryIO) -> Iterator[Window]:
    if isinstance(source, (str, PathLike)):
        with Path(source).open("rb", buffering=0) as stream:
            yield Window(stream, stream.seek(0, io.SEEK_END))
    else:
        yield Window(source, source.seek(0, io.SEEK_END))


def _is_packed(file: Window) -> bool:
    if file.read(0, len(BEGINNING)) == BEGINNING and next_record(file, 0) == 0:
        return False
    member = next_member(file, 0, BEGINNING)
    if member == 0:
        return True
    # The first bytes may be the damaged ones: what can be read first shows what the file is.
    record = next_record(file, 0)
    if member is None and record is None:
        return is_member(file, 0)
    return record is None or (member is not None and member < record)


@dataclass(frozen=True, slots=True)
class _Pages:
    """Records to items, within the limits: the largest page, and the longest block that is held to look for one."""

    page_bytes: int
    block_bytes: int

    def item(
        self, window: Window, record: Record, *, offset: int, number: int, next_start: int
    ) -> WarcPage | WarcFeed | WarcSkipped | None:
        header = record.header
        if not header.holds_page or header.url is None:
            return None
        size = record.end - record.block
        block = window.read(record.block, min(size, self.block_bytes))
        asked = read_note(header.last("warc-json-metadata"))
        try:
            if isinstance(asked, FeedSource):
                body, kind = read_body(block, most_bytes=self.page_bytes, whole=size <= self.block_bytes)
                return WarcFeed(
                    offset=offset,
                    number=number,
                    next_start=next_start,
                    url=header.url,
                    record_id=header.record_id,
                    source=asked,
                    fetched_at=header.fetched_at,
                    body=body,
                    content_type=kind,
                )
            found = page_of(header, block, page_bytes=self.page_bytes, whole=size <= self.block_bytes)
        except Refused as refusal:
            return WarcSkipped(
                offset=offset,
                number=number,
                next_start=next_start,
                url=header.url,
                record_id=header.record_id,
                reason=refusal.reason,
                message=refusal.message,
                raw_sha256=window.hashed(record.block, record.end).hex(),
                raw_bytes=size,
            )
        return WarcPage(
            offset=offset,
            number=number,
            next_start=next_start,
            url=header.url,
            record_id=header.record_id,
            fetched_at=header.fetched_at,
            html=found.html,
            charset=found.charset,
            request=asked,
        )


def _plain(file: Window, at: int, pages: _Pages, *, unended: bool) -> Iterator[WarcItem]:
    if unended:
        yield _gap(file, ending_missing(file, at), offset=at, number=0, next_start=file.size)
        return
    for frame in frames(file, at, strict=True):
        if isinstance(frame, Hole):
            yield _gap(file, frame, offset=frame.start, number=0, next_start=frame.next)
            continue
        then = frame.end + _NUMBERS if frame.unended else frame.next
        if item := pages.item(file, frame, offset=frame.start, number=0, next_start=then):
            yield item


def _packed(file: Window, at: int, done: int, pages: _Pages) -> Iterator[WarcItem]:
    while at < file.size:
        if is_member(file, at):
            member = open_member(file, at, held_bytes=pages.block_bytes)
            message = f"the gzip member is damaged: {member.fault}"
        else:
            member = Member(None, Window.over(b""))
            message = "no gzip member begins here"
        then = member.end
        if then is not None:
            yield from _in_member(member, at, then, done, pages)
        else:
            then = next_member(file, at + 1, BEGINNING)
            if then is None and member.cut:
                yield from _in_cut_member(file, member, at, done, pages)
            else:
                hole = Hole(at, file.size if then is None else then, message)
                yield _gap(file, hole, offset=at, number=0, next_start=hole.next)
        at, done = (file.size if then is None else then), 0


def _in_member(member: Member, at: int, end: int, done: int, pages: _Pages) -> Iterator[WarcItem]:
    content = member.content
    for number, frame in enumerate(frames(content, 0, strict=False)):
        if number < done:
            continue
        then = end if frame.next >= content.size else at + (number + 1) * _NUMBERS
        if isinstance(frame, Record):
            if item := pages.item(content, frame, offset=at, number=number, next_start=then):
                yield item
        elif frame.cut and frame.header:
            yield WarcSkipped(
                offset=at,
                number=number,
                next_start=then,
                url=frame.header.url,
                record_id=frame.header.record_id,
                reason=Reason.TRUNCATED,
                message=frame.message,
                raw_sha256=content.hashed(frame.start, frame.next).hex(),
                raw_bytes=frame.next - frame.start,
            )
        else:
            where = f"of what the member at offset {at} holds"
            yield _gap(content, frame, offset=at, number=number, next_start=then, where=where)


def _in_cut_member(file: Window, member: Member, at: int, done: int, pages: _Pages) -> Iterator[WarcItem]:
    content, whole = member.content, 0
    for frame in frames(content, 0, strict=True):
        if isinstance(frame, Hole) or content.read(frame.next, len(BEGINNING)) != BEGINNING:
            break
        if whole >= done and (
            item := pages.item(content, frame, offset=at, number=whole, next_start=at + (whole + 1) * _NUMBERS)
        ):
            yield item
        whole += 1
    message = "the file ends inside a gzip member" + (f", behind {whole} whole records" if whole else "")
    hole = Hole(at, file.size, message, cut=True)
    yield _gap(file, hole, offset=at, number=whole, next_start=file.size)


def _gap(
    window: Window, hole: Hole, *, offset: int, number: int, next_start: int, where: str | None = None
) -> WarcGap:
    header, length = hole.header, hole.next - hole.start
    return WarcGap(
        offset=offset,
        number=number,
        next_start=next_start,
        url=header.url if header else None,
        record_id=header.record_id if header else None,
        reason=Reason.WARC_TRUNCATED if hole.cut else Reason.WARC_DAMAGED,
        message=f"{hole.message} ({length:,} bytes {where or f'from offset {offset}'})",
        raw_sha256=window.hashed(hole.start, hole.next).hex(),
        raw_bytes=length,
    )
