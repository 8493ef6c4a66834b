"""The reports in a real browser: what is clicked, what is fetched, what it looks like, and whether all can use it."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pipeline.report import rebuild
from tests.pipeline.report.conftest import Made

pytest.importorskip("playwright", reason="playwright is not installed: pip install 'knipsel[browser]'")

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

WIDE, PHONE = ViewportSize(width=1400, height=900), ViewportSize(width=390, height=844)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        named = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
        own = playwright.chromium.executable_path
        path = next((name for name in named if name), own if Path(own).is_file() else None)
        if path is None:
            pytest.skip("there is no Chromium on PATH, and none that 'playwright install chromium' put there")
        # The sandbox needs rights that containers often lack; all that is opened is our own pages.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def reports(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("browser") / "out"
    shutil.copytree(made.root, root)
    rebuild(root, "000000-20261119T063000Z")
    rebuild(root)
    return root / "_reports"


class Visit:
    """A page that is being looked at, and everything that it asked for or complained about."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.asked: list[str] = []
        self.said: list[str] = []
        self.context.on("request", lambda request: self.asked.append(request.url))
        self.context.on("console", lambda message: self.said.append(message.text))
        self.context.on("weberror", lambda fault: self.said.append(str(fault.error)))
        self.context.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page: Page = self.context.new_page()

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_from_the_index_to_a_cut(browser: Browser, reports: Path, script: bool) -> None:
    with Visit(browser, viewport=WIDE, java_script_enabled=script) as visit:
        page = visit.page
        page.goto((reports / "index.html").as_uri())
        page.locator("table.runs a").first.click()
        expect(page).to_have_url(re.compile("/000001-20261120T063000Z.html$"))
        assert "The run of Friday 20 November 2026" in page.inner_text("h1")

        card = page.locator("article.card", has_text="Hafenwelle").filter(has_text="6 articles")
        assert not card.is_visible()
        page.locator("table.outlets a", has_text="Hafenwelle").click()
        expect(card).to_be_visible()
        assert "Ferry late again (3)" in card.inner_text()

        card.locator("a", has_text="ROBOTS_DISALLOWED").click()
        letter = page.locator("#code-ROBOTS_DISALLOWED li")
        expect(letter).to_be_visible()
        assert letter.locator("a").get_attribute("href") == "http://welle.example/x"

        page.locator("table.kinds a", has_text="related teaser").click()
        sample = page.locator("figure.sample", has_text="signal.weighed").first
        expect(sample).to_be_visible()
        before, after = sample.locator("blockquote").all()
        assert "540 characters" in before.locator("del.asked").inner_text()
        assert "a hundred other stories" not in after.inner_text()

        page.locator("nav[aria-label=Reports] a", has_text="The run before").click()
        expect(page).to_have_url(re.compile("/000000-20261119T063000Z.html$"))
        page.locator("nav[aria-label=Reports] a", has_text="All runs").click()
        expect(page).to_have_url(re.compile("/index.html$"))
    assert {url.partition("#")[0] for url in visit.asked} == {path.as_uri() for path in reports.glob("*.html")}
    assert visit.said == []


def test_outlets_are_found_by_name(browser: Browser, reports: Path) -> None:
    with Visit(browser, viewport=WIDE) as visit:
        page = visit.page
        page.goto((reports / "000001-20261120T063000Z.html").as_uri())
        page.fill("#outlet-filter", "hafen")
        expect(page.locator("table.outlets tbody tr:visible")).to_have_count(1)
        expect(page.locator("#outlet-found")).to_have_text("1 found")
        page.fill("#outlet-filter", "")
        assert page.locator("table.outlets tbody tr:visible").count() > 5
    with Visit(browser, java_script_enabled=False) as visit:
        visit.page.goto((reports / "000001-20261120T063000Z.html").as_uri())
        assert not visit.page.locator("#outlet-filter").is_visible()


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A server on loopback: its address, and the paths that it was asked for."""
    paths: list[str] = []

    class Listen(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listen)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("policy", [True, False], ids=["policy", "no policy"])
def test_what_slips_through_is_neither_run_nor_fetched(
    browser: Browser, reports: Path, listener: tuple[str, list[str]], policy: bool
) -> None:
    """As if escaping had failed: the policy of the page is the second wall, and without it the test would see it."""
    address, paths = listener
    path = reports / "000001-20261120T063000Z.html"
    evil = (
        f"<script>document.title='run'</script><img src={address}/a onerror=\"document.title='run'\">"
        f"<style>main{{background:url({address}/b)}}</style><p style='background:url({address}/c)'>x</p>"
        f"<iframe src={address}/d></iframe><link rel=stylesheet href={address}/e><script src={address}/f></script>"
        f"<video src={address}/g autoplay></video><object data={address}/h></object>"
        "<svg onload=\"document.title='run'\"/>"
    )
    page = path.read_text("utf-8").replace("<h1>", f"{evil}<h1>", 1)
    if not policy:
        page = page.replace("Content-Security-Policy", "X-Nothing", 1)
    torn = path.with_name("torn.html")
    torn.write_text(page, "utf-8")
    try:
        with Visit(browser, viewport=WIDE) as visit:
            visit.page.goto(torn.as_uri())
            visit.page.wait_for_timeout(500)
            assert (visit.page.title() == "run") is not policy
    finally:
        torn.unlink()
    assert bool(paths) is not policy


def test_it_is_used_without_a_mouse(browser: Browser, reports: Path) -> None:
    with Visit(browser, viewport=WIDE) as visit:
        page = visit.page
        page.goto((reports / "000001-20261120T063000Z.html").as_uri())
        page.keyboard.press("Tab")
        skip = page.locator(".skip")
        assert skip.evaluate("one => one === document.activeElement && one.getBoundingClientRect().left >= 0")
        assert skip.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("#main$"))
        summary = page.locator("details.letters summary").first
        summary.focus()
        page.keyboard.press("Enter")
        expect(page.locator("details.letters li").first).to_be_visible()


@pytest.mark.parametrize(
    ("name", "viewport", "scheme"),
    [
        ("index.html", WIDE, "light"),
        ("index.html", PHONE, "dark"),
        ("000001-20261120T063000Z.html", WIDE, "light"),
        ("000001-20261120T063000Z.html", WIDE, "dark"),
        ("000001-20261120T063000Z.html", PHONE, "light"),
        ("000001-20261120T063000Z.html", PHONE, "dark"),
        ("000000-20261119T063000Z.html", PHONE, "light"),
    ],
)
def test_it_can_be_seen_and_used_by_all(
    browser: Browser, reports: Path, tmp_path: Path, name: str, viewport: ViewportSize, scheme: str
) -> None:
    if find_spec("axe_playwright_python") is None:
        pytest.skip("axe-core is not installed: pip install 'knipsel[browser]'")
    axe = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
    with Visit(browser, viewport=viewport, color_scheme=scheme) as visit:
        page = visit.page
        page.goto((reports / name).as_uri())
        picture = tmp_path / f"{Path(name).stem}-{viewport['width']}-{scheme}.png"
        page.screenshot(path=picture, full_page=True)
        assert picture.stat().st_size > 20_000
        # Nothing sticks out at the side; what is wider scrolls by itself.
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
        page.evaluate(axe)
        found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
        faults = [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}" for one in found["violations"]]
        assert faults == []
        assert len(found["passes"]) > 20
