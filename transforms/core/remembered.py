"""What was looked up for a word, kept for the next time that it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


class Remembered(dict[str, Found]):
    """What a look-up finds, by word. Asked for another word it looks that up; nothing depends on what it remembers.

    Args:
        look_up: the look-up; for one word it finds the same each time.
        most: so many words are remembered; then all are forgotten.
    """

    __slots__ = ("_look_up", "_most")

    def __init__(self, look_up: Callable[[str], Found], most: int) -> None:
        super().__init__()
        self._look_up = look_up
        self._most = most

    def __missing__(self, word: str) -> Found:
        if len(self) >= self._most:
            self.clear()
        found = self[word] = self._look_up(word)
        return found
