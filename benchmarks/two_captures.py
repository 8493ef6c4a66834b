"""What a second capture of an address is worth: clutter left and body lost with and without it.

    python -m benchmarks.two_captures                 the documents that are held back from fitting
    python -m benchmarks.two_captures FILE.jsonl …    other annotated documents

Of each document a capture is made that could have been there before: each line of other stories, comments, times,
promotion and the like is, nine times in ten, one of another document in the same language; of the article each
sentence is another once in fifty times, each paragraph is not there yet once in twenty. The document is then
stripped by itself, and knowing what of that capture was kept. Counted as characters without white space.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

from benchmarks.clutter_counts import NOTHING, Counts, added, counted
from benchmarks.clutter_variants import Document
from pipeline.settings import load
from transforms.core.clutter.rules import RuleBook, rule_book
from transforms.core.clutter.strip import strip, strip_again, told

HELD_BACK = Path(__file__).parent.parent / "tests" / "data" / "clutter" / "held-back"
CHANGING = frozenset(
    ("related_teaser", "related_wire", "aggregator", "comments", "timestamp", "promo", "other", "newsletter")
)
"""Kinds of clutter of which another hour shows others."""
OTHERS, SENTENCES, PARAGRAPHS = 0.9, 0.02, 0.05
"""How often a line of such clutter is another; a sentence of the article is; a paragraph is not there yet."""


_SENTENCE = re.compile(r"[^.!?]+[.!?]*\s*")


def capture_before(document: Document, others: Mapping[str, Sequence[str]], chance: Random) -> str:
    """The text of a capture that could have been there before.

    Args:
        document: the later one.
        others: by kind, lines of clutter of other documents; under "keep" sentences of articles.
        chance: what happens.
    """
    return "".join(_before(document, others, chance))


def _before(document: Document, others: Mapping[str, Sequence[str]], chance: Random) -> Iterator[str]:
    for segment in document["segments"]:
        for line in document["text"][segment["start"] : segment["end"]].splitlines(keepends=True):
            end = line[len(line.rstrip()) :]
            if segment["label"] == "clutter":
                choice = others[segment["kind"]]
                changes = segment["kind"] in CHANGING and choice and chance.random() < OTHERS
                yield chance.choice(choice) + end if changes else line
            elif segment["kind"] != "body" or chance.random() >= PARAGRAPHS:
                for sentence in _SENTENCE.findall(line):
                    yield chance.choice(others["keep"]) + " " if chance.random() < SENTENCES else sentence
                if not line.strip():
                    yield line


def lines_by_kind(documents: Sequence[Document]) -> dict[str, list[str]]:
    """The lines of clutter by kind, and under "keep" the sentences of the articles."""
    found: dict[str, list[str]] = defaultdict(list)
    for document in documents:
        for segment in document["segments"]:
            text = document["text"][segment["start"] : segment["end"]]
            if segment["label"] == "clutter":
                found[segment["kind"]] += [line.strip() for line in text.splitlines() if line.strip()]
            elif segment["kind"] == "body":
                found["keep"] += [piece.strip() for piece in _SENTENCE.findall(text) if len(piece) > 20]
    return found


def compare(documents: Sequence[Document], book: RuleBook, seed: int = 1) -> tuple[Counts, Counts]:
    """What is left and lost: without a capture before, and with one."""
    chance = Random(seed)  # noqa: S311 - captures that are made up, no secret
    by_language = defaultdict(list)
    for document in documents:
        by_language[document["lang"][:2]].append(document)
    alone, knowing = NOTHING, NOTHING
    for document in documents:
        others = lines_by_kind([other for other in by_language[document["lang"][:2]] if other is not document])
        before = strip(capture_before(document, others, chance), book)
        text = document["text"]
        alone = added(alone, counted(document, strip(text, book)))
        again = strip_again(text, book, told(before.headline, before.body, before.removed))
        knowing = added(knowing, counted(document, again))
    return alone, knowing


def main() -> None:
    """Print the figures for each file, and for all together."""
    files = [Path(name) for name in sys.argv[1:]] or sorted(HELD_BACK.glob("*.jsonl"))
    book = rule_book(load().rules)
    alone, knowing = NOTHING, NOTHING
    for path in files:
        documents = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        one, other = compare(documents, book)
        print(f"{path.name:24} {_shown(one, other)}", flush=True)
        alone, knowing = added(alone, one), added(knowing, other)
    print(f"{'all':24} {_shown(alone, knowing)}")


def _shown(alone: Counts, knowing: Counts) -> str:
    figures = [f"left {one.left / one.clutter:.3f} lost {one.lost / one.article:.4f}" for one in (alone, knowing)]
    return f"alone {figures[0]}  knowing the capture before {figures[1]}"


if __name__ == "__main__":
    main()
