"""What is in a record: the page as a browser would get it, or the reason why there is none."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from schemas.reject import Reason
from tests.transforms.warcs import HTML, PAGE_BYTES, bare_deflate, chunked, html, http, one, page, raw, read, record
from transforms.warc import WarcPage, WarcSkipped, read_warc


def zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(body)


CODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "Deflate": bare_deflate,
    "br": brotli.compress,
    "zstd": zstd,
    "gzip, br": lambda body: brotli.compress(gzip.compress(body)),
    "deflate,zstd": lambda body: zstd(zlib.compress(body)),
    "identity": bytes,
    "utf-8": bytes,
}


@pytest.mark.parametrize("in_chunks", [False, True])
@pytest.mark.parametrize("coding", CODINGS)
def test_any_coding_is_undone(coding: str, in_chunks: bool) -> None:
    body = CODINGS[coding](html(1))
    headers = ["Content-Type: text/html", f"Content-Encoding: {coding}"]
    if in_chunks:
        body, headers = chunked(body), [*headers, "Transfer-Encoding: chunked"]
    else:
        headers.append(f"Content-Length: {len(body)}")
    item = one(raw(http(body, *headers)))
    assert isinstance(item, WarcPage)
    assert item.html == html(1)


@pytest.mark.parametrize("coding", [*CODINGS, "compress"])
def test_a_header_may_name_codings_that_the_crawler_has_undone(coding: str) -> None:
    headers = ("Content-Type: text/html", f"Content-Encoding: {coding}", "Transfer-Encoding: chunked")
    for body in (html(1), b"Zonder opmaak, zonder codering, en toch een bericht."):
        item = one(raw(http(body, *headers, "Content-Length: 90000")))
        assert isinstance(item, WarcPage)
        assert item.html == body


def test_a_body_is_unpacked_where_no_header_says_that_it_is_packed() -> None:
    item = one(raw(http(gzip.compress(html(1)))))
    assert isinstance(item, WarcPage)
    assert item.html == html(1)


def test_gzip_in_several_members_and_chunks_of_one_byte() -> None:
    body = chunked(gzip.compress(html(1)[:50]) + gzip.compress(html(1)[50:]) + b"\0\0", size=1)
    headers = ("Content-Type: text/html", "Content-Encoding: gzip", "Transfer-Encoding: chunked")
    item = one(raw(http(body, *headers)))
    assert isinstance(item, WarcPage)
    assert item.html == html(1)


def refusal(block: bytes, page_bytes: int = PAGE_BYTES, extra: bytes = b"") -> Reason:
    item = one(raw(block, extra=extra), page_bytes)
    assert isinstance(item, WarcSkipped)
    assert item.raw_bytes == len(block)
    assert item.url == "https://nieuws.example/1"
    return item.reason


@pytest.mark.parametrize("coding", ["gzip", "deflate", "Deflate", "br", "zstd"])
def test_a_body_that_ends_inside_its_coding_is_truncated(coding: str) -> None:
    body = CODINGS[coding](html(1))
    headers = ("Content-Type: text/html", f"Content-Encoding: {coding}")
    for cut in (len(body) // 2, len(body) - 1):
        assert refusal(http(body[:cut], *headers)) is Reason.TRUNCATED


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_damaged_body_is_refused(coding: str) -> None:
    body = CODINGS[coding](html(1))
    headers = ("Content-Type: text/html", f"Content-Encoding: {coding}")
    wrong = body[:30] + bytes(byte ^ 0xFF for byte in body[30:60]) + body[60:]
    assert refusal(http(wrong, *headers)) in (Reason.HTTP_PROTOCOL, Reason.TRUNCATED)
    assert refusal(http(b"\0\1\2" * 50, *headers)) in (Reason.HTTP_PROTOCOL, Reason.TRUNCATED)


def test_short_bodies_are_truncated() -> None:
    body = html(1)
    stated = ("Content-Type: text/html", f"Content-Length: {len(body) + 1}")
    in_chunks = ("Content-Type: text/html", "Transfer-Encoding: chunked")
    assert refusal(http(body, *stated)) is Reason.TRUNCATED
    assert refusal(http(chunked(body)[:-5], *in_chunks)) is Reason.TRUNCATED
    assert refusal(http(chunked(body)[:150], *in_chunks)) is Reason.TRUNCATED
    assert refusal(http(body), extra=b"WARC-Truncated: length\r\n") is Reason.TRUNCATED
    assert refusal(http(body), extra=b"WARC-Segment-Number: 1\r\n") is Reason.TRUNCATED
    broken = chunked(body)
    assert refusal(http(broken[:220] + b"zz" + broken[222:], *in_chunks)) is Reason.HTTP_PROTOCOL


@pytest.mark.parametrize("status", ["301 Moved Permanently", "404 Not Found", "206 Partial Content", "500 "])
def test_another_status_is_filtered(status: str) -> None:
    assert refusal(http(html(1), status=status)) is Reason.HTTP_STATUS


@pytest.mark.parametrize("stated", ["image/png", "application/json", "text/plain; charset=utf-8", "application/xml"])
def test_what_is_called_something_else_is_no_html(stated: str) -> None:
    assert refusal(http(html(1), f"Content-Type: {stated}")) is Reason.NOT_HTML


def test_without_a_content_type_the_bytes_decide() -> None:
    for body in (html(1), b"\xef\xbb\xbf\r\n<!-- brug --><p>tekst", b'<?xml version="1.0"?>\n<html>'):
        assert isinstance(one(raw(http(body, "Server: x"))), WarcPage)
        assert isinstance(one(raw(http(body, "Content-Type: unknown/unknown"))), WarcPage)
    packed = http(gzip.compress(html(1)), "Content-Encoding: gzip")
    assert isinstance(one(raw(packed)), WarcPage)
    assert refusal(http(b'{"a": 1}', "Server: x")) is Reason.NOT_HTML
    assert refusal(http(b"%PDF-1.7 ...")) is Reason.NOT_HTML


@pytest.mark.parametrize("body", [b"", b" \r\n\t"])
def test_an_empty_page_is_refused(body: bytes) -> None:
    assert refusal(http(body)) is Reason.EMPTY


@pytest.mark.parametrize(
    "block", [b"", b"niets", b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 60_000]
)
def test_what_is_no_response_is_refused(block: bytes) -> None:
    assert refusal(block) is Reason.HTTP_PROTOCOL


@pytest.mark.parametrize(
    ("stated", "charset"),
    [
        ("text/html", None),
        ("text/html; charset=ISO-8859-1", "ISO-8859-1"),
        ('text/html;level=1; Charset = "windows-1252"', "windows-1252"),
        ("application/xhtml+xml;charset='utf-8'", "utf-8"),
    ],
)
def test_the_charset_of_the_header_is_handed_on(stated: str, charset: str | None) -> None:
    item = one(raw(http(html(1), f"Content-Type: {stated}")))
    assert isinstance(item, WarcPage)
    assert item.charset == charset


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_refused_in_little_memory(coding: str) -> None:
    body = CODINGS[coding](b"<p>" + b"a" * 60_000_000)
    block = http(body, "Content-Type: text/html", f"Content-Encoding: {coding}")
    packed = gzip.compress(raw(block))
    tracemalloc.start()
    assert refusal(block) is Reason.TOO_LARGE
    assert [type(item) for item in read(packed)] == [WarcSkipped]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # zstd cannot be stopped within a piece: up to 8 MiB come at a time, twice over while they are handed on.
    assert peak < 25_000_000


def test_a_page_too_large_is_refused_without_being_held() -> None:
    packed = gzip.compress(raw(http(b"<p>" + b"lang " * 12_000_000)), compresslevel=1) + page(2).packed
    tracemalloc.start()
    found = read(packed)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16_000_000
    first, second = found
    assert isinstance(first, WarcSkipped)
    assert first.reason is Reason.TOO_LARGE
    assert isinstance(second, WarcPage)
    assert refusal(http(b"x" * 101), page_bytes=100) is Reason.TOO_LARGE


def test_a_resource_is_a_page_by_its_own_content_type() -> None:
    item = one(record(html(1), kind="resource", content_type="text/html; charset=latin-1"))
    assert isinstance(item, WarcPage)
    assert (item.html, item.charset) == (html(1), "latin-1")
    skipped = one(record(b"20261120 10.0.0.1", kind="resource", url="dns:nieuws.example", content_type="text/dns"))
    assert isinstance(skipped, WarcSkipped)
    assert skipped.reason is Reason.NOT_HTML


@pytest.mark.parametrize("kind", ["request", "revisit", "metadata", "conversion"])
def test_other_records_are_passed_over(kind: str) -> None:
    assert read(record(b"" if kind in ("request", "revisit") else b"a: b", kind=kind)) == []
    assert read(gzip.compress(record(kind=kind).replace(b": " + kind.encode(), b": anders", 1))) == []


def test_old_writers_put_the_target_in_brackets() -> None:
    assert one(raw(http(html(1)), url="<https://nieuws.example/é>")).url == "https://nieuws.example/é"


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("2026-11-20T06:30:05Z", dt.datetime(2026, 11, 20, 6, 30, 5, tzinfo=dt.UTC)),
        ("2026-11-20T06:30:05.123456789Z", dt.datetime(2026, 11, 20, 6, 30, 5, 123456, tzinfo=dt.UTC)),
        ("2026-11-20T06:30Z", dt.datetime(2026, 11, 20, 6, 30, tzinfo=dt.UTC)),
        ("2026-11-20T08:30:05+02:00", dt.datetime(2026, 11, 20, 6, 30, 5, tzinfo=dt.UTC)),
        ("2026-11-20T06:30:05", dt.datetime(2026, 11, 20, 6, 30, 5, tzinfo=dt.UTC)),
        ("2026-11-20", None),
        ("20261120063005", None),
        ("2026-13-20T06:30:05Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
    ],
)
def test_the_date_is_a_moment_or_nothing(stated: str, expected: dt.datetime | None) -> None:
    item = one(raw(http(html(1))).replace(b"2026-11-20T06:30:00Z", stated.encode()))
    assert isinstance(item, WarcPage)
    assert item.fetched_at == expected


def test_lines_that_end_in_line_feeds_alone_are_read() -> None:
    item = one(raw(b"HTTP/1.0 200 OK\nContent-Type: text/html\n\n<p>tekst").replace(b"\r\n", b"\n"))
    assert isinstance(item, WarcPage)
    assert item.html == b"<p>tekst"


def test_a_digest_of_the_writer_agrees_with_what_is_stored() -> None:
    packed = chunked(gzip.compress(html(1)))
    headers = [*HTML, ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")]
    assert isinstance(one(record(packed, headers=headers)), WarcPage)


def test_a_file_that_shrinks_while_it_is_read_is_no_end() -> None:
    class Shrinking(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            return super().seek(offset, whence) if whence != io.SEEK_END else super().seek(0, whence) + 9

    with pytest.raises(OSError, match="shorter"):
        list(read_warc(Shrinking(page(1).plain), page_bytes=PAGE_BYTES))
