"""The whole graph on one screen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import apache_beam as beam

from pipeline.settings import Config
from transforms.count_lines import CountLines
from transforms.date_articles import DateArticles
from transforms.detect_language import DetectLanguage
from transforms.drop_known import DUPLICATES, DropKnown
from transforms.extract_articles import ExtractArticles
from transforms.keep_books import KeepBooks
from transforms.read_sources import ReadSources
from transforms.stage import REJECTS
from transforms.strip_clutter import StripClutter
from transforms.tag_articles import TagArticles
from transforms.write_rows import Target, WriteArticles, WriteRejects


@dataclass(frozen=True, slots=True)
class Job:
    """One run: its name, its moment, where its files are staged, and what is known already.

    ``known`` are the paths of the article files that the data set holds, ``furniture`` the lines that recur at each
    outlet as far as earlier runs have counted.
    """

    run_id: str
    now: dt.datetime
    staging: Path
    known: tuple[str, ...]
    furniture: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def build(sources: beam.PCollection, config: Config, job: Job, progress: beam.PTransform) -> beam.PCollection:
    """Everything between file descriptors and staged files; gives the outcome of the run as its one element.

    The sources may as well be unbounded: records carry their event time from the moment they are read, and the
    outcome is what a commit needs, whether a run asks for it once or a window again and again.

    Args:
        sources: ``SourceFile`` descriptors.
        config: settings, rules and vocabularies.
        job: the run.
        progress: passes records through and counts them for whoever watches.
    """
    run, limits, language = config.settings.run, config.settings.limits, config.settings.language
    target = Target(
        staging=job.staging,
        run_id=job.run_id,
        now=job.now,
        config_hash=config.config_hash,
        rules_version=config.rules_version,
        rows_per_file=run.rows_per_file,
        buffer_bytes=run.buffer_bytes,
    )

    read = sources | "Read" >> ReadSources(now=job.now, text_bytes=limits.text_bytes, feed_bytes=limits.feed_bytes)
    records = read.records | "Progress" >> progress
    drafted = records | "Extract" >> ExtractArticles(now=job.now, timezones=config.settings.timezones)
    stripped = drafted.drafts | "Strip" >> StripClutter(config.rules, job.furniture)
    told = stripped.drafts | "Language" >> DetectLanguage(**language.model_dump())
    dated = told.drafts | "Date" >> DateArticles(now=job.now)
    tagged = dated.drafts | "Tag" >> TagArticles(config.topics, config.terms, config.agencies)
    new = tagged.drafts | "DropKnown" >> DropKnown(job.known)
    articles = new.articles | "WriteArticles" >> WriteArticles(target)
    tallies = new.articles | "CountLines" >> CountLines()

    stages = (read, drafted, stripped, told, dated, tagged)
    rejects = [stage[REJECTS] for stage in stages] | "Rejects" >> beam.Flatten()
    letters = rejects | "WriteRejects" >> WriteRejects(target)
    files = (articles, letters) | "Files" >> beam.Flatten()
    return (files, records, read[REJECTS], rejects, new[DUPLICATES], tallies) | "Books" >> KeepBooks()
