from __future__ import annotations

import copy
import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that
from hypothesis import given
from hypothesis import strategies as st

from schemas.feed import HostMemory, PageRequest, Poll, PollResult
from schemas.record import Cursor, Declared, Left, Outlet
from schemas.reject import FILTERED, Reason, Reject
from transforms.core.clutter.recurring import Tally
from transforms.keep_books import DUPLICATE, NOTED, READ, KeepBooks, Outcome, _Tally


@dataclass(frozen=True)
class File:
    """As much of a staged file as the books look at."""

    table: str
    rows: int


ARTICLES = [File("articles", 3), File("articles", 4)]
LETTERS = File("rejects", 2)


def counted(outcome: Outcome) -> dict[str, Any]:
    return {
        "files": sorted(outcome.files, key=str),
        "read": outcome.read,
        "written": outcome.written,
        "duplicate": outcome.duplicate,
        "filtered": outcome.filtered,
        "rejected": outcome.rejected,
        "reasons": dict(outcome.reasons),
        "tallies": outcome.tallies,
        "left": outcome.left,
        "polls": outcome.polls,
        "later": outcome.later,
        "hosts": outcome.hosts,
    }


def becomes(expected: dict[str, Any]) -> Callable[[list[Outcome]], None]:
    def check(found: list[Outcome]) -> None:
        assert [counted(outcome) for outcome in found] == [expected]

    return check


def test_in_a_graph() -> None:
    codes = [Reason.EMPTY, Reason.EMPTY, Reason.ONLY_CLUTTER, Reason.BAD_URL]
    rejects = [Reject("read", code, f"a.jsonl#{n}", "…") for n, code in enumerate(codes)]
    poll = Poll("https://zuidkade.example/rss", PollResult.SAME)
    later = PageRequest("https://zuidkade.example/1", "f#1", "1", Outlet(), Declared())
    early, late = (HostMemory(refusals=n, asked_at=dt.datetime(2026, 11, 20, n, tzinfo=dt.UTC)) for n in (1, 2))
    contents = {
        "files": [*ARTICLES, LETTERS],
        "records": [1] * 12,
        "unread": rejects[:1],
        "rejects": rejects,
        "duplicates": ["x", "y"],
        "known": ["z"],
        "tallies": [("lindebode", Tally(3, {})), ("lindewaard", Tally(4, {}))],
        "left": [Left("a.jsonl", Cursor(70, 7, 70))],
        "polls": [poll],
        "later": [later],
        "hosts": [("zuidkade.example", late), ("zuidkade.example", early)],
    }
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        inputs = {name: pipeline | name >> beam.Create(values) for name, values in contents.items()}
        expected: dict[str, Any] = {
            "files": [*ARTICLES, LETTERS],
            "read": 14,
            "written": 7,
            "duplicate": 3,
            "filtered": 1,
            "rejected": 3,
            "reasons": {"EMPTY": 2, "ONLY_CLUTTER": 1, "BAD_URL": 1},
            "tallies": {"lindebode": Tally(3, {}), "lindewaard": Tally(4, {})},
            "left": [Left("a.jsonl", Cursor(70, 7, 70))],
            "polls": [poll],
            "later": [later],
            "hosts": {"zuidkade.example": late},
        }
        assert_that(inputs | KeepBooks(), becomes(expected))


def test_a_run_of_nothing_has_books_too() -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        names = ("files", "records", "unread", "rejects", "duplicates", "known", "tallies", *NOTED, "hosts")
        inputs = {name: pipeline | name >> beam.Create([]) for name in dict.fromkeys(names)}
        assert_that(inputs | KeepBooks(), becomes(counted(Outcome())))


@pytest.mark.parametrize("code", Reason)
def test_every_code_is_filtered_or_rejected(code: Reason) -> None:
    # The engine hands codes on as plain strings; the sets hold members of the enum.
    outcome = Outcome(reasons=Counter({str(code): 2}))
    assert (outcome.filtered, outcome.rejected) == ((2, 0) if code in FILTERED else (0, 2))


NOTES = st.lists(
    st.sampled_from([(READ, 1), (DUPLICATE, 1), ("files", LETTERS), ("files", ARTICLES[0])])
    | st.tuples(st.just("reasons"), st.sampled_from([str(code) for code in Reason]))
)


@given(st.lists(NOTES, max_size=5))
def test_the_books_come_out_alike_however_the_notes_are_spread(shares: list[list[tuple[str, Any]]]) -> None:
    tally = _Tally()

    def sheet(notes: list[tuple[str, Any]]) -> Outcome:
        outcome = tally.create_accumulator()
        for note in notes:
            outcome = tally.add_input(outcome, note)
        return outcome

    sheets = [sheet(notes) for notes in shares]
    before = copy.deepcopy(sheets)
    merged = tally.extract_output(tally.merge_accumulators(sheets))
    assert counted(merged) == counted(sheet([note for notes in shares for note in notes]))
    assert sheets == before, "merging must leave what it merges as it was"
