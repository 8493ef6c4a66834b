"""How well articles are tagged with topics, on the headlines and ledes of ``tests/data/topics.jsonl``.

    python -m benchmarks.topics_score [--held-back] [--language CODE] [--errors] [FILE.jsonl …]

Prints precision and recall (over all tags given and all tags wanted) of the top level and, over the rows that state
their topics of the second level, of that; then for each topic how often it was given rightly, missed and wrongly
given, and what was given in its place; for the top level also as a table, what was wanted by rows and what was given
by columns. ``--held-back`` takes the rows that no term was chosen by, in place of the
others; ``--errors`` shows the rows that went wrong with the evidence, and is for the open rows only.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.settings import load
from schemas.article import Tag
from schemas.tagging import Topic
from transforms.core.topics import TopicTagger

DATA = Path(__file__).parent.parent / "tests" / "data" / "topics.jsonl"
SHOWN_INSTEAD = 3
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Row:
    """One headline with its lede and its topics; ``second`` is ``None`` where those of that level are not stated."""

    id: str
    language: str
    headline: str
    lede: str
    top: frozenset[str]
    second: frozenset[str] | None
    held_back: bool


@dataclass(slots=True)
class Score:
    """What was given against what was wanted, on one level."""

    right: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    instead: dict[str, Counter[str]] = field(default_factory=dict)
    besides: Counter[str] = field(default_factory=Counter)

    def add(self, given: frozenset[str], wanted: frozenset[str]) -> None:
        """Count one row."""
        self.right.update(given & wanted)
        self.missed.update(wanted - given)
        self.wrong.update(given - wanted)
        for code in wanted - given:
            self.instead.setdefault(code, Counter()).update(given - wanted or {NOTHING})
        if wanted <= given:
            self.besides.update(given - wanted)

    def confusion(self) -> Iterator[tuple[str, str, int]]:
        """What was wanted, what was given, and how often: itself where it was right, ``NOTHING`` on either side."""
        for code, count in self.right.items():
            yield code, code, count
        for code, given in self.instead.items():
            for other, count in given.items():
                yield code, other, count
        for code, count in self.besides.items():
            yield NOTHING, code, count

    @property
    def precision(self) -> float:
        """The share of the tags given that were wanted; 1 where none was given."""
        given = self.right.total() + self.wrong.total()
        return self.right.total() / given if given else 1.0

    @property
    def recall(self) -> float:
        """The share of the tags wanted that were given; 1 where none was wanted."""
        wanted = self.right.total() + self.missed.total()
        return self.right.total() / wanted if wanted else 1.0


def read_rows(paths: Iterable[Path]) -> Iterator[Row]:
    """The rows of the files; a row without ``second`` or with an empty one states only its top-level topics."""
    for path in paths:
        for line in path.read_text("utf-8").splitlines():
            if line:
                yield _row(json.loads(line))


def _row(said: Mapping[str, Any]) -> Row:
    top = frozenset(said["codes"])
    stated = said.get("second") or not top
    return Row(
        id=said["id"],
        language=said["lang"],
        headline=said["headline"],
        lede=said["lede"],
        top=top,
        second=frozenset(said.get("second", ())) if stated else None,
        held_back=said["held_back"],
    )


def score(rows: Iterable[Row], tagger: TopicTagger, topics: Mapping[str, Topic]) -> tuple[Score, Score]:
    """The scores of the top and of the second level."""
    top, second = Score(), Score()
    for row in rows:
        given = frozenset(tag.code for tag in tags_of(row, tagger))
        level = frozenset(code for code in given if topics[code].parent is None)
        top.add(level, row.top)
        if row.second is not None:
            second.add(given - level, row.second)
    return top, second


def tags_of(row: Row, tagger: TopicTagger) -> list[Tag]:
    """The topics of a row, from its text alone."""
    tags = tagger.tag(headline=row.headline, body=row.lede, language=row.language, section=None, keywords=())
    return [tag for tag in tags if tag.scheme == "medtop"]


def show(name: str, result: Score, topics: Mapping[str, Topic]) -> None:
    """Print one level."""
    print(f"\n{name}: precision {result.precision:.3f}, recall {result.recall:.3f}")
    print(f"{'right':>7}{'missed':>8}{'wrong':>7}  topic")
    for code in sorted({*result.right, *result.missed, *result.wrong}):
        label = topics[code].label if code in topics else "not in the vocabulary"
        places = result.instead.get(code, Counter()).most_common(SHOWN_INSTEAD)
        given = ", ".join(f"{topics[other].label if other in topics else other} ×{n}" for other, n in places)
        print(
            f"{result.right[code]:7}{result.missed[code]:8}{result.wrong[code]:7}  {code} {label}"
            + (f"; in its place {given}" if given else "")
        )


def show_confusion(result: Score, topics: Mapping[str, Topic]) -> None:
    """Print the table of one level; a topic that was missed counts for each that was given in its place."""
    cells = {(wanted, given): count for wanted, given, count in result.confusion()}
    codes = sorted({code for pair in cells for code in pair} - {NOTHING})
    print("\nwanted by rows, given by columns, in the same order")
    print("".join(f"{code[:2]:>4}" for code in codes) + "   –")
    for wanted in (*codes, NOTHING):
        row = "".join(f"{cells.get((wanted, given), '') or '·':>4}" for given in (*codes, NOTHING))
        print(f"{row}  {topics[wanted].label if wanted in topics else wanted}")


def show_errors(rows: Iterable[Row], tagger: TopicTagger) -> None:
    """Print the rows whose top-level topics are not exactly those wanted, with what was found."""
    for row in rows:
        tags = tags_of(row, tagger)
        wanted = row.top | (row.second or frozenset())
        if {tag.code for tag in tags} != wanted:
            print(f"\n{row.id} {row.headline}\n   wanted {', '.join(sorted(wanted)) or 'nothing'}")
            for tag in tags:
                print(f"   {' ' if tag.code in wanted else '!'} {tag.code} {tag.label} {tag.score} ({tag.evidence})")


def main() -> None:
    """Read the command line, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-back", action="store_true", help="the rows that no term was chosen by")
    parser.add_argument("--language", help="the rows of one language, such as nl")
    parser.add_argument("--errors", action="store_true", help="show what went wrong; not for the rows held back")
    parser.add_argument("files", nargs="*", type=Path, default=[DATA])
    asked = parser.parse_args()
    if asked.errors and asked.held_back:
        parser.error("--errors would show the rows held back")
    config = load()
    tagger = TopicTagger(config.topics, config.terms)
    topics = {topic.code: topic for topic in config.topics.topic}
    rows = [
        row
        for row in read_rows(asked.files)
        if row.held_back is asked.held_back and asked.language in (None, row.language)
    ]
    print(f"{len(rows)} rows, {'held back' if asked.held_back else 'open'}")
    top, second = score(rows, tagger, topics)
    show("top level", top, topics)
    show_confusion(top, topics)
    show("second level", second, topics)
    if asked.errors:
        show_errors(rows, tagger)


if __name__ == "__main__":
    main()
