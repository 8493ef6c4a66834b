"""``knipsel explain``: what would become of an input, and why, without writing anything."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from pipeline.inputs import Inputs
from pipeline.settings import Config
from schemas.article import Article
from schemas.record import Record
from schemas.reject import EXPLAINED, Reason, Refused, Reject
from schemas.rules import NOT_CLUTTER
from transforms.core import stages
from transforms.core.agencies import AgencyReader
from transforms.core.clutter.rules import RuleBook
from transforms.core.language import DETECTORS
from transforms.core.topics import TopicTagger
from transforms.read_sources import read_file


@dataclass(frozen=True, slots=True)
class Explained:
    """One input: the article that it becomes, or the dead letter."""

    article: Article | None
    reject: Reject | None

    def as_json(self) -> dict[str, Any]:
        """Every column, dates as ISO strings."""
        row = self.article.row() if self.article else self.reject.row() if self.reject else {}
        return {
            "outcome": "written" if self.article else "rejected",
            **json.loads(json.dumps(row, default=str)),
        }


def explain(inputs: Inputs, config: Config, *, now: dt.datetime) -> Iterator[Explained]:
    """Each record of ``inputs`` through every stage, as a run would take it, in order."""
    limits, language = config.settings.limits, config.settings.language
    way: tuple[tuple[str, Any], ...] = (
        ("extract", partial(stages.extract, now=now, timezones=config.settings.timezones)),
        ("strip", partial(stages.strip_clutter, book=RuleBook(config.rules))),
        (
            "language",
            partial(
                stages.detect_language,
                detector=DETECTORS[language.detector](),
                max_chars=language.max_chars,
                min_letters=language.min_letters,
            ),
        ),
        ("date", partial(stages.date_article, now=now)),
        (
            "tag",
            partial(
                stages.tag_article,
                tagger=TopicTagger(config.topics, config.terms),
                agencies=AgencyReader(config.agencies),
            ),
        ),
    )
    for file in inputs.files:
        for item in read_file(file, text_bytes=limits.text_bytes, feed_bytes=limits.feed_bytes):
            yield Explained(None, item) if isinstance(item, Reject) else _walk(item, way)


def _walk(record: Record, way: tuple[tuple[str, Any], ...]) -> Explained:
    at: Any = record
    for name, stage in way:
        try:
            at = stage(at)
        except Refused as refusal:
            return Explained(None, at.dead_letter(name, refusal.reason, refusal.message))
    return Explained(at.article, None)


def show(explained: Explained, console: Console) -> None:
    """Print one input for people: the columns that a decision stands behind, then the text with its cuts in place."""
    if explained.reject is not None:
        reject = explained.reject
        console.print(f"[bold red]{escape(reject.code)}[/] {escape(reject.input_ref)}")
        console.print(f"  {escape(reject.message)}", highlight=False)
        console.print(f"  {EXPLAINED[Reason(reject.code)]}", style="dim", highlight=False)
    elif explained.article is not None:
        console.print(Group(_facts(explained.article), "", marked(explained.article, colour=console.is_terminal), ""))


def _facts(article: Article) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    published = article.published_edtf or "not stated"
    evidence = f" ({article.date_evidence})" if article.date_evidence else ""
    clutter = [cut for cut in article.removed if cut.kind not in NOT_CLUTTER]
    rows = [
        ("headline", article.headline),
        ("input", article.input_ref),
        ("url", article.url),
        ("source", article.source_name or article.source_id),
        ("published", f"{published}{evidence}; filed under {article.partition_date} as {article.date_basis}"),
        ("modified", article.modified_at.isoformat() if article.modified_at else None),
        (
            "language",
            f"{article.language} {article.language_score:.2f}, declared {article.language_declared or '-'}",
        ),
        ("agency", f"{article.agency} ({article.agency_evidence})" if article.agency else None),
        ("dateline", article.dateline_place),
        ("authors", ", ".join(article.authors) or None),
        ("section", article.section),
        ("access", article.access if article.access != "unknown" else None),
        ("flags", ", ".join(article.quality_flags) or None),
        ("clutter", f"{article.clutter_ratio:.0%} of the text in {len(clutter)} cuts"),
    ]
    rows += [("tag", f"{t.code} {t.label} {t.score:.2f}: {t.evidence}") for t in article.tags]
    for name, value in rows:
        if value:
            table.add_row(name, Text(str(value)))
    return table


def marked(article: Article, *, colour: bool) -> Text:
    """The text before stripping with each cut marked: ``[-kind: text-]``, and in colour where there is some."""
    out, at, length = Text(), 0, 0
    for cut in article.removed:
        take = cut.start - length
        out.append(article.body[at : at + take])
        at, length = at + take, cut.end
        body = cut.text.rstrip()
        tail = cut.text[len(body) :]
        if cut.kind in NOT_CLUTTER:
            out.append(cut.text, style="bold")
        elif colour:
            out.append(f" {cut.kind} ", style="reverse red")
            out.append(body, style="strike red").append(f" {cut.rule}", style="dim").append(tail)
        else:
            out.append(f"[-{cut.kind} ({cut.rule}): {body.strip()}-]{tail}")
    return out.append(article.body[at:])
