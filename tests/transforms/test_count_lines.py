from __future__ import annotations

import random
from collections.abc import Callable

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that
from hypothesis import given
from hypothesis import strategies as st

from schemas.article import Article, Cut
from tests.conftest import NOW
from transforms.core.clutter.recurring import SAMPLE_ARTICLES, Seen, Tally, line_key
from transforms.core.stages import LOCAL
from transforms.count_lines import CountLines, SampleFn

FOOTER = "Het Lindeblad wordt gemaakt door vrijwilligers uit negen dorpen."


def article(number: int, source_id: str = "lindeblad", *, version: int = 1) -> Article:
    body = f"De veerman van Oudewal vond kist {number} bij de Linde."
    return Article(
        article_id=f"{number:032x}",
        version=version,
        source_id=source_id,
        input_kind="jsonl",
        input_ref=f"in.jsonl#{number}",
        fetched_at=NOW,
        headline=f"Kist {number} gevonden",
        body=body,
        removed=(Cut(len(body), len(body) + 1 + len(FOOTER), "other", "signal.recurring-line", f"\n{FOOTER}"),),
    )


def counted(articles: list[Article], check: Callable[[dict[str, Tally]], None]) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        assert_that(pipeline | beam.Create(articles) | CountLines(), lambda found: check(dict(found)))


def test_the_text_before_stripping_is_counted_by_outlet() -> None:
    articles = [*map(article, range(5)), *(article(n, "veenpost") for n in range(5, 12)), article(20, LOCAL)]

    def check(found: dict[str, Tally]) -> None:
        assert {source: tally.articles for source, tally in found.items()} == {"lindeblad": 5, "veenpost": 7}
        assert found["lindeblad"].keys[line_key(FOOTER)] == 5
        assert found["veenpost"].keys[line_key(FOOTER)] == 7
        assert found["lindeblad"].keys[line_key(articles[0].body)] == 1

    counted(articles, check)


def test_later_versions_do_not_count() -> None:
    articles = [article(1, version=2), article(2), article(2, version=2), article(3, version=4)]
    counted(articles, _check_one)


def _check_one(found: dict[str, Tally]) -> None:
    assert found["lindeblad"].articles == 1
    assert set(found["lindeblad"].keys) == {line_key(FOOTER), line_key(article(2).body)}


@pytest.mark.parametrize("seed", [1, 2])
def test_of_many_articles_a_sample_is_held_that_no_order_changes(seed: int) -> None:
    fn = SampleFn()
    entries = [(f"{n:032x}", Seen(True, "", frozenset({f"s{n % 3:012x}"}))) for n in range(5 * SAMPLE_ARTICLES)]
    shuffled = random.Random(seed).sample(entries, len(entries))
    sample = fn.create_accumulator()
    for entry in shuffled:
        sample = fn.add_input(sample, entry)
        assert len(sample) < 2 * SAMPLE_ARTICLES
    tally = fn.extract_output(sample)
    assert tally.articles == SAMPLE_ARTICLES
    assert tally.keys == {f"s{rest:012x}": sum(n % 3 == rest for n in range(SAMPLE_ARTICLES)) for rest in range(3)}


entries = st.tuples(
    st.integers(0, 2 * SAMPLE_ARTICLES).map("{:04}".format),
    st.builds(Seen, st.booleans(), st.just(""), st.frozensets(st.sampled_from(["s1", "s2"]))),
)


@given(st.lists(st.lists(entries, max_size=60), max_size=6))
def test_the_tally_is_alike_however_articles_are_spread(shares: list[list[tuple[str, Seen]]]) -> None:
    fn = SampleFn()

    def sampled(share: list[tuple[str, Seen]]) -> dict[str, Seen]:
        sample = fn.create_accumulator()
        for entry in share:
            sample = fn.add_input(sample, entry)
        return sample

    spread = fn.extract_output(fn.merge_accumulators(map(sampled, shares)))
    assert spread == fn.extract_output(sampled([entry for share in reversed(shares) for entry in share]))
