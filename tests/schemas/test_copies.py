from __future__ import annotations

import dataclasses

import pytest

from schemas import copies
from schemas.rules import CutKind
from transforms.core.clutter.decide import Verdict


@pytest.mark.parametrize(
    "changes", [{}, {"rule": "nl.other"}, {"reasons": (("w=lees", 1.0),), "kind": CutKind.SHARE}]
)
def test_a_copy_is_what_the_standard_library_makes(changes: dict[str, object]) -> None:
    value = Verdict(CutKind.OTHER, "signal.weighed")
    assert copies.replace(value, **changes) == dataclasses.replace(value, **changes)  # type: ignore[arg-type]
    assert value == Verdict(CutKind.OTHER, "signal.weighed")


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(KeyError, match="colour"):
        copies.replace(Verdict(CutKind.OTHER, "signal.weighed"), colour="red")  # type: ignore[call-arg]
