from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.feed import FeedMemory, HostMemory, NoticeCode, Poll, PollResult
from transforms.core.polling import PollPolicy, is_due, refusal, remembered, validators

URL = "https://zuidkade.example/rss"
NOW = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
NOTHING = FeedMemory()
POLICY = PollPolicy(poll_seconds=3_600, full_poll_seconds=86_400, feed_failures=30)


def marks(*numbers: int, edition: int = 0) -> tuple[str, ...]:
    return tuple(f"{number:016x}{edition:016x}" for number in numbers)


def full(*numbers: int, **said: object) -> Poll:
    return Poll(URL, PollResult.FULL, marks=marks(*numbers), **said)  # type: ignore[arg-type]  # of one type each


def codes(memory: FeedMemory) -> list[NoticeCode]:
    return [notice.code for notice in memory.notices]


SAME = Poll(URL, PollResult.SAME)
FAILED = Poll(URL, PollResult.FAILED, message="the server answered with status 500")


def after(*polls: tuple[dt.datetime, Poll], memory: FeedMemory = NOTHING) -> FeedMemory:
    for now, poll in polls:
        memory = remembered(memory, poll, POLICY, now=now)
    return memory


def test_a_feed_is_asked_once_an_hour_and_a_little_early_is_in_time() -> None:
    memory = after((NOW, full(1)))
    assert is_due(FeedMemory(), POLICY, now=NOW)
    assert not is_due(memory, POLICY, now=NOW + dt.timedelta(minutes=50))
    assert is_due(memory, POLICY, now=NOW + dt.timedelta(minutes=58))
    nightly = remembered(FeedMemory(), full(1), POLICY, now=NOW + dt.timedelta(seconds=40), interval_seconds=86_400)
    assert is_due(nightly, POLICY, now=NOW + DAY), "a run that begins sooner than yesterday's must not wait a day"


def test_validators_go_back_exactly_as_they_came() -> None:
    odd = after((NOW, full(1, etag="W/odd", last_modified="yesterday")))
    assert validators(odd, POLICY, now=NOW + HOUR) == ("W/odd", "yesterday")
    both_new = after((NOW + HOUR, replace(SAME, etag='"b"', last_modified="today")), memory=odd)
    assert validators(both_new, POLICY, now=NOW + 2 * HOUR) == ('"b"', "today")
    neither = after((NOW + HOUR, SAME), memory=odd)
    assert validators(neither, POLICY, now=NOW + 2 * HOUR) == ("W/odd", "yesterday")
    dropped = after((NOW + HOUR, full(2)), memory=odd)
    assert validators(dropped, POLICY, now=NOW + 2 * HOUR) == (None, None)


def test_a_stale_validator_is_found_out_after_a_day() -> None:
    memory = after((NOW, full(1, etag="a")))
    assert validators(memory, POLICY, now=NOW + DAY) == ("a", None), "nobody has called it unchanged yet"
    memory = after((NOW + 23 * HOUR, SAME), memory=memory)
    assert validators(memory, POLICY, now=NOW + 23 * HOUR) == ("a", None)
    assert validators(memory, POLICY, now=NOW + DAY) == (None, None)
    assert validators(after((NOW + DAY, full(1, etag="a")), memory=memory), POLICY, now=NOW + 2 * DAY) == ("a", None)


def test_failures_are_asked_about_less_and_less_until_nobody_asks() -> None:
    memory, at, waits = after((NOW, full(1))), NOW, []
    for _ in range(POLICY.feed_failures):
        memory = remembered(memory, FAILED, POLICY, now=at)
        waits.append((memory.next_at or at) - at)
        at = memory.next_at or at
    assert waits[:3] == [dt.timedelta(minutes=57) * 2**n for n in range(3)]
    assert max(waits) <= DAY
    assert memory.marks == marks(1), "what was seen is known for the day that it works again"
    assert not is_due(memory, POLICY, now=at + 100 * DAY)
    assert is_due(memory, POLICY, now=at, asked=True)
    (notice,) = memory.notices
    assert (notice.code, notice.since) == (NoticeCode.FEED_DISABLED, NOW)
    assert f"knipsel run {URL}" in notice.message
    assert after((at, full(1)), memory=memory).failures == 0


def test_two_failures_are_chance_and_three_are_said() -> None:
    memory = after((NOW, FAILED), (NOW + HOUR, FAILED))
    assert codes(memory) == []
    memory = after((NOW + 2 * HOUR, FAILED), memory=memory)
    assert [(n.code, n.since, "status 500" in n.message) for n in memory.notices] == [
        (NoticeCode.FEED_FAILING, NOW, True)
    ]


def test_what_a_host_puts_off_is_no_failure() -> None:
    until = NOW + 3 * HOUR
    memory = after((NOW, Poll(URL, PollResult.LATER, message="status 429", until=until)))
    assert (memory.failures, codes(memory)) == (0, [NoticeCode.FEED_DEFERRED])
    assert not is_due(memory, POLICY, now=until - HOUR)
    assert is_due(memory, POLICY, now=until)


def test_a_feed_whose_turn_did_not_come_is_as_it_was() -> None:
    memory = after((NOW, full(1)))
    assert after((NOW + DAY, Poll(URL, PollResult.LATER, message="its turn did not come")), memory=memory) == memory


def test_a_gap_is_when_nothing_is_shared_and_says_what_would_have_caught_it() -> None:
    memory = after((NOW, full(1, 2, 3)), (NOW + HOUR, full(3, 4, 5)))
    assert codes(memory) == []
    memory = after((NOW + DAY, full(7, 8, 9, span_seconds=4 * 3600.0)), memory=memory)
    (notice,) = memory.notices
    assert (notice.code, "interval_minutes = 120" in notice.message) == (NoticeCode.FEED_GAP, True)
    edited = after((NOW, full(1)), (NOW + HOUR, Poll(URL, PollResult.FULL, marks=marks(1, edition=2))))
    assert codes(edited) == [], "an edited entry is still the same entry"


def test_an_answer_without_entries_keeps_what_was_known() -> None:
    memory = after((NOW, full(1, 2)), (NOW + HOUR, full()))
    assert (codes(memory), memory.marks) == ([NoticeCode.FEED_EMPTY], marks(1, 2))
    assert codes(after((NOW + 2 * HOUR, full(2, 3)), memory=memory)) == []


def test_silence_is_measured_by_the_habit_of_the_feed() -> None:
    daily = after(*((NOW + n * DAY, full(n, n + 1)) for n in range(10)))
    assert codes(after((NOW + 13 * DAY, SAME), memory=daily)) == []
    memory = after((NOW + 15 * DAY, SAME), memory=daily)
    assert [(n.code, n.since) for n in memory.notices] == [(NoticeCode.FEED_SILENT, NOW + 9 * DAY)]
    weekly = after(*((NOW + n * 7 * DAY, full(n, n + 1)) for n in range(10)))
    assert codes(after((NOW + (63 + 20) * DAY, SAME), memory=weekly)) == []
    few = after(*((NOW + n * DAY, full(n, n + 1)) for n in range(3)))
    assert codes(after((NOW + 99 * DAY, SAME), memory=few)) == [], "three arrivals are no habit"


def test_what_goes_on_keeps_its_beginning() -> None:
    memory = after((NOW, full()), (NOW + HOUR, full()), (NOW + 2 * HOUR, full()))
    assert [notice.since for notice in memory.notices] == [NOW]


def test_entries_that_come_back_are_known_and_memory_is_bounded() -> None:
    memory = after((NOW, full(1, 2)), (NOW + HOUR, full(2, 3)), (NOW + 2 * HOUR, full(3, 1)))
    assert memory.marks == marks(3, 1, 2)
    for n in range(50):
        memory = after((NOW + n * HOUR, full(*range(n * 100, n * 100 + 100))), memory=memory)
    assert len(memory.marks) == 1_000
    assert len(after((NOW + 99 * DAY, full(*range(10_000, 16_000))), memory=memory).marks) == 7_000


@pytest.mark.parametrize(("refusals", "said"), [(0, False), (2, False), (3, True)])
def test_a_host_that_refuses(refusals: int, said: bool) -> None:
    notice = refusal("zuidkade.example", HostMemory(refusals=refusals, refused_since=NOW))
    assert (notice is not None) == said
    assert notice is None or (notice.code, notice.since) == (NoticeCode.HOST_REFUSES, NOW)


POLLS = st.one_of(
    st.builds(full, *[st.integers(0, 9)] * 3),
    st.sampled_from([SAME, FAILED, full(), Poll(URL, PollResult.LATER, until=NOW + DAY)]),
)


@given(st.lists(st.tuples(st.integers(1, 100), POLLS), max_size=40))
def test_whatever_comes_a_feed_is_asked_again_within_a_day_or_given_up_aloud(polls: list[tuple[int, Poll]]) -> None:
    memory, now = FeedMemory(), NOW
    for hours, poll in polls:
        now += hours * HOUR
        memory = remembered(memory, poll, POLICY, now=now)
        assert poll.result is PollResult.LATER or (memory.next_at or now) <= now + DAY
        assert set(poll.marks) <= set(memory.marks)
        if memory.failures >= POLICY.feed_failures:
            assert NoticeCode.FEED_DISABLED in codes(memory)
