"""Taking content codings off a body."""

from __future__ import annotations

import gzip
import random
import time
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from schemas.reject import Reason, Refused
from transforms.core.http_message import MOST_CODINGS, decoded_body

MOST_BYTES = 1_000_000
CODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: bytes(brotli.compress(data, quality=3)),
    "zstd": zstandard.ZstdCompressor().compress,
}


def _noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def _code(body: bytes, *codings: str, most_bytes: int = MOST_BYTES) -> Reason:
    with pytest.raises(Refused) as caught:
        decoded_body(body, codings, most_bytes=most_bytes)
    return caught.value.reason


@given(st.binary(max_size=4_000), st.lists(st.sampled_from(sorted(CODERS)), max_size=MOST_CODINGS))
def test_codings_are_undone_in_their_order(data: bytes, codings: list[str]) -> None:
    # Text, and what begins like gzip, is taken for what it looks like whatever is said of it.
    data = b"\x00" + data
    body = data
    for coding in codings:
        body = CODERS[coding](body)
    assert decoded_body(body, codings, most_bytes=MOST_BYTES) == data


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
@pytest.mark.parametrize("sizes", [(100_000, 100_000), (70_000, 0, 65_536, 1), (1_000,) * 200, (0, 0, 10)], ids=str)
def test_members_in_a_row(coding: str, sizes: tuple[int, ...]) -> None:
    parts = [_noise(size) for size in sizes]
    body = b"".join(map(CODERS[coding], parts))
    assert decoded_body(body, [coding], most_bytes=MOST_BYTES) == b"".join(parts)
    assert decoded_body(body + b"behind it" * 20_000, [coding], most_bytes=MOST_BYTES) == b"".join(parts)
    last = len(CODERS[coding](parts[-1]))
    if last > 20:
        assert _code(body[:-5], coding) is Reason.TRUNCATED


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_endless_empty_members_take_no_time(coding: str) -> None:
    body = CODERS[coding](b"") * 500_000
    begun = time.process_time()
    assert _code(body, coding) is Reason.HTTP_PROTOCOL
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("coding", sorted(CODERS))
def test_the_limit_holds_after_each_coding(coding: str) -> None:
    body = CODERS[coding](_noise(5_000))
    assert decoded_body(body, [coding], most_bytes=5_000) == _noise(5_000)
    assert _code(body, coding, most_bytes=4_999) is Reason.TOO_LARGE
    assert _code(gzip.compress(body), coding, "gzip", most_bytes=4_999) is Reason.TOO_LARGE


def test_only_so_many_codings_are_undone() -> None:
    body = _noise(100)
    for _ in range(MOST_CODINGS + 1):
        body = gzip.compress(body)
    assert _code(body, *["gzip"] * (MOST_CODINGS + 1)) is Reason.HTTP_PROTOCOL
    assert _code(b"<html>", *["gzip"] * (MOST_CODINGS + 1)) is Reason.HTTP_PROTOCOL
    assert decoded_body(b"<html>", ["identity", ""] * 9, most_bytes=9) == b"<html>"
