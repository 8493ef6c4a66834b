"""Feeds of every format, as they lie in ``tests/data/feeds``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from schemas.feed import FeedDocument, FeedSource, ParsedFeed
from schemas.record import Declared, InputKind, Outlet, Record, TextFrom
from tests.conftest import REPOSITORY
from transforms.core.feed_entries import NO_TEXT, SUMMARY_ONLY
from transforms.core.feeds import FEED_BOZO, parse_feed
from transforms.core.text import CHARSET_GUESSED

FOLDER = REPOSITORY / "tests" / "data" / "feeds"
URL = "https://feeds.carrier.example/lists/one.xml"


def parsed(name: str, text: TextFrom = TextFrom.ITEM) -> ParsedFeed:
    return parse_feed(FeedDocument(FeedSource(URL, Outlet(), text), (FOLDER / name).read_bytes(), url=URL))


def of_markup(markup: str, url: str = URL, text: TextFrom = TextFrom.ITEM) -> list[Record]:
    document = FeedDocument(FeedSource(url or "feed.xml", Outlet(), text), markup.encode(), url=url)
    return [entry.record for entry in parse_feed(document).entries]


@dataclass(frozen=True)
class Case:
    """What a file says: of itself, how many entries, and one of them."""

    name: str
    format: str
    outlet: tuple[str, str, str | None]
    entries: int
    number: int
    said: dict[str, Any]
    text: str
    flags: tuple[str, ...] = ()


CASES = [
    Case(
        *("rss090.xml", "rss090", ("waddenpost.example", "Waddenpost", None), 2, 1),
        {"url": "https://www.waddenpost.example/vuurtoren", "title": "Vuurtoren krijgt nieuwe lamp"},
        "",
        (NO_TEXT,),
    ),
    Case(
        *("rss091.xml", "rss091n", ("petitcanal.example", "Le Petit Canal", "fr-be"), 2, 0),
        {
            "url": "https://www.petitcanal.example/ecluse-sept",
            "title": "L'écluse numéro sept rouvre après dix-huit mois",
        },
        "Les péniches passent de nouveau depuis lundi matin.",
        (SUMMARY_ONLY,),
    ),
    Case(
        *("rss092.xml", "rss092", ("oeverblad.example", "Oeverblad", "nl"), 2, 0),
        {
            "url": "https://oeverblad.example/cafe",
            "title": "Café aan de dijk dicht",
            "section": "Streek",
            "keywords": ("Streek",),
        },
        "De eigenaar vond geen opvolger; vrijdag is de laatste avond.",
        (SUMMARY_ONLY,),
    ),
    Case(
        *("rss092.xml", "rss092", ("oeverblad.example", "Oeverblad", "nl"), 2, 1),
        {},
        "Zonder titel en zonder adres: één brug draait vannacht niet.",
        (SUMMARY_ONLY,),
    ),
    Case(
        *("rss10.xml", "rss10", ("heidekurier.example", "Heidekurier", "de-DE"), 2, 0),
        {
            "guid": "https://www.heidekurier.example/bahnhof",
            "url": "https://www.heidekurier.example/bahnhof",
            "title": "Der Bahnhof bekommt sein Dach zurück",
            "description": "Nach dem Sturm war die Halle zwei Jahre lang offen.",
            "published": "2026-11-19T08:15:00+01:00",
            "section": "Lokales",
            "keywords": ("Verkehr",),
            "authors": ("Grete Holm",),
        },
        "Nach dem Sturm war die Halle zwei Jahre lang offen.\n\n"
        "Jetzt liegen die neuen Glasplatten bereit, sagt die Bauleiterin.",
    ),
    Case(
        *("rss20.xml", "rss20", ("zuidkade.example", "Zuidkadebode", "nl-BE"), 3, 0),
        {
            "guid": "zk-1001",
            "url": "https://www.zuidkade.example/nieuws/tram?utm_source=rss",
            "title": "Tram rijdt weer tot de Zuidkade",
            "description": "Reizigers wachtten er elf maanden op.",
            "published": "Thu, 19 Nov 2026 18:40:00 +0100",
            "modified": "2026-11-20T07:05:00+01:00",
            "section": "Mobiliteit",
            "keywords": ("Mobiliteit", "Stad & rand"),
            "authors": ("Lien Maes", "Tom Vos"),
        },
        "Reizigers wachtten er elf maanden op, maar sinds gisteren rijdt lijn 7 weer door.\n\n"
        "De stad legde ook een fietspad aan.",
    ),
    Case(
        *("rss20.xml", "rss20", ("zuidkade.example", "Zuidkadebode", "nl-BE"), 3, 1),
        {
            "guid": "https://www.zuidkade.example/?p=1002",
            "url": "https://www.zuidkade.example/nieuws/voorlezers",
            "title": "Bibliotheek zoekt voorlezers",
            "published": "Thu, 19 Nov 2026 09:00:00 +0100",
            "authors": ("Anke Wouters",),
        },
        "Op woensdag zijn er te weinig handen.\n\n14 reacties",
        (SUMMARY_ONLY,),
    ),
    Case(
        *("atom03.xml", "atom03", ("harbourgazette.example", "The Harbour Gazette", "en"), 1, 0),
        {
            "guid": "tag:harbourgazette.example,2026:ferry-fog",
            "url": "https://www.harbourgazette.example/ferry-fog",
            "title": "Ferry & fog: a long wait",
            "description": "Passengers spent the morning on deck.",
            "published": "2026-11-19T09:30:00Z",
            "modified": "2026-11-19T11:45:00Z",
            "authors": ("Ruth Calloway",),
        },
        "Passengers spent the morning on deck.\n\nThe fog lifted at noon.",
    ),
    Case(
        *("atom10.xml", "atom10", ("millbrook.example", "Millbrook Courier", "en-GB"), 2, 0),
        {
            "guid": "tag:millbrook.example,2026:old-mill",
            "url": "https://www.millbrook.example/news/old-mill",
            "title": "Old mill to become a library",
            "description": "The council has found the money.",
            "published": "2026-11-19T16:20:00Z",
            "modified": "2026-11-20T05:55:00Z",
            "section": "Culture",
            "keywords": ("Culture", "Buildings"),
            "authors": ("Peter Marsh", "Ivy Dent"),
        },
        "The council has found the money.\n\nShelves arrive in spring.",
    ),
    Case(
        *("atom10.xml", "atom10", ("millbrook.example", "Millbrook Courier", "en-GB"), 2, 1),
        {
            "guid": "tag:millbrook.example,2026:pont",
            "url": "https://www.millbrook.example/news/pont",
            "title": "Pont newydd",
            "published": "2026-11-19T10:00:00Z",
            "language": "cy",
        },
        "Mae'r bont ar agor.",
        (SUMMARY_ONLY,),
    ),
    Case(
        *("json10.json", "json10", ("duinrand.example", "Duinrand", None), 2, 0),
        {
            "guid": "12",
            "url": "https://duinrand.example/strandtent",
            "title": "Strandtent mag blijven staan",
            "description": "De gemeente besliste gisteren.",
            "published": "2026-11-19T17:00:00+01:00",
            "section": "Kust",
            "keywords": ("Kust", "Horeca"),
            "authors": ("Joke de Ruyter",),
        },
        'De vergunning geldt voor vijf winters.\n\nDe buren keken er anders naar: "a < b".',
    ),
    Case(
        *("json11.json", "json11", ("bergdorf.example", "Bergdorfer Blatt", "de-AT"), 2, 0),
        {
            "guid": "b-1",
            "url": "https://bergdorf.example/artikel/seilbahn",
            "title": "Seilbahn steht still",
            "description": "Ein Ersatzteil fehlt.",
            "published": "2026-11-18T07:30:00Z",
            "modified": "2026-11-19T07:30:00Z",
            "language": "de-CH",
            "section": "Verkehr",
            "keywords": ("Verkehr",),
            "authors": ("Resi Anger",),
        },
        "Seit Montag fährt keine Gondel.\n\nEin Ersatzteil fehlt.",
    ),
    Case(
        *("broken.xml", "rss20", ("polder.example", "Poldernieuws & meer", None), 3, 0),
        {"url": "https://polder.example/gemaal?a=1&b=2", "title": "Gemaal hersteld", "published": "gisteren"},
        "Het water zakt weer.",
        (FEED_BOZO, SUMMARY_ONLY),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}#{case.number + 1}")
def test_a_feed_of_each_format(case: Case) -> None:
    feed = parsed(case.name)
    source, title, language = case.outlet
    assert (feed.format, feed.title, len(feed.entries)) == (case.format, title, case.entries)
    record = feed.entries[case.number].record
    assert record.outlet == Outlet(source, title, language, feed_url=URL)
    assert record.declared == Declared(**case.said)
    assert (record.kind, record.text, record.flags) == (InputKind.FEED, case.text, case.flags)
    name = record.declared.guid or record.declared.url or case.number + 1
    assert record.ref == f"{URL}#{name}"


def test_every_file_is_a_case() -> None:
    assert {case.name for case in CASES} == {path.name for path in FOLDER.iterdir()}


def test_a_file_in_latin_1_needs_no_guessing() -> None:
    assert all(CHARSET_GUESSED not in entry.record.flags for entry in parsed("rss092.xml").entries)


@pytest.mark.parametrize("name", sorted({case.name for case in CASES}))
def test_where_the_page_gives_the_text_every_summary_is_a_description(name: str) -> None:
    for of_item, of_page in zip(parsed(name).entries, parsed(name, TextFrom.PAGE).entries, strict=True):
        assert of_page.record.text == of_item.record.text
        assert of_page.name == of_item.name
        if SUMMARY_ONLY in of_page.record.flags:
            assert of_page.record.declared.description == " ".join((of_page.record.text or "").split())
        else:
            assert of_page.record.declared.description == of_item.record.declared.description


def test_polling_twice_gives_the_same() -> None:
    for case in CASES:
        assert parsed(case.name) == parsed(case.name)


RSS = (
    '<rss version="2.0" xmlns:m="http://search.yahoo.com/mrss/" xmlns:media="http://search.yahoo.com/mrss" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><link>{}</link><item>{}</item></channel></rss>'
)


@pytest.mark.parametrize(
    "caption",
    [
        "<media:description>Foto van de brug.</media:description>",
        "<m:description type='plain'>Foto van de brug.</m:description>",
        "<media:content url='b.jpg'><media:description>Foto van de brug.</media:description></media:content>",
        "<media:group><m:Description>Foto van de brug.</m:Description></media:group><media:description/>",
    ],
)
def test_the_caption_of_a_picture_is_not_the_text(caption: str) -> None:
    for item in ("<title>Brug</title><description>Open.</description>" + caption, caption + "<description>Open."):
        closed = item if item.endswith(">") else item + "</description>"
        (record,) = of_markup(RSS.format("", closed))
        assert (record.text, record.flags) == ("Open.", (SUMMARY_ONLY,))


def test_where_there_is_nothing_else_the_caption_says_what_it_is_about() -> None:
    (record,) = of_markup(
        RSS.format("", "<title>Brug</title><media:description>De brug gaat open.</media:description>")
    )
    assert (record.text, record.flags) == ("De brug gaat open.", (SUMMARY_ONLY,))


@pytest.mark.parametrize(
    ("author", "name"),
    [
        ("<author>redactie@zuidkade.brussels (Anke Wouters)</author>", "Anke Wouters"),
        ("<author>Anke Wouters &lt;a@zuidkade.media&gt;</author>", "Anke Wouters"),
        ("<author>Anke Wouters (a@zuidkade.example)</author>", "Anke Wouters"),
        ("<dc:creator>Anke Wouters (ANP)</dc:creator>", "Anke Wouters (ANP)"),
        ("<dc:creator>Anke &amp;amp; Tom</dc:creator>", "Anke & Tom"),
        ("<author>redactie@zuidkade.example</author>", None),
    ],
)
def test_authors_without_their_mail_addresses(author: str, name: str | None) -> None:
    (record,) = of_markup(RSS.format("", f"<title>Brug</title>{author}"))
    assert record.declared.authors == ((name,) if name else ())


@pytest.mark.parametrize(
    ("site", "url", "found"),
    [
        ("https://z.example/", "https://carrier.example/feeds/z", "https://z.example/n/1"),
        ("https://z.example/", "", "https://z.example/n/1"),
        ("/", "https://z.example/feeds/rss.xml", "https://z.example/n/1"),
        ("", "https://z.example/feeds/rss.xml", "https://z.example/n/1"),
        ("", "", "/n/1"),
    ],
)
def test_relative_links_of_rss_are_below_the_site_else_below_the_feed(site: str, url: str, found: str) -> None:
    (record,) = of_markup(RSS.format(site, "<title>Brug</title><link>/n/1</link>"), url)
    assert record.declared.url == found


@pytest.mark.parametrize(
    ("base", "found"),
    [
        ("", "https://feeds.carrier.example/lists/n/1"),
        ("https://z.example/x/", "https://z.example/x/n/1"),
        ("/x/", "https://feeds.carrier.example/x/n/1"),
        ("javascript:x", "https://feeds.carrier.example/lists/n/1"),
    ],
)
def test_relative_links_of_atom_are_below_its_base_else_below_the_feed(base: str, found: str) -> None:
    (record,) = of_markup(
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="{base}"><link href="https://z.example/"/>'
        '<entry><title>Brug</title><link href="n/1"/></entry></feed>'
    )
    assert record.declared.url == found


@pytest.mark.parametrize(
    "link", ["javascript:open()", "file:/etc/hostname", "data:text/plain,x", "http://[::1/", "http://ex\u2100.nl/"]
)
def test_links_that_lead_nowhere_are_left_for_the_stage_that_refuses_them(link: str) -> None:
    (record,) = of_markup(RSS.format("https://z.example/", f"<title>Brug</title><link>{link}</link>"))
    assert record.declared.url == link


def test_the_language_of_an_item_goes_before_that_of_the_feed() -> None:
    items = "<title xml:lang='fr'>Pont</title></item><item><title>Brug</title><dc:language>nl</dc:language>"
    french, dutch = of_markup(RSS.format("", items))
    assert (french.declared.language, dutch.declared.language) == ("fr", "nl")
    (record,) = of_markup(RSS.replace("<rss ", "<rss xml:lang='de' ").format("", "<title>Brug</title>"))
    assert (record.declared.language, record.outlet.language) == (None, "de")
