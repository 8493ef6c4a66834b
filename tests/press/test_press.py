from __future__ import annotations

import gzip
import http.client
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import brotli
import feedparser
import pytest

from pipeline.settings import load
from tests.conftest import REPOSITORY
from tests.press import START, Article, Fault, Format, Kind, Outlet, Press, PressError, Request, Robots, Validators
from tests.press.log import closest_gap, conditional_share, parallel
from tests.press.stories import compose, words
from transforms.core.extraction import extract_page
from transforms.core.language import Py3langid
from transforms.core.text import comparable

STORIES = 12
OUTLETS = 28
OTHERS = {"If-None-Match": '"another"', "If-Modified-Since": "Mon, 01 Jan 2024 00:00:00 GMT"}
Answer = tuple[int, dict[str, str], bytes]


def get(url: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", seconds: float = 10.0) -> Answer:
    """Status, headers in lower case and body, with the content coding on it."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=seconds)
    try:
        connection.request(method, parts.path, headers={"Accept-Encoding": "identity"} | dict(headers or {}))
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def feed(outlet: Outlet) -> str:
    return outlet.origin + outlet.feed_path


def validators(headers: dict[str, str]) -> dict[str, str]:
    pairs = {"If-None-Match": headers.get("etag"), "If-Modified-Since": headers.get("last-modified")}
    return {name: value for name, value in pairs.items() if value}


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


@pytest.fixture
def small() -> Iterator[Press]:
    with Press(3, stories=8, latency_seconds=0.0) as started:
        yield started


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


def test_publishing_editing_and_deleting(small: Press) -> None:
    outlet = next(o for o in small.outlets if o.validators != Validators.LAST_MODIFIED)
    moment = START.replace(hour=12)
    small.tick(moment)
    before = {article.url: article for article in small.truth()}
    _, headers, _ = get(feed(outlet))
    (new,) = small.publish(1, outlet.id)
    assert (new.published, new.version) == (moment, 1)
    status, after, body = get(feed(outlet), validators(headers))
    assert (status, new.link.encode() in body) == (200, True)

    (edited,) = small.edit(1, outlet.id)
    first = before.get(edited.url, new)
    assert edited.version == 2
    assert edited.headline != first.headline
    assert edited.modified > first.modified
    assert edited.published == first.published
    assert sum(a != b for a, b in zip(edited.paragraphs, first.paragraphs, strict=True)) == 1
    status, _, body = get(feed(outlet), validators(after))
    assert status == 200
    page = get(edited.url)[2].decode(outlet.charset)
    assert edited.modified.isoformat() in page

    (gone,) = small.delete(1, outlet.id)
    assert get(gone.url)[0] == outlet.gone_status
    assert gone.link.encode() not in get(feed(outlet))[2]
    truth = {a.url: a for a in small.truth()}
    assert truth[gone.url].gone
    assert not truth[gone.url].listed
    assert len(small.truth(all_versions=True)) == 3 * 8 + 2
    state = next(o for o in small.state().outlets if o.outlet == outlet.id)
    assert (state.articles, state.versions, state.listed, state.gone) == (9, 10, 8, 1)
    assert small.state().now == moment


def test_two_changes_in_one_second_have_two_dates() -> None:
    with Press(5, stories=3, latency_seconds=0.0) as press:
        outlet = next(o for o in press.outlets if o.validators == Validators.LAST_MODIFIED)
        for _ in range(3):
            known = validators(get(feed(outlet))[1])
            assert get(feed(outlet), known)[0] == 304
            press.edit(1, outlet.id)
            assert get(feed(outlet), known)[0] == 200


def test_entries_scroll_off() -> None:
    with Press(1, keep=5, stories=2, latency_seconds=0.0) as press:
        press.publish(9)
        truth = press.truth()
        assert [article.number for article in truth if article.listed] == [7, 8, 9, 10, 11]
        assert get(truth[0].url)[0] == 200


@pytest.mark.parametrize(
    ("fault", "status"), [(Fault.TOO_MANY, 429), (Fault.UNAVAILABLE, 503), (Fault.SERVER_ERROR, 500)]
)
def test_refusals_are_counted(small: Press, fault: Fault, status: int) -> None:
    outlet = small.outlets[1]
    small.misbehave(outlet.id, fault, requests=2, retry_after=7)
    assert get(f"{outlet.origin}/robots.txt")[0] in (200, 404)
    for _ in range(2):
        found, headers, _ = get(feed(outlet))
        assert (found, headers["retry-after"]) == (status, "7")
    assert small.state().outlets[1].faults == ()
    assert get(feed(outlet))[0] == 200
    assert get(feed(small.outlets[0]))[0] == 200


def test_a_fault_can_be_of_robots_alone(small: Press) -> None:
    small.misbehave(None, Fault.UNAVAILABLE, on=Kind.ROBOTS)
    for outlet in small.outlets:
        assert get(f"{outlet.origin}/robots.txt")[0] == 503
        assert get(feed(outlet))[0] == 200
    small.calm()
    assert get(f"{small.outlets[0].origin}/robots.txt")[0] != 503


def test_a_hanging_outlet_answers_when_it_is_calmed(small: Press) -> None:
    outlet = small.outlets[0]
    small.misbehave(outlet.id, Fault.HANG)
    with pytest.raises(TimeoutError):
        get(feed(outlet), seconds=0.3)
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(get, feed(outlet))
        while len(small.requests()) < 2:
            time.sleep(0.01)
        small.calm(outlet.id)
        assert waits.result()[0] == 503
    left, answered = small.requests()
    assert left.status is None
    assert left.ended is not None
    assert left.ended - left.started < 5.0
    assert answered.status == 503
    assert get(feed(outlet))[0] == 200


def test_feeds_without_entries(small: Press) -> None:
    outlet = small.outlets[0]
    whole = get(feed(outlet))[2]
    small.misbehave(outlet.id, Fault.NO_ENTRIES, requests=1)
    assert b"<title>" in get(feed(outlet))[2] or b'"items": []' in whole
    assert get(feed(outlet))[2] == whole
    small.misbehave(outlet.id, Fault.EMPTY_BODY)
    status, headers, body = get(feed(outlet), {"Accept-Encoding": "gzip, deflate, br"})
    assert (status, headers["content-length"], body) == (200, "0", b"")


def test_guids_that_change_at_every_poll() -> None:
    with Press(14, stories=3, latency_seconds=0.0) as press:
        outlet = next(o for o in press.outlets if o.format == Format.ATOM_10)
        press.misbehave(outlet.id, Fault.FRESH_GUIDS)
        polls = [feedparser.parse(get(feed(outlet))[2]).entries for _ in range(3)]
        assert len({entry.id for poll in polls for entry in poll}) == 9
        assert len({entry.link for poll in polls for entry in poll}) == 3


def test_a_stale_validator_hides_what_is_new(small: Press) -> None:
    outlet = small.outlets[0]
    small.misbehave(outlet.id, Fault.STALE_ETAG)
    _, headers, body = get(feed(outlet))
    known = validators(headers)
    small.publish(1, outlet.id)
    assert get(feed(outlet), known)[0] == 304
    assert get(feed(outlet))[2] != body


def test_the_log_tells_what_the_server_saw() -> None:
    with Press(2, stories=4, latency_seconds=0.1) as press:
        one, two = press.outlets
        _, headers, _ = get(feed(one))
        time.sleep(0.2)
        get(feed(one), {"X-Sent": "yes"} | validators(headers))
        asked = press.requests()
        assert [(r.host, r.path, r.method, r.kind, r.status) for r in asked] == [
            (one.host, one.feed_path, "GET", Kind.FEED, status) for status in (200, 304)
        ]
        assert asked[1].headers["x-sent"] == "yes"
        assert all(r.ended is not None and 0.1 <= r.ended - r.started < 2.0 for r in asked)
        assert 0.2 <= press.closest_gap(one.host) < 2.0
        assert press.closest_gap(two.host) == float("inf")
        assert (press.parallel(one.host), press.parallel(two.host)) == (1, 0)
        assert press.conditional_share() == 0.5
        press.forget()
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(get, [feed(two)] * 3))
        assert press.parallel(two.host) == 3
        assert press.closest_gap(two.host) < 0.0
        assert len(press.requests(lambda r: r.host == two.host)) == 3


def test_gaps_and_overlaps() -> None:
    base = Request("h:1", "/", Kind.FEED, "GET", {}, started=0.0, ended=1.0, status=200)
    later = replace(base, started=3.0, ended=4.0, headers={"if-none-match": "x"})
    under_way = replace(base, started=3.5, ended=None, status=None, kind=Kind.PAGE)
    assert closest_gap([later, base], "h:1") == 2.0
    assert parallel([later, base], "h:1") == 1
    assert closest_gap([base, later, under_way], "h:1") == -0.5
    assert parallel([base, later, under_way], "h:1") == 2
    assert parallel([base, replace(base, started=1.0, ended=2.0)], "h:1") == 1
    assert conditional_share([base, later, under_way]) == 0.5
    assert conditional_share([base, later, under_way, under_way], None) == 0.25
    assert conditional_share([]) == 0.0


def test_knipsel_takes_its_settings(press: Press, tmp_path: Path) -> None:
    config = load(press.write_config(tmp_path, delay_seconds=0.02))
    assert [(f.url, f.outlet, f.name) for f in config.feeds] == [(o.feed_url, o.id, o.name) for o in press.outlets]
    assert config.settings.fetch.ports == (press.port,)
    assert config.settings.fetch.delay_seconds == 0.02
    assert load(overrides=press.overrides()).settings.fetch.allow_private == ("127.0.1.0/24",)


def test_what_cannot_be_done_is_said(small: Press) -> None:
    with pytest.raises(PressError, match="no outlet 'outlet-99'"):
        small.publish(1, "outlet-99")
    with pytest.raises(PressError, match="articles that may be read"):
        small.edit(50)
    with pytest.raises(ValueError, match="1 to 254 outlets"):
        Press(255)
    with pytest.raises(PressError, match="ended"):
        Press(1, port=small.port)
    small.close()
    with pytest.raises(PressError, match="ended"):
        small.state()


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
