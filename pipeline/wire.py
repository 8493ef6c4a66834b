"""``knipsel wire``: stories that several outlets carry, who had them first, and how much each has changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.show import connect
from transforms.core.signatures import MIN_WORDS

LEAST = 2
"""Outlets that a story has at least to be shown, where nobody says how many."""
SHOWN = 20
"""Stories shown to people where they do not say how many."""
MOST_WORDS = 5_000
"""How far into two texts words are compared: time grows with the square of their number."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ROWS = 256
"""Rows with their texts that are taken at a time."""

# Of an article the last version stands for it: its text is what the outlet has left standing.
_LATEST = """
create temp table latest as
select article_id, version, source_id, cluster_id, agency, headline, url, date,
       first_value(epoch_us(coalesce(published_at, fetched_at)))
           over (partition by article_id order by version) as first_us
from articles
qualify row_number() over (partition by article_id order by version desc) = 1
"""
_STORIES = """
create temp table stories as
select cluster_id, count(distinct source_id) as outlets, count(*) as articles, min(first_us) as since
from latest
where cluster_id is not null
group by cluster_id
having cluster_id = $story or ($story is null and count(distinct source_id) >= $least
    and ($date is null or bool_or(date = $date)))
"""
_COPIES = """
with shown as (select * from stories order by outlets desc, articles desc, since, cluster_id limit $limit)
select cluster_id, outlets, article_id, source_id, first_us, agency, headline, url, body
from shown
join latest using (cluster_id)
join (select article_id, version, body from articles) using (article_id, version)
order by outlets desc, articles desc, since, cluster_id, first_us, source_id, article_id
"""


class WireError(Exception):
    """Stories that cannot be shown; one line that says why."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The text of one outlet.

    Attributes:
        first_at: when it was published, or fetched where no time of day was stated.
        words: how many its text has.
        changed: which share of the words differs from the first copy (see ``changed``), 0 for that itself.
    """

    article_id: str
    source_id: str
    first_at: dt.datetime
    agency: str | None
    headline: str | None
    url: str | None
    words: int
    changed: float

    def as_json(self) -> dict[str, Any]:
        """Its fields; the moment in ISO 8601."""
        return {
            "article_id": self.article_id,
            "source_id": self.source_id,
            "first_at": self.first_at.isoformat(),
            "agency": self.agency,
            "headline": self.headline,
            "url": self.url,
            "words": self.words,
            "changed": round(self.changed, 3),
        }


@dataclass(frozen=True, slots=True)
class Story:
    """A story and its copies, the first one first."""

    cluster_id: str
    outlets: int
    copies: tuple[Copy, ...]

    def as_json(self) -> dict[str, Any]:
        """One object."""
        return {
            "cluster_id": self.cluster_id,
            "outlets": self.outlets,
            "articles": len(self.copies),
            "agencies": sorted({copy.agency for copy in self.copies if copy.agency}),
            "copies": [copy.as_json() for copy in self.copies],
        }


def changed(first: Sequence[str], other: Sequence[str]) -> float:
    """The share of the words of two texts that have no counterpart in the other, in order.

    Words are matched by difflib, from the longest common stretch on. Case and punctuation count. A text cut to half
    its length differs by a third: half of the first are missing, of three halves.
    """
    matcher = SequenceMatcher(None, first[:MOST_WORDS], other[:MOST_WORDS], autojunk=False)
    return 1 - matcher.ratio()


class Wire:
    """The stories of a data set, those that most outlets carry first.

    Args:
        root: of the data set.
        date: only stories of which an article is filed under this day.
        least: only stories that so many outlets carry.
        article_id: only the story of this article, whatever its days and outlets.

    Raises:
        ShowError: there is no data set.
        WireError: there is no such article, or it has no story.
    """

    def __init__(
        self, root: Path, *, date: dt.date | None = None, least: int = LEAST, article_id: str | None = None
    ) -> None:
        self._connection = connect(root)
        story = None if article_id is None else self._story_of(root, article_id)
        self._connection.execute(_LATEST)
        self._connection.execute(_STORIES, {"story": story, "date": date, "least": least})

    def __len__(self) -> int:
        (count,) = self._connection.execute("select count(*) from stories").fetchall()[0]
        return int(count)

    def stories(self, limit: int | None = None) -> Iterator[Story]:
        """The first ``limit`` of them, ``None`` for all."""
        for (cluster_id, outlets), rows in groupby(self._copies(limit), key=lambda row: row[:2]):
            copies: list[Copy] = []
            first: list[str] = []
            for _, _, article_id, source_id, microseconds, agency, headline, url, body in rows:
                words = body.split()
                first = first if copies else words
                copies.append(
                    Copy(
                        article_id=article_id,
                        source_id=source_id,
                        first_at=_EPOCH + dt.timedelta(microseconds=microseconds),
                        agency=agency,
                        headline=headline,
                        url=url,
                        words=len(words),
                        changed=changed(first, words) if copies else 0.0,
                    )
                )
            yield Story(cluster_id, outlets, tuple(copies))

    def _copies(self, limit: int | None) -> Iterator[tuple[Any, ...]]:
        result = self._connection.execute(_COPIES, {"limit": len(self) if limit is None else limit})
        while rows := result.fetchmany(_ROWS):
            yield from rows

    def _story_of(self, root: Path, article_id: str) -> str:
        ask = "select cluster_id from articles where article_id = $id order by version desc limit 1"
        rows = self._connection.execute(ask, {"id": article_id}).fetchall()
        if not rows:
            raise WireError(
                f"{root}: holds no article {article_id}; 'knipsel show --root {root}' shows what there is"
            )
        story: str | None = rows[0][0]
        if story is None:
            raise WireError(
                f"{article_id}: is in no story: its text has fewer than {MIN_WORDS} words, or it was written with "
                "clusters.window_days = 0"
            )
        return story


def show(story: Story, console: Console) -> None:
    """Print one story as a table that fits the console; a headline stands where it is not that of the first copy."""
    first = story.copies[0]
    title = Text(first.headline or "without a headline", style="bold")
    outlets = "1 outlet" if story.outlets == 1 else f"{story.outlets} outlets"
    title.append(f"  {outlets}  {story.cluster_id}", style="dim")
    console.print(title)
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("first", no_wrap=True, min_width=16)
    table.add_column("outlet", no_wrap=True, max_width=24)
    table.add_column("agency", no_wrap=True)
    table.add_column("words", justify="right", no_wrap=True)
    table.add_column("changed", justify="right", no_wrap=True)
    table.add_column("headline", overflow="fold")
    for copy in story.copies:
        table.add_row(
            f"{copy.first_at:%Y-%m-%d %H:%M}",
            Text(copy.source_id),
            Text(copy.agency or ""),
            f"{copy.words:,}",
            f"{100 * copy.changed:.0f} %" if copy is not first else "",
            Text("" if copy.headline == first.headline else copy.headline or ""),
        )
    console.print(table)
    console.print()
