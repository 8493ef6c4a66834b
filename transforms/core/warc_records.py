"""One record of a WARC file: its header, its digests, its page.

The format is ISO 28500, https://iipc.github.io/warc-specifications/.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
from dataclasses import dataclass

from schemas.reject import Reason, Refused
from transforms.core.http_message import (
    HtmlBody,
    content_type,
    head_length,
    header_fields,
    is_recoded,
    page,
    read_response,
    text,
)

VERSION = re.compile(rb"WARC/[01]\.[0-9]{1,2}\r?\n")
"""The line that a record begins with."""

_TYPES = frozenset(
    {"warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation"}
)
_HASHES = {"sha1": 20, "sha-1": 20, "sha256": 32, "sha-256": 32, "md5": 16}
_FOLDED_OR_FIELD = re.compile(rb"[ \t]|[A-Za-z0-9!#$%&'*+.^_`|~-]+[ \t]*:")
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(\.\d{1,12})?(Z|[+-]\d\d:\d\d)?", re.ASCII | re.IGNORECASE
)
_LONGEST_LENGTH = 18
"""Digits of a Content-Length: 18 are beyond any file, and below what an int64 holds."""


class Malformed(Exception):  # noqa: N818 - it says what is the case
    """The bytes are no WARC header; the message says why."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest that a record states: ``algorithm`` as hashlib calls it, over the whole block or its payload alone."""

    algorithm: str
    value: bytes
    of_block: bool


@dataclass(frozen=True, slots=True)
class WarcHeader:
    """What a record says of itself: its type, the ``length`` of its block in bytes, and the rest by name."""

    kind: str
    length: int
    fields: dict[str, list[str]]

    @property
    def url(self) -> str | None:
        """The WARC-Target-URI, without the angle brackets that old writers put around it."""
        return self._bare("warc-target-uri")

    @property
    def record_id(self) -> str | None:
        """The WARC-Record-ID without its angle brackets."""
        return self._bare("warc-record-id")

    @property
    def fetched_at(self) -> dt.datetime | None:
        """The WARC-Date, ``None`` where it is no moment."""
        return moment(self.last("warc-date"))

    @property
    def holds_page(self) -> bool:
        """Whether the record is of a type in which pages are kept."""
        return self.kind in ("response", "resource")

    def last(self, name: str) -> str:
        """The last value of the header ``name`` (lower case); empty where there is none."""
        return self.fields.get(name, [""])[-1]

    def _bare(self, name: str) -> str | None:
        return self.last(name).strip().removeprefix("<").removesuffix(">").strip() or None


def parse_header(raw: bytes, *, strict: bool) -> WarcHeader:
    """The header in ``raw``, from the version line to the last line before the empty one.

    Args:
        raw: The header's bytes.
        strict: Refuse what the standard does not know: where no checksum covers the header, an unknown type or a
            line without a name is more likely a flipped bit than another opinion.

    Raises:
        Malformed: It is none, or lacks its type or length.
    """
    version = VERSION.match(raw)
    if not version:
        raise Malformed("no WARC header begins here")
    lines = [line.removesuffix(b"\r") for line in raw[version.end() :].split(b"\n")]
    if strict:
        for line in lines:
            if line and (_CONTROLS.search(line) or not _FOLDED_OR_FIELD.match(line)):
                raise Malformed("a line of the WARC header is damaged")
    fields = header_fields([text(line) for line in lines])
    kind, length = fields.get("warc-type", [""])[-1].lower(), fields.get("content-length", [""])[-1]
    if not kind or (strict and (kind not in _TYPES or not fields.get("warc-record-id"))):
        raise Malformed(f"the WARC header states the type {kind!r}" if kind else "the WARC header states no type")
    if not (length.isascii() and length.isdigit() and len(length) <= _LONGEST_LENGTH):
        raise Malformed(f"the WARC header states the length {length!r}")
    header = WarcHeader(kind, int(length), fields)
    if header.holds_page and not header.url:
        raise Malformed(f"the WARC header of a {kind} states no target")
    return header


def moment(stated: str) -> dt.datetime | None:
    """A WARC-Date in UTC; ``None`` for what is no date, or one without a time of day."""
    found = _MOMENT.fullmatch(stated.strip())
    if not found:
        return None
    # datetime holds microseconds; WARC 1.1 allows nanoseconds.
    fraction, zone = (found[2] or "")[:7], (found[3] or "Z").upper()
    if found[1].count(":") == 1:
        fraction = ""
    try:
        return dt.datetime.fromisoformat(found[1].upper() + fraction + zone).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def stated_digest(header: WarcHeader) -> Digest | None:
    """The digest by which the block can be checked; that of the whole block where there is one.

    The digest of a payload means something else in a revisit (the earlier record), in a segment (the whole), and
    where the crawler cut the record.
    """
    block = _digest(header.last("warc-block-digest"), of_block=True)
    if block or not header.holds_page or "warc-segment-number" in header.fields or header.last("warc-truncated"):
        return block
    return _digest(header.last("warc-payload-digest"), of_block=False)


def payload_start(header: WarcHeader, block: bytes) -> int | None:
    """Where the payload begins in ``block``; ``None`` where a digest of it could be of another form of it."""
    if not _is_http(header, block):
        return 0
    return None if is_recoded(block) else head_length(block)


def page_of(header: WarcHeader, block: bytes, *, page_bytes: int, whole: bool = True) -> HtmlBody:
    """The HTML in a response or resource.

    Args:
        header: The record's header.
        block: Its block, or the beginning of it where ``whole`` is false.
        page_bytes: The largest page, decoded.
        whole: Whether the block could be held.

    Raises:
        Refused: As ``read_response``; ``TRUNCATED`` also where the crawler says that it cut the record.
    """
    if _is_http(header, block):
        found = read_response(block, page_bytes=page_bytes, whole=whole)
    elif header.kind == "response" and content_type(header.last("content-type")) == "application/http":
        raise Refused(Reason.HTTP_PROTOCOL, "the record holds no HTTP response")
    else:
        found = page(block, header.last("content-type"), page_bytes=page_bytes)
    if cut := header.last("warc-truncated"):
        raise Refused(Reason.TRUNCATED, f"the crawler cut the record: {cut[:40]}")
    if "warc-segment-number" in header.fields:
        raise Refused(Reason.TRUNCATED, "the record is one segment of several")
    return found


def _is_http(header: WarcHeader, block: bytes) -> bool:
    return header.kind == "response" and block.startswith(b"HTTP/")


def _digest(stated: str, *, of_block: bool) -> Digest | None:
    name, _, value = stated.partition(":")
    name, value = name.strip().lower(), value.strip()
    size = _HASHES.get(name)
    if not size:
        return None
    try:
        raw = bytes.fromhex(value) if len(value) == 2 * size else base64.b32decode(value.upper())
    except (ValueError, binascii.Error):
        # What cannot be read cannot agree: it is damaged, or the block is not what it says.
        raw = b""
    return Digest(name.replace("sha-", "sha"), raw, of_block)
