from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from pipeline.settings import load
from transforms.core.language import DETECTORS, UNKNOWN, Detector, Langdetect, detect, primary, regional, tag_of

TEXTS = {
    "nl": "De burgemeester opende gisteren de nieuwe brug over de haven, en honderden bewoners liepen er overheen.",
    "fr": "Le maire a inauguré hier le nouveau pont du port, et des centaines d'habitants l'ont aussitôt traversé.",
    "de": "Der Bürgermeister eröffnete gestern die neue Brücke über den Hafen, und Hunderte gingen gleich hinüber.",
    "en": "The mayor opened the new bridge across the harbour yesterday, and hundreds of residents walked over it.",
}
HEADLINES = Path(__file__).parents[2] / "data" / "headlines.tsv"
HARD = [
    *TEXTS.values(),
    "Brug open, pont ouvert, bridge open: die Brücke is open voor tout le monde.",
    "Station Oudewal, perron 3, trein 12",
    "Menu Sport Live Video Podcast Login",
]
"""Mixed and thin texts, on which a detector that draws at random changes its mind."""


@pytest.fixture(scope="module", params=sorted(DETECTORS))
def detector(request: pytest.FixtureRequest) -> Detector:
    return DETECTORS[request.param]()


@pytest.mark.parametrize("language", TEXTS)
def test_plain_texts(detector: Detector, language: str) -> None:
    found, score = detector(TEXTS[language])
    assert found == language
    assert 0.9 < score <= 1


@pytest.mark.parametrize(
    "text", ["", "  \n", "2026-11-20 12:30 3.141", "😀😀 🌉", "…—!?", "\ufffd" * 50, "\u0301" * 50]
)
def test_without_letters_the_language_is_unknown(detector: Detector, text: str) -> None:
    assert detect(text, detector, max_chars=1_000, min_letters=1) == UNKNOWN == ("und", 0.0)


def test_too_few_letters_are_no_language(detector: Detector) -> None:
    assert detect("De brug 123", detector, max_chars=1_000, min_letters=7) == UNKNOWN
    assert detect(TEXTS["nl"], detector, max_chars=1_000, min_letters=20)[0] == "nl"


def test_no_more_is_looked_at_than_asked_for(detector: Detector) -> None:
    text = " ".join([TEXTS["nl"]] * 3 + [TEXTS["fr"]] + [TEXTS["nl"]] * 3)
    middle = (len(text) - 40) // 2
    pieces = f"{text[:40]} {text[middle : middle + 40]} {text[-40:]}"
    assert detect(text, detector, max_chars=120, min_letters=20) == detector(pieces)
    assert detect("1" * 300 + TEXTS["nl"] + "1" * 900, detector, max_chars=90, min_letters=1) == UNKNOWN


class Listening:
    """A detector that is sure of nothing before it is given so many characters, and notes what it was given."""

    looks = (150,)

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.given: list[int] = []

    def __call__(self, text: str) -> tuple[str, float]:
        self.given.append(len(text))
        return ("nl", 1.0) if len(text) >= self.enough else ("af", 0.5)

    def chances(self, text: str) -> dict[str, float]:
        return {"af": 0.5, "nl": 0.4}


def test_more_is_looked_at_where_a_little_leaves_a_doubt() -> None:
    text = TEXTS["nl"] * 20
    for enough, given in ((100, [152]), (300, [152, 1_001]), (9_000, [152, 1_001])):
        detector = Listening(enough)
        detect(text, detector, max_chars=1_000, min_letters=20)
        assert detector.given == given
    detector = Listening(300)
    assert detect(TEXTS["nl"], detector, max_chars=1_000, min_letters=20)[0] == "af"
    assert detector.given == [len(TEXTS["nl"])]


def test_a_quote_that_begins_the_text_does_not_decide(detector: Detector) -> None:
    text = f"{TEXTS['fr']} {TEXTS['nl']} {TEXTS['nl']} {TEXTS['nl']}"
    assert detector(text[:50])[0] == "fr"
    assert detect(text, detector, max_chars=200, min_letters=20)[0] == "nl"


def test_few_characters_of_dense_scripts_are_enough(detector: Detector) -> None:
    assert detect("市長が港の新しい橋を渡る", detector, max_chars=1_000, min_letters=20)[0] == "ja"
    assert detect("市長が", detector, max_chars=1_000, min_letters=20) == UNKNOWN


def test_short_lines_are_passed_over_where_there_are_longer_ones(detector: Detector) -> None:
    frame = "\n".join(["Accueil", "Politique", "Nos abonnements", "Tous les articles de la semaine"] * 20)
    assert detect(f"{frame}\n{TEXTS['nl']}", detector, max_chars=1_000, min_letters=20)[0] == "nl"
    assert detect(frame, detector, max_chars=1_000, min_letters=20)[0] == "fr"


class Hesitant:
    """A detector with fixed chances."""

    looks = (150,)

    def __init__(self, **chances: float) -> None:
        self._chances = dict(sorted(chances.items(), key=lambda chance: -chance[1]))

    def __call__(self, text: str) -> tuple[str, float]:
        return next(iter(self._chances.items()), UNKNOWN)

    def chances(self, text: str) -> dict[str, float]:
        return self._chances


@pytest.mark.parametrize(
    ("chances", "declared", "language"),
    [
        ({"af": 0.6, "nl": 0.3}, "nl-BE", "nl"),
        ({"af": 0.6, "nl": 0.3}, None, "nl"),
        ({"af": 0.6, "nl": 0.3}, "fr", "nl"),
        ({"af": 0.6, "nl": 0.3}, "af", "af"),
        ({"af": 0.8, "nl": 0.1}, None, "af"),
        ({"af": 0.8, "nl": 0.1}, "nl", "nl"),
        ({"af": 0.85, "nl": 0.01}, "nl", "af"),
        ({"af": 0.95, "nl": 0.05}, "nl", "af"),
        ({"nl": 0.6, "de": 0.3}, "de", "de"),
        ({"nl": 0.6, "de": 0.1}, "de", "nl"),
        ({"sw": 0.15, "zu": 0.14, "xh": 0.13, "st": 0.12, "sn": 0.11, "so": 0.1, "rw": 0.09}, None, "und"),
        ({"sw": 0.15, "zu": 0.14, "xh": 0.13, "st": 0.12, "sn": 0.11, "so": 0.1, "rw": 0.09}, "zu", "zu"),
        ({"da": 0.5, "nn": 0.4}, "nb-NO", "nn"),
        ({}, "nl", "und"),
    ],
)
def test_what_is_expected_and_declared_settles_a_doubt(
    chances: dict[str, float], declared: str | None, language: str
) -> None:
    expected = frozenset({"nl", "de", "da", "no"})
    found, score = detect(
        TEXTS["nl"], Hesitant(**chances), max_chars=100, min_letters=20, expected=expected, declared=declared
    )
    assert found == language
    assert 0 <= score <= 1


def test_the_score_is_the_share_of_what_was_weighed() -> None:
    unsure = Hesitant(af=0.5, nl=0.4, de=0.1)
    tell = partial(detect, TEXTS["nl"], max_chars=100, min_letters=20)
    assert tell(unsure) == ("af", 0.5)
    assert tell(unsure, expected={"nl"}) == ("nl", 2 / 2.6)
    assert tell(unsure, declared="nl") == ("nl", 2 / 2.6)
    assert tell(unsure, expected={"af"}, declared="nl") == ("nl", 10 / 12.6)
    assert tell(Hesitant(af=0.9, nl=0.1), expected={"nl"}) == ("af", 0.9)


def test_headlines() -> None:
    """Of 40 languages, newly written; on real ones see ``benchmarks/language_score.py``."""
    settings = load().settings.language
    tell = partial(
        detect,
        detector=DETECTORS[settings.detector](),
        max_chars=settings.max_chars,
        min_letters=settings.min_letters,
        expected=frozenset(settings.expected),
    )
    rows = [line.split("\t") for line in HEADLINES.read_text("utf-8").splitlines()]
    right = [primary(tell(headline)[0]) == language for language, headline in rows]
    assert len(rows) >= 200
    assert sum(right) >= 0.955 * len(rows)
    own = [one for one, (language, _) in zip(right, rows, strict=True) if language in ("nl", "fr", "de", "en")]
    assert sum(own) >= 0.93 * len(own)


@pytest.mark.parametrize(
    ("language", "declared", "expected"),
    [
        ("nl", "nl-BE", "nl-BE"),
        ("nl", "NL_be", "nl-BE"),
        ("nl", "nl", "nl"),
        ("nl", "fr-BE", "nl"),
        ("nl", None, "nl"),
        ("nl", "dutch", "nl"),
        ("de", "de-LU", "de-LU"),
        ("zh-CN", "zh-TW", "zh-CN"),
        ("zh", "zh-Hant-TW", "zh-Hant-TW"),
        ("und", "nl-BE", "und"),
    ],
)
def test_the_region_is_the_declared_one(language: str, declared: str | None, expected: str) -> None:
    assert regional(language, declared) == expected


@pytest.mark.parametrize(
    ("declared", "tag", "language"),
    [
        ("nl", "nl", "nl"),
        (" NL_be ", "nl-BE", "nl"),
        ("zh-hant-tw", "zh-Hant-TW", "zh"),
        ("es-419", "es-419", "es"),
        ("nb-NO", "nb-NO", "no"),
        ("dutch!", None, "dutch!"),
        ("", None, ""),
    ],
)
def test_tags(declared: str, tag: str | None, language: str) -> None:
    assert (tag_of(declared), primary(declared)) == (tag, language)


def test_odd_texts_are_no_error(detector: Detector) -> None:
    for text in (
        "a" * 1_000,
        "https://krant.example/a redactie@krant.example",
        "ሰላም ለዓለም እንዴት ነህ",
        "\x00\x01 abc",
        "北京" * 20,
    ):
        language, score = detector(text)
        assert language
        assert 0 <= score <= 1


def test_region_tags_are_bcp47() -> None:
    text = "市长昨天为横跨港口的新桥剪彩,数百名居民随即步行过桥。我们在这里等了很久,大家都很高兴。"
    assert Langdetect()(text)[0] == "zh-CN"


def test_the_answer_is_the_same_every_time_and_from_several_threads(detector: Detector) -> None:
    first, second = detector, type(detector)()
    expected = [first(text) for text in HARD]
    assert [first(text) for text in HARD] == expected
    together = threading.Barrier(4)

    def work(turn: int) -> list[tuple[str, float]]:
        together.wait()
        found = [second(text) for text in HARD[turn:] + HARD[:turn]]
        return found[len(HARD) - turn :] + found[: len(HARD) - turn]

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(work, range(4)):
            assert found == expected
