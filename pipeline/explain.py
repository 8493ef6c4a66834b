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
from pipeline.settings import Config
from schemas.article import Article, Tag
from schemas.feed import FeedDocument
from schemas.record import PAGES, Draft, Left, Record
from schemas.reject import EXPLAINED, Reason, Reject
from schemas.rules import NOT_CLUTTER
from transforms.core.clutter.decide import WEIGHED
from transforms.core.clutter.rules import RuleBook, rule_book
from transforms.core.clutter.strip import restore, stated_headline, strip, suspected
from transforms.core.clutter.wording import in_words
from transforms.core.extraction import bare, extract_page, left_out, taken_off
from transforms.core.furniture import Taken
from transforms.parse_feeds import Parser
from transforms.pool import Workers
from transforms.read_sources import read_file
from transforms.stage import Chain

_TOPICS = "medtop"
"""The scheme of most tags; a code of eight figures is known by itself."""


@dataclass(frozen=True, slots=True)
class PageNotes:
    """What extraction did to a page.

    Attributes:
        left_out: the blocks of text that the page shows and the article does not hold.
        taken_off: what was taken off the page before its text was looked for, and why.
        put_back: lines that the extractor had missed and that were put back from the page.
    """

    left_out: tuple[str, ...]
    taken_off: tuple[Taken, ...]
    put_back: tuple[str, ...]

    def why(self, block: str) -> str:
        """Why a block was taken off, as far as that is why it was left out."""
        form = bare(block)
        return next((taken.why for taken in self.taken_off if form and form in bare(taken.text)), "")


@dataclass(frozen=True, slots=True)
class Explained:
    """One input: the article that it becomes, or the dead letter.

    ``page`` is what was done to a page before stripping; ``None`` where the input is no page.
    ``reasons`` are, by the ``start`` of a cut that was weighed, what weighed most for it, in words.
    """

    article: Article | None = None
    reject: Reject | None = None
    page: PageNotes | None = None
    reasons: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Every column, dates as ISO strings.

        An article also has ``text``, the text before stripping that the offsets in ``removed`` count in; each of
        ``removed`` that was weighed has ``reasons``; and an article from a page has ``left_out``, ``taken_off`` and
        ``put_back``.
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
        if self.page is None:
            return out
        return {
            **out,
            "left_out": list(self.page.left_out),
            "taken_off": [{"why": taken.why, "text": taken.text} for taken in self.page.taken_off],
            "put_back": list(self.page.put_back),
        }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(row, default=str))
    return plain


def explain(inputs: Inputs, config: Config, *, now: dt.datetime) -> Iterator[Explained]:
    """Each record of ``inputs`` through every stage, as a run would take it, in order."""
    limits = config.settings.limits
    chain = Chain(stages(config, now, {}))
    book = rule_book(config.rules)
    parser = Parser(Workers(0, limits.parse_seconds, limits.child_bytes))
    for file in inputs.files:
        for item in read_file(file, text_bytes=limits.text_bytes, feed_bytes=limits.feed_bytes):
            for record in _records(item, parser):
                yield (
                    Explained(reject=record)
                    if isinstance(record, Reject)
                    else _explained(record, chain(record), book)
                )


def _records(item: Record | FeedDocument | Reject | Left, parser: Parser) -> Iterator[Record | Reject]:
    if isinstance(item, FeedDocument):
        parsed = parser(item)
        yield from [parsed] if isinstance(parsed, Reject) else [entry.record for entry in parsed.entries]
    elif not isinstance(item, Left):
        yield item


def _explained(record: Record, result: Draft | Reject, book: RuleBook) -> Explained:
    if isinstance(result, Reject):
        return Explained(reject=result)
    article = result.article
    return Explained(article=article, page=_notes(record, article), reasons=_reasons(article, book))


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
        suspects=suspected(article.removed),
        reasons=found,
    )
    return {start: tuple(f"{in_words(name)} {weight:+.1f}" for name, weight in why) for start, why in found.items()}


def _notes(record: Record, article: Article) -> PageNotes | None:
    if record.html is None:
        return None
    held = "\n".join(filter(None, (article.headline, restore(article.body, article.removed))))
    return PageNotes(
        left_out(record.html, held, charset=record.charset),
        taken_off(record.html, charset=record.charset),
        extract_page(record.html, url=article.url, charset=record.charset).put_back,
    )


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
        if explained.page is not None:
            console.print(_page(explained.page), soft_wrap=True)


def _page(notes: PageNotes) -> Text:
    """What was put back and what was left out of a page, each block with the reason where one is known."""
    out = Text(style="dim")
    if notes.put_back:
        out.append(f"put back from the page: {_counted(len(notes.put_back), 'line')}\n")
        out.append("".join(f"  {line}\n" for line in notes.put_back))
    if notes.left_out:
        out.append(f"left out by the extractor: {_counted(len(notes.left_out), 'block')} of the page\n")
    for block in notes.left_out:
        why = notes.why(block)
        out.append(f"  {block}").append(f"  ({why})\n" if why else "\n")
    return out


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
