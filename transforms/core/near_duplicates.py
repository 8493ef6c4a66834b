"""Copies of one story: texts that outlets have taken from the same agency, or from each other, and edited.

Articles are compared by their signatures. Those that can be copies are found by bands of them (Indyk and Motwani,
Approximate nearest neighbors, 1998), so that finding takes as long among many as among few. ``Window`` is what a data
set remembers, ``Matcher`` finds in it; neither knows a clock.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from transforms.core.signatures import BANDS, BYTES, SCHEME, Bytes, band_values, compared, resemblance, signature

STATE = "stories"
"""The key under which the state of a data set keeps its ``Window``."""

MAX_ENTRIES = 50_000
"""Articles that a window holds at most, the last ones: 12,500 a night, and a state of some 25 MB. It bounds what a
backfill of years, all of which comes in one night, leaves behind."""

LEAST_RESEMBLANCE = 0.08
"""What copies have in common at least, as a share of the pairs of both. If 30% of the words are changed in each of
two copies it is 0.19, and 0.12 if one of them is cut to half its length besides. Among 148 news pages of different
stories the largest is 0.016, and 0.027 the largest estimate. An estimate is off by 0.006 there, and by 0.017 at the
bar."""
LEAST_CONTAINMENT = 0.2
"""The same as a share of the pairs of the shorter text: 0.32 in those copies, 0.04 at most among those pages."""
SAME_OUTLET_CONTAINMENT = 0.8
"""What an outlet's own earlier article must hold of a later one, or the reverse, before they are one story: a text
that grew, or a second address of it. Below that its texts resemble each other because they have the same form."""
NEARLY = 0.7
"""Known articles that resemble a new one by this much of what the nearest does decide with it."""
MOST_BY_NUMBERS, MOST_BY_PARTICULARS = 2.5, 1.0
"""How far a text may be from what is expected of a copy (see ``Compared``), in the middle of those that decide. Of
2,000 different articles composed of the same sentences, with names and numbers of their own, 12 are joined to
another; 658 by the numbers alone, 15 by the particulars alone, 1,267 by neither. Of reports from a form, carried by
outlets that had none before, 7% (weather) to 0% (prices); all by neither. Together they cost half a percent of the
pairs of copies."""

_LONGEST_CHAIN = 64
# Steps along one band. A chain gets as long when many texts have a phrase; their copies are found in other bands.

_Numbers = NDArray[np.uint16] | NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is remembered of an article.

    Attributes:
        article_id: of the article; the entry is of its latest version.
        source_id: the outlet.
        content_hash: of the clean text; empty where there is no text.
        day: when it was ingested, as ``date.toordinal`` counts.
        version: of the text.
        repeats: whether its outlet had the same text under another id before.
        signature: in base64; empty without one.
        cluster_id: the story; ``None`` as long as it had no signature.
    """

    article_id: str
    source_id: str
    content_hash: str
    day: int
    version: int
    repeats: bool
    signature: str
    cluster_id: str | None


@dataclass(frozen=True, slots=True)
class Window:
    """The articles of the last days, one entry each, by day and id, so that the order of reading leaves no trace."""

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
            ids, sources = kept["ids"], kept["sources"]
            unsigned, repeats = set(kept["unsigned"]), set(kept["repeats"])
            packed, comparable = b64decode(kept["signatures"], validate=True), kept["scheme"] == SCHEME
            if comparable and len(packed) != BYTES * (len(ids) - len(unsigned)):
                raise ValueError("there are not as many signatures as articles that have one")
            cut = iter(range(0, len(packed), BYTES))
            return cls(
                tuple(
                    Entry(
                        article_id=article_id,
                        source_id=sources[kept["source"][number]],
                        content_hash=kept["hashes"][number],
                        day=kept["days"][number],
                        version=kept["versions"][number],
                        repeats=number in repeats,
                        signature="" if number in unsigned or not comparable else _text(packed, next(cut)),
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
        itself where that entry is gone, or null; ``repeats`` has the numbers of those that do; ``signatures`` are in
        base64, one behind the other, without the entries numbered in ``unsigned``.
        """
        if not self.entries:
            return {}
        numbers: dict[str | None, int] = {entry.article_id: number for number, entry in enumerate(self.entries)}
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
                "stories": [numbers.get(entry.cluster_id, entry.cluster_id) for entry in self.entries],
                "versions": [entry.version for entry in self.entries],
                "repeats": [number for number, entry in enumerate(self.entries) if entry.repeats],
                "unsigned": [number for number, entry in enumerate(self.entries) if not entry.signature],
                "signatures": b64encode(packed).decode(),
            }
        }

    def since(self, day: int) -> Window:
        """Without what was ingested before ``day``."""
        return Window(tuple(entry for entry in self.entries if entry.day >= day))

    def learned(self, entries: Iterable[Entry], *, since: int) -> Window:
        """With the ``entries`` of a run, in any order, and without what is older than ``since``.

        Of several versions of an article the last stands.
        """
        latest: dict[str, Entry] = {}
        for entry in (*self.entries, *entries):
            held = latest.get(entry.article_id)
            if held is None or held.version <= entry.version:
                latest[entry.article_id] = entry
        kept = sorted(
            (entry for entry in latest.values() if entry.day >= since),
            key=lambda entry: (entry.day, entry.article_id),
        )
        return Window(tuple(kept[-MAX_ENTRIES:]))


def _text(packed: bytes, start: int) -> str:
    return b64encode(packed[start : start + BYTES]).decode()


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
        self._texts: dict[tuple[str, str], Entry] = {}
        self._signed: list[Entry] = []
        self._signatures: Bytes = np.zeros((1_024, BYTES), np.uint8)
        # For each band and each value of it the number of the last entry that has it, counted from 1, and for each
        # entry and band the one before it. Untouched pages of the first take no memory, but three thousand articles
        # have touched them all: 17 MB, and twice as much once the numbers need more than two bytes.
        self._last: _Numbers = np.zeros((BANDS, 1 << 16), np.uint16)
        self._before: _Numbers = np.zeros((1_024, BANDS), np.uint16)
        self._bands = np.arange(BANDS)
        for entry in window.entries:
            self._remember(entry)

    def place(
        self,
        *,
        article_id: str,
        version: int,
        source_id: str,
        content_hash: str,
        text: str,
        language: str,
        outlet: bool = True,
    ) -> Placed:
        """Say where an article belongs, and remember it.

        Args:
            article_id: of the article.
            version: the number of its text.
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
        first = self._repeated(article_id, source_id, content_hash) if text else None
        entry = Entry(
            article_id=article_id,
            source_id=source_id,
            content_hash=content_hash if text else "",
            day=self._day,
            version=version,
            repeats=first is not None,
            signature=b64encode(found).decode() if found is not None else "",
            cluster_id=story,
        )
        self._remember(entry)
        return Placed(story, first, entry)

    def _repeated(self, article_id: str, source_id: str, content_hash: str) -> str | None:
        """The first article of the outlet that had this text, if it is another one."""
        first = self._texts.get((source_id, content_hash))
        return None if first is None or first.article_id == article_id else first.article_id

    def _remember(self, entry: Entry) -> None:
        self._stories[entry.article_id] = entry.cluster_id
        if entry.content_hash:
            first = self._texts.setdefault((entry.source_id, entry.content_hash), entry)
            if first.repeats and not entry.repeats and first.day == entry.day:
                # Of those that came in one run the one that the others repeat was first.
                self._texts[entry.source_id, entry.content_hash] = entry
        if not entry.signature:
            return
        number = len(self._signed)
        if number == len(self._signatures):
            self._signatures = np.concatenate([self._signatures, np.zeros_like(self._signatures)])
            self._before = np.concatenate([self._before, np.zeros_like(self._before)])
        if number == np.iinfo(np.uint16).max:
            self._last, self._before = self._last.astype(np.uint32), self._before.astype(np.uint32)
        self._signed.append(entry)
        self._signatures[number] = np.frombuffer(b64decode(entry.signature), np.uint8)
        at = (self._bands, band_values(self._signatures[number]))
        self._before[number] = self._last[at]
        self._last[at] = number + 1

    def _nearest(self, found: bytes, outlet: str | None) -> str | None:
        """The story of the article that resembles this signature most, if it is a copy."""
        new = np.frombuffer(found, np.uint8)
        numbers = self._candidates(new)
        alike = resemblance(self._signatures[numbers], new)
        most = alike.max(initial=0.0)
        if most < LEAST_RESEMBLANCE:
            return None
        near = (alike >= max(LEAST_RESEMBLANCE, NEARLY * most)).nonzero()[0]
        numbers, alike = numbers[near], alike[near]
        beside = compared(self._signatures[numbers], new, alike)
        best = int(alike.argmax())
        if beside.contained[best] < LEAST_CONTAINMENT:
            return None
        if median(beside.by_numbers.tolist()) > MOST_BY_NUMBERS:
            return None
        if median(beside.by_particulars.tolist()) > MOST_BY_PARTICULARS:
            return None
        entries: list[Entry] = [self._signed[number] for number in numbers.tolist()]
        for entry, share in zip(entries, beside.contained.tolist(), strict=True):
            if entry.source_id == outlet and share < SAME_OUTLET_CONTAINMENT:
                return None
        return entries[best].cluster_id

    def _candidates(self, new: Bytes) -> NDArray[np.intp]:
        """The numbers of the entries that have a band in common with ``new``, in order."""
        bands = self._bands
        at = self._last[bands, band_values(new)]
        found: set[int] = set()
        for _ in range(_LONGEST_CHAIN):
            some = at.nonzero()[0]
            if not some.size:
                break
            bands, at = bands[some], at[some]
            found.update(at.tolist())
            at = self._before[at - 1, bands]
        return np.array(sorted(found), np.intp) - 1
