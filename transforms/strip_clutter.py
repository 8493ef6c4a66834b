"""Drafts to drafts without clutter."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from schemas.rules import RuleSet
from transforms.core import stages
from transforms.core.clutter.rules import rule_book
from transforms.stage import Stage


def strip_clutter(rules: RuleSet, furniture: Mapping[str, Mapping[str, int]]) -> Stage:
    """The stage that cuts the clutter out of each body and notes every cut.

    Args:
        rules: the rule files and the model; compiled once per worker.
        furniture: by ``source_id`` the lines that recur at an outlet, as ``RecurringLines.furniture`` gives them.
    """
    return Stage("strip", partial(_load, rules, furniture))


def _load(rules: RuleSet, furniture: Mapping[str, Mapping[str, int]]) -> stages.Stage:
    return partial(stages.strip_clutter, book=rule_book(rules), furniture=furniture)
