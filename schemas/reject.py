"""Dead letters: what was not written, and why. One row per input, with a code out of the one list of reasons."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import pyarrow as pa

from schemas.article import SCHEMA_VERSION


class Reason(StrEnum):
    """Why an input was not written. The value is what stands in the column ``code``."""

    EMPTY = "EMPTY"
    TOO_LARGE = "TOO_LARGE"
    BAD_ENCODING = "BAD_ENCODING"
    READ_ERROR = "READ_ERROR"
    GZIP_BAD = "GZIP_BAD"
    JSONL_BAD = "JSONL_BAD"
    WARC_TRUNCATED = "WARC_TRUNCATED"
    WARC_DAMAGED = "WARC_DAMAGED"
    TRUNCATED = "TRUNCATED"
    HTTP_PROTOCOL = "HTTP_PROTOCOL"
    HTTP_STATUS = "HTTP_STATUS"
    NOT_HTML = "NOT_HTML"
    NOT_A_FEED = "NOT_A_FEED"
    FEED_PARSE = "FEED_PARSE"
    XML_FORBIDDEN = "XML_FORBIDDEN"
    TIMEOUT = "TIMEOUT"
    UNREACHABLE = "UNREACHABLE"
    TLS = "TLS"
    SSRF_BLOCKED = "SSRF_BLOCKED"
    SERVER_ERROR = "SERVER_ERROR"
    HOST_BUSY = "HOST_BUSY"
    HOST_NOT_LISTED = "HOST_NOT_LISTED"
    ROBOTS_DISALLOWED = "ROBOTS_DISALLOWED"
    ROBOTS_UNREACHABLE = "ROBOTS_UNREACHABLE"
    BAD_URL = "BAD_URL"
    BAD_SCHEME = "BAD_SCHEME"
    EXTRACT_ERROR = "EXTRACT_ERROR"
    EXTRACT_LOSS = "EXTRACT_LOSS"
    PARSE_TIMEOUT = "PARSE_TIMEOUT"
    WORKER_CRASH = "WORKER_CRASH"
    STAGE_ERROR = "STAGE_ERROR"
    ONLY_CLUTTER = "ONLY_CLUTTER"
    CONTRACT = "CONTRACT"
    FORGOTTEN = "FORGOTTEN"
    OUT_OF_RANGE = "OUT_OF_RANGE"


EXPLAINED: dict[Reason, str] = {
    Reason.EMPTY: "there is no text in it at all",
    Reason.TOO_LARGE: "larger than the limits in the settings allow",
    Reason.BAD_ENCODING: "bytes that are no text in any encoding tried",
    Reason.READ_ERROR: "the file could not be opened or read",
    Reason.GZIP_BAD: "the gzip stream is damaged or cut short",
    Reason.JSONL_BAD: "the line is no JSON object with the keys that an article may have",
    Reason.WARC_TRUNCATED: "the WARC file ends inside a record",
    Reason.WARC_DAMAGED: "a part of the WARC file that cannot be read as whole records",
    Reason.TRUNCATED: "the page ends before the length or the coding that was stated for it does",
    Reason.HTTP_PROTOCOL: "the HTTP response breaks the protocol, or its body is in no coding that can be undone",
    Reason.HTTP_STATUS: "the server answered with another status than 200",
    Reason.NOT_HTML: "an image, a document or anything else that is no HTML page",
    Reason.NOT_A_FEED: "neither RSS, RDF, Atom nor JSON Feed",
    Reason.FEED_PARSE: "the feed parser gave up",
    Reason.XML_FORBIDDEN: "the XML declares entities, which a feed has no need of",
    Reason.TIMEOUT: "the server did not answer, or not to the end, in the time that the settings allow",
    Reason.UNREACHABLE: "the host's name is unknown or it takes no connection",
    Reason.TLS: "the certificate or the encryption of the server cannot be trusted",
    Reason.SSRF_BLOCKED: "the address leads into a private network or to a port that is not allowed",
    Reason.SERVER_ERROR: "the server said that it failed (408, or 500 and more)",
    Reason.HOST_BUSY: "the host asked again and again to come back later",
    Reason.HOST_NOT_LISTED: "the page is on a host that the settings do not list for its feed",
    Reason.ROBOTS_DISALLOWED: "the robots.txt of the host asks not to fetch it",
    Reason.ROBOTS_UNREACHABLE: "the robots.txt of the host could not be read, so nothing may be fetched",
    Reason.BAD_URL: "the address is no valid URL, or longer than 2,048 characters",
    Reason.BAD_SCHEME: "the address is neither http nor https",
    Reason.EXTRACT_ERROR: "the page could not be parsed",
    Reason.EXTRACT_LOSS: "the page shows far more text than could be extracted",
    Reason.PARSE_TIMEOUT: "it took longer than the settings allow, and the process at work on it was ended",
    Reason.WORKER_CRASH: "the process at work on it broke down, or it needed more memory than the settings allow",
    Reason.STAGE_ERROR: "a stage failed on this article; the message names the error",
    Reason.ONLY_CLUTTER: "nothing was left once the clutter was cut",
    Reason.CONTRACT: "a value cannot stand in its column; the message names the column",
    Reason.FORGOTTEN: "it was erased from the data set for good, and is kept out",
    Reason.OUT_OF_RANGE: "it is of a day before --since or after --until",
}
"""One sentence a code, for people; a test holds it against the enum."""

FILTERED: frozenset[Reason] = frozenset(
    {
        Reason.HTTP_STATUS,
        Reason.NOT_HTML,
        Reason.ONLY_CLUTTER,
        Reason.HOST_NOT_LISTED,
        Reason.ROBOTS_DISALLOWED,
        Reason.FORGOTTEN,
        Reason.OUT_OF_RANGE,
    }
)
"""The codes of inputs that were left out on purpose; every other code is a rejection."""


@dataclass(frozen=True, slots=True)
class Reject:
    """One dead letter. ``raw_sha256`` and ``raw_bytes`` (a length) describe the bytes of the input."""

    stage: str
    """where it ended: `read`, `poll`, `parse`, `fetch`, `extract`, `strip`, `language`, `date`, `tag` or `check`"""
    code: str
    """one of the reason codes"""
    input_ref: str
    """the file, and behind `#` the number of the line or feed entry, or the place in a WARC file"""
    message: str
    """what was wrong, in a sentence"""
    url: str | None = None
    """its address, as far as known"""
    guid: str | None = None
    """its own id, as far as known"""
    source_id: str | None = None
    """the outlet, as far as known"""
    feed_url: str | None = None
    """the feed it came from"""
    raw_sha256: str | None = None
    """of the bytes of the input; null if they were not read whole"""
    raw_bytes: int | None = None
    """the length of the input, as far as known"""
    run_id: str = ""
    """the run that turned it away"""
    rejected_at: dt.datetime | None = None
    """the moment of the run"""

    def row(self) -> dict[str, Any]:
        """The dead letter as the plain values that Arrow takes."""
        return asdict(self)


class Refused(Exception):  # noqa: N818 - it says what is the case
    """Raised by the pure functions for input that cannot become an article; the stage makes it a dead letter."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[Refused], tuple[Reason, str]]:
        """Exceptions cross process borders; the default would lose the reason."""
        return type(self), (self.reason, self.message)


def fingerprint(raw: bytes) -> str:
    """The sha256 of ``raw`` in hexadecimal, as it stands in ``raw_sha256``."""
    return hashlib.sha256(raw).hexdigest()


_TIME = pa.timestamp("us", tz="UTC")

REJECTS: pa.Schema = pa.schema(
    [
        pa.field("stage", pa.string(), nullable=False),
        pa.field("code", pa.string(), nullable=False),
        pa.field("input_ref", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("guid", pa.string()),
        pa.field("source_id", pa.string()),
        pa.field("feed_url", pa.string()),
        pa.field("message", pa.string(), nullable=False),
        pa.field("raw_sha256", pa.string()),
        pa.field("raw_bytes", pa.int64()),
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("rejected_at", _TIME, nullable=False),
    ],
    metadata={"knipsel.schema_version": str(SCHEMA_VERSION), "knipsel.table": "rejects"},
)
"""The frozen schema of ``rejects``."""
