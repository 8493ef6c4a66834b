"""Answers that no client should have to put up with, and what must become of each."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import brotli
import zstandard

from schemas.reject import Reason
from tests.transforms.fetching.hostile import End, Script

MOST_BYTES = 200_000
SHORT_SECONDS = 0.8
"""The time limit for answers that never end."""

PAGE = b"<!doctype html><html><head><title>Brug</title></head><body><p>De brug blijft dicht.</p></body></html>"
NOISE = random.Random(7).randbytes(3_000)
"""Not to be compressed, and with control characters near its beginning, so that it is no text."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "deflate": zlib.compress,
    "bare-deflate": lambda data: _bare(data),
    "br": lambda data: bytes(brotli.compress(data, quality=4)),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}
NAMES = {name: name.removeprefix("bare-") for name in CODERS}


@dataclass(frozen=True, slots=True)
class Case:
    """An answer, and the codes or statuses that may come of it; with ``body`` the body that must.

    ``slow`` answers are given little time, as they never end.
    """

    name: str
    script: Script
    expected: frozenset[Reason | int]
    body: bytes | None = None
    slow: bool = False


def _bare(data: bytes) -> bytes:
    pack = zlib.compressobj(wbits=-15)
    return pack.compress(data) + pack.flush()


def case(
    name: str,
    *parts: bytes | float,
    to: Reason | int | set[Reason | int],
    end: End = End.CLOSE,
    endless: bytes = b"",
    endless_pause: float = 0.0,
    body: bytes | None = None,
) -> Case:
    """A case out of its parts; it is slow where the server does not end it."""
    expected: set[Reason | int] = to if isinstance(to, set) else {to}
    script = Script(parts, end, endless, endless_pause)
    return Case(name, script, frozenset(expected), body, slow=Reason.TIMEOUT in expected or end is End.HANG)


def sized(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole answer of which the length is stated."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def coded(body: bytes, *codings: str, status: bytes = b"200 OK") -> bytes:
    """A whole answer with a ``Content-Encoding``."""
    return sized(body, b"Content-Encoding: " + ", ".join(codings).encode(), status=status)


@cache
def packed(data: bytes, *coders: str) -> bytes:
    """``data`` in each of the codings, one over another."""
    for coder in coders:
        data = CODERS[coder](data)
    return data


def bombs() -> Iterator[Case]:
    """Small answers that are large decoded."""
    zeros = bytes(24 << 20)
    for coder in CODERS:
        yield case(f"bomb {coder}", coded(packed(zeros, coder), NAMES[coder]), to=Reason.TOO_LARGE)
        yield case(
            f"bomb {coder} as a missing page",
            coded(packed(zeros, coder), NAMES[coder], status=b"404 Not Found"),
            to=404,
            body=b"",
        )
    for inner, outer in product(CODERS, repeat=2):
        bomb = packed(zeros, inner, outer)
        yield case(f"bomb {inner}+{outer}", coded(bomb, NAMES[inner], NAMES[outer]), to=Reason.TOO_LARGE)
    for coder in CODERS:
        bomb = packed(zeros, coder, "gzip", "br")
        yield case(f"bomb {coder}+gzip+br", coded(bomb, NAMES[coder], "gzip", "br"), to=Reason.TOO_LARGE)
    yield case("bomb gzip unnamed", sized(packed(zeros, "gzip")), to=Reason.TOO_LARGE)
    for coder in ("gzip", "zstd"):
        empty = packed(b"", coder) * 5_000
        yield case(f"endless empty members {coder}", coded(empty, coder), to=Reason.HTTP_PROTOCOL)
    yield case(
        "zstd window of 128 MiB", coded(b"\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00", "zstd"), to=Reason.HTTP_PROTOCOL
    )


def codings() -> Iterator[Case]:
    """Content codings that are odd, wrong, damaged or cut, some of which can be undone."""
    for count in (1, 2, 3):
        for coders in list(product(CODERS, repeat=count))[:: 7 if count == 3 else 1]:
            names = [NAMES[coder] for coder in coders]
            yield case(f"sound {'+'.join(coders)}", coded(packed(NOISE, *coders), *names), to=200, body=NOISE)
    for coder in CODERS:
        name, whole = NAMES[coder], packed(NOISE, coder)
        yield case(f"four times {coder}", coded(packed(NOISE, *[coder] * 4), *[name] * 4), to=Reason.HTTP_PROTOCOL)
        for kept in (20, len(whole) // 2, len(whole) - 1):
            yield case(f"{coder} cut to {kept}", coded(whole[:kept], name), to=Reason.TRUNCATED)
        yield case(f"page called {coder}", coded(PAGE, name), to=200, body=PAGE)
        yield case(f"noise called {coder}", coded(NOISE, name), to={Reason.HTTP_PROTOCOL, Reason.TRUNCATED})
        yield case(f"nothing called {coder}", coded(b"", name), to=200, body=b"")
        for other in CODERS:
            if other != coder and NAMES[other] != name:
                wrong: set[Reason | int] = {Reason.HTTP_PROTOCOL, Reason.TRUNCATED}
                yield case(f"{other} called {coder}", coded(packed(NOISE, other), name), to=wrong)
        if coder in ("gzip", "deflate", "zstd"):
            flipped = bytearray(whole)
            flipped[len(whole) // 2] ^= 0x10
            yield case(f"{coder} with a bit turned", coded(bytes(flipped), name), to=Reason.HTTP_PROTOCOL)
    for unknown in (
        "compress",
        "xz",
        "bzip2",
        "lzma",
        "gzip2",
        "br;q=1",
        "dcb",
        "aes128gcm",
        "gzip br",
        "\xe9",
        "%00",
    ):
        answer = sized(NOISE, b"Content-Encoding: " + unknown.encode("latin-1"))
        yield case(f"unknown coding {unknown!r}", answer, to=Reason.HTTP_PROTOCOL)
    for harmless in ("", "identity", "none", " , ,", "X-GZIP", "GZip", "utf-8"):
        raw = packed(PAGE, "gzip") if "gzip" in harmless.lower() else PAGE
        yield case(f"harmless coding {harmless!r}", coded(raw, harmless), to=200, body=PAGE)
    for foreign in (b"gzip", b"xchunked", b"deflate, chunked", b"chunked, gzip", b"chunked;q=1"):
        answer = HEAD + b"Transfer-Encoding: " + foreign + b"\r\n\r\n5\r\nhallo\r\n0\r\n\r\n"
        yield case(f"transfer coding {foreign!r}", answer, to=Reason.HTTP_PROTOCOL)


def dripping() -> Iterator[Case]:
    """Answers that come a byte at a time, and silence at each point of an answer."""
    wholes = {
        "sized": sized(PAGE),
        "chunked": CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE),
        "until the end": HEAD + b"\r\n" + PAGE,
        "gzip": coded(packed(PAGE, "gzip"), "gzip"),
        "after others": b"HTTP/1.1 103 Early Hints\r\n\r\n" + sized(PAGE),
    }
    for name, whole in wholes.items():
        head = whole.rindex(b"\r\n\r\n") if name == "after others" else whole.index(b"\r\n\r\n")
        for what, start in (("all", 0), ("headers", 17), ("body", head + 4)):
            drip = [part for byte in whole[start:] for part in (bytes([byte]), 0.05)]
            yield case(f"{name}: {what} dripping", whole[:start], *drip, to=Reason.TIMEOUT)
        for at in range(0, len(whole) - 1, 29):
            yield case(f"{name}: silence after {at}", whole[:at], end=End.HANG, to=Reason.TIMEOUT)
    late = "late, but in time"
    yield case(late, sized(PAGE)[:30], 0.2, sized(PAGE)[30:], to=200, body=PAGE)


def endless() -> Iterator[Case]:
    """Answers without an end."""
    floods: list[tuple[str, bytes, bytes, Reason]] = [
        ("headers", HEAD, b"X-A: b\r\n" * 100, Reason.HTTP_PROTOCOL),
        ("headers, slowly", HEAD, b"X-A: b\r\n", Reason.HTTP_PROTOCOL),
        ("one header", HEAD + b"X-A: ", b"b" * 9_000, Reason.HTTP_PROTOCOL),
        ("one name", HEAD, b"X" * 9_000, Reason.HTTP_PROTOCOL),
        ("folded header", HEAD + b"X-A: b", b"\r\n bb" * 900, Reason.HTTP_PROTOCOL),
        ("reason", b"HTTP/1.1 200 ", b"O" * 9_000, Reason.HTTP_PROTOCOL),
        ("status", b"HTTP/1.1 ", b"2" * 9_000, Reason.HTTP_PROTOCOL),
        ("version", b"HTTP/", b"1" * 9_000, Reason.HTTP_PROTOCOL),
        ("blank lines first", b"", b"\r\n" * 900, Reason.TIMEOUT),
        ("interim answers", b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 50, Reason.TIMEOUT),
        ("continues", b"", b"HTTP/1.1 100 Continue\r\n\r\n", Reason.TIMEOUT),
        ("body", HEAD + b"\r\n", NOISE, Reason.TOO_LARGE),
        ("text", HEAD + b"\r\n", PAGE, Reason.TOO_LARGE),
        ("chunks", CHUNKED, b"bb8\r\n" + NOISE + b"\r\n", Reason.TOO_LARGE),
        ("chunks of one byte", CHUNKED, b"1\r\na\r\n" * 500, Reason.TOO_LARGE),
        ("chunk", CHUNKED + b"ffffffff\r\n", NOISE, Reason.TOO_LARGE),
        ("chunk size", CHUNKED, b"0" * 900, Reason.TIMEOUT),
        ("chunk size of f", CHUNKED, b"f" * 900, Reason.HTTP_PROTOCOL),
        ("chunk extension", CHUNKED + b"5;", b"a=b;" * 900, Reason.TIMEOUT),
        ("trailers", CHUNKED + b"5\r\nhallo\r\n0\r\n", b"X-A: b\r\n" * 100, Reason.HTTP_PROTOCOL),
        ("trailer", CHUNKED + b"5\r\nhallo\r\n0\r\nX-A: ", b"b" * 9_000, Reason.HTTP_PROTOCOL),
        ("gzip", HEAD + b"Content-Encoding: gzip\r\n\r\n", packed(NOISE, "gzip"), Reason.TOO_LARGE),
        ("length of ten digits", HEAD + b"Content-Length: 4294967296\r\n\r\n", NOISE, Reason.TOO_LARGE),
    ]
    for name, first, again, code in floods:
        pause = 0.001 if name in ("headers, slowly", "continues") else 0.0
        yield case(f"endless {name}", first, endless=again, endless_pause=pause, to=code)
    for status in (401, 404, 429, 500, 503):
        head = b"HTTP/1.1 %d No\r\nRetry-After: 7\r\n\r\n" % status
        yield case(f"endless body of {status}", head, endless=NOISE, to=status)
        yield case(f"body of {status} that hangs", head, end=End.HANG, to=status)
        long = b"HTTP/1.1 %d No\r\nContent-Length: 9999999999\r\n\r\n" % status
        yield case(f"endless body of {status} by its length", long, endless=NOISE, to=status, body=b"")
    for status in (301, 302, 303, 307, 308):
        head = b"HTTP/1.1 %d Moved\r\nLocation: /elsewhere\r\n\r\n" % status
        yield case(f"endless body of {status}", head, endless=NOISE, to=status, body=b"")
        yield case(f"body of {status} that hangs", head, end=End.HANG, to=status, body=b"")


def lengths() -> Iterator[Case]:
    """Lengths that lie."""
    size = len(PAGE)
    for more in (1, 2, size, 50_000):
        head = HEAD + b"Content-Length: %d\r\n\r\n" % (size + more)
        yield case(f"length {more} too large", head + PAGE, to=Reason.TRUNCATED)
        yield case(f"length {more} too large, reset", head + PAGE, end=End.RESET, to=Reason.TRUNCATED)
    for length in (MOST_BYTES + 1, 1 << 31, 1 << 32, 1 << 63, (1 << 64) - 2):
        head = HEAD + b"Content-Length: %d\r\n\r\n" % length
        yield case(f"length of {length}", head + PAGE, to=Reason.TOO_LARGE)
    for less in (1, 2, size - 1):
        head = HEAD + b"Content-Length: %d\r\n\r\n" % (size - less)
        yield case(f"length {less} too small, at once", head + PAGE, to=Reason.HTTP_PROTOCOL)
        parts = (head + PAGE[:-less], 0.05, PAGE[-less:])
        yield case(f"length {less} too small", *parts, to=200, body=PAGE[:-less])
    for text in (
        b"-1",
        b"+5",
        b"0x5",
        b"5.0",
        b"1e1",
        b"5 5",
        b"5, 5",
        b"5,6",
        b"five",
        b"1_0",
        b"9" * 40,
        b"\xd9\xa5",
    ):
        answer = HEAD + b"Content-Length: " + text + b"\r\n\r\nhallo"
        yield case(f"length {text!r}", answer, to=Reason.HTTP_PROTOCOL)
    twice = HEAD + b"Content-Length: 5\r\nContent-Length: %d\r\n\r\nhallo!"
    for second in (5, 6):
        yield case(f"two lengths, 5 and {second}", twice % second, to=Reason.HTTP_PROTOCOL)
    for pair in (
        (b"Content-Length: 3", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Content-Length: 3"),
    ):
        answer = HEAD + b"\r\n".join(pair) + b"\r\n\r\n5\r\nhallo\r\n0\r\n\r\n"
        yield case(f"length and chunks, first {pair[0]!r}", answer, to=Reason.HTTP_PROTOCOL)
    for size_line in (b"zz", b"-5", b"0x5", b"5 5", b" 5", b"", b"f" * 17, b"5;\x00", b"\xff", b"5.0", b"+5"):
        bad = size_line + b"\r\nhallo\r\n0\r\n\r\n"
        yield case(f"chunk size {size_line!r}", CHUNKED + bad, to=Reason.HTTP_PROTOCOL)
        later = (CHUNKED, 0.05, b"5\r\nhallo\r\n", 0.05, bad)
        yield case(f"second chunk size {size_line!r}", *later, to=Reason.HTTP_PROTOCOL)
    for tail in (b"XX0\r\n\r\n", b"hallo\r\n0\r\n\r\n", b"\r\r\n0\r\n\r\n"):
        yield case(f"chunk that goes on with {tail!r}", CHUNKED + b"5\r\nhallo", 0.05, tail, to=Reason.HTTP_PROTOCOL)


def broken_off() -> Iterator[Case]:
    """Connections that end at each point of an answer, politely or not."""
    for kind, whole in (
        ("sized", HEAD + b"Content-Length: 99\r\n\r\n" + NOISE[:99]),
        ("chunked", CHUNKED + b"63\r\n" + NOISE[:99] + b"\r\n0\r\n\r\n"),
    ):
        head = whole.index(b"\r\n\r\n") + 4
        for end, at in product((End.CLOSE, End.RESET), range(0, len(whole), 11)):
            code = Reason.UNREACHABLE if at < head else Reason.TRUNCATED
            yield case(f"{kind}: {end.value} after {at}", whole[:at], end=end, to=code)
    yield case("unbounded: reset", HEAD + b"\r\n" + PAGE, end=End.RESET, to=Reason.TRUNCATED)
    yield case("unbounded: close", HEAD + b"\r\n" + PAGE, to=200, body=PAGE)
    yield case("sized: reset when all has come", sized(PAGE), end=End.RESET, to=200, body=PAGE)
    yield case("interim answer, then nothing", b"HTTP/1.1 103 Early Hints\r\n\r\n", to=Reason.UNREACHABLE)
    yield case("503 broken off", sized(PAGE, b"Retry-After: 9", status=b"503 Busy")[:-9], to=503, body=b"")
    yield case("503 reset", sized(PAGE, b"Retry-After: 9", status=b"503 Busy")[:-9], end=End.RESET, to=503, body=b"")


def garbage() -> Iterator[Case]:
    """Status lines and headers that are none."""
    lines = (
        *(b"<html>hallo</html>", b"HTTP", b"HTTP/", b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 OK", b"HTTP/1.1 20 OK"),
        *(b"HTTP/1.1 2000 OK", b"HTTP/1.1 -20 OK", b"HTTP/1.1 20x OK", b"HTTP/1.1\t200\tOK", b"http/1.1 200 OK"),
        *(b"HTTP/0.9 200 OK", b"HTTP/2 200", b"HTTP/2.0 200 OK", b"HTTP/3.7 200 OK", b"HTTP/11 200 OK"),
        *(b"HTTP/1.1.1 200 OK", b"HTTPS/1.1 200 OK", b"ICY 200 OK", b"RTSP/1.0 200 OK", b" HTTP/1.1 200 OK"),
        *(b"SSH-2.0-OpenSSH_9.6", b"220 mail.example ESMTP", b"* OK IMAP4", b"GET / HTTP/1.1", b"PRI * HTTP/2.0"),
        *(b"\x16\x03\x01\x00\x05hallo", b"\x00\x00\x12\x04\x00", b"\xff\xfe", b"junk\r\nHTTP/1.1 200 OK", b"{}"),
        *(b"HTTP/1.1 000 No", b"HTTP/1.1 099 No", b"HTTP/1.1 101 Switching Protocols"),
    )
    for line in lines:
        to: Reason | int | set[Reason | int] = Reason.HTTP_PROTOCOL
        if line in (b"HTTP/2.0 200 OK", b"HTTP/0.9 200 OK", b"RTSP/1.0 200 OK"):
            to = {Reason.HTTP_PROTOCOL, 200}
        yield case(f"status line {line[:30]!r}", line + b"\r\n\r\n" + PAGE, to=to)
    fields = (
        *(b"ETag", b": x", b"ETag : x", b"E Tag: x", b"ETag: a\x00b", b"ETag: a\rb", b"\x00: x", b"\xff\xfe: x"),
        *(b"X" * 40_000, b"X: " + b"b" * 40_000, b"\r\n".join([b"X: b"] * 129), b"(: x", b"=: x"),
    )
    for field in fields:
        yield case(
            f"header {field[:12]!r} of {len(field)}", HEAD + field + b"\r\n\r\n" + PAGE, to=Reason.HTTP_PROTOCOL
        )
    for field in (
        b"X: " + b"b" * 30_000,
        b"\r\n".join([b"X: b"] * 127),
        b"X:",
        b"X: a\r\n b",
        b"X: \x01\x7f\xe9\xff\xed\xa0\x80",
        b" X: a",
    ):
        yield case(f"odd header {field[:12]!r} of {len(field)}", HEAD + field + b"\r\n\r\n" + PAGE, to=200, body=PAGE)
    yield case("bare line feeds", b"HTTP/1.1 200 OK\nX: y\n\n" + PAGE, to=200, body=PAGE)
    yield case("no reason", b"HTTP/1.1 200\r\n\r\n" + PAGE, to=200, body=PAGE)
    yield case("reason of bytes", b"HTTP/1.1 200 \xff\xed\xa0\x80\r\n\r\n" + PAGE, to=200, body=PAGE)
    yield case("blank lines first", b"\r\n\r\n" + sized(PAGE), to=200, body=PAGE)
    yield case(
        "hints first", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 300 + sized(PAGE), to=200, body=PAGE
    )
    yield case("nothing", to=Reason.UNREACHABLE)
    yield case("nothing, reset", end=End.RESET, to=Reason.UNREACHABLE)
    for status in (204, 205, 206, 304, 410, 418, 451, 599, 999):
        yield case(f"status {status}", b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status, to=status, body=b"")


CASES: tuple[Case, ...] = tuple(
    each for family in (bombs, codings, dripping, endless, lengths, broken_off, garbage) for each in family()
)
