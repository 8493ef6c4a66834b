"""The JSON-LD of a page: its objects, read even from a broken script, and which of them is the article.

Types and properties are those of https://schema.org/NewsArticle.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any

from lxml.html import HtmlElement

Node = dict[str, Any]

_OBJECTS = 5_000
"""JSON-LD objects read of one page; article pages have under a hundred, aggregators some hundreds."""

_ARTICLES = re.compile(r"\w*Article|\w*BlogPosting|Report|SocialMediaPosting|ClaimReview|Review|Recipe")
_ELSEWHERE = frozenset(
    {
        *("author", "publisher", "about", "mentions", "citation", "subjectOf", "isBasedOn", "isPartOf"),
        *("hasPart", "itemListElement", "relatedLink", "comment", "liveBlogUpdate", "video"),
    }
)
"""Properties under which an article is another one than that of the page."""

_SCHEME = re.compile(r"\Ahttps?://(?:www\.)?")
_MARKUP = re.compile(r"</?[A-Za-z][^<>]*>")
_NO_TEXT = re.compile("[\x00\ud800-\udfff]")
_INVISIBLE = str.maketrans("", "", "\u00ad\u200b\u2060\ufeff")
_OPENINGS = ("<!--", "<![CDATA[", "//", "/*", "*/")
_CLOSINGS = ("-->", "]]>", "//", "/*", "*/", ";")
_BLANK = " \t\r\n\ufeff"
# A string that is never closed runs to the end, lest each of its quotes be tried anew.
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)|,(?=\s*[}\]])', re.DOTALL)
_BAD_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])|\\')
_SALVAGED = re.compile(
    r'"(headline|description|datePublished|dateModified|articleBody)"\s*:\s*"((?:[^"\\]|\\.)*)"', re.DOTALL
)


def fold(text: str) -> str:
    """A value on one line: entities resolved, markup and invisible characters gone, white space folded.

    NUL and half a surrogate pair, as JSON may have them, are no text and become U+FFFD.
    """
    text = _NO_TEXT.sub("\ufffd", html.unescape(text))
    if "<" in text:
        text = _MARKUP.sub(" ", text)
    return " ".join(text.translate(_INVISIBLE).split())


def read_nodes(tree: HtmlElement) -> list[Node]:
    """Every JSON-LD object of a page; those that hang under a property which leads elsewhere come last."""
    page: list[Any] = []
    for script in tree.iter("script"):
        if "ld+json" in (script.get("type") or "").casefold():
            page.append(_parse(script.text or ""))
    found: list[Node] = []
    elsewhere: list[Any] = []
    for queue in (page, elsewhere):
        for value in queue:  # grows while it is walked
            if len(found) >= _OBJECTS:
                break
            if isinstance(value, list):
                queue.extend(inner for inner in value if isinstance(inner, dict | list))
            elif isinstance(value, dict):
                found.append(value)
                for key, inner in value.items():
                    if isinstance(inner, dict | list):
                        (elsewhere if key in _ELSEWHERE else queue).append(inner)
    return found


def _parse(text: str) -> Any:
    """The value of one JSON-LD script, repaired where it is broken in one of the usual ways."""
    text = _unwrapped(text)
    for repair in (str, _repaired, _unescaped):
        try:
            return json.loads(repair(text), strict=False)  # not strict: raw line breaks in strings
        except (ValueError, RecursionError):
            continue
    salvaged: Node = {}
    for key, raw in _SALVAGED.findall(text):
        salvaged.setdefault(key, raw.replace('\\"', '"').replace("\\/", "/").replace("\\n", "\n"))
    return {"@type": "Article", **salvaged} if salvaged else None


def _unwrapped(text: str) -> str:
    """Takes off a byte order mark, comments and CDATA around the JSON; three wrappers are plenty."""
    text = text.strip(_BLANK)
    for _ in range(3):
        for opening in _OPENINGS:
            text = text.removeprefix(opening).lstrip(_BLANK)
        for closing in _CLOSINGS:
            text = text.removesuffix(closing).rstrip(_BLANK)
    return text


def _repaired(text: str) -> str:
    """Drops commas before a closing bracket and doubles backslashes that escape nothing."""
    without_commas = _STRING_OR_COMMA.sub(lambda found: "" if found[0] == "," else found[0], text)
    return _BAD_ESCAPE.sub(lambda found: found[0] if found[1] else "\\\\", without_commas)


def _unescaped(text: str) -> str:
    return _repaired(html.unescape(text))


def types(node: Node) -> list[str]:
    """The types of an object, without the address of the vocabulary."""
    return [name.replace("#", "/").replace(":", "/").rsplit("/", 1)[-1] for name in strings(node.get("@type"))]


def strings(value: Any) -> list[str]:
    """The strings in a value: a string, an object with ``@value``, or a list of them."""
    found = []
    for inner in value if isinstance(value, list) else [value]:
        plain = inner.get("@value") if isinstance(inner, dict) else inner
        if isinstance(plain, str) and plain.strip():
            found.append(plain)
    return found


def names(value: Any) -> list[str]:
    """The names of persons, organisations or terms: strings, objects with a ``name``, or a list of them."""
    found = []
    for inner in value if isinstance(value, list) else [value]:
        found += strings(inner.get("name", inner)) if isinstance(inner, dict) else strings(inner)
    return found


def main_article(nodes: list[Node], addresses: set[str], titles: set[str]) -> Node:
    """The object of the page's own article, an empty one where there is none.

    Args:
        nodes: The objects of the page, in the order in which they are to be preferred.
        addresses: The page's own; an article that names one of them is it.
        titles: The page's own, folded and in small letters; next best is an article with such a headline.
    """
    own = {_bare(address) for address in addresses}
    best: tuple[int, Node] = (-1, {})
    for node in nodes:
        if not any(_ARTICLES.fullmatch(name) for name in types(node)):
            continue
        main = node.get("mainEntityOfPage")
        stated = [*strings(node.get("url")), *strings(node.get("@id")), *strings(main)]
        stated += strings(main.get("@id")) if isinstance(main, dict) else []
        headline = fold("".join(strings(node.get("headline"))[:1])).casefold()
        score = 4 * any(_bare(address) in own for address in stated)
        score += 2 * any(headline and headline in title for title in titles)
        score += bool(headline) + bool(strings(node.get("datePublished")))
        if score > best[0]:
            best = (score, node)
    return best[1]


def _bare(address: str) -> str:
    return _SCHEME.sub("", address.split("#")[0].split("?")[0]).rstrip("/")
