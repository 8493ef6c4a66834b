"""What becomes of an answer: statuses, hosts that ask to be left alone, redirects."""

from __future__ import annotations

import datetime as dt
import itertools
import socket
from contextlib import closing
from random import Random

import pytest
from aiohttp import web

from schemas.feed import Fetched, HostMemory, Postponed
from schemas.reject import Reason, Refused
from tests.transforms.fetching.loopback import (
    DELAY,
    NOW,
    TOLERANCE,
    Loopback,
    code,
    fetch,
    fetch_all,
    fetcher,
    frozen,
    moved,
    policy,
    text,
    wanted,
)
from transforms.core.retrying import backoff_seconds
from transforms.fetching.clock import RunClock
from transforms.fetching.fetcher import Fetcher
from transforms.fetching.hops import headers_for

# Statuses and retries


@pytest.mark.parametrize(
    ("pages", "expected", "requests"),
    [
        ([text("ok")], 200, 1),
        ([text("", status=404)], Reason.HTTP_STATUS, 1),
        ([text("", status=206)], Reason.HTTP_STATUS, 1),
        ([text("", status=500), text("ok")], 200, 2),
        ([text("", status=500)], Reason.SERVER_ERROR, 3),
        ([text("", status=408), None, text("ok")], 200, 3),
        ([text("", status=503)], Reason.HOST_BUSY, 3),
        ([None], Reason.UNREACHABLE, 3),
        ([text("", status=304)], Reason.HTTP_PROTOCOL, 1),
        ([text("x" * 1_000_001)], Reason.TOO_LARGE, 1),
    ],
)
def test_what_may_be_over_soon_is_tried_again(
    server: Loopback, pages: list[web.Response | None], expected: Reason | int, requests: int
) -> None:
    url = server.serve(1, "/page", *pages)
    with fetcher(server) as fetching:
        result = fetch(fetching, wanted(url))

    assert code(result) == expected
    assert len(server.asked(1, "/page")) == requests
    assert min(server.gaps()[server.host(1)]) >= DELAY - TOLERANCE


def test_a_timeout_is_not_tried_again(server: Loopback) -> None:
    with fetcher(server, {server.host(1): HostMemory(robots_at=NOW)}, total_seconds=0.2) as fetching:
        server.seconds = 1.0
        assert code(fetch(fetching, wanted(server.url(1, "/slow")))) is Reason.TIMEOUT
    assert len(server.log) == 1


def test_a_wait_behind_a_failure_is_random_and_told_by_the_seed(server: Loopback) -> None:
    server.serve(1, "/page", text("", status=500))
    memory = {server.host(1): HostMemory(robots_at=NOW)}
    with Fetcher(policy(server.port, retries=4), clock=RunClock(NOW), hosts=memory, seed=7) as fetching:
        fetch(fetching, wanted(server.url(1, "/page")))

    rng = Random(f"7/{server.host(1)}")
    waits = [backoff_seconds(tries, base_seconds=DELAY, longest_seconds=2.0, rng=rng) for tries in (1, 2, 3, 4)]
    gaps = server.gaps()[server.host(1)]
    assert len(gaps) == 4
    assert all(gap >= DELAY + wait - TOLERANCE for gap, wait in zip(gaps, waits, strict=True))
    assert sum(gaps) < sum(waits) + 4 * DELAY + 0.5


def test_validators_are_sent_exactly_and_304_answers_them(server: Loopback) -> None:
    url = server.serve(1, "/feed", text("", status=304, ETag="W/odd"))
    with fetcher(server) as fetching:
        result = fetch(
            fetching, wanted(url, etag='unquoted "odd', last_modified="Yesterday", headers=(("X-Key", "1"),))
        )

    assert isinstance(result, Fetched)
    assert (result.status, result.body, result.header("etag")) == (304, b"", "W/odd")
    sent = server.asked(1, "/feed")[0].headers
    assert (sent["If-None-Match"], sent["If-Modified-Since"]) == ('unquoted "odd', "Yesterday")
    assert (sent["X-Key"], sent["Accept"], sent["User-Agent"]) == ("1", "text/html", policy(1).user_agent)
    assert "X-Key" not in server.asked(1, "/robots.txt")[0].headers


# A host that asks to be left alone


@pytest.mark.parametrize("status", [429, 503])
def test_a_short_retry_after_is_waited_for(server: Loopback, status: int) -> None:
    url = server.serve(1, "/page", text("", status=status, Retry_After="1"), text("ok"))
    with fetcher(server) as fetching:
        found = fetch_all(fetching, [wanted(url), wanted(server.url(1, "/other")), wanted(server.url(2, "/other"))])
        memory = fetching.learned()[server.host(1)]

    assert {code(one) for one in found.values()} == {200}
    first, second = server.asked(1, "/page")
    assert second.start - first.end >= 1.0 - TOLERANCE
    assert server.asked(1, "/other")[0].start - first.end >= 1.0 - TOLERANCE
    assert server.asked(2, "/other")[0].start - first.end < 0.5
    assert memory.not_before is not None
    assert dt.timedelta(seconds=1) <= memory.not_before - NOW < dt.timedelta(seconds=2)


@pytest.mark.parametrize("stated", ["3600", "Fri, 20 Nov 2026 03:30:00 GMT"])
def test_behind_a_long_retry_after_all_of_the_host_is_put_off(server: Loopback, stated: str) -> None:
    server.serve(1, "/0", text("", status=429, Retry_After=stated))
    with Fetcher(policy(server.port), clock=frozen) as fetching:
        found = fetch_all(fetching, [wanted(server.url(1, f"/{page}")) for page in range(5)])
        again = fetch(fetching, wanted(server.url(1, "/again")))
        memory = fetching.learned()[server.host(1)]

    until = NOW + dt.timedelta(hours=1)
    for result in [*found.values(), again]:
        assert isinstance(result, Postponed)
        assert (result.until, result.reason) == (until, Reason.HOST_BUSY)
    assert server.paths(1) == ["/robots.txt", "/0"]
    assert (memory.not_before, memory.refusals) == (until, 1)

    with Fetcher(policy(server.port), clock=frozen, hosts={server.host(1): memory}) as fetching:
        assert fetch(fetching, wanted(server.url(1, "/next-run"))) == again
    with Fetcher(policy(server.port), clock=lambda: until, hosts={server.host(1): memory}) as fetching:
        assert code(fetch(fetching, wanted(server.url(1, "/later")))) == 200
    assert server.paths(1) == ["/robots.txt", "/0", "/later"]


def test_a_retry_after_is_cut_to_the_longest(server: Loopback) -> None:
    url = server.serve(1, "/page", text("", status=503, Retry_After="9" * 50))
    with Fetcher(policy(server.port), clock=frozen) as fetching:
        result = fetch(fetching, wanted(url))
    assert isinstance(result, Postponed)
    assert result.until == NOW + dt.timedelta(days=1)


def test_a_wait_that_is_asked_for_is_none_of_the_tries(server: Loopback) -> None:
    url = server.serve(1, "/page", text("", status=503, Retry_After="3600"))
    with Fetcher(policy(server.port, retries=0), clock=frozen) as fetching:
        assert isinstance(fetch(fetching, wanted(url)), Postponed)


def test_a_429_without_retry_after_makes_the_host_wait(server: Loopback) -> None:
    url = server.serve(1, "/page", text("", status=429), text("ok"))
    with fetcher(server) as fetching:
        assert code(fetch(fetching, wanted(url))) == 200
    first, second = server.asked(1, "/page")
    assert second.start - first.end >= 0.3 - TOLERANCE


def test_a_host_that_is_always_busy_is_given_up(server: Loopback) -> None:
    url = server.serve(1, "/page", text("", status=429, Retry_After="0"))
    with fetcher(server) as fetching:
        result = fetch(fetching, wanted(url))
        memory = fetching.learned()[server.host(1)]
    assert code(result) is Reason.HOST_BUSY
    assert isinstance(result, Refused)
    assert memory.refusals == 3


def test_refusals_are_counted_until_a_good_answer(server: Loopback) -> None:
    server.serve(1, "/forbidden", text("", status=403))
    server.serve(1, "/gone", text("", status=404))
    memory = {server.host(1): HostMemory(refusals=4, refused_since=NOW - dt.timedelta(days=3))}
    server.serve(1, "/robots.txt", text(""))
    with Fetcher(policy(server.port), clock=frozen, hosts=memory) as fetching:
        fetch(fetching, wanted(server.url(1, "/forbidden")))
        fetch(fetching, wanted(server.url(1, "/gone")))
        learned = fetching.learned()[server.host(1)]
        assert (learned.refusals, learned.refused_since) == (5, NOW - dt.timedelta(days=3))
        fetch(fetching, wanted(server.url(1, "/good")))
        learned = fetching.learned()[server.host(1)]
        assert (learned.refusals, learned.refused_since) == (0, None)
        fetch(fetching, wanted(server.url(1, "/forbidden")))
        learned = fetching.learned()[server.host(1)]
        assert (learned.refusals, learned.refused_since) == (1, NOW)


def test_no_connection_is_a_refusal() -> None:
    with closing(socket.create_server(("127.0.1.1", 0))) as taken:
        port = taken.getsockname()[1]
    with Fetcher(policy(port), clock=frozen) as fetching:
        found = fetch_all(fetching, [wanted(f"http://127.0.1.1:{port}/{page}") for page in range(3)])
        memory = fetching.learned()[f"127.0.1.1:{port}"]
    assert {code(one) for one in found.values()} == {Reason.ROBOTS_UNREACHABLE}
    assert all(isinstance(one, Postponed) for one in found.values())
    assert memory == HostMemory(refusals=1, refused_since=NOW, asked_at=NOW)


# Redirects


def test_redirects_are_followed_across_hosts_at_the_pace_of_each(server: Loopback) -> None:
    asked = []
    for page in range(4):
        server.serve(1, f"/{page}", moved(f"/b/{page}", 301))
        server.serve(1, f"/b/{page}", moved(server.url(2, f"/c/{page}"), 307))
        asked.append(wanted(server.url(1, f"/{page}#top"), etag='"1"', headers=(("X-Key", "1"),)))
    with fetcher(server) as fetching:
        found = fetch_all(fetching, asked)

    for page, one in enumerate(found.values()):
        assert isinstance(one, Fetched)
        assert one.url == server.url(2, f"/c/{page}")
    assert min(itertools.chain(*server.gaps().values())) >= DELAY - TOLERANCE
    assert all("X-Key" in seen.headers for seen in server.log if seen.path[:3] in {"/0", "/b/"})
    away = [seen for seen in server.log if seen.host == server.host(2)]
    assert len(away) == 5
    assert not any({"X-Key", "If-None-Match", "Authorization"} & set(seen.headers) for seen in away)


def test_what_has_begun_is_brought_to_its_end_before_the_next(server: Loopback) -> None:
    server.serve(1, "/a", moved("/b"))
    server.serve(1, "/b", text("", status=500), text("ok"))
    with fetcher(server) as fetching:
        fetch_all(fetching, [wanted(server.url(1, path)) for path in ("/a", "/c", "/d")])
    assert server.paths(1) == ["/robots.txt", "/a", "/b", "/b", "/c", "/d"]


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://paper.example/b", True),
        ("https://paper.example:8443/b", False),
        ("https://www.paper.example/b", False),
        ("http://paper.example/b", False),
    ],
)
def test_what_may_be_secret_goes_to_its_own_host_alone_and_encrypted(url: str, sent: bool) -> None:
    one = wanted("https://paper.example/a", etag="e", last_modified="m", headers=(("X-Key", "1"),))
    own = [("If-None-Match", "e"), ("If-Modified-Since", "m"), ("X-Key", "1")]
    assert headers_for(url, one, first=one.url) == [("Accept", "text/html"), *(own if sent else [])]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("/page", Reason.HTTP_PROTOCOL),
        ("", Reason.HTTP_PROTOCOL),
        ("javascript:alert(1)", Reason.BAD_SCHEME),
        ("file:///etc/passwd", Reason.BAD_SCHEME),
        ("http://[::1", Reason.BAD_URL),
        ("http://name:word@127.0.1.2/", Reason.BAD_URL),
        ("http://127.0.0.2/", Reason.SSRF_BLOCKED),
        ("http://169.254.1.1/", Reason.SSRF_BLOCKED),
    ],
)
def test_a_redirect_that_cannot_be_followed(server: Loopback, to: str, expected: Reason) -> None:
    url = server.serve(1, "/page", moved(to))
    with fetcher(server, ports=(server.port, 80)) as fetching:
        assert code(fetch(fetching, wanted(url))) == expected
    assert server.paths(1) == ["/robots.txt", "/page"]


def test_a_redirect_with_blanks_and_letters_of_any_language(server: Loopback) -> None:
    url = server.serve(1, "/page", moved("/een dag/ñandú?q=ä"))
    server.serve(1, "/een%20dag/%C3%B1and%C3%BA?q=%C3%A4", text("found"))
    with fetcher(server) as fetching:
        result = fetch(fetching, wanted(url))
    assert isinstance(result, Fetched)
    assert result.url == server.url(1, "/een%20dag/%C3%B1and%C3%BA?q=%C3%A4")
    assert result.url.isascii()


@pytest.mark.parametrize(("hops", "expected"), [(5, 200), (6, Reason.HTTP_PROTOCOL)])
def test_so_many_redirects_and_no_more(server: Loopback, hops: int, expected: Reason | int) -> None:
    for hop in range(hops):
        server.serve(1, f"/{hop}", moved(f"/{hop + 1}"))
    with fetcher(server) as fetching:
        assert code(fetch(fetching, wanted(server.url(1, "/0")))) == expected
    assert len(server.log) == 7


def test_a_ring_of_redirects(server: Loopback) -> None:
    server.serve(1, "/a", moved(server.url(2, "/b")))
    server.serve(2, "/b", moved(server.url(1, "/a#again")))
    with fetcher(server) as fetching:
        result = fetch(fetching, wanted(server.url(1, "/a")))
    assert isinstance(result, Refused)
    assert (result.reason, result.message) == (Reason.HTTP_PROTOCOL, "the redirects go round in a circle")


def test_the_target_of_a_redirect_must_be_listed_and_allowed(server: Loopback) -> None:
    server.serve(2, "/robots.txt", text("User-agent: knipsel\nDisallow: /private/"))
    server.serve(1, "/a", moved(server.url(2, "/private/page")))
    server.serve(1, "/b", moved(server.url(3, "/page")))
    with fetcher(server) as fetching:
        listed = ("127.0.1.1", "127.0.1.2")
        assert code(fetch(fetching, wanted(server.url(1, "/a"), hosts=listed))) is Reason.ROBOTS_DISALLOWED
        assert code(fetch(fetching, wanted(server.url(1, "/b"), hosts=listed))) is Reason.HOST_NOT_LISTED
        assert code(fetch(fetching, wanted(server.url(3, "/page"), hosts=listed))) is Reason.HOST_NOT_LISTED
        assert code(fetch(fetching, wanted(server.url(4, "/page"), hosts=("1.4",)))) == 200
    assert server.paths(2) == ["/robots.txt"]
    assert server.paths(3) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [("ftp://127.0.1.1/", Reason.BAD_SCHEME), ("http://", Reason.BAD_URL), ("http://a:b@127.0.1.1/", Reason.BAD_URL)],
)
def test_an_address_that_cannot_be_asked_for(server: Loopback, url: str, expected: Reason) -> None:
    with fetcher(server) as fetching:
        assert code(fetch(fetching, wanted(url))) is expected
    assert not server.log


def test_a_redirect_holds_up_nothing_else_of_the_host_it_leads_from(server: Loopback) -> None:
    server.serve(2, "/robots.txt", text("User-agent: *\nCrawl-delay: 0.8"))
    server.serve(1, "/away", moved(server.url(2, "/page")))
    asked = [wanted(server.url(1, path)) for path in ("/away", "/a", "/b", "/c")]
    with fetcher(server) as fetching:
        flow = fetching.flow(in_flight=1)
        for one in asked:
            flow.put(one, one.url)
        done = [context for context, _ in flow.drain()]
    assert done == [server.url(1, path) for path in ("/a", "/b", "/c", "/away")]
