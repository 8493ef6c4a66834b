from __future__ import annotations

import re
import time
from html import escape
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.record import InputKind, Outlet, Record, SourceFile
from schemas.reject import Reason, Refused
from transforms.core.feeds import FEED_BOZO, NO_TEXT, SUMMARY_ONLY, fragment_text, read_feed
from transforms.core.text import CHARSET_GUESSED, REPLACED_CHARACTERS

FILE = SourceFile(InputKind.FEED, "feeds/zuidkade.xml", "zuidkade.xml")
XML = '<?xml version="1.0" encoding="UTF-8"?>'


def read(feed: str | bytes, file: SourceFile = FILE) -> list[Record]:
    return list(read_feed(feed.encode() if isinstance(feed, str) else feed, file))


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


def test_rss_2() -> None:
    feed = rss(
        "<title>Brug &amp; haven</title><link>https://zuidkade.example/1</link><guid isPermaLink='false'>z-1</guid>"
        "<description>Na &lt;b&gt;twee&lt;/b&gt; jaar.</description><dc:creator>M. de Wit</dc:creator>"
        "<category>Regio</category><category>Verkeer</category><pubDate>Fri, 20 Nov 2026 03:30:00 +0100</pubDate>"
        "<content:encoded><![CDATA[<p>De brug is open.</p><p>Er was <em>taart</em>.</p>]]></content:encoded>",
        "<title>Kermis</title><link>https://zuidkade.example/2</link>"
        "<description>Woensdag begint de kermis.</description>",
        head="<link>https://www.zuidkade.example/</link><language>nl-BE</language>",
    )
    first, second = read(feed)
    assert first.outlet == Outlet("zuidkade.example", "Zuidkadebode", "nl-BE", feed_url="feeds/zuidkade.xml")
    assert (first.kind, first.ref, first.record) == (InputKind.FEED, "feeds/zuidkade.xml#1", "z-1")
    assert first.text == "De brug is open.\n\nEr was taart."
    said = first.declared
    assert (said.guid, said.url) == ("z-1", "https://zuidkade.example/1")
    assert (said.title, said.description) == ("Brug & haven", "Na twee jaar.")
    assert (said.published, said.modified) == ("Fri, 20 Nov 2026 03:30:00 +0100", None)
    assert (said.section, said.keywords, said.authors) == ("Regio", ("Regio", "Verkeer"), ("M. de Wit",))
    assert first.flags == ()
    assert (second.ref, second.record) == ("feeds/zuidkade.xml#2", "https://zuidkade.example/2")
    assert (second.text, second.declared.description) == ("Woensdag begint de kermis.", None)
    assert second.flags == (SUMMARY_ONLY,)


def test_rss_091_with_its_doctype() -> None:
    doctype = (
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        '"http://my.netscape.com/publish/formats/rss-0.91.dtd">'
    )
    item = "<title>Brug open</title><link>https://zuidkade.example/1</link><description>Hij is open.</description>"
    (record,) = read(rss(item, prolog=XML + doctype).replace('"2.0"', '"0.91"'))
    assert (record.text, record.declared.url) == ("Hij is open.", "https://zuidkade.example/1")


def test_rss_10() -> None:
    (record,) = read(
        f"""{XML}<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
        xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://zuidkade.example/"><title>Bode</title>
        <link>https://zuidkade.example/</link><dc:language>nl</dc:language></channel>
        <item rdf:about="https://zuidkade.example/1"><title>Brug open</title><link>https://zuidkade.example/1</link>
        <description>Hij is open.</description><dc:date>2026-11-20T02:30:00Z</dc:date>
        <dc:creator>M. de Wit</dc:creator>
        <dc:subject>Regio</dc:subject></item></rdf:RDF>"""
    )
    said = record.declared
    assert (record.text, said.url, said.published) == (
        *("Hij is open.", "https://zuidkade.example/1", "2026-11-20T02:30:00Z"),
    )
    assert (said.authors, said.section, record.outlet.language) == (("M. de Wit",), "Regio", "nl")


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


def test_one_guid_on_several_links_keeps_all() -> None:
    items = [
        f"<title>T</title><guid isPermaLink='false'>g</guid><link>https://z.example/{n}</link>" for n in range(3)
    ]
    records = read(rss(*items))
    assert [r.declared.url for r in records] == [f"https://z.example/{n}" for n in range(3)]
    assert {r.declared.guid for r in records} == {"g"}


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


def test_what_the_settings_say_of_a_feed_goes_before_what_it_says() -> None:
    known = Outlet("zk", "De Bode", "fr", "BE", "Europe/Brussels", "Regio", "feeds/zk.xml")
    feed = rss("<title>Brug</title>", head="<link>https://z.example/</link><language>nl</language>")
    (record,) = read(feed, SourceFile(InputKind.FEED, "in/zk.xml", "feeds/zk.xml", known))
    assert record.outlet == Outlet("zk", "De Bode", "nl", "BE", "Europe/Brussels", "Regio", "feeds/zk.xml")


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


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b" \n", b"\xef\xbb\xbf", b"Brug open", bytes(range(256)), b'{"items": [{"title": "Brug"}]}'),
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


def test_a_feed_with_deep_nesting_is_read() -> None:
    (record,) = read(rss("<title>Brug</title><description>" + "&lt;div&gt;" * 5_000 + "kern</description>"))
    assert record.declared.title == "Brug"


def test_many_paragraphs_take_linear_time() -> None:
    begun = time.process_time()
    assert len(fragment_text("<p>a</p>" * 20_000)) == 20_000 * 3 - 2
    assert time.process_time() - begun < 5


TAGS = [
    *("html", "/html", "body", "/body", "head", "p", "/p", "br/", "script", "/script", "frameset", "table", "td"),
    *("svg", "title", "/title", "textarea", "!--"),
]
LOOSE = [
    "<div",
    ">",
    "</",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml ?>",
    "<p a='",
    "&#0;",
    "&amp",
    "\x00",
    "\ud800",
    "tekst",
]
PIECES = st.lists(
    st.sampled_from([*(f"<{tag}>" for tag in TAGS), *LOOSE]) | st.text(st.characters(categories=None), max_size=5),
    max_size=25,
)


@settings(max_examples=200)
@given(PIECES)
def test_any_fragment_gives_text_that_can_be_written(pieces: list[str]) -> None:
    text = fragment_text("".join(pieces))
    text.encode()
    assert "\x00" not in text
    assert text == text.strip()


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
