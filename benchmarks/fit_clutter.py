"""Fits ``config/clutter/model.json`` to annotated texts, and says how good it is on texts it was not fitted to.

    python -m benchmarks.fit_clutter --write          fit to everything and keep the numbers
    python -m benchmarks.fit_clutter --across         leave out each file in turn, fit to the others, measure on it
    python -m benchmarks.fit_clutter                  measure the numbers that ship

What it reads: the golden cases; ``tests/data/clutter/*.jsonl``, documents of ``text`` and ``segments`` (start, end,
label ``keep`` or ``clutter``, kind); ``tests/data/clutter/lines/*.tsv``, lines of ``kind<TAB>line`` that stand
alone; and with ``--shared DIR`` also ``DIR/clutter/*.jsonl`` and the real pages in ``DIR/pages``, of which a
line counts as the article's where three tenths of its shingles of four words stand in the gold text.

``tests/data/clutter/held-back/*.jsonl`` is only ever measured: written before the rules were looked at, it says what
to expect of an outlet that nobody has seen.

The model is a linear-chain conditional random field, fitted by python-crfsuite (L-BFGS, elastic net), which is
needed for this alone: ``pip install '.[fit]'``.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pycrfsuite

from pipeline.settings import load
from schemas.reject import Refused
from schemas.rules import ARTICLE, CutKind, Model
from tests.golden import cases
from transforms.core.clutter.chain import Chain
from transforms.core.clutter.features import describe
from transforms.core.clutter.rules import RuleBook, rule_book
from transforms.core.clutter.segments import fold
from transforms.core.clutter.strip import read_lines, strip
from transforms.core.clutter.surroundings import surroundings
from transforms.core.extraction import extract_page

DATA = Path(__file__).parent.parent / "tests" / "data" / "clutter"
MODEL = Path(__file__).parent.parent / "config" / "clutter" / "model.json"

STATES: dict[str, CutKind | None] = {
    ARTICLE: None,
    "links": CutKind.RELATED_TEASER,
    "comments": CutKind.COMMENTS,
    "offers": CutKind.OTHER,
    "picture": CutKind.CAPTION,
    "menu": CutKind.NAVIGATION,
    "time": CutKind.TIMESTAMP,
    "byline": CutKind.BYLINE,
}
STATE_OF = {
    **dict.fromkeys(("related_teaser", "related_wire", "aggregator"), "links"),
    "comments": "comments",
    **dict.fromkeys(("subscription", "newsletter", "paywall", "cookie", "promo", "copyright", "other"), "offers"),
    "related_header": "links",
    **dict.fromkeys(("photo_credit", "caption"), "picture"),
    **dict.fromkeys(("navigation", "share", "title", "date_marker"), "menu"),
    "timestamp": "time",
    **dict.fromkeys(("byline", "source_credit"), "byline"),
}
"""Kinds of one habit share a state: eight left less clutter at the same loss than four, and no more than twenty."""

L1, L2, ROUNDS = 0.2, 0.05, 150
"""Penalties from 0.1 to 0.5 do equally well across files, the larger with fewer features; the numbers have settled by
then."""
CAUTION, CAUTION_PAGES = 0.5, 2.5
CAUTIONS = (0.0, 0.5, 0.75, 1.0, 1.5, 2.0)
"""``CAUTION`` is chosen among these so that across files about one character in a hundred of the article is lost;
``CAUTION_PAGES`` across the publishers of the real pages, so that recall falls by less than a thousandth."""
TEXTS = 3
"""A feature is fitted where so many texts have it: what stands in fewer is the name of a place or a person."""
SMALLEST = 0.03
"""Numbers below are left out: they are half of all and change no decision."""

Document = dict[str, Any]
Sequenced = tuple[list[dict[str, float]], list[str]]
_MARKER = re.compile(r"\s*date \d{4}-\d\d(?:-\d\d)?\s+")


@dataclass(frozen=True, slots=True)
class Sample:
    """What is fitted: ``features`` and ``states`` of each line of one text, and the document where there is one."""

    features: list[dict[str, float]]
    states: list[str]
    document: Document | None = None


def blank() -> Model:
    """A model that says nothing."""
    return Model(states=STATES, caution=0, caution_pages=0, steps={}, weights={})


def sample(document: Document, book: RuleBook) -> Sample:
    """A document as it is fitted; each line has the state of the label that most of it bears."""
    folded = fold(document["text"])
    found = _MARKER.match(folded)
    begin = found.end() if found else 0
    lines = read_lines(folded[begin:], book)
    around = surroundings(lines, [line.fitting.sure is not None for line in lines])
    features = [{**line.form.features(), **one.features()} for line, one in zip(lines, around, strict=True)]
    states = []
    for line in lines:
        shares: Counter[str] = Counter()
        for piece in document["segments"]:
            start = max(piece["start"], line.segment.start + begin)
            end = min(piece["end"], line.segment.end + begin)
            state = ARTICLE if piece["label"] == "keep" else STATE_OF[piece["kind"]]
            shares[state] += len(folded[start:end].strip()) if start < end else 0
        states.append(max(shares, key=lambda state: shares[state]) if shares.total() else ARTICLE)
    return Sample(features, states, document)


def single(kind: str, line: str) -> Sample:
    """A line that stands alone: only what it says by itself."""
    features = describe(fold(line).strip()).features()
    return Sample([features], [ARTICLE if kind == "keep" else STATE_OF[kind]])


def fit(samples: Iterable[Sample]) -> Model:
    """The numbers that make the states of the samples likeliest."""
    samples = list(samples)
    texts = Counter(name for one in samples for name in {name for features in one.features for name in features})
    trainer = pycrfsuite.Trainer(verbose=False)
    for one in samples:
        known = [
            {name: strength for name, strength in features.items() if texts[name] >= TEXTS}
            for features in one.features
        ]
        trainer.append(known, one.states)
    trainer.set_params({"c1": L1, "c2": L2, "max_iterations": ROUNDS, "feature.possible_transitions": True})
    with tempfile.NamedTemporaryFile(suffix=".crf") as file:
        trainer.train(file.name)
        tagger = pycrfsuite.Tagger()
        tagger.open(file.name)
        info = tagger.info()
        tagger.close()
    steps = {f"{a}>{b}": round(w, 2) for (a, b), w in sorted(info.transitions.items()) if abs(w) >= SMALLEST}
    weights: dict[str, dict[str, float]] = {}
    for (feature, state), weight in sorted(info.state_features.items()):
        if abs(weight) >= SMALLEST:
            weights.setdefault(feature, {})[state] = round(weight, 2)
    return Model(states=STATES, caution=CAUTION, caution_pages=CAUTION_PAGES, steps=steps, weights=weights)


def likeliest_clutter(one: Sample, chain: Chain) -> Sample:
    """The sample with a kind for each line of which it is only known that it is none of the article's."""
    sums = np.array([chain.weigh_by_strength(features.items()) for features in one.features])
    for own, state in zip(sums, one.states, strict=True):
        barred = range(1, len(own)) if state == ARTICLE else range(1)
        for number in barred:
            own[number] = float("-inf")
    return Sample(one.features, [chain.states[number] for number in chain.best_path(sums)], one.document)


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


def pages(folder: Path) -> Iterator[Document]:
    """The real pages as documents: the extracted text, its lines labelled by the gold text."""
    for row in (folder / "gold.jsonl").read_text("utf-8").splitlines():
        gold = json.loads(row)
        try:
            text = extract_page(gzip.decompress((folder / gold["file"]).read_bytes()), url=gold["url"]).text
        except Refused:
            continue
        held, whole = _shingles(_words(gold["text"])), f" {' '.join(_words(gold['text']))} "
        segments, at = [], 0
        for line in text.splitlines(keepends=True):
            words = _words(line)
            if len(words) < 4:
                kept = f" {' '.join(words)} " in whole
            else:
                own = _shingles(words)
                kept = (own & held).total() >= 0.3 * own.total()
            label = {"label": "keep", "kind": "body"} if kept else {"label": "clutter", "kind": "other"}
            segments.append({"start": at, "end": at + len(line), **label})
            at += len(line)
        yield {"text": text, "segments": segments}


JOINED = 2
"""Of so many documents one is fitted a second time without its line breaks."""


def joined(document: Document) -> Document:
    """The document as it comes from a source that has lost all line breaks."""
    return document | {"text": re.sub(r"[\n\r]", " ", document["text"])}


def golden() -> Iterator[Document]:
    """The golden cases as documents, by their cuts."""
    for name in cases.names():
        case = cases.load(name)
        segments, at = [], 0
        for cut in case.cuts or ():
            start = case.text.index(cut.text, at)
            segments.append({"start": at, "end": start, "label": "keep", "kind": "body"})
            at = start + len(cut.text)
            kept = cut.kind == CutKind.HEADLINE
            segments.append({"start": start, "end": at, "label": "keep" if kept else "clutter", "kind": cut.kind})
        yield {
            "text": case.text,
            "segments": [*segments, {"start": at, "end": len(case.text), "label": "keep", "kind": "body"}],
        }


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _shingles(words: Sequence[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3)))


def write(model: Model) -> None:
    """Put the numbers into ``model.json``, one feature a line."""
    content = model.model_dump(mode="json")
    weights = content.pop("weights")
    head = json.dumps(content, ensure_ascii=False, indent=1)[:-2]
    rows = ",\n".join(f"  {json.dumps(k, ensure_ascii=False)}: {json.dumps(v)}" for k, v in weights.items())
    MODEL.write_text(f'{head},\n "weights": {{\n{rows}\n }}\n}}\n', "utf-8")


def read(shared: Path | None, book: RuleBook) -> tuple[dict[str, list[Sample]], list[Sample], list[Sample]]:
    """The documents by file, the single lines, and the pages."""
    paths = sorted(DATA.glob("*.jsonl")) + (sorted((shared / "clutter").glob("*.jsonl")) if shared else [])
    files = {
        path.stem: [sample(json.loads(row), book) for row in path.read_text("utf-8").splitlines()] for path in paths
    }
    files["joined"] = [
        sample(joined(json.loads(row)), book)
        for path in paths
        for row in path.read_text("utf-8").splitlines()[::JOINED]
    ]
    files["golden"] = [sample(case, book) for case in golden()]
    rows = [
        row.split("\t")
        for path in sorted((DATA / "lines").glob("*.tsv"))
        for row in path.read_text("utf-8").splitlines()
    ]
    crawled = [sample(page, book) for page in pages(shared / "pages")] if shared else []
    return files, [single(kind, line) for kind, line in rows], crawled


def main() -> None:
    """Measure; fit and keep with ``--write``; fit and measure across files with ``--across``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="fit to everything, put the numbers into model.json")
    parser.add_argument("--across", action="store_true", help="leave out each file in turn and measure on it")
    parser.add_argument("--shared", type=Path, help="a folder with clutter/ and pages/")
    args = parser.parse_args()
    book = rule_book(load().rules)
    files, lines, crawled = read(args.shared, book)
    if args.across:
        for name in files:
            rest = [one for other, samples in files.items() if other != name for one in samples] + lines
            first = fit(rest)
            known = [likeliest_clutter(page, Chain(first)) for page in crawled]
            model = fit(rest + known) if known else first
            for caution in CAUTIONS:
                book.chain = Chain(model.model_copy(update={"caution": caution}))
                held = [one.document for one in files[name] if one.document]
                _report(f"{name}, fitted to the others, caution {caution}", held, book)
    if args.write:
        everything = [one for samples in files.values() for one in samples] + lines
        first = fit(everything)
        known = [likeliest_clutter(page, Chain(first)) for page in crawled]
        model = fit(everything + known) if known else first
        write(model)
        print(f"{MODEL.name}: {len(model.weights)} features")
        book.chain = Chain(model)
    if args.write or not args.across:
        for name, samples in files.items():
            _report(name, [one.document for one in samples if one.document], book)
        for path in sorted((DATA / "held-back").glob("*.jsonl")):
            _report(f"held back, {path.stem}", map(json.loads, path.read_text("utf-8").splitlines()), book)


def _report(name: str, documents: Iterable[Document], book: RuleBook) -> None:
    left, lost = shares(documents, book)
    print(f"{name}: clutter left {left:.3f}, body lost {lost:.4f}", flush=True)


if __name__ == "__main__":
    main()
