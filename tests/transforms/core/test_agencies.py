from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.settings import load
from schemas.article import Cut
from schemas.rules import CutKind
from schemas.tagging import AgencyFile
from transforms.core.agencies import AgencyReader
from transforms.core.clutter.rules import rule_book
from transforms.core.clutter.strip import strip
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
        ("Rathenow (ddp). Ein Zug steht still.", ("DDP",), "Rathenow"),
        ("Güstrow (ddp-nrd). Ein Zug steht still.", ("DDP",), "Güstrow"),
        ("Naumburg (epd). Ein Zug steht still.", ("EPD",), "Naumburg"),
        ("ZEEBRUGGE (BELGA) Een brug is dicht.", ("BELGA",), "Zeebrugge"),
        ("(sda) Eine Brücke ist gesperrt.", ("SDA",), None),
        ("Genève (ats/afp) - Un pont est fermé.", ("SDA", "AFP"), "Genève"),
        ("Elbing (dpa/tmn) - Ein Zug steht still.", ("DPA",), "Elbing"),
        ("Elbing (dpa-tmn) - Ein Zug steht still.", ("DPA-TMN",), "Elbing"),
        ("Een kop. Nog een zin. Kiel (dpa) - Een zin. Nog een. (dpa) Meer.", ("DPA",), "Kiel"),
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
        "L'Agence France-Presse (AFP). Le pont est fermé.",
        "Agence France-Presse (AFP). Le pont est fermé.",
        "Der Sprecher sagte es der Deutschen Presse-Agentur (dpa). Die Brücke ist zu.",
        "Het meldt persbureau Reuters (RTR). De brug is dicht.",
        "Karin Keller (SDA) Die Abgeordnete sprach.",
        "ZWANEWERF (VVP) De partij kiest een lijst.",
        "In Oudewal (AP) en Nijhorne (AFP) - zo bleek - is het druk.",
        "Een brug is dicht.\n\nOudewal/ANP",
        "Een brug is dicht.\n\nGetty/AFP",
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
        ("Bron: belga.be", ("BELGA",)),
        ("Copyright 2024 The Associated Press. All rights reserved.", ("AP",)),
        ("(c) 2024 APA", ("APA",)),
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
        ("Rédaction en ligne (avec Belga)", ("BELGA",)),
        ("With PTI inputs", ("PTI",)),
        ("Info: Belga", ("BELGA",)),
        ("Avec les informations de La Presse canadienne", ("CP",)),
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
        ("SID tl bw", ("SID",)),
        ("dpa abc xy n1", ("DPA",)),
        ("epd lnb kos mir", ("EPD",)),
        ("SID tl bw en nog iemand die dit las", ()),
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


@pytest.mark.parametrize(
    ("kind", "text", "codes"),
    [
        (CutKind.PHOTO_CREDIT, "kib/AFP/AP", ("AFP", "AP")),
        (CutKind.PHOTO_CREDIT, "ats/mlv", ("SDA",)),
        (CutKind.PHOTO_CREDIT, "(LH/dpa)", ("DPA",)),
        (CutKind.PHOTO_CREDIT, "Von Dagmar Reis, dpa", ("DPA",)),
        (CutKind.PHOTO_CREDIT, "(AFP)", ("AFP",)),
        (CutKind.PHOTO_CREDIT, "(Foto: AFP)", ()),
        (CutKind.PHOTO_CREDIT, "AFP/Getty", ()),
        (CutKind.PHOTO_CREDIT, "© ANP", ()),
        (CutKind.PHOTO_CREDIT, "AFP", ()),
        (CutKind.TIMESTAMP, "(APA, 29.7.2021)", ("APA",)),
        (CutKind.TIMESTAMP, "Reuters · vor 2 Std. · 1 Min. Lesezeit", ("RTR",)),
        (CutKind.TIMESTAMP, "2 uur geleden", ()),
        (CutKind.OTHER, "Rédaction avec AFP", ("AFP",)),
        (CutKind.OTHER, "De redactie van AFP is te bereiken op werkdagen", ()),
        (CutKind.BYLINE, "vwd/12/3.9.2003/sk/jae", ("VWD",)),
    ],
)
def test_a_signature_among_other_cuts(kind: CutKind, text: str, codes: tuple[str, ...]) -> None:
    body = "De brug is dicht. Hij blijft dat de hele week, zegt de gemeente."
    signed = Cut(len(body), len(body) + len(text), kind, "test", text)
    assert READER.read(body=body, removed=[signed], authors=()).codes == codes


def test_a_time_beside_other_stories_is_theirs() -> None:
    removed = [cut(CutKind.RELATED_TEASER, "Brug open"), cut(CutKind.TIMESTAMP, "Reuters · 2 uur geleden")]
    assert READER.read(body="Een brug is dicht.", removed=removed, authors=()).codes == ()


def test_a_bracket_behind_one_sentence_is_a_credit_only_in_news_in_brief() -> None:
    lines = ["Een brug is dicht.", "Een tunnel is open.", "Een pont ligt stil.", "Meer nieuws volgt morgen."]
    cuts, at = [], 0
    for line in lines[:-1]:
        at += len(line)
        cuts.append(Cut(at, at + 6, CutKind.PHOTO_CREDIT, "test", " (AFP)"))
        at += 7
    assert READER.read(body="\n".join(lines), removed=cuts, authors=()).codes == ("AFP",)
    assert READER.read(body="\n".join(lines), removed=cuts[:1], authors=()).codes == ()


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
def test_agencies_of_stripped_documents() -> None:
    book = rule_book(load().rules)
    both = found = wanted = 0
    for file in (ANNOTATED, ANNOTATED.with_name("seeds.jsonl")):
        for line in file.read_text("utf-8").splitlines():
            document = json.loads(line)
            stripped = strip(document["text"], book)
            given = set(READER.read(body=stripped.body, removed=stripped.removed, authors=()).display)
            right = set(document["source_tags"])
            both, found, wanted = both + len(given & right), found + len(given), wanted + len(right)
    assert both >= 0.97 * max(found, wanted)


@pytest.mark.skipif(not ANNOTATED.exists(), reason="the annotated clutter documents are not beside this repository")
def test_annotated_documents() -> None:
    for line in ANNOTATED.read_text("utf-8").splitlines():
        doc = json.loads(line)
        pieces = [(doc["text"][s["start"] : s["end"]], s["label"], s["kind"]) for s in doc["segments"]]
        kept = "".join(text for text, label, _ in pieces if label == "keep")
        removed = [cut(kind, text) for text, label, kind in pieces if label == "clutter"]
        found = READER.read(body=kept, removed=removed, authors=())
        assert set(found.display) == set(doc["source_tags"]), doc["id"]
