"""Files to records."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, cast

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.transforms.window import TimestampedValue

from schemas.record import Declared, InputKind, Record, SourceFile
from schemas.reject import Reason, Refused, Reject, fingerprint
from transforms.core.feeds import read_feed
from transforms.core.jsonl import read_line
from transforms.core.stages import event_time
from transforms.core.text import decode
from transforms.stage import REJECTS

STAGE = "read"


class ReadSources(beam.PTransform):
    """File descriptors in; records, stamped with their event time, and dead letters out.

    Args:
        now: the moment of the run.
        text_bytes: the largest article, decoded.
        feed_bytes: the largest feed, decoded.
    """

    def __init__(self, *, now: datetime, text_bytes: int, feed_bytes: int) -> None:
        super().__init__()
        self._fn = ReadSourceFn(now=now, text_bytes=text_bytes, feed_bytes=feed_bytes)

    def expand(self, files: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return files | STAGE >> beam.ParDo(self._fn).with_outputs(REJECTS, main="records")


class ReadSourceFn(beam.DoFn):
    """See ``ReadSources``."""

    def __init__(self, *, now: datetime, text_bytes: int, feed_bytes: int) -> None:
        self._now = now
        self._text_bytes = text_bytes
        self._feed_bytes = feed_bytes

    def process(self, file: SourceFile) -> Iterator[TimestampedValue | pvalue.TaggedOutput]:
        for item in read_file(file, text_bytes=self._text_bytes, feed_bytes=self._feed_bytes):
            if isinstance(item, Reject):
                yield pvalue.TaggedOutput(REJECTS, item)
            else:
                yield TimestampedValue(item, event_time(item, self._now).timestamp())


def read_file(file: SourceFile, *, text_bytes: int, feed_bytes: int) -> Iterator[Record | Reject]:
    """Every record in ``file``, and a dead letter for each that could not be read."""
    try:
        with _opened(file.path) as stream:
            if file.kind is InputKind.JSONL:
                yield from _lines(stream, file, text_bytes)
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
def _opened(path: str) -> Iterator[IO[bytes]]:
    with Path(path).open("rb") as stream:
        if path.lower().endswith(".gz"):
            with gzip.open(stream) as unpacked:
                yield cast(IO[bytes], unpacked)
        else:
            yield stream


def _whole(stream: IO[bytes], limit: int) -> bytes:
    raw = stream.read(limit + 1)
    if len(raw) > limit:
        raise Refused(Reason.TOO_LARGE, f"larger than {limit:,} bytes, the limit in the settings")
    return raw


def _records(raw: bytes, file: SourceFile) -> Iterator[Record | Reject]:
    try:
        if file.kind is InputKind.FEED:
            yield from read_feed(raw, file)
            return
        if not raw.strip():
            raise Refused(Reason.EMPTY, "the file is empty")
        record = Record(file.kind, file.path, file.record, file.outlet, Declared(guid=file.record), raw)
        if file.kind is InputKind.HTML:
            yield replace(record, html=raw)
        else:
            text, flags = decode(raw)
            yield replace(record, text=text, flags=flags)
    except Refused as refusal:
        yield _reject(file, refusal, raw)


def _lines(stream: IO[bytes], file: SourceFile, limit: int) -> Iterator[Record | Reject]:
    number = found = 0
    while raw := stream.readline(limit + 1):
        number += 1
        at = replace(file, path=f"{file.path}#{number}")
        size = len(raw)
        found += bool(raw.strip())
        if size > limit and not raw.endswith(b"\n"):
            while (rest := stream.readline(1 << 20)) and not rest.endswith(b"\n"):
                size += len(rest)
            size += len(rest)
            message = f"line {number} holds {size:,} bytes; {limit:,} is the limit in the settings"
            yield replace(_reject(at, Refused(Reason.TOO_LARGE, message)), raw_bytes=size)
        elif raw.strip():
            try:
                yield read_line(raw.rstrip(b"\r\n"), file, number)
            except Refused as refusal:
                yield _reject(at, refusal, raw)
    if not found:
        yield _reject(file, Refused(Reason.EMPTY, "the file is empty"), b"")


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
