"""Articles to the bytes of a feed, in each of seven formats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from email.utils import format_datetime
from html import escape

from lxml import etree

from tests.press.newsroom import Article
from tests.press.outlets import Format, Outlet
from tests.press.stories import words

_ATOM_03 = "http://purl.org/atom/ns#"
_ATOM_10 = "http://www.w3.org/2005/Atom"
_CONTENT = "http://purl.org/rss/1.0/modules/content/"
_DC = "http://purl.org/dc/elements/1.1/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_RSS_10 = "http://purl.org/rss/1.0/"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def feed_bytes(outlet: Outlet, articles: Sequence[Article], salt: str = "") -> bytes:
    """The feed of an outlet.

    Args:
        outlet: whose it is; says the format.
        articles: the newest first.
        salt: goes into every GUID.
    """
    match outlet.format:
        case Format.JSON_11:
            return _json(outlet, articles, salt)
        case Format.ATOM_03 | Format.ATOM_10:
            root = _atom(outlet, articles, salt)
        case Format.RSS_10:
            root = _rdf(outlet, articles, salt)
        case _:
            root = _rss(outlet, articles, salt)
    return etree.tostring(root, encoding=outlet.charset, xml_declaration=True, pretty_print=True)


def item_html(outlet: Outlet, article: Article) -> str:
    """An article as it stands in the feed of an outlet that gives its texts there, with what is put behind it."""
    clutter = words(outlet.language, outlet.country)["clutter"]
    pieces = [
        f"<h2>{escape(text)}</h2>" if i == article.subheading else f"<p>{escape(text)}</p>"
        for i, text in enumerate(article.paragraphs)
    ]
    link = f'<a href="{article.link}">{escape(article.headline)}</a>'
    pieces.append(f"<p>{escape(clutter['first_on']).format(headline=link, outlet=escape(outlet.name))}</p>")
    return "\n".join(pieces)


def _add(parent: etree._Element, tag: str, text: str | None = None, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, tag, attributes)
    child.text = text
    return child


def _content(outlet: Outlet, article: Article) -> str | None:
    return item_html(outlet, article) if outlet.text == "item" else None


def _salted(guid: str | None, salt: str) -> str:
    return f"{guid}{salt and '#' + salt}"


def _rss(outlet: Outlet, articles: Sequence[Article], salt: str) -> etree._Element:
    full = outlet.format == Format.RSS_20
    root = etree.Element("rss", nsmap={"content": _CONTENT, "dc": _DC} if full else None)
    root.set("version", {Format.RSS_091: "0.91", Format.RSS_092: "0.92"}.get(outlet.format, "2.0"))
    channel = _add(root, "channel")
    _add(channel, "title", outlet.name)
    _add(channel, "link", f"{outlet.origin}/")
    _add(channel, "description", outlet.name)
    _add(channel, "language", outlet.language.lower())
    for article in articles:
        item = _add(channel, "item")
        _add(item, "title", article.headline)
        _add(item, "link", article.link)
        _add(item, "description", article.standfirst)
        if outlet.format != Format.RSS_091:
            _add(item, "category", article.section)
        if full:
            permalink = "true" if outlet.permalinks and not salt else "false"
            _add(item, "guid", _salted(article.guid, salt), isPermaLink=permalink)
            _add(item, "pubDate", format_datetime(article.published))
            _add(item, f"{{{_DC}}}creator", article.author)
            if content := _content(outlet, article):
                encoded = _add(item, f"{{{_CONTENT}}}encoded")
                encoded.text = etree.CDATA(content)
    return root


def _rdf(outlet: Outlet, articles: Sequence[Article], salt: str) -> etree._Element:
    spaces = {None: _RSS_10, "rdf": _RDF, "dc": _DC, "content": _CONTENT}
    root = etree.Element(f"{{{_RDF}}}RDF", nsmap=spaces)
    channel = _add(root, f"{{{_RSS_10}}}channel", **{f"{{{_RDF}}}about": outlet.feed_url})
    _add(channel, f"{{{_RSS_10}}}title", outlet.name)
    _add(channel, f"{{{_RSS_10}}}link", f"{outlet.origin}/")
    _add(channel, f"{{{_RSS_10}}}description", outlet.name)
    _add(channel, f"{{{_DC}}}language", outlet.language)
    seq = _add(_add(channel, f"{{{_RSS_10}}}items"), f"{{{_RDF}}}Seq")
    for article in articles:
        about = _salted(article.guid, salt)
        _add(seq, f"{{{_RDF}}}li", **{f"{{{_RDF}}}resource": about})
        item = _add(root, f"{{{_RSS_10}}}item", **{f"{{{_RDF}}}about": about})
        _add(item, f"{{{_RSS_10}}}title", article.headline)
        _add(item, f"{{{_RSS_10}}}link", article.link)
        _add(item, f"{{{_RSS_10}}}description", article.standfirst)
        _add(item, f"{{{_DC}}}date", article.published.isoformat())
        _add(item, f"{{{_DC}}}creator", article.author)
        _add(item, f"{{{_DC}}}subject", article.section)
        if content := _content(outlet, article):
            _add(item, f"{{{_CONTENT}}}encoded", content)
    return root


def _atom(outlet: Outlet, articles: Sequence[Article], salt: str) -> etree._Element:
    old = outlet.format == Format.ATOM_03
    ns = f"{{{_ATOM_03 if old else _ATOM_10}}}"
    root = etree.Element(f"{ns}feed", nsmap={None: ns[1:-1], "dc": _DC})
    root.set(_XML_LANG, outlet.language)
    if old:
        root.set("version", "0.3")
    updated = "modified" if old else "updated"
    published = "issued" if old else "published"
    _add(root, f"{ns}title", outlet.name)
    _add(root, f"{ns}link", rel="alternate", type="text/html", href=f"{outlet.origin}/")
    _add(root, f"{ns}id", f"tag:{outlet.address},2026:feed")
    if articles:
        _add(root, f"{ns}{updated}", max(article.modified for article in articles).isoformat())
    for article in articles:
        entry = _add(root, f"{ns}entry")
        _add(entry, f"{ns}title", article.headline)
        _add(entry, f"{ns}link", rel="alternate", type="text/html", href=article.link)
        _add(entry, f"{ns}id", _salted(article.guid, salt))
        _add(entry, f"{ns}{published}", article.published.isoformat())
        _add(entry, f"{ns}{updated}", article.modified.isoformat())
        _add(_add(entry, f"{ns}author"), f"{ns}name", article.author)
        if old:
            _add(entry, f"{{{_DC}}}subject", article.section)
        else:
            _add(entry, f"{ns}category", term=article.section)
        _add(entry, f"{ns}summary", article.standfirst)
        if content := _content(outlet, article):
            how = {"type": "text/html", "mode": "escaped"} if old else {"type": "html"}
            _add(entry, f"{ns}content", content, **how)
    return root


def _json(outlet: Outlet, articles: Sequence[Article], salt: str) -> bytes:
    items = []
    for article in articles:
        item: dict[str, object] = {
            "id": _salted(article.guid, salt),
            "url": article.link,
            "title": article.headline,
            "summary": article.standfirst,
            "date_published": article.published.isoformat(),
            "date_modified": article.modified.isoformat(),
            "authors": [{"name": article.author}],
            "tags": [article.section],
        }
        content = _content(outlet, article)
        items.append(item | ({"content_html": content} if content else {"content_text": article.standfirst}))
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.name,
        "home_page_url": f"{outlet.origin}/",
        "feed_url": outlet.origin + outlet.feed_path,
        "language": outlet.language,
        "items": items,
    }
    return json.dumps(feed, ensure_ascii=False, indent=1).encode()
