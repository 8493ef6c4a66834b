from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transforms.core.clutter.joints import Joints, places
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.segments import coded, fold
from transforms.core.clutter.strip import strip

STORY = (
    "De bakker van Oudewal heeft woensdag een brood van vier meter gebakken. Het paste niet door de deur. "
    "Zijn buurman zaagde het in stukken en deelde die uit op het plein. "
)


def test_a_place_is_where_something_could_begin() -> None:
    line = 'De brug bij Oudewal staat open!Lees ook: "Dief laat fiets staan" 12 mei O\'Neill (ANP)'
    found = [line[at:].split()[0] for at, _ in places(line)]
    assert found == ["Oudewal", "Lees", '"Dief', "12", "O'Neill", "(ANP)"]


def test_a_line_is_parted_where_the_sum_is_above_the_border() -> None:
    text = f"{STORY * 3}Lees ook: {STORY}".encode("latin-1")
    joints = Joints({"r2=lees ook": 2.0, "s=0": -0.5}, 1.0)
    assert [*joints.find(text, {})] == [text.index(b"Lees ook")]
    assert not [*Joints({"r2=lees ook": 2.0}, 2.5).find(text, {})]


def test_a_line_of_common_length_is_left_whole() -> None:
    assert not [*Joints({"r2=lees ook": 2.0}, 0.5).find(f"{STORY}Lees ook: {STORY}".encode("latin-1"), {})]


@given(st.text(max_size=300))
def test_places_stand_in_order_inside_the_line(text: str) -> None:
    line = coded(fold(text)).decode("latin-1")
    found = [at for at, _ in places(line)]
    assert found == sorted(set(found))
    assert all(0 < at < len(line) for at in found)


def test_a_page_on_one_line_is_taken_apart(book: RuleBook) -> None:
    link = "Lees ook: Kapper knipt burgemeester in volle zitting"
    rest = (
        "De burgemeester kwam kijken en kreeg het kapje. Volgens haar was het gaar, al hield zij een slag om de arm. "
        "De bakker denkt intussen over een krentenbol zo groot als een tractorband. De oven wordt daarvoor vergroot. "
        "Wanneer het zover is, kan hij nog niet zeggen. Eerst moet de deur eruit, en daarover gaat de verhuurder."
    )
    stripped = strip(f"{STORY}{link} {rest} © 2021 Weekblad Oudewal. Alle rechten voorbehouden.", book)
    assert stripped.body.split() == f"{STORY}{rest}".split()
