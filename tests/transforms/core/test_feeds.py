from __future__ import annotations

import re
from html import escape
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.feed import FeedDocument, FeedSource
from schemas.record import Outlet, Record, TextFrom
from schemas.reject import Reason, Refused
from tests.transforms.core.pieces import PIECES
from transforms.core.feed_entries import NO_TEXT, SUMMARY_ONLY
from transforms.core.feeds import FEED_BOZO, parse_feed
from transforms.core.text import CHARSET_GUESSED, REPLACED_CHARACTERS

XML = '<?xml version="1.0" encoding="UTF-8"?>'


def read(feed: str | bytes, content_type: str = "", outlet: Outlet | None = None) -> list[Record]:
    source = FeedSource("feeds/zuidkade.xml", outlet or Outlet(), TextFrom.ITEM)
    raw = feed.encode() if isinstance(feed, str) else feed
    return [entry.record for entry in parse_feed(FeedDocument(source, raw, content_type)).entries]


def refused(feed: str | bytes) -> Reason:
    with pytest.raises(Refused) as refusal:
        read(feed)
    return refusal.value.reason


def attempted(feed: str | bytes) -> list[Record] | Reason:
    try:
        return read(feed)
    except Refused as refusal:
        return refusal.reason


def rss(*items: str, head: str = "<link>https://www.zuidkade.example/</link>", prolog: str = XML) -> str:
    entries = "".join(f"<item>{item}</item>" for item in items)
    return (
        f'{prolog}<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Zuidkadebode</title>{head}{entries}</channel></rss>'
    )


ATOM = f"""{XML}<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="nl"><title>Bode</title>
<link href="https://zuidkade.example/"/><id>tag:zuidkade.example,2026:feed</id>
<entry><id>tag:zuidkade.example,2026:1</id><title>Brug open</title><link href="https://zuidkade.example/1"/>
<summary>Na twee jaar.</summary><content type="html">&lt;p&gt;De brug is open.&lt;/p&gt;</content>
<published>2026-11-19T02:30:00Z</published><updated>2026-11-20T02:30:00+01:00</updated>
<author><name>M. de Wit</name></author><category term="Regio"/></entry>
<entry><id>tag:zuidkade.example,2026:2</id><title>Kermis</title><updated>2026-11-20T02:30:00Z</updated>
<content type="xhtml">
<div xmlns="http://www.w3.org/1999/xhtml"><p>Woensdag.</p><p>Om drie uur.</p></div></content></entry>
<entry><id>tag:zuidkade.example,2026:3</id><title>Markt</title><content src="https://zuidkade.example/3"/></entry>
</feed>"""


def test_atom() -> None:
    first, second, third = read(ATOM)
    said = first.declared
    assert (first.text, said.description) == ("De brug is open.", "Na twee jaar.")
    assert (said.published, said.modified) == ("2026-11-19T02:30:00Z", "2026-11-20T02:30:00+01:00")
    assert (said.authors, said.section) == (("M. de Wit",), "Regio")
    assert second.text == "Woensdag.\n\nOm drie uur."
    assert (second.declared.published, second.declared.modified) == ("2026-11-20T02:30:00Z", None)
    assert (third.text, third.flags) == ("", (NO_TEXT,))


def test_an_id_is_no_address() -> None:
    _, second, _ = read(ATOM)
    assert (second.declared.guid, second.declared.url) == ("tag:zuidkade.example,2026:2", None)
    (record,) = read(rss("<title>Brug</title><guid>12345</guid>"))
    assert (record.declared.guid, record.declared.url) == ("12345", None)
    (record,) = read(rss("<title>Brug</title><guid>https://zuidkade.example/1</guid>"))
    assert record.declared.url == "https://zuidkade.example/1"
    (record,) = read(rss("<title>Brug</title><guid>z-1</guid><link>javascript:open()</link>"))
    assert record.declared.url == "javascript:open()", "left for the stage that refuses it"


def test_content_goes_before_the_summary_where_it_has_text() -> None:
    item = "<description>De brug is open.</description><content:encoded><![CDATA[{}]]></content:encoded>"
    (record,) = read(rss(item.format("<p>De brug is sinds gisteren open.</p>")))
    assert (record.text, record.declared.description) == ("De brug is sinds gisteren open.", "De brug is open.")
    (record,) = read(rss(item.format('<img src="brug.jpg">')))
    assert (record.text, record.declared.description) == ("De brug is open.", None)
    assert record.flags == (SUMMARY_ONLY,)
    (record,) = read(rss(item.format("De brug is open.")))
    assert (record.text, record.declared.description, record.flags) == ("De brug is open.", None, ())


@pytest.mark.parametrize(
    "item",
    [
        "<title>Brug</title>",
        "<title>Brug</title><description/>",
        "<title>Brug</title><description> </description>",
        "<title>Brug</title><description>&lt;img src='x'&gt;</description>",
    ],
)
def test_an_entry_without_text_is_kept_with_its_title(item: str) -> None:
    (record,) = read(rss(item))
    assert (record.declared.title, record.text, record.flags) == ("Brug", "", (NO_TEXT,))


@pytest.mark.parametrize(
    "written",
    [
        *("gisteren", "-1", "0000-00-00", "2026-W47-5", "2026-325", "99999999999999999999"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "31 Dec 99999 00:00:00 GMT"),
        *("Mon, 32 Feb 2026 25:61:61 GMT", "Sat, 00 Jan 0000 00:00:00 GMT"),
    ],
)
def test_a_date_that_cannot_be_read_is_handed_on_as_it_was_written(written: str) -> None:
    for element in ("pubDate", "dc:date"):
        (record,) = read(rss(f"<title>Brug</title><{element}>{written}</{element}>"))
        assert record.declared.published == written


def test_a_form_that_only_feedparser_reads() -> None:
    (record,) = read(rss("<title>Brug</title><pubDate>Fri Nov 20 02:30:00 2026</pubDate>"))
    assert record.declared.published == "2026-11-20T02:30:00+00:00"


@pytest.mark.parametrize("site", ["http://[2001:db8::1/", "zuidkade.example", "", "javascript:x"])
def test_a_site_address_that_is_none_leaves_the_source_open(site: str) -> None:
    (record,) = read(rss("<title>Brug</title>", head=f"<link>{site}</link>"))
    assert record.outlet.source_id is None


def test_malformed_feeds_keep_their_entries() -> None:
    whole = "<title>Brug</title><description>Brug &nbsp; & haven <b>open</description>"
    first, second = read(rss(whole, "<title>Kermis</title><description>Woensdag.</description>"))
    assert (first.flags, second.flags) == ((FEED_BOZO, SUMMARY_ONLY),) * 2
    assert second.text == "Woensdag."
    cut = rss("<title>Brug</title><description>Open.</description>", "<title>Kermis</title>")
    records = read(cut[: cut.index("Kermis") + 3])
    assert (records[0].text, FEED_BOZO in records[0].flags) == ("Open.", True)


@pytest.mark.parametrize("blanks", ["\n", "  \r\n\t", "\ufeff\n"])
def test_blanks_before_the_xml(blanks: str) -> None:
    (record,) = read(blanks + rss("<title>Brug</title><description>Open &#38;amp; vrij.</description>"))
    assert (record.declared.title, record.text) == ("Brug", "Open & vrij.")
    assert set(record.flags) == {FEED_BOZO, SUMMARY_ONLY}


@pytest.mark.parametrize(
    "element",
    [
        *("tags", "authors", "links", "content", "title_detail", "summary_detail", "updated_parsed", "media_caption"),
        *("contributors", "author_detail", "publisher", "id", "language", "prism_section", "feedburner_origlink"),
    ],
)
def test_an_element_that_is_called_like_a_key_of_the_parser(element: str) -> None:
    ours = "<title>Brug</title><link>https://z.example/1</link><category>Regio</category><author>M. de Wit</author>"
    for odd in (f"<{element}>x</{element}>", f"<{element} a='1'>x</{element}>", f"<{element} a='1'/>"):
        for inner in (odd + ours, ours + odd):
            (said,) = (record.declared for record in read(rss(inner)))
            assert (said.title, said.url, said.authors) == ("Brug", "https://z.example/1", ("M. de Wit",))
            assert "Regio" in said.keywords


def test_nul_and_control_characters() -> None:
    (record,) = read(rss("<title>Brug\x00</title><description>Hij is\x01 open.</description>"))
    assert record.declared.title == "Brug\ufffd"
    assert {FEED_BOZO, REPLACED_CHARACTERS} <= set(record.flags)
    assert record.text is not None
    assert record.text.startswith("Hij is")


ACCENTS = rss("<title>Café</title><description>Één café.</description>", prolog='<?xml version="1.0"{}?>')


@pytest.mark.parametrize(
    ("declared", "codec", "flags"),
    [
        ("utf-8", "utf-8", ()),
        ("utf-8", "utf-8-sig", ()),
        ("utf-16", "utf-16", ()),
        ("utf-16", "utf-8", ()),
        ("iso-8859-1", "cp1252", ()),
        ("utf-8", "cp1252", (CHARSET_GUESSED,)),
        ("iso-8859-1", "utf-8", (CHARSET_GUESSED,)),
        ("geheimschrift", "utf-8", ()),
    ],
)
def test_encodings(declared: str, codec: str, flags: tuple[str, ...]) -> None:
    (record,) = read(ACCENTS.replace("{}", f' encoding="{declared}"').encode(codec))
    assert (record.declared.title, record.text) == ("Café", "Één café.")
    assert set(record.flags) - {SUMMARY_ONLY} == set(flags)


def test_the_carrier_says_which_encoding_it_is() -> None:
    feed = ACCENTS.replace("{}", "").encode("iso8859_15")
    (record,) = read(feed, content_type='application/rss+xml; Charset="ISO-8859-15"')
    assert (record.declared.title, record.text) == ("Café", "Één café.")
    assert CHARSET_GUESSED not in record.flags
    (record,) = read(ACCENTS.replace("{}", "").encode(), content_type="text/xml; charset=us-ascii")
    assert (record.declared.title, CHARSET_GUESSED in record.flags) == ("Café", True)


@pytest.mark.parametrize(
    ("reference", "read_as", "flags"),
    [
        ("&#55357;&#56834;", "😂", {FEED_BOZO}),
        ("&#xD83D;&#xde02;", "😂", {FEED_BOZO}),
        ("&#xD83D;", "\ufffd", {FEED_BOZO, REPLACED_CHARACTERS}),
        ("&#0;", "\ufffd", {FEED_BOZO, REPLACED_CHARACTERS}),
        ("&#x;", "\ufffd", {FEED_BOZO, REPLACED_CHARACTERS}),
        ("&#x110000;", "\ufffd", {FEED_BOZO, REPLACED_CHARACTERS}),
        ("&#99999999999;", "\ufffd", {FEED_BOZO, REPLACED_CHARACTERS}),
        ("&#" + "9" * 5_000 + ";", "\ufffd", {FEED_BOZO, REPLACED_CHARACTERS}),
        ("&#00000128514;&#x0001F602;", "😂😂", set()),
    ],
)
def test_references_to_what_is_no_character(reference: str, read_as: str, flags: set[str]) -> None:
    (record,) = read(rss(f"<title>Brug {reference}</title><description>Hij is open.</description>"))
    assert record.declared.title == f"Brug {read_as}"
    assert set(record.flags) - {SUMMARY_ONLY} == flags


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b" \n", b"\xef\xbb\xbf", b"Brug open", bytes(range(256)), b'{"items": [{"title": "Brug"}]}', b"[]"),
        b"<!doctype html><html><head><title>404</title></head><body><p>Niet gevonden.</p></body></html>",
        *(b"<opml version='2.0'><head/><body/></opml>", b"<sitemapindex/>"),
    ],
)
def test_what_is_no_feed(raw: bytes) -> None:
    assert refused(raw) is Reason.NOT_A_FEED


def test_an_html_page_is_named_as_such() -> None:
    with pytest.raises(Refused, match="HTML page"):
        read("<!doctype html><html lang=nl><body>Niet gevonden.</body></html>")


ENTITIES = rss(
    "<title>&b;</title>", prolog='<?xml version="1.0"{}?><!DOCTYPE rss [<!ENTITY a "ha"><!entity b "&a;&a;">]>'
)


def test_an_article_may_speak_of_entities() -> None:
    (record,) = read(rss("<title>XML</title><description><![CDATA[Met &lt;!ENTITY of <!ENTITY a>.]]></description>"))
    assert record.text is not None
    assert record.text.startswith("Met <!ENTITY of")


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso2022_jp"])
@pytest.mark.parametrize("stated", [True, False])
def test_declared_entities_are_refused_in_every_encoding(codec: str, stated: bool) -> None:
    feed = ENTITIES.replace("{}", f' encoding="{codec}"' if stated else "").replace("<!entity", "<!ENTITY")
    assert refused(feed.encode(codec)) is Reason.XML_FORBIDDEN


@pytest.mark.parametrize("codec", ["utf-32", "utf-32-be", "utf-7", "cp037", "unicode_escape"])
def test_no_encoding_hides_an_entity(codec: str) -> None:
    feed = ENTITIES.replace("{}", f' encoding="{codec}"')
    raw = {
        "utf-7": feed.replace("<!ENTITY", "+ADwAIQ-ENTITY").replace("<!entity", "+ADwAIQ-ENTITY").encode(),
        "unicode_escape": re.sub("(?i)<!entity", r"\\x3c!ENTITY", feed).encode(),
    }.get(codec) or feed.replace("<!entity", "<!ENTITY").encode(codec)
    found = attempted(raw)
    if isinstance(found, list):
        assert all("ha" not in str(record.declared.title) for record in found)
    else:
        assert found in (Reason.XML_FORBIDDEN, Reason.NOT_A_FEED)


def test_no_file_is_opened_for_a_doctype(tmp_path: Path) -> None:
    secret = tmp_path / "geheim.dtd"
    secret.write_text('<!ENTITY a "geheim">')
    doctype = f'<!DOCTYPE rss SYSTEM "{secret.as_uri()}">'
    found = attempted(rss("<title>Brug &a;</title>", prolog=XML + doctype))
    assert isinstance(found, list)
    assert all("geheim" not in str(r.declared) + str(r.text) for r in found)


def test_the_same_feed_gives_the_same_records() -> None:
    assert read(ATOM) == read(ATOM)
    assert len({r.raw for r in read(ATOM)}) == 3


def test_a_feed_with_deep_nesting_is_read() -> None:
    (record,) = read(rss("<title>Brug</title><description>" + "&lt;div&gt;" * 5_000 + "kern</description>"))
    assert record.declared.title == "Brug"


@settings(max_examples=60, deadline=None)
@example(["</body>"], [], "pubDate")  # of which feedparser makes a summary that is None
@given(PIECES, PIECES, st.sampled_from(["pubDate", "guid", "link", "category", "dc:creator", "description"]))
def test_any_entry_is_read_or_refused(title: list[str], value: list[str], element: str) -> None:
    inner = f"<title>{''.join(title)}</title><{element}>{escape(''.join(value))}</{element}>"
    found = attempted(rss(inner).encode(errors="replace"))
    if not isinstance(found, list):
        assert found in (Reason.FEED_PARSE, Reason.NOT_A_FEED)
        return
    for record in found:
        str(record.declared).encode()
        (record.record + (record.text or "")).encode()
