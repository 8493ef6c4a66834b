"""Answers kept as a WARC file, from which they can be read again in place of the network."""

from __future__ import annotations

import datetime as dt
import json
import string
import threading
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from warcio.recordloader import ArcWarcRecord
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from transforms.fetching.client import Answer
from transforms.storage import DISK

METADATA = "WARC-JSON-Metadata"
"""The header that holds the note, as Webrecorder's tools call it; the standard has none for such."""

_NOT_KEPT = frozenset({"transfer-encoding", "content-length"})


class _Head(StatusAndHeaders):
    """Status line and headers, in the very bytes: the library would percent-encode what is not ASCII."""

    def to_ascii_bytes(self, _: Any = None) -> bytes:
        head: str = self.to_str()
        return head.encode() + b"\r\n"


class Recorder:
    """Keeps answers as WARC 1.1 (ISO 28500), one gzip member a record. Threads may share it.

    The file has its name from ``close`` on and not before. Without any answer there is none. The same answers in the
    same order make the same file.

    Args:
        folder: where the file is to be; made if missing.
        name: of the file, without ``.warc.gz``.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.warc.gz"
        self._unfinished = folder / f".{name}.warc.gz.tmp"
        self._lock = threading.Lock()
        self._file: Any = None
        self._writer: Any = None
        self._records = 0
        self._spoilt = False
        self._closed = False

    def keep(self, answer: Answer, note: str = "") -> None:
        """Write one answer behind those before it.

        Args:
            answer: what came; its ``raw`` is kept, so that what its headers say of codings stays true.
            note: JSON that is kept with it in one line; empty: none.

        Raises:
            OSError: the file cannot be written; ``close`` will then leave none.
            ValueError: ``note`` is no JSON, or the recorder is closed.
        """
        # ASCII on one line, as a header must be; "\\u" escapes are JSON's own.
        metadata = json.dumps(json.loads(note), separators=(",", ":")) if note else None
        with self._lock:
            if self._closed:
                raise ValueError(f"{self.path}: the recording is closed")
            try:
                if self._file is None:
                    self._begin(answer.fetched_at)
                self._write_response(answer, metadata)
            except BaseException:
                self._spoilt = True
                raise

    def close(self) -> None:
        """Flush the file and give it its name; a second call does nothing.

        Raises:
            OSError: it cannot be flushed or renamed.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._file is None:
                return
            try:
                self._file.close()
                if not self._spoilt:
                    DISK.sync_file(self._unfinished)
                    DISK.rename(self._unfinished, self.path)
                    DISK.sync_folder(self.path.parent)
            finally:
                DISK.unlink(self._unfinished)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self, at: dt.datetime) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._unfinished.open("wb")
        self._writer = WARCWriter(self._file, gzip=True, warc_version="1.1")
        block = f"software: knipsel/{version('knipsel')}\r\nformat: WARC File Format 1.1\r\n".encode()
        headers = [("WARC-Filename", self.path.name)]
        self._write("warcinfo", at, "application/warc-fields", headers, None, block)

    def _write_response(self, answer: Answer, metadata: str | None) -> None:
        headers = [("WARC-Target-URI", quote(answer.url, safe=string.punctuation, errors="surrogatepass"))]
        if metadata is not None:
            headers.append((METADATA, metadata))
        kept = [(name, value) for name, value in answer.headers if name.lower() not in _NOT_KEPT]
        kept.append(("Content-Length", str(len(answer.raw))))
        head = _Head(f"{answer.status} {answer.reason}", kept, protocol="HTTP/1.1")
        self._write("response", answer.fetched_at, "application/http; msgtype=response", headers, head, answer.raw)

    def _write(
        self,
        kind: str,
        at: dt.datetime,
        content_type: str,
        headers: list[tuple[str, str]],
        head: _Head | None,
        block: bytes,
    ) -> None:
        """One record; ``block`` is what stands in it behind ``head``."""
        moment = at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        target = dict(headers).get("WARC-Target-URI", "")
        identity = uuid5(NAMESPACE_URL, f"{self.path.name}#{self._records} {moment} {target}")
        own = [("WARC-Type", kind), ("WARC-Record-ID", f"<urn:uuid:{identity}>"), ("WARC-Date", moment), *headers]
        record = ArcWarcRecord(
            "warc",
            kind,
            StatusAndHeaders("", own, protocol="WARC/1.1"),
            BytesIO(block),
            head,
            content_type,
            len(block),
        )
        record.payload_length = len(block)
        self._writer.write_record(record)
        self._records += 1
