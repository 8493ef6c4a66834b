from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.drift import Alarm
from pipeline.ledger import Counts
from pipeline.report.attention import Weight, points
from pipeline.report.extra import load, store
from pipeline.report.facts import collect
from pipeline.report.history import Command
from pipeline.report.model import Letters, Outlet, RunFacts
from tests.pipeline.report.conftest import Made
from transforms.core.drift import Finding


@pytest.fixture(scope="module")
def quiet(made: Made) -> RunFacts:
    """A run of which there is nothing to say, after ten like it."""
    found = collect(made.root, made.extra.runs, None)
    counts = Counts(1_000, 900, 80, 10, 10, {"EMPTY": 10, "NOT_HTML": 10})
    this = replace(found.this, counts=counts, extra=replace(made.extra, notices=(), waiting=0))
    letters = tuple(Letters(code, 10, code == "NOT_HTML", "why", False, ()) for code in ("EMPTY", "NOT_HTML"))
    return replace(found, this=this, past=(this,) * 10, rows=900, letters=letters, outlets=())


def with_counts(facts: RunFacts, counts: Counts) -> RunFacts:
    return replace(facts, this=replace(facts.this, counts=counts))


def outlet(name: str, articles: int, *, short: int = 0, undated: int = 0, undetermined: int = 0) -> Outlet:
    return Outlet(name, None, articles, 0, 0.0, short, undated, undetermined, 0, None, None, (), (), (), ())


def titles(facts: RunFacts) -> list[str]:
    return [point.title for point in points(facts)]


def test_a_run_like_the_others_gives_nothing_to_look_at(quiet: RunFacts) -> None:
    assert points(quiet) == ()


def test_books_that_do_not_balance_come_first(quiet: RunFacts) -> None:
    wrong = with_counts(quiet, Counts(1_001, 900, 80, 10, 10, {"EMPTY": 10, "NOT_HTML": 10}))
    (point,) = points(wrong)
    assert (point.weight, point.title) == (Weight.FAULT, "The books do not balance")
    assert titles(replace(quiet, rows=899)) == ["The files are not those of the books"]


def test_new_reasons_and_faults_of_the_program(quiet: RunFacts) -> None:
    letters = (replace(quiet.letters[0], new=True), quiet.letters[1])
    (point,) = points(replace(quiet, letters=letters))
    assert point.title == "A new reason: EMPTY"
    assert point.text == "10 times: why. It did not occur in the 10 runs before."
    assert point.anchor == "code-EMPTY"
    both = tuple(replace(one, new=True) for one in quiet.letters)
    (point,) = points(replace(quiet, letters=both))
    assert (point.title, point.anchor) == ("2 new reasons", "letters")
    assert "EMPTY (10), NOT_HTML (10)." in point.text
    crash = (replace(quiet.letters[0], code="WORKER_CRASH", new=True), quiet.letters[1])
    assert [(one.weight, one.title) for one in points(replace(quiet, letters=crash))] == [
        (Weight.FAULT, "WORKER_CRASH")
    ]


@pytest.mark.parametrize(
    ("rejected", "past", "said"),
    [
        (19, 10, False),  # nearly a fiftieth
        (20, 10, True),  # a fiftieth, and twice the usual
        (99, 4, False),  # nothing is known of what is usual, and not a tenth
        (100, 4, True),
    ],
)
def test_many_rejects(quiet: RunFacts, rejected: int, past: int, said: bool) -> None:
    reasons = {"EMPTY": rejected, "NOT_HTML": 10}
    counts = Counts(1_000, 980 - rejected, 10, 10, rejected, reasons)
    letters = (replace(quiet.letters[0], count=rejected), quiet.letters[1])
    run = with_counts(replace(quiet, rows=980 - rejected, letters=letters, past=quiet.past[:past]), counts)
    assert titles(run) == (["Many rejects"] if said else [])


def test_few_articles_and_long_runs(quiet: RunFacts) -> None:
    counts = Counts(1_000, 449, 531, 10, 10, {"EMPTY": 10, "NOT_HTML": 10})
    assert titles(with_counts(replace(quiet, rows=449), counts)) == ["Few articles"]
    this = quiet.this
    assert this.extra is not None
    slow = replace(this, extra=replace(this.extra, seconds=this.extra.seconds * 3))
    assert titles(replace(quiet, this=slow)) == ["It took long"]
    unknown: tuple[Command, ...] = tuple(replace(one, extra=None) for one in quiet.past)
    assert titles(replace(quiet, this=slow, past=unknown)) == []


def test_notices_are_listed_by_kind(quiet: RunFacts, made: Made) -> None:
    silent, refuses = made.extra.notices
    this = quiet.this
    assert this.extra is not None
    extra = replace(this.extra, notices=(silent, refuses, *(replace(silent, about=f"feed {n}") for n in range(8))))
    found = points(replace(quiet, this=replace(this, extra=replace(extra, waiting=3))))
    assert [one.title for one in found] == ["FEED_SILENT, 9 times", "HOST_REFUSES", "3 pages are waiting"]
    assert found[0].text.endswith("feed 4 and 3 more.")
    assert [one.weight for one in found] == [Weight.LOOK, Weight.LOOK, Weight.NOTE]


def test_outlets_of_which_half_lacks_something(quiet: RunFacts) -> None:
    outlets = (
        outlet("a", 10, short=5),
        outlet("b", 10, short=4),
        outlet("c", 4, short=4),
        outlet("d", 8, undated=8, undetermined=4),
    )
    found = points(replace(quiet, outlets=outlets))
    assert [(one.title, one.text) for one in found] == [
        ("Texts that are empty or short", "Half or more of the articles of a (5)."),
        ("Articles without a date of publication", "Half or more of the articles of d (8)."),
        ("Texts whose language could not be told", "Half or more of the articles of d (4)."),
    ]


def drifted(facts: RunFacts, *alarms: Alarm) -> RunFacts:
    assert facts.extra is not None
    return replace(facts, this=replace(facts.this, extra=replace(facts.extra, alarms=alarms)))


def test_an_outlet_that_has_changed_is_named_once_and_then_noted(quiet: RunFacts) -> None:
    finding = Finding("short", 0.9, 0.03, 34, 1, dt.date(2026, 11, 20))
    (point,) = points(drifted(quiet, Alarm("news.example", finding, new=True)))
    assert (point.weight, point.title, point.anchor) == (Weight.LOOK, "news.example has changed", "outlets")
    assert point.text == "90% of 34 articles have an empty or short body, usually 3%; since 2026-11-20."
    (point,) = points(drifted(quiet, Alarm("news.example", finding, new=False)))
    assert (point.weight, "news.example" in point.text) == (Weight.NOTE, True)
    many = [Alarm(f"outlet-{number}", finding, new=True) for number in range(8)]
    *_, last = points(drifted(quiet, *many))
    assert (last.title, last.text) == ("2 other changes at outlets", "outlet-6, outlet-7.")


def test_what_has_changed_is_kept_with_the_report(quiet: RunFacts, tmp_path: Path) -> None:
    alarm = Alarm("news.example", Finding("short", 0.9, 0.03, 34, 1, dt.date(2026, 11, 20)), new=True)
    extra = drifted(quiet, alarm).extra
    assert extra is not None
    store(tmp_path, extra)
    assert load(tmp_path, extra.runs[-1]) == extra
