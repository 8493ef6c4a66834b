"""What a page says about itself: JSON-LD, OpenGraph and other meta elements, microdata, ``<time>``.

Everything is read from the parsed tree, nothing is fetched, and dates are handed on as they were stated. The
names of OpenGraph are those of https://ogp.me/#type_article.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree
from lxml.html import HtmlElement

from schemas.reject import Refused
from transforms.core import access, page_dates
from transforms.core.date_weights import Said
from transforms.core.jsonld import Node, fold, main_article, names, read_nodes, strings, types
from transforms.core.language import tag_of
from transforms.core.urls import checked


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a page states about itself; ``None`` or ``()`` where it says nothing.

    Attributes:
        published: What it states of its publication, the most trustworthy first.
        searched: Where a date was found on a page of which no such statement can be read.
        modified: What it states of its last change, the most trustworthy first.
        language_declared: BCP 47, as ``nl-BE``.
        access: ``open``, ``locked`` or ``unknown``, as declared for readers without a subscription.
        agency_claim: Names that may be those of a news agency: authors that are no persons, credits, sources,
            holders of the copyright.
        summaries: Every description that the page states, ``description`` first.
        article_body: The text as JSON-LD has it, with its own line breaks.
    """

    headline: str | None = None
    description: str | None = None
    authors: tuple[str, ...] = ()
    section: str | None = None
    keywords: tuple[str, ...] = ()
    canonical_url: str | None = None
    published: tuple[Said, ...] = ()
    searched: tuple[Said, ...] = ()
    modified: tuple[str, ...] = ()
    language_declared: str | None = None
    access: str = "unknown"
    site_name: str | None = None
    agency_claim: tuple[str, ...] = ()
    summaries: tuple[str, ...] = ()
    article_body: str | None = None


_HEADLINES = ("og:title", "twitter:title", "parsely-title", "sailthru.title", "dcterms.title", "dc.title")
_DESCRIPTIONS = ("og:description", "description", "twitter:description", "dcterms.description")
_AUTHORS = ("author", "article:author", "parsely-author", "sailthru.author", "dcterms.creator", "dc.creator")
_SECTIONS = ("article:section", "parsely-section", "og:section", "section")
_KEYWORDS = ("news_keywords", "article:tag", "parsely-tags", "sailthru.tags", "keywords")
"""Names of meta elements, the most trustworthy first."""

_PROPERTIES = ("headline", "description", "author", "articleSection", "datePublished", "dateModified")
_with_itemprop = etree.XPath("//body//*[@itemprop][not(self::meta or self::article or self::main)]")
_REPEATS = 10
"""Elements of one kind that are read: nested a thousandfold, each would hold the whole page again."""

_TAIL = re.compile(r"\s+[|\-–—•·:/«»]{1,2}\s+")
_HANDLE = re.compile(r"\s*(?:https?:|@|/)")
_NAME_CHARACTERS = 120
"""Of the longest author; longer ones are biographies. Four names in one string take about 80."""
_BY = re.compile(r"(?:by|door|von|par)\s+", re.IGNORECASE)


def read_metadata(tree: HtmlElement, url: str | None) -> Metadata:
    """Reads what a page states about itself.

    Args:
        tree: The page, parsed with its scripts; it is not changed.
        url: Where the page came from, if known: relative addresses are resolved against it, and the article
            of the page is told from others by it.
    """
    metas = _metas(tree)
    props = _microdata(tree)
    nodes = read_nodes(tree)
    canonical = _canonical(tree, metas, url)
    titles = {fold(title).casefold() for title in _of(metas, _HEADLINES)}
    article = main_article(nodes, {address for address in (canonical, url) if address}, titles)
    page = next((node for node in nodes if "WebPage" in types(node)), {})
    site = _first(
        [
            *metas.get("og:site_name", ()),
            *names(article.get("publisher")),
            *metas.get("application-name", ()),
        ]
    )
    summaries = _unique(
        [
            *strings(article.get("description")),
            *strings(article.get("abstract")),
            *(value for name in _DESCRIPTIONS for value in metas.get(name, ())),
            *props.get("description", ()),
        ]
    )
    published = page_dates.published(tree, article, page, metas, props)
    return Metadata(
        headline=_headline(tree, article, metas, props, _sites(site, article, canonical or url)),
        description=_first(summaries),
        authors=_authors(tree, article, metas, props),
        section=_first(
            [
                *strings(article.get("articleSection")),
                *_of(metas, _SECTIONS),
                *props.get("articleSection", ()),
            ]
        ),
        keywords=_keywords(article, metas),
        canonical_url=canonical,
        published=published,
        searched=() if any(map(page_dates.is_readable, published)) else page_dates.searched(tree, url),
        modified=page_dates.modified(article, metas, props),
        language_declared=_language(tree, article, metas),
        access=access.declared(article, page, metas),
        site_name=site,
        agency_claim=_agency_claim(article),
        summaries=summaries,
        article_body=_body(article),
    )


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for value in values:
        if folded := fold(value):
            found.setdefault(folded.casefold(), folded)
    return tuple(found.values())


def _first(values: Iterable[str]) -> str | None:
    return next((folded for value in values if (folded := fold(value))), None)


def _of(metas: dict[str, list[str]], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield from metas.get(name, ())


def _metas(tree: HtmlElement) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for meta in tree.iter("meta"):
        content = (meta.get("content") or "").strip()
        name = meta.get("property") or meta.get("name") or meta.get("itemprop") or meta.get("http-equiv")
        if content and name:
            found.setdefault(name.strip().casefold(), []).append(content)
    return found


def _microdata(tree: HtmlElement) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in _PROPERTIES}
    for element in _with_itemprop(tree):
        for name in (element.get("itemprop") or "").split():
            if len(found.get(name, [])) < _REPEATS and name in found:
                value = element.get("content") or element.get("datetime")
                found[name].append(value or str(element.text_content()))
    return found


def headings(tree: HtmlElement) -> list[str]:
    """What the first ``<h1>`` elements of a page say, folded."""
    first = islice(tree.iter("h1"), _REPEATS)
    return [text for h1 in first if (text := fold(str(h1.text_content())))]


def _canonical(tree: HtmlElement, metas: dict[str, list[str]], url: str | None) -> str | None:
    links = [
        link.get("href") or "" for link in tree.iter("link") if "canonical" in (link.get("rel") or "").lower().split()
    ]
    deep = url is not None and urlsplit(url).path.strip("/") != ""
    for stated in (*links, *metas.get("og:url", ())):
        try:
            address = checked(urljoin(url or "", stated))
        except (Refused, ValueError):  # javascript:, a broken IPv6 literal, too long
            continue
        parts = urlsplit(address)
        # A template that names the front page on every article would make them all one.
        if not (deep and not parts.path.strip("/") and not parts.query):
            return address
    return None


def _sites(site: str | None, article: Node, url: str | None) -> set[str]:
    """The names of the site as they may stand behind a title, bare."""
    host = (urlsplit(url).hostname or "") if url else ""
    host = host.removeprefix("www.")
    known = [site or "", *names(article.get("publisher")), host, *host.split(".")[:-1]]
    return {bare for name in known if (bare := _bare(name))}


def _bare(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


def _headline(
    tree: HtmlElement,
    article: Node,
    metas: dict[str, list[str]],
    props: dict[str, list[str]],
    sites: set[str],
) -> str | None:
    shown = headings(tree)
    names_in_head = [str(title.text_content()) for title in islice(tree.iter("title"), _REPEATS)]
    stated = [
        *_agreed(article, metas, shown, names_in_head, sites),
        *strings(article.get("headline")),
        *_of(metas, _HEADLINES),
        *props.get("headline", ()),
        *(shown if len(shown) == 1 else ()),
        *names_in_head,
        *shown,
        *strings(article.get("name")),
    ]
    headline = _first(stated)
    return _without_tail(headline, sites, set(shown)) if headline else None


def _agreed(
    article: Node, metas: dict[str, list[str]], shown: list[str], names_in_head: list[str], sites: set[str]
) -> tuple[str, ...]:
    """The title that the page shows, where JSON-LD has another one that is made for search engines.

    It is so where the headline in JSON-LD is that of the ``<title>`` and nobody else's, and ``og:title`` and the
    ``<h1>`` agree on another: so it is on 5 of 148 pages, of 3 publishers, and the shown one is right on each.
    """
    whole = {fold(text) for text in strings(article.get("headline"))} | set(shown)
    stated, social, head = (
        [_bare(_without_tail(fold(text), sites, whole)) for text in source[:1]]
        for source in (strings(article.get("headline")), metas.get("og:title", []), names_in_head)
    )
    searched = bool(stated) and stated == head and stated != social
    return tuple(text for text in shown if searched and [_bare(text)] == social)[:1]


def _without_tail(title: str, sites: set[str], shown: set[str]) -> str:
    """Takes the site's name off a title; any tail is one where the page shows the title without it."""
    for found in reversed(list(_TAIL.finditer(title))):
        head, tail = title[: found.start()], _bare(title[found.end() :])
        if head in shown or tail in sites:
            return _without_tail(head, sites, shown)
    return title


def _authors(
    tree: HtmlElement, article: Node, metas: dict[str, list[str]], props: dict[str, list[str]]
) -> tuple[str, ...]:
    sources = (
        names(article.get("author")),
        names(article.get("creator")),
        _of(metas, _AUTHORS),
        props.get("author", ()),
        (str(link.text_content()) for link in tree.iter("a") if "author" in (link.get("rel") or "").split()),
    )
    for source in sources:
        found = _unique(_BY.sub("", fold(name), count=1) for name in source if not _HANDLE.match(name))
        if found := tuple(name for name in found if len(name) <= _NAME_CHARACTERS):
            return found
    return ()


def _keywords(article: Node, metas: dict[str, list[str]]) -> tuple[str, ...]:
    for source in (names(article.get("keywords")), *(metas.get(name, []) for name in _KEYWORDS)):
        parts = source if len(source) > 1 else [part for text in source for part in re.split(r"[,;]", text)]
        if words := _unique(parts):
            return words
    return ()


def _language(tree: HtmlElement, article: Node, metas: dict[str, list[str]]) -> str | None:
    declared = article.get("inLanguage")
    inner = declared if isinstance(declared, dict) else {}
    candidates = (
        *(element.get("lang") or element.get("xml:lang") or "" for element in tree.iter("html")),
        *strings(declared),
        *strings(inner.get("alternateName")),
        *strings(inner.get("name")),
        *_of(metas, ("og:locale", "content-language", "dcterms.language", "dc.language", "language")),
    )
    for candidate in candidates:
        if (tag := tag_of(candidate)) is not None:
            return tag
    return None


def _agency_claim(article: Node) -> tuple[str, ...]:
    def no_person(value: Any) -> Iterator[str]:
        for inner in value if isinstance(value, list) else [value]:
            if not (isinstance(inner, dict) and "Person" in types(inner)):
                yield from names(inner)

    keys = ("author", "creator", "creditText", "sourceOrganization", "copyrightHolder", "provider")
    return _unique(name for key in keys for name in no_person(article.get(key)))


def _body(article: Node) -> str | None:
    """The text of JSON-LD with its line breaks; one string, for lists are those of a live blog."""
    stated = article.get("articleBody")
    if not isinstance(stated, str):
        return None
    lines = (fold(line) for line in re.split(r"[\r\n]+|<(?:br|/p)\b[^<>]*>", html.unescape(stated)))
    return "\n".join(line for line in lines if line) or None
