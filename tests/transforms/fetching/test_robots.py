"""robots.txt: what is understood of it, and how hosts are treated that have one, have none, or do not say."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from schemas.feed import HostMemory, Postponed, Wanted
from schemas.reject import Reason, Refused
from tests.transforms.fetching.loopback import NOW, Loopback, code, frozen, moved, policy, text
from transforms.fetching.errands import Result
from transforms.fetching.fetcher import Fetcher
from transforms.fetching.robots import Rules, decoded

SITE = "https://paper.example"


def results(
    server: Loopback, *urls: str, memory: HostMemory | None = None, **changes: object
) -> tuple[list[Result], HostMemory]:
    """What comes of ``urls``, and what is then known of the first host."""
    hosts = {server.host(1): memory} if memory else {}
    with Fetcher(policy(server.port, **changes), clock=frozen, hosts=hosts) as fetching:
        flow = fetching.flow(in_flight=8)
        for url in urls:
            flow.put(Wanted(url, accept="text/html", most_bytes=100_000), url)
        found = dict(flow.drain())
        return [found[url] for url in urls], fetching.learned().get(server.host(1), HostMemory())


# What it says


@pytest.mark.parametrize(
    ("robots", "path", "allowed"),
    [
        ("User-agent: *\nDisallow: /", "/a", False),
        ("User-agent: *\nDisallow:", "/a", True),
        ("User-agent: Knipsel\nDisallow: /\n\nUser-agent: *\nAllow: /", "/a", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: KNIPSEL\nDisallow: /b", "/a", True),
        ("User-agent: other\nUser-agent: knipsel\nDisallow: /a", "/a", False),
        ("User-agent: other\nDisallow: /a", "/a", True),
        ("User-agent: other\nDisallow: /\nUser-agent: *\nDisallow: /b", "/a", True),
        ("User-agent: other\nDisallow: /\nUser-agent: *\nDisallow: /b", "/b", False),
        ("User-agent: unknipsel\nDisallow: /", "/a", True),
        ("user agent knipsel # ours\ndisallow /a", "/a", False),
        ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf", False),
        ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf?z", True),
        ("User-agent: *\nDisallow: /caf%C3%A9", "/café", False),
        ("User-agent: *\nDisallow: /*?s=", "/q?s=1", False),
        ("<html><body>Not found</body></html>", "/a", True),
        ("", "/a", True),
        ("Disallow: /", "/a", True),
    ],
)
def test_what_may_be_asked_for(robots: str, path: str, allowed: bool) -> None:
    assert Rules(robots, "knipsel").allows(SITE + path) is allowed
    assert Rules(decoded(b"\xef\xbb\xbf" + robots.encode()), "knipsel").allows(SITE + path) is allowed


def test_none_allows_all() -> None:
    rules = Rules(None, "knipsel")
    assert rules.allows(SITE + "/a")
    assert rules.delay_seconds == 0.0


@pytest.mark.parametrize(
    ("stated", "seconds"), [("3", 3.0), ("0.5", 0.5), ("-1", 0.0), ("inf", 0.0), ("nan", 0.0), ("soon", 0.0)]
)
def test_crawl_delay(stated: str, seconds: float) -> None:
    assert Rules(f"User-agent: knipsel\nCrawl-delay: {stated}", "knipsel").delay_seconds == seconds


LINES = st.lists(
    st.sampled_from(
        [
            *(
                f"{field}{name}"
                for field in ("User-agent: ", "user agent ", "useragent:")
                for name in ("*", "knipsel")
            ),
            *(f"User-agent: {name}" for name in ("other", "another*", "knip", "nips", "kn*psel", "", "a # b", "/")),
            *(
                "Disallow: /",
                "Disallow: /a",
                "Allow: /a/b",
                "Disallow:",
                "Allow: /",
                "Crawl-delay: 2",
                "Crawl-delay: 4",
            ),
            *("Sitemap: https://paper.example/s.xml", "", "# nothing", "Noindex: /", "Host: paper.example"),
        ]
    ),
    max_size=14,
)


@given(LINES)
def test_taking_other_robots_together_changes_nothing_for_ours(lines: list[str]) -> None:
    robots = "\n".join(lines)
    rules, plain = Rules(robots, "knipsel"), Protego.parse(robots)
    for path in ("/", "/a", "/a/b", "/c"):
        assert rules.allows(SITE + path) == plain.can_fetch(SITE + path, "knipsel")
    assert rules.delay_seconds == (plain.crawl_delay("knipsel") or 0.0)


@given(st.binary(max_size=300), st.text(max_size=60))
def test_nothing_is_too_odd_to_be_read(body: bytes, path: str) -> None:
    rules = Rules(decoded(b"User-agent: *\n" + body), "knipsel")
    assert rules.allows(f"{SITE}/{path}") in (True, False)
    assert rules.delay_seconds >= 0.0


def test_a_file_made_to_be_slow_is_read_in_time() -> None:
    robots = "".join(f"User-agent: r{number}\n" for number in range(16_000)) + "User-agent: *\n"
    robots += "".join(f"Disallow: /{number}*a$\n" for number in range(14_000))
    begun = time.process_time()
    rules = Rules(decoded(robots.encode()), "knipsel")
    assert rules.allows(SITE + "/" + "a" * 2_000)
    assert not rules.allows(SITE + "/7bca")
    assert time.process_time() - begun < 2.0


def test_of_a_long_file_whole_lines_are_read() -> None:
    line = b"Disallow: /secret-folder/page\n"
    robots = b"User-agent: *\n" + line * 30_000
    kept = decoded(robots)
    assert 500_000 < len(kept) <= 512_000
    assert kept.endswith(line.decode())


# How it is asked for


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_4xx_allows_all(server: Loopback, status: int) -> None:
    server.serve(1, "/robots.txt", text("User-agent: *\nDisallow: /", status=status))
    found, memory = results(server, server.url(1, "/a"), server.url(1, "/b"))
    assert [code(one) for one in found] == [200, 200]
    assert (memory.robots, memory.robots_at, memory.refusals) == (None, NOW, 0)
    assert server.paths(1).count("/robots.txt") == 1


@pytest.mark.parametrize("answer", [text("", status=500), text("", status=503), text("", status=599), None])
def test_a_host_that_does_not_say_is_left_alone(server: Loopback, answer: web.Response | None) -> None:
    server.serve(1, "/robots.txt", answer)
    found, memory = results(server, *(server.url(1, f"/{page}") for page in range(4)), server.url(2))
    assert [code(one) for one in found] == [Reason.ROBOTS_UNREACHABLE] * 4 + [200]
    for one in found[:4]:
        assert isinstance(one, Postponed)
        assert one.until == NOW + dt.timedelta(hours=1)
    assert memory.robots_at is None
    assert server.paths(1) == ["/robots.txt"]


def test_a_silent_host_is_left_alone(server: Loopback) -> None:
    server.seconds = 1.0
    found, _ = results(server, server.url(1, "/a"), server.url(1, "/b"), total_seconds=0.2)
    assert [code(one) for one in found] == [Reason.ROBOTS_UNREACHABLE] * 2
    assert server.paths(1) == ["/robots.txt"]


@pytest.mark.parametrize("status", [429, 503])
def test_a_host_too_busy_for_robots_txt_is_asked_when_it_says(server: Loopback, status: int) -> None:
    server.serve(1, "/robots.txt", text("", status=status, Retry_After="600"))
    found, memory = results(server, server.url(1, "/a"))
    until = NOW + dt.timedelta(minutes=10)
    assert isinstance(found[0], Postponed)
    assert found[0].until == memory.not_before == until
    assert (memory.robots_at, memory.refusals) == (None, status == 429)
    assert server.paths(1) == ["/robots.txt"]


def test_what_is_disallowed_is_never_asked_for(server: Loopback) -> None:
    robots = "User-agent: *\nAllow: /\n\nUser-agent: knipsel\nDisallow: /plus/"
    server.serve(1, "/robots.txt", text("\ufeff" + robots))
    found, memory = results(server, server.url(1, "/plus/a"), server.url(1, "/b"), server.url(1, "/plus/c?d"))
    assert [code(one) for one in found] == [Reason.ROBOTS_DISALLOWED, 200, Reason.ROBOTS_DISALLOWED]
    assert isinstance(found[0], Refused)
    assert server.paths(1) == ["/robots.txt", "/b"]
    assert (memory.robots, memory.robots_at) == (robots, NOW)


def test_it_is_kept_across_runs_until_it_is_old(server: Loopback) -> None:
    old = "User-agent: *\nDisallow: /a"
    server.serve(1, "/robots.txt", text("User-agent: *\nDisallow: /b"))
    urls = (server.url(1, "/a"), server.url(1, "/b"))
    fresh = HostMemory(robots=old, robots_at=NOW - dt.timedelta(hours=23))
    found, memory = results(server, *urls, memory=fresh)
    assert [code(one) for one in found] == [Reason.ROBOTS_DISALLOWED, 200]
    assert (memory.robots, memory.robots_at) == (old, fresh.robots_at)
    assert server.paths(1) == ["/b"]

    for asked_at in (NOW - dt.timedelta(hours=24), NOW + dt.timedelta(hours=1)):
        found, memory = results(server, *urls, memory=HostMemory(robots=old, robots_at=asked_at))
        assert [code(one) for one in found] == [200, Reason.ROBOTS_DISALLOWED]
        assert (memory.robots, memory.robots_at) == ("User-agent: *\nDisallow: /b", NOW)


def test_crawl_delay_is_kept_to_where_it_is_longer(server: Loopback) -> None:
    server.serve(1, "/robots.txt", text("User-agent: *\nCrawl-delay: 0.3"))
    server.serve(2, "/robots.txt", text("User-agent: *\nCrawl-delay: 0.01"))
    found, _ = results(server, *(server.url(number, f"/{page}") for number in (1, 2) for page in range(3)))
    assert {code(one) for one in found} == {200}
    gaps = server.gaps()
    assert min(gaps[server.host(1)]) >= 0.296
    assert 0.046 <= min(gaps[server.host(2)]) < 0.3


def test_a_crawl_delay_that_is_too_long_puts_the_host_off(server: Loopback) -> None:
    server.serve(1, "/robots.txt", text("User-agent: *\nCrawl-delay: 1.5"))
    found, memory = results(server, server.url(1, "/a"), server.url(1, "/b"))
    for one in found:
        assert isinstance(one, Postponed)
        assert (one.until, one.reason) == (NOW + dt.timedelta(days=1), Reason.HOST_BUSY)
        assert "asks for 1.5 s" in one.message
    assert memory.robots_at == NOW
    assert server.paths(1) == ["/robots.txt"]


@pytest.mark.parametrize(("hops", "followed"), [(1, True), (5, True), (6, False)])
def test_redirects_are_followed_five_times(server: Loopback, hops: int, followed: bool) -> None:
    server.serve(1, "/robots.txt", moved(server.url(2, "/1"), 301))
    for hop in range(1, hops):
        server.serve(2, f"/{hop}", moved(f"/{hop + 1}"))
    server.serve(2, f"/{hops}", text("User-agent: *\nDisallow: /"))
    found, _ = results(server, server.url(1, "/a"))
    assert code(found[0]) == (Reason.ROBOTS_DISALLOWED if followed else 200)
    assert len(server.paths(2)) == min(hops, 5)
    assert min(gap for gaps in server.gaps().values() for gap in gaps or [1.0]) >= 0.046


def test_a_redirect_into_a_private_network_is_not_followed(server: Loopback) -> None:
    server.serve(1, "/robots.txt", moved(f"http://127.0.0.2:{server.port}/robots.txt"))
    found, _ = results(server, server.url(1, "/a"))
    assert code(found[0]) is Reason.ROBOTS_UNREACHABLE
    assert server.paths(1) == ["/robots.txt"]


def test_a_fault_of_the_host_itself_is_told_as_what_it_is(server: Loopback) -> None:
    urls = [f"http://127.0.0.2:{server.port}/a", "http://127.0.1.1:81/a", f"https://{server.host(3)}/a"]
    found, _ = results(server, *urls)
    assert [code(one) for one in found] == [Reason.SSRF_BLOCKED, Reason.SSRF_BLOCKED, Reason.TLS]
    assert all(isinstance(one, Refused) for one in found)
    assert not server.log


def test_a_long_robots_txt_is_read_as_far_as_it_is_read(server: Loopback) -> None:
    rules = "User-agent: *\nDisallow: /a\n"
    server.serve(1, "/robots.txt", text(rules + "# filling\n" * 100_000 + "Disallow: /b\n"))
    server.serve(2, "/robots.txt", text(rules + "# filling\n" * 600_000))
    found, memory = results(server, server.url(1, "/a"), server.url(1, "/b"), server.url(2, "/b"))
    assert [code(one) for one in found] == [Reason.ROBOTS_DISALLOWED, 200, Reason.ROBOTS_UNREACHABLE]
    assert memory.robots is not None
    assert len(memory.robots) <= 512_000
