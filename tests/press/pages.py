"""An article to the HTML of its page, with all that a news site puts around and into it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from tests.press.newsroom import Article
from tests.press.outlets import Outlet
from tests.press.stories import words

_NAV = '<nav class="main-nav"><ul>{}</ul></nav>'
_LIFT = 2
"""So many paragraphs stand before the first box in the text."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the pages of one make have in common: the tags around the parts of the article."""

    article: str
    body: str
    standfirst: str
    byline: str
    read_also: str
    newsletter: str
    related: str


_LAYOUTS = (
    _Layout(
        article='article class="article"',
        body='div class="article-body"',
        standfirst='p class="intro"',
        byline='p class="byline"',
        read_also='p class="read-also"',
        newsletter='aside class="newsletter-box"',
        related='section class="related-articles"',
    ),
    _Layout(
        article='article itemscope itemtype="https://schema.org/NewsArticle"',
        body='div itemprop="articleBody"',
        standfirst='p class="standfirst"',
        byline='div class="author"',
        read_also='div class="inline-teaser"',
        newsletter='div class="newsletter-signup"',
        related='aside class="more-news"',
    ),
    _Layout(
        article='article id="story"',
        body='section class="story-text"',
        standfirst='div class="lead"',
        byline='address class="meta"',
        read_also='aside class="see-also"',
        newsletter='form class="newsletter" action="/newsletter"',
        related='aside class="sidebar"',
    ),
    _Layout(
        article='div class="post"',
        body='div class="post-content"',
        standfirst='p class="summary"',
        byline='span class="post-author"',
        read_also='p class="post-link"',
        newsletter='div class="subscribe"',
        related='div class="post-related"',
    ),
)


def page_bytes(outlet: Outlet, article: Article, others: Sequence[Article]) -> bytes:
    """The page of an article.

    Args:
        outlet: whose it is.
        article: the version to show.
        others: articles to link to, of which the first is linked to from within the text.
    """
    layout = _LAYOUTS[outlet.layout]
    clutter: dict[str, Any] = words(outlet.language, outlet.country)["clutter"]
    page = (
        f'<!DOCTYPE html>\n<html lang="{outlet.language}">\n'
        f"{_head(outlet, article)}\n<body>\n{_top(outlet, clutter)}\n<main>\n"
        f"{_element(layout.article, _article(outlet, article, others, layout, clutter))}\n"
        f"{_related(article, others, layout, clutter)}\n</main>\n{_bottom(outlet, clutter)}\n</body>\n</html>\n"
    )
    return page.encode(outlet.charset, "xmlcharrefreplace")


def _element(opening: str, content: str) -> str:
    return f"<{opening}>{content}</{opening.partition(' ')[0]}>"


def _head(outlet: Outlet, article: Article) -> str:
    title, description = escape(article.headline), escape(article.standfirst)
    data = {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": article.headline,
        "description": article.standfirst,
        "datePublished": article.published.isoformat(),
        "dateModified": article.modified.isoformat(),
        "inLanguage": outlet.language,
        "articleSection": article.section,
        "author": [{"@type": "Person", "name": article.author}],
        "publisher": {"@type": "NewsMediaOrganization", "name": outlet.name},
        "mainEntityOfPage": article.url,
    }
    # In a script there are no character references, and so it is written in ASCII, whatever the charset of the page.
    script = json.dumps(data, indent=1).replace("</", "<\\/")
    return (
        f'<head>\n<meta charset="{outlet.charset}">\n<title>{title} | {escape(outlet.name)}</title>\n'
        f'<link rel="canonical" href="{article.url}">\n<meta name="description" content="{description}">\n'
        f'<meta property="og:type" content="article">\n<meta property="og:title" content="{title}">\n'
        f'<meta property="og:description" content="{description}">\n'
        f'<meta property="og:url" content="{article.url}">\n'
        f'<meta property="og:site_name" content="{escape(outlet.name)}">\n'
        f'<meta property="article:published_time" content="{article.published.isoformat()}">\n'
        f'<meta property="article:modified_time" content="{article.modified.isoformat()}">\n'
        f'<script type="application/ld+json">{script}</script>\n'
        "<style>main{max-width:60em}nav li{display:inline}</style>\n</head>"
    )


def _top(outlet: Outlet, clutter: dict[str, Any]) -> str:
    text, *buttons = clutter["cookie"]
    items = "".join(f'<li><a href="/{i}">{escape(name)}</a></li>' for i, name in enumerate(clutter["nav"]))
    return (
        f'<div id="cookie-banner" class="cookie-consent" role="dialog"><p>{escape(text)}</p>'
        f"{''.join(f'<button>{escape(button)}</button>' for button in buttons)}</div>\n"
        f'<header class="site-header"><a href="/" class="logo">{escape(outlet.name)}</a>{_NAV.format(items)}</header>'
    )


def _article(
    outlet: Outlet, article: Article, others: Sequence[Article], layout: _Layout, clutter: dict[str, Any]
) -> str:
    byline = escape(clutter["byline"].format(name=article.author))
    when = f'<time datetime="{article.published.isoformat()}">{article.published:%d.%m.%Y, %H:%M}</time>'
    buttons = "".join(f"<li><button>{escape(name)}</button></li>" for name in clutter["share"])
    credit = escape(clutter["photo"].format(name=article.photographer))
    parts = [
        f'<header><span class="kicker">{escape(article.section)}</span><h1>{escape(article.headline)}</h1>',
        _element(layout.standfirst, escape(article.standfirst)),
        _element(layout.byline, f"{byline} {when}"),
        f'<ul class="share-bar">{buttons}</ul></header>',
        f'<figure><img src="/img/{article.number}.jpg" alt=""><figcaption>{escape(article.caption)} '
        f'<span class="credit">{credit}</span></figcaption></figure>',
        _element(layout.body, _body(article, others, layout, clutter)),
        f'<div class="comments"><p>{escape(clutter["comments"])}</p></div>',
    ]
    return "\n".join(parts)


def _body(article: Article, others: Sequence[Article], layout: _Layout, clutter: dict[str, Any]) -> str:
    lines = []
    for number, text in enumerate(article.paragraphs[1:], start=1):
        lines.append(_element("h2" if number == article.subheading else "p", escape(text)))
        if number == _LIFT and others:
            link = f'<a href="{others[0].url}">{escape(others[0].headline)}</a>'
            lines.append(_element(layout.read_also, escape(clutter["read_also"]).format(headline=link)))
        if number == _LIFT + 1 and number + 1 != article.subheading:
            title, promise, button = map(escape, clutter["newsletter"])
            form = f'<input type="email" name="email"><button>{button}</button>'
            lines.append(_element(layout.newsletter, f"<h3>{title}</h3><p>{promise}</p>{form}"))
    return "\n".join(lines)


def _related(article: Article, others: Sequence[Article], layout: _Layout, clutter: dict[str, Any]) -> str:
    teasers = "".join(
        f'<li><a href="{other.url}"><h3>{escape(other.headline)}</h3></a><p>{escape(other.standfirst)}</p></li>'
        for other in others[1:5]
    )
    ranked = "".join(f'<li><a href="{o.url}">{escape(o.headline)}</a></li>' for o in others[:4])
    related = _element(layout.related, f"<h2>{escape(clutter['related'])}</h2><ul>{teasers}</ul>")
    most_read = f'<aside class="most-read"><h2>{escape(clutter["most_read"])}</h2><ol>{ranked}</ol></aside>'
    return f"{related}\n{most_read}" if others else ""


def _bottom(outlet: Outlet, clutter: dict[str, Any]) -> str:
    rights, *links = clutter["footer"]
    items = "".join(f'<li><a href="/about/{i}">{escape(name)}</a></li>' for i, name in enumerate(links))
    return f'<footer class="site-footer"><p>{escape(rights.format(outlet=outlet.name))}</p><ul>{items}</ul></footer>'
