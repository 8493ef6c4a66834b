"""Which language a text is in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
from langdetect.lang_detect_exception import LangDetectException
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from transforms.core.text import letters

UNKNOWN = ("und", 0.0)

SURE = 0.9
"""Below this the detector itself hesitates: of 4,250 lines of up to 300 letters py3langid is right on 99.9% above it,
on 95% between 0.3 and 0.9, and on 49% below 0.3."""

_GUESS = 0.3
"""Below this a detector has no answer, and what it says is no more than a guess."""

_NEAR = 0.2
"""A declared language settles a doubt if the detector gives it at least this share of the chance of its own answer.
Of 1,000 of those lines that puts right 34 of the 41 that are wrong, and a false declaration misleads it on 22."""

_RUNNING_CHARS = 60
"""Lines of running text are longer; menus, buttons and headings, of which some may be left in another language than
the article's, are shorter."""

_DENSE = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_DENSE_LETTERS = 3
"""A Chinese character, a kana or a syllable of Korean stands for about so many letters of an alphabet."""

_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|[0-9]{3}))?")
_SAME = {"nb": "no", "nn": "no", "iw": "he", "in": "id"}
"""Codes that detectors and pages use for one language: Norwegian, and what ISO 639 has renamed."""

_SEED = 0
_BCP47 = {"zh-cn": "zh-CN", "zh-tw": "zh-TW"}


class Detector(Protocol):
    """Tells the language of a text as a BCP 47 tag with a score in 0..1; ``("und", 0.0)`` where it cannot."""

    def __call__(self, text: str) -> tuple[str, float]: ...

    def chances(self, text: str) -> Mapping[str, float]:
        """The score of each language that the text may be in."""
        ...


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
        return next(iter(self.chances(text).items()), UNKNOWN)

    def chances(self, text: str) -> dict[str, float]:
        """See ``Detector``; the best comes first."""
        detector = self._factory.create()
        detector.append(text)
        try:
            found = detector.get_probabilities()
        except LangDetectException:
            return {}
        return {_BCP47.get(each.lang, each.lang): float(each.prob) for each in found}


class Py3langid:
    """py3langid with its scores as probabilities."""

    def __init__(self) -> None:
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def __call__(self, text: str) -> tuple[str, float]:
        """See ``Detector``."""
        language, score = self._identifier.classify(text)
        return str(language), float(score)

    def chances(self, text: str) -> dict[str, float]:
        """See ``Detector``."""
        return {str(language): float(score) for language, score in self._identifier.rank(text)}


DETECTORS: dict[str, type[Langdetect] | type[Py3langid]] = {"langdetect": Langdetect, "py3langid": Py3langid}


def detect(
    text: str, detector: Detector, *, max_chars: int, min_letters: int, declared: str | None = None
) -> tuple[str, float]:
    """The language of a text with its score, ``und`` where it cannot be told.

    Args:
        text: of which the first ``max_chars`` are looked at, without its short lines if it has longer ones.
        detector: tells the language.
        max_chars: how many characters it is given at most.
        min_letters: with fewer letters the language is unknown.
        declared: the language that is declared, which decides between those that a hesitating detector thinks of.
    """
    head = _running(text, min_letters)[:max_chars]
    if letters(head) < min_letters and _weighed(head) < min_letters:
        return UNKNOWN
    language, score = detector(head)
    if score >= SURE:
        return language, score
    wanted = primary(declared) if declared else None
    if wanted is not None and wanted != primary(language):
        chance = detector.chances(head).get(wanted, 0.0)
        if chance >= _NEAR * score and chance > 0:
            return wanted, chance
    return (language, score) if score >= _GUESS or wanted == primary(language) else UNKNOWN


def _running(text: str, min_letters: int) -> str:
    if "\n" not in text:
        return text
    running = "\n".join(line for line in text.split("\n") if len(line) >= _RUNNING_CHARS)
    return running if len(running) >= max(_RUNNING_CHARS, min_letters) else text


def _weighed(text: str) -> int:
    return letters(text) + (_DENSE_LETTERS - 1) * len(_DENSE.findall(text))


def tag_of(declared: str) -> str | None:
    """A declared language as a BCP 47 tag: ``NL_be`` → ``nl-BE``; ``None`` where it is none."""
    found = _TAG.fullmatch(declared.strip())
    if found is None:
        return None
    language, script, region = found.groups()
    return "-".join(part for part in (language.lower(), (script or "").title(), (region or "").upper()) if part)


def primary(tag: str) -> str:
    """The language of a tag without script and region."""
    language = re.split("[-_]", tag.strip(), maxsplit=1)[0].lower()
    return _SAME.get(language, language)


def regional(language: str, declared: str | None) -> str:
    """A language with the region declared for it: ``nl`` with ``nl-BE`` is ``nl-BE``, with ``fr-BE`` it stays ``nl``.

    No detector tells where a text was written; what is declared is believed as far as the text agrees with it.
    """
    tag = tag_of(declared) if declared else None
    return tag if tag is not None and tag.split("-")[0] == language else language
