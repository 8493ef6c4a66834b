"""Which language a text is in."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
from langdetect.lang_detect_exception import LangDetectException
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from transforms.core.text import letters

UNKNOWN = ("und", 0.0)
_SEED = 0
_BCP47 = {"zh-cn": "zh-CN", "zh-tw": "zh-TW"}


class Detector(Protocol):
    """Tells the language of a text as a BCP 47 tag with a score in 0..1; ``("und", 0.0)`` where it cannot."""

    def __call__(self, text: str) -> tuple[str, float]: ...


class Langdetect:
    """langdetect, seeded and loaded at once.

    It draws at random, loads its profiles on first use, which races between threads, and takes them in the order of
    the folder, which differs between machines; a factory of its own, loaded here in order, does none of it.
    """

    def __init__(self) -> None:
        self._factory = DetectorFactory()
        profiles = sorted(p for p in Path(PROFILES_DIRECTORY).iterdir() if p.is_file() and p.name[0] != ".")
        self._factory.load_json_profile([p.read_text(encoding="utf-8") for p in profiles if not p.suffix])
        self._factory.seed = _SEED

    def __call__(self, text: str) -> tuple[str, float]:
        """See ``Detector``."""
        detector = self._factory.create()
        detector.append(text)
        try:
            found = detector.get_probabilities()
        except LangDetectException:
            return UNKNOWN
        return (_BCP47.get(found[0].lang, found[0].lang), float(found[0].prob)) if found else UNKNOWN


class Py3langid:
    """py3langid with its scores as probabilities."""

    def __init__(self) -> None:
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def __call__(self, text: str) -> tuple[str, float]:
        """See ``Detector``."""
        language, score = self._identifier.classify(text)
        return str(language), float(score)


DETECTORS: dict[str, type[Langdetect] | type[Py3langid]] = {"langdetect": Langdetect, "py3langid": Py3langid}


def detect(text: str, detector: Detector, *, max_chars: int, min_letters: int) -> tuple[str, float]:
    """The language of the first ``max_chars`` of ``text``; ``und`` where that holds fewer than ``min_letters``."""
    head = text[:max_chars]
    return detector(head) if letters(head) >= min_letters else UNKNOWN
