"""What makes an article the same article, and its text the same text."""

from __future__ import annotations

import hashlib

from transforms.core.text import comparable

_HEX = 32
# 128 bits: a collision among 10 billion articles has a chance below 1 in 10^18.


def article_id(*, url: str | None, source_id: str, record: str) -> str:
    """A stable id: of the canonical address, or where there is none of the source and the record's name in it."""
    key = f"url\n{url}" if url else f"record\n{source_id}\n{record}"
    return hashlib.sha256(key.encode()).hexdigest()[:_HEX]


def content_hash(headline: str | None, body: str) -> str:
    """A hash of the clean text; white space and the composition of accents make no difference."""
    return hashlib.sha256(f"{comparable(headline or '')}\n{comparable(body)}".encode()).hexdigest()[:_HEX]
