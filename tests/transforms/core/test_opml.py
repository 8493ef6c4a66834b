from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from pipeline.tables import Feed, FeedFile
from schemas.reject import Reason, Refused
from tests.conftest import REPOSITORY
from transforms.core.opml import FeedLine, feed_tables, read_opml, write_opml
from transforms.core.text import sound

OPML = """<?xml version="1.0" encoding="{}"?>
<opml version="2.0"><head><title>Mijn kranten</title><ownerName>Anke</ownerName></head><body>
<outline text="Zuidkadebode" type="rss" xmlUrl="https://www.zuidkade.example/rss" htmlUrl="https://www.zuidkade.example/"
  language="nl-be" title="De Zuidkadebode"/>
<outline text="Buitenland"><!-- verder weg -->
  <outline text="Café Europe" XMLURL="https://cafe.example/flux"/>
  <outline title="Duits"><outline type="RSS" text="Heide" xmlUrl="https://www.heidekurier.example/rss10"/></outline>
</outline>
<outline text="Ongelezen" type="vfolder" xmlUrl="vfolder"/>
<outline text="Een site" type="link" url="https://z.example/"/>
<outline text="Nogmaals" type="rss" xmlUrl="https://www.zuidkade.example/rss"/>
</body></opml>"""


def refused(raw: str) -> Refused:
    with pytest.raises(Refused) as refusal:
        read_opml(raw.encode())
    return refusal.value


def opml(body: str) -> str:
    return f'<opml version="2.0"><head/><body>\n{body}</body></opml>'


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "iso-8859-1", "utf-16"])
def test_in(codec: str) -> None:
    assert read_opml(OPML.format(codec).encode(codec)) == (
        FeedLine(
            "https://www.zuidkade.example/rss",
            "De Zuidkadebode",
            "https://www.zuidkade.example/",
            language="nl-be",
        ),
        FeedLine("https://cafe.example/flux", "Café Europe", section="Buitenland"),
        FeedLine("https://www.heidekurier.example/rss10", "Heide", section="Duits"),
    )


@pytest.mark.parametrize(
    ("raw", "reason", "said"),
    [
        ("", Reason.FEED_PARSE, "well-formed"),
        ("tekst", Reason.FEED_PARSE, "well-formed"),
        (opml("<outline>"), Reason.FEED_PARSE, "line 2"),
        ("<html><body/></html>", Reason.NOT_A_FEED, "OPML"),
        ('<opml version="2.0"><head/></opml>', Reason.NOT_A_FEED, "OPML"),
        (opml('<outline type="rss" text="Bode"/>'), Reason.FEED_PARSE, "line 2: the feed 'Bode' has no xmlUrl"),
        (opml('<outline xmlUrl="feeds.zuidkade.example"/>'), Reason.BAD_SCHEME, "line 2"),
        (opml('<outline xmlUrl="file:///etc/hostname"/>'), Reason.BAD_SCHEME, "line 2"),
        (opml('<outline xmlUrl="http://[::1/"/>'), Reason.BAD_URL, "line 2"),
        ('<!DOCTYPE opml [<!ENTITY a "b">]>' + opml("&a;"), Reason.XML_FORBIDDEN, "entities"),
        ("<opml>" + "<outline>" * 5_000, Reason.FEED_PARSE, "well-formed"),
    ],
)
def test_what_is_refused(raw: str, reason: Reason, said: str) -> None:
    refusal = refused(raw)
    assert refusal.reason is reason
    assert said in refusal.message


def test_no_file_is_opened(tmp_path: Path) -> None:
    secret = tmp_path / "geheim.dtd"
    secret.write_text('<!ENTITY a "geheim">')
    doctype = f'<!DOCTYPE opml SYSTEM "{secret.as_uri()}">'
    for text in ("Z", "&a;"):
        (line,) = read_opml((doctype + opml(f'<outline text="{text}" xmlUrl="https://z.example/rss"/>')).encode())
        assert line == FeedLine("https://z.example/rss", "Z" if text == "Z" else None)


def test_out_and_in_again() -> None:
    lines = (
        FeedLine("https://a.example/rss?a=1&b=2", 'De "Bode" & co <b>', "https://a.example/", "Sport", "nl"),
        FeedLine("https://b.example/rss", "B", section="Sport"),
        FeedLine("https://c.example/rss", "C\x01\ud800"),
        FeedLine("https://d.example/rss", section="Politiek"),
    )
    written = write_opml(lines, "Lijst & zo")
    root = etree.fromstring(written.encode())
    assert root.get("version") == "2.0"
    assert root.findtext("head/title") == "Lijst & zo"
    assert all(outline.get("text") for outline in root.iter("outline"))
    read = read_opml(written.encode())
    assert read[:2] == lines[:2]
    assert read[2] == FeedLine("https://c.example/rss", "C\ufffd\ufffd")
    assert read[3] == FeedLine("https://d.example/rss", "https://d.example/rss", section="Politiek")
    assert write_opml(read, "Lijst & zo") == write_opml(read_opml(written.encode()), "Lijst & zo")


def test_sections_are_one_folder_each() -> None:
    lines = [FeedLine(f"https://z.example/{n}", str(n), section=name) for n, name in enumerate("abab")]
    root = etree.fromstring(write_opml([FeedLine("https://z.example/"), *lines], "x").encode())
    assert [outline.get("text") for outline in root.findall("body/outline")] == ["https://z.example/", "a", "b"]


def test_the_list_that_ships_goes_out_and_in_again() -> None:
    shipped = FeedFile.model_validate(tomllib.loads((REPOSITORY / "config" / "feeds.toml").read_text("utf-8"))).feed
    lines = {FeedLine(feed.url, feed.name, None, feed.section, feed.language) for feed in shipped}
    assert set(read_opml(write_opml(lines, "Knipsel").encode())) == lines


@pytest.mark.parametrize(
    ("line", "outlet"),
    [
        (FeedLine("https://www.zuidkade.example/rss", "Bode"), "zuidkade.example"),
        (FeedLine("https://feeds.z.example/1", "Bode", "https://Z.example/"), "z.example"),
        (FeedLine("https://feeds.feedburner.com/Bode", "De Bode: café!"), "de-bode-caf"),
        (FeedLine("https://feeds.feedburner.com/Bode"), "feeds.feedburner.com"),
        (FeedLine("https://feeds.feedburner.com/Bode", "日本"), "feeds.feedburner.com"),
        (FeedLine("https://[2001:db8::1]/rss"), "2001-db8-1"),
        (FeedLine("https://z.example/rss", site="geen adres"), "z.example"),
        (FeedLine("https://" + "a" * 63 + ".example/"), "a" * 63),
    ],
)
def test_the_outlet_of_a_line(line: FeedLine, outlet: str) -> None:
    assert line.outlet == outlet
    assert Feed(url=line.url, outlet=line.outlet).outlet == outlet


def test_tables() -> None:
    assert feed_tables([]) == ""
    lines = [FeedLine("https://z.example/rss", 'De "Bode" \\ zo', language="nl-BE", section="Sport")]
    assert (
        feed_tables([*lines, FeedLine("https://a.example/1")])
        == r"""[[feed]]
url = "https://z.example/rss"
outlet = "z.example"
name = "De \"Bode\" \\ zo"
language = "nl-BE"
section = "Sport"

[[feed]]
url = "https://a.example/1"
outlet = "a.example"
"""
    )


TEXT = st.text(st.characters(categories=None), min_size=1, max_size=8)


@settings(max_examples=200)
@given(
    st.lists(st.builds(FeedLine, st.just("https://z.example/rss"), TEXT, st.none() | TEXT, TEXT, TEXT), max_size=3)
)
def test_any_name_can_be_written(lines: list[FeedLine]) -> None:
    feeds = FeedFile.model_validate(tomllib.loads(feed_tables(lines))).feed
    assert [(feed.name, feed.section) for feed in feeds] == [
        (sound(line.name or "")[0], sound(line.section or "")[0]) for line in lines
    ]
    read_opml(write_opml(lines, "Lijst").encode())
