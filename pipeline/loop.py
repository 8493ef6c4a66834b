"""What a process that makes one run after the other keeps between them, and how it has one end early."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apache_beam.utils.shared import Shared

from pipeline.feed_state import FeedState
from schemas.record import SourceFile
from transforms.drop_known import Known, read_known

if TYPE_CHECKING:
    from transforms.fetching.fetcher import Fetcher


class Brake:
    """Has a run that fetches come to its end early, with what has come by then. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fetcher: Fetcher | None = None
        self.pulled = threading.Event()

    def attach(self, fetcher: Fetcher | None) -> None:
        """``fetcher`` is at work from now on; ``None``: none is."""
        with self._lock:
            self._fetcher = fetcher
            if fetcher is not None and self.pulled.is_set():
                fetcher.wind_down()

    def pull(self) -> None:
        """Have nothing more fetched; what is under way comes yet."""
        with self._lock:
            self.pulled.set()
            if self._fetcher is not None:
                self._fetcher.wind_down()

    def cut(self) -> None:
        """Break off what is under way: it is fetched in a later run."""
        with self._lock:
            if self._fetcher is not None:
                self._fetcher.close()


class Memory:
    """Which texts the data set holds, as of one of its commits. Serves one run after the other.

    Attributes:
        files: the paths of the article files, or of an index in the place of most of them.
        handle: by which the stages of a run share what ``files`` hold.
    """

    def __init__(self) -> None:
        self.files: list[str] = []
        self.handle = Shared()
        self._held: Known | None = None
        self._version: int | None = None

    def begin(self, version: int, files: Callable[[], Sequence[str]]) -> None:
        """A run begins behind the commit number ``version``; until ``end`` nobody knows what is true.

        Args:
            version: of the last commit.
            files: gives such paths for what the data set holds; asked where another has written meanwhile.
        """
        if self._version != version:
            self.files = list(files())
            # By the old handle a stage that is not yet collected would hand on what it knew.
            self.handle, self._held = Shared(), None
        self._version = None

    def end(self, version: int) -> None:
        """The run has ended well, and all of it is published by the commit number ``version`` at the latest."""
        self._version = version

    def load(self) -> None:
        """Read what the files hold, where that is not held already."""
        if self._held is None:
            self._held = self.handle.acquire(lambda: read_known(self.files))


def _nothing(_: Sequence[SourceFile]) -> Mapping[str, Any]:
    return {}


@dataclass(slots=True)
class Loop:
    """For ``run``: each call makes one batch, and what serves the next call is kept here.

    Attributes:
        known: which texts the data set holds.
        brake: by which a batch ends early.
        learned: is given the files that are read to their end; gives what the state is to say of them.
        feeds: what the last run left of feeds and pages.
        unfinished: whether files of the last run are left to the next, which must be given the same files.
    """

    known: Memory = field(default_factory=Memory)
    brake: Brake = field(default_factory=Brake)
    learned: Callable[[Sequence[SourceFile]], Mapping[str, Any]] = _nothing
    feeds: FeedState = field(default_factory=FeedState)
    unfinished: bool = False
