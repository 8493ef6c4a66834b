"""What a stage is, and how several of them are one function. Without Beam, of which worker processes know nothing."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from schemas.reject import Reason, Refused, Reject

REJECTS = "rejects"
"""The tag of a transform's second output: dead letters."""


class Input(Protocol):
    """What stages are applied to: a record or draft of an article, or a feed."""

    @property
    def size(self) -> int:
        """The bytes that it was read from."""
        ...

    def dead_letter(self, stage: str, reason: Reason, message: str) -> Reject:
        """What is kept of it where ``stage`` did not pass it on."""
        ...


@dataclass(frozen=True, slots=True)
class Stage:
    """A pure function on the way of an article, not loaded yet; it can be pickled.

    Attributes:
        name: as it stands in the dead letters.
        load: makes the function, which takes what was read or what the stage before made of it; called once per
            worker, so that heavy things load there.
        fault: the code for an error that the function does not know.
    """

    name: str
    load: Callable[[], Callable[[Any], Any]]
    fault: Reason = Reason.STAGE_ERROR


class Stopwatch:
    """Adds up what each stage takes of one process, in ``seconds``.

    Attributes:
        stage: that is at work, empty where none is.
    """

    def __init__(self, seconds: MutableMapping[str, float]) -> None:
        self.stage = ""
        self._seconds = seconds
        self._since = 0.0

    def enter(self, stage: str, now: float) -> None:
        """At the moment ``now`` of a monotonic clock ``stage`` begins; an empty one: nothing does."""
        if self.stage:
            self._seconds[self.stage] = self._seconds.get(self.stage, 0.0) + now - self._since
        self.stage, self._since = stage, now


def _nobody(stage: str) -> None:
    """Is told each stage, and does nothing."""


class Chain:
    """Stages loaded, and applied one after the other."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._steps = [(stage.name, stage.load(), stage.fault) for stage in stages]

    def __call__(self, read: Input, entering: Callable[[str], None] = _nobody) -> Any:
        """What the last stage made of it, or the dead letter of the stage that refused it or failed on it.

        Args:
            read: what was read.
            entering: is told the name of each stage before it begins.
        """
        at: Any = read
        name, fault = "", Reason.STAGE_ERROR
        try:
            for name, step, fault in self._steps:  # noqa: B007 - the handlers below ask how far it came
                entering(name)
                at = step(at)
        except Refused as refusal:
            return _letter(at, name, refusal.reason, refusal.message)
        except MemoryError:
            return _letter(at, name, Reason.WORKER_CRASH, "it needs more memory than limits.child_bytes allows")
        except Exception as error:
            # One article must not end the run. A fault that is in the program and not in the article shows as the
            # share of rejects, which the settings bound.
            return _letter(at, name, fault, f"{type(error).__name__}: {error}"[:500])
        return at


def _letter(at: Input, stage: str, reason: Reason, message: str) -> Reject:
    return at.dead_letter(stage, reason, message)
