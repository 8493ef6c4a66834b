from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.core.signatures import BYTES, MIN_WORDS, Bytes, Compared, compared, resemblance, signature

FERRY = """De veerpont naar Oudewal vaart zeker tot maandag 23 november niet. Een sleepboot van rederij Polderstaal
raakte vrijdagochtend om 7.40 uur de steiger, waarbij twee palen braken. Schipper Wiebe Hofstra zag het te laat.

Duikers bekijken morgen hoe groot de schade onder water is. Burgemeester Anna Terpstra laat tot die tijd elk half
uur een bus rijden over de brug bij Lindesloot. Dat kost de gemeente volgens haar 1.250 euro per dag, betaald uit een
potje dat voor gladheid was bedoeld. Winkeliers aan de kade vrezen stille dagen: de helft van hun klanten komt over
het water. De rederij heeft excuses aangeboden en zegt dat de sleepboot een storing aan het roer had."""


def signed(text: str, language: str = "nl") -> Bytes:
    found = signature(text, language)
    assert found is not None
    return np.frombuffer(found, np.uint8)


def beside(known: str, new: str, language: str = "nl") -> tuple[float, Compared]:
    one, other = signed(known, language)[None], signed(new, language)
    alike = resemblance(one, other)
    return float(alike[0]), compared(one, other, alike)


def numbered(count: int, *, since: int = 0) -> str:
    """A text whose pairs are all different, and other ones from another ``since`` on."""
    return " ".join(f"w{number:03}" for number in range(since, since + count))


def test_a_signature_is_the_same_in_every_version_and_on_every_machine() -> None:
    found = signature(FERRY, "nl")
    assert found is not None
    assert len(found) == BYTES
    assert hashlib.sha256(found).hexdigest()[:16] == "ccd01f6015d14b36"


def test_a_signature_does_not_depend_on_how_python_hashes() -> None:
    program = f"from transforms.core.signatures import signature; print(signature({FERRY!r}, 'nl').hex())"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


@pytest.mark.parametrize(
    "same",
    [
        FERRY.replace("\n\n", " ").replace("\n", "   "),
        FERRY.replace(",", " –"),
        unicodedata.normalize("NFD", FERRY),
        f"  {FERRY}\n\n",
    ],
    ids=["white space", "commas", "composition", "ends"],
)
def test_how_a_text_is_set_makes_no_difference(same: str) -> None:
    assert resemblance(signed(FERRY)[None], signed(same))[0] == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ".join(FERRY.split()[: MIN_WORDS - 1]),
        "veerpont " * 500,
        "de een het van op in " * 50,
        "渡船は金曜日の朝に桟橋に衝突したため、月曜日まで運休する。" * 20,
    ],
    ids=["empty", "short", "one word", "short words", "without blanks"],
)
def test_texts_of_which_nothing_can_be_said_have_no_signature(text: str) -> None:
    assert signature(text, "nl") is None


def test_forty_words_are_enough() -> None:
    assert signature(" ".join(FERRY.split()[:MIN_WORDS]), "nl") is not None


@given(st.text(max_size=2_000), st.sampled_from(["nl", "de-AT", "und"]))
def test_any_text_has_a_signature_or_none(text: str, language: str) -> None:
    found = signature(f"{text} {numbered(MIN_WORDS)} {text}", language)
    assert found is not None
    assert len(found) == BYTES


@pytest.mark.parametrize(("common", "own"), [(240, 0), (240, 80), (160, 160), (80, 240), (0, 320)])
def test_what_texts_have_in_common_is_estimated(common: int, own: int) -> None:
    estimates = []
    for start in range(0, 20_000, 2_000):
        first = numbered(common, since=start) + " " + numbered(own, since=start + 500)
        second = numbered(common, since=start) + " " + numbered(own, since=start + 1_000)
        estimates.append(beside(first, second)[0])
    exact = common / (common + 2 * own)
    assert sum(estimates) / len(estimates) == pytest.approx(exact, abs=0.03)
    assert estimates == pytest.approx([exact] * len(estimates), abs=0.13)


def test_a_text_that_is_all_in_a_longer_one_is_contained() -> None:
    alike, found = beside(FERRY, FERRY[: len(FERRY) // 2])
    assert alike < 0.6
    assert found.contained[0] > 0.85


def test_numbers_that_change_alone_tell_a_form() -> None:
    changed = FERRY.replace("23", "16").replace("7.40", "9.15").replace("1.250", "980")
    alike, found = beside(FERRY, changed)
    assert alike > 0.7
    assert found.by_numbers[0] > 2.5
    assert beside(FERRY, FERRY.replace("steiger", "kade"))[1].by_numbers[0] == 0


def test_names_that_change_with_little_else_in_common_tell_another_story() -> None:
    whole = f"{FERRY} {numbered(250)}"
    names = ("Oudewal", "Polderstaal", "Wiebe", "Hofstra", "Anna", "Terpstra", "Lindesloot")
    other = f"{FERRY} {numbered(250, since=1_000)}"
    for name in names:
        other = other.replace(name, f"{name[::-1].capitalize()}")
    assert beside(whole, f"{FERRY} {numbered(250, since=2_000)}")[1].by_particulars[0] == 0
    found = beside(whole, other.replace("23", "16").replace("7.40", "9.15").replace("1.250", "980"))[1]
    assert found.by_particulars[0] > 1


def test_nouns_in_capitals_are_no_names() -> None:
    first, second = (
        " ".join(f"und immer wieder kam der {noun}{chr(97 + n)} über die alte Brücke herein" for n in range(20))
        for noun in ("Anfang", "Beginn")
    )
    assert beside(first, second, "nl")[1].by_particulars[0] > 1
    assert beside(first, second, "de-CH")[1].by_particulars[0] == 0
