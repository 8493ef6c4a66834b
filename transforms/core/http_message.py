"""An HTTP response as it was stored to the HTML in it: status, content type, transfer and content coding."""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import brotli
import zstandard

from schemas.reject import Reason, Refused

HEAD_BYTES = 262_144
"""The longest status line and headers that are read; servers and browsers stop at 8 to 256 KiB."""

_STATUS = re.compile(rb"HTTP/[0-9](?:\.[0-9])? +([0-9]{3})(?:[ \t].*)?")
_TYPE = re.compile(r"\s*([a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+)\s*(?:[;,]|\Z)", re.IGNORECASE)
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([a-z0-9_.:-]{1,40})", re.IGNORECASE)
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_NO_TYPES = frozenset({"", "unknown/unknown", "application/unknown", "*/*"})
"""What says no more than nothing: https://mimesniff.spec.whatwg.org/#determining-the-computed-mime-type-of-a-resource."""

_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:[\t\n\x0c\r ]{0,512}(?:<!--(?:[^-]|-(?!->)){0,2000}-->|<\?xml[^>]{0,300}>)){0,5}"
    rb"[\t\n\x0c\r ]{0,512}"
    rb"<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[\s>]",
    re.IGNORECASE,
)
"""The opening of a page, after https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type."""

_BINARY_STARTS = (b"%PDF-", b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"RIFF")
_CONTROLS = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
_LOOKED_AT = 1_445
"""How much of a body is looked at for control characters, which no text has: the resource header of the MIME
Sniffing Standard."""

_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})[ \t]*(?:;[^\r\n]{0,1000})?\r?\n")
_LONGEST_CHUNK_LINE = 1_100
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_WINDOW_BYTES = 8 << 20
"""The largest window that a content coding may ask for: RFC 9659."""

MOST_CODINGS = 3
"""Content codings one over another; servers apply one, and a second where a proxy in front of them does too."""

_MOST_MEMBERS = 4_096
"""Gzip members or zstd frames in a row. Of 64 KiB each, as the smallest in use (BGZF), they hold 256 MiB; endless
empty ones cost time and give nothing."""

_PIECE_BYTES = 65_536
_ZSTD_PIECE_BYTES = 256
"""Four bytes of zstd can stand for a block of 128 KiB, and its output cannot be limited: 8 MiB at a time at most."""

_PLAIN_CODINGS = frozenset({"", "identity", "none", "utf-8", "utf8", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class HtmlBody:
    """The HTML of a response, decoded to what a browser would parse, and the charset that its carrier names."""

    html: bytes
    charset: str | None


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    fields: dict[str, list[str]]
    length: int

    def last(self, name: str) -> str:
        return self.fields.get(name, [""])[-1]

    def tokens(self, name: str) -> list[str]:
        return [token.strip().lower() for value in self.fields.get(name, ()) for token in value.split(",")]


def read_response(block: bytes, *, page_bytes: int, whole: bool = True) -> HtmlBody:
    """The HTML in an HTTP response.

    Args:
        block: Status line, headers and body, as a crawler stored them: the codings that the headers name may
            have been taken off already.
        page_bytes: The largest page, decoded; no more than about that is ever held.
        whole: False where the body is too large to be held and ``block`` is only its beginning.

    Raises:
        Refused: ``HTTP_STATUS`` for any status but 200, ``NOT_HTML``, ``TOO_LARGE``, ``TRUNCATED`` for a body
            that ends before its length or coding does, ``EMPTY``, and ``HTTP_PROTOCOL`` for what is no response
            or a body that cannot be decoded.
    """
    head = _good_head(block)
    kind = content_type(head.last("content-type"))
    if kind not in _HTML_TYPES and kind not in _NO_TYPES:
        raise Refused(Reason.NOT_HTML, f"the content type is {kind}")
    html = _body(head, block, page_bytes, whole=whole)
    return page(html, head.last("content-type"), page_bytes=page_bytes)


def read_body(block: bytes, *, most_bytes: int, whole: bool = True) -> tuple[bytes, str]:
    """The body of an HTTP response, whatever it holds, and its ``Content-Type``.

    Args:
        block: as for ``read_response``, like ``whole``.
        most_bytes: The largest body, decoded.
        whole: Whether the block could be held.

    Raises:
        Refused: as ``read_response``, but for what it asks of the body.
    """
    head = _good_head(block)
    return _body(head, block, most_bytes, whole=whole), head.last("content-type")


def _good_head(block: bytes) -> _Head:
    head = _head(block)
    if head.status != 200:
        raise Refused(Reason.HTTP_STATUS, f"the server answered with status {head.status}")
    return head


def _body(head: _Head, block: bytes, most_bytes: int, *, whole: bool) -> bytes:
    if not whole:
        raise _too_large(most_bytes)
    body = block[head.length :]
    body = _unchunked(body) if "chunked" in head.tokens("transfer-encoding") else _complete(body, head)
    return decoded_body(body, head.tokens("content-encoding"), most_bytes=most_bytes)


def page(body: bytes, declared: str, *, page_bytes: int) -> HtmlBody:
    """The HTML in ``body``, whose content type is ``declared`` (may be empty).

    Raises:
        Refused: ``EMPTY``, ``TOO_LARGE``, ``NOT_HTML``.
    """
    kind = content_type(declared)
    if kind not in _HTML_TYPES and kind not in _NO_TYPES:
        raise Refused(Reason.NOT_HTML, f"the content type is {kind}")
    if len(body) > page_bytes:
        raise _too_large(page_bytes)
    if not body or body.isspace():
        raise Refused(Reason.EMPTY, "the page is empty")
    if kind in _NO_TYPES and not _HTML_START.match(body):
        raise Refused(Reason.NOT_HTML, "no content type is stated, and the bytes do not begin as HTML does")
    if body.startswith(_BINARY_STARTS):
        raise Refused(Reason.NOT_HTML, f"called {kind}, but the bytes are those of another format")
    charset = _CHARSET.search(declared)
    return HtmlBody(body, charset[1] if charset else None)


def content_type(declared: str) -> str:
    """The type and subtype in a ``Content-Type``, in lower case; empty where it holds none."""
    found = _TYPE.match(declared)
    return found[1].lower() if found else ""


def header_fields(lines: list[str]) -> dict[str, list[str]]:
    """The values of each header, by its name in lower case. Other lines are passed over, folded ones joined."""
    fields: dict[str, list[str]] = {}
    values: list[str] = []
    for line in lines:
        if line[:1] in (" ", "\t") and values:
            values[-1] = f"{values[-1]} {line.strip()}"
            continue
        name, colon, value = line.partition(":")
        if colon:
            values = fields.setdefault(name.strip().lower(), [])
            values.append(value.strip())
    return fields


def is_recoded(block: bytes) -> bool:
    """Whether the headers name a coding of the body, so that a digest may be of the body with or without it."""
    try:
        head = _head(block)
    except Refused:
        return False
    return not _PLAIN_CODINGS.issuperset(head.tokens("content-encoding") + head.tokens("transfer-encoding"))


def head_length(block: bytes) -> int:
    """Where the body begins in ``block``; 0 where no headers end in it."""
    empty = block.find(b"\n\r\n", 0, HEAD_BYTES)
    bare = block.find(b"\n\n", 0, empty if empty >= 0 else HEAD_BYTES)
    if bare >= 0:
        return bare + 2
    return empty + 3 if empty >= 0 else 0


def _too_large(page_bytes: int) -> Refused:
    return Refused(Reason.TOO_LARGE, f"the page is larger than {page_bytes:,} bytes, the limit in the settings")


def _head(block: bytes) -> _Head:
    length = head_length(block)
    lines = block[:length].splitlines() if length else block.splitlines() if len(block) <= HEAD_BYTES else []
    status = _STATUS.fullmatch(lines[0]) if lines else None
    if not status:
        raise Refused(Reason.HTTP_PROTOCOL, "the record holds no HTTP response, or one with endless headers")
    return _Head(int(status[1]), header_fields([text(line) for line in lines[1:]]), length or len(block))


def text(line: bytes) -> str:
    """A header line as characters: UTF-8, or what HTTP once said it was, Latin-1."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _complete(body: bytes, head: _Head) -> bytes:
    stated = head.last("content-length")
    if not (stated.isascii() and stated.isdigit()) or len(body) >= int(stated[:18]):
        return body
    # The length is that of the coded body; a crawler that decoded it may have left the header as it was.
    if not _PLAIN_CODINGS.issuperset(head.tokens("content-encoding")) and _is_text(body):
        return body
    raise Refused(Reason.TRUNCATED, f"the body ends after {len(body):,} of {int(stated[:18]):,} bytes")


def _unchunked(body: bytes) -> bytes:
    """``body`` without the chunked coding, or as it is where a crawler has taken that off."""
    parts: list[bytes] = []
    at = 0
    while line := _CHUNK_SIZE.match(body, at, at + _LONGEST_CHUNK_LINE):
        size, start = int(line[1], 16), line.end()
        if not size:
            return b"".join(parts)
        at = start + size
        ends = body[at : at + 2]
        if at + 2 > len(body) or ends != b"\r\n":
            if len(body) <= at + 1:
                raise Refused(Reason.TRUNCATED, f"the body ends inside chunk {len(parts) + 1}")
            if ends[:1] != b"\n":
                break
            at -= 1
        parts.append(body[start : start + size])
        at += 2
    if not parts:
        return body
    if at >= len(body) - 1:
        raise Refused(Reason.TRUNCATED, f"the body ends after {len(parts)} chunks, without the last")
    raise Refused(Reason.HTTP_PROTOCOL, f"the chunked coding breaks after {len(parts)} chunks")


def decoded_body(body: bytes, codings: Sequence[str], *, most_bytes: int) -> bytes:
    """``body`` without its content codings; no more than about ``most_bytes`` of it are ever held.

    As browsers do, text is taken as it is whatever coding is named for it, and gzip is known by how it begins.

    Args:
        body: without its transfer coding.
        codings: the tokens of ``Content-Encoding`` in their order, in lower case.
        most_bytes: the largest body, after each of the codings.

    Raises:
        Refused: ``TOO_LARGE``, ``TRUNCATED`` for a body that ends before its coding does, ``HTTP_PROTOCOL`` for one
            that is in no coding known here, damaged, or in more than ``MOST_CODINGS``.
    """
    applied = [coding for coding in codings if coding not in _PLAIN_CODINGS]
    if len(applied) > MOST_CODINGS:
        raise Refused(Reason.HTTP_PROTOCOL, f"the body is in {len(applied)} codings; {MOST_CODINGS} are undone")
    if not applied and body.startswith(_GZIP):
        applied = ["gzip"]
    for coding in reversed(applied):
        # Whatever the header says: text is not compressed.
        if not body or _HTML_START.match(body):
            return body
        try:
            body = _joined(_pieces(coding.removeprefix("x-"), body), most_bytes)
        except (zlib.error, zstandard.ZstdError, brotli.error, _Unlike) as fault:
            if _is_text(body):
                return body
            raise Refused(Reason.HTTP_PROTOCOL, f"the body is no sound {coding[:20]}: {fault}") from fault
        except EOFError as fault:
            if _is_text(body):
                return body
            raise Refused(Reason.TRUNCATED, f"the body ends inside its {coding} coding") from fault
    return body


class _Unlike(Exception):  # noqa: N818 - it says what is the case
    """The bytes are not in the coding that was named."""


def _joined(pieces: Iterator[bytes], limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        parts.append(piece)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _pieces(coding: str, body: bytes) -> Iterator[bytes]:
    if coding == "gzip":
        return _gunzipped(body)
    if coding == "deflate":
        return _inflated(body)
    if coding == "br":
        return _unbrotlied(body)
    if coding == "zstd":
        return _unzstded(body)
    raise _Unlike("it is a coding that is not known here")


def _gunzipped(body: bytes) -> Iterator[bytes]:
    if not body.startswith(_GZIP):
        raise _Unlike("it does not begin as gzip does")
    at = 0
    for _ in range(_MOST_MEMBERS):
        at = yield from _unpacked(zlib.decompressobj(wbits=31), body, at)
        # RFC 1952: a file is one or more members; what else follows, browsers pass over.
        if not body.startswith(_GZIP, at):
            return
    raise _Unlike(f"it has more than {_MOST_MEMBERS:,} members")


def _inflated(body: bytes) -> Iterator[bytes]:
    """RFC 9110 means the zlib format; servers that send bare deflate are as old as the name."""
    wrapped = len(body) > 1 and body[0] & 0x0F == 8 and not (body[0] << 8 | body[1]) % 31
    if wrapped:
        try:
            zlib.decompressobj().decompress(body[:_PIECE_BYTES], 1)
        except zlib.error:
            wrapped = False
    yield from _unpacked(zlib.decompressobj(wbits=15 if wrapped else -15), body)


def _unpacked(inflate: zlib._Decompress, body: bytes, at: int = 0) -> Generator[bytes, None, int]:
    """What begins at ``at``, and returned, where it ends."""
    feed = b""
    while not inflate.eof:
        if not feed:
            feed = body[at : at + _PIECE_BYTES]
            at += len(feed)
        piece = inflate.decompress(feed, _PIECE_BYTES * 16)
        if piece:
            yield piece
        elif not feed and not inflate.eof:
            raise EOFError
        feed = inflate.unconsumed_tail
    return at - len(inflate.unused_data)


def _unbrotlied(body: bytes) -> Iterator[bytes]:
    unpack = brotli.Decompressor()
    yield unpack.process(body, output_buffer_limit=_PIECE_BYTES * 16)
    while not unpack.is_finished():
        piece = unpack.process(b"", output_buffer_limit=_PIECE_BYTES * 16)
        if not piece and not unpack.is_finished():
            raise EOFError
        yield piece


def _unzstded(body: bytes) -> Iterator[bytes]:
    if not body.startswith(_ZSTD):
        raise _Unlike("it does not begin as zstd does")
    at = 0
    for _ in range(_MOST_MEMBERS):
        unpack = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
        while not unpack.eof:
            feed = body[at : at + _ZSTD_PIECE_BYTES]
            if not feed:
                raise EOFError
            at += len(feed)
            yield unpack.decompress(feed)
        at -= len(unpack.unused_data)
        if not body.startswith(_ZSTD, at):
            return
    raise _Unlike(f"it has more than {_MOST_MEMBERS:,} frames")


def _is_text(body: bytes) -> bool:
    return not _CONTROLS.search(body, 0, _LOOKED_AT)
