"""Fits the numbers of ``config/clutter/model.toml`` to annotated documents, and says how good they are.

    python -m benchmarks.fit_clutter [--write] [--rounds N] [FILE.jsonl …]

Documents are JSON lines with ``text`` and ``segments`` (start, end, label ``keep`` or ``clutter``); the default is
``tests/data/clutter/tuned.jsonl``. One number after the other is moved by the steps in ``STEPS`` and stays where the
loss is least, until a round changes nothing. The loss is the share of clutter characters left plus ``BODY`` times the
share of the article's characters lost, plus a little for every distance from the numbers at the start, so that what
the documents do not decide stays as it was. ``held_back.jsonl`` beside the default is never fitted, only measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.settings import load
from schemas.rules import Model
from transforms.core.clutter.rules import RuleBook, rule_book
from transforms.core.clutter.strip import strip

DATA = Path(__file__).parent.parent / "tests" / "data" / "clutter"
MODEL = Path(__file__).parent.parent / "config" / "clutter" / "model.toml"
BODY = 15.0
"""A lost character of the article weighs as much as fifteen of clutter that stay: the aims are .005 and .03–.10."""
STILL = 0.0005
"""The cost of one unit of distance: enough to break ties, far below one line's worth of loss."""
STEPS = (-1.0, -0.5, -0.2, 0.2, 0.5, 1.0)

Document = dict[str, Any]
Numbers = dict[str, dict[str, float]]


def shares(documents: Iterable[Document], book: RuleBook) -> tuple[float, float]:
    """The share of clutter left and of article lost, in characters that are not blank, over all documents.

    A headline that moved to its column is not lost, and where it stands twice either copy may go.
    """
    left = lost = clutter = article = 0
    for document in documents:
        text = document["text"]
        cut = bytearray(len(text))
        for piece in strip(text, book).removed:
            if piece.kind != "headline":
                cut[piece.start : piece.end] = b"\1" * (piece.end - piece.start)
        for segment in document["segments"]:
            solid = [at for at in range(segment["start"], segment["end"]) if not text[at].isspace()]
            gone = sum(cut[at] for at in solid)
            if segment["label"] == "clutter":
                clutter += len(solid)
                left += len(solid) - gone
            else:
                article += len(solid)
                lost += 0 if segment["kind"] == "title" and text.count(text[solid[0] : solid[-1]]) > 1 else gone
    return left / max(1, clutter), lost / max(1, article)


def fit(documents: list[Document], book: RuleBook, rounds: int) -> Numbers:
    """The numbers with the least loss that moving one at a time finds."""
    start: Numbers = book.model.model_dump()
    now: Numbers = json.loads(json.dumps(start))

    def loss() -> float:
        book.model = Model.model_validate(now)
        left, lost = shares(documents, book)
        far: float = sum(abs(now[t][k] - start[t][k]) for t in start for k in start[t])
        return left + BODY * lost + STILL * far

    best: float = loss()
    for number in range(rounds):
        before = best
        for table in start:
            for key in start[table]:
                here = now[table][key]
                for step in STEPS:
                    now[table][key] = round(here + step, 2)
                    found = loss()
                    if found < best - 1e-9:
                        best, here = found, now[table][key]
                now[table][key] = here
        print(f"round {number + 1}: loss {best:.4f}")
        if best == before:
            break
    book.model = Model.model_validate(now)
    return now


def write(numbers: Numbers) -> None:
    """Put the numbers into ``model.toml``; comments and order stay."""
    table, out = "", []
    for line in MODEL.read_text("utf-8").splitlines():
        if line.startswith("["):
            table = line[1 : line.index("]")]
        key = line.partition(" ")[0]
        if table in numbers and key in numbers[table]:
            comment = line.partition("#")[2]
            value = f"{key} = {numbers[table][key]}"
            line = f"{value:27} #{comment}" if comment else value
        out.append(line)
    MODEL.write_text("\n".join(out) + "\n", "utf-8")


def main() -> None:
    """Fit, print, and with ``--write`` keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, default=[DATA / "tuned.jsonl"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the numbers into model.toml")
    args = parser.parse_args()
    book = rule_book(load().rules)
    sets = {path.name: _read(path) for path in (*args.files, DATA / "held_back.jsonl")}
    _report("before", sets, book)
    numbers = fit([d for path in args.files for d in sets[path.name]], book, args.rounds)
    _report("after", sets, book)
    if args.write:
        write(numbers)


def _report(when: str, sets: dict[str, list[Document]], book: RuleBook) -> None:
    for name, documents in sets.items():
        left, lost = shares(documents, book)
        print(f"{when}: {name}: clutter left {left:.3f}, body lost {lost:.4f}")


def _read(path: Path) -> list[Document]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


if __name__ == "__main__":
    main()
