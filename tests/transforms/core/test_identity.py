from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transforms.core.identity import article_id, content_hash

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_ids_stay_what_they_are() -> None:
    # Data sets hold these ids: whoever changes them makes every article of every data set new.
    assert (
        article_id(url="https://krant.example/a", source_id="krant", record="1") == "624068b890f80f4d01cfd3fa383bb47f"
    )
    assert article_id(url=None, source_id="krant", record="a.txt") == "6a34fa10cc86be9c91d6635ce4ba6076"
    assert content_hash("Brug open", "De brug is open.") == "375ced9544184d32f4e6a6ea93b5215d"


def test_the_address_decides_alone() -> None:
    one = article_id(url="https://krant.example/a", source_id="krant", record="1")
    assert one == article_id(url="https://krant.example/a", source_id="ander", record="2")
    assert one != article_id(url="https://krant.example/b", source_id="krant", record="1")


def test_without_address_source_and_record_decide() -> None:
    ids = {article_id(url=None, source_id=s, record=r) for s in ("a", "b") for r in ("1", "2", "url\nx")}
    assert len(ids) == 6


def test_an_address_is_never_taken_for_a_record() -> None:
    assert article_id(url="x\ny", source_id="", record="") != article_id(url=None, source_id="x", record="y")


@given(TEXT, TEXT)
def test_ids_are_stable_and_plain(source: str, record: str) -> None:
    found = article_id(url=None, source_id=source, record=record)
    assert found == article_id(url=None, source_id=source, record=record)
    assert len(found) == 32
    int(found, 16)


def test_white_space_and_composition_make_no_other_text() -> None:
    assert content_hash(" Café  open ", "De kade.\n\nIs nat.") == content_hash("Cafe\u0301 open", "De kade. Is nat. ")


def test_headline_and_body_are_told_apart() -> None:
    assert content_hash("a", "b") != content_hash(None, "a b")
    assert content_hash(None, "a") == content_hash("", "a") == content_hash("  ", "a")
    assert content_hash(None, "De kade") != content_hash(None, "de kade")
