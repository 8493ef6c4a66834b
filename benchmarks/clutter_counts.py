"""What stripping leaves and loses of annotated documents, in characters that are not blank."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.clutter_variants import Document
from transforms.core.clutter.strip import Stripped


class Counts(NamedTuple):
    """Characters of clutter that are left, of clutter in all, of the article that are lost, of it in all."""

    left: int
    clutter: int
    lost: int
    article: int


NOTHING = Counts(0, 0, 0, 0)


def added(one: Counts, other: Counts) -> Counts:
    """Both together."""
    return Counts(*map(sum, zip(one, other, strict=True)))


def counted(document: Document, stripped: Stripped) -> Counts:
    """What is left and lost of a document.

    A headline that moved to its column is not lost, and where it stands twice either copy may go.
    """
    text = document["text"]
    cut = bytearray(len(text))
    for piece in stripped.removed:
        if piece.kind != "headline":
            cut[piece.start : piece.end] = b"\1" * (piece.end - piece.start)
    left = clutter = lost = article = 0
    for segment in document["segments"]:
        solid = [i for i in range(segment["start"], segment["end"]) if not text[i].isspace()]
        gone = sum(cut[i] for i in solid)
        if segment["label"] == "clutter":
            clutter, left = clutter + len(solid), left + len(solid) - gone
        else:
            again = segment["kind"] == "title" and text.count(text[solid[0] : solid[-1]]) > 1
            article, lost = article + len(solid), lost + (0 if again else gone)
    return Counts(left, clutter, lost, article)
