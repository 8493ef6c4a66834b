"""Keys of 64 bits for the hashes that name articles and their texts, which as strings take ten times the memory.

Ids and content hashes are hexadecimal digits of a sha256; their first 16 are the key. Two of them have one key by
chance with a probability of 2^-64. Whoever asks by key says what a chance hit would do.
"""

from __future__ import annotations

import re
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_DIGITS = 16
_HEX = re.compile(r"\A[0-9a-f]{16,}\Z")

_VALUES = np.full(256, 255, np.uint8)
_VALUES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_VALUES.flags.writeable = False


def key_of(text: str) -> int:
    """The key of one id or content hash; of anything else that may stand in its place, the one of its blake2b."""
    if _HEX.match(text):
        return int(text[:_DIGITS], 16)
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGITS // 2).digest())


def keys_of(texts: pa.Array) -> NDArray[np.uint64]:
    """The key of each of these strings, none of which is null, as ``key_of`` gives it."""
    width = len(texts[0].as_py()) if len(texts) else 0
    offsets = np.frombuffer(texts.buffers()[1] or b"", np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if width >= _DIGITS and (np.diff(offsets) == width).all():
        data = np.frombuffer(texts.buffers()[2], np.uint8)[offsets[0] : offsets[-1]].reshape(-1, width)
        values = _VALUES[data]
        if (values < 16).all():
            pairs = (values[:, 0:_DIGITS:2] << 4) | values[:, 1:_DIGITS:2]
            return np.ascontiguousarray(pairs).view(">u8").ravel().astype(np.uint64)
    return np.fromiter((key_of(text) for text in texts.to_pylist()), np.uint64, len(texts))
