"""Copies of one story: texts that outlets have taken from the same agency, or from each other, and edited.

A text is represented by its pairs of neighbouring words. Words of up to three letters are left out first: in the
languages of Europe they are mostly articles, prepositions and conjunctions, whose pairs stand in every text. What two
sets of pairs have in common is estimated from MinHash signatures (Broder, On the resemblance and containment of
documents, 1997), of which eight bits a value are kept (Li and König, b-bit minwise hashing, 2010); candidates are
found by bands of two values (Indyk and Motwani, 1998).

Texts can be worded alike and tell of different things. Reports that are made anew from a form every day, such as
weather, prices and results, share most of their words; in them the numbers change, while an editor's changes hit those
no more than other words. So the pairs with a number have a signature of their own. And of the names and numbers of a
text, which have one too, a copy keeps more than of its pairs, since a pair is lost with either of its words.

``Window`` is what a data set remembers, ``Matcher`` finds in it; neither knows a clock.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

STATE = "stories"
"""The key under which the state of a data set keeps its ``Window``."""

SCHEME = f"1.{RMinHash.ALGORITHM_VERSION}"
"""How signatures are made: our own version, then that of the library. Those of another scheme cannot be compared."""

MIN_WORDS = 40
"""Shorter texts have no signature: of two of them that have half their pairs in common, as two notices of the same
kind do, nothing tells whether they are copies."""
MIN_PAIRS = 10
"""Nor has a text of fewer different pairs, such as one word again and again. Forty words have some twenty."""
MAX_CHARS = 100_000
"""How much of a text is looked at: some 15,000 words."""
MAX_ENTRIES = 50_000
"""Articles that a window holds at most, the last ones: 12,500 a night, and a state of some 25 MB. It bounds what a
backfill of years, all of which comes in one night, leaves behind."""

LEAST_RESEMBLANCE = 0.08
"""What copies have in common at least, as a share of the pairs of both. If 30% of the words are changed in each of
two copies it is 0.19, and 0.12 if one of them is cut to half its length besides. Among 148 news pages of different
stories the largest is 0.013; an estimate is off by 0.005 there, and by 0.017 at the bar."""
LEAST_CONTAINMENT = 0.2
"""The same as a share of the pairs of the shorter text: 0.32 in those copies, 0.04 at most among those pages."""
SAME_OUTLET_CONTAINMENT = 0.8
"""What an outlet's own earlier article must hold of a later one, or the reverse, before they are one story: a text
that grew, or a second address of it. Below that its texts resemble each other because they have the same form."""
NEARLY = 0.7
"""Known articles that resemble a new one at least so much as the nearest does decide with it."""
MOST_DEVIATION = 2.5
"""By how many standard deviations pairs with a number may be shared less than the others. Copies stay below it 98
times in 100; reports from a form do so 15 times (weather) to 2 times (results, prices) or less."""
MOST_ESTRANGED = 1.0
"""By how many the names and numbers may be shared less than the pairs lead to expect. Of different stories that were
composed of the same few hundred sentences, with names and numbers of their own, one in 60 is joined to another with
it, one in 7 without; of the pairs of copies less than one in 300 is lost by it."""
NOUNS_IN_CAPITALS = frozenset({"de", "lb", "nds", "gsw", "ksh"})
"""Languages that write all nouns with a capital, so that capitals do not tell names."""

_PAIRS, _NUMBERED, _PARTICULARS = 256, 32, 32
# Values kept of each set: the error of a share is at most 0.03 by the first, 0.09 by the others.
_SIZES = 3
_BYTES = _PAIRS + _NUMBERED + _PARTICULARS + 2 * _SIZES
_BANDS = _PAIRS // 2
_LONGEST_CHAIN = 64
# Steps along one band. A chain gets as long when many texts have a phrase; their copies are found in other bands.
_SEED = 1
_CHANCE = 1 / 256
# That eight bits agree by themselves.
_FEWEST = 3
# Of fewer pairs with a number, or names, nothing follows.

_TOKEN = re.compile(r"\w{4,}|\d+(?:[.,:]\d+)*|[.!?:\n]")
_MARKS = frozenset(".!?:\n")

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]


def signature(text: str, language: str) -> bytes | None:
    """What represents a text; ``None`` for one of fewer than ``MIN_WORDS`` words, or of next to no different ones.

    White space, punctuation within sentences, and the composition of accents make no difference; case makes next to
    none.

    Returns:
        ``_BYTES`` bytes: the signatures of the pairs, of those with a number, and of the names and numbers, then how
        many there are of each.
    """
    plain = unicodedata.normalize("NFC", text[:MAX_CHARS])
    if len(plain.split(maxsplit=MIN_WORDS - 1)) < MIN_WORDS:
        return None
    tokens = _TOKEN.findall(plain)
    words = [token.lower() for token in tokens if token not in _MARKS]
    pairs = {f"{a} {b}" for a, b in pairwise(words)}
    if len(pairs) < MIN_PAIRS:
        return None
    numbered = {f"{a} {b}" for a, b in pairwise(words) if a[0].isdigit() or b[0].isdigit()}
    particulars = {word for word in words if word[0].isdigit()}
    if language.partition("-")[0] not in NOUNS_IN_CAPITALS:
        names = (token for before, token in pairwise(tokens) if token[0].isupper() and before not in _MARKS)
        particulars.update(map(str.lower, names))
    sets = ((pairs, _PAIRS), (numbered, _NUMBERED), (particulars, _PARTICULARS))
    values = b"".join(_values(of, count) for of, count in sets)
    return values + b"".join(len(of).to_bytes(2, "big") for of, _ in sets)


def _values(of: set[str], count: int) -> bytes:
    # The least of each of many hash functions: in which order they come makes no difference.
    sketch = RMinHash(count, _SEED)
    sketch.update(list(of))
    return bytes([value & 0xFF for value in sketch.digest()])


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of an article.

    Attributes:
        article_id: of the article; the entry is of its latest version.
        source_id: the outlet.
        content_hash: of the clean text; empty where there is no text.
        day: when it was ingested, as ``date.toordinal`` counts.
        order: its place among the articles that were ingested together.
        signature: in base64; empty without one.
        cluster_id: the story; ``None`` as long as it had no signature.
    """

    article_id: str
    source_id: str
    content_hash: str
    day: int
    order: int
    signature: str
    cluster_id: str | None


@dataclass(frozen=True, slots=True)
class Window:
    """The articles of the last days, in the order of their arrival, one entry each."""

    entries: tuple[Entry, ...] = ()

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """What ``as_json`` gave; an empty state remembers nothing.

        Signatures of another ``SCHEME`` are left out: articles keep their stories and are known as duplicates, but
        copies of them are not found.

        Raises:
            ValueError: it is not of this shape.
        """
        kept = state.get(STATE)
        if not kept:
            return cls()
        try:
            ids, sources, unsigned = kept["ids"], kept["sources"], set(kept["unsigned"])
            packed = b64decode(kept["signatures"], validate=True) if kept["scheme"] == SCHEME else b""
            cut = iter(range(0, len(packed), _BYTES))
            return cls(
                tuple(
                    Entry(
                        article_id=article_id,
                        source_id=sources[kept["source"][number]],
                        content_hash=kept["hashes"][number],
                        day=kept["days"][number],
                        order=number,
                        signature="" if number in unsigned or not packed else _text(packed, next(cut)),
                        cluster_id=_story(kept["stories"][number], ids),
                    )
                    for number, article_id in enumerate(ids)
                )
            )
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as fault:
            raise ValueError(f"the stories of the last days cannot be read: {fault!r}") from fault

    def as_json(self) -> dict[str, Any]:
        """The window as JSON takes it: ``{STATE: {...}}``, in columns, one item an entry; empty if it is.

        ``source`` has numbers of ``sources``; ``stories`` has the number of the entry whose id is the story's, the id
        itself where that entry is gone, or null; ``signatures`` are in base64, one behind the other, without the
        entries numbered in ``unsigned``.
        """
        if not self.entries:
            return {}
        numbers = {entry.article_id: number for number, entry in enumerate(self.entries)}
        sources = {name: number for number, name in enumerate(sorted({entry.source_id for entry in self.entries}))}
        packed = b"".join(b64decode(entry.signature) for entry in self.entries)
        return {
            STATE: {
                "scheme": SCHEME,
                "sources": list(sources),
                "ids": [entry.article_id for entry in self.entries],
                "source": [sources[entry.source_id] for entry in self.entries],
                "hashes": [entry.content_hash for entry in self.entries],
                "days": [entry.day for entry in self.entries],
                "stories": [numbers.get(entry.cluster_id or "", entry.cluster_id) for entry in self.entries],
                "unsigned": [number for number, entry in enumerate(self.entries) if not entry.signature],
                "signatures": b64encode(packed).decode(),
            }
        }

    def since(self, day: int) -> Window:
        """Without what was ingested before ``day``."""
        return Window(tuple(entry for entry in self.entries if entry.day >= day))

    def learned(self, entries: Iterable[Entry], *, since: int) -> Window:
        """With the ``entries`` of a run, which may come in any order, and without what is older than ``since``.

        Of several versions of an article the last stands, where the first did.
        """
        latest = {entry.article_id: entry for entry in self.entries}
        for entry in sorted(entries, key=lambda entry: (entry.order, entry.article_id)):
            latest[entry.article_id] = entry
        kept = [entry for entry in latest.values() if entry.day >= since]
        return Window(tuple(kept[-MAX_ENTRIES:]))


def _text(packed: bytes, start: int) -> str:
    return b64encode(packed[start : start + _BYTES]).decode()


def _story(told: int | str | None, ids: list[str]) -> str | None:
    return ids[told] if isinstance(told, int) else told


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an article belongs: its story, the article it repeats, and what is to be remembered of it."""

    cluster_id: str | None
    duplicate_of: str | None
    entry: Entry


class Matcher:
    """Finds the stories of articles, each among those of a window and those that it was shown before.

    An article that resembles none begins a story, which is named by its id. What was said of one article never
    changes by a later one; so of two texts that only a third, later one links, each keeps its story. A version of an
    article that is remembered keeps the story of those before it, whatever it says. Not for several threads at once.

    Args:
        window: what is remembered, from the first day that counts on.
        day: of all that is placed.
    """

    def __init__(self, window: Window, day: int) -> None:
        self._day = day
        self._stories: dict[str, str | None] = {}
        self._texts: dict[tuple[str, str], str] = {}
        self._signed: list[Entry] = []
        self._signatures: Bytes = np.zeros((1_024, _BYTES), np.uint8)
        # For each band and each value of it the number of the last entry that has it, counted from 1, and for each
        # entry and band the one before it. Untouched pages of the first take no memory.
        self._last: NDArray[np.uint32] = np.zeros((_BANDS, 1 << 16), np.uint32)
        self._before: NDArray[np.uint32] = np.zeros((1_024, _BANDS), np.uint32)
        self._bands = np.arange(_BANDS)
        self._order = len(window.entries)
        for entry in window.entries:
            self._remember(entry)

    def place(self, *, article_id: str, source_id: str, content_hash: str, text: str, language: str, outlet: bool = True) -> Placed:
        """Say where an article belongs, and remember it.

        Args:
            article_id: of the article.
            source_id: its outlet, or whatever else it came from.
            content_hash: of its clean text.
            text: the body.
        language: of the text, BCP 47.
            outlet: whether the source is an outlet, so that texts of one form are to be expected from it.
        """
        found = signature(text, language)
        story = self._stories.get(article_id)
        if story is None and found is not None:
            story = self._nearest(found, source_id if outlet else None) or article_id
        first = self._texts.get((source_id, content_hash)) if text else None
        entry = Entry(
            article_id=article_id,
            source_id=source_id,
            content_hash=content_hash if text else "",
            day=self._day,
            order=self._order,
            signature=b64encode(found).decode() if found is not None else "",
            cluster_id=story,
        )
        self._order += 1
        self._remember(entry)
        return Placed(story, first if first != article_id else None, entry)

    def _remember(self, entry: Entry) -> None:
        self._stories[entry.article_id] = entry.cluster_id
        if entry.content_hash:
            self._texts.setdefault((entry.source_id, entry.content_hash), entry.article_id)
        if not entry.signature:
            return
        number = len(self._signed)
        if number == len(self._signatures):
            self._signatures = np.concatenate([self._signatures, np.zeros_like(self._signatures)])
            self._before = np.concatenate([self._before, np.zeros_like(self._before)])
        self._signed.append(entry)
        self._signatures[number] = np.frombuffer(b64decode(entry.signature), np.uint8)
        at = (self._bands, _band_values(self._signatures[number]))
        self._before[number] = self._last[at]
        self._last[at] = number + 1

    def _nearest(self, found: bytes, outlet: str | None) -> str | None:
        """The story of the article that resembles this signature most, if it is a copy."""
        new = np.frombuffer(found, np.uint8)
        numbers = self._candidates(new)
        resemblance = _resemblance(self._signatures[numbers, :_PAIRS], new[:_PAIRS])
        near = np.flatnonzero(resemblance >= LEAST_RESEMBLANCE)
        if not near.size:
            return None
        near = near[resemblance[near] >= NEARLY * resemblance[near].max()]
        numbers, resemblance = numbers[near], resemblance[near]
        contained, deviation, estranged = _compared(self._signatures[numbers], new, resemblance)
        best = int(resemblance.argmax())
        if contained[best] < LEAST_CONTAINMENT:
            return None
        if median(deviation.tolist()) > MOST_DEVIATION or median(estranged.tolist()) > MOST_ESTRANGED:
            return None
        entries: list[Entry] = [self._signed[number] for number in numbers.tolist()]
        for entry, share in zip(entries, contained.tolist(), strict=True):
            if entry.source_id == outlet and share < SAME_OUTLET_CONTAINMENT:
                return None
        return entries[best].cluster_id

    def _candidates(self, new: Bytes) -> NDArray[np.intp]:
        """The numbers of the entries that have a band in common with ``new``, in order."""
        bands = self._bands
        at = self._last[bands, _band_values(new)]
        found = []
        for _ in range(_LONGEST_CHAIN):
            some = at > 0
            bands, at = bands[some], at[some]
            if not at.size:
                break
            found.append(at)
            at = self._before[at - 1, bands]
        return np.unique(np.concatenate(found)).astype(np.intp) - 1 if found else np.empty(0, np.intp)


def _band_values(one: Bytes) -> NDArray[np.uint16]:
    return one[:_PAIRS].view("<u2")


def _resemblance(known: Bytes, new: Bytes) -> Floats:
    """The estimated share of two sets that is in both: of each known one and the new one."""
    equal = np.count_nonzero(known == new, axis=1) / new.size
    beyond_chance: Floats = np.maximum(0.0, (equal - _CHANCE) / (1 - _CHANCE))
    return beyond_chance


def _compared(known: Bytes, new: Bytes, resemblance: Floats) -> tuple[Floats, Floats, Floats]:
    """Each known signature beside the new one.

    Returns:
        How much of the shorter text the other holds; by how many deviations pairs with a number are shared less than
        the others (a test of two proportions); and by how many names and numbers are shared less than expected. If a
        word survives with probability p, so does a name, and a pair with p squared. Both deviations have the error of
        the estimates in them.
    """
    sizes = known[:, -2 * _SIZES :].view(">u2").astype(np.float64), new[-2 * _SIZES :].view(">u2").astype(np.float64)
    fewer, both = np.minimum(*sizes), np.add(*sizes)
    pairs = fewer[:, 0]
    contained, error = _contained(resemblance, both[:, 0], pairs, _PAIRS)

    numbers = np.maximum(fewer[:, 1], 1.0)
    found = slice(_PAIRS, _PAIRS + _NUMBERED)
    shared, its_error = _contained(_resemblance(known[:, found], new[found]), both[:, 1], numbers, _NUMBERED)
    others = np.maximum(pairs - numbers, 1.0)
    shared_others = np.clip((contained * pairs - shared * numbers) / others, 0.0, 1.0)
    share = np.clip(contained, 1 / pairs, 1 - 1 / pairs)
    spread = np.sqrt(share * (1 - share) * (1 / numbers + 1 / others) + its_error + error)
    enough = (numbers >= _FEWEST) & (others >= _FEWEST)
    deviation = np.where(enough, (shared_others - shared) / spread, 0.0)

    particulars = np.maximum(fewer[:, 2], 1.0)
    found = slice(_PAIRS + _NUMBERED, _PAIRS + _NUMBERED + _PARTICULARS)
    kept, its_error = _contained(_resemblance(known[:, found], new[found]), both[:, 2], particulars, _PARTICULARS)
    expected = np.sqrt(contained)
    spread = np.sqrt(np.maximum(expected * (1 - expected), 0.02) / particulars + its_error)
    return contained, deviation, np.where(particulars >= _FEWEST, (expected - kept) / spread, 0.0)


def _contained(resemblance: Floats, both: Floats, fewer: Floats, values: int) -> tuple[Floats, Floats]:
    """How much of the smaller set is in the other, and the variance of that estimate.

    Args:
        resemblance: the share of both together that is in both.
        both: how many the two sets have, added up.
        fewer: how many the smaller has.
        values: from how many the resemblance was estimated.
    """
    share = np.minimum(1.0, resemblance / (1 + resemblance) * both / fewer)
    slope = both / fewer / (1 + resemblance) ** 2
    return share, resemblance * (1 - resemblance) / values * slope**2
