"""What two captures of one address tell: what stands in the later one alone is suspect.

An article stays as it is, or a sentence of it is put right; the frame around it shows what is new at the hour. So a
line of a later capture that the one before does not have is weighed with less caution.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Sequence, Set
from zlib import crc32

_PIECE = re.compile(r"[^\n\r\v\f\x85\u2028\u2029.!?,;:]+")
# Clauses of sentences. Two have one key by chance once in four billion pairs; then a line is not suspected
# that could be.

_SAME = 0.5
"""Of the characters of a line so large a share must stand in the capture before, so that the line is known. A
sentence that was put right leaves the others of its paragraph."""

_ANOTHER = 0.5
"""Where less of the former article than this is in the new text, the address has become that of another, or is that
of a page of news in brief: what differs tells nothing."""


def clauses_of(text: str) -> bytes:
    """The keys of what a text says, clause by clause: four bytes each, in order of their size."""
    return array("I", sorted({key for key, _ in _pieces(text)})).tobytes()


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Each piece of a text: the key of its characters, and how many they are."""
    for piece in _PIECE.findall(text.casefold()):
        if plain := piece.strip():
            yield crc32(plain.encode("utf-8", "surrogatepass")), len(plain)


def differing(lines: Iterable[Sequence[str]], before: bytes) -> Iterator[tuple[int, int]]:
    """Which parts of lines the capture before does not have.

    Args:
        lines: of the later one, each as the parts that only glue holds together. Parts of a line that is known are
            known.
        before: what ``clauses_of`` gives of the earlier.

    Returns:
        The number of the line and that of its part; none where the two do not tell one article.
    """
    known = frozenset(array("I", before))
    seen: set[int] = set()
    found: list[tuple[int, int]] = []
    for number, parts in enumerate(lines):
        pieces = list(_pieces("".join(parts)))
        seen.update(key for key, _ in pieces)
        if _is_new(pieces, known):
            found += ((number, i) for i, part in enumerate(parts) if _is_new(list(_pieces(part)), known))
    return iter(found if known and len(seen & known) >= _ANOTHER * len(known) else ())


def _is_new(pieces: Sequence[tuple[int, int]], known: Set[int]) -> bool:
    held = sum(size for key, size in pieces if key in known)
    return bool(pieces) and held < _SAME * sum(size for _, size in pieces)
