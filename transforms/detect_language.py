"""Drafts to drafts with the language of their clean text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from transforms.core import stages
from transforms.core.language import DETECTORS
from transforms.stage import Stage


def detect_language(*, detector: str, max_chars: int, min_letters: int, expected: Sequence[str]) -> Stage:
    """The stage that tells each text's language.

    Args:
        detector: a name in ``DETECTORS``; loaded once per worker.
        max_chars: how much of a text is looked at.
        min_letters: with fewer letters the language is ``und``.
        expected: the languages that short texts are in rather than in others.
    """
    return Stage("language", partial(_load, detector, max_chars, min_letters, frozenset(expected)))


def _load(detector: str, max_chars: int, min_letters: int, expected: frozenset[str]) -> stages.Stage:
    return partial(
        stages.detect_language,
        detector=DETECTORS[detector](),
        max_chars=max_chars,
        min_letters=min_letters,
        expected=expected,
    )
