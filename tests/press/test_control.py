from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import feedparser
import pytest

from pipeline.settings import load
from tests.conftest import REPOSITORY
from tests.press import START, Fault, Format, Kind, Press, PressError, Request, Validators
from tests.press.asking import feed, get, validators
from tests.press.log import closest_gap, conditional_share, parallel


@pytest.fixture
def small() -> Iterator[Press]:
    with Press(3, stories=8, latency_seconds=0.0) as started:
        yield started


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
    bare = get(feed(outlet))[2]
    links = [a.link.encode() for a in small.truth() if a.outlet == outlet.id]
    assert outlet.origin.encode() in bare
    assert [link in whole for link in links] == [True] * 8
    assert [link in bare for link in links] == [False] * 8
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


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.press.server",
        "--outlets=2",
        "--stories=3",
        f"--config={tmp_path / 'new'}",
    ]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        assert server.stderr.readline() == f"# knipsel run --root out --config {tmp_path / 'new' / 'knipsel.toml'}\n"
        config = load(tmp_path / "new" / "knipsel.toml")
        assert [get(feed.url)[0] in (200, 301) for feed in config.feeds] == [True, True]
        server.send_signal(signal.SIGINT)
        printed, complaints = server.communicate()
    assert (server.returncode, complaints) == (0, "")
    assert printed.strip() == (tmp_path / "new" / "feeds.toml").read_text().strip()
