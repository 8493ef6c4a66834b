from __future__ import annotations

import gzip
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin

import brotli
import feedparser
import pytest

from pipeline.settings import load
from tests.conftest import REPOSITORY
from tests.press import START, Article, Format, Press, Robots, Validators
from tests.press.asking import feed, get, validators
from tests.press.stories import compose, words
from transforms.core.extraction import extract_page
from transforms.core.language import Py3langid
from transforms.core.text import comparable

STORIES = 12
OUTLETS = 28
OTHERS = {"If-None-Match": '"another"', "If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"}


@pytest.fixture(scope="module")
def press() -> Iterator[Press]:
    """Read by many tests, changed by none."""
    with Press(OUTLETS, stories=STORIES, latency_seconds=0.0) as started:
        yield started


@pytest.fixture(scope="module")
def articles(press: Press) -> dict[str, list[Article]]:
    found: dict[str, list[Article]] = {}
    for article in press.truth():
        found.setdefault(article.outlet, []).append(article)
    return found


def test_every_way_of_a_server_is_among_the_outlets(press: Press) -> None:
    outlets = press.outlets
    assert {outlet.format for outlet in outlets} == set(Format)
    assert {outlet.robots for outlet in outlets} == set(Robots)
    assert {outlet.validators for outlet in outlets} == set(Validators)
    assert {outlet.language for outlet in outlets} == {"nl", "nl-BE", "fr", "fr-BE", "de", "en"}
    assert {outlet.coding for outlet in outlets} == {"", "gzip", "deflate", "br"}
    assert {outlet.text for outlet in outlets} == {"page", "item"}
    assert any(outlet.forbids for outlet in outlets)
    for way in ("chunked", "moved", "redirects", "permalinks"):
        assert {getattr(outlet, way) for outlet in outlets} == {False, True}
    assert len({outlet.name for outlet in outlets}) == OUTLETS


def test_feeds_hold_the_articles_in_their_format(press: Press, articles: dict[str, list[Article]]) -> None:
    for outlet in press.outlets:
        status, headers, body = get(feed(outlet))
        assert (status, headers["content-type"].partition(";")[0]) == (200, outlet.feed_type)
        newest_first = articles[outlet.id][::-1]
        if outlet.format == Format.JSON_11:
            parsed = json.loads(body)
            assert parsed["version"] == "https://jsonfeed.org/version/1.1"
            entries = [(item["url"], item["title"], item["id"]) for item in parsed["items"]]
            texts = [item.get("content_html", "") for item in parsed["items"]]
        else:
            found = feedparser.parse(body)
            assert not found.bozo, found.get("bozo_exception")
            # There were two of 0.91; feedparser calls the one of Userland by its initial.
            assert str(found.version).removesuffix("u") == outlet.format
            entries = [(entry.link, entry.title, entry.get("id")) for entry in found.entries]
            texts = [entry.content[0].value if "content" in entry else "" for entry in found.entries]
        assert [entry[:2] for entry in entries] == [(a.link, a.headline) for a in newest_first]
        if newest_first[0].guid is not None:
            assert [entry[2] for entry in entries] == [a.guid for a in newest_first]
        for article, text in zip(newest_first, texts, strict=True):
            assert bool(text) == (outlet.text == "item")
            assert not text or all(p in text.replace("&amp;", "&").replace("&#x27;", "'") for p in article.paragraphs)


def test_dates_of_feeds_are_true(press: Press, articles: dict[str, list[Article]]) -> None:
    dated = [outlet for outlet in press.outlets if outlet.format in (Format.RSS_20, Format.ATOM_10, Format.RSS_10)]
    assert dated
    for outlet in dated:
        for entry, article in zip(
            feedparser.parse(get(feed(outlet))[2]).entries, articles[outlet.id][::-1], strict=True
        ):
            stated = entry.get("published_parsed") or entry.updated_parsed
            assert tuple(stated)[:6] == article.published.utctimetuple()[:6]
            assert article.published <= START


def test_what_is_known_is_not_sent_again(press: Press, articles: dict[str, list[Article]]) -> None:
    for outlet in press.outlets:
        page = next(a.url for a in articles[outlet.id] if a.allowed)
        for url in (feed(outlet), page):
            _, headers, _ = get(url)
            known = validators(headers)
            assert get(url, known)[::2] == (304, b"")
            assert get(url, OTHERS)[0] == 200
            tag = headers.get("etag", "")
            assert ("last-modified" in headers) == (outlet.validators in (Validators.BOTH, Validators.LAST_MODIFIED))
            assert bool(tag) == (outlet.validators != Validators.LAST_MODIFIED)
            assert tag.startswith("W/") == (outlet.validators == Validators.WEAK)
            assert ('"' not in tag) == (outlet.validators in (Validators.UNQUOTED, Validators.LAST_MODIFIED))


def test_codings_chunks_and_charsets_hold_the_same_page(press: Press, articles: dict[str, list[Article]]) -> None:
    undone = {"gzip": gzip.decompress, "deflate": zlib.decompress, "br": brotli.decompress}
    for outlet in press.outlets:
        url = next(a.url for a in articles[outlet.id] if a.allowed)
        _, plain, body = get(url)
        assert "content-encoding" not in plain
        assert ("chunked" in plain.get("transfer-encoding", "")) == outlet.chunked
        assert f'<meta charset="{outlet.charset}">'.encode() in body
        assert body.decode(outlet.charset)
        _, coded, packed = get(url, {"Accept-Encoding": "gzip, deflate, br"})
        assert coded.get("content-encoding", "") == outlet.coding
        assert undone.get(outlet.coding, bytes)(packed) == body
        assert get(url, method="HEAD")[::2] == (200, b"")


def test_robots_forbid_what_a_feed_lists(press: Press, articles: dict[str, list[Article]]) -> None:
    for outlet in press.outlets:
        status, _, body = get(f"{outlet.origin}/robots.txt")
        assert status == (404 if outlet.robots == Robots.MISSING else 200)
        assert body.startswith(b"\xef\xbb\xbf") == (outlet.robots == Robots.BOM)
        assert (b"Crawl-delay" in body) == (outlet.robots == Robots.CRAWL_DELAY)
        forbidden = [a for a in articles[outlet.id] if not a.allowed]
        assert bool(forbidden) == outlet.forbids
        for article in articles[outlet.id]:
            assert ("/plus/" in article.url) == (not article.allowed)


def test_redirects_lead_to_feeds_and_pages(press: Press, articles: dict[str, list[Article]]) -> None:
    for outlet in press.outlets:
        status, headers, _ = get(outlet.feed_url)
        assert status == (301 if outlet.moved else 200)
        if outlet.moved:
            assert get(urljoin(outlet.feed_url, headers["location"]))[0] == 200
        led = [a for a in articles[outlet.id] if a.link != a.url]
        assert bool(led) == outlet.redirects
        for article in led:
            status, headers, _ = get(article.link)
            assert (status, urljoin(article.link, headers["location"])) == (302, article.url)


def test_what_is_nowhere_is_not_found(press: Press) -> None:
    origin = press.outlets[0].origin
    assert get(f"{origin}/region/nothing-1.html")[0] == 404
    assert get(f"{origin}/go/999")[0] == 404
    assert get(f"{origin}/robots.txt", method="POST")[0] == 405


def test_the_extractor_finds_the_paragraphs(press: Press, articles: dict[str, list[Article]]) -> None:
    found = wanted = 0
    for outlet in press.outlets:
        for article in [a for a in articles[outlet.id] if a.allowed][2:4]:
            _, headers, body = get(article.url)
            charset = re.search(r"charset=(\S+)", headers["content-type"])
            page = extract_page(body, url=article.url, charset=charset and charset[1])
            lines = set(map(comparable, page.text.split("\n")))
            found += len(lines & set(map(comparable, article.paragraphs)))
            wanted += len(article.paragraphs)
            assert page.metadata.headline == article.headline
    assert found >= 0.99 * wanted


def test_stories_are_in_their_language_and_no_two_are_alike(articles: dict[str, list[Article]]) -> None:
    identified = Py3langid()
    everything = [article for listed in articles.values() for article in listed]
    assert len({article.headline for article in everything}) == len(everything)
    by_language: dict[str, list[frozenset[tuple[str, ...]]]] = {}
    for article in everything:
        text = " ".join(article.paragraphs)
        assert identified(text[:1_000])[0] == article.language[:2]
        assert "{" not in text
        tokens = text.split()
        shingles = frozenset(zip(*(tokens[i:] for i in range(4)), strict=False))
        by_language.setdefault(article.language[:2], []).append(shingles)
    for stories in by_language.values():
        assert max(len(a & b) / len(a | b) for a, b in itertools.combinations(stories, 2)) < 0.25


@pytest.mark.parametrize("language", ["nl", "fr", "de", "en"])
def test_a_grammar_has_sentences_enough(language: str) -> None:
    assert len(words(language, "")["sentences"]) >= 40
    sizes = set()
    for number in range(60):
        story = compose(language, "", f"test/{number}")
        sizes.add(sum(len(re.findall(r"[.!?][”»“]?(?: |$)", p)) for p in story.paragraphs))
        assert story.subheading is None or not story.paragraphs[story.subheading].endswith(".")
    assert min(sizes) <= 9
    assert max(sizes) >= 18


def test_the_same_seed_gives_the_same_press() -> None:
    taken = []
    port = 0
    for _ in range(2):
        with Press(4, seed=7, stories=6, port=port, latency_seconds=0.0) as press:
            port = press.port
            press.tick(START.replace(hour=9))
            press.edit(1)
            press.delete(1)
            press.publish(2, "outlet-02")
            urls = [feed(outlet) for outlet in press.outlets] + [a.url for a in press.truth()]
            taken.append((press.truth(all_versions=True), press.state(), [get(url)[::2] for url in urls]))
    assert taken[0] == taken[1]
    with Press(4, seed=8, stories=6, port=port) as other:
        assert {a.headline for a in other.truth()}.isdisjoint(a.headline for a in taken[0][0])


def test_knipsel_takes_its_settings(press: Press, tmp_path: Path) -> None:
    config = load(press.write_config(tmp_path, delay_seconds=0.02))
    assert [(f.url, f.outlet, f.name) for f in config.feeds] == [(o.feed_url, o.id, o.name) for o in press.outlets]
    assert config.settings.fetch.ports == (press.port,)
    assert config.settings.fetch.delay_seconds == 0.02
    assert load(overrides=press.overrides()).settings.fetch.allow_private == ("127.0.1.0/24",)


_PARENT = """
import os, sys, time
from tests.press import Press
press = Press(2)
fork = os.fork()
if fork:
    print(press.pid, fork, flush=True)
time.sleep(60)
"""


def test_it_ends_with_its_parent() -> None:
    """Also when that is killed, and although a fork of it still holds the pipes."""
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT], cwd=REPOSITORY, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    assert parent.stdout is not None
    server, fork = map(int, parent.stdout.readline().split())
    try:
        assert _runs(server)
        parent.kill()
        parent.wait()
        parent.stdout.close()
        deadline = time.monotonic() + 5.0
        while _runs(server) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not _runs(server)
    finally:
        os.kill(fork, signal.SIGKILL)


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
