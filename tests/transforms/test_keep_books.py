from __future__ import annotations

import copy
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

from schemas.record import Cursor, Left
from schemas.reject import FILTERED, Reason, Reject
from transforms.core.clutter.recurring import Tally
from transforms.keep_books import DUPLICATE, READ, KeepBooks, Outcome, _Tally


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
    }


def becomes(expected: dict[str, Any]) -> Callable[[list[Outcome]], None]:
    def check(found: list[Outcome]) -> None:
        assert [counted(outcome) for outcome in found] == [expected]

    return check


def test_in_a_graph() -> None:
    codes = [Reason.EMPTY, Reason.EMPTY, Reason.ONLY_CLUTTER, Reason.BAD_URL]
    rejects = [Reject("read", code, f"a.jsonl#{n}", "…") for n, code in enumerate(codes)]
    contents = {
        "files": [*ARTICLES, LETTERS],
        "records": [1] * 12,
        "unread": rejects[:1],
        "rejects": rejects,
        "known": ["x", "y"],
        "tallies": [("lindebode", Tally(3, {})), ("lindewaard", Tally(4, {}))],
        "cursors": [Left("a.jsonl", Cursor(70, 7, 70))],
    }
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        inputs = tuple(pipeline | name >> beam.Create(values) for name, values in contents.items())
        expected: dict[str, Any] = {
            "files": [*ARTICLES, LETTERS],
            "read": 13,
            "written": 7,
            "duplicate": 2,
            "filtered": 1,
            "rejected": 3,
            "reasons": {"EMPTY": 2, "ONLY_CLUTTER": 1, "BAD_URL": 1},
            "tallies": {"lindebode": Tally(3, {}), "lindewaard": Tally(4, {})},
            "left": [Left("a.jsonl", Cursor(70, 7, 70))],
        }
        assert_that(inputs | KeepBooks(), becomes(expected))


def test_a_run_of_nothing_has_books_too() -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        inputs = tuple(pipeline | f"{n}" >> beam.Create([]) for n in range(7))
        assert_that(inputs | KeepBooks(), becomes(counted(Outcome())))


@pytest.mark.parametrize("code", Reason)
def test_every_code_is_filtered_or_rejected(code: Reason) -> None:
    # The engine hands codes on as plain strings; the sets hold members of the enum.
    outcome = Outcome(reasons=Counter({str(code): 2}))
    assert (outcome.filtered, outcome.rejected) == ((2, 0) if code in FILTERED else (0, 2))


NOTES = st.lists(
    st.sampled_from([(READ, None), (DUPLICATE, None), ("file", LETTERS), ("file", ARTICLES[0])])
    | st.tuples(st.just("code"), st.sampled_from([str(code) for code in Reason]))
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
