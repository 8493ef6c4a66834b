"""Where the records of an uncompressed WARC begin and end, and where there are none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from transforms.core.http_message import HEAD_BYTES, head_length
from transforms.core.warc_records import VERSION, Malformed, WarcHeader, parse_header, payload_start, stated_digest
from transforms.windows import Window

BEGINNING = b"WARC/"
_ENDING = b"\r\n\r\n"
_CARELESS_ENDINGS = (b"\r\n", b"\n", b"")
"""What some writers put instead; without a checksum it is rather a length that is off by some bytes."""

_SHORT_HEAD_BYTES = 4_096
"""The header of a record takes some 500 bytes; only a longer one is read again up to its limit."""

_SOUGHT = re.compile(VERSION.pattern + rb"[A-Za-z-]{1,64}:")
_SOUGHT_BYTES = 32_768
"""How long a header may be where the next record is sought: every line that looks like one is tried, so this bounds
what a file full of them costs."""

_LONGEST_ENDING = 64
_SHOWN_BYTES = 16 << 20
"""Records up to this length are moved into memory as a whole, so that no step back is needed where one is damaged."""


@dataclass(frozen=True, slots=True)
class Record:
    """A whole record: its header at ``start``, its block from ``block`` to ``end``, what follows it at ``next``."""

    header: WarcHeader
    start: int
    block: int
    end: int
    next: int
    unended: bool = False


@dataclass(frozen=True, slots=True)
class Hole:
    """No whole record from ``start`` to ``next``; ``cut`` where that is because there is no more."""

    start: int
    next: int
    message: str
    cut: bool = False
    header: WarcHeader | None = None


def frames(window: Window, at: int, *, strict: bool) -> Iterator[Record | Hole]:
    """The records and holes of an uncompressed WARC. ``strict`` where no checksum has vouched for the bytes."""
    while at < window.size:
        frame = _frame(window, at, strict=strict)
        yield frame
        at = frame.next
        if isinstance(frame, Record) and frame.unended:
            yield ending_missing(window, frame.end)
            return


def ending_missing(window: Window, at: int) -> Hole:
    """The hole behind a record whose block is whole and whose empty lines, which begin at ``at``, are not."""
    return Hole(at, window.size, "the file ends before the empty lines that end a record", cut=True)


def _frame(window: Window, at: int, *, strict: bool) -> Record | Hole:
    head = window.read(at, _SHORT_HEAD_BYTES)
    if VERSION.match(head) and not head_length(head):
        head = window.read(at, HEAD_BYTES)
    length = head_length(head)
    try:
        header = parse_header(head[:length] if length else head[:_SHORT_HEAD_BYTES], strict=strict)
        if not length:
            raise Malformed("the WARC header has no end")
    except Malformed as fault:
        then = next_record(window, at + 1)
        ends_early = not length and at + len(head) == window.size and b"WARC/1.".startswith(head[:7])
        return Hole(at, then or window.size, str(fault), cut=then is None and ends_early)
    block = at + length
    end = block + header.length
    if end > window.size:
        then = next_record(window, block)
        message = f"{window.size - block:,} bytes follow the WARC header, which states {header.length:,}"
        return Hole(at, then or window.size, message, cut=then is None, header=header)
    return _framed(window, header, at, block, strict=strict)


def _framed(window: Window, header: WarcHeader, at: int, block: int, *, strict: bool) -> Record | Hole:
    """A record whose stated length is there: whether what follows it, and its digest, bear the length out."""
    end = block + header.length
    if header.length <= _SHOWN_BYTES:
        window.show(at, end + _LONGEST_ENDING - at)
    tail = window.read(end, _LONGEST_ENDING)
    follows = tail.lstrip(b"\r\n")
    run = tail[: len(tail) - len(follows)]
    then = end + len(run)
    ended = run.startswith(_ENDING) or run == b"\n\n" or (not strict and run in _CARELESS_ENDINGS)
    unended = strict and not ended and then == window.size and _ENDING.startswith(run)
    followed = (ended and (then == window.size or follows.startswith(BEGINNING))) or unended
    if not ended and not unended:
        # Four wrong bytes where the empty lines should be are no more than that, if a record begins behind them.
        then, followed = end, tail[len(_ENDING) :].startswith(BEGINNING)
    sound = followed or run.startswith(_ENDING)
    agrees = _agrees(window, header, block, end) if strict or not sound else None
    if agrees or (sound and agrees is None):
        return Record(header, at, block, end, end if unended else then, unended)
    if agrees is None:
        message = f"no record follows the {header.length:,} bytes that the WARC header states"
    else:
        message = "the bytes of the record do not agree with its digest"
    if not followed:
        then = next_record(window, block) or window.size
    return Hole(at, then, message, header=header)


def _agrees(window: Window, header: WarcHeader, block: int, end: int) -> bool | None:
    """Whether the record is what its digest says; ``None`` where it states none that could be checked."""
    digest = stated_digest(header)
    if not digest:
        return None
    begin = 0 if digest.of_block else payload_start(header, window.read(block, min(end - block, HEAD_BYTES)))
    return None if begin is None else window.hashed(block + begin, end, digest.algorithm) == digest.value


def next_record(window: Window, at: int) -> int | None:
    """Where at or behind ``at`` the next record begins, by a header that could be one in every respect."""
    found = window.find(BEGINNING, at)
    while found is not None:
        head = window.read(found, _SHORT_HEAD_BYTES)
        if _SOUGHT.match(head):
            head = head if head_length(head) else window.read(found, _SOUGHT_BYTES)
            try:
                parse_header(head[: head_length(head)], strict=True)
            except Malformed:
                pass
            else:
                return found
        found = window.find(BEGINNING, found + 1)
    return None
