from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from schemas.article import Cut
from tests.transforms.core.clutter.test_strip import PIECES, texts
from transforms.core.clutter.captures import clauses_of, differing
from transforms.core.clutter.decide import DIFFERS
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.strip import restore, strip, strip_again, suspected, told

HELD = "De sluis wordt hersteld. Het werk duurt acht maanden; de provincie betaalt de helft."
NEW = "Veerpont ligt stil na aanvaring met zandschip"
BEFORE = clauses_of(HELD)


def new(*lines: str, before: bytes = BEFORE) -> list[str]:
    """The parts, between bars, of ``lines`` that differ."""
    parted = [line.split("|") for line in lines]
    return [parted[line][part] for line, part in differing(parted, before)]


def test_what_the_earlier_capture_does_not_have_differs() -> None:
    assert new(HELD, NEW) == [NEW]


def test_case_marks_and_blanks_around_make_no_difference() -> None:
    assert new("DE SLUIS WORDT HERSTELD ... het werk duurt acht maanden! De provincie betaalt de helft") == []


def test_a_paragraph_of_which_a_sentence_was_put_right_is_known() -> None:
    assert new(HELD.replace("hersteld", "vervangen")) == []


def test_another_text_is_no_capture_of_the_same() -> None:
    assert new(NEW, "Iets heel anders.") == []


def test_of_nothing_nothing_differs() -> None:
    assert new(NEW, before=clauses_of("")) == []
    assert new() == []


def test_lines_of_blanks_never_differ() -> None:
    assert new(HELD, "", "  ", "...") == []


def test_of_a_line_that_is_new_only_what_is_new_differs() -> None:
    assert new(HELD, f"{NEW}|Het werk duurt acht maanden.|Zwembad zoekt badmeesters") == [
        NEW,
        "Zwembad zoekt badmeesters",
    ]
    assert new(f"{HELD}|{NEW}") == []


def test_what_was_suspect_before_is_suspect_still() -> None:
    cut = Cut(len(HELD) + 1, len(HELD) + 1 + len(NEW), "related_teaser", DIFFERS, NEW)
    assert told(None, f"{HELD}\n", [cut]) == BEFORE
    assert told(None, f"{HELD}\n", [replace(cut, rule="signal.weighed")]) == clauses_of(f"{HELD}\n{NEW}") != BEFORE


captures = st.lists(st.sampled_from(PIECES), max_size=14).map("\n".join)


@given(texts, captures)
def test_a_later_capture_is_stripped_as_any_text_is(book: RuleBook, text: str, earlier: str) -> None:
    first = strip(earlier, book)
    second = strip_again(text, book, told(first.headline, first.body, first.removed))
    assert restore(second.body, second.removed) == text
    # What is stored says by itself how it came about.
    assert strip(text, book, suspects=suspected(second.removed)) == second
    # The same capture once more tells nothing new.
    third = strip_again(text, book, told(second.headline, second.body, second.removed))
    assert third == second


@given(texts)
def test_of_two_captures_alike_nothing_is_suspect(book: RuleBook, text: str) -> None:
    first = strip(text, book)
    assert strip_again(text, book, told(first.headline, first.body, first.removed)) == first
