from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest

from pipeline.feed_state import FeedState
from schemas.feed import FeedMemory, FeedSource, HostMemory, NoticeCode, PageRequest, Poll, PollResult
from schemas.record import Declared, Outlet
from transforms.core.polling import PollPolicy
from transforms.keep_books import Outcome

NOW = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
POLICY = PollPolicy(poll_seconds=3_600, full_poll_seconds=86_400, feed_failures=30)
URL = "https://zuidkade.example/rss"
FEED = FeedSource(URL, Outlet(source_id="zuidkade", feed_url=URL), headers=(("Authorization", "geheim"),))
PAGE = PageRequest(
    "https://zuidkade.example/1",
    f"{URL}#1",
    "1",
    replace(FEED.outlet, name="Zuidkadebode"),
    Declared(guid="1", title="Brug", keywords=("brug", "kade"), fetched_at=NOW),
    headers=FEED.headers,
    since=NOW,
)
MARK = "0123456789abcdef" * 2


def learned(state: FeedState, outcome: Outcome, *pages: PageRequest, now: dt.datetime = NOW) -> FeedState:
    return state.learned(outcome, [FEED], pages, POLICY, now=now)


def test_it_survives_being_written_but_for_what_is_secret() -> None:
    outcome = Outcome(
        polls=[Poll(URL, PollResult.FULL, etag='W/"é"', marks=(MARK,))],
        later=[PAGE],
        hosts={"zuidkade.example": HostMemory(robots="User-agent: *\nDisallow: /x\n", robots_at=NOW, asked_at=NOW)},
    )
    state = learned(FeedState(), outcome)
    written = json.dumps(state.as_json())
    assert "geheim" not in written
    back = FeedState.from_json(json.loads(written))
    assert back == replace(state, pages=(replace(PAGE, headers=()),))
    assert back.feeds[URL].marks == (MARK,)
    assert back.due([FEED], POLICY, now=NOW + HOUR)[1] == (PAGE,), "the headers are those of the settings"
    assert FeedState.from_json({"job": {}}) == FeedState()
    assert FeedState().as_json() == {}


@pytest.mark.parametrize("state", [{"feeds": 1}, {"feeds": {"u": {"failures": "x"}}}, {"pages": [{"url": 1}]}])
def test_what_it_did_not_write_it_does_not_read(state: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        FeedState.from_json(state)


def test_what_is_due_next_is_a_feed_or_a_page_that_was_put_off() -> None:
    assert FeedState().next_due([], POLICY, now=NOW) is None
    assert FeedState().next_due([FEED], POLICY, now=NOW) == NOW, "one that was never asked"
    state = learned(FeedState(), Outcome(polls=[Poll(URL, PollResult.FULL, marks=(MARK,))]))
    due = state.next_due([FEED], POLICY, now=NOW)
    assert due == state.feeds[URL].next_at
    assert due is not None
    assert due > NOW
    waiting = replace(state, pages=(replace(PAGE, not_before=NOW + dt.timedelta(minutes=5)),))
    assert waiting.next_due([FEED], POLICY, now=NOW) == NOW + dt.timedelta(minutes=5)
    assert waiting.next_due([], POLICY, now=NOW) is None, "of a feed that is not followed any more"
    given_up = replace(state, feeds={URL: replace(state.feeds[URL], failures=30)})
    assert given_up.next_due([FEED], POLICY, now=NOW) is None
    assert given_up.next_due([replace(FEED, asked=True)], POLICY, now=NOW) == due


def test_feeds_are_due_each_at_its_time_and_failures_only_by_name() -> None:
    state = learned(FeedState(), Outcome(polls=[Poll(URL, PollResult.FAILED, message="status 500")]))
    assert state.due([FEED], POLICY, now=NOW + 10 * dt.timedelta(minutes=1))[0] == ()
    assert state.due([replace(FEED, asked=True)], POLICY, now=NOW)[0] != ()
    assert [feed.memory.failures for feed in state.due([FEED], POLICY, now=NOW + HOUR)[0]] == [1]
    assert state.next_poll([FEED], POLICY) == NOW + dt.timedelta(minutes=57)
    assert FeedState().next_poll([FEED], POLICY) is None


def test_pages_wait_for_their_moment_and_for_the_feed_they_came_from() -> None:
    later = replace(PAGE, url="https://zuidkade.example/2", not_before=NOW + HOUR)
    state = learned(FeedState(), Outcome(later=[PAGE, later]))
    assert state.due([FEED], POLICY, now=NOW)[1] == (PAGE,)
    assert state.due([FEED], POLICY, now=NOW + HOUR)[1] == (PAGE, later)
    assert state.due([], POLICY, now=NOW + HOUR)[1] == ()
    done = learned(state, Outcome(later=[replace(later, failures=1)]), PAGE, later)
    assert done.pages == (replace(later, failures=1),)


def test_what_was_not_asked_for_months_is_forgotten() -> None:
    outcome = Outcome(
        polls=[Poll(URL, PollResult.FULL, marks=(MARK,))], hosts={"zuidkade.example": HostMemory(asked_at=NOW)}
    )
    state = learned(FeedState(), outcome)
    assert learned(state, Outcome(), now=NOW + 80 * DAY) == state
    assert learned(state, Outcome(), now=NOW + 91 * DAY) == FeedState()


def test_notices_are_those_of_the_feeds_and_of_all_hosts() -> None:
    hosts = {"weg.example": HostMemory(refusals=4, refused_since=NOW, asked_at=NOW)}
    state = learned(FeedState({URL: FeedMemory(marks=(MARK,))}), Outcome(hosts=hosts))
    state = learned(state, Outcome(polls=[Poll(URL, PollResult.FULL)]))
    assert [(n.code, n.about) for n in state.notices([FEED])] == [
        (NoticeCode.FEED_EMPTY, URL),
        (NoticeCode.HOST_REFUSES, "weg.example"),
    ]
    assert [n.code for n in state.notices([])] == [NoticeCode.HOST_REFUSES]
