from __future__ import annotations

import pytest
from lxml.html import HtmlElement, document_fromstring

from transforms.core.lost import put_back

TITLE = "Sluis van Lillo blijft dicht"
STANDFIRST = "Een scheur in de deur kost de binnenvaart een hele zomer omvaren."
FIRST = "De sluis van Lillo blijft tot na de zomer dicht, omdat in een van de deuren een scheur zit."
LAST = "Wie dat betaalt, weet nog niemand: de aannemer is al drie jaar failliet en de borg is op."
BETWEEN = "Schippers varen om langs de Royerssluis, wat hun per reis zes uur kost."
REST = (
    "De scheur werd gevonden door een duiker, die eigenlijk naar een verloren anker zocht in het slib.",
    "Het ministerie laat een nieuwe deur maken in Vlissingen, waar de werf nog twee andere deuren bouwt.",
    "Tot die tijd ligt er een noodschot, dat alleen bij laag water en met weinig wind open mag gaan.",
    "De havenmeester noemt het een ramp voor de kleine schippers, die geen uur te verliezen hebben nu.",
)


def page(inside: str, top: str = "") -> HtmlElement:
    tree: HtmlElement = document_fromstring(
        f"<html><body><header><h1>{TITLE}</h1>{top}</header><main>{inside}</main></body></html>"
    )
    return tree


def paragraphs(*texts: str, name: str = "") -> str:
    return "".join(f"<p class='{name}'>{text}</p>" for text in texts)


def restored(tree: HtmlElement, *lines: str, headline: str | None = TITLE, summary: str = "") -> list[str]:
    text, found = put_back(tree, "\n".join(lines), headline, (summary,) if summary else ())
    assert [line for line in text.split("\n") if line not in lines] == found
    return text.split("\n")


@pytest.mark.parametrize(
    "top",
    [
        f"<p>{STANDFIRST}</p>",
        f"<div><div>{STANDFIRST}</div></div>",
        f"<h2>{STANDFIRST}</h2>",
        f"<p class=article-lead>{STANDFIRST.rstrip('.')}</p>",
        f"<div class=articleIntro><p>{STANDFIRST.rstrip('.')}</p></div>",
        f"<p>Door Mieke Dockx</p><p>{STANDFIRST}</p><p>Leestijd 3 minuten</p>",
    ],
)
def test_a_standfirst_between_title_and_text_is_put_back(top: str) -> None:
    found = restored(page(paragraphs(FIRST, *REST), top), FIRST, *REST)
    assert found in ([STANDFIRST, FIRST, *REST], [STANDFIRST.rstrip("."), FIRST, *REST])


@pytest.mark.parametrize(
    "top",
    [
        "<p>Door Mieke Dockx, onze verslaggever in Antwerpen</p>",
        "<p>Verwacht u dat de sluis van Lillo dit jaar nog weer opengaat?</p>",
        f"<p><a href=/x>{STANDFIRST}</a></p>",
        f"<p>{TITLE} en dat heeft gevolgen voor alle schippers van het land.</p>",
        f"<ul><li>{STANDFIRST}</li></ul>",
    ],
)
def test_what_is_no_standfirst_is_left_out(top: str) -> None:
    assert restored(page(paragraphs(FIRST, *REST), top), FIRST, *REST) == [FIRST, *REST]


def test_the_description_is_put_back_wherever_the_page_shows_it() -> None:
    tree = page(f"<section>{STANDFIRST}</section>{paragraphs(FIRST, *REST)}")
    assert restored(tree, FIRST, *REST, summary=STANDFIRST) == [STANDFIRST, FIRST, *REST]


def test_a_paragraph_among_others_is_put_back_in_its_place() -> None:
    tree = page(paragraphs(FIRST, BETWEEN, *REST))
    assert restored(tree, FIRST, *REST) == [FIRST, BETWEEN, *REST]
    assert restored(tree, FIRST, BETWEEN, *REST) == [FIRST, BETWEEN, *REST]


def test_a_subheading_among_paragraphs_is_put_back() -> None:
    tree = page(f"{paragraphs(FIRST, REST[0])}<h2>Omvaren</h2>{paragraphs(*REST[1:])}<h2>Meer nieuws</h2>")
    assert restored(tree, FIRST, *REST) == [FIRST, REST[0], "Omvaren", *REST[1:]]


def test_paragraphs_in_a_second_container_that_look_like_the_first_are_put_back() -> None:
    inside = f"<div class='body a'>{paragraphs(FIRST, *REST, name='text')}</div>"
    inside += f"<div class='body b'>{paragraphs(BETWEEN, LAST, name='text')}</div>"
    assert restored(page(inside), FIRST, *REST) == [FIRST, *REST, BETWEEN, LAST]


@pytest.mark.parametrize(
    "behind",
    [
        f"<div class=comments>{paragraphs(BETWEEN, LAST, name='comment')}</div>",
        f"<div class=comments>{paragraphs(BETWEEN, LAST, BETWEEN + ' Toch?', *(3 * [LAST + LAST]))}</div>",
        paragraphs(f"<a href=/x>{BETWEEN}</a>"),
    ],
)
def test_what_stands_behind_the_text_and_looks_different_is_left_out(behind: str) -> None:
    assert restored(page(f"<div class=body>{paragraphs(FIRST, *REST)}</div>{behind}"), FIRST, *REST) == [FIRST, *REST]


def test_a_teaser_among_paragraphs_is_left_out() -> None:
    tree = page(paragraphs(FIRST, f"<a href=/x>{BETWEEN}</a>", *REST))
    assert restored(tree, FIRST, *REST) == [FIRST, *REST]


def test_line_breaks_part_words() -> None:
    tree = page(paragraphs(FIRST, "Schippers varen om<br>langs de Royerssluis.", *REST))
    assert "Schippers varen om langs de Royerssluis." in restored(tree, FIRST, *REST)


def test_a_repeated_paragraph_is_put_back_once() -> None:
    assert restored(page(paragraphs(FIRST, BETWEEN, BETWEEN, *REST)), FIRST, *REST) == [FIRST, BETWEEN, *REST]


def test_of_a_text_that_the_page_does_not_show_nothing_is_lost() -> None:
    assert restored(page(paragraphs(FIRST, *REST)), "Iets heel anders.") == ["Iets heel anders."]
