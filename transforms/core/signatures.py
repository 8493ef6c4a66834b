"""What represents a text, so that copies of it are known although they were edited, and how two texts compare by it.

A text is the set of its pairs of neighbouring words. Words of up to three letters are left out first: in the
languages of Europe they are mostly articles, prepositions and conjunctions, whose pairs stand in every text. What two
sets have in common is estimated from MinHash signatures (Broder, On the resemblance and containment of documents,
1997), of which eight bits a value are kept (Li and König, b-bit minwise hashing, 2010).

Texts can be worded alike and tell of different things. Reports that are made anew from a form every day, such as
weather, prices and results, share most of their words; in them the numbers change, while an editor's changes hit
those no more than other words. So the pairs with a number have a signature of their own. And so have the names and
numbers: of these a copy keeps more than of its pairs, since a pair is lost with either of its words.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

SCHEME = f"1.{RMinHash.ALGORITHM_VERSION}"
"""How signatures are made: our own version, then that of the library. Those of another scheme cannot be compared."""

MIN_WORDS = 40
"""Shorter texts have no signature: of two of them that have half their pairs in common, as two notices of the same
kind do, nothing tells whether they are copies."""
MIN_PAIRS = 10
"""Nor has a text of fewer different pairs, such as one word again and again. Forty words have some twenty."""
MAX_CHARS = 2_500
"""How much of a text is looked at: some 390 words, as much as an agency sends on most stories. Of 148 news pages four
in five are longer. Of the pairs of ``benchmarks/clusters.py`` .982 are found, as rightly as with 3,000
characters, which find .984. A signature of more of a text can be compared with one of this, which it holds."""
NOUNS_IN_CAPITALS = frozenset({"de", "gsw", "ksh", "lb", "nds"})
"""Languages that write all nouns with a capital, so that capitals do not tell names."""

MUCH_LESS = 0.6
"""A share below this much of what is expected is small for a copy. Of real articles of which up to 15% of the words
were changed in both copies 98 in 100 stay above it, by their numbers as by their names."""
FEWEST = 3
"""Of fewer numbers or names nothing follows."""

PAIRS, NUMBERED, PARTICULARS = 256, 32, 32
"""Values kept of each set, a byte each: the error of a share is at most 0.03 by the first, 0.09 by the others."""
SETS = 3
BYTES = PAIRS + NUMBERED + PARTICULARS + 2 * SETS
"""Of a signature."""
BANDS = PAIRS // 2
"""Bands of two values: of texts that resemble each other by 0.19 99 in 100 agree in a band at least, by 0.12 86, by
0.08 59, and of those that do not at all one in 500."""

_SEED = 1
_CHANCE = 1 / 256
# That eight bits agree by themselves.
_LEAST_VARIANCE = 0.02
# Where all is expected to be shared; that of a share of 0.98.

_TOKEN = re.compile(r"\w{4,}|\d+(?:[.,:]\d+)*|[.!?:\n]")
_MARKS = frozenset(".!?:\n")

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]


def signature(text: str, language: str) -> bytes | None:
    """What represents a text; ``None`` for one of fewer than ``MIN_WORDS`` words, or of next to no different ones.

    White space, punctuation within sentences, and the composition of accents make no difference; case makes next to
    none.

    Returns:
        ``BYTES`` bytes: the signatures of the pairs, of those with a number, and of the names and numbers, then how
        many there are of each.
    """
    plain = unicodedata.normalize("NFC", text[:MAX_CHARS])
    if len(plain.split(maxsplit=MIN_WORDS - 1)) < MIN_WORDS:
        return None
    tokens = _TOKEN.findall(plain)
    words = [token.lower() for token in tokens if token not in _MARKS]
    in_order = [f"{a} {b}" for a, b in pairwise(words)]
    pairs = set(in_order)
    if len(pairs) < MIN_PAIRS:
        return None
    numbers = [at for at, word in enumerate(words) if word[0].isdigit()]
    numbered = {pair for at in numbers for pair in in_order[max(0, at - 1) : at + 1]}
    particulars = {words[at] for at in numbers}
    if language.partition("-")[0] not in NOUNS_IN_CAPITALS:
        names = (token for before, token in pairwise(tokens) if token[0].isupper() and before not in _MARKS)
        particulars.update(map(str.lower, names))
    sets = ((pairs, PAIRS), (numbered, NUMBERED), (particulars, PARTICULARS))
    values = b"".join(_values(of, count) for of, count in sets)
    return values + b"".join(len(of).to_bytes(2, "big") for of, _ in sets)


def _values(of: set[str], count: int) -> bytes:
    # The least of each of many hash functions: in which order they come makes no difference.
    sketch = RMinHash(count, _SEED)
    sketch.update(list(of))
    return bytes([value & 0xFF for value in sketch.digest()])


def band_values(signed: Bytes) -> NDArray[np.uint16]:
    """The ``BANDS`` of a signature."""
    return signed[:PAIRS].view("<u2")


@dataclass(frozen=True, slots=True)
class Compared:
    """Known texts beside a new one; an item each.

    Attributes:
        contained: how much of the pairs of the shorter text the other holds.
        by_numbers: by how many standard deviations pairs with a number are shared less than the others; 0 unless it
            is much less.
        by_particulars: by how many names and numbers are shared less than expected; likewise. If a word survives with
            probability p, so does a name, and a pair with p squared.
    """

    contained: Floats
    by_numbers: Floats
    by_particulars: Floats


def resemblance(known: Bytes, new: Bytes) -> Floats:
    """The estimated share of the pairs of two texts that stand in both, of each known signature and a new one."""
    return _alike(known[:, :PAIRS], new[:PAIRS])


def _alike(known: Bytes, new: Bytes) -> Floats:
    equal = (known == new).sum(axis=1) / new.size
    beyond_chance: Floats = np.maximum(0.0, (equal - _CHANCE) / (1 - _CHANCE))
    return beyond_chance


def compared(known: Bytes, new: Bytes, alike: Floats) -> Compared:
    """Each known signature beside a new one.

    Args:
        known: a signature a row.
        new: a signature.
        alike: their ``resemblance``, which has been estimated already.
    """
    sizes = known[:, -2 * SETS :].view(">u2").astype(np.float64), new[-2 * SETS :].view(">u2").astype(np.float64)
    fewer, both = np.minimum(*sizes), np.add(*sizes)
    pairs = fewer[:, 0]
    contained, error = _contained(alike, both[:, 0], pairs, PAIRS)

    numbers = np.maximum(fewer[:, 1], 1.0)
    found = slice(PAIRS, PAIRS + NUMBERED)
    shared, its_error = _contained(_alike(known[:, found], new[found]), both[:, 1], numbers, NUMBERED)
    others = np.maximum(pairs - numbers, 1.0)
    shared_others = np.clip((contained * pairs - shared * numbers) / others, 0.0, 1.0)
    share = np.clip(contained, 1 / pairs, 1 - 1 / pairs)
    # Of two proportions in samples of this size, and of the estimates.
    variance = share * (1 - share) * (1 / numbers + 1 / others) + its_error + error
    by_numbers = _shortfall(shared, shared_others, variance, np.minimum(numbers, others))

    particulars = np.maximum(fewer[:, 2], 1.0)
    found = slice(PAIRS + NUMBERED, PAIRS + NUMBERED + PARTICULARS)
    shared, its_error = _contained(_alike(known[:, found], new[found]), both[:, 2], particulars, PARTICULARS)
    expected = np.sqrt(contained)
    variance = np.maximum(expected * (1 - expected), _LEAST_VARIANCE) / particulars + its_error
    return Compared(contained, by_numbers, _shortfall(shared, expected, variance, particulars))


def _contained(alike: Floats, both: Floats, fewer: Floats, values: int) -> tuple[Floats, Floats]:
    """How much of the smaller of two sets is in the other, and the variance of that estimate.

    Args:
        alike: the estimated share of all that is in both.
        both: how many the two sets have, added up.
        fewer: how many the smaller has.
        values: from how many ``alike`` was estimated.
    """
    share = np.minimum(1.0, alike / (1 + alike) * both / fewer)
    slope = both / fewer / (1 + alike) ** 2
    return share, alike * (1 - alike) / values * slope**2


def _shortfall(shared: Floats, expected: Floats, variance: Floats, count: Floats) -> Floats:
    """By how many standard deviations less is shared than expected; 0 unless it is much less, of more than a few."""
    found: Floats = (expected - shared) / np.sqrt(variance)
    found[(count < FEWEST) | (shared >= MUCH_LESS * expected)] = 0.0
    return found
