"""WARC files in memory, as crawlers write them."""

from __future__ import annotations

import gzip
import io
import uuid
import zlib
from dataclasses import dataclass
from functools import cache
from typing import IO

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from transforms.warc import WarcGap, WarcItem, WarcPage, read_warc

PAGE_BYTES = 100_000
DATE = "2026-11-20T06:30:00Z"
HTML = [("Content-Type", "text/html; charset=utf-8")]


class Writer(WARCWriter):
    """warcio's writer; the temporary files in which it looks at the payload are never closed."""

    @classmethod
    def _create_temp_file(cls) -> IO[bytes]:
        return io.BytesIO()


@dataclass(frozen=True)
class Part:
    """One record as bytes, and the page that a reader must find in it: its URL, or ``None`` for other records."""

    plain: bytes
    url: str | None = None
    html: bytes = b""

    @property
    def packed(self) -> bytes:
        """The record as a gzip member of its own."""
        return gzip.compress(self.plain, mtime=0)


def html(number: int) -> bytes:
    """A small page; no two are alike."""
    lines = "".join(
        f"<p>Regel {number * 7 + k} over de brug van Veldhoek, {number**3 + k}.</p>\r\n" for k in range(6)
    )
    return f"<!doctype html><html><head><title>Brug {number}</title></head><body>{lines}</body></html>".encode()


def record(
    body: bytes = b"",
    *,
    url: str = "https://nieuws.example/1",
    kind: str = "response",
    headers: list[tuple[str, str]] | None = None,
    status: str = "200 OK",
    content_type: str | None = None,
) -> bytes:
    """One record, written by warcio: with digests of block and payload."""
    out = io.BytesIO()
    writer = Writer(out, gzip=False)
    http = kind in ("response", "request", "revisit")
    if kind == "request":
        head = StatusAndHeaders("GET / HTTP/1.1", [("Host", "nieuws.example")], is_http_request=True)
    else:
        head = StatusAndHeaders(status, HTML if headers is None else headers, protocol="HTTP/1.1")
    made = writer.create_warc_record(
        url,
        kind,
        payload=io.BytesIO(body),
        http_headers=head if http else None,
        warc_content_type=content_type or ("" if http else "text/html"),
        warc_headers_dict={"WARC-Date": DATE, "WARC-Record-ID": f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, url)}>"},
    )
    writer.write_record(made)
    return out.getvalue()


def page(number: int) -> Part:
    """A response with a page."""
    url = f"https://nieuws.example/{number}"
    return Part(record(html(number), url=url), url, html(number))


@cache
def crawl(pages: int = 6) -> tuple[Part, ...]:
    """Twice as many records as pages, in the order of a crawler: about itself, then request and response in turn."""
    about = record(b"software: proef\r\n", url="urn:crawl", kind="metadata", content_type="application/warc-fields")
    parts = [Part(about)]
    for number in range(pages):
        one = page(number)
        if number:
            parts.append(Part(record(url=one.url or "", kind="request")))
        parts.append(one)
    return tuple(parts)


def raw(
    block: bytes, *, length: int | None = None, extra: bytes = b"", url: str = "https://nieuws.example/1"
) -> bytes:
    """A response written by hand, without digests."""
    size = len(block) if length is None else length
    return (
        b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:0>\r\nWARC-Date: 2026-11-20T06:30:00Z\r\n"
        b"WARC-Target-URI: %b\r\nContent-Type: application/http; msgtype=response\r\n%bContent-Length: %d\r\n\r\n"
        b"%b\r\n\r\n" % (url.encode(), extra, size, block)
    )


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """An HTTP response as bytes."""
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *(headers or ("Content-Type: text/html",))))
    return head.encode("latin-1") + b"\r\n" + body


def chunked(body: bytes, size: int = 100) -> bytes:
    """``body`` in the chunked transfer coding."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def bare_deflate(body: bytes) -> bytes:
    """``body`` as deflate without the zlib format around it."""
    pack = zlib.compressobj(wbits=-15)
    return pack.compress(body) + pack.flush()


def read(data: bytes, start: int = 0, page_bytes: int = PAGE_BYTES) -> list[WarcItem]:
    """All that is in a file."""
    return list(read_warc(io.BytesIO(data), page_bytes=page_bytes, start=start))


def one(data: bytes, page_bytes: int = PAGE_BYTES) -> WarcItem:
    """The only thing in a file."""
    (item,) = read(data, page_bytes=page_bytes)
    return item


def pages(items: list[WarcItem]) -> list[WarcPage]:
    """The pages among ``items``."""
    return [item for item in items if isinstance(item, WarcPage)]


def gaps(items: list[WarcItem]) -> list[WarcGap]:
    """The gaps among ``items``."""
    return [item for item in items if isinstance(item, WarcGap)]
