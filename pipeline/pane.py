"""A pane of a window, as the log names it: by that it is known whether it was committed before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

LATE = "late-"
"""How the shard begins of what came too late for its window; the rest of it is when that window began."""


@dataclass(frozen=True, slots=True)
class Pane:
    """What a job that never ends commits at a time: what one shard of a window has gathered since the last time.

    Attributes:
        job: the name of the job.
        window: when the window begins, in UTC.
        until: when it ends.
        shard: which part of it.
        number: of the pane, as the engine counts them.
        timing: ``early``, ``on_time`` or ``late``: against the end of the window, as the engine tells; or
            ``too_late``, for what no window waits for any more.
        digest: of what it holds. An engine that goes on behind an old checkpoint may put other elements into the
            pane of the same number, so that the number alone does not tell whether these were committed.
    """

    job: str
    window: str
    until: str
    shard: str
    number: int
    timing: str
    digest: str

    @property
    def transaction(self) -> str:
        """The same where an engine gives out the same pane again, and nowhere else."""
        return f"{self.job}/{self.window}/{self.shard}/{self.number}/{self.digest}"

    @classmethod
    def from_json(cls, found: Mapping[str, Any] | None) -> Self | None:
        """What ``asdict`` gave.

        Raises:
            TypeError: it is not of this shape.
        """
        return None if found is None else cls(**found)
