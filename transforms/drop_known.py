"""Drafts to articles that the data set does not hold yet, each with its version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

import apache_beam as beam
import pyarrow.parquet as pq
from apache_beam import pvalue
from apache_beam.utils.shared import Shared

from schemas.article import Article
from schemas.record import Draft
from transforms.core.forgotten import Forgotten, obituary
from transforms.stage import REJECTS

DUPLICATES = "duplicates"
"""The tag of the second output: ids of articles that were known already."""


class Known:
    """Which texts a data set holds under which id, the ones of the running run included. Threads may share it."""

    def __init__(self, held: Iterable[tuple[str, int, str]] = ()) -> None:
        self._lock = Lock()
        self._versions: dict[str, int] = {}
        self._texts: set[tuple[str, str]] = set()
        for article_id, version, content_hash in held:
            self._versions[article_id] = max(version, self._versions.get(article_id, 0))
            self._texts.add((article_id, content_hash))

    def admit(self, article_id: str, content_hash: str, earlier_hashes: Iterable[str] = ()) -> int | None:
        """The version under which this text is new, and known from now on; ``None`` where it was known.

        A text of which one of the ``earlier_hashes`` is held was known too: what has changed since is not the
        article but what is cut out of it.
        """
        with self._lock:
            if any((article_id, each) in self._texts for each in (content_hash, *earlier_hashes)):
                return None
            version = self._versions.get(article_id, 0) + 1
            self._versions[article_id] = version
            self._texts.add((article_id, content_hash))
            return version


def read_known(files: Iterable[str]) -> Known:
    """What the article files at these paths hold. Only the three columns that tell are read."""
    held: list[tuple[str, int, str]] = []
    for path in files:
        table = pq.read_table(Path(path), columns=["article_id", "version", "content_hash"], partitioning=None)
        held += zip(*(column.to_pylist() for column in table.columns), strict=True)
    return Known(held)


class DropKnown(beam.PTransform):
    """Drafts in; articles with their version and, under ``DUPLICATES``, ids of known ones out.

    Articles that were erased for good end under ``REJECTS``. All drafts of a run meet one memory, so that copies
    within the run are found too; it is shared by the threads of one worker process and is gone with the run, or with
    the last that shares it.

    Args:
        files: paths of the article files that the data set holds.
        memory: by this handle several runs in one process share what is known; the files are read by the first.
        forgotten: what was erased for good.
    """

    def __init__(
        self, files: Sequence[str], memory: Shared | None = None, forgotten: Forgotten | None = None
    ) -> None:
        super().__init__()
        self._files = tuple(files)
        self._memory = memory or Shared()
        self._forgotten = forgotten or Forgotten()

    def expand(self, drafts: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        fn = DropKnownFn(self._files, self._memory, self._forgotten)
        return drafts | "known" >> beam.ParDo(fn).with_outputs(DUPLICATES, REJECTS, main="articles")


class DropKnownFn(beam.DoFn):
    """See ``DropKnown``."""

    def __init__(self, files: tuple[str, ...], shared: Shared, forgotten: Forgotten) -> None:
        self._files = files
        self._shared = shared
        self._forgotten = forgotten

    def setup(self) -> None:
        self._known = self._shared.acquire(lambda: read_known(self._files))

    def process(self, draft: Draft) -> Iterator[Article | pvalue.TaggedOutput]:
        article = draft.article
        gone = self._forgotten.known(article.article_id, addresses=(article.url, article.canonical_url))
        if gone is not None:
            letter = obituary(gone, source_id=article.source_id, feed_url=article.feed_url)
            yield pvalue.TaggedOutput(REJECTS, letter)
            return
        version = self._known.admit(article.article_id, article.content_hash, draft.earlier_hashes)
        if version is None:
            yield pvalue.TaggedOutput(DUPLICATES, article.article_id)
        else:
            yield replace(article, version=version)
