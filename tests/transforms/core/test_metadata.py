from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml.html import HTMLParser, document_fromstring

from transforms.core.date_weights import Said
from transforms.core.metadata import Metadata, read_metadata

URL = "https://krant.example/binnenland/haven-slibt-dicht"
ARTICLE: dict[str, Any] = {
    "@context": "https://schema.org",
    "@type": "NewsArticle",
    "mainEntityOfPage": {"@type": "WebPage", "@id": URL},
    "headline": "Haven slibt dicht &amp; niemand baggert",
    "description": "De vaargeul is nog vier meter diep.",
    "datePublished": "2024-06-18T09:12:00+02:00",
    "dateModified": "2024-06-18T11:00:00+02:00",
    "author": [{"@type": "Person", "name": "Mieke Dockx"}, {"@type": "Organization", "name": "ZEEPERS"}],
    "articleSection": ["Binnenland", "Haven"],
    "keywords": "haven, slib; haven",
    "inLanguage": "nl-BE",
    "isAccessibleForFree": "False",
    "creditText": "ZEEPERS / eigen berichtgeving",
    "publisher": {"@type": "NewsMediaOrganization", "name": "De Krant"},
    "articleBody": "Eerste alinea.\n\nTweede alinea.",
}


def page(head: str = "", body: str = "<p>Tekst.</p>", lang: str = "") -> str:
    return f"<html {f'lang={lang}' if lang else ''}><head>{head}</head><body>{body}</body></html>"


def ld(value: object) -> str:
    raw = value if isinstance(value, str) else json.dumps(value)
    return f'<script type="application/ld+json">{raw}</script>'


def read(html: str, url: str | None = URL) -> Metadata:
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
    return read_metadata(document_fromstring(html.encode("utf-8", "replace"), parser=parser), url)


def test_reads_json_ld() -> None:
    found = read(page(ld(ARTICLE)))
    assert found == Metadata(
        headline="Haven slibt dicht & niemand baggert",
        description="De vaargeul is nog vier meter diep.",
        authors=("Mieke Dockx", "ZEEPERS"),
        section="Binnenland",
        keywords=("haven", "slib"),
        published=(Said("2024-06-18T09:12:00+02:00", "JSON-LD datePublished", firm=True),),
        modified=("2024-06-18T11:00:00+02:00",),
        language_declared="nl-BE",
        access="locked",
        site_name="De Krant",
        agency_claim=("ZEEPERS", "ZEEPERS / eigen berichtgeving"),
        summaries=("De vaargeul is nog vier meter diep.",),
        article_body="Eerste alinea.\nTweede alinea.",
    )


@pytest.mark.parametrize("kind", ["ReportageNewsArticle", "BlogPosting", "LiveBlogPosting", "OpinionNewsArticle"])
def test_knows_the_kinds_of_articles(kind: str) -> None:
    assert read(page(ld({**ARTICLE, "@type": [f"http://schema.org/{kind}"]}))).published


@pytest.mark.parametrize(
    "wrap",
    [
        lambda article: {"@graph": [{"@type": "WebSite", "name": "x"}, article]},
        lambda article: [{"@type": "BreadcrumbList"}, article],
        lambda article: {"@type": "WebPage", "mainEntity": article},
        lambda article: {"@type": "ItemList", "itemListElement": [{"item": article}]},
    ],
)
def test_finds_the_article_wherever_it_hangs(wrap: Any) -> None:
    assert read(page(ld(wrap(ARTICLE)))).headline == "Haven slibt dicht & niemand baggert"


def test_takes_the_article_of_the_page_and_not_another() -> None:
    other = {
        "@type": "NewsArticle",
        "headline": "Iets anders",
        "datePublished": "2020-01-01",
        "url": URL + "-2",
    }
    for nodes in ([other, ARTICLE], [ARTICLE, other], [{**other, "hasPart": [ARTICLE]}]):
        assert [said.text for said in read(page(ld(nodes))).published] == ["2024-06-18T09:12:00+02:00"]


RAW = '{"@type": "NewsArticle", "headline": "Brug dicht", "datePublished": "2024-06-18"}'


@pytest.mark.parametrize(
    "broken",
    [
        "\ufeff" + RAW,
        f"<!-- {RAW} -->",
        f"//<![CDATA[\n{RAW}\n//]]>",
        f"/*<![CDATA[*/ {RAW} /*]]>*/",
        RAW + ";",
        RAW.replace('"}', '",}'),
        RAW.replace("Brug dicht", "Brug\\' dicht").replace("\\'", ""),
        RAW.replace('"headline"', '"description": "een\nregel\tmeer", "headline"'),
        RAW.replace('"headline"', '"description": "C:\\weg", "headline"'),
        RAW.replace('"', "&quot;"),
        RAW.replace('"headline"', '"image": [,] "headline"'),
        "[" + RAW,
    ],
)
def test_survives_broken_json(broken: str) -> None:
    found = read(page(ld(broken)))
    assert (found.headline, found.published[0].text) == ("Brug dicht", "2024-06-18")


@pytest.mark.parametrize(
    "broken",
    ["", "null", "3", "[" * 100_000, '{"@type":' * 5_000, '\\"' * 100_000, "," * 100_000],
)
def test_hopeless_json_is_nothing(broken: str) -> None:
    assert read(page("<title>Brug dicht</title>" + ld(broken))).headline == "Brug dicht"


def test_half_a_surrogate_pair_is_replaced() -> None:
    found = read(page(ld('{"@type": "NewsArticle", "headline": "Brug \\ud83d dicht \\u0000"}')))
    assert found.headline == "Brug \ufffd dicht \ufffd"


def test_reads_meta_elements() -> None:
    head = """
      <meta property="og:title" content="Brug dicht tot maandag | De Krant">
      <meta property="og:site_name" content="De Krant">
      <meta property="og:description" content="Wie erover wil, rijdt om.">
      <meta property="og:locale" content="nl_BE">
      <meta property="article:published_time" content="2024-06-18T09:12:00Z">
      <meta property="article:modified_time" content="2024-06-19">
      <meta property="article:section" content="Regio">
      <meta property="article:tag" content="brug"><meta property="article:tag" content="verkeer">
      <meta property="article:content_tier" content="free">
      <meta name="author" content="Door Jan Peeters">
      <link rel="canonical" href="/regio/brug">"""
    found = read(page(head))
    assert found == Metadata(
        headline="Brug dicht tot maandag",
        description="Wie erover wil, rijdt om.",
        authors=("Jan Peeters",),
        section="Regio",
        keywords=("brug", "verkeer"),
        canonical_url="https://krant.example/regio/brug",
        published=(Said("2024-06-18T09:12:00Z", "meta article:published_time", firm=True),),
        modified=("2024-06-19",),
        language_declared="nl-BE",
        access="open",
        site_name="De Krant",
        summaries=("Wie erover wil, rijdt om.",),
    )


@pytest.mark.parametrize(
    ("title", "body", "expected"),
    [
        ("Brug dicht - krant.example", "", "Brug dicht"),
        ("Brug dicht – Krant", "", "Brug dicht"),
        ("Brug dicht - niemand kan over", "", "Brug dicht - niemand kan over"),
        ("Brug dicht | Regio", "<h1>Brug dicht</h1>", "Brug dicht"),
        ("Zuid-Korea wint", "", "Zuid-Korea wint"),
    ],
)
def test_takes_the_name_of_the_site_off_a_title(title: str, body: str, expected: str) -> None:
    assert read(page(f"<title>{title}</title>", body + "<p>Tekst.</p>")).headline == expected


UNREADABLE = ld({"@type": "NewsArticle", "datePublished": "binnenkort"})


@pytest.mark.parametrize(
    ("head", "body", "url", "published", "evidence"),
    [
        ('<meta name="date" content="2024-06-18">', "", URL, "2024-06-18", "meta date"),
        ("", '<p itemprop="datePublished">18 juni 2024</p>', URL, "18 juni 2024", "microdata datePublished"),
        ("", '<h1>T</h1><time datetime="2024-06-18">x</time>', URL, "2024-06-18", "<time>"),
        (
            "",
            '<time datetime="2020-01-01">x</time><h1>T</h1><time datetime="2024-06-18">x</time>',
            URL,
            "2024-06-18",
            "<time>",
        ),
        ("", "<h1>T</h1><time>18 juni 2024</time>", URL, "18 juni 2024", "<time>"),
        (UNREADABLE, "<p>x</p>", URL, "binnenkort", "JSON-LD datePublished"),
        ("", "<p>x</p>", None, None, None),
    ],
)
def test_where_the_date_stands(
    head: str, body: str, url: str | None, published: str | None, evidence: str | None
) -> None:
    found = read(page(head, body), url).published
    assert [(said.text, said.evidence) for said in found[:1]] == ([(published, evidence)] if published else [])


def test_every_date_is_kept_and_only_what_speaks_of_the_article_alone_is_firm() -> None:
    head = ld({"@type": "NewsArticle", "datePublished": "2024-06-18", "dateCreated": "2024-06-17"})
    head += '<meta property="article:published_time" content="2024-06-18T09:12:00Z"><meta name="date" content="2024">'
    body = '<h1>T</h1><time class="published" datetime="2024-06-16">x</time><time datetime="2020-01-01">x</time>'
    assert read(page(head, body)).published == (
        Said("2024-06-18", "JSON-LD datePublished", firm=True),
        Said("2024-06-18T09:12:00Z", "meta article:published_time", firm=True),
        Said("2024-06-16", "<time>"),
        Said("2024-06-17", "JSON-LD dateCreated"),
        Said("2024", "meta date"),
        Said("2020-01-01", "<time>"),
    )
    assert read(page(head, body)).searched == ()


SHOWN = "<h1>Brug dicht</h1>"


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        ("", f"{SHOWN}<span>Door Jan</span><span>18 juni 2024, 09:12</span>", "18 juni 2024, 09:12"),
        ("", f"{SHOWN}<ul><li><b>Datum</b> 18.06.2024</li></ul>", "Datum 18.06.2024"),
        ("", f"{SHOWN}{'<p>x</p>' * 20}<p>Publié le 18 juin 2024</p>", "Publié le 18 juin 2024"),
        ("", f"<span>1 juni 2024</span>{SHOWN}<span>18 juni 2024</span>", "18 juni 2024"),
        (UNREADABLE, f"{SHOWN}<span>2 uur geleden</span>", "2 uur geleden"),
        ('<meta name="date" content="2024-06-17">', f"{SHOWN}<span>18 juni 2024</span>", None),
        ("", f"{SHOWN}{'<p>x</p>' * 20}<p class='date'>2024-06-18</p>", "2024-06-18"),
        ("", f"{SHOWN}<p>x</p>", None),
    ],
)
def test_a_page_that_states_no_date_is_searched_for_one(head: str, body: str, expected: str | None) -> None:
    found = read(page(head, body), None).searched
    assert [said.text for said in found] == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("https://ander.example/stuk", "https://ander.example/stuk"),
        ("//krant.example/stuk", "https://krant.example/stuk"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("http://[::1", None),
        ("https://krant.example/", None),
        ("https://krant.example/" + "x" * 3000, None),
        ("", URL),
    ],
)
def test_canonical_url(href: str, expected: str | None) -> None:
    assert read(page(f'<link rel="canonical" href="{href}">')).canonical_url == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (True, "open"),
        ("True", "open"),
        (False, "locked"),
        ("false", "locked"),
        ([False], "locked"),
        ("http://schema.org/False", "locked"),
        (None, "unknown"),
        ("perhaps", "unknown"),
    ],
)
def test_access(stated: object, expected: str) -> None:
    assert read(page(ld({"@type": "NewsArticle", "isAccessibleForFree": stated}))).access == expected
    part = {"@type": "NewsArticle", "hasPart": {"@type": "WebPageElement", "isAccessibleForFree": stated}}
    assert read(page(ld(part))).access == expected
    assert read(page(ld({"@type": "WebPage", "isAccessibleForFree": stated}))).access == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (
            {"hasPart": [{"isAccessibleForFree": True}, {"isAccessibleForFree": "False", "cssSelector": ".x"}]},
            "locked",
        ),
        ({"isAccessibleForFree": True, "hasPart": {"isAccessibleForFree": False, "cssSelector": ".x"}}, "open"),
        ({"isAccessibleForFree": False, "hasPart": {"isAccessibleForFree": True}}, "locked"),
        ({"hasPart": "x"}, "unknown"),
        ({"hasPart": [None, 3, {"isAccessibleForFree": {}}]}, "unknown"),
    ],
)
def test_access_of_an_article_in_parts(stated: dict[str, object], expected: str) -> None:
    assert read(page(ld({"@type": "NewsArticle", **stated}))).access == expected


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [(["free"], "open"), (["Locked "], "locked"), (["metered"], "unknown"), (["metered", "locked"], "locked")],
)
def test_access_of_a_meta_element(tiers: list[str], expected: str) -> None:
    head = "".join(f'<meta property="article:content_tier" content="{tier}">' for tier in tiers)
    assert read(page(head)).access == expected


@pytest.mark.parametrize(
    ("lang", "expected"),
    [("nl", "nl"), ("NL_be", "nl-BE"), ("zh-hant-tw", "zh-Hant-TW"), ("dutch!", None), ("", None)],
)
def test_language(lang: str, expected: str | None) -> None:
    assert read(page(lang=lang)).language_declared == expected


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*ARTICLE, "@graph", "@id", "url", "name", "hasPart", "@value"]), inner)
    ),
    max_leaves=20,
)


@given(values)
def test_never_raises_on_json_of_any_shape(value: object) -> None:
    found = read(page(ld({"@type": "NewsArticle", **value} if isinstance(value, dict) else value)))
    assert isinstance(found, Metadata)


@given(st.text(max_size=200))
def test_never_raises_on_text(text: str) -> None:
    read(page(ld(text), text))


SEARCHED, SEEN = "Haven dicht? Dit moet u weten over het slib", "Haven slibt dicht en niemand baggert"


@pytest.mark.parametrize(
    ("head", "social", "shown", "expected"),
    [
        (SEARCHED, SEEN, SEEN, SEEN),
        (f"{SEARCHED} | De Krant", f"{SEEN} - De Krant", SEEN, SEEN),
        (SEEN, SEEN, SEEN, SEARCHED),
        (SEARCHED, SEARCHED, SEEN, SEARCHED),
        (SEARCHED, SEEN, "Een derde titel voor hetzelfde", SEARCHED),
        (SEARCHED, "", SEEN, SEARCHED),
    ],
)
def test_a_headline_for_search_engines_gives_way_to_the_one_shown(
    head: str, social: str, shown: str, expected: str
) -> None:
    script = ld({**ARTICLE, "headline": SEARCHED})
    metas = f'<title>{head}</title><meta property="og:title" content="{social}">'
    assert read(page(f"{metas}{script}", f"<h1>{shown}</h1><p>Tekst.</p>")).headline == expected
