from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.ledger import Counts, Ledger
from pipeline.show import ShowError
from pipeline.wire import Story, Wire, WireError, changed, show
from schemas.article import Article
from tests.pipeline import rows

FERRY = (
    "De veerpont naar Oudewal vaart tot maandag niet. Een sleepboot raakte vrijdag de steiger, waarbij twee palen "
    "braken. Duikers bekijken morgen hoe groot de schade onder water is. De gemeente laat een bus rijden."
)
MOON = "Wie vannacht omhoog kijkt, ziet de maan half verdwijnen."


def name(number: int) -> str:
    return f"{number:016x}"


def article(number: int, source: str, story: int | None, at: str, *, text: str = FERRY, version: int = 1) -> Article:
    moment = dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC)
    return replace(
        rows.article(number, "", day=moment.date(), version=version, text=text),
        source_id=source,
        cluster_id=None if story is None else name(story),
        published_at=moment,
        agency="ANP" if number % 2 else None,
        headline=f"Veerpont {number}",
    )


def commit(root: Path, *articles: Article) -> None:
    with Ledger(root) as ledger:
        run_id = ledger.next_run_id(rows.NOW)
        files = []
        for part, (day, group) in enumerate(groupby(articles, key=lambda one: one.partition_date or rows.DAY)):
            of_day = [replace(one, run_id=run_id) for one in group]
            files.append(rows.stage_articles(ledger.staging(run_id), f"{run_id}-{part}.parquet", of_day, day))
        counts = Counts(len(articles), len(articles), 0, 0, 0)
        ledger.commit(run_id, files, None, counts, config_hash="c0ffee", now=rows.NOW)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A story of three outlets, one of two over two days, one of one outlet, and an article of none."""
    shorter = FERRY.partition(" Duikers")[0]
    commit(
        tmp_path,
        article(2, "kustkoerier", 1, "2026-11-19T08:00", text=FERRY.replace("twee palen", "drie palen")),
        article(1, "zuidkade", 1, "2026-11-19T07:00"),
        article(3, "veerbode", 1, "2026-11-19T09:00", text=shorter),
        article(4, "zuidkade", 4, "2026-11-19T10:00", text=MOON),
        article(6, "zuidkade", 6, "2026-11-19T12:00"),
        article(7, "zuidkade", 6, "2026-11-19T13:00"),
        article(8, "veerbode", None, "2026-11-19T14:00", text="Kort."),
        article(5, "veerbode", 4, "2026-11-20T10:00", text=MOON),
    )
    return tmp_path


def ids(stories: Sequence[Story]) -> list[list[int]]:
    return [[int(copy.article_id, 16) for copy in story.copies] for story in stories]


def test_the_stories_of_most_outlets_come_first_and_in_them_the_first_copy(root: Path) -> None:
    wire = Wire(root)
    found = list(wire.stories())
    assert (len(wire), ids(found)) == (2, [[1, 2, 3], [4, 5]])
    assert [story.outlets for story in found] == [3, 2]


def test_a_copy_says_who_when_and_how_much_is_other(root: Path) -> None:
    first, second, third = next(Wire(root).stories()).copies
    assert (first.source_id, first.agency, first.headline, first.changed) == ("zuidkade", "ANP", "Veerpont 1", 0)
    assert first.first_at == dt.datetime(2026, 11, 19, 7, tzinfo=dt.UTC)
    assert (second.source_id, second.agency, second.words) == ("kustkoerier", None, first.words)
    assert second.changed == pytest.approx(1 / first.words)
    assert third.changed == pytest.approx((first.words - third.words) / (first.words + third.words))


def test_only_stories_of_a_day_or_of_many_outlets(root: Path) -> None:
    assert ids(list(Wire(root, date=dt.date(2026, 11, 20)).stories())) == [[4, 5]]
    assert ids(list(Wire(root, least=3).stories())) == [[1, 2, 3]]
    assert ids(list(Wire(root, least=1).stories())) == [[1, 2, 3], [4, 5], [6, 7]]
    assert ids(list(Wire(root, least=1).stories(1))) == [[1, 2, 3]]
    assert len(Wire(root, least=4)) == 0


def test_the_story_of_one_article_whatever_it_is_carried_by(root: Path) -> None:
    assert ids(list(Wire(root, article_id=name(7)).stories())) == [[6, 7]]
    assert ids(list(Wire(root, article_id=name(5), date=dt.date(2026, 1, 1), least=9).stories())) == [[4, 5]]


def test_the_last_version_stands_for_an_article_and_the_first_for_its_moment(root: Path) -> None:
    commit(root, article(1, "zuidkade", 1, "2026-11-20T20:00", text=MOON, version=2))
    first = next(Wire(root).stories()).copies[0]
    assert (first.article_id, first.words) == (name(1), 9)
    assert first.first_at == dt.datetime(2026, 11, 19, 7, tzinfo=dt.UTC)


def test_where_no_time_was_stated_an_article_counts_from_its_fetching(tmp_path: Path) -> None:
    dated, undated = article(1, "zuidkade", 1, "2026-11-19T07:00"), article(2, "veerbode", 1, "2026-11-19T06:00")
    commit(tmp_path, dated, replace(undated, published_at=None))
    copies = next(Wire(tmp_path).stories()).copies
    assert [copy.source_id for copy in copies] == ["zuidkade", "veerbode"]
    assert copies[1].first_at == rows.NOW


def test_as_json(root: Path) -> None:
    story = next(Wire(root).stories()).as_json()
    copies = story.pop("copies")
    assert story == {"cluster_id": name(1), "outlets": 3, "articles": 3, "agencies": ["ANP"]}
    assert copies[1] == {
        "article_id": name(2),
        "source_id": "kustkoerier",
        "first_at": "2026-11-19T08:00:00+00:00",
        "agency": None,
        "headline": "Veerpont 2",
        "url": "https://oudewal.example/news/2",
        "words": 34,
        "changed": 0.029,
    }


@pytest.mark.parametrize("width", [64, 100])
def test_a_story_fits_the_terminal(root: Path, width: int) -> None:
    out = io.StringIO()
    show(next(Wire(root).stories()), Console(file=out, width=width))
    lines = out.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    assert any("zuidkade" in line and "07:00" in line for line in lines)
    assert "3 outlets" in lines[0]
    assert "31 %" in out.getvalue()


def test_brackets_in_a_headline_are_no_markup(tmp_path: Path) -> None:
    commit(tmp_path, replace(article(1, "[bold]", 1, "2026-11-19T07:00"), headline="[red]Veerpont[/red]"))
    out = io.StringIO()
    show(next(Wire(tmp_path, article_id=name(1)).stories()), Console(file=out, width=100))
    assert "[red]Veerpont[/red]" in out.getvalue()
    assert "[bold]" in out.getvalue()


def test_what_cannot_be_shown_is_said_in_a_line(root: Path, tmp_path: Path) -> None:
    with pytest.raises(WireError, match=r"holds no article 00ff; 'knipsel show"):
        Wire(root, article_id="00ff")
    with pytest.raises(WireError, match="in no story: its text has fewer than 40 words"):
        Wire(root, article_id=name(8))
    with pytest.raises(ShowError, match="holds no data set"):
        Wire(tmp_path / "elders")


def test_a_data_set_without_articles_has_no_stories(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        run_id = ledger.next_run_id(rows.NOW)
        ledger.commit(run_id, [], {"a": 1}, Counts(0, 0, 0, 0, 0), config_hash="c0ffee", now=rows.NOW)
    assert list(Wire(tmp_path).stories()) == []


def test_the_share_of_words_that_differ() -> None:
    words = FERRY.split()
    assert changed(words, words) == 0
    assert changed(words, MOON.split()) > 0.9
    assert changed(words, words[:-1]) == pytest.approx(1 - 2 * (len(words) - 1) / (2 * len(words) - 1))
    assert changed([], []) == 0
