"""The site that `make docs` makes of these pages, with Sphinx. Nothing in it is asked of another host."""

from __future__ import annotations

import re

from sphinx.application import Sphinx

project = "Knipsel"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "Knipsel"
html_copy_source = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["tables.css"]
smartquotes = False

myst_heading_anchors = 4

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([\w/]+)\.md\)")


def setup(app: Sphinx) -> None:
    """Take the order of the pages from ``index.md``, where it stands as lists of links that any reader can follow."""
    app.connect("source-read", _order)


def _order(_app: Sphinx, name: str, source: list[str]) -> None:
    if name != "index":
        return
    _, *parts = _SECTION.split(source[0])
    for caption, listed in zip(parts[::2], parts[1::2], strict=True):
        pages = "\n".join(dict.fromkeys(_LINK.findall(listed)))
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"
