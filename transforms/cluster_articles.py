"""New articles to the stories that they are copies of."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Lock

import apache_beam as beam
from apache_beam import pvalue
from apache_beam.utils.shared import Shared

from schemas.article import Article
from transforms.core.near_duplicates import Matcher, Placed, Window
from transforms.core.stages import LOCAL
from transforms.stage_times import timed

CLUSTERED = "clustered"
"""The tag of the second output: what is to be remembered of each article, an ``Entry``."""


class Stories:
    """What the window of a data set and the articles of the running run tell of stories. Threads may share it."""

    def __init__(self, window: Window, day: int) -> None:
        self._lock = Lock()
        self._matcher = Matcher(window, day)

    def place(self, article: Article) -> Placed:
        """Where an article belongs; it is known from now on. Placed again it belongs there still."""
        with self._lock:
            return self._matcher.place(
                article_id=article.article_id,
                version=article.version,
                source_id=article.source_id,
                content_hash=article.content_hash,
                text=article.body,
                language=article.language,
                outlet=article.source_id != LOCAL,
            )


def first_day(now: dt.datetime, window_days: int) -> int:
    """The first day that a window counts at the moment ``now``, as ``date.toordinal`` counts: ``window_days`` ago."""
    return now.astimezone(dt.UTC).date().toordinal() - window_days


def read_stories(state: str | None, now: dt.datetime, window_days: int) -> Stories:
    """What the state file at this path remembers of the last days.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not what this program writes.
    """
    kept = Window.from_json(json.loads(Path(state).read_bytes())) if state is not None else Window()
    return Stories(kept.since(first_day(now, window_days)), first_day(now, 0))


class ClusterArticles(beam.PTransform):
    """New articles in; the same with ``cluster_id`` and ``duplicate_of``, and under ``CLUSTERED`` their entries out.

    All articles of a run meet one memory, so that copies within the run are found too; it is shared by the threads of
    one worker process. It begins with what the last commit left and is gone with the run: what a run has learned
    reaches the next one by the state alone, and of a run that fails nothing does.

    Args:
        state: path of the state file that the last commit points to; ``None`` where there is none.
        now: the moment of the run.
        window_days: how many days an article is remembered, the day of the run not counted; 0: none, and articles
            come out as they went in.
        memory: the handle of the memory, one for each run.
    """

    def __init__(
        self, state: str | None, *, now: dt.datetime, window_days: int, memory: Shared | None = None
    ) -> None:
        super().__init__()
        self._fn = ClusterArticlesFn(state, now, window_days, memory or Shared())

    def expand(self, articles: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        return articles | "cluster" >> beam.ParDo(self._fn).with_outputs(CLUSTERED, main="articles")


class ClusterArticlesFn(beam.DoFn):
    """See ``ClusterArticles``."""

    def __init__(self, state: str | None, now: dt.datetime, window_days: int, memory: Shared) -> None:
        self._state = state
        self._now = now
        self._window_days = window_days
        self._memory = memory

    def setup(self) -> None:
        if self._window_days:
            self._stories: Stories = self._memory.acquire(
                lambda: read_stories(self._state, self._now, self._window_days)
            )

    def process(self, article: Article) -> Iterator[Article | pvalue.TaggedOutput]:
        if not self._window_days:
            yield article
            return
        with timed("cluster"):
            placed = self._stories.place(article)
        yield replace(article, cluster_id=placed.cluster_id, duplicate_of=placed.duplicate_of)
        yield pvalue.TaggedOutput(CLUSTERED, placed.entry)
