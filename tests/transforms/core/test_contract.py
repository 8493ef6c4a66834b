from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.article import ARTICLES, Article, Cut, Tag
from schemas.record import Draft
from schemas.reject import Reason, Refused
from tests.pipeline.rows import NOW, article
from transforms.core.contract import check


def draft(**changes: Any) -> Draft:
    return Draft(replace(article(1, ""), **changes), "", 0)


def test_a_sound_article_passes_as_it_is() -> None:
    sound = draft()
    assert check(sound, now=NOW) is sound


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("body", None, "is required and has no value"),
        ("partition_date", None, "is required and has no value"),
        ("headline", "half a pair \ud83d", "half of a surrogate pair"),
        ("authors", ("M. de Wit", "\udfff"), "half of a surrogate pair"),
        ("tags", (Tag("club", "x", "\ud800", 0.5, ""),), "half of a surrogate pair"),
        ("tags", (Tag("club", "x", "X", float("nan"), ""),), "no finite number"),
        ("language_score", float("inf"), "no finite number"),
        ("removed", (Cut(0, 1 << 31, "teaser", "", ""),), "which is no int32"),
        ("body_chars", 1 << 40, "which is no int32"),
        ("partition_date", dt.date(1699, 12, 31), "before 1700"),
        ("published_date", dt.date(2027, 1, 1), "days ahead"),
        ("fetched_at", NOW + dt.timedelta(days=9), "days ahead"),
        ("modified_at", dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(dt.timedelta(hours=-9))), "none in UTC"),
    ],
)
def test_a_value_that_cannot_stand_in_its_column_makes_a_dead_letter(column: str, value: object, says: str) -> None:
    with pytest.raises(Refused, match=rf"^column {column} .*{says}") as caught:
        check(draft(**{column: value}), now=NOW)
    assert caught.value.reason is Reason.CONTRACT


@given(st.sampled_from([field.name for field in ARTICLES]), st.sampled_from([b"x", 7, "x", 0.5, ("x",), ({},), True]))
def test_a_value_of_another_type_is_left_to_the_writer_which_fails_the_run(column: str, value: object) -> None:
    check(draft(**{column: value}), now=NOW)


def test_what_is_filled_later_is_not_asked_for() -> None:
    bare = Article("0" * 32, "oudewal", "txt", "a.txt", NOW, partition_date=NOW.date(), date_basis="fetched")
    assert check(Draft(bare, "", 0), now=NOW).article == bare


def test_the_price_is_small() -> None:
    one = draft(body="Geen haven zonder meeuwen. " * 200)
    began = time.process_time()
    for _ in range(300):
        check(one, now=NOW)
    assert (time.process_time() - began) / 300 < 0.001
