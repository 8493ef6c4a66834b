"""Later captures of addresses that are known: cleaned anew by what the earlier ones hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from schemas.article import Article, Cut
from schemas.record import Draft
from transforms.core.clutter.captures import says_no_more
from transforms.core.clutter.strip import told
from transforms.core.stages import as_extracted
from transforms.nursery_process import loaded
from transforms.parquet import read_rows

_COLUMNS = ("article_id", "version", "headline", "body", "removed")


@dataclass(frozen=True, slots=True)
class Recapture:
    """How a later capture is cleaned anew.

    Attributes:
        stages: packed, those behind extraction that go by the text.
        files: gives the paths of the article files that the data set holds of some days.
    """

    stages: bytes
    files: Callable[[Collection[dt.date]], Sequence[str]]

    def held(self, articles: Iterable[Article]) -> dict[str, bytes]:
        """What the newest versions told that the data set holds of these articles, by id.

        An article is looked for under its day: one that had no day is filed under another each time.

        Raises:
            OSError: a file is missing or damaged.
            pyarrow.ArrowException: it is no Parquet.
        """
        wanted = {article.article_id: article.partition_date for article in articles}
        days = {day for day in wanted.values() if day is not None}
        newest: dict[str, tuple[int, bytes]] = {}
        for path in self.files(days) if days else ():
            for article_id, version, what in _told(Path(path), wanted):
                if version > newest.get(article_id, (0, b""))[0]:
                    newest[article_id] = version, what
        return {article_id: what for article_id, (_, what) in newest.items()}

    def anew(self, draft: Draft, before: bytes) -> Draft:
        """The draft, cleaned by what an earlier capture told; itself where nothing more is cut."""
        if says_no_more(told_by(draft.article), before):
            return draft
        cleaned = loaded(self.stages)(as_extracted(draft, before))
        # What is suspect must not cost an article.
        if not isinstance(cleaned, Draft) or cleaned.article.removed == draft.article.removed:
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
