"""Drafts to articles that the data set does not hold yet, each with its version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam import pvalue
from apache_beam.utils.shared import Shared
from apache_beam.utils.windowed_value import WindowedValue

from schemas.article import Article
from schemas.record import Draft
from transforms.core.forgotten import Forgotten, obituary
from transforms.core.keys import key_of
from transforms.core.known_texts import COLUMNS, KnownTexts
from transforms.parquet import read_rows
from transforms.recapture import Recapture, told_by
from transforms.stage import REJECTS
from transforms.stage_times import timed

INDEX_SUFFIX = ".arrow"
"""By it an index is told from a file of articles."""

_LATER = 500
"""So many later captures are held back at most: some megabytes, and each lot costs a look at the files of their days,
a twentieth of the time that their pages took."""

DUPLICATES = "duplicates"
"""The tag of the second output: ids of articles that were known already."""


class Known:
    """Which texts a data set holds under which id, the ones of the running run included. Threads may share it.

    It goes by keys of 64 bits for ids and for texts. An article is dropped by mistake only where both are those of
    another text: of another article by chance with 2^-128 for each pair, as the cut of the ids themselves to 128
    bits has it; of its own earlier versions with 2^-64 for each. If ten million articles are edited that have three
    versions each, the chance that one edit is lost is 2e-12, far below that of an error of memory which nobody
    notices. Two ids with one key, of which the chance is 3e-6 among ten million, cost nothing but a number: the
    second begins with version 2.
    """

    def __init__(self, held: Iterable[KnownTexts] = ()) -> None:
        self._lock = Lock()
        self._held = tuple(part for part in held if len(part))
        self._versions: dict[int, int] = {}
        self._texts: set[tuple[int, int]] = set()

    def admit(self, article_id: str, content_hash: str, earlier_hashes: Iterable[str] = ()) -> int | None:
        """The version under which this text is new, and known from now on; ``None`` where it was known.

        A text of which one of the ``earlier_hashes`` is held was known too: what has changed since is not the
        article but what is cut out of it.
        """
        key, text = key_of(article_id), key_of(content_hash)
        with self._lock:
            newest = self._newest(key, {text, *map(key_of, earlier_hashes)})
            if newest is None:
                return None
            self._versions[key] = newest + 1
            self._texts.add((key, text))
            return newest + 1

    def newest(self, article_id: str, content_hash: str, earlier_hashes: Iterable[str] = ()) -> int | None:
        """The newest version that is held of an article with another text than this, 0 where there is none.

        ``None`` where this text was known.
        """
        with self._lock:
            return self._newest(key_of(article_id), {key_of(content_hash), *map(key_of, earlier_hashes)})

    def _newest(self, key: int, alike: set[int]) -> int | None:
        newest = self._versions.get(key, 0)
        if any((key, each) in self._texts for each in alike):
            return None
        for part in self._held:
            texts, versions = part.under(key)
            if not alike.isdisjoint(texts.tolist()):
                return None
            newest = max(newest, int(versions.max(initial=0)))
        return newest


def read_known(files: Iterable[str]) -> Known:
    """What the files at these paths hold: files of articles, of which three columns are read, or an index of many.

    An index is mapped, not read: it costs memory only where it is asked, and processes share that.

    Raises:
        OSError: a file is missing, or a page that was read is damaged.
        pyarrow.ArrowException: it is no Parquet.
    """
    paths = [Path(path) for path in files]
    indexes = [read_index(path) for path in paths if path.suffix == INDEX_SUFFIX]
    rest = (read_rows(path, COLUMNS) for path in paths if path.suffix != INDEX_SUFFIX)
    return Known([*indexes, KnownTexts.of_articles(rest)])


def read_index(path: Path) -> KnownTexts:
    """The texts in an index, mapped.

    Raises:
        OSError: it is missing.
        pyarrow.ArrowException: it is none.
    """
    with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
        return KnownTexts.of_table(reader.read_all())


class DropKnown(beam.PTransform):
    """Drafts in; articles with their version and, under ``DUPLICATES``, ids of known ones out.

    Articles that were erased for good end under ``REJECTS``. All drafts of a run meet one memory, so that copies
    within the run are found too; it is shared by the threads of one worker process and is gone with the run, or with
    the last that shares it.

    Args:
        files: paths of the article files that the data set holds, or of an index in the place of most of them.
        memory: by this handle several runs in one process share what is known; the files are read by the first.
        forgotten: what was erased for good.
        recapture: how a later capture of an address is cleaned by what the earlier holds; ``None``: it is not.
    """

    def __init__(
        self,
        files: Sequence[str],
        memory: Shared | None = None,
        forgotten: Forgotten | None = None,
        recapture: Recapture | None = None,
    ) -> None:
        super().__init__()
        self._files = tuple(files)
        self._memory = memory or Shared()
        self._forgotten = forgotten or Forgotten()
        self._recapture = recapture

    def expand(self, drafts: beam.PCollection) -> beam.pvalue.DoOutputsTuple:
        fn = DropKnownFn(self._files, self._memory, self._forgotten, self._recapture)
        return drafts | "known" >> beam.ParDo(fn).with_outputs(DUPLICATES, REJECTS, main="articles")


class DropKnownFn(beam.DoFn):
    """See ``DropKnown``."""

    def __init__(
        self, files: tuple[str, ...], shared: Shared, forgotten: Forgotten, recapture: Recapture | None
    ) -> None:
        self._files = files
        self._shared = shared
        self._forgotten = forgotten
        self._recapture = recapture

    def setup(self) -> None:
        self._known = self._shared.acquire(lambda: read_known(self._files))
        # Of the articles of this run what they told, by id.
        self._told: dict[str, bytes] = {}
        self._later: list[tuple[Draft, Any, Any]] = []

    def process(
        self, draft: Draft, timestamp: Any = beam.DoFn.TimestampParam, window: Any = beam.DoFn.WindowParam
    ) -> Iterator[Article | WindowedValue | pvalue.TaggedOutput]:
        article = draft.article
        gone = self._forgotten.known(article.article_id, addresses=(article.url, article.canonical_url))
        if gone is not None:
            letter = obituary(gone, source_id=article.source_id, feed_url=article.feed_url)
            yield pvalue.TaggedOutput(REJECTS, letter)
        elif self._recapture and self._known.newest(article.article_id, article.content_hash, draft.earlier_hashes):
            self._later.append((draft, timestamp, window))
            if len(self._later) == _LATER:
                yield from self._cleaned_anew(self._recapture)
        else:
            yield self._admitted(draft)

    def finish_bundle(self) -> Iterator[WindowedValue | pvalue.TaggedOutput]:
        if self._recapture and self._later:
            yield from self._cleaned_anew(self._recapture)

    def _cleaned_anew(self, recapture: Recapture) -> Iterator[WindowedValue | pvalue.TaggedOutput]:
        """Later captures, held back so that the earlier ones are looked up for many at once."""
        with timed("recapture"):
            articles = (draft.article for draft, _, _ in self._later)
            held = recapture.held(article for article in articles if article.article_id not in self._told)
        told = held | self._told
        captures = ((draft, told.get(draft.article.article_id)) for draft, _, _ in self._later)
        for draft, (_, timestamp, window) in zip(recapture.anew(captures), self._later, strict=True):
            yield _placed(self._admitted(draft), timestamp, window)
        self._later.clear()

    def _admitted(self, draft: Draft) -> Article | pvalue.TaggedOutput:
        article = draft.article
        version = self._known.admit(article.article_id, article.content_hash, draft.earlier_hashes)
        if version is None:
            return pvalue.TaggedOutput(DUPLICATES, article.article_id)
        if self._recapture:
            self._told[article.article_id] = told_by(article)
        return replace(article, version=version)


def _placed(
    output: Article | pvalue.TaggedOutput, timestamp: Any, window: Any
) -> WindowedValue | pvalue.TaggedOutput:
    if isinstance(output, pvalue.TaggedOutput):
        return pvalue.TaggedOutput(output.tag, WindowedValue(output.value, timestamp, (window,)))
    return WindowedValue(output, timestamp, (window,))
