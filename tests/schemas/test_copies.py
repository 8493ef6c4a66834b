from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from schemas import copies
from schemas.rules import CutKind
from transforms.core.clutter.decide import Verdict


@pytest.mark.parametrize(
    "changes", [{}, {"rule": "nl.other"}, {"reasons": (("w=lees", 1.0),), "kind": CutKind.SHARE}]
)
def test_a_copy_is_what_the_standard_library_makes(changes: dict[str, Any]) -> None:
    value = Verdict(CutKind.OTHER, "signal.weighed")
    assert copies.replace(value, **changes) == dataclasses.replace(value, **changes)
    assert value == Verdict(CutKind.OTHER, "signal.weighed")


def test_an_unknown_column_is_refused() -> None:
    changes: dict[str, Any] = {"colour": "red"}
    with pytest.raises(KeyError, match="colour"):
        copies.replace(Verdict(CutKind.OTHER, "signal.weighed"), **changes)
