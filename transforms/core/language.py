"""Which language a text is in."""

from __future__ import annotations

import re
from array import array
from collections.abc import Mapping, Sequence, Set
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

_GUESS = 0.2
"""Below this an answer is no more than a guess. Of 20 lines of names, brands and menus 15 lie below it, of 1,539
headlines 8 (with py3langid)."""

_LIKELIER = 5.0
"""By so much a language that is expected, or declared, outweighs another that the detector finds as likely.

A detector takes all languages for equally frequent, and short Dutch for Afrikaans, German for Luxembourgish and
English for Nigerian Pidgin as often as the reverse. Of 1,243 headlines in four languages and 296 in 40, newly
written, py3langid has 45 wrong by itself, 13 with this factor, and 16 with half of it or twice. A declared language
puts right 34 of the 41 of 1,000 lines that are wrong, and misleads on 22 if the declaration is false."""

_RUNNING_CHARS = 60
"""Lines of running text are longer; menus, buttons and headings, of which some may be left in another language than
the article's, are shorter."""

_PIECES = 3
"""From the beginning, the middle and the end: a quote in another language does not decide then."""

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

    @property
    def looks(self) -> Sequence[int]:
        """So many characters it is given first, and more only where it hesitates."""
        ...

    def __call__(self, text: str) -> tuple[str, float]: ...

    def chances(self, text: str) -> Mapping[str, float]:
        """The score of each language that the text may be in."""
        ...


class Langdetect:
    """langdetect, seeded and loaded at once.

    It draws at random, loads its profiles on first use, which races between threads, and takes them in the order of
    the folder, which differs between machines; a factory of its own, loaded here in order, does none of it.
    """

    looks = (150,)

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
    """py3langid with its scores as probabilities.

    At 90 characters it is sure of 1,032 of 1,110 articles, and right about each of them.
    """

    looks = (90, 180)

    def __init__(self) -> None:
        self._identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        # In one piece and not as a list of objects all over the memory, which every character of a text asks for.
        self._identifier.tk_output = array("i", self._identifier.tk_output)

    def __call__(self, text: str) -> tuple[str, float]:
        """See ``Detector``."""
        language, score = self._identifier.classify(text)
        return str(language), float(score)

    def chances(self, text: str) -> dict[str, float]:
        """See ``Detector``."""
        return {str(language): float(score) for language, score in self._identifier.rank(text)}


DETECTORS: dict[str, type[Langdetect] | type[Py3langid]] = {"langdetect": Langdetect, "py3langid": Py3langid}


def detect(
    text: str,
    detector: Detector,
    *,
    max_chars: int,
    min_letters: int,
    expected: Set[str] = frozenset(),
    declared: str | None = None,
) -> tuple[str, float]:
    """The language of a text with its score, ``und`` where it cannot be told.

    Where the detector hesitates, the chances that it gives each language are weighed: an expected one counts five
    times, and the one that is declared five times as much as if it was expected only. The score is the share of the
    answer then, and the detector's own where it is sure.

    Args:
        text: of which pieces from the beginning, the middle and the end are looked at; without its short lines if it
            has longer ones.
        detector: tells the language.
        max_chars: how many characters it is given at most, apart from a blank between the pieces.
        min_letters: with fewer letters the language is unknown.
        expected: the languages that are likelier than others; ISO 639 codes.
        declared: the language that is declared.
    """
    running = _running(text, min_letters)
    sample = ""
    language, score = UNKNOWN
    for size in (*(size for size in detector.looks if size < max_chars), max_chars):
        sample = _sample(running, size)
        language, score = detector(sample)
        if score >= SURE or len(running) <= size:
            break
    if letters(sample) < min_letters and _weighed(sample) < min_letters:
        return UNKNOWN
    if score >= SURE:
        return language, score
    chances = _weigh(detector.chances(sample), expected, primary(declared) if declared else None)
    language = max(chances, key=chances.__getitem__, default=UNKNOWN[0])
    score = chances.get(language, 0.0)
    return (language, score) if score >= _GUESS else UNKNOWN


def _weigh(chances: Mapping[str, float], expected: Set[str], declared: str | None) -> dict[str, float]:
    """The chances with what is known besides the text, so that they add up to 1."""
    weighed = {}
    for language, chance in chances.items():
        plain = primary(language)
        if plain == declared:
            chance *= _LIKELIER
        if plain in expected or (expected and plain == declared):
            chance *= _LIKELIER
        weighed[language] = chance
    total = sum(weighed.values())
    return {language: chance / total for language, chance in weighed.items() if chance}


def _running(text: str, min_letters: int) -> str:
    if "\n" not in text:
        return text
    running = "\n".join(line for line in text.split("\n") if len(line) >= _RUNNING_CHARS)
    return running if len(running) >= max(_RUNNING_CHARS, min_letters) else text


def _sample(text: str, size: int) -> str:
    if len(text) <= size:
        return text
    piece = size // _PIECES
    middle = (len(text) - piece) // 2
    return " ".join((text[:piece], text[middle : middle + piece], text[-piece:]))


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
    language = tag.strip().replace("_", "-").partition("-")[0].lower()
    return _SAME.get(language, language)


def regional(language: str, declared: str | None) -> str:
    """A language with the region declared for it: ``nl`` with ``nl-BE`` is ``nl-BE``, with ``fr-BE`` it stays ``nl``.

    No detector tells where a text was written; what is declared is believed as far as the text agrees with it.
    """
    tag = tag_of(declared) if declared else None
    return tag if tag is not None and tag.split("-")[0] == language else language
