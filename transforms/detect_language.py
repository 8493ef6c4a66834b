"""Drafts to drafts with the language of their clean text."""

from __future__ import annotations

from functools import partial

from transforms.core.language import DETECTORS
from transforms.core.stages import Stage, detect_language
from transforms.stage import StageTransform


class DetectLanguage(StageTransform):
    """Tells each text's language.

    Args:
        detector: a name in ``DETECTORS``; loaded once per worker.
        max_chars: how much of a text is looked at.
        min_letters: with fewer letters the language is ``und``.
    """

    def __init__(self, *, detector: str, max_chars: int, min_letters: int) -> None:
        super().__init__("language", partial(_load, detector, max_chars, min_letters))


def _load(detector: str, max_chars: int, min_letters: int) -> Stage:
    return partial(detect_language, detector=DETECTORS[detector](), max_chars=max_chars, min_letters=min_letters)
