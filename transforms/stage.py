"""What a stage is, and how several of them are one function. Without Beam, of which worker processes know nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.record import Draft, Record
from schemas.reject import Reason, Refused, Reject

REJECTS = "rejects"
"""The tag of a transform's second output: dead letters."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A pure function on the way of an article, not loaded yet; it can be pickled.

    Attributes:
        name: as it stands in the dead letters.
        load: makes the function, which takes a record or a draft; called once per worker, so that heavy things load
            there.
        fault: the code for an error that the function does not know.
    """

    name: str
    load: Callable[[], Callable[[Any], Draft]]
    fault: Reason = Reason.STAGE_ERROR


def _nobody(stage: str) -> None:
    """Is told each stage, and does nothing."""


class Chain:
    """Stages loaded, and applied one after the other to each record."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self._steps = [(stage.name, stage.load(), stage.fault) for stage in stages]

    def __call__(self, record: Record, entering: Callable[[str], None] = _nobody) -> Draft | Reject:
        """The finished draft, or the dead letter of the stage that refused the record or failed on it.

        Args:
            record: what was read.
            entering: is told the name of each stage before it begins.
        """
        at: Any = record
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
        done: Draft = at
        return done


def _letter(at: Record | Draft, stage: str, reason: Reason, message: str) -> Reject:
    return at.dead_letter(stage, reason, message)
