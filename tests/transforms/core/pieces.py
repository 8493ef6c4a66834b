"""Pieces of markup, whole and broken, to put together at random."""

from __future__ import annotations

from hypothesis import strategies as st

_TAGS = [
    *("html", "/html", "body", "/body", "head", "p", "/p", "br/", "script", "/script", "frameset", "table", "td"),
    *("svg", "title", "/title", "textarea", "iframe/", "!--"),
]
_LOOSE = [
    *("<div", ">", "</", "-->", "<![CDATA[", "]]>", "<?xml ?>", "<p a='", "&#0;", "&amp", "\x00", "\ud800", "tekst"),
]
PIECES = st.lists(
    st.sampled_from([*(f"<{tag}>" for tag in _TAGS), *_LOOSE]) | st.text(st.characters(categories=None), max_size=5),
    max_size=25,
)
