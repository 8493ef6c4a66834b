from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rules import CutKind
from tests.conftest import SHARED
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.strip import restore, strip

PIECES = [
    "De gemeenteraad van Molenhoek heeft dinsdagavond besloten de dorpskern autovrij te maken. Dat kost geld.",
    "Winkeliers vrezen dat klanten wegblijven.",
    "Meer uit Binnenland",
    "UTRECHT (ANP) - De gemeente laat twee bruggen ophalen voor een schip vol dennenbomen.",
    "7 minuten geleden",
    "1 uur geledenGENÈVE (ANP/AFP) - De raad houdt vrijdag een spoedzitting over de haven en de dijk.",
    " date 2017-09 ",
    "Foto: ANP",
    "De brug staat open. Foto: Kees Blok",
    "Similar News:Vous pouvez également lire des articles d'actualité.",
    "Lire la suite »",
    "Lees ook:",
    "- De brug gaat weer open",
    "Schrijf je in voor onze nieuwsbrief en ontvang elke ochtend het nieuws in je mailbox.",
    "© 2024 Weekblad Zuidkade. Alle rechten voorbehouden.",
    "Binnenland",
    "\n",
    "\n\n",
    "\r\n",
    " ",
    "\u2028",
    "🙂",
    "عاجل: الخبر",
]
texts = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=14).map("\n".join),
)


@given(texts)
def test_cuts_put_back_give_the_text(book: RuleBook, text: str) -> None:
    stripped = strip(text, book)
    assert restore(stripped.body, stripped.removed) == text
    assert all(text[cut.start : cut.end] == cut.text for cut in stripped.removed)
    ends = [0, *(cut.end for cut in stripped.removed)]
    assert all(cut.start >= end for cut, end in zip(stripped.removed, ends, strict=False))


@given(texts)
def test_stripping_twice_equals_once(book: RuleBook, text: str) -> None:
    once = strip(text, book)
    again = strip(once.body, book, headline=once.headline or "")
    assert again.body == once.body
    assert not again.removed


@given(texts)
def test_no_cut_swallows_a_line_break_that_parts_two_kept_lines(book: RuleBook, text: str) -> None:
    kept = [line.strip() for line in strip(text, book).body.splitlines() if line.strip()]
    lines = [line.strip() for line in text.splitlines()]
    assert all(any(_is_subsequence(part, line) for line in lines) for part in kept)


def _is_subsequence(part: str, line: str) -> bool:
    rest = iter(line)
    return all(character in rest for character in part)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "🙂🙂", "1234", "ابتسم", "a" * 1_000_000, "Foto: ANP " * 20_000])
def test_any_input_ends(book: RuleBook, text: str) -> None:
    stripped = strip(text, book)
    assert restore(stripped.body, stripped.removed) == text


def test_agency_block_goes_item_by_item_and_the_dateline_of_the_article_stays(book: RuleBook) -> None:
    text = (
        "Veerboot vaart weer\n"
        "ZUIDKADE (ANP) - De veerboot van Zuidkade vaart na drie weken weer. De motor is gemaakt.\n"
        "Meer uit Binnenland\n"
        "UTRECHT (ANP) - De gemeente laat twee bruggen ophalen voor een schip vol dennenbomen.\n"
        "7 minuten geledenLINDE (ANP/RTR) - In Linde is een kudde schapen de bibliotheek in gelopen.\n"
        "1 uur geleden"
    )
    stripped = strip(text, book)
    assert stripped.headline == "Veerboot vaart weer"
    assert stripped.body.startswith("ZUIDKADE (ANP) - ")
    assert stripped.body.endswith("De motor is gemaakt.")
    kinds = [cut.kind for cut in stripped.removed if cut.kind != CutKind.WHITESPACE]
    assert kinds == [
        CutKind.HEADLINE,
        CutKind.RELATED_HEADER,
        CutKind.RELATED_WIRE,
        CutKind.TIMESTAMP,
        CutKind.RELATED_WIRE,
        CutKind.TIMESTAMP,
    ]


def test_news_in_brief_with_many_datelines_is_the_article(book: RuleBook) -> None:
    text = "Kort nieuws uit de streek\n" + "\n".join(
        f"{place} (ANP) - In {place.title()} gaat de brug deze week weer open voor al het verkeer."
        for place in ("LINDE", "UTRECHT", "ZUIDKADE")
    )
    assert [cut.kind for cut in strip(text, book).removed] == [CutKind.HEADLINE]


def test_a_related_list_in_the_middle_ends_where_the_article_goes_on(book: RuleBook) -> None:
    article = (
        "De burgemeester opende woensdag de nieuwe brug over de Linde, die twee jaar lang dicht was. Er was taart."
    )
    text = (
        f"{article}\nLees ook:\n- Brug bleek te smal\n- Taart was op\nFeest\n{article[:-14]}Het bleef lang onrustig."
    )
    stripped = strip(text, book)
    assert "Brug bleek" not in stripped.body
    assert stripped.body.endswith(f"\nFeest\n{article[:-14]}Het bleef lang onrustig.")


ARTICLE = (
    "Op de ringweg rond Linde liggen sinds donderdag honderden kerstbomen. Een vrachtwagen verloor zijn lading.\n\n"
    "De politie rekent op hinder tot de avond, en vraagt het verkeer om te rijden.\n\n"
)
ENTRIES = (
    "Zachte week op komst",
    "Vrijdag begint grijs, maar na de middag breekt de zon erdoor. Het blijft droog, en het wordt elf graden.",
    "Schaker verlaat club na vijftig jaar",
    "Hij was vijftig jaar lid en verloor meer dan duizend partijen. Nu stopt hij ermee. “Ik kom nog wel voor de",
)


@pytest.mark.parametrize(
    "marks",
    [("Lees meer »", "Lees meer »"), ("4 uur geleden", "gisteren, 18:02"), ("08-04-2025, 17:45", "07-04-2025, 9:02")],
)
def test_entries_below_a_header_go_whatever_they_tell_where_all_end_alike(
    book: RuleBook, marks: tuple[str, str]
) -> None:
    first, second = ("\n\n".join([*ENTRIES[i : i + 2], mark]) for i, mark in zip((0, 2), marks, strict=True))
    stripped = strip(f"{ARTICLE}Meer krantenkoppen\n\n{first}\n\n{second}", book, headline="Kerstbomen op ringweg")
    assert stripped.body == ARTICLE.rstrip()


def test_a_page_that_is_a_list_of_articles_is_no_list_of_other_stories(book: RuleBook) -> None:
    briefs = "\n\n".join(
        f"{title}\n\n{text}\n\nLees verder" for title, text in (ENTRIES[:2], (ENTRIES[2], f"{ENTRIES[3]} taart.”"))
    )
    stripped = strip(f"Meer nieuws\n\n{briefs}", book)
    assert ENTRIES[1] in stripped.body
    assert ENTRIES[3] in stripped.body


def test_what_stands_between_links_in_an_article_is_not_their_entry(book: RuleBook) -> None:
    paragraph = "De politie rekent op hinder tot de avond, zegt woordvoerder Kees Blok, en vraagt om te rijden. "
    links = ("Lees ook: Brug bleek te smal", "Lees ook: Taart was op", "Lees ook: Zachte week op komst")
    text = "\n".join([ARTICLE.strip(), *(f"{link}\n{paragraph * (2 + i)}" for i, link in enumerate(links))])
    assert strip(text, book).body.count("woordvoerder Kees Blok") == 9


def test_a_known_headline_goes_wherever_it_is_repeated(book: RuleBook) -> None:
    text = "Brug open\nDe brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente.\nBrug open"
    stripped = strip(text, book, headline="Brug open")
    assert stripped.body == "De brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente."
    assert stripped.headline == "Brug open"


def test_the_share_of_clutter_leaves_out_what_was_only_moved(book: RuleBook) -> None:
    body = "De brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente."
    assert strip(f"Brug over de Linde open\n{body}\n", book).clutter_ratio == 0
    assert strip(f"{body}\nFoto: ANP", book).clutter_ratio == pytest.approx(9 / (len(body) + 10))


def test_every_rule_fits_its_example_and_not_its_counter_example(book: RuleBook) -> None:
    assert book.faults() == []


def _score(gold: Path, book: RuleBook, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    monkeypatch.syspath_prepend(str(SHARED / "clutter"))
    from importlib import import_module

    score = import_module("score")
    monkeypatch.delitem(sys.modules, "score")
    documents = [json.loads(line) for line in gold.read_text(encoding="utf-8").splitlines() if line]

    def clean(document: dict[str, str]) -> str:
        stripped = strip(document["text"], book)
        return "\n".join(part for part in (stripped.headline, stripped.body) if part)

    result = score.evaluate(documents, clean)
    return {**result["micro"], "exact": result["exact_rate"]}


def test_the_seeds_come_out_clean(book: RuleBook, seeds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = _score(seeds.parent / "clutter" / "seeds.jsonl", book, monkeypatch)
    assert (result["clutter_left"], result["body_lost"], result["exact"]) == (0, 0, 1)


def test_no_word_of_the_annotated_articles_is_lost(
    book: RuleBook, seeds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = _score(seeds.parent / "clutter" / "dev.jsonl", book, monkeypatch)
    assert result["body_lost"] <= 0.005
