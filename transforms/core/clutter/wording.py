"""Features as a person reads them."""

from __future__ import annotations

_NAMES = {
    "w": "word",
    "p": "stem",
    "s": "ending",
    "b": "words",
    "^": "first word",
    "^^": "first words",
    "$": "last word",
    "sh": "shape",
    "nw": "number of words",
    "pat": "pattern",
    "cap": "capitals",
    "beg": "beginning",
    "end": "end",
    "ch": "sign",
    "has": "has",
    "dig": "figures",
    "pos": "place",
    "top": "lines above the prose",
    "topi": "lines from the top",
    "tail": "lines below the prose",
    "prev": "line before",
    "next": "line behind",
    "pn": "lines around",
    "lede": "words shared with the lede",
    "held": "words shared with the prose",
    "below": "lines below a header",
    "beyond": "lines below the subject",
    "rows": "rows of its make",
    "entry": "entry of a live-blog",
    "intro": "line before the list",
    "r": "rule of scope",
    "k": "rule of kind",
    "opens": "opens",
}


def in_words(feature: str) -> str:
    """A feature as a person reads it: ``w=nieuwsbrief`` is "word nieuwsbrief"."""
    whose, bare = ("", feature)
    if feature[:1] in "<>":
        whose, bare = ("line before: " if feature[0] == "<" else "line behind: "), feature[1:]
    if bare[:2] == "q:":
        whose, bare = "in prose: ", bare[2:]
    name, sign, value = bare.partition("=")
    return f"{whose}{_NAMES[name]} {value}" if sign and name in _NAMES else whose + bare
