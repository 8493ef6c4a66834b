"""Fetching politely from a real server on loopback: in what order and at what pace, and how it ends."""

from __future__ import annotations

import asyncio
import datetime as dt
import gc
import itertools
import socket
import threading
import time
from collections import Counter

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

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
    policy,
    wanted,
)
from transforms.fetching import fetcher as fetcher_module
from transforms.fetching.errands import Result
from transforms.fetching.fetcher import Fetcher

# Order and delay


def test_hosts_are_asked_side_by_side_and_each_in_its_own_time(server: Loopback) -> None:
    server.seconds = 0.02
    asked = [wanted(server.url(number, f"/{page}")) for page in range(5) for number in range(1, 7)]
    begun = time.monotonic()
    with fetcher(server) as fetching:
        found = fetch_all(fetching, asked)
    spent = time.monotonic() - begun

    assert set(found) == {one.url for one in asked}
    assert all(isinstance(one, Fetched) and one.body == b"ok" for one in found.values())
    gaps = server.gaps()
    assert len(gaps) == 6
    assert min(itertools.chain(*gaps.values())) >= DELAY - TOLERANCE
    assert Counter(seen.path for seen in server.log) == {"/robots.txt": 6, **{f"/{page}": 6 for page in range(5)}}
    assert spent < 6 * (5 * (0.02 + DELAY) + 0.02) / 2


def test_results_come_in_the_order_in_which_they_are_done(server: Loopback) -> None:
    slow = [server.url(1, f"/{page}") for page in range(3)]
    quick = server.url(2, "/quick")
    with fetcher(server) as fetching:
        flow = fetching.flow(in_flight=8)
        found = [context for url in [*slow, quick] for context, _ in flow.put(wanted(url), url)]
        found += [context for context, _ in flow.drain()]

    assert [url for url in found if url != quick] == slow
    assert found[-1] == slow[-1]


def test_the_delay_counts_from_the_run_before(server: Loopback) -> None:
    memory = HostMemory(robots_at=NOW, asked_at=NOW - dt.timedelta(seconds=0.1))
    begun = time.monotonic()
    with fetcher(server, {server.host(1): memory}, delay_seconds=0.4) as fetching:
        assert code(fetch(fetching, wanted(server.url(1, "/a")))) == 200
        assert server.log[0].start - begun >= 0.3 - TOLERANCE
        learned = fetching.learned()
        assert fetching.learned() == {}

    asked_at = learned[server.host(1)].asked_at
    assert asked_at is not None
    assert asked_at > NOW


def test_a_host_is_the_same_with_a_dot_behind_its_name(server: Loopback) -> None:
    class Anywhere(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            return [ResolveResult(hostname=host, host="127.0.1.1", port=port, family=family, proto=0, flags=0)]

        async def close(self) -> None:
            return

    with Fetcher(policy(server.port), clock=frozen, resolver=Anywhere()) as fetching:
        urls = [f"http://paper.example{dot}:{server.port}/{dot}" for dot in ("", ".")]
        found = fetch_all(fetching, [wanted(url) for url in urls])
        assert list(fetching.learned()) == [f"paper.example:{server.port}"]

    assert {code(one) for one in found.values()} == {200}
    assert [seen.path for seen in server.log] == ["/robots.txt", "/", "/."]


# Two flows


def test_a_flow_does_not_wait_for_another_whose_results_nobody_takes(server: Loopback) -> None:
    with fetcher(server) as fetching:
        pages = fetching.flow(in_flight=1)
        for number in (1, 2, 3):
            for page in range(4):
                assert list(pages.put(wanted(server.url(number, f"/page/{page}")))) == [] or page
        time.sleep(0.3)
        begun = time.monotonic()
        feeds = fetch_all(
            fetching, [wanted(server.url(number, f"/feed/{n}")) for number in (1, 2, 3, 4) for n in (1, 2)]
        )
        spent = time.monotonic() - begun

        assert {code(one) for one in feeds.values()} == {200}
        assert spent < 1.5
        assert sum(seen.path.startswith("/page/") for seen in server.log) <= 2
        assert len(list(pages.drain())) <= 12
    assert sum(seen.path.startswith("/page/") for seen in server.log) == 12
    assert min(itertools.chain(*server.gaps().values())) >= DELAY - TOLERANCE


def test_two_flows_take_turns_at_a_host_from_two_threads(server: Loopback) -> None:
    found: list[Result] = []

    def work(name: str) -> None:
        asked = [wanted(server.url(1, f"/{name}/{page}")) for page in range(6)]
        found.extend(fetch_all(fetching, asked).values())

    with fetcher(server) as fetching:
        threads = [threading.Thread(target=work, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert [code(one) for one in found] == [200] * 12
    assert min(server.gaps()[server.host(1)]) >= DELAY - TOLERANCE
    assert server.paths(1).count("/robots.txt") == 1
    names = [path[1] for path in server.paths(1)[1:]]
    assert "".join(names[2:-2]) in {"abababab", "babababa"}


def test_a_page_that_gets_its_slot_while_the_host_is_busy_waits_on(server: Loopback) -> None:
    known = {server.host(number): HostMemory(robots_at=NOW) for number in (1, 2)}
    with fetcher(server, known) as fetching:
        pages = fetching.flow(in_flight=1)
        pages.put(wanted(server.url(2, "/page")))
        while not server.asked(2, "/page"):
            time.sleep(0.01)
        pages.put(wanted(server.url(1, "/page")))
        server.seconds = 0.4
        feeds = fetching.flow(in_flight=1)
        feeds.put(wanted(server.url(1, "/feed")))
        while not server.asked(1, "/feed"):
            time.sleep(0.01)
        assert len(list(pages.drain())) == 2
        assert len(list(feeds.drain())) == 1
    assert server.paths(1) == ["/feed", "/page"]
    assert min(server.gaps()[server.host(1)]) >= DELAY - TOLERANCE


def test_no_more_bodies_come_than_there_are_slots(server: Loopback) -> None:
    with fetcher(server, delay_seconds=0.0) as fetching:
        flow = fetching.flow(in_flight=3)
        for number in range(1, 7):
            flow.put(wanted(server.url(number, "/page")))
        time.sleep(0.4)
        assert sum(seen.path == "/page" for seen in server.log) == 3
        assert len(list(flow.drain())) == 6


def test_a_caller_that_puts_in_too_much_waits(server: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher_module, "_MOST_OPEN", 5)
    with fetcher(server, delay_seconds=0.01) as fetching:
        flow = fetching.flow(in_flight=2)
        found = [pair for page in range(20) for pair in flow.put(wanted(server.url(1, f"/{page}")))]
        assert len(found) >= 15
        assert len(found) + len(list(flow.drain())) == 20


# Deadline and end


def test_what_has_not_begun_by_the_deadline_is_put_off(server: Loopback) -> None:
    asked = [wanted(server.url(number, f"/{page}")) for page in range(20) for number in (1, 2)]
    begun = time.monotonic()
    with fetcher(server, delay_seconds=0.1) as fetching:
        flow = fetching.flow(in_flight=8, seconds=0.55)
        found = [result for one in asked for _, result in flow.put(one)]
        found += [result for _, result in flow.drain()]
        spent = time.monotonic() - begun
        late = fetching.flow(in_flight=8, seconds=0.0)
        assert [result for _, result in [*late.put(wanted(server.url(3))), *late.drain()]] == found[-1:]

    assert 0.5 < spent < 1.0
    assert len(found) == 40
    came = [one for one in found if isinstance(one, Fetched)]
    assert 4 <= len(came) <= 12
    postponed = Postponed(None, Reason.HOST_BUSY, "its turn did not come in this run")
    assert [one for one in found if not isinstance(one, Fetched)] == [postponed] * (40 - len(came))
    assert len(server.log) == len(came) + 2


def test_who_winds_down_brings_to_its_end_what_has_begun_and_begins_nothing(server: Loopback) -> None:
    server.seconds = 0.3
    with fetcher(server, delay_seconds=0.0) as fetching:
        flow = fetching.flow(in_flight=8)
        for page in range(5):
            flow.put(wanted(server.url(1, f"/{page}")))
        # The first request is for robots.txt.
        while len(server.log) < 2:
            time.sleep(0.01)
        fetching.wind_down()
        found = [result for _, result in flow.drain()]
        later = fetching.flow(in_flight=8)
        found += [result for _, result in [*later.put(wanted(server.url(2))), *later.drain()]]
    assert sorted(type(one).__name__ for one in found) == ["Fetched", *["Postponed"] * 5]
    assert len(server.log) == 2


def test_close_breaks_off_what_is_under_way_and_leaves_nothing(server: Loopback) -> None:
    before = set(threading.enumerate())
    server.seconds = 30.0
    fetching = fetcher(server, total_seconds=60.0)
    flow = fetching.flow(in_flight=8)
    for number in range(1, 7):
        for page in range(10):
            flow.put(wanted(server.url(number, f"/{page}")), page)
    found: list[Result] = []
    waiting = threading.Thread(target=lambda: found.extend(result for _, result in flow.drain()))
    waiting.start()
    while len(server.log) < 6:
        time.sleep(0.01)
    begun = time.monotonic()
    fetching.close()
    waiting.join()

    assert time.monotonic() - begun < 1.0
    assert {type(one) for one in found} == {Postponed}
    assert len(found) == 60
    assert {type(one) for _, one in [*flow.put(wanted(server.url(1))), *flow.drain()]} == {Postponed}
    assert list(fetching.flow(in_flight=1).put(wanted(server.url(1)), "x")) == [("x", found[0])]
    fetching.close()
    assert set(threading.enumerate()) - before <= {waiting}
    gc.collect()


def test_close_does_not_wait_for_a_name_that_hangs() -> None:
    class Hanging(AbstractResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            await asyncio.get_running_loop().run_in_executor(None, over.wait, 30.0)
            return []

        async def close(self) -> None:
            return

    over = threading.Event()
    before = set(threading.enumerate())
    fetching = Fetcher(policy(80, connect_seconds=20.0, total_seconds=20.0), clock=frozen, resolver=Hanging())
    flow = fetching.flow(in_flight=1)
    flow.put(wanted("http://paper.example/"))
    while not any(thread.name.startswith("resolve") for thread in threading.enumerate()):
        time.sleep(0.01)
    begun = time.monotonic()
    fetching.close()
    assert time.monotonic() - begun < 2.0
    assert [code(result) for _, result in flow.drain()] == [Reason.HOST_BUSY]
    over.set()
    for thread in set(threading.enumerate()) - before:
        thread.join()


def test_a_fetcher_ends_with_the_last_that_refers_to_it(server: Loopback) -> None:
    before = set(threading.enumerate())
    fetching = fetcher(server)
    flow = fetching.flow(in_flight=8)
    found = list(flow.put(wanted(server.url(1))))
    del fetching
    gc.collect()
    assert len(found + list(flow.drain())) == 1
    del flow
    gc.collect()
    assert set(threading.enumerate()) == before


def test_an_error_that_nobody_expects_concerns_one_request_alone(server: Loopback) -> None:
    broken = wanted(server.url(1, "/a"), headers=(("X-Key", "in two\r\nlines"),))
    with fetcher(server) as fetching:
        found = fetch_all(fetching, [broken, wanted(server.url(1, "/b"))])

    result = found[broken.url]
    assert isinstance(result, Refused)
    assert result.reason is Reason.STAGE_ERROR
    assert result.message.startswith("ValueError: ")
    assert code(found[server.url(1, "/b")]) == 200


def test_settings_that_cannot_be_are_an_error_of_the_caller() -> None:
    before = set(threading.enumerate())
    with pytest.raises(ValueError, match="nowhere"):
        Fetcher(policy(80, allow_private=("nowhere",)), clock=frozen)
    assert set(threading.enumerate()) == before
