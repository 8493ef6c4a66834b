"""What the C library keeps of the memory that was freed, as far as it is GNU's; no other is known to keep as much."""

from __future__ import annotations

import contextlib
import ctypes

_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE_BYTES = 1 << 17
# What the library begins with by itself.


def give_back() -> None:
    """Give back what is free now."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def keep_little() -> None:
    """Have this process give back each large piece of memory when it is freed.

    Left alone the library takes every large piece that is freed for a sign that more will come, and from then on
    keeps as much room; and no two web pages are of a size.
    """
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
