"""What is tried again, how long a host is waited for, and that nothing a server writes breaks that."""

from __future__ import annotations

import datetime as dt
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.reject import Reason
from transforms.core.retrying import backoff_seconds, is_retried_fault, is_retried_status, retry_after

NOW = dt.datetime(2026, 11, 20, 6, 30, tzinfo=dt.UTC)
DAY = 86_400.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("000120", 120),
        ("1.5", 2),
        ("1.0", 1),
        ("1.", 1),
        ("86401", DAY),
        ("9" * 400, DAY),
        ("Fri, 20 Nov 2026 06:31:30 GMT", 90),
        ("Friday, 20-Nov-26 06:31:30 GMT", 90),
        ("Fri Nov 20 06:31:30 2026", 90),
        ("Fri, 20 Nov 2026 07:31:30 +0100", 90),
        ("Fri, 20 Nov 2026 06:31:30 -0000", 90),
        ("Fri, 20 Nov 2026 06:31:30", 90),
        ("Thu, 19 Nov 2026 06:31:30 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        (None, None),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("1e3", None),
        ("١٢", None),
        ("120 seconds", None),
        ("Fri, 99 Nov 2026 06:31:30 GMT", None),
    ],
)
def test_both_forms_of_retry_after(value: str | None, seconds: float | None) -> None:
    expected = None if seconds is None else NOW + dt.timedelta(seconds=seconds)
    assert retry_after(value, now=NOW, longest_seconds=DAY) == expected


@given(
    st.text()
    | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,6} [0-9:]{0,12}( [A-Z]{1,4}| [+-][0-9]{1,6})?")
    | st.from_regex(r"\s*[0-9]{1,200}\.?[0-9]*\s*"),
    st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(9990, 1, 1), timezones=st.just(dt.UTC)),
    st.floats(0, 1e7),
)
@example("Mon, 01 Jan 0001 00:00:00 +2359", NOW, DAY)
@example("Mon, 20 Nov 2026 06:31:30 +99999999999999999999", NOW, DAY)
def test_whatever_is_stated_gives_a_moment_within_the_bounds_or_none(
    value: str, now: dt.datetime, longest: float
) -> None:
    moment = retry_after(value, now=now, longest_seconds=longest)
    assert moment is None or now <= moment <= now + dt.timedelta(seconds=longest)
    assert moment == retry_after(value, now=now, longest_seconds=longest)


def test_which_statuses_and_faults_may_be_over_soon() -> None:
    assert [status for status in range(100, 700) if is_retried_status(status)] == [408, 429, *range(500, 600)]
    assert {reason for reason in Reason if is_retried_fault(reason)} == {Reason.UNREACHABLE, Reason.TRUNCATED}


@given(st.integers(1, 10_000), st.floats(0, 60), st.floats(0, 600), st.integers())
def test_a_wait_lies_between_nothing_and_a_bound_that_doubles(
    tries: int, base: float, longest: float, seed: int
) -> None:
    def wait() -> float:
        return backoff_seconds(tries, base_seconds=base, longest_seconds=longest, rng=Random(seed))

    assert 0.0 <= wait() <= min(longest, base * 2.0 ** min(tries, 60))
    assert wait() == wait()


def test_waits_use_all_of_their_bound() -> None:
    rng = Random(1)
    waits = [backoff_seconds(2, base_seconds=1.0, longest_seconds=60.0, rng=rng) for _ in range(1_000)]
    assert min(waits) < 0.1
    assert max(waits) > 3.9
    assert sum(waits) / len(waits) == pytest.approx(2.0, abs=0.15)
