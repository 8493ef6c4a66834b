from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.reject import Reason, Refused
from transforms.core.extraction import Page, Taken, bare, extract_page, left_out, taken_off
from transforms.core.text import letters

PAGES = Path(__file__).parents[4] / "shared" / "pages"
URL = "https://krant.example/regio/brug"
LEDE = "De brug over de Zenne blijft tot maandag dicht, omdat een schip er dinsdagavond tegenaan voer."
PARAGRAPHS = (
    "Volgens de schepen van Openbare Werken is een pijler verschoven en moet die eerst gestut worden.",
    "Fietsers en voetgangers kunnen intussen over het sas, auto’s rijden om langs de ringweg.",
    "De kapitein van het schip bleef ongedeerd en heeft bij de politie een verklaring afgelegd.",
    "Wie de schade betaalt, is nog niet duidelijk: de verzekeraar van de rederij stuurt een deskundige.",
)
STANDFIRST = "Een aanvaring verschoof een pijler, en nu moet iedereen een week lang omrijden."


def article(*paragraphs: str, head: str = "", top: str = "", end: str = "") -> str:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f"<html><head><title>Brug dicht</title>{head}</head><body><nav><a href=/>Voorpagina</a></nav>"
        f"<article>{top}{body}</article>{end}<footer><p>Alle rechten voorbehouden</p></footer></body></html>"
    )


PLAIN = article(LEDE, *PARAGRAPHS)


def extract(html: str | bytes, charset: str | None = None) -> Page:
    return extract_page(html.encode() if isinstance(html, str) else html, url=URL, charset=charset)


def test_the_text_is_the_paragraphs() -> None:
    found = extract(PLAIN)
    assert found.text == "\n".join((LEDE, *PARAGRAPHS))
    assert found.metadata.headline == "Brug dicht"
    assert found.flags == ()


@pytest.mark.parametrize(
    "top",
    [
        "<h1>Brug dicht na aanvaring met schip</h1>",
        "<h1><span>Regio</span> Brug dicht na aanvaring met schip</h1>",
        "<p>Regio</p><h1>Brug dicht na aanvaring met schip</h1>",
        "<h2>Regio: Brug dicht na aanvaring met schip</h2>",
    ],
)
def test_the_headline_is_not_part_of_the_text(top: str) -> None:
    head = '<meta property="og:title" content="Brug dicht na aanvaring met schip">'
    text = extract(article(LEDE, *PARAGRAPHS, head=head, top=top)).text
    assert "Brug dicht na" not in text
    assert text.endswith("\n".join((LEDE, *PARAGRAPHS)))


def test_a_sentence_that_begins_like_the_headline_stays() -> None:
    head = '<meta property="og:title" content="De brug over de Zenne blijft tot maandag dicht">'
    assert extract(article(LEDE, *PARAGRAPHS, head=head)).text.startswith(LEDE)


@pytest.mark.parametrize(
    "top",
    [
        f'<div class="x"><span><b>{STANDFIRST[:30]}</b>{STANDFIRST[30:]}</span></div>',
        f"<header><h1>Brug dicht</h1><div><div>{STANDFIRST}</div></div></header>",
    ],
)
def test_the_standfirst_is_put_back_where_the_page_shows_it(top: str) -> None:
    head = f'<meta name="description" content="{STANDFIRST}">'
    text = extract(article(LEDE, *PARAGRAPHS, head=head, top=top)).text
    assert text == "\n".join((STANDFIRST, LEDE, *PARAGRAPHS))


@pytest.mark.parametrize(
    "top",
    [
        "",
        f"<div style='display: none'>{STANDFIRST}</div>",
        f"<figure><figcaption>{STANDFIRST}</figcaption></figure>",
        f"<nav><a href=/x>{STANDFIRST}</a></nav>",
    ],
)
def test_a_description_that_is_not_shown_as_a_standfirst_is_left_out(top: str) -> None:
    head = f'<meta name="description" content="{STANDFIRST}">'
    assert extract(article(LEDE, *PARAGRAPHS, head=head, top=top)).text.startswith(LEDE)


@pytest.mark.parametrize(
    ("encoding", "declared", "meta", "flags"),
    [
        ("utf-8", None, "", ()),
        ("utf-8", "utf-8", "utf-8", ()),
        ("utf-8", None, "iso-8859-1", ("charset_guessed",)),
        ("utf-8", "windows-1252", "utf-8", ("charset_guessed",)),
        ("cp1252", None, "", ("charset_guessed",)),
        ("cp1252", "ISO-8859-1", "", ()),
        ("cp1252", None, "iso-8859-1", ()),
        ("cp1252", "utf-8", "", ("charset_guessed",)),
        ("cp1252", "nonsense", "iso-8859-1", ()),
        ("utf-8-sig", "iso-8859-1", "", ()),
        ("utf-16", None, "", ()),
        ("utf-8", None, "utf-16", ()),
        ("utf-8", "unicode_escape", "", ()),
    ],
)
def test_every_charset_is_read(encoding: str, declared: str | None, meta: str, flags: tuple[str, ...]) -> None:
    html = article(LEDE, *PARAGRAPHS, "Eén café – “ça va”, zei de geïnterviewde.", head=f"<meta charset={meta}>")
    found = extract(html.encode(encoding), declared)
    assert "Eén café – “ça va”, zei de geïnterviewde." in found.text
    assert found.flags == flags


@pytest.mark.parametrize(
    ("encoding", "label"), [("shift_jis", "Shift_JIS"), ("gb18030", "gb2312"), ("euc_kr", "euc-kr")]
)
def test_east_asian_charsets(encoding: str, label: str) -> None:
    word = {"shift_jis": "橋は月曜日まで", "gb18030": "大桥关闭", "euc_kr": "다리가 닫혔다"}[encoding]
    html = article(LEDE, *PARAGRAPHS, word * 5, head=f"<meta charset={label}>").replace("’", "'")
    assert word * 5 in extract(html.encode(encoding)).text


@pytest.mark.parametrize("bad", [b"\x00", b"\xff", b"\xed\xa0\x80"])
def test_what_is_no_character_is_replaced_and_costs_nothing_else(bad: bytes) -> None:
    html = PLAIN.replace("pijler", "pij\u2603ler").replace("’", "é" * 200).encode().replace("☃".encode(), bad)
    found = extract(html, "utf-8")
    assert "pij\ufffd" in found.text
    assert PARAGRAPHS[3] in found.text
    assert "replaced_characters" in found.flags


def test_json_ld_is_a_rescue_and_no_more() -> None:
    body = "\n".join((LEDE, *PARAGRAPHS))
    data = {"@type": "NewsArticle", "headline": "Brug dicht", "articleBody": body}
    head = f'<script type="application/ld+json">{json.dumps(data)}</script>'
    rescued = extract(article("Even geduld.", head=head))
    assert (rescued.text, rescued.flags) == (body, ("text_from_jsonld",))
    assert extract(article(LEDE, *PARAGRAPHS[:3], head=head)).flags == ()


@pytest.mark.parametrize("depth", [254, 300, 1500])
def test_deep_nesting_loses_nothing(depth: int) -> None:
    html = PLAIN.replace("<article>", "<div>" * depth).replace("</article>", "</div>" * depth)
    assert extract(html).text == "\n".join((LEDE, *PARAGRAPHS))


def test_nesting_beyond_the_parser_is_said_aloud() -> None:
    with pytest.raises(Refused) as refused:
        extract(PLAIN.replace("<article>", "<div>" * 3_000))
    assert refused.value.reason is Reason.EXTRACT_LOSS


@pytest.mark.parametrize(
    "html",
    [
        "",
        " \n ",
        "\x00",
        "<!-- niets -->",
        "<html><body></body></html>",
        "<html><body><script>var tekst = 'veel tekst'</script></body></html>",
        "<html><body><nav><a href=/>Voorpagina</a><a href=/regio>Regio</a></nav></body></html>",
        f"<html><body><div hidden>{LEDE}</div></body></html>",
    ],
)
def test_a_page_without_text_is_refused_as_empty(html: str) -> None:
    with pytest.raises(Refused) as refused:
        extract(html)
    assert refused.value.reason is Reason.EMPTY


def test_text_outside_any_article_is_found() -> None:
    words = "".join(f"<span>{sentence}</span><br><br>" for sentence in (LEDE, *PARAGRAPHS))
    found = extract(f"<html><body><center>{words}</center></body></html>")
    assert all(sentence in found.text for sentence in (LEDE, *PARAGRAPHS))


def test_left_out_names_the_blocks_that_did_not_make_it() -> None:
    html = PLAIN.replace("<footer>", "<div hidden>Geheim</div><aside>Lees ook: sluis dicht</aside><footer>")
    assert left_out(html.encode(), extract(html).text) == (
        "Voorpagina",
        "Lees ook: sluis dicht",
        "Alle rechten voorbehouden",
    )
    everything = ("Voorpagina", LEDE, *PARAGRAPHS, "Lees ook: sluis dicht", "Alle rechten voorbehouden")
    assert left_out(html.encode(), "") == everything


def test_furniture_is_taken_off_and_what_went_can_be_told() -> None:
    teaser = "<p>Lees ook: <a href=/sluis>Ook de sluis gaat dicht</a></p>"
    newsletter = "<div class=newsletter><p>Elke ochtend het nieuws uit de haven.</p></div>"
    html = article(LEDE, *PARAGRAPHS).replace(f"<p>{PARAGRAPHS[1]}", f"{teaser}{newsletter}<p>{PARAGRAPHS[1]}")
    assert extract(html).text == "\n".join((LEDE, *PARAGRAPHS))
    assert taken_off(html.encode()) == (
        Taken("<nav>", "Voorpagina"),
        Taken("name newsletter", "Elke ochtend het nieuws uit de haven."),
        Taken("<footer>", "Alle rechten voorbehouden"),
        Taken("teaser line", "Lees ook: Ook de sluis gaat dicht"),
    )


def test_what_the_extractor_leaves_out_is_put_back_and_told() -> None:
    more = ("De rederij wil eerst weten of de brug wel open was.", "Een rechter buigt zich daar in mei over.")
    first, second = ("".join(f"<p>{line}</p>" for line in lines) for lines in ((LEDE, *PARAGRAPHS), more))
    bodies = f"<div class=article-body>{first}</div><div class=article-body>{second}</div>"
    found = extract(f"<html><body><h1>Brug dicht</h1>{bodies}</body></html>")
    assert found.text == "\n".join((LEDE, *PARAGRAPHS, *more))
    assert found.put_back == more
    assert extract(PLAIN).put_back == ()


@pytest.mark.parametrize(
    "html",
    [
        "<p>a</p>" * 200_000,
        "<ul><li><a href=/x>Sluis dicht</a>" * 900 + f"<p>{LEDE}</p>",
        "<p>" + "Woord en meer. " * 400_000,
        "<div class=newsletter>" * 1_900 + f"<p>{LEDE}</p>",
        f"<div class='{'a1 ' * 1_000_000}'><p>{LEDE}</p></div>",
        "".join(f"<h1 class=c{number}>{number}</h1>" for number in range(60_000)) + f"<p>{LEDE}</p>",
    ],
    ids=["paragraphs", "lists", "text", "furniture", "names", "titles"],
)
def test_a_hostile_page_ends_soon_and_gives_its_text(html: str) -> None:
    spent = time.process_time()
    assert extract(html).text
    assert time.process_time() - spent < 5


@pytest.mark.parametrize("html", ["<a href=/x>x</a>" * 300_000, "<table>" + "<tr><td>x" * 150_000, "x<br>" * 300_000])
def test_a_page_of_too_many_elements_is_refused(html: str) -> None:
    with pytest.raises(Refused) as refused:
        extract(html)
    assert refused.value.reason is Reason.TOO_LARGE


def test_a_large_page_is_read_block_by_block() -> None:
    html = f"<nav>Voorpagina</nav><p>{LEDE}</p><p><a href=/x>Meer nieuws</a></p>" + f"<p>{PARAGRAPHS[0]}</p>" * 30_000
    found = extract(html)
    assert found.text == "\n".join((LEDE, *[PARAGRAPHS[0]] * 30_000))
    assert found.flags == ("text_from_fallback",)
    assert taken_off(html.encode()) == ()


def test_the_result_does_not_depend_on_what_was_read_before() -> None:
    first = extract(PLAIN)
    for _ in range(3):
        assert extract(PLAIN) == first


def outcome(html: bytes) -> Page | Reason:
    try:
        return extract(html)
    except Refused as refused:
        return refused.reason


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_read_or_refused(raw: bytes) -> None:
    for html in (raw, PLAIN.encode() + raw, raw + PLAIN.encode()):
        found = outcome(html)
        if isinstance(found, Page):
            assert letters(found.text)
            assert found.text.encode("utf-8")
            assert "\x00" not in found.text
        else:
            assert found in {Reason.EMPTY, Reason.EXTRACT_LOSS, Reason.EXTRACT_ERROR}


def test_real_pages_keep_their_text() -> None:
    if not PAGES.is_dir():
        pytest.skip(f"the real pages are not at {PAGES}")
    pages = [json.loads(line) for line in (PAGES / "gold.jsonl").read_text(encoding="utf-8").splitlines()]
    spent = time.process_time()
    held = precise = 0.0
    for page in pages[::10]:
        found = extract_page(gzip.decompress((PAGES / page["file"]).read_bytes()), url=page["url"], charset=None)
        lines = [line for line in page["text"].split("\n") if letters(line) > 40]
        held += sum(bare(line) in bare(found.text) for line in lines) / len(lines)
        taken = [line for line in found.text.split("\n") if letters(line) > 40]
        precise += sum(bare(line) in bare(page["text"]) for line in taken) / len(taken)
    assert held / len(pages[::10]) > 0.95
    assert precise / len(pages[::10]) > 0.9
    assert (time.process_time() - spent) / len(pages[::10]) < 0.5
