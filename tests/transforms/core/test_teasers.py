from __future__ import annotations

import pytest
from lxml.html import HtmlElement, document_fromstring

from transforms.core.blocks import squeezed
from transforms.core.teasers import teasers

LINK = "<a href=/x>Ook de brug bij Temse gaat dicht</a>"
BEFORE, BEHIND = "<p>De sluis blijft dicht.</p>", "<p>Dat zei de havenmeester.</p>"


def left(inside: str) -> str:
    tree: HtmlElement = document_fromstring(f"<html><body><div>{BEFORE}{inside}{BEHIND}</div></body></html>")
    for element, _ in teasers(tree, set()):
        if element.getparent() is not None:
            element.drop_tree()
    return squeezed(tree)


@pytest.mark.parametrize(
    "inside",
    [
        f"<ul><li>{LINK}</li><li>{LINK}</li></ul>",
        f"<ul><li>Haven: {LINK}</li></ul>",
        f"<div><h3>Meer over de haven</h3><ul><li>{LINK}</li></ul></div>",
        f"<p>Lees ook:</p><ul><li>{LINK}</li></ul>",
        f"<p>{LINK}</p>",
        f"<p><strong>{LINK}</strong></p>",
        f"<p>Lees ook: {LINK}</p>",
        f"<p>LEES OOK | {LINK}</p>",
        f"<h3>{LINK}</h3>",
        f"<div><h3>{LINK}</h3></div>",
        LINK,
        "<a href=/x><div><h3>Ook de brug gaat dicht</h3><p>En dat tot in de herfst.</p></div></a>",
        "<article><a href=/x><img><h4>Ook de brug gaat dicht</h4></a></article>",
    ],
)
def test_teasers_go_with_their_labels(inside: str) -> None:
    assert left(inside) == left("")


@pytest.mark.parametrize(
    "inside",
    [
        "<ul><li>Fietsers mogen door</li><li>Auto’s niet</li></ul>",
        f"<ul><li>{LINK}</li><li>Auto’s moeten omrijden langs de ring</li></ul>",
        f"<ul><li>Volgens {LINK} duurt het werk aan de sluis nog tot in de herfst</li></ul>",
        f"<ul><li>{LINK}<ul><li>Tot in de herfst</li></ul></li></ul>",
        f"<p>{LINK} en de sluis ook</p>",
        f"<p>Volgens de schipper: {LINK}.</p>",
        "<p><a href=/x>De sluis bij Lillo gaat pas in de herfst weer open.</a></p>",
        "<p><a href=/x>Lees meer</a></p>",
        f"<div>Volgens de haven {LINK} gaat</div>",
        "<h3>Wat er nog dicht gaat</h3>",
    ],
)
def test_links_in_the_text_stay(inside: str) -> None:
    assert left(inside) != left("")


def test_a_heading_over_a_text_behind_the_teasers_stays() -> None:
    assert "Wat nu volgt" in left(f"<h3>Wat nu volgt</h3><ul><li>{LINK}</li></ul>")


def test_what_is_kept_stays() -> None:
    tree: HtmlElement = document_fromstring(f"<html><body><h2>{LINK}</h2>{BEHIND}</body></html>")
    assert list(teasers(tree, set(tree.iter("h2")))) == []
    assert [why for _, why in teasers(tree, set())] == ["teaser line"]
