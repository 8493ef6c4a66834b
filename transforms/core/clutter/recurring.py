"""Lines that recur within one outlet under different titles: counted in one run, furniture from the next on.

Counting is free of order. A run takes a sample of each outlet's new articles, the ones with the smallest ids, which
are hashes; samples merge in any order to the same sample. When the run is committed its tally is added to what
earlier runs left, and what is too rare to become furniture is forgotten there and then, so that the state stays small
however many articles an outlet publishes.

Every count belongs to one outlet. The same text at several outlets is agency copy and tells nothing here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Self

from transforms.core.clutter.segments import fold, lines
from transforms.core.clutter.shape import is_prose
from transforms.core.text import comparable

VERSION = 1
"""Of the state's shape."""

SAMPLE_ARTICLES = 200
"""New articles of an outlet that a run counts at most. A share of 20% is then off by 3 points at one standard
deviation, and the sample of a busy outlet takes some 100 KB."""
MIN_LETTERS = 12
"""Shorter lines are not counted: they are names, scores, units and labels as often as furniture, and the rules know
the furniture among them."""
MAX_CHARS = 400
"""Longer lines are not counted. The longest furniture in the annotated documents has 216 characters, items of related
stories aside; paragraphs of background, which outlets do reuse word for word while a story runs, are longer."""
HEADING_CHARS = 60
"""A line up to this length that is no sentence can be a subheading: the longest annotated one has 58 characters."""
TOP_LINES, TAIL_LINES = 60, 140
"""How many lines of a text are looked at from either end. Furniture stands at the ends, and two hundred lines are
more than an article of the usual length has; so a table of thousands of rows costs no more than that."""

MIN_ARTICLES = 10
"""Quotes, refrains and running gags stand in two or three articles, the standing paragraph of a story that runs for a
week in half a dozen; a footer reaches ten in one night, or in four at three articles a night."""
SHARES: Mapping[str, float] = {"l": 0.2, "n": 0.5, "s": 0.5}
"""The share of the outlet's articles that a line must stand in. A line without a sentence or a number: 20%, so that
the frame of one section among several is known. A sentence ("s"): 50%, for standing sentences of a genre ("Nobody was
hurt.") and background on the one big story reach 10% to 30%. A line with numbers ("n"), which count as one sign: 50%,
for so do rows of a table and labels in reports."""

KEEP_SHARE = 0.1
"""Below this share of the articles since it was first seen a line is forgotten: half of what the lowest bar asks, so
a footer that is there on most pages is never lost, and what stood in one article is gone after ten."""
UNSEEN_ARTICLES = 500
"""A line that stood in none of the last this many counted articles of its outlet is forgotten: the outlet has changed
its frame."""
MAX_KEYS = 500
"""Lines remembered for an outlet. At ``KEEP_SHARE`` an outlet with 40 countable lines an article can reach 400."""
MAX_OUTLETS = 2_000
"""Outlets remembered; the ones longest without a new article are forgotten first."""

_KEY_BYTES = 6
# 48 bits: with a hundred known lines an article line is taken for one of them once in 10^12 times.
_KEY_CHARS = 1 + 2 * _KEY_BYTES
_DIGITS = re.compile(r"\d+")
_CLOSED = re.compile(r"[.!?…][\"')\]]*\Z")
_SENTENCE_WORDS = 4


def _is_sentence(form: str) -> bool:
    return is_prose(form) or (bool(_CLOSED.search(form)) and form.count(" ") + 1 >= _SENTENCE_WORDS)


def line_key(form: str) -> str:
    """What all occurrences of a line have in common: a letter for its bar (see ``SHARES``) and a hash.

    Case, white space and the composition of accents make no difference. Numbers make none in a line that is no
    sentence: dates, prices and counters change in furniture. In a sentence they do, for there they are the news.

    Args:
        form: a folded line without blanks around it.
    """
    plain = _plain(form)
    bar = "s"
    if not _is_sentence(form):
        unnumbered = _DIGITS.sub("0", plain)
        bar = "n" if _DIGITS.search(plain) else "l"
        plain = unnumbered
    return bar + _hash(plain)


def _plain(form: str) -> str:
    # Composed accents are folded in ``form`` already; these are the others.
    decomposed = unicodedata.normalize("NFD", comparable(form))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def _hash(plain: str) -> str:
    return blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).hexdigest()


def _countable(form: str) -> bool:
    return MIN_LETTERS <= len(form) <= MAX_CHARS and sum(map(str.isalpha, form)) >= MIN_LETTERS


def recurs(known: Mapping[str, int], form: str) -> bool:
    """Whether a line is among the ``known`` ones of its outlet (see ``RecurringLines.furniture``)."""
    return known_since(known, form) is not None


def known_since(known: Mapping[str, int], form: str) -> int | None:
    """The number of the run that found the line to be furniture; ``None`` where it is not known as such."""
    return known.get(line_key(form)) if known and MIN_LETTERS <= len(form) <= MAX_CHARS else None


def countable_keys(text: str, headline: str | None = None) -> frozenset[str]:
    """The keys under which an article counts, each once.

    A short line that is no sentence can be a subheading. It counts together with its neighbour only, as
    ``key>below`` and ``key<above`` (an end of the text is a neighbour too): furniture has the same neighbours
    again and again, a subheading stands between paragraphs of its own article.

    Args:
        text: the article before stripping.
        headline: a line that repeats it is not counted.
    """
    title = line_key(fold(headline).strip()) if headline else None
    folded = fold(text)
    forms = [form for a, b in lines(folded) if (form := folded[a:b].strip())]
    if len(forms) > TOP_LINES + TAIL_LINES:
        forms = forms[:TOP_LINES] + forms[-TAIL_LINES:]
    keyed = [(form, key) for form in forms if (key := line_key(form)) != title]
    keys = ["", *(key for _, key in keyed), ""]
    found: set[str] = set()
    for i, (form, key) in enumerate(keyed):
        if not _countable(form):
            continue
        if len(form) > HEADING_CHARS or key[0] == "s":
            found.add(key)
        else:
            found |= {f"{key}<{keys[i]}", f"{key}>{keys[i + 2]}"}
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is counted of one article, in all its versions of this run.

    ``new`` says that its first version is among them: later versions of an article that an earlier run counted do
    not count again. ``title`` is a hash of its headline, empty without one.
    """

    new: bool
    title: str
    keys: frozenset[str]

    def union(self, other: Seen) -> Seen:
        """Both together; of two titles the lesser stands, so that order makes no difference."""
        return Seen(self.new or other.new, min(self.title, other.title), self.keys | other.keys)


def seen(text: str, headline: str | None, *, version: int) -> Seen:
    """What is counted of an article with this ``text`` before stripping and this ``version`` number."""
    title = _hash(_plain(fold(headline))) if headline else ""
    return Seen(version == 1, title, countable_keys(text, headline))


Sample = Mapping[str, Seen]
"""Articles of one outlet by id."""


def merged(samples: Iterable[Sample]) -> dict[str, Seen]:
    """One sample of all: the ``SAMPLE_ARTICLES`` articles with the smallest ids. Free of order and grouping.

    What falls out here has as many smaller ids before it, which the final sample holds too; so nothing that belongs
    in it is ever lost on the way.
    """
    together: dict[str, Seen] = {}
    for sample in samples:
        for article_id, one in sample.items():
            other = together.get(article_id)
            together[article_id] = one if other is None else other.union(one)
    return {article_id: together[article_id] for article_id in sorted(together)[:SAMPLE_ARTICLES]}


@dataclass(frozen=True, slots=True)
class Tally:
    """What one run adds for one outlet: articles counted, and in how many of them each key stood."""

    articles: int
    keys: Mapping[str, int]


def tally(sample: Sample) -> Tally:
    """The tally of a whole run's sample.

    Articles under one title count as one. Keys rarer than ``KEEP_SHARE`` are left out, since nothing would be kept
    of them.
    """
    by_title: dict[str, frozenset[str]] = {}
    for article_id, one in sample.items():
        if one.new:
            title = one.title or article_id
            by_title[title] = by_title.get(title, frozenset()) | one.keys
    counts = Counter(key for keys in by_title.values() for key in keys)
    floor = KEEP_SHARE * len(by_title)
    return Tally(len(by_title), {key: n for key, n in sorted(counts.items()) if n >= floor})


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of one outlet.

    It stood in ``count`` of the articles counted behind number ``start``, the last time in the run that ended at
    article ``last``; ``since`` is the number of the run that found it to be furniture.
    """

    count: int
    start: int
    last: int
    since: int | None = None

    def as_json(self) -> list[int]:
        return [self.count, self.start, self.last, *([] if self.since is None else [self.since])]


@dataclass(frozen=True, slots=True)
class _Outlet:
    articles: int = 0
    run: int = 0
    lines: Mapping[str, _Line] = field(default_factory=dict)

    def learned(self, found: Tally, run: int) -> _Outlet:
        articles = self.articles + found.articles
        known = dict(self.lines)
        for key, count in found.keys.items():
            line = known.get(key, _Line(0, self.articles, 0))
            known[key] = replace(line, count=line.count + count, last=articles)
        kept = []
        for key, line in known.items():
            span = articles - line.start
            if line.count < KEEP_SHARE * span or articles - line.last >= UNSEEN_ARTICLES:
                continue
            if line.since is None and line.count >= max(MIN_ARTICLES, SHARES[key[0]] * span):
                line = replace(line, since=run)
            kept.append((key, line))
        kept.sort(key=lambda item: (item[1].since is None, -item[1].count, -item[1].last, item[0]))
        return _Outlet(articles, run, dict(sorted(kept[:MAX_KEYS])))

    def furniture(self) -> dict[str, int]:
        known: dict[str, int] = {}
        for key, line in self.lines.items():
            if line.since is not None:
                bare = key[:_KEY_CHARS]
                known[bare] = min(line.since, known.get(bare, line.since))
        return known


@dataclass(frozen=True, slots=True)
class RecurringLines:
    """Which lines recur at which outlet, as far as the runs up to now have counted.

    A line that was found to be furniture stays so until it is forgotten: when it is no longer seen, or its share has
    sunk below ``KEEP_SHARE``.
    """

    _outlets: Mapping[str, _Outlet] = field(default_factory=dict)

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """What ``as_json`` gave; an empty state knows nothing.

        Raises:
            ValueError: it is of another version, or not of this shape.
        """
        if not state.get("lines"):
            return cls()
        if state.get("version") != VERSION:
            raise ValueError(f"the lines that recur are of version {state.get('version')}, not {VERSION}")
        try:
            return cls(
                {
                    source: _Outlet(
                        outlet["articles"],
                        outlet["run"],
                        {key: _Line(*numbers) for key, numbers in outlet["keys"].items()},
                    )
                    for source, outlet in state["lines"].items()
                }
            )
        except (AttributeError, KeyError, TypeError) as fault:
            raise ValueError(f"the lines that recur cannot be read: {fault!r}") from fault

    def as_json(self) -> dict[str, Any]:
        """The state as JSON takes it, sorted: ``{"version", "lines": {source: {"articles", "run", "keys"}}}``.

        Each key has ``[count, start, last]`` or, where it is furniture, ``[count, start, last, since]``.
        """
        return {
            "version": VERSION,
            "lines": {
                source: {
                    "articles": outlet.articles,
                    "run": outlet.run,
                    "keys": {key: line.as_json() for key, line in sorted(outlet.lines.items())},
                }
                for source, outlet in sorted(self._outlets.items())
            },
        }

    def learned(self, tallies: Mapping[str, Tally], run: int) -> RecurringLines:
        """What is known once the tallies of run number ``run`` are added, by ``source_id``."""
        outlets = dict(self._outlets)
        for source, found in tallies.items():
            if found.articles:
                outlets[source] = outlets.get(source, _Outlet()).learned(found, run)
        latest = sorted(outlets.items(), key=lambda item: (-item[1].run, item[0]))
        return RecurringLines(dict(sorted(latest[:MAX_OUTLETS])))

    def furniture(self) -> dict[str, dict[str, int]]:
        """By ``source_id`` the keys of the lines that are furniture, each with the run that found it so."""
        known = {source: outlet.furniture() for source, outlet in self._outlets.items()}
        return {source: keys for source, keys in known.items() if keys}

    def recurs(self, source_id: str, form: str) -> bool:
        """Whether the line with this ``form`` (folded, without blanks around it) is furniture of this outlet."""
        outlet = self._outlets.get(source_id)
        return outlet is not None and recurs(outlet.furniture(), form)
