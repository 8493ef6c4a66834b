"""The site that is made of the pages: it builds without a fault, and nothing in it is asked of another host."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from lxml import html

from tests.conftest import REPOSITORY
from tests.test_readme import recipe

LOADING = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
    "link": "href",
    "use": "href",
}
"""Elements that make a browser ask for something, and the attribute that says what."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built as ``make docs`` builds it."""
    for name in ("sphinx", "myst_parser", "furo"):
        if find_spec(name) is None:
            pytest.skip(f"{name} is not installed; it comes with pip install '.[docs]'")
    (command,) = recipe("docs")
    _, *words = command.split()
    made = tmp_path_factory.mktemp("site")
    words = [{"docs": str(REPOSITORY / "docs"), "site": str(made)}.get(word, word) for word in words]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return made


def test_every_page_is_in_the_site(site: Path) -> None:
    pages = {
        path.relative_to(REPOSITORY / "docs").with_suffix(".html") for path in (REPOSITORY / "docs").rglob("*.md")
    }
    assert pages <= {path.relative_to(site) for path in site.rglob("*.html")}


def test_nothing_is_asked_of_another_host(site: Path) -> None:
    seen = 0
    for path in site.rglob("*.html"):
        for element in html.parse(path).iter(*LOADING):
            asked = element.get(LOADING[str(element.tag)])
            if asked and element.get("rel") not in ("next", "prev", "search", "index"):
                seen += 1
                assert not re.match(r"(?:\w+:)?//", asked), f"{path.name}: {asked}"
                assert (path.parent / asked.partition("?")[0].partition("#")[0]).exists(), f"{path.name}: {asked}"
    assert seen
    for path in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", path.read_text("utf-8")), path.name
    for path in site.rglob("*.js"):
        code = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
        assert not re.search(
            r"(?:fetch|open|import|importScripts|Request|sendBeacon)\(\s*[\"'`](?:https?:)?//", code
        ), path.name


def test_the_menu_leads_to_every_page(site: Path) -> None:
    menu = html.parse(site / "index.html").getroot().cssselect(".sidebar-tree a.reference.internal")
    pages = {
        str(path.relative_to(REPOSITORY / "docs").with_suffix(".html"))
        for path in (REPOSITORY / "docs").rglob("*.md")
    }
    assert {str(link.get("href")).partition("#")[0] for link in menu} >= pages - {"index.html"}
