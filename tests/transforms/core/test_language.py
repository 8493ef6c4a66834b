from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from transforms.core.language import DETECTORS, UNKNOWN, Detector, Langdetect, detect

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
