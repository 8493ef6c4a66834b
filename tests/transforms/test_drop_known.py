from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.article import ARTICLES, Article
from schemas.record import Draft
from tests.conftest import NOW
from transforms.core.known_texts import COLUMNS, KnownTexts
from transforms.drop_known import DUPLICATES, DropKnown, Known, read_known


def article(article_id: str, content_hash: str, version: int = 1) -> Article:
    return Article(
        article_id,
        "zuidkade",
        "txt",
        f"{article_id}.txt",
        NOW,
        version=version,
        content_hash=content_hash,
        partition_date=NOW.date(),
        date_basis="fetched",
        ingested_at=NOW,
    )


def written(folder: Path, name: str, *articles: Article) -> str:
    path = folder / "date=2026-11-20" / name
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist([a.row() for a in articles], schema=ARTICLES), path)
    return str(path)


def test_the_newest_version_with_another_text() -> None:
    known = Known([held(("a", 1, "1"), ("a", 3, "3"))])
    assert [known.newest("a", h) for h in ("1", "2", "3")] == [None, 3, None]
    assert known.newest("a", "9", ["7", "1"]) is None
    assert known.newest("b", "1") == 0
    known.admit("b", "1")
    assert [known.newest("b", h) for h in ("1", "2", "2")] == [None, 1, 1]


def test_the_first_text_under_an_id_is_version_one() -> None:
    known = Known()
    assert [known.admit("a", "1"), known.admit("b", "1"), known.admit("a", "1")] == [1, 1, None]


def held(*texts: tuple[str, int, str]) -> KnownTexts:
    rows = [{"article_id": i, "version": version, "content_hash": text} for i, version, text in texts]
    schema = pa.schema([ARTICLES.field(name) for name in COLUMNS])
    return KnownTexts.of_articles([pa.Table.from_pylist(rows, schema=schema)])


def test_edited_texts_count_on() -> None:
    known = Known([held(("a", 1, "1"), ("a", 3, "3"), ("b", 1, "1")), held(("a", 2, "2"))])
    assert [known.admit("a", h) for h in ("2", "4", "4", "5", "1")] == [None, 4, None, 5, None]
    assert known.admit("b", "4") == 2


def test_a_text_that_was_cut_otherwise_before_is_known() -> None:
    known = Known([held(("a", 1, "1"))])
    assert known.admit("a", "2", ["7", "1"]) is None
    assert known.admit("b", "2", ["7", "1"]) == 1
    assert known.admit("b", "9", ["2"]) is None


TEXTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30)


@settings(max_examples=40, deadline=None)
@given(TEXTS, TEXTS, TEXTS, st.booleans())
def test_keys_say_what_the_strings_would(
    first: list[tuple[int, int]], second: list[tuple[int, int]], new: list[tuple[int, int]], digits: bool
) -> None:
    def text(number: int) -> str:
        return sha256(str(number).encode()).hexdigest()[:32] if digits else f"text {number}"

    versions: dict[int, int] = {}
    texts: set[tuple[int, int]] = set()

    def expected(name: int, body: int) -> int | None:
        if (name, body) in texts:
            return None
        texts.add((name, body))
        versions[name] = versions.get(name, 0) + 1
        return versions[name]

    parts = []
    for part in (first, second):
        rows = [(text(name), expected(name, body), text(body)) for name, body in part]
        parts.append(held(*((name, version, body) for name, version, body in rows if version is not None)))
    known = Known(parts)
    merged = Known([KnownTexts.merged([KnownTexts.of_table(part.as_table()) for part in parts])])
    for name, body in new:
        wanted = expected(name, body)
        assert known.admit(text(name), text(body)) == wanted
        assert merged.admit(text(name), text(body)) == wanted


def test_what_the_files_hold_is_known(tmp_path: Path) -> None:
    files = [
        written(tmp_path, "1.parquet", article("a", "1"), article("b", "1")),
        written(tmp_path, "2.parquet", article("a", "2", 2)),
        written(tmp_path, "3.parquet"),
    ]
    known = read_known(files)
    assert [known.admit("a", "1"), known.admit("a", "2"), known.admit("b", "1")] == [None, None, None]
    assert [known.admit("a", "3"), known.admit("b", "2"), known.admit("c", "1")] == [3, 2, 1]


def test_a_file_that_is_gone_is_no_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_known([str(tmp_path / "weg.parquet")])


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_threads_that_share_the_memory_admit_each_text_once() -> None:
    known = Known()
    texts = [(f"a{n % 50}", str(n % 500)) for n in range(500)]
    with ThreadPoolExecutor(4) as pool:
        runs = pool.map(lambda _: [(i, known.admit(i, h)) for i, h in texts], range(4))
        admitted = [(i, version) for run in runs for i, version in run if version is not None]
    assert sorted(admitted) == sorted((f"a{n}", version) for n in range(50) for version in range(1, 11))


def test_in_a_graph(tmp_path: Path) -> None:
    files = [written(tmp_path, "1.parquet", article("a", "1"), article("b", "1"), article("b", "2", 2))]
    drafts = [Draft(article(i, h), "", 0) for i, h in ("a1", "a2", "b1", "b3", "c1", "c1", "c2", "a2")]
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        out = pipeline | beam.Create(drafts, reshuffle=False) | DropKnown(files)
        found = out.articles | beam.Map(lambda a: (a.article_id, a.content_hash, a.version))
        assert_that(found, equal_to([("a", "2", 2), ("b", "3", 3), ("c", "1", 1), ("c", "2", 2)]), label="articles")
        assert_that(out[DUPLICATES], equal_to(["a", "b", "c", "a"]), label="duplicates")


def test_only_the_version_of_an_article_changes() -> None:
    whole = replace(article("a", "1"), headline="Brug", body="Open.", quality_flags=("short_body",))
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        out = pipeline | beam.Create([Draft(whole, "", 0)]) | DropKnown([])
        assert_that(out.articles, equal_to([whole]))


def test_two_runs_in_one_process_share_no_memory() -> None:
    for _ in range(2):
        with beam.Pipeline(runner=FnApiRunner()) as pipeline:
            out = pipeline | beam.Create([Draft(article("a", "1"), "", 0)]) | DropKnown([])
            assert_that(out.articles | beam.Map(lambda a: a.version), equal_to([1]))
