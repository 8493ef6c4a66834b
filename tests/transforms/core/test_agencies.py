from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.article import Cut
from schemas.rules import CutKind
from schemas.tagging import AgencyFile
from transforms.core.agencies import AgencyReader
from transforms.core.datelines import title_case

ROOT = Path(__file__).parents[3]
FILE = AgencyFile.model_validate(tomllib.loads((ROOT / "config/tags/agencies.toml").read_text("utf-8")))
READER = AgencyReader(FILE)
ANNOTATED = ROOT.parent / "shared" / "clutter" / "dev.jsonl"


def cut(kind: str, text: str) -> Cut:
    return Cut(start=0, end=len(text), kind=kind, rule="test", text=text)


@pytest.mark.parametrize(
    ("body", "codes", "place"),
    [
        ("UTRECHT (ANP) - Een brug is dicht.", ("ANP",), "Utrecht"),
        ("KARAVIA-STAD (ANP/RTR) – Er is een akkoord.", ("ANP", "RTR"), "Karavia-Stad"),
        ("Berlin (dpa) - Ein Zug steht still.", ("DPA",), "Berlin"),
        ("Potsdam (dpa/bb) - Ein Zug steht still.", ("DPA",), "Potsdam"),
        ("PARIS (AFP) - Un pont est fermé.", ("AFP",), "Paris"),
        ("BRUSSEL (BELGA) - Een brug is dicht.", ("BELGA",), "Brussel"),
        ("BRUSSEL 12/05 (BELGA) = Een brug is dicht.", ("BELGA",), "Brussel"),
        ("Paris, 12 mai (AFP) - Un pont est fermé.", ("AFP",), "Paris"),
        ("WASHINGTON, May 3 (Reuters) - A bridge is closed.", ("RTR",), "Washington"),
        ("LONDON (AP) — A bridge is closed.", ("AP",), "London"),
        ("Madrid, 3 may (EFE).- Un puente.", ("EFE",), "Madrid"),
        ("DEN HAAG (ANP) - De brug is dicht.", ("ANP",), "Den Haag"),
        ("Brug dicht na storm\nUTRECHT (ANP) - Een brug is dicht.", ("ANP",), "Utrecht"),
        ("(ANP) - Een brug is dicht.", ("ANP",), None),
        ("10.05 uur: UTRECHT (ANP) - Een brug is dicht.", ("ANP",), "Utrecht"),
        ("Frankfurt am Main (dpa) - Ein Zug.", ("DPA",), "Frankfurt am Main"),
    ],
)
def test_dateline(body: str, codes: tuple[str, ...], place: str | None) -> None:
    found = READER.read(body=body, removed=(), authors=())
    assert (found.codes, found.place) == (codes, place)
    assert found.evidence is not None
    assert found.column == "/".join(codes)


@pytest.mark.parametrize(
    "body",
    [
        "De brug is dicht, meldt persbureau Reuters. Volgens de AFP (Parijs) blijft dat zo.",
        "Agentschap ANP verhuist naar een nieuw pand.",
        "Volgens minister Smit (PA) - en zij niet alleen - is dat zo.",
        "Een alinea.\n\nNog een.\n\nEn nog een.\n\nKarla Novak (SDA) - 311 stemmen\n\nEinde.",
        "Een brug is dicht.\n\nFoto: ANP",
        "Een brug is dicht.\n\n© ANP",
        "Een brug is dicht. (Foto: Keller, dpa)",
        "Reuters, AFP en ANP meldden het nieuws tegelijk.",
    ],
)
def test_a_mention_or_a_photo_credit_is_no_agency_copy(body: str) -> None:
    assert READER.read(body=body, removed=(), authors=()).codes == ()


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Bron: Belga", ("BELGA",)),
        ("Bron: Belga 0 © belga", ("BELGA",)),
        ("door anp", ("ANP",)),
        ("Von dpa", ("DPA",)),
        ("© dpa-infocom, dpa:210614-99-000000/3", ("DPA",)),
        ("ANP", ("ANP",)),
        ("Source: AFP, Le Courrier", ("AFP",)),
        ("Bron: Streekblad, foto: AFP", ()),
        ("Quelle: Keystone-SDA", ("SDA",)),
        ("Bron: Het Streekblad", ()),
        ("Bron: PA Media", ("PA",)),
    ],
)
def test_source_credit(text: str, codes: tuple[str, ...]) -> None:
    found = READER.read(body="Een brug is dicht.", removed=[cut(CutKind.SOURCE_CREDIT, text)], authors=())
    assert found.codes == codes
    assert (found.evidence is None) == (codes == ())


@pytest.mark.parametrize("kind", ["photo_credit", "caption", "related_wire", "related_teaser"])
def test_other_cuts_are_not_read(kind: str) -> None:
    removed = [cut(kind, "LONDEN (ANP/RTR) - Een ander bericht.\n© ANP")]
    assert READER.read(body="Een brug is dicht.", removed=removed, authors=()).codes == ()


@pytest.mark.parametrize(
    ("author", "codes"),
    [
        ("ANP", ("ANP",)),
        ("Redaktion/dpa", ("DPA",)),
        ("Door ANP", ("ANP",)),
        ("Agence France-Presse (AFP)", ("AFP",)),
        ("Jan de Wit, Belga", ("BELGA",)),
        ("Mark Reuter", ()),
        ("Anna Postma", ()),
        ("pa", ()),
        ("AP", ("AP",)),
        ("Onze redactie", ()),
    ],
)
def test_byline_and_claims(author: str, codes: tuple[str, ...]) -> None:
    assert READER.read(body="Een brug.", removed=(), authors=[author]).codes == codes
    assert READER.read(body="Een brug.", removed=(), authors=(), claims=[author]).codes == codes
    assert READER.read(body="Een brug.", removed=[cut(CutKind.BYLINE, author)], authors=()).codes == codes


@pytest.mark.parametrize(
    ("closing", "codes"),
    [
        ("Bron: ANP", ("ANP",)),
        ("(dpa)", ("DPA",)),
        ("Er wordt gewerkt aan herstel. (belga)", ("BELGA",)),
        ("Es wird repariert. (sda)", ("SDA",)),
        ("© dpa-infocom, dpa:210614-99-000000/3", ("DPA",)),
        ("AP", ()),
    ],
)
def test_credit_below_the_text(closing: str, codes: tuple[str, ...]) -> None:
    body = f"Een brug is dicht.\n\nDe tweede alinea.\n\n{closing}"
    assert READER.read(body=body, removed=(), authors=()).codes == codes


@pytest.mark.parametrize(
    ("kind", "text", "codes"),
    [
        (CutKind.COPYRIGHT, "Bron: Belga 0 © belga", ("BELGA",)),
        (CutKind.COPYRIGHT, "Alle rechten voorbehouden aan De Zwanepost, Belga en anderen", ()),
        (CutKind.RELATED_TEASER, "Bron: Belga", ()),
    ],
)
def test_a_footer_that_begins_like_a_source_credit_is_one(kind: CutKind, text: str, codes: tuple[str, ...]) -> None:
    assert READER.read(body="Een brug is dicht.", removed=[cut(kind, text)], authors=()).codes == codes


def test_live_blog_gives_every_agency_and_no_single_place() -> None:
    body = (
        "Storm trekt over\n17.10 uur\nWESTDAM (ANP) - De pier is dicht.\n16.30 uur\n"
        "OOSTDAM (ANP/DPA) - Een boom viel om."
    )
    found = READER.read(body=body, removed=(), authors=())
    assert (found.codes, found.display, found.place) == (("ANP", "DPA"), ("ANP", "dpa"), None)
    assert found.evidence == "WESTDAM (ANP) - | OOSTDAM (ANP/DPA) -"


LONG = "de gemeente wil volgend jaar een nieuwe brug bouwen over de rivier, zei de wethouder dinsdag."


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (f"Helmond - D{LONG[1:]}", "Helmond"),
        (f"HELMOND - De brug is oud, {LONG}", "Helmond"),
        (f"HELMOND - Morgen {LONG}\nDe brug in Helmond is oud.", "Helmond"),
        (f"SCHANDAAL IN DE STAD - Morgen {LONG}", None),
        (f"ANALYSE - De brug is oud, {LONG}", None),
        (f"Helmond - Burgemeester Balm zegt: {LONG}\nDe brug in Helmond is oud.", "Helmond"),
        (f"Helmond - Burgemeester Balm zegt: {LONG}", None),
        (f"Nieuwe brug\nHelmond - D{LONG[1:]}", "Helmond"),
        ("Ajax - Feyenoord 3-1 na een avond waarin alles anders liep dan de trainers hadden gedacht.", None),
        (f"Update - D{LONG[1:]}", None),
        (f"Potsdam. D{LONG[1:]}", None),
        ("Helmond - De brug", None),
    ],
)
def test_place_without_an_agency(body: str, place: str | None) -> None:
    found = READER.read(body=body, removed=(), authors=())
    assert (found.codes, found.place) == ((), place)


@pytest.mark.parametrize(
    ("capitals", "written"),
    [
        ("PYONGYANG", "Pyongyang"),
        ("'S-HERTOGENBOSCH", "'s-Hertogenbosch"),
        ("’S-GRAVENHAGE", "'s-Gravenhage"),
        ("'T HARDE", "'t Harde"),
        ("DEN HAAG", "Den Haag"),
        ("BERGEN OP ZOOM", "Bergen op Zoom"),
        ("CAPELLE AAN DEN IJSSEL", "Capelle aan den IJssel"),
        ("IJMUIDEN", "IJmuiden"),
        ("BOULOGNE-SUR-MER", "Boulogne-sur-Mer"),
        ("NEW YORK/LOS ANGELES", "New York/Los Angeles"),
        ("L'AQUILA", "L'Aquila"),
        ("ST. GALLEN", "St. Gallen"),
        ("WASHINGTON D.C.", "Washington D.C."),
    ],
)
def test_title_case(capitals: str, written: str) -> None:
    assert title_case(capitals) == written


def test_a_name_of_two_agencies_is_refused() -> None:
    doubled = FILE.model_dump()
    doubled["agency"] = [{"code": "ONE", "name": "One"}, {"code": "TWO", "name": "Two", "aliases": ["one"]}]
    with pytest.raises(ValueError, match="agency TWO: 'one' already stands for ONE"):
        AgencyReader(AgencyFile.model_validate(doubled))


@given(st.text(max_size=300), st.lists(st.text(max_size=60), max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read(body: str, lines: list[str]) -> None:
    cuts = [cut(CutKind.SOURCE_CREDIT, line) for line in lines]
    found = READER.read(body=body, removed=cuts, authors=lines, claims=lines)
    assert found == READER.read(body=body, removed=cuts, authors=lines, claims=lines)
    assert len(set(found.codes)) == len(found.codes) == len(found.display)


@pytest.mark.skipif(not ANNOTATED.exists(), reason="the annotated clutter documents are not beside this repository")
def test_annotated_documents() -> None:
    for line in ANNOTATED.read_text("utf-8").splitlines():
        doc = json.loads(line)
        pieces = [(doc["text"][s["start"] : s["end"]], s["label"], s["kind"]) for s in doc["segments"]]
        kept = "".join(text for text, label, _ in pieces if label == "keep")
        removed = [cut(kind, text) for text, label, kind in pieces if label == "clutter"]
        found = READER.read(body=kept, removed=removed, authors=())
        assert set(found.display) == set(doc["source_tags"]), doc["id"]
