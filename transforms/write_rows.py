"""Rows to whole Parquet files in the staging folder of the run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from schemas.article import ARTICLES, Article
from schemas.reject import REJECTS, Reject
from transforms.by_hand import bundle, set_up
from transforms.core.text import sound
from transforms.parquet import StagedFile, stage_rows
from transforms.stage_times import timed


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run writes, and what it stamps on its rows.

    A file is closed at ``rows_per_file`` rows, and all files when the rows that wait hold ``buffer_bytes`` of text.
    Its name is the id of the run, the ``mark`` if there is one, and a number.
    """

    staging: Path
    run_id: str
    now: dt.datetime
    config_hash: str
    rules_version: str
    rows_per_file: int
    buffer_bytes: int
    mark: str = ""


class WriteArticles(beam.PTransform):
    """Articles in, staged files out: a file or more per date, sorted by id and version."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._target = target

    def expand(self, articles: beam.PCollection) -> beam.PCollection:
        return articles | beam.Map(_article_row, self._target) | beam.ParDo(_articles_fn(self._target))


class WriteRejects(beam.PTransform):
    """Dead letters in, staged files out, under the day of the run."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._target = target

    def expand(self, rejects: beam.PCollection) -> beam.PCollection:
        return rejects | beam.Map(_reject_row, self._target) | beam.ParDo(_rejects_fn(self._target))


def staged_here(articles: Iterable[Article], rejects: Iterable[Reject], target: Target) -> list[StagedFile]:
    """Stage articles and dead letters that are at hand, as the transforms do with those of a run."""
    rows = (_article_row(article, target) for article in articles)
    letters = (_reject_row(reject, target) for reject in rejects)
    return [
        file
        for fn, each in ((_articles_fn(target), rows), (_rejects_fn(target), letters))
        for _, file in bundle(set_up(fn), each)
    ]


def _articles_fn(target: Target) -> StageRowsFn:
    return StageRowsFn(target, ARTICLES, ("article_id", "version"))


def _rejects_fn(target: Target) -> StageRowsFn:
    return StageRowsFn(target, REJECTS, ("input_ref", "code"))


def _article_row(article: Article, target: Target) -> tuple[dt.date, dict[str, Any], int]:
    if article.partition_date is None:
        raise ValueError(f"{article.input_ref}: no date was settled before writing")
    stamped = replace(
        article,
        run_id=target.run_id,
        ingested_at=target.now,
        config_hash=target.config_hash,
        rules_version=target.rules_version,
    )
    return (
        article.partition_date,
        stamped.row(),
        len(article.body) + sum(len(cut.text) for cut in article.removed),
    )


def _reject_row(reject: Reject, target: Target) -> tuple[dt.date, dict[str, Any], int]:
    stamped = replace(reject, run_id=target.run_id, rejected_at=target.now)
    # It may be here because of a text that is none, and must not fail the run for that.
    row = {name: sound(value)[0] if isinstance(value, str) else value for name, value in stamped.row().items()}
    return target.now.date(), row, len(reject.message)


class StageRowsFn(beam.DoFn):
    """Gathers rows by date and stages a file whenever enough of them wait.

    ``finish_bundle`` comes only at the end of a stage on the in-process engine, so files are closed in ``process``.
    """

    def __init__(self, target: Target, schema: pa.Schema, sort_by: tuple[str, ...]) -> None:
        self._target = target
        self._schema = schema
        self._sort_by = sort_by

    def setup(self) -> None:
        self._files = 0

    def start_bundle(self) -> None:
        self._waiting: dict[dt.date, list[dict[str, Any]]] = {}
        self._held = 0

    def process(self, element: tuple[dt.date, dict[str, Any], int]) -> Iterator[Any]:
        date, row, size = element
        rows = self._waiting.setdefault(date, [])
        rows.append(row)
        self._held += size
        if len(rows) >= self._target.rows_per_file:
            yield self._stage(date)
        elif self._held >= self._target.buffer_bytes:
            yield from map(self._stage, sorted(self._waiting))
            self._held = 0

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for date in sorted(self._waiting):
            window = GlobalWindow()
            yield WindowedValue(self._stage(date), window.max_timestamp(), [window])

    def _stage(self, date: dt.date) -> Any:
        rows = self._waiting.pop(date)
        self._files += 1
        name = f"{self._target.run_id}-{self._target.mark}{self._files}.parquet"
        with timed("write"):
            return stage_rows(self._target.staging, name, rows, self._schema, self._sort_by, date=date)
