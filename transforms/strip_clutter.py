"""Drafts to drafts without clutter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from schemas.rules import RuleFile
from transforms.core.clutter.rules import RuleBook
from transforms.core.stages import Stage, strip_clutter
from transforms.stage import StageTransform


class StripClutter(StageTransform):
    """Cuts the clutter out of each body and notes every cut.

    Args:
        rules: the rule files; compiled once per worker.
    """

    def __init__(self, rules: Mapping[str, RuleFile]) -> None:
        super().__init__("strip", partial(_load, dict(rules)))


def _load(rules: Mapping[str, RuleFile]) -> Stage:
    return partial(strip_clutter, book=RuleBook(rules))
