from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.feed import Entry, FeedDocument, FeedSource, ParsedFeed
from schemas.record import Outlet, TextFrom
from tests.transforms.core.pieces import PIECES
from transforms.core.feed_entries import NO_TEXT, SUMMARY_ONLY, Channel, Item, absolute, assembled, fragment_text

URL = "https://feeds.zuidkade.example/rss"
SITE = "https://www.zuidkade.example/"


def feed(*items: Item, text: TextFrom = TextFrom.PAGE, url: str = URL, outlet: Outlet | None = None) -> ParsedFeed:
    document = FeedDocument(FeedSource(url, outlet or Outlet(), text), b"", url=url)
    return assembled(document, Channel("rss20", "Zuidkadebode", SITE, "nl", (SITE, url)), items, ())


def entry(item: Item, text: TextFrom = TextFrom.PAGE, url: str = URL) -> Entry:
    (only,) = feed(item, text=text, url=url).entries
    return only


def item(**said: Any) -> Item:
    return replace(Item(b"x", guid="z-1", link="https://z.example/1", title="Brug open"), **said)


def mark(text: TextFrom = TextFrom.PAGE, **said: Any) -> str:
    return entry(item(**said), text).mark


# The text


def test_the_text_is_the_content_or_else_the_summary() -> None:
    for text in TextFrom:
        record = entry(item(summary="Kort.", content="Lang."), text).record
        assert (record.text, record.declared.description, record.flags) == ("Lang.", "Kort.", ())
        record = entry(item(), text).record
        assert (record.text, record.declared.description, record.flags) == ("", None, (NO_TEXT,))


def test_a_summary_that_is_the_text_is_a_description_only_where_the_page_gives_the_text() -> None:
    for said in (item(summary="Kort."), item(summary="Kort.", content="Kort.")):
        assert entry(said, TextFrom.PAGE).record.declared.description == "Kort."
        assert entry(said, TextFrom.ITEM).record.declared.description is None
        assert entry(said).record.text == "Kort."
    assert entry(item(summary="Kort.")).record.flags == (SUMMARY_ONLY,)


def test_an_update_at_the_moment_of_publication_is_none() -> None:
    written = "Thu, 19 Nov 2026 09:00:00 +0100"
    for same in (written, "2026-11-19T08:00:00Z"):
        said = entry(item(published=written, updated=same)).record.declared
        assert (said.published, said.modified) == (written, None)
    said = entry(item(published=written, updated="2026-11-19T09:00:00Z")).record.declared
    assert said.modified == "2026-11-19T09:00:00Z"
    said = entry(item(published="gisteren", updated="daarnet")).record.declared
    assert (said.published, said.modified) == ("gisteren", "daarnet")
    said = entry(item(updated="2026-11-19")).record.declared
    assert (said.published, said.modified) == ("2026-11-19", None)


# Where it is from


def test_the_ref_is_the_number_in_a_file_and_the_name_of_the_entry_at_an_address() -> None:
    assert entry(item(), url="feeds/zk.xml").record.ref == "feeds/zk.xml#1"
    assert entry(item()).record.ref == f"{URL}#z-1"
    assert entry(item(guid=None)).record.ref == f"{URL}#https://z.example/1"
    assert entry(item(guid=None, link=None)).record.ref == f"{URL}#1"


def test_what_is_known_of_the_outlet_goes_before_what_the_feed_says_but_for_the_language() -> None:
    known = Outlet("zk", "De Bode", "fr", "BE", "Europe/Brussels", "Regio")
    outlet = feed(item(), outlet=known).entries[0].record.outlet
    assert outlet == Outlet("zk", "De Bode", "nl", "BE", "Europe/Brussels", "Regio", URL)
    assert feed(item()).entries[0].record.outlet == Outlet("zuidkade.example", "Zuidkadebode", "nl", feed_url=URL)


@pytest.mark.parametrize(
    ("link", "bases", "found"),
    [
        ("/a", (SITE, URL), "https://www.zuidkade.example/a"),
        ("/a", (None, URL), "https://feeds.zuidkade.example/a"),
        ("//z.example/a", (SITE,), "https://z.example/a"),
        ("a", ("zuidkade.example", ""), "a"),
        ("https://z.example/a", (SITE,), "https://z.example/a"),
        ("javascript:open()", (SITE,), "javascript:open()"),
        ("http://[::1/", (SITE,), "http://[::1/"),
        ("a", ("http://[::1/",), "a"),
        (None, (SITE,), None),
    ],
)
def test_relative_links(link: str | None, bases: tuple[str | None, ...], found: str | None) -> None:
    assert absolute(link, *bases) == found


# The mark


def test_the_first_half_of_a_mark_names_the_entry() -> None:
    name = mark()[:16]
    assert name == entry(item()).name
    # Some feeds give new GUIDs at every poll.
    assert mark(guid="z-2") == mark()
    assert mark(link="https://z.example/1?utm_source=rss#top")[:16] == name
    assert mark(link="https://z.example/2")[:16] != name
    for link in (None, "javascript:open()", "http://[::1/", "https://z.example/" + "a" * 2_048):
        assert mark(link=link)[:16] == mark(link=None, title="Anders")[:16] != mark(link=link, guid="z-2")[:16]
    nameless = mark(link=None, guid=None, summary="Kort.")[:16]
    assert nameless == mark(link=None, guid=None, summary="Kort.", published="2026-11-20")[:16]
    assert nameless != mark(link=None, guid=None, summary="Lang.")[:16]


def test_the_second_half_changes_when_an_editor_has_changed_something() -> None:
    changes: list[dict[str, Any]] = [{"title": "Brug weer dicht"}, {"title": "Brug 2 open"}]
    changes += [{"published": "2026-11-20"}, {"updated": "2026-11-20"}, {"summary": "De brug is open."}]
    for change in changes:
        assert mark(**change)[:16] == mark()[:16]
        assert mark(**change) != mark(), change
    assert mark(summary="Open. 14 reacties") == mark(summary="Open.  15 reacties")
    assert mark(content="Meer.", summary="Kort.") == mark(content="Nog meer.", summary="Kort."), (
        "the page has the text"
    )
    for text, link in ((TextFrom.ITEM, "https://z.example/1"), (TextFrom.PAGE, None)):
        assert mark(text, content="Meer.", link=link) != mark(text, content="Nog meer.", link=link)
        assert mark(text, content="Om 8 uur.", link=link) != mark(text, content="Om 9 uur.", link=link)


def test_one_guid_on_several_links_are_several_entries() -> None:
    entries = feed(*(item(guid="g", link=f"https://z.example/{n}") for n in range(3))).entries
    assert [each.record.declared.url for each in entries] == [f"https://z.example/{n}" for n in range(3)]
    assert len({each.name for each in entries}) == 3


def test_entries_with_the_same_mark_appear_once_and_keep_their_numbers() -> None:
    listed = [item(), item(guid="z-9"), item(title="Kermis"), item(link="https://z.example/3")]
    entries = feed(*listed, url="feeds/zk.xml").entries
    assert [each.record.ref for each in entries] == ["feeds/zk.xml#1", "feeds/zk.xml#3", "feeds/zk.xml#4"]


def test_no_entry_of_a_long_feed_is_lost() -> None:
    assert len(feed(*(item(link=f"https://z.example/{n}") for n in range(6_000))).entries) == 6_000


# Fragments


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        *(("", ""), ("  tekst ", "tekst"), ("<", "<"), ("&", "&"), ("<p", ""), ("5 < 6", "5 < 6")),
        *(("a &lt; b &amp; c", "a < b & c"), ("AT&T & co", "AT&T & co")),
        ("<p>een<p>twee", "een\n\ntwee"),
        ("een<br>twee<br/><br/>drie", "een\n\ntwee\n\ndrie"),
        ("<p>een <b>vet</b>\n woord</p>", "een vet woord"),
        ("<ul><li>een<li>twee</ul>drie", "een\n\ntwee\n\ndrie"),
        ("<table><tr><td>een<td>twee</table>", "een\n\ntwee"),
        ("a<script>x</script>b<style>y</style>c<noscript>z</noscript>", "abc"),
        ("a<iframe src='x' />b<SCRIPT src='y'/>c<object/>d", "abcd"),
        ("<template><p>x</p></template>a", "a"),
        ("<svg><title>x</title></svg>a", "a"),
        ("a<!-- x -->b<?php y ?>c", "abc"),
        ("<!-- x -->", ""),
        ("<?xml version='1.0' encoding='utf-8'?><p>a</p>", "a"),
        ("<html><head><title>x</title></head></html>", ""),
        ("<html><frameset><frame></frameset></html>", ""),
        (
            "<!doctype html><html lang='nl'><!-- x --><head><meta charset='utf-16'></head><body><p>é</body></html>",
            "é",
        ),
        ("</html>a</body><p>b</html>c", "a\n\nbc"),
        ("<body><body>a</body></body>", "a"),
        ("<plaintext>a", "a"),
        ("<o:p>a</o:p>", "a"),
        ("<p>a\x00b\ud800c", "a\ufffdb\ufffdc"),
        ("a\ud800", "a\ufffd"),
        ("a&nbsp;b&#8203;&#xD800;", None),
    ],
)
def test_fragments(markup: str, text: str | None) -> None:
    found = fragment_text(markup)
    found.encode()
    if text is not None:
        assert found == text


@pytest.mark.parametrize("tag", ["div", "b", "span", "table", "li", "font"])
def test_deep_nesting_is_no_error(tag: str) -> None:
    assert fragment_text(f"<{tag}>" * 500 + "kern" + f"</{tag}>" * 500) == "kern"
    begun = time.process_time()
    fragment_text(f"<{tag}>" * 5_000 + "kern" + f"</{tag}>" * 5_000)
    fragment_text(f"</{tag}>" * 5_000 + f"<{tag} " * 5_000)
    assert time.process_time() - begun < 5


def test_long_fragments_take_linear_time() -> None:
    begun = time.process_time()
    assert len(fragment_text("<p>a</p>" * 20_000)) == 20_000 * 3 - 2
    fragment_text("<script " * 20_000)
    assert time.process_time() - begun < 5


@settings(max_examples=200)
@given(PIECES)
def test_any_fragment_gives_text_that_can_be_written(pieces: list[str]) -> None:
    text = fragment_text("".join(pieces))
    text.encode()
    assert "\x00" not in text
    assert text == text.strip()


@settings(max_examples=200)
@given(st.builds(item, link=st.none() | st.text(max_size=20), guid=st.none() | st.text(max_size=5)))
def test_a_mark_is_the_same_whenever_it_is_made(said: Item) -> None:
    for text in TextFrom:
        assert entry(said, text) == entry(said, text)
        assert len(entry(said, text).mark) == 32
