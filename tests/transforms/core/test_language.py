from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from transforms.core.language import DETECTORS, UNKNOWN, Detector, Langdetect, detect, primary, regional, tag_of

TEXTS = {
    "nl": "De burgemeester opende gisteren de nieuwe brug over de haven, en honderden bewoners liepen er overheen.",
    "fr": "Le maire a inauguré hier le nouveau pont du port, et des centaines d'habitants l'ont aussitôt traversé.",
    "de": "Der Bürgermeister eröffnete gestern die neue Brücke über den Hafen, und Hunderte gingen gleich hinüber.",
    "en": "The mayor opened the new bridge across the harbour yesterday, and hundreds of residents walked over it.",
}
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


def test_only_the_beginning_is_looked_at(detector: Detector) -> None:
    text = TEXTS["nl"] + " " + TEXTS["fr"] * 20
    assert detect(text, detector, max_chars=100, min_letters=20) == detector(text[:100])
    assert detect("1" * 100 + TEXTS["nl"], detector, max_chars=100, min_letters=1) == UNKNOWN


def test_few_characters_of_dense_scripts_are_enough(detector: Detector) -> None:
    assert detect("市長が港の新しい橋を渡る", detector, max_chars=1_000, min_letters=20)[0] == "ja"
    assert detect("市長が", detector, max_chars=1_000, min_letters=20) == UNKNOWN


def test_short_lines_are_passed_over_where_there_are_longer_ones(detector: Detector) -> None:
    frame = "\n".join(["Accueil", "Politique", "Nos abonnements", "Tous les articles de la semaine"] * 20)
    assert detect(f"{frame}\n{TEXTS['nl']}", detector, max_chars=1_000, min_letters=20)[0] == "nl"
    assert detect(frame, detector, max_chars=1_000, min_letters=20)[0] == "fr"


class Hesitant:
    """A detector with fixed chances."""

    def __init__(self, **chances: float) -> None:
        self._chances = dict(sorted(chances.items(), key=lambda chance: -chance[1]))

    def __call__(self, text: str) -> tuple[str, float]:
        return next(iter(self._chances.items()))

    def chances(self, text: str) -> dict[str, float]:
        return self._chances


@pytest.mark.parametrize(
    ("chances", "declared", "expected"),
    [
        ({"af": 0.6, "nl": 0.3}, "nl-BE", ("nl", 0.3)),
        ({"af": 0.6, "nl": 0.3}, None, ("af", 0.6)),
        ({"af": 0.6, "nl": 0.3}, "fr", ("af", 0.6)),
        ({"af": 0.6, "nl": 0.1}, "nl", ("af", 0.6)),
        ({"af": 0.95, "nl": 0.05}, "nl", ("af", 0.95)),
        ({"af": 0.25, "nl": 0.2}, None, UNKNOWN),
        ({"af": 0.25, "nl": 0.2}, "nl", ("nl", 0.2)),
        ({"af": 0.25, "nl": 0.2}, "fr", UNKNOWN),
        ({"nl": 0.25, "af": 0.2}, "nl", ("nl", 0.25)),
        ({"no": 0.5, "da": 0.4}, "nb-NO", ("no", 0.5)),
    ],
)
def test_what_is_declared_settles_a_doubt(
    chances: dict[str, float], declared: str | None, expected: tuple[str, float]
) -> None:
    text = TEXTS["nl"]
    assert detect(text, Hesitant(**chances), max_chars=100, min_letters=20, declared=declared) == expected


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
