"""Later captures of addresses that are known: cleaned anew by what the earlier ones hold."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from schemas.article import Article, Cut
from schemas.record import Draft
from schemas.reject import Reject
from transforms.core.clutter.captures import differing
from transforms.core.clutter.segments import lines
from transforms.core.clutter.strip import restore, told
from transforms.core.language import primary
from transforms.core.stages import as_extracted
from transforms.nursery_process import loaded
from transforms.parquet import read_rows
from transforms.pool import Pool, Workers
from transforms.stage_times import spent

_LOGGER = logging.getLogger(__name__)

_COLUMNS = ("article_id", "version", "headline", "body", "removed")


@dataclass(frozen=True, slots=True)
class Recapture:
    """How a later capture is cleaned anew.

    Attributes:
        stages: packed, those behind extraction that go by the text.
        files: gives the paths of the article files that the data set holds of some days.
        languages: those that the rules and the model know. In others a line that is new tells nothing.
        workers: the processes that do it; with none it is done in the process of the engine.
    """

    stages: bytes
    files: Callable[[Collection[dt.date]], Sequence[str]]
    languages: frozenset[str]
    workers: Workers

    def held(self, articles: Iterable[Article]) -> dict[str, bytes]:
        """What the newest versions told that the data set holds of these articles, by id.

        An article is looked for under its day: one that had no day is filed under another each time. A file that is
        damaged is passed over, with a warning: what is new must not wait for its repair.
        """
        wanted = {article.article_id: article.partition_date for article in articles}
        days = {day for day in wanted.values() if day is not None}
        newest: dict[str, tuple[int, bytes]] = {}
        for path in self.files(days) if days else ():
            try:
                found = list(_told(Path(path), wanted))
            except (OSError, pa.ArrowException) as fault:
                why = str(fault).partition("\n")[0]
                _LOGGER.warning("%s: cannot be read (%s); 'knipsel verify' shows what else is damaged", path, why)
                continue
            for article_id, version, what in found:
                if version > newest.get(article_id, (0, b""))[0]:
                    newest[article_id] = version, what
        return {article_id: what for article_id, (_, what) in newest.items()}

    def anew(self, captures: Iterable[tuple[Draft, bytes | None]]) -> Iterator[Draft]:
        """Each draft, in order, cleaned by what an earlier capture told; itself where nothing more is cut.

        Raises:
            NurseryError: there are no processes to be had.
        """
        if not self.workers.count:
            chain = None
            for draft, before in captures:
                if before is not None and self._has_new_lines(draft, before):
                    chain = chain or loaded(self.stages)
                    draft = _better(draft, chain(as_extracted(draft, before)))
                yield draft
            return
        pool = Pool(self.stages, self.workers)
        try:
            for draft, before in captures:
                is_new = before is not None and self._has_new_lines(draft, before)
                again = as_extracted(draft, before) if before is not None and is_new else draft
                yield from starmap(_better, pool.put(again, draft, None if is_new else draft))
            yield from starmap(_better, pool.drain())
        finally:
            spent(pool.seconds)
            pool.close()

    def _has_new_lines(self, draft: Draft, before: bytes) -> bool:
        """Whether anything is suspect. Most later captures have a word changed, and no line that is new."""
        article = draft.article
        if primary(article.language) not in self.languages:
            return False
        text = restore(article.body, article.removed)
        return any(differing(([text[start:end]] for start, end in lines(text)), before))


def _better(draft: Draft, cleaned: Draft | Reject) -> Draft:
    """What is suspect must not cost an article."""
    if isinstance(cleaned, Reject) or cleaned.article.removed == draft.article.removed:
        return draft
    return cleaned


def told_by(article: Article) -> bytes:
    """What an article tells a later capture of its address."""
    return told(article.headline, article.body, article.removed)


def _told(path: Path, wanted: Collection[str]) -> Iterator[tuple[str, int, bytes]]:
    """Id, version and what it told of each wanted article in a file; the texts of a file without one are not read."""
    ids = pa.array(sorted(wanted), pa.string())
    if not pc.any(pc.is_in(read_rows(path, ("article_id",))["article_id"], ids)).as_py():
        return
    table = read_rows(path, _COLUMNS)
    for row in table.filter(pc.is_in(table["article_id"], ids)).to_pylist():
        cuts = [Cut(**cut) for cut in row["removed"] or ()]
        yield row["article_id"], row["version"], told(row["headline"], row["body"], cuts)
