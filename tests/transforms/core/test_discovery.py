from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.reject import Reason, Refused
from tests.transforms.core.pieces import PIECES
from transforms.core.discovery import FoundFeed, feeds_of, guesses

URL = "https://www.zuidkade.example/nieuws/brug.html"
RSS = "application/rss+xml"


def urls(body: str, head: str = "", url: str = URL) -> list[str]:
    return [feed.url for feed in feeds_of(f"<html><head>{head}</head><body>{body}</body></html>".encode(), url)]


def test_the_feeds_that_the_head_names_come_first_and_in_order() -> None:
    page = """<!doctype html><html><head><title>Brug</title>
    <link rel="alternate" type="application/rss+xml" title="Al het nieuws" href="/rss.xml">
    <link rel="ALTERNATE feed" type="Application/Atom+XML; charset=utf-8" href="//feeds.zuidkade.example/atom#x">
    <link rel="alternate" type="application/feed+json" title=" Als  JSON " href="feed.json">
    <link rel="stylesheet" type="application/rss+xml" href="/stijl.rss">
    <link rel="alternate" hreflang="fr" href="/fr/feed-uit-de-haven">
    </head><body><a href="/rss.xml">Nogmaals</a><a href="/sport/rss" title="Sport">RSS</a></body></html>"""
    assert feeds_of(page.encode(), URL) == (
        FoundFeed("https://www.zuidkade.example/rss.xml", "Al het nieuws", RSS),
        FoundFeed("https://feeds.zuidkade.example/atom", None, "application/atom+xml"),
        FoundFeed("https://www.zuidkade.example/nieuws/feed.json", "Als JSON", "application/feed+json"),
        FoundFeed("https://www.zuidkade.example/sport/rss", "Sport", ""),
    )


@pytest.mark.parametrize(
    ("kind", "href", "found"),
    [
        ("application/json", "/wp-json/wp/v2/posts/12", False),
        ("application/json", "/feed.json", True),
        ("application/json+oembed", "/oembed?url=x&feed=1", False),
        ("text/xml", "/sitemap.xml", False),
        ("text/xml", "/rss/index.xml", True),
        ("text/html", "/rss", False),
        ("", "/rss", False),
        (RSS, "/onherkenbaar", True),
        (RSS, "", False),
        (RSS, "javascript:x", False),
        (RSS, "http://[::1/", False),
    ],
)
def test_which_links_of_the_head_are_feeds(kind: str, href: str, found: bool) -> None:
    head = f'<link rel="alternate" type="{kind}" href="{href}">'
    assert len(urls("", head)) == found


@pytest.mark.parametrize(
    "href",
    [
        *("/rss", "/feed/", "/nieuws.rss", "/atom.xml", "/index.rdf", "/rss2", "/rss-sport.xml", "/nieuws-rss.xml"),
        *("/?feed=rss2", "/sport?format=rss", "/arc/outboundfeeds/rss/?outputType=xml", "feeds/nieuws"),
        *(
            "https://feeds.zuidkade.example/nieuws",
            "https://rss.zuidkade.example/1",
            "/!p4608;x/rss/",
            "/rss.php?id=2",
        ),
        *("feed:https://www.zuidkade.example/x", "feed://www.zuidkade.example/x"),
    ],
)
def test_links_that_look_like_feeds(href: str) -> None:
    assert len(urls(f'<a href="{href}">RSS</a>')) == 1
    if href.startswith("feed:"):
        assert urls(f'<a href="{href}">RSS</a>') == ["https://www.zuidkade.example/x"]


@pytest.mark.parametrize(
    "href",
    [
        *(
            "/feedback",
            "/atomic-design",
            "/atoom-energie",
            "/feed-de-eendjes-niet",
            "/rss.html",
            "/over/rssing",
            "#rss",
        ),
        *(
            "mailto:rss@zuidkade.example",
            "javascript:rss()",
            "https://feeds.zuidkade.example/",
            "/feeds.opml",
            "/rss.png",
        ),
        "https://lezer.example/i/feed/https://www.zuidkade.example/rss",
        "https://lezer.example/add?feed=https%3A%2F%2Fwww.zuidkade.example%2Frss",
        "https://user:pass@[x]/rss",
    ],
)
def test_links_that_do_not(href: str) -> None:
    assert urls(f'<a href="{href}">RSS</a>', url="https://www.zuidkade.example/nieuws/") == []


def test_what_the_page_says_is_its_base() -> None:
    link = f'<link rel="alternate" type="{RSS}" href="rss.xml">'
    assert urls("", '<base href="/krant/">' + link) == ["https://www.zuidkade.example/krant/rss.xml"]
    assert urls("", '<base href="https://z.example/a/">' + link) == ["https://z.example/a/rss.xml"]
    assert urls("", '<base href="javascript:x">' + link) == ["https://www.zuidkade.example/nieuws/rss.xml"]


def test_a_page_in_another_encoding() -> None:
    page = f'<link rel="alternate" type="{RSS}" title="Één" href="/rss">'.encode("cp1252")
    assert feeds_of(page, URL, "windows-1252") == (FoundFeed("https://www.zuidkade.example/rss", "Één", RSS),)


@pytest.mark.parametrize("page", [b"", b" ", b"<!-- x -->", b"tekst", b"\x00", b"<html></html>"])
def test_a_page_without_any(page: bytes) -> None:
    assert feeds_of(page, URL) == ()


def test_no_more_are_named_than_a_person_reads() -> None:
    found = urls("".join(f'<a href="/rss/{number}">x</a>' for number in range(1_000)))
    assert len(found) == 100
    assert found[0] == "https://www.zuidkade.example/rss/0"


def test_guesses_are_near_the_address_first_and_then_at_the_root() -> None:
    at_root = guesses("https://zuidkade.example")
    assert at_root == guesses("https://zuidkade.example/?a=b#c") == guesses("https://zuidkade.example/index.html")
    for name in ("feed", "rss", "rss.xml", "atom.xml", "feed.xml", "index.xml", "feeds", "feed.json"):
        assert f"https://zuidkade.example/{name}" in at_root
    assert len(set(at_root)) == len(at_root) < 20
    of_section = guesses("https://zuidkade.example/sport/voetbal")
    assert of_section[0] == "https://zuidkade.example/sport/voetbal/feed"
    assert of_section == guesses("https://zuidkade.example/sport/voetbal/")
    assert of_section[-len(at_root) :] == at_root
    assert guesses("https://zuidkade.example/sport/a.html")[0] == "https://zuidkade.example/sport/feed"
    assert len(of_section) < 25


@pytest.mark.parametrize(
    ("url", "reason"), [("ftp://z.example/", Reason.BAD_SCHEME), ("http://[::1/", Reason.BAD_URL)]
)
def test_guesses_need_an_address(url: str, reason: Reason) -> None:
    with pytest.raises(Refused) as refusal:
        guesses(url)
    assert refusal.value.reason is reason


@settings(max_examples=100)
@given(PIECES, st.text(max_size=10))
def test_any_page_and_any_link_is_no_error(pieces: list[str], href: str) -> None:
    page = "".join(pieces) + f'<link rel=alternate type="{RSS}" href="{href}"><a href="{href}rss">x</a>'
    for feed in feeds_of(page.encode(errors="replace"), URL):
        assert feed.url.startswith(("https://", "http://"))
