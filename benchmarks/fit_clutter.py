"""Fits ``config/clutter/model.json`` to annotated texts, and says how good it is on texts it was not fitted to.

    python -m benchmarks.fit_clutter --write          fit to everything and keep the numbers
    python -m benchmarks.fit_clutter --across         leave out each file in turn, fit to the others, measure on it
    python -m benchmarks.fit_clutter                  measure the numbers that ship

What it reads: the golden cases; ``tests/data/clutter/*.jsonl``, documents of ``text`` and ``segments`` (start, end,
label ``keep`` or ``clutter``, kind); ``tests/data/clutter/lines/*.tsv``, lines of ``kind<TAB>line`` that stand
alone, and ``strewn/*.tsv``, others that are only strewn into documents, as those are; ``vocabulary.toml``, words by
what they are about; and with ``--shared DIR`` also ``DIR/clutter/*.jsonl`` and the real pages in ``DIR/pages``, of
which a line counts as the article's where three tenths of its shingles of four words stand in the gold text.

``tests/data/clutter/held-back/*.jsonl`` is only ever measured: written before the rules were looked at, it says what
to expect of an outlet that nobody has seen.

The model is a linear-chain conditional random field, fitted by python-crfsuite (L-BFGS, elastic net), which is
needed for this alone: ``pip install '.[fit]'``.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pycrfsuite

from benchmarks.clutter_counts import NOTHING, added, counted
from benchmarks.clutter_variants import Document, Piece, golden, lines_of, on_one_line, pages, seams, strewn
from benchmarks.clutter_words import folded_in, tells, with_shared, without
from pipeline.settings import load
from schemas.rules import ARTICLE, CutKind, Model
from schemas.weights import Weights
from transforms.core.clutter.chain import Chain
from transforms.core.clutter.features import describe
from transforms.core.clutter.fitting import NO_RULES, Fitting
from transforms.core.clutter.joints import Joints, places
from transforms.core.clutter.rules import RuleBook, rule_book
from transforms.core.clutter.segments import coded, fold
from transforms.core.clutter.strip import read_lines, strip
from transforms.core.clutter.surroundings import Line, surroundings

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

L1, L2, ROUNDS, FEW_ROUNDS = 0.2, 0.2, 150, 30
"""Penalties from half to twice of these do equally well on documents left out; the numbers have settled by then."""
CAUTION, CAUTION_PAGES = 1.0, 2.0
CAUTIONS = (0.0, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6)
"""``CAUTION`` is chosen among these so that across files about one character in a hundred of the article is lost;
``CAUTION_PAGES`` across the publishers of the real pages, so that recall falls by less than a thousandth."""
VOTES = 6
"""So many models are fitted, each with other things unknown; what they agree on is kept. At the same loss six leave
.093 where three leave .097, of 363 documents that were left out."""
UNKNOWN_RULES, UNMET_WORDS = 0.3, 0.15
"""The shares that a document is once more fitted without."""
STREWN = 0.4
"""The share of documents that are once more fitted with lines strewn in."""
ON_ONE_LINE = 0.4
"""The share of documents that are fitted on one line, too."""
SEAM_L1, SEAM_L2, SEAM_ROUNDS, SEAM_BORDER = 0.3, 0.05, 80, 0.5
TEXTS = 2
"""A feature is fitted where so many texts have it: what stands in fewer is the name of a place or a person."""
SMALLEST = 0.03
"""Numbers below are left out: they are half of all and change no decision."""

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
    return Model(states=STATES, caution=0, caution_pages=0, steps={}, weights=Weights.of({}))


def sample(document: Document, book: RuleBook, chance: Random | None = None, *, extracted: bool = False) -> Sample:
    """A document as it is fitted; each line has the state of the label that most of it bears.

    With ``chance`` as if some of the rules were not there, and some of its words had never been met.
    """
    folded = fold(document["text"])
    found = _MARKER.match(folded)
    begin = found.end() if found else 0
    lines = read_lines(folded[begin:], book, extracted=extracted)
    if chance:
        lines = _with_fewer_rules(lines, chance)
    around = surroundings(lines, [line.fitting.sure is not None for line in lines])
    features = [
        {**with_shared(line.form.features()), **one.features()} for line, one in zip(lines, around, strict=True)
    ]
    if chance:
        words = sorted({word for line in lines for word in line.form.said if word[0].isalpha()})
        unmet = {word for word in words if chance.random() < UNMET_WORDS}
        features = [without(unmet, one) for one in features]
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


def _with_fewer_rules(lines: Sequence[Line], chance: Random) -> list[Line]:
    rules = sorted({rule.id for line in lines for rule in line.fitting.rules})
    gone = {rule for rule in rules if chance.random() < UNKNOWN_RULES}
    out = []
    for line in lines:
        left = [rule for rule in line.fitting.rules if rule.id not in gone]
        fewer = len(left) < len(line.fitting.rules)
        out.append(line._replace(fitting=Fitting(left) if left else NO_RULES) if fewer else line)
    return out


def single(line: Piece) -> Sample:
    """A line that stands alone: only what it says by itself."""
    features = with_shared(describe(fold(line.text).strip()).features())
    return Sample([features], [ARTICLE if line.stays else STATE_OF[line.kind]])


def fit(samples: Iterable[Sample], rounds: int = ROUNDS) -> Model:
    """The numbers that make the states of the samples likeliest, not yet folded in."""
    fitted = _fitted([(one.features, one.states) for one in samples], {"c1": L1, "c2": L2, "max_iterations": rounds})
    steps = {f"{a}>{b}": round(w, 2) for (a, b), w in sorted(fitted.transitions.items()) if abs(w) >= SMALLEST}
    weights: dict[str, dict[str, float]] = {}
    for (feature, state), weight in sorted(fitted.state_features.items()):
        if abs(weight) >= SMALLEST:
            weights.setdefault(feature, {})[state] = round(weight, 2)
    return Model(
        states=STATES, caution=CAUTION, caution_pages=CAUTION_PAGES, steps=steps, weights=Weights.of(weights)
    )


def fit_seams(documents: Iterable[Document]) -> dict[str, float]:
    """The numbers that tell the places where the documents part, if they stood on one line, from all others."""
    items = []
    for document in map(on_one_line, documents):
        sure, unsure = seams(document)
        for at, names in places(coded(fold(document["text"])).decode("latin-1")):
            if at not in unsure:
                items.append(([dict.fromkeys(names, 1.0)], ["seam" if at in sure else "none"]))
    fitted = _fitted(items, {"c1": SEAM_L1, "c2": SEAM_L2, "max_iterations": SEAM_ROUNDS})
    sums: defaultdict[str, float] = defaultdict(float)
    for (feature, state), weight in fitted.state_features.items():
        sums[feature] += weight if state == "seam" else -weight
    return {feature: round(weight, 2) for feature, weight in sorted(sums.items()) if abs(weight) >= SMALLEST}


def _fitted(sequences: Sequence[Sequenced], settings: Mapping[str, float]) -> Any:
    """What the trainer says of the features that stand in enough of the sequences."""
    texts = Counter(name for features, _ in sequences for name in {name for one in features for name in one})
    texts.subtract({name: texts[name] for name in texts if not tells(name)})
    trainer = pycrfsuite.Trainer(verbose=False)
    for features, states in sequences:
        known = [{name: strength for name, strength in one.items() if texts[name] >= TEXTS} for one in features]
        trainer.append(known, states)
    trainer.set_params({**settings, "feature.possible_transitions": True})
    with tempfile.NamedTemporaryFile(suffix=".crf") as file:
        trainer.train(file.name)
        tagger = pycrfsuite.Tagger()
        tagger.open(file.name)
        info = tagger.info()
        tagger.close()
    return info


def likeliest_clutter(one: Sample, chain: Chain) -> Sample:
    """The sample with a kind for each line of which it is only known that it is none of the article's."""
    sums = np.array([chain.weigh_by_strength(features.items()) for features in one.features])
    for own, state in zip(sums, one.states, strict=True):
        barred = range(1, len(own)) if state == ARTICLE else range(1)
        for number in barred:
            own[number] = float("-inf")
    return Sample(one.features, [chain.states[number] for number in chain.best_path(sums)], one.document)


def shares(documents: Iterable[Document], book: RuleBook) -> tuple[float, float]:
    """The share of clutter left and of article lost over all documents."""
    total = NOTHING
    for document in documents:
        total = added(total, counted(document, strip(document["text"], book)))
    return total.left / max(1, total.clutter), total.lost / max(1, total.article)


def write(model: Model) -> None:
    """Put the numbers into ``model.json``, one feature a line."""
    content = model.model_dump(mode="json")
    parts = []
    for name in ("seams", "weights"):
        rows = ",\n".join(
            f"  {json.dumps(k, ensure_ascii=False)}: {json.dumps(v)}" for k, v in content.pop(name).items()
        )
        parts.append(f' "{name}": {{\n{rows}\n }}')
    head = json.dumps(content, ensure_ascii=False, indent=1)[:-2]
    MODEL.write_text(",\n".join([head, *parts]) + "\n}\n", "utf-8")


class Texts(NamedTuple):
    """What the model is fitted to.

    Documents by file, real pages, lines that stand alone, and by language lines that are strewn into documents.
    """

    files: dict[str, list[Document]]
    crawled: list[Document]
    singles: list[Sample]
    strewable: dict[str, list[Piece]]


def read(shared: Path | None) -> Texts:
    """All texts, those of the folder ``shared`` only with it."""
    paths = sorted(DATA.glob("*.jsonl")) + (sorted((shared / "clutter").glob("*.jsonl")) if shared else [])
    files = {path.stem: list(map(json.loads, path.read_text("utf-8").splitlines())) for path in paths}
    files["golden"] = list(golden())
    singles = [single(line) for path in sorted((DATA / "lines").glob("*.tsv")) for line in lines_of(path)]
    strewable: dict[str, list[Piece]] = {}
    for path in sorted([*(DATA / "lines").glob("*.tsv"), *(DATA / "strewn").glob("*.tsv")]):
        strewable.setdefault(path.stem[:2], []).extend(lines_of(path))
    return Texts(files, list(pages(shared / "pages")) if shared else [], singles, strewable)


def fit_all(documents: Sequence[Document], texts: Texts) -> Model:
    """The numbers that make the labels of the documents likeliest, and of the lines and pages.

    Each document is also shown as if less were known of it, some with lines strewn in, and some on one line, for each
    vote otherwise.
    """
    book = RuleBook(load().rules)
    samples = list(texts.singles)
    shown: list[list[Sample]] = [[] for _ in range(VOTES)]
    # Seams are found as well as in texts that nobody has seen: by what the other half of the documents tells.
    for half, other in ((documents[::2], documents[1::2]), (documents[1::2], documents[::2])):
        book.joints = Joints(fit_seams(other), SEAM_BORDER)
        samples += [sample(document, book) for document in half]
        for seed, also in enumerate(shown):
            chance = Random(seed)  # noqa: S311 - variants of documents, no secret
            for document in half:
                lines = texts.strewable.get(document.get("lang", ""), ()) if chance.random() < STREWN else ()
                also.append(sample(strewn(document, lines, chance), book, chance))
            also += [sample(on_one_line(document), book) for document in half if chance.random() < ON_ONE_LINE]
    parting = fit_seams(documents)
    book.joints = Joints(parting, SEAM_BORDER)
    if texts.crawled:
        known = Chain(fit(samples, FEW_ROUNDS))
        samples += [likeliest_clutter(sample(page, book, extracted=True), known) for page in texts.crawled]
    model = mean([fit([*samples, *also]) for also in shown])
    update = {
        "weights": Weights.of(folded_in(dict(model.weights.items()))),
        "seams": parting,
        "seam_border": SEAM_BORDER,
    }
    return model.model_copy(update=update)


def mean(models: Sequence[Model]) -> Model:
    """The model whose every number is the mean of theirs: what only one of them believes counts less."""
    count = len(models)
    steps: defaultdict[str, float] = defaultdict(float)
    weights: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for model in models:
        for step, weight in model.steps.items():
            steps[step] += weight
        for feature, own in model.weights.items():
            for state, weight in own.items():
                weights[feature][state] += weight
    means = {
        feature: {state: round(own[state] / count, 2) for state in sorted(own) if abs(own[state]) >= SMALLEST * count}
        for feature, own in sorted(weights.items())
    }
    return models[0].model_copy(
        update={
            "steps": {step: round(steps[step] / count, 2) for step in sorted(steps)},
            "weights": Weights.of({feature: own for feature, own in means.items() if own}),
        }
    )


def main() -> None:
    """Measure; fit and keep with ``--write``; fit and measure across files with ``--across``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="fit to everything, put the numbers into model.json")
    parser.add_argument(
        "--across", nargs="*", metavar="FILE", help="leave out each file (or these) in turn and measure on it"
    )
    parser.add_argument("--shared", type=Path, help="a folder with clutter/ and pages/")
    args = parser.parse_args()
    texts = read(args.shared)
    files = texts.files
    book = rule_book(load().rules)
    if args.across is not None:
        for name in args.across or files:
            rest = [document for other, among in files.items() if other != name for document in among]
            model = fit_all(rest, texts)
            book.joints = Joints(model.seams, model.seam_border)
            for caution in CAUTIONS:
                book.chain = Chain(model.model_copy(update={"caution": caution}))
                _report(f"{name}, fitted to the others, caution {caution}", files[name], book)
    if args.write:
        model = fit_all([document for among in files.values() for document in among], texts)
        write(model)
        print(f"{MODEL.name}: {len(model.weights)} features of lines, {len(model.seams)} of places")
        book = rule_book(load().rules)
    if args.write or args.across is None:
        for name, documents in files.items():
            _report(name, documents, book)
        for path in sorted((DATA / "held-back").glob("*.jsonl")):
            _report(f"held back, {path.stem}", map(json.loads, path.read_text("utf-8").splitlines()), book)


def _report(name: str, documents: Iterable[Document], book: RuleBook) -> None:
    left, lost = shares(documents, book)
    print(f"{name}: clutter left {left:.3f}, body lost {lost:.4f}", flush=True)


if __name__ == "__main__":
    main()
