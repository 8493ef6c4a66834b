"""What is known of words before the model is fitted, and how it comes into the numbers of single words.

Two things that a model fitted to words one by one cannot learn, since each word stands in few documents: that words
mean in running text much of what they mean in a short line, and that words of one matter (``vocabulary.toml``) speak
for the same. Both are fitted as features besides the word's own, and then added to its own number: applying the model
costs nothing more, and a word that stands in no document has a number all the same.
"""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Set
from functools import cache
from pathlib import Path

from transforms.core.clutter.features import LITTLE_WORDS, READER, of_word
from transforms.core.clutter.segments import fold

VOCABULARY = Path(__file__).parent.parent / "tests" / "data" / "clutter" / "vocabulary.toml"

Weights = Mapping[str, Mapping[str, float]]

_WORD_IN_PROSE = re.compile(r"q:([wpsb]=(.+))")
_OF_MATTER = re.compile(r"(?:q:)?v=")
_OF_WORDS = re.compile(r"(?:q:)?(?:[wpsb$]|\^\^?)=(.+)")


@cache
def matters() -> Mapping[str, tuple[str, ...]]:
    """By word, folded and in small letters, the matters of the vocabulary that it is about."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for matter, texts in tomllib.loads(VOCABULARY.read_text("utf-8")).items():
        for word in set(fold(" ".join(texts.values())).lower().split()) - LITTLE_WORDS:
            found[word].append(matter)
    return {word: tuple(found[word]) for word in sorted(found)}


def tells(feature: str) -> bool:
    """Whether a feature may be fitted. Little words in running text are not: they stand in any of it.

    What they seem to tell is how many articles and how many teasers in their language are among the documents.
    """
    found = re.fullmatch(r"q:[wb]=(.+)", feature)
    words = found[1].split(" ") if found else []
    spoken = [word for word in words if word[0].isalpha()]
    return (
        not words
        or any(word not in LITTLE_WORDS or word in READER for word in spoken)
        or len(words) > 1 > len(spoken)
    )


def with_shared(features: Mapping[str, float]) -> dict[str, float]:
    """The features of a line as they are fitted: with those of its words in any line, and of their matters."""
    out = dict(features)
    for name, strength in features.items():
        found = _WORD_IN_PROSE.fullmatch(name)
        if found and tells(name):
            out[found[1]] = strength
    for name in list(out):
        mark, is_word, word = name.rpartition("w=")
        if is_word and mark in ("", "q:"):
            for matter in matters().get(word, ()):
                out[f"{mark}v={matter}"] = out.get(f"{mark}v={matter}", 0.0) + 1.0
    return out


def folded_in(weights: Weights) -> dict[str, dict[str, float]]:
    """The numbers as they are applied: those of words with all that was fitted besides them added."""
    out = {name: dict(own) for name, own in weights.items() if not _OF_MATTER.match(name)}

    def add(name: str, other: str) -> None:
        for state, weight in weights.get(other, {}).items():
            own = out.setdefault(name, {})
            own[state] = round(own.get(state, 0.0) + weight, 2)

    for word, of_word_ in matters().items():
        for matter in of_word_:
            add(f"w={word}", f"v={matter}")
            add(f"q:w={word}", f"v={matter}")
            add(f"q:w={word}", f"q:v={matter}")
    for name in weights:
        if _WORD_IN_PROSE.fullmatch(f"q:{name}") and tells(f"q:{name}"):
            add(f"q:{name}", name)
    return out


def without(unmet: Set[str], features: Mapping[str, float]) -> dict[str, float]:
    """The features but those of words that were not met; what such a word is about may be known all the same."""
    parts = {name.partition("=")[2] for word in unmet for name in of_word(word, prose=False)}
    out = {}
    for name, strength in features.items():
        told = _OF_WORDS.fullmatch(name)
        if not told or parts.isdisjoint(told[1].split(" ")):
            out[name] = strength
    return out
