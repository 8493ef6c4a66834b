from __future__ import annotations

import datetime as dt
import json
import random
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.utils.shared import Shared
from pydantic import TypeAdapter

from schemas.article import Article
from tests.conftest import NOW
from transforms.cluster_articles import CLUSTERED, ClusterArticles, Stories, first_day, read_stories
from transforms.core.near_duplicates import Entry, Window

Told = tuple[str, str | None, str | None]
"""Of an article its id, its story, and what it repeats."""

DAY = NOW.date().toordinal()
_WORDS = [
    f"{front}{back}" for front in ("haven", "kade", "brug", "sluis", "veer") for back in ("wacht", "geld", "plan")
]


def text(seed: int) -> str:
    rng = random.Random(seed)
    return " ".join(f"{rng.choice(_WORDS)}{chr(97 + rng.randrange(26))}" for _ in range(120))


def copy(seed: int) -> str:
    """The text of ``seed`` without its beginning and its end."""
    return " ".join(text(seed).split()[10:100])


def article(article_id: str, body: str, source: str | None = None) -> Article:
    return Article(
        article_id,
        source or f"outlet-{article_id}",
        "txt",
        f"{article_id}.txt",
        NOW,
        content_hash=f"{len(body)}{body[:40]}",
        body=body,
        language="nl",
        partition_date=NOW.date(),
        date_basis="fetched",
    )


def told(one: Article) -> Told:
    return one.article_id, one.cluster_id, one.duplicate_of


def learned(*articles: Article, days_ago: int = 0) -> Window:
    """What a run some days ago has left."""
    stories = Stories(Window(), DAY - days_ago)
    return Window().learned([stories.place(one).entry for one in articles], since=0)


def state_file(folder: Path, window: Window) -> str:
    path = folder / "state.json"
    path.write_text(json.dumps({"version": 1, "lines": {}, **window.as_json()}))
    return str(path)


def check(
    articles: Sequence[Article], expected: Sequence[Told], *, state: str | None = None, memory: Shared | None = None
) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        transform = ClusterArticles(state, now=NOW, window_days=4, memory=memory)
        out = pipeline | beam.Create(articles, reshuffle=False) | transform
        assert_that(out.articles | beam.Map(told), equal_to(list(expected)))


def test_copies_within_a_run_and_of_earlier_runs_are_found(tmp_path: Path) -> None:
    state = state_file(tmp_path, learned(article("a", text(1)), days_ago=4))
    articles = [
        article("b", copy(1)),
        article("c", text(2)),
        article("d", copy(2)),
        article("e", text(2), "outlet-c"),
        article("f", "Kort."),
    ]
    expected = [("b", "a", None), ("c", "c", None), ("d", "c", None), ("e", "c", "c"), ("f", None, None)]
    check(articles, expected, state=state)


def test_what_is_older_than_the_window_does_not_count(tmp_path: Path) -> None:
    state = state_file(tmp_path, learned(article("a", text(1)), days_ago=5))
    check([article("b", copy(1))], [("b", "b", None)], state=state)


def test_a_day_is_one_of_utc() -> None:
    late = dt.datetime(2026, 11, 20, 23, 30, tzinfo=dt.timezone(dt.timedelta(hours=-2)))
    assert first_day(late, 0) == dt.date(2026, 11, 21).toordinal()
    assert first_day(late, 4) == dt.date(2026, 11, 17).toordinal()


def test_nothing_else_of_an_article_changes() -> None:
    whole = replace(article("a", text(1)), headline="Brug", quality_flags=("truncated",))
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        out = pipeline | beam.Create([whole]) | ClusterArticles(None, now=NOW, window_days=4)
        assert_that(out.articles, equal_to([replace(whole, cluster_id="a")]))


def test_the_second_output_is_what_the_next_run_has_to_know(tmp_path: Path) -> None:
    before = learned(article("a", text(1)), days_ago=1)
    articles = [article("b", copy(1)), article("c", text(2)), article("d", "Kort.")]
    stories = Stories(before, DAY)
    expected = [stories.place(one).entry for one in articles]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        transform = ClusterArticles(state_file(tmp_path, before), now=NOW, window_days=4)
        out = pipeline | beam.Create(articles, reshuffle=False) | transform
        assert_that(out[CLUSTERED], equal_to(expected))
    window = before.learned(expected, since=first_day(NOW, 4))
    assert [entry.article_id for entry in window.entries] == ["a", "b", "c", "d"]
    path = state_file(tmp_path, window)
    assert read_stories(path, NOW, 4).place(article("e", text(2))).cluster_id == "c"
    assert TypeAdapter(list[Entry]).validate_json(TypeAdapter(list[Entry]).dump_json(expected)) == expected


def test_with_no_days_articles_go_out_as_they_came_in(tmp_path: Path) -> None:
    articles = [article("a", text(1)), article("b", copy(1))]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        transform = ClusterArticles(str(tmp_path / "weg.json"), now=NOW, window_days=0)
        out = pipeline | beam.Create(articles) | transform
        assert_that(out.articles, equal_to(articles), label="articles")
        assert_that(out[CLUSTERED], equal_to([]), label="entries")


def test_files_of_no_known_outlet_are_not_of_one() -> None:
    rewritten = " ".join(text(1).split()[:70] + text(2).split()[:50])
    check([article("a", text(1), "local"), article("b", rewritten, "local")], [("a", "a", None), ("b", "a", None)])
    check([article("a", text(1), "x"), article("b", rewritten, "x")], [("a", "a", None), ("b", "b", None)])


def fails(articles: Sequence[Article]) -> None:
    def fail(_: Article) -> None:
        raise ValueError("the disk is full")

    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        transform = ClusterArticles(None, now=NOW, window_days=4)
        _ = (pipeline | beam.Create(articles) | transform).articles | beam.Map(fail)


def test_what_a_failed_run_has_learned_is_gone_with_it() -> None:
    with pytest.raises(ValueError, match="the disk is full"):
        fails([article("a", text(1))])
    check([article("b", copy(1))], [("b", "b", None)])


def test_a_memory_that_is_held_is_the_one_that_the_run_meets() -> None:
    memory = Shared()
    held = memory.acquire(lambda: Stories(learned(article("a", text(1))), DAY))
    check([article("b", copy(1))], [("b", "a", None)], memory=memory)
    assert held.place(article("c", copy(1))).cluster_id == "a"


@pytest.mark.parametrize("content", ["", '{"stories": {"ids": ["a"]}}'])
def test_a_state_that_cannot_be_read_is_no_empty_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"cannot be read|Expecting value"):
        read_stories(str(path), NOW, 4)
    with pytest.raises(FileNotFoundError):
        read_stories(str(tmp_path / "weg.json"), NOW, 4)


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_threads_that_share_the_memory_agree() -> None:
    stories = Stories(Window(), DAY)
    articles = [article(f"{seed}-{number}", text(seed)) for number in range(8) for seed in range(20)]
    with ThreadPoolExecutor(4) as pool:
        placed = list(pool.map(stories.place, articles))
    found = {one.entry.article_id: one.cluster_id for one in placed}
    for seed in range(20):
        assert len({found[f"{seed}-{number}"] for number in range(8)}) == 1
