from __future__ import annotations

import base64
import hashlib
import html
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import lxml.html
import pytest
from lxml.html import HtmlElement

from pipeline.ledger import Ledger
from pipeline.report import publish, rebuild
from pipeline.report.facts import collect
from pipeline.report.page import TEMPLATES, write_index, write_report
from tests.pipeline.report.conftest import Made
from tests.pipeline.report.made import HOSTILE, commit_night
from tests.pipeline.rows import NOW, commit_run
from transforms.storage import Storage


@pytest.fixture(scope="module", params=["report", "index"])
def path(made: Made, request: pytest.FixtureRequest) -> Path:
    return made.page if request.param == "report" else made.page.with_name("index.html")


@pytest.fixture(scope="module")
def tree(path: Path) -> HtmlElement:
    return lxml.html.fromstring(path.read_bytes(), parser=lxml.html.HTMLParser(encoding="utf-8"))


def hash_of(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_a_page_runs_and_styles_only_what_it_came_with(path: Path, tree: HtmlElement) -> None:
    script, style = ((TEMPLATES / name).read_text("utf-8") for name in ("report.js", "report.css"))
    assert [one.text for one in tree.findall(".//script")] == [script]
    assert [one.text for one in tree.findall(".//style")] == [style]
    (policy,) = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy == (
        f"default-src 'none'; style-src '{hash_of(style)}'; script-src '{hash_of(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    for element in tree.iter():
        if isinstance(element.tag, str):
            assert not [
                name for name in element.attrib if name.startswith("on") or name in ("style", "src", "srcset")
            ]
            assert element.tag not in ("img", "iframe", "object", "embed", "link", "base", "form", "audio", "video")
    assert not re.search(r"url\(|@import|expression\(", style)


def test_no_link_leads_anywhere_but_the_web_or_the_reports(path: Path, tree: HtmlElement) -> None:
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    for href in tree.xpath("//@href"):
        if href.startswith("#"):
            assert href[1:] in ids
        elif not re.match(r"https?://[a-z0-9.-]+(/|$)", href):
            assert (path.parent / href).is_file()


def test_foreign_text_stays_text(made: Made) -> None:
    raw = made.page.read_bytes()
    page = raw.decode("utf-8")
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", page)
    for text in HOSTILE:
        if re.search("[<\"'&]", text):
            assert text not in page
    assert "49" not in re.findall(r"\{\{ 7 \* 7 \}\}|49 \{%", page)
    tree = lxml.html.fromstring(raw, parser=lxml.html.HTMLParser(encoding="utf-8"))
    said = tree.text_content()
    for text in HOSTILE:
        shown = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\ufffd", text)
        assert shown in said, text
    # What turns the direction round is fenced in, wherever a headline, an outlet or a message stands.
    for element in tree.iter():
        if isinstance(element.tag, str) and "\u202e" in (element.text or ""):
            assert element.tag in ("bdi", "blockquote", "del", "title") or element.get("dir") == "auto", element.tag


def test_headings_tables_and_landmarks_are_in_order(tree: HtmlElement) -> None:
    levels = [int(one.tag[1]) for one in tree.iter() if isinstance(one.tag, str) and re.fullmatch("h[1-6]", one.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert [one.tag for one in tree.xpath("/html/body/*[not(self::a or self::script)]")] == [
        "header",
        "main",
        "footer",
    ]
    assert tree.get("lang") == "en"
    assert tree.findtext(".//title")
    for table in tree.findall(".//table"):
        assert (table.findtext("caption") or "").strip()
        assert table.xpath("thead//th[@scope='col']")
        for row in table.xpath("tbody/tr"):
            assert len(row.xpath("th[@scope='row' or @scope='rowgroup']")) == 1
    for picture in tree.xpath("//svg"):
        assert picture.get("aria-hidden") == "true" or picture.get("aria-label")
    for section in tree.findall(".//section"):
        assert tree.xpath(f"//h2[@id='{section.get('aria-labelledby')}']")


def test_the_report_says_what_the_run_came_to(made: Made) -> None:
    page = html.unescape(made.page.read_text("utf-8"))
    counts = made.extra.counts
    assert f"Of {counts.read} inputs that were read, {counts.written} became articles, 1 of them new versions" in page
    assert "It took 1 min 15 s and 412 MB of memory at most." in page
    for said in ("FEED_SILENT", "has refused 4 requests", "3 pages are waiting", "STAGE_ERROR", "9 feeds were asked"):
        assert said in page
    assert "15 more in <code>rejects/</code>" in page
    assert "The run before" not in page  # it has no report


def test_same_data_set_same_page(made: Made, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made.root, root)
    before = made.page.read_bytes()
    assert rebuild(root).read_bytes() == before
    assert rebuild(root, made.extra.runs[0]).read_bytes() == before


def test_the_index_leads_through_the_runs_newest_first(made: Made, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made.root, root)
    rebuild(root, "000000-20261119T063000Z")
    index = lxml.html.fromstring((root / "_reports" / "index.html").read_bytes())
    links = index.xpath("//table[@class='runs']//a/@href")
    assert links == ["000001-20261120T063000Z.html", "000000-20261119T063000Z.html"]
    again = publish(root, commit_night(root, now=NOW))
    assert "000001-20261120T063000Z.html" in again.read_text("utf-8")


def test_reports_beyond_the_table_are_named(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made.root, root)
    rebuild(root, "000000-20261119T063000Z")
    monkeypatch.setattr("pipeline.report.page.MOST_RUNS", 1)
    index = lxml.html.fromstring(write_index(root).read_bytes())
    assert index.xpath("//ul[@class='older']//a/@href") == ["000000-20261119T063000Z.html"]


class Torn(Storage):
    """A disk that fails before a file gets its name."""

    def rename(self, source: Path, target: Path) -> None:
        raise OSError(28, "No space left on device", str(target))


def test_a_page_is_written_whole_or_not_at_all(made: Made, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made.root, root)
    page = root / "_reports" / made.page.name
    page.write_text("the page of yesterday")
    with pytest.raises(OSError, match="No space left"):
        write_report(root, collect(root, made.extra.runs, made.extra), storage=Torn())
    assert page.read_text() == "the page of yesterday"


def test_a_report_changes_nothing_of_the_data_set(made: Made, tmp_path: Path) -> None:
    root = tmp_path / "out"
    with Ledger(root) as ledger:
        commit_run(ledger, range(3), now=NOW)
    before = dict(contents(root))
    rebuild(root)
    after = dict(contents(root))
    assert {path: data for path, data in after.items() if "_reports" not in path} == before
    assert sorted(path for path in after if "_reports" in path) == [
        "_reports/000000-20261120T063000Z.html",
        "_reports/index.html",
    ]


def contents(root: Path) -> Iterator[tuple[str, bytes]]:
    return ((path.relative_to(root).as_posix(), path.read_bytes()) for path in root.rglob("*") if path.is_file())
