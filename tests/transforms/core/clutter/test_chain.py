from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rules import ARTICLE, CutKind, Model
from schemas.weights import Weights
from transforms.core.clutter.chain import Chain
from transforms.core.clutter.features import describe
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.wording import in_words

STATES = {ARTICLE: None, "links": CutKind.RELATED_TEASER, "menu": CutKind.NAVIGATION}
numbers = st.integers(-8, 8).map(float)
steps = st.fixed_dictionaries({f"{a}>{b}": numbers for a, b in product(STATES, repeat=2)})
sums = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=6)


def model(steps: dict[str, float], weights: dict[str, dict[str, float]] | None = None) -> Model:
    return Model(states=STATES, caution=0, caution_pages=0, steps=steps, weights=Weights.of(weights or {}))


@given(steps, sums)
def test_no_way_is_better_than_the_best(steps: dict[str, float], sums: list[tuple[float, ...]]) -> None:
    chain = Chain(model(steps))

    def total(path: tuple[int, ...]) -> float:
        own = sum(line[state] for line, state in zip(sums, path, strict=True))
        names = [chain.states[state] for state in path]
        return own + sum(steps[f"{a}>{b}"] for a, b in pairwise(names))

    found = total(tuple(chain.best_path(np.array(sums))))
    assert found == max(total(path) for path in product(range(len(STATES)), repeat=len(sums)))


def test_nothing_has_no_way() -> None:
    assert Chain(model({})).best_path(np.zeros((0, 3))) == []


@given(st.text(alphabet="abcABC 019.:-é€", min_size=1, max_size=300).map(str.strip).filter(bool))
def test_a_line_weighs_the_sum_of_its_features(book: RuleBook, text: str) -> None:
    form = describe(text)
    by_name = book.chain.weigh_by_strength(form.features().items())
    for remembered in (False, True):
        [sums] = book.chain.weigh([(book.chain.rows(form), [])])
        assert sums == pytest.approx(by_name), f"remembered: {remembered}"


def test_the_reasons_are_the_heaviest_features_in_words() -> None:
    chain = Chain(
        model({}, {"w=abonneer": {"menu": 2.0, ARTICLE: -1.0}, "sh=title": {"menu": 0.5}, "w=de": {ARTICLE: 1.0}})
    )
    reasons = chain.reasons(
        {"w=abonneer": 1.0, "sh=title": 1.0, "w=de": 1.0, "w=brug": 1.0}, chain.states.index("menu")
    )
    assert reasons == (("w=abonneer", 3.0), ("sh=title", 0.5))
    assert [in_words(name) for name, _ in reasons] == ["word abonneer", "shape title"]
    assert in_words("<k=promo") == "line before: rule of kind promo"
    assert in_words("q:b=lees ook") == "in prose: words lees ook"
    assert in_words("bias") == "bias"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"states": {"links": "related_teaser"}}, "'states' needs 'article'"),
        ({"states": {ARTICLE: None, "links": None}}, "a kind for each other state"),
        ({"steps": {"article>menus": 1.0}}, "is not between two of"),
        ({"weights": {"w=x": {"menus": 1.0}}}, "speaks for a state that is none of"),
        ({"cautions": 1}, "cautions"),
    ],
)
def test_a_model_that_does_not_hold_together_is_refused(fields: dict[str, object], says: str) -> None:
    sound = {"states": STATES, "caution": 0, "caution_pages": 0, "steps": {}, "weights": {}}
    with pytest.raises(ValueError, match=says):
        Model.model_validate({**sound, **fields})
