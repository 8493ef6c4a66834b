from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.feed import FeedDocument, FeedSource, ParsedFeed
from schemas.record import Outlet, TextFrom
from schemas.reject import Reason, Refused
from transforms.core.feeds import FEED_BOZO, parse_feed
from transforms.core.jsonfeed import looks_like_json

VERSION = "https://jsonfeed.org/version/1.1"


def parsed(raw: bytes | str, url: str = "") -> ParsedFeed:
    source = FeedSource("feed.json", Outlet(), TextFrom.ITEM)
    return parse_feed(FeedDocument(source, raw.encode() if isinstance(raw, str) else raw, "application/json", url))


def feed(*items: Any, **said: Any) -> ParsedFeed:
    return parsed(json.dumps({"version": VERSION, "items": list(items), **said}))


def refused(raw: bytes | str) -> Reason:
    with pytest.raises(Refused) as refusal:
        parsed(raw)
    return refusal.value.reason


@pytest.mark.parametrize(
    ("version", "format_"),
    [
        ("https://jsonfeed.org/version/1", "json10"),
        ("https://jsonfeed.org/version/1.0", "json10"),
        ("https://jsonfeed.org/version/1.1", "json11"),
        ("http://www.jsonfeed.org/version/1.1/", "json11"),
        ("https://jsonfeed.org/version/2", "json20"),
    ],
)
def test_versions(version: str, format_: str) -> None:
    assert feed(version=version).format == format_


@pytest.mark.parametrize(
    "raw",
    [
        *("{", "{}", '{"items": []}', '{"version": "2.0", "items": []}', '{"version": 1.1, "items": []}'),
        '{"version": "https://jsonfeed.example/1", "items": []}',
    ],
)
def test_json_that_is_no_feed(raw: str) -> None:
    assert refused(raw) is Reason.NOT_A_FEED


@pytest.mark.parametrize(
    "raw",
    [
        f'{{"version": "{VERSION}"}}',
        f'{{"version": "{VERSION}", "items": {{}}}}',
        f'{{"version": "{VERSION}", "items": [{{"id": "1"}}',
        f'{{"version": "{VERSION}", "items": ' + "[" * 100_000,
        f'{{"version": "{VERSION}", "items": [' + "9" * 5_000 + "]}",
    ],
)
def test_a_feed_that_cannot_be_read(raw: str) -> None:
    assert refused(raw) is Reason.FEED_PARSE


def test_which_address_an_item_has() -> None:
    own, elsewhere, name = "https://z.example/1", "https://elders.example/2", "https://z.example/3"
    items = [
        {"id": "1", "url": own, "external_url": elsewhere},
        {"id": name, "external_url": elsewhere},
        {"id": "3", "external_url": elsewhere},
        {"id": "4", "url": "javascript:x"},
        {"id": "5"},
    ]
    urls = [entry.record.declared.url for entry in feed(*items).entries]
    assert urls == [own, name, elsewhere, "javascript:x", None]


def test_relative_addresses_are_below_the_site_else_below_the_feed() -> None:
    item = {"id": "1", "url": "/a"}
    (entry,) = feed(item, home_page_url="https://z.example/nieuws/").entries
    assert entry.record.declared.url == "https://z.example/a"
    raw = json.dumps({"version": VERSION, "items": [item]})
    (entry,) = parsed(raw, "https://z.example/feeds/feed.json").entries
    assert entry.record.declared.url == "https://z.example/a"


def test_plain_text_stays_as_it_is_and_html_becomes_text() -> None:
    plain, html = "Met <b> erin.\n\nTweede alinea & slot.", "<p>Met &lt;b&gt; erin.</p><p>Slot.</p>"
    texts = [
        entry.record.text
        for entry in feed(
            {"id": "1", "content_text": plain},
            {"id": "2", "content_html": html, "content_text": plain},
            {"id": "3", "content_html": "<img src='x'>", "content_text": plain},
            {"id": "4", "summary": "Kort \x00 <i>."},
        ).entries
    ]
    assert texts == [plain, "Met <b> erin.\n\nSlot.", plain, "Kort \ufffd <i>."]


def test_the_authors_of_both_versions() -> None:
    items = [
        {"id": "1", "author": {"name": "Anna"}},
        {"id": "2", "authors": [{"name": "Anna"}, {"name": " "}, {"name": "Bram"}], "author": {"name": "Anna"}},
        {"id": "3", "authors": {"name": "Anna"}, "author": "Bram"},
    ]
    assert [entry.record.declared.authors for entry in feed(*items).entries] == [("Anna",), ("Anna", "Bram"), ()]


def test_what_is_no_item_is_passed_over_with_a_flag() -> None:
    found = feed({"id": "1", "title": "Brug"}, "Kermis", None, {"id": "2", "title": ["Markt"], "tags": "a"})
    assert [entry.record.declared.title for entry in found.entries] == ["Brug", None]
    assert all(FEED_BOZO in entry.record.flags for entry in found.entries)
    assert FEED_BOZO not in feed({"id": "1"}).entries[0].record.flags


def test_faults_that_can_be_read_past_are_flagged() -> None:
    whole = json.dumps({"version": VERSION, "items": [{"id": "1", "title": "Brug open"}]})
    for faulty in (whole.replace("Brug open", "Brug\topen"), whole + "\n</html>", " \n" + whole + whole):
        (entry,) = parsed(faulty).entries
        assert (entry.record.declared.title, FEED_BOZO in entry.record.flags) == ("Brug open", True)
    (entry,) = parsed("\ufeff \n" + whole).entries
    assert FEED_BOZO not in entry.record.flags


def test_an_article_on_xml_is_no_xml() -> None:
    (entry,) = feed({"id": "1", "content_text": "<!DOCTYPE a [<!ENTITY b 'c'>]>"}).entries
    assert entry.record.text == "<!DOCTYPE a [<!ENTITY b 'c'>]>"


def test_what_looks_like_json() -> None:
    assert looks_like_json(' \n{"a": 1}')
    assert not any(map(looks_like_json, ("", "<rss>{</rss>", "[]", "tekst")))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(categories=None), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KEYS = (
    "id",
    "url",
    "title",
    "summary",
    "content_html",
    "content_text",
    "authors",
    "author",
    "tags",
    "date_published",
)


@settings(max_examples=150)
@given(st.lists(st.dictionaries(st.sampled_from(KEYS), JSON) | JSON, max_size=4), JSON, JSON)
def test_any_value_anywhere_is_read(items: list[Any], title: Any, language: Any) -> None:
    for entry in feed(*items, title=title, home_page_url=title, language=language).entries:
        record = entry.record
        (str(record.declared) + str(record.outlet) + record.record + (record.text or "")).encode()
