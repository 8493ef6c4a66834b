"""``knipsel explain``: what would become of an input, and why, without writing anything."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from pipeline.build import stages
from pipeline.inputs import Inputs
from pipeline.rules_diff import stated_headline
from pipeline.settings import Config
from schemas.article import Article, Tag
from schemas.record import PAGES, Draft, Record
from schemas.reject import EXPLAINED, Reason, Reject
from schemas.rules import NOT_CLUTTER
from transforms.core.clutter.decide import WEIGHED
from transforms.core.clutter.features import in_words
from transforms.core.clutter.rules import RuleBook, rule_book
from transforms.core.clutter.strip import restore, strip
from transforms.core.extraction import left_out
from transforms.read_sources import read_file
from transforms.stage import Chain

_TOPICS = "medtop"
"""The scheme of most tags; a code of eight figures is known by itself."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One input: the article that it becomes, or the dead letter.

    ``left_out`` is what the page shows and the extractor did not take; ``None`` where the input is no page.
    ``reasons`` are, by the ``start`` of a cut that was weighed, what weighed most for it, in words.
    """

    article: Article | None = None
    reject: Reject | None = None
    left_out: tuple[str, ...] | None = None
    reasons: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Every column, dates as ISO strings.

        An article also has ``text``, the text before stripping that the offsets in ``removed`` count in; each of
        ``removed`` that was weighed has ``reasons``; and an article from a page has ``left_out``.
        """
        if self.article is None:
            row = self.reject.row() if self.reject else {}
            return {"outcome": "rejected", **_plain(row)}
        out = {
            "outcome": "written",
            **_plain(self.article.row()),
            "text": restore(self.article.body, self.article.removed),
        }
        for cut in out["removed"]:
            if cut["start"] in self.reasons:
                cut["reasons"] = list(self.reasons[cut["start"]])
        return out if self.left_out is None else {**out, "left_out": list(self.left_out)}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(row, default=str))
    return plain


def explain(inputs: Inputs, config: Config, *, now: dt.datetime) -> Iterator[Explained]:
    """Each record of ``inputs`` through every stage, as a run would take it, in order."""
    limits = config.settings.limits
    chain = Chain(stages(config, now, {}))
    book = rule_book(config.rules)
    for file in inputs.files:
        for item in read_file(file, text_bytes=limits.text_bytes, feed_bytes=limits.feed_bytes):
            if isinstance(item, Record):
                yield _explained(item, chain(item), book)
            elif isinstance(item, Reject):
                yield Explained(reject=item)


def _explained(record: Record, result: Draft | Reject, book: RuleBook) -> Explained:
    if isinstance(result, Reject):
        return Explained(reject=result)
    article = result.article
    return Explained(article=article, left_out=_left_out(record, article), reasons=_reasons(article, book))


def _reasons(article: Article, book: RuleBook) -> dict[int, tuple[str, ...]]:
    """What weighed most for each cut; found by stripping once more, for a run does not keep it."""
    found: dict[int, tuple[tuple[str, float], ...]] = {}
    strip(
        restore(article.body, article.removed),
        book,
        headline=stated_headline(article.headline, article.removed),
        host=article.host,
        source_id=article.source_id,
        extracted=article.input_kind in PAGES,
        reasons=found,
    )
    return {start: tuple(f"{in_words(name)} {weight:+.1f}" for name, weight in why) for start, why in found.items()}


def _left_out(record: Record, article: Article) -> tuple[str, ...] | None:
    if record.html is None:
        return None
    taken = "\n".join(filter(None, (article.headline, restore(article.body, article.removed))))
    return left_out(record.html, taken, charset=record.charset)


def show(explained: Explained, console: Console) -> None:
    """Print one input for people: what was decided about it, then the text with its cuts in place.

    Of a page follows what the extractor left out. Lines are as long as they are: a terminal folds them itself, and
    an address in a file stays whole.
    """
    if explained.reject is not None:
        reject = explained.reject
        console.print(f"[bold red]{escape(reject.code)}[/] {escape(reject.input_ref)}", soft_wrap=True)
        console.print(f"  {escape(reject.message)}", highlight=False, soft_wrap=True)
        console.print(f"  {EXPLAINED[Reason(reject.code)]}", style="dim", highlight=False, soft_wrap=True)
    elif explained.article is not None:
        colour = console.is_terminal and not console.no_color and not console.is_dumb_terminal
        text = marked(explained.article, colour=colour, reasons=explained.reasons)
        console.print(_facts(explained.article), "", text, "", sep="\n", soft_wrap=True)
        if explained.left_out:
            blocks = _counted(len(explained.left_out), "block")
            listed = "\n".join(f"  {block}" for block in explained.left_out)
            console.print(
                Text(f"left out by the extractor: {blocks} of the page\n{listed}\n", style="dim"), soft_wrap=True
            )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _facts(article: Article) -> Text:
    """The columns that a decision stands behind, one a line."""
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
        ("clutter", f"{article.clutter_ratio:.0%} of the text in {_counted(len(clutter), 'cut')}"),
    ]
    rows += [("tag", _tag(tag)) for tag in article.tags]
    width = max(len(name) for name, _ in rows)
    out = Text()
    for name, value in rows:
        if value:
            out.append(f"{name:{width}}", style="bold").append(f"  {value}\n")
    out.rstrip()
    return out


def _tag(tag: Tag) -> str:
    """A topic by its code, and a tag of any other scheme with the name of that scheme before it."""
    scheme = "" if tag.scheme == _TOPICS else f"{tag.scheme} "
    return f"{scheme}{tag.code} {tag.label} {tag.score:.2f}: {tag.evidence}"


def marked(article: Article, *, colour: bool, reasons: Mapping[int, tuple[str, ...]] | None = None) -> Text:
    """The text before stripping with each cut marked: ``[-kind (rule: reasons): text-]``, or in colour."""
    out, at, length = Text(), 0, 0
    for cut in article.removed:
        take = cut.start - length
        out.append(article.body[at : at + take])
        at, length = at + take, cut.end
        body = cut.text.rstrip()
        tail = cut.text[len(body) :]
        # A rule says enough; where none fits, what weighed most does.
        why = ", ".join((reasons or {}).get(cut.start, ())) if cut.rule == WEIGHED else ""
        rule = f"{cut.rule}: {why}" if why else cut.rule
        if cut.kind in NOT_CLUTTER:
            out.append(cut.text, style="bold")
        elif colour:
            out.append(f" {cut.kind} ", style="reverse red")
            out.append(body, style="strike red").append(f" {rule}", style="dim").append(tail)
        else:
            out.append(f"[-{cut.kind} ({rule}): {body.strip()}-]{tail}")
    return out.append(article.body[at:])
