"""Bytes at any place of a file, or of what a gzip member unpacks to, without holding the whole."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

_STEP_BYTES = 1 << 20
_FEED_BYTES = 65_536
"""Larger than most records are when compressed, and small enough to be copied for each of them."""

_PIECE_BYTES = 1 << 20
_MAGIC = b"\x1f\x8b\x08"
_RESERVED_FLAGS = 0xE0
_PEEK_BYTES = 4_096
"""What of a member must suffice to see how its content begins: file name, comment and the code tables fit in it."""


class Readable(Protocol):
    """What a window looks at: any binary file that can be read at any place."""

    def seek(self, offset: int, /) -> object: ...

    def read(self, size: int, /) -> bytes: ...


class Window:
    """A stretch of a stream in memory, moved along as it is read.

    Args:
        stream: What is read.
        size: Its length in bytes.
    """

    def __init__(self, stream: Readable, size: int) -> None:
        self.size = size
        self._stream = stream
        self._base = 0
        self._data = b""

    @classmethod
    def over(cls, data: bytes) -> Window:
        """A window that shows all of ``data``."""
        window = cls(io.BytesIO(), len(data))
        window._data = data
        return window

    def read(self, at: int, size: int) -> bytes:
        """``size`` bytes from the place ``at``, fewer at the end of the stream alone.

        Raises:
            OSError: The stream could not be read, or has become shorter.
        """
        begin = self._shown(at, max(0, min(size, self.size - at)))
        return self._data[begin : begin + size] if size > 0 else b""

    def show(self, at: int, size: int) -> None:
        """Moves the window so that ``size`` bytes from ``at`` are in memory."""
        self._shown(at, max(0, min(size, self.size - at)))

    def find(self, mark: bytes, at: int) -> int | None:
        """The first place of ``mark`` at or behind ``at``."""
        while at + len(mark) <= self.size:
            begin = self._shown(at, len(mark))
            found = self._data.find(mark, begin)
            if found >= 0:
                return self._base + found
            at = self._base + len(self._data) - len(mark) + 1
        return None

    def pieces(self, begin: int, end: int) -> Iterator[bytes]:
        """The bytes from ``begin`` to ``end``, some at a time."""
        for at in range(begin, end, _STEP_BYTES):
            yield self.read(at, min(_STEP_BYTES, end - at))

    def hashed(self, begin: int, end: int, algorithm: str = "sha256") -> bytes:
        """The digest of the bytes from ``begin`` to ``end``."""
        digest = hashlib.new(algorithm, usedforsecurity=False)
        for piece in self.pieces(begin, end):
            digest.update(piece)
        return digest.digest()

    def _shown(self, at: int, size: int) -> int:
        begin = at - self._base
        if size and (begin < 0 or begin + size > len(self._data)):
            kept = self._data[begin:] if 0 <= begin < len(self._data) else b""
            wanted = min(max(size, _STEP_BYTES), self.size - at)
            self._data = kept + self._fetch(at + len(kept), wanted - len(kept))
            self._base, begin = at, 0
        return begin

    def _fetch(self, at: int, size: int) -> bytes:
        self._stream.seek(at)
        parts: list[bytes] = []
        while size > 0:
            part = self._stream.read(size)
            if not part:
                raise OSError("the file has become shorter while it was read")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Member:
    """A gzip member that was read to its end, or as far as it goes.

    Attributes:
        end: Where the next one begins, ``None`` where this one is damaged or cut short.
        content: What it unpacks to.
        fault: What is wrong with it.
        cut: Whether it is sound as far as the file goes.
    """

    end: int | None
    content: Window
    fault: str = ""
    cut: bool = False


def open_member(file: Window, at: int, *, held_bytes: int) -> Member:
    """The gzip member at ``at``, unpacked and held against its checksum and length.

    Args:
        file: The compressed file.
        at: Where the member begins.
        held_bytes: How much content is held; of a longer one none, it is unpacked again as it is looked at.
    """
    held: list[bytes] | None = []
    size = 0
    unpacker = _Unpacker(file, at)
    fault = ""
    try:
        while piece := unpacker.next_piece():
            size += len(piece)
            if held is not None:
                held.append(piece)
            if size > held_bytes:
                held = None
    except zlib.error as error:
        fault = str(error).partition(": ")[2] or str(error)
    if held is None:
        content = Window(_Unpacked(file, at), size)
    else:
        content = Window.over(held[0] if len(held) == 1 else b"".join(held))
    if unpacker.ended:
        return Member(unpacker.at, content)
    return Member(None, content, fault or "the file ends inside it", cut=not fault)


def next_member(file: Window, at: int, beginning: bytes) -> int | None:
    """Where at or behind ``at`` the next gzip member lies whose content has this ``beginning``."""
    found = file.find(_MAGIC, at)
    while found is not None:
        head = file.read(found, _PEEK_BYTES)
        if len(head) > 3 and not head[3] & _RESERVED_FLAGS:
            try:
                if zlib.decompressobj(wbits=31).decompress(head, len(beginning)) == beginning:
                    return found
            except zlib.error:
                pass
        found = file.find(_MAGIC, found + 1)
    return None


def is_member(file: Window, at: int) -> bool:
    """Whether a gzip member begins at ``at``, or the file ends in what may be its first bytes."""
    head = file.read(at, len(_MAGIC))
    return bool(head) and _MAGIC.startswith(head)


class _Unpacker:
    """A gzip member piece by piece. ``at`` is the place behind what was used, ``ended`` true behind the trailer."""

    def __init__(self, file: Window, at: int) -> None:
        self.at = at
        self.ended = False
        self._file = file
        self._inflate = zlib.decompressobj(wbits=31)

    def next_piece(self) -> bytes:
        """The next bytes; none at the end of the member or of the file.

        Raises:
            zlib.error: It is damaged.
        """
        inflate = self._inflate
        while not self.ended:
            feed = self._file.read(self.at, _FEED_BYTES)
            piece = inflate.decompress(feed, _PIECE_BYTES)
            self.ended = inflate.eof
            self.at += len(feed) - len(inflate.unused_data if self.ended else inflate.unconsumed_tail)
            if piece or not feed:
                return piece
        return b""


class _Unpacked:
    """The content of a member as a stream: quick from front to back, from the beginning again for a step back."""

    def __init__(self, file: Window, at: int) -> None:
        self._file = file
        self._at = at
        self._begin()

    def _begin(self) -> None:
        self._unpacker = _Unpacker(self._file, self._at)
        self._rest = b""
        self._position = 0

    def seek(self, offset: int, /) -> int:
        if offset < self._position:
            self._begin()
        while self._position < offset and self.read(min(_PIECE_BYTES, offset - self._position)):
            pass
        return self._position

    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes.

        Raises:
            OSError: The member has changed since it was first read.
        """
        if not self._rest:
            try:
                self._rest = self._unpacker.next_piece()
            except zlib.error as error:
                raise OSError(f"the file has changed while it was read: {error}") from error
        part, self._rest = self._rest[:size], self._rest[size:]
        self._position += len(part)
        return part
