"""Counters for whoever watches a run in the same process."""

from __future__ import annotations


class Progress:
    """How far the runs over some inputs are. On an engine with workers elsewhere the counters stay at zero here.

    Attributes:
        total_bytes: of all inputs, on disk.
        done_bytes: of the files that were read to their end, or as far as earlier runs came.
        file_bytes: how much of the file that is being read was read by now.
        asked: feeds and pages that are to be fetched, as far as is known by now.
        answered: those of them of which something has come.
        read: records and unreadable inputs.
    """

    def __init__(self) -> None:
        self.total_bytes = 0
        self.done_bytes = 0
        self.file_bytes = 0
        self.asked = 0
        self.answered = 0
        self.read = 0

    @property
    def bytes(self) -> int:
        """What was read of all, on disk."""
        return min(self.total_bytes, self.done_bytes + self.file_bytes)
