from __future__ import annotations

import pytest
from lxml.html import HtmlElement, document_fromstring

from transforms.core.blocks import squeezed
from transforms.core.furniture import Taken, prune

STORY = "".join(
    f"<p>In alinea {number} staat waarom de sluis van Lillo tot na de zomer dicht blijft voor de binnenvaart.</p>"
    for number in ("een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht")
)
AD = "Schrijf u in en ontvang elke ochtend het nieuws uit de haven."


def page(inside: str, *, story: str = STORY) -> HtmlElement:
    tree: HtmlElement = document_fromstring(
        f"<html><body><h1>Sluis dicht</h1><div>{story}{inside}</div></body></html>".encode()
    )
    return tree


def left(inside: str, *, story: str = STORY) -> str:
    tree = page(inside, story=story)
    prune(tree)
    return squeezed(tree)


@pytest.mark.parametrize(
    "inside",
    [
        f"<aside><p>{AD}</p></aside>",
        f"<nav>{AD}</nav>",
        f"<figure><img><figcaption>{AD}</figcaption></figure>",
        f"<form><p>{AD}</p></form>",
        f"<template><p>{AD}</p></template>",
        f"<script>{AD}</script>",
        f"<div role=complementary><p>{AD}</p></div>",
        f"<div hidden><p>{AD}</p></div>",
        f"<div style='display: none'><p>{AD}</p></div>",
        f"<div aria-hidden=true><p>{AD}</p></div>",
        f"<div class='box box--newsletter'><p>{AD}</p></div>",
        f"<div class='articleNewsletterBox'><p>{AD}</p></div>",
        f"<div id=related-stories><p>{AD}</p></div>",
        f"<div class='author-box'><p>{AD}</p></div>",
        f"<section aria-label='Newsletter'><p>{AD}</p></section>",
        f"<blockquote class=twitter-tweet><p>{AD}</p></blockquote>",
        f"<h2 class=visually-hidden>{AD}</h2>",
        f"<div class=article-image><img><p>{AD}</p></div>",
    ],
)
def test_what_is_marked_as_furniture_goes(inside: str) -> None:
    assert AD not in left(inside)
    assert left(inside) == left("")


@pytest.mark.parametrize(
    "inside",
    [
        f"<p>{AD}</p>",
        f"<p aria-hidden=true>{AD}</p>",
        f"<div class=has-newsletter><p>{AD}</p></div>",
        f"<div class=category-newsletter><p>{AD}</p></div>",
        f"<div class=unrelated><p>{AD}</p></div>",
        f"<div class=biology><p>{AD}</p></div>",
        f"<div class=article-image><p>{AD}</p></div>",
        f"<div class=article-image><img>{f'<p>{AD}</p>' * 3}</div>",
        f"<figure><table><tr><td>{AD}</td></tr></table></figure>",
        f"<section aria-label='Newsletter of the port, or why nobody reads it any longer'><p>{AD}</p></section>",
    ],
)
def test_what_is_not_marked_so_stays(inside: str) -> None:
    assert AD in left(inside)


@pytest.mark.parametrize(
    "story",
    [
        f"<div class=modal>{STORY}</div>",
        f"<form>{STORY}</form>",
        f"<div style='visibility:hidden'>{STORY}</div>",
        f"<div class=newsletter itemprop=articleBody>{STORY[:100]}</p></div>{STORY}",
        "<div class=newsletter>" + STORY.replace("<p>", "<span>").replace("</p>", "</span><br>") + "</div>",
        STORY.replace("<p>", "<div class=related><p>").replace("</p>", "</p></div>"),
    ],
)
def test_what_holds_the_article_is_no_furniture_whatever_its_name(story: str) -> None:
    tree = page("", story=story)
    before = squeezed(tree)
    prune(tree)
    assert squeezed(tree) == before


def test_text_behind_what_goes_stays() -> None:
    assert left(f"<div>Voor <span class=tooltip>{AD}</span> en na</div>").endswith("Voor en na")


def test_says_what_went_and_why() -> None:
    taken: list[Taken] = []
    prune(page(f"<aside>{AD}</aside><div class=promo>Koop nu</div><div hidden>Geheim</div>"), taken)
    assert taken == [Taken("<aside>", AD), Taken("name promo", "Koop nu")]


def test_gives_the_characters_of_all_paragraphs() -> None:
    assert prune(page("<aside><p>Tien teken</p></aside>", story="<p>Twaalf teken</p>")) == 22


def test_a_list_of_names_without_end_is_dropped() -> None:
    tree = page(f"<div class='{'a ' * 600}'>Tekst</div>")
    prune(tree)
    assert tree.xpath("//div[@class]") == []
