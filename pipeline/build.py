"""The whole graph on one screen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import apache_beam as beam
from apache_beam.utils.shared import Shared

from pipeline.checkpoints import of_days
from pipeline.settings import Config
from pipeline.tables import Settings
from transforms.apply_stages import ApplyStages
from transforms.check_articles import check_articles
from transforms.cluster_articles import CLUSTERED, ClusterArticles
from transforms.core.forgotten import Forgotten
from transforms.core.polling import PollPolicy
from transforms.count_lines import CountLines
from transforms.date_articles import date_articles
from transforms.detect_language import detect_language
from transforms.drop_known import DUPLICATES, DropKnown
from transforms.extract_articles import extract_articles
from transforms.fetching.job import Fetching
from transforms.keep_books import KeepBooks
from transforms.nursery_process import packed
from transforms.pool import Workers
from transforms.read_sources import Read, ReadSources
from transforms.recapture import Recapture
from transforms.select_days import ALL, Days, select_days
from transforms.stage import REJECTS, Stage
from transforms.strip_clutter import strip_clutter
from transforms.tag_articles import tag_articles
from transforms.write_rows import Target, WriteArticles, WriteRejects


@dataclass(frozen=True, slots=True)
class Job:
    """One run: its name, its moment, where its files are staged, who works on it, and what is known already.

    Attributes:
        root: of the data set.
        run_id: the name.
        now: the moment.
        staging: the folder of its files.
        workers: the processes that work on it.
        fetching: how it fetches.
        known: paths of the article files that the data set holds.
        furniture: the lines that recur at each outlet as far as earlier runs have counted.
        progress: the handle by which whoever watches has acquired the ``Progress``.
        memory: the handle of what ``known`` holds, so that runs of this process that share it read it once.
        state: path of the state file that the last commit points to, for the stories of the last days.
        stories: the handle of what the run knows of stories; no other run may have it.
        days: the articles of which are wanted.
        forgotten: what was erased for good.
    """

    root: Path
    run_id: str
    now: dt.datetime
    staging: Path
    workers: Workers
    fetching: Fetching
    known: tuple[str, ...]
    furniture: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    progress: Shared = field(default_factory=Shared)
    memory: Shared = field(default_factory=Shared)
    state: str | None = None
    stories: Shared = field(default_factory=Shared)
    days: Days = ALL
    forgotten: Forgotten = field(default_factory=Forgotten)


def stages(
    config: Config, now: dt.datetime | None, furniture: Mapping[str, Mapping[str, int]], days: Days = ALL
) -> tuple[Stage, ...]:
    """What happens to a record between reading and writing, in order; ``now`` is ``None`` where that never ends."""
    strip, detect, tag, check = stages_of_text(config, now, furniture)
    return (
        extract_articles(now=now, timezones=config.settings.timezones),
        strip,
        detect,
        date_articles(now=now),
        select_days(days),
        tag,
        check,
    )


def stages_of_text(
    config: Config, now: dt.datetime | None, furniture: Mapping[str, Mapping[str, int]]
) -> tuple[Stage, Stage, Stage, Stage]:
    """Those of them that go by the text alone, in order."""
    return (
        strip_clutter(config.rules, furniture),
        detect_language(**config.settings.language.model_dump()),
        tag_articles(config.topics, config.terms, config.agencies, config.gazetteer),
        check_articles(now=now),
    )


def read_and_clean(
    sources: beam.PCollection,
    config: Config,
    *,
    now: dt.datetime | None,
    fetching: Fetching,
    workers: Workers,
    furniture: Mapping[str, Mapping[str, int]],
    progress: Shared | None = None,
    days: Days = ALL,
    forgotten: Forgotten | None = None,
) -> tuple[Read, beam.pvalue.DoOutputsTuple]:
    """The first half, of runs and of jobs that never end: what was read, and the drafts and dead letters of that.

    Each carries the event time of its record. See ``Job`` for the arguments; ``now`` is ``None`` in a job that never
    ends.
    """
    limits = config.settings.limits
    read = sources | "Read" >> ReadSources(
        now=now,
        text_bytes=limits.text_bytes,
        feed_bytes=limits.feed_bytes,
        fetching=fetching,
        workers=workers,
        progress=progress,
        forgotten=forgotten,
    )
    return read, read.records | "Apply" >> ApplyStages(stages(config, now, furniture, days), workers)


def build(sources: beam.PCollection, config: Config, job: Job) -> beam.PCollection:
    """Everything between file descriptors and staged files; gives the outcome of the run as its one element.

    Where the sources never end, the second half is done for a pane of a window at a time: ``pipeline.endless``.

    Args:
        sources: ``SourceFile`` descriptors.
        config: settings, rules and vocabularies.
        job: the run.
    """
    target = Target(
        staging=job.staging,
        run_id=job.run_id,
        now=job.now,
        config_hash=config.config_hash,
        rules_version=config.rules_version,
        rows_per_file=config.settings.run.rows_per_file,
        buffer_bytes=config.settings.run.buffer_bytes,
    )

    read, drafted = read_and_clean(
        sources,
        config,
        now=job.now,
        fetching=job.fetching,
        workers=job.workers,
        furniture=job.furniture,
        progress=job.progress,
        days=job.days,
        forgotten=job.forgotten,
    )
    recapture = recapture_of(job.root, config, job.now, job.furniture, job.workers)
    new = drafted.drafts | "DropKnown" >> DropKnown(job.known, job.memory, job.forgotten, recapture)
    placed = new.articles | "ClusterArticles" >> ClusterArticles(
        job.state, now=job.now, window_days=config.settings.clusters.window_days, memory=job.stories
    )
    articles = placed.articles | "WriteArticles" >> WriteArticles(target)
    tallies = new.articles | "CountLines" >> CountLines()

    refused = (read.unread, drafted[REJECTS], new[REJECTS]) | "Refused" >> beam.Flatten()
    rejects = refused | "Rejects" >> beam.Map(job.forgotten.instead)
    letters = rejects | "WriteRejects" >> WriteRejects(target)
    books = {
        "files": (articles, letters) | "Files" >> beam.Flatten(),
        "records": read.records,
        "unread": read.unread,
        "known": read.known,
        "duplicates": new[DUPLICATES],
        "rejects": rejects,
        "articles": new.articles,
        "tallies": tallies,
        "clustered": placed[CLUSTERED],
        "left": read.cursors,
        "polls": read.polls,
        "later": read.later,
        "hosts": read.hosts,
    }
    return books | "Books" >> KeepBooks()


def recapture_of(
    root: Path,
    config: Config,
    now: dt.datetime | None,
    furniture: Mapping[str, Mapping[str, int]],
    workers: Workers,
) -> Recapture:
    """How later captures are cleaned by what the data set at ``root`` holds of the address."""
    of_text = packed(stages_of_text(config, now, furniture))
    return Recapture(of_text, partial(of_days, root), frozenset(config.settings.clutter.languages), workers)


def fetching_of(settings: Settings, now: dt.datetime) -> Fetching:
    """How a run at the moment ``now`` fetches; one for all its batches."""
    fetch, limits = settings.fetch, settings.limits
    return Fetching(
        now=now,
        policy=fetch.policy(),
        polls=polls_of(settings),
        batch_seconds=fetch.batch_seconds,
        page_tries=fetch.page_tries,
        feed_bytes=limits.feed_bytes,
        page_bytes=limits.text_bytes,
    )


def polls_of(settings: Settings) -> PollPolicy:
    """How often feeds are asked."""
    fetch = settings.fetch
    return PollPolicy(fetch.poll_seconds, fetch.full_poll_seconds, fetch.feed_failures)
