"""Documents that the model is fitted to beside those in files, and what those could as well have been.

The rules were written beside the documents, so in these they know far more of the clutter than in a text of an outlet
that nobody has seen, and every word of a header was met before. A model fitted to the documents as they are relies on
that. So each is also shown with some of the rules and words not known (``fit_clutter``), some with lines of other
outlets strewn in, and some are on one line.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from schemas.reject import Refused
from schemas.rules import CutKind
from tests.golden import cases
from transforms.core.extraction import extract_page

Document = dict[str, Any]

_BREAK = re.compile(r"\s*\n\s*")


class Piece(NamedTuple):
    """A labelled stretch of a document."""

    text: str
    label: str
    kind: str

    @property
    def stays(self) -> bool:
        """Whether it is the article's."""
        return self.label == "keep"


def pieces(document: Document) -> list[Piece]:
    """The stretches of a document in order."""
    found = (
        Piece(document["text"][one["start"] : one["end"]], one["label"], one["kind"]) for one in document["segments"]
    )
    return [piece for piece in found if piece.text]


def lines_of(path: Path) -> list[Piece]:
    """The lines of a file, of ``kind<TAB>line`` each."""
    rows = (row.split("\t") for row in path.read_text("utf-8").splitlines())
    return [Piece(line, *(("keep", "body") if kind == "keep" else ("clutter", kind))) for kind, line in rows]


def document_of(parts: Iterable[Piece]) -> Document:
    """The document that consists of these stretches."""
    text, segments = "", []
    for piece in parts:
        segments.append({"start": len(text), "end": len(text) + len(piece.text), **_labels(piece)})
        text += piece.text
    return {"text": text, "segments": segments}


def _labels(piece: Piece) -> dict[str, str]:
    return {"label": piece.label, "kind": piece.kind}


def on_one_line(document: Document) -> Document:
    """The document with a blank for every line break."""
    out = []
    for piece in pieces(document):
        text = " ".join(part for part in _BREAK.split(piece.text) if part.strip())
        if text:
            out.append(piece._replace(text=f"{text.rstrip()} " if piece.text[-1].isspace() else text))
    return document_of(out)


_AMIDST = frozenset(
    ["caption", "newsletter", "other", "paywall", "photo_credit", "promo", "related_teaser", "subscription"]
)
_ABOVE = frozenset(["byline", "caption", "navigation", "other", "photo_credit", "share", "subscription", "timestamp"])
_STREWN = 5
"""So many lines at most."""


def strewn(document: Document, lines: Sequence[Piece], chance: Random) -> Document:
    """The document with some of the lines, each where one of its kind may stand: above, amidst or below the text."""
    parts = pieces(document)
    text = [i for i, piece in enumerate(parts) if piece.stays]
    if not text:
        return document
    added: dict[int, list[Piece]] = {}
    for line in chance.sample(lines, min(len(lines), chance.randint(1, _STREWN))):
        way = chance.random()
        if len(text) > 2 and (line.stays or (line.kind in _AMIDST and way < 0.4)):
            at = chance.choice(text[1:-1]) + 1
        elif line.stays:
            continue
        elif line.kind in _ABOVE and way < 0.7:
            at = text[0]
        else:
            at = text[-1] + 1 if way < 0.85 else len(parts)
        # Where the line before does not end, the two would be glued.
        if not at or parts[at - 1].text.endswith("\n"):
            added.setdefault(at, []).append(line._replace(text=f"{line.text}\n"))
    out = [piece for i, part in enumerate(parts) for piece in (*added.get(i, ()), part)]
    return document_of([*out, *added.get(len(parts), ())])


def seams(document: Document) -> tuple[set[int], set[int]]:
    """Where one thing ends and another begins in a document, and where that cannot be said.

    Clutter of two kinds parts, and headline and text; what stays together on a line, such as two paragraphs that were
    glued, may be parted or not.
    """
    sure, unsure = set[int](), set[int]()
    at = 0
    before: Piece | None = None
    for piece in pieces(document):
        begin = at + len(piece.text) - len(piece.text.lstrip())
        if before is not None:
            parts = not (before.stays and piece.stays) or before.kind == "title"
            (sure if parts else unsure).add(begin)
        unsure.update(at + found.end() for found in _BREAK.finditer(piece.text))
        at += len(piece.text)
        before = piece
    return sure, unsure - sure


def pages(folder: Path) -> Iterator[Document]:
    """The real pages as documents: the extracted text, its lines labelled by the gold text."""
    for row in (folder / "gold.jsonl").read_text("utf-8").splitlines():
        gold = json.loads(row)
        try:
            text = extract_page(gzip.decompress((folder / gold["file"]).read_bytes()), url=gold["url"]).text
        except Refused:
            continue
        held, whole = _shingles(_words(gold["text"])), f" {' '.join(_words(gold['text']))} "
        segments, at = [], 0
        for line in text.splitlines(keepends=True):
            words = _words(line)
            if len(words) < 4:
                kept = f" {' '.join(words)} " in whole
            else:
                own = _shingles(words)
                kept = (own & held).total() >= 0.3 * own.total()
            label = {"label": "keep", "kind": "body"} if kept else {"label": "clutter", "kind": "other"}
            segments.append({"start": at, "end": at + len(line), **label})
            at += len(line)
        yield {"text": text, "segments": segments}


def golden() -> Iterator[Document]:
    """The golden cases as documents, by their cuts."""
    for name in cases.names():
        case = cases.load(name)
        segments, at = [], 0
        for cut in case.cuts or ():
            start = case.text.index(cut.text, at)
            segments.append({"start": at, "end": start, "label": "keep", "kind": "body"})
            at = start + len(cut.text)
            kept = cut.kind == CutKind.HEADLINE
            segments.append({"start": start, "end": at, "label": "keep" if kept else "clutter", "kind": cut.kind})
        yield {
            "text": case.text,
            "segments": [*segments, {"start": at, "end": len(case.text), "label": "keep", "kind": "body"}],
        }


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _shingles(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3)))
