"""What each rule and seam fits: a record that tells of any change in one.

Held against the rules are the lines of ``tests/data/clutter/lines``, variants of each rule's own example, made in the
same ways for all, and the probes of ``probes.tsv``: lines that tell a rule from one a little wider where nothing else
does. ``fits.tsv`` has a row for each rule, with what it does with what it fits, how many lines and variants that are,
and a digest of them. Nothing in a row depends on the order of the rules or on any other rule.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from schemas.rules import ARTICLE, Model, Rule, RuleFile, RuleSet, Seam
from schemas.weights import Weights
from tests.golden.cases import FOLDER
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.segments import coded, fold

ACCEPT = "python -m tests.golden.draft --fits"
RECORD = FOLDER / "fits.tsv"
PROBES = FOLDER / "probes.tsv"
LINES = FOLDER.parent / "data" / "clutter" / "lines"

NO_MODEL = Model(states={ARTICLE: None}, caution=0, caution_pages=0, steps={}, weights=Weights.of({}))
"""Which lines a rule fits has nothing to do with the numbers of the decision."""

LENGTHS = (
    6, 10, 17, 25, 35, 45, 55, 65, 75, 85, 95, 105, 115, 125, 150, 175, 210, 250, 290, 350, 450, 600, 900, 1500, 3000
)  # fmt: skip
"""To so many characters examples are stretched: one at least lies between any bound from 5 on and its double."""

FRAMES = (
    "zo {}", "Zo {}", "{} zo", "{} Zo", "en zo nog wat {}", "{} en zo nog wat", "{} En zo nog wat.", "12 {}", "{} 12",
    "- {}", "{} -", "| {}", "{} | Zo", "x{}", "{}x", "X{}", "{}X", "{}.", "{}!", "{}?", "{}:", "{},",
    "{} ...", '"{}"', "({})", "{}\nZo",
    "Hij zei {} en liep door.", "Elle a dit {} et partit.", "Er sagte {} und ging.", "She said {} and left.",
    "{}. Daarna was het stil.", "Daarna was het stil. {}", "{} {}", "{}. {}", "{}{}",
)  # fmt: skip
"""What is put round an example: words, figures, marks and sentences that stand beside no clutter."""

FILLERS = ("zo", "Zo", "12", "-", "is", "en zo nog wat")
"""What is put between the words of an example, and in place of each."""

_SHOWN = 150

Fit = tuple[str, int]
"""A line that a rule fits, and where the cut begins; for scope ``start`` where it ends, for a seam where it parts."""


@dataclass(frozen=True, slots=True)
class Fits:
    """What one rule or seam fits, of the corpus and of the variants of its own example."""

    corpus: tuple[Fit, ...]
    own: tuple[Fit, ...]

    @property
    def digest(self) -> str:
        """A short hash of every line and offset."""
        told = "\0".join(f"{line}\t{at}" for part in (self.corpus, self.own) for line, at in (*part, ("", -1)))
        return hashlib.sha256(told.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, order=True)
class Probe:
    """A line with what a rule makes of it: the offset where it fits, or ``None``."""

    rule: str
    line: str
    at: int | None


@cache
def corpus(folder: Path = LINES) -> tuple[str, ...]:
    """Every line of the corpus once, sorted."""
    return tuple(sorted(labelled(folder)))


@cache
def labelled(folder: Path = LINES) -> Mapping[str, str]:
    """The lines of the corpus with the kind that a person gave each."""
    rows = (row for path in sorted(folder.glob("*.tsv")) for row in path.read_text("utf-8").split("\n") if row)
    return {line: kind for kind, _, line in (row.partition("\t") for row in rows)}


def every(files: Mapping[str, RuleFile]) -> Iterator[tuple[str, Rule | Seam]]:
    """All rules and seams, each with the name of its file."""
    for name, file in files.items():
        yield from ((name, rule) for rule in file.rule)
        yield from ((name, seam) for seam in file.seam)


def alone(things: Iterable[Rule | Seam], words: Mapping[str, tuple[str, ...]]) -> RuleBook:
    """A book of these rules and seams only, confined to no outlet."""
    made = tuple(things)
    file = RuleFile.model_construct(
        note="",
        hosts=(),
        sources=(),
        words=dict(words),
        rule=tuple(thing for thing in made if isinstance(thing, Rule)),
        seam=tuple(thing for thing in made if isinstance(thing, Seam)),
    )
    return RuleBook(RuleSet({"rules": file}, NO_MODEL))


def words_of(files: Mapping[str, RuleFile]) -> dict[str, dict[str, tuple[str, ...]]]:
    """For each file the word lists that its rules may name: all, its own before those of the same name elsewhere."""
    every = {name: texts for file in files.values() for name, texts in file.words.items()}
    return {name: {**every, **file.words} for name, file in files.items()}


def found_by(book: RuleBook, line: str) -> Iterator[tuple[str, int]]:
    """The rules of ``book`` that ``line`` fits, by id, each with the offset as in ``Fit``."""
    folded = fold(line)
    form = coded(folded.strip())
    for rule in book.fitting(form).rules:
        yield rule.id, 0
    for rule, at in book.endings(form):
        yield rule.id, at
    for _, rule, pattern in book.starts:
        found = pattern.match(coded(folded[: rule.max_chars]))
        if found and found.end():
            yield rule.id, found.end()


def fits_of(book: RuleBook, seams: Sequence[str], lines: Iterable[str]) -> dict[str, list[Fit]]:
    """What each rule of ``book`` fits of ``lines``; of its seams there is one at most, whose id is in ``seams``."""
    out: dict[str, list[Fit]] = {}
    for line in lines:
        for id_, at in found_by(book, line):
            out.setdefault(id_, []).append((line, at))
        for id_ in seams:
            for at in book.seams(coded(fold(line))):
                out.setdefault(id_, []).append((line, at))
    return out


def record(files: Mapping[str, RuleFile]) -> dict[str, Fits]:
    """What every rule and seam of ``files`` fits, by id, in order of the ids."""
    words = words_of(files)
    of_corpus: dict[str, list[Fit]] = {}
    for name, file in files.items():
        of_corpus |= fits_of(alone(file.rule, words[name]), [], corpus())
    out: dict[str, Fits] = {}
    for name, thing in every(files):
        book = alone([thing], words[name])
        ids = [thing.id] if isinstance(thing, Seam) else []
        if ids:
            of_corpus |= fits_of(book, ids, corpus())
        own = fits_of(book, ids, variants(thing))
        out[thing.id] = Fits(tuple(of_corpus.get(thing.id, ())), tuple(own.get(thing.id, ())))
    return dict(sorted(out.items()))


def effect(thing: Rule | Seam, file: RuleFile) -> str:
    """What the rule does with what it fits, and for which outlets, in a few words."""
    told = ["seam"]
    if isinstance(thing, Rule):
        told = [str(thing.scope), str(thing.kind)]
        for name in ("opens", "caption_chars", "weight"):
            value = getattr(thing, name)
            if value != type(thing).model_fields[name].default:
                told.append(f"{name}={value}")
    outlet = (("hosts", file.hosts), ("sources", file.sources))
    told += [f"{name}={','.join(texts)}" for name, texts in outlet if texts]
    return " ".join(told)


def rows(files: Mapping[str, RuleFile], found: Mapping[str, Fits]) -> dict[str, str]:
    """The rows of ``fits.tsv`` by rule."""
    effects = {thing.id: effect(thing, files[name]) for name, thing in every(files)}
    return {
        id_: f"{id_}\t{effects[id_]}\t{len(fits.corpus)}\t{len(fits.own)}\t{fits.digest}"
        for id_, fits in found.items()
    }


def read_rows(path: Path = RECORD) -> dict[str, str]:
    """The rows as they were accepted, by rule."""
    told = path.read_text("utf-8").strip("\n").split("\n")[1:] if path.is_file() else ()
    return {row.partition("\t")[0]: row for row in told}


def write_rows(made: Mapping[str, str], path: Path = RECORD) -> None:
    """Accept the rows as they are now."""
    head = "rule\teffect\tlines\tvariants\tdigest"
    path.write_text("\n".join([head, *(made[id_] for id_ in sorted(made))]) + "\n", "utf-8")


def change(id_: str, old: str | None, new: str | None, found: Fits | None) -> str:
    """What to tell a person of a row that is another now, with a few lines that the rule fits now."""
    told = [
        f"rule '{id_}' fits other lines, or cuts them otherwise, than was accepted:",
        f"  was {old}",
        f"  is  {new}",
    ]
    if found is not None:
        told += [f"  fits {_short(line)} ({labelled()[line]})" for line, _ in _telling(found.corpus)]
        own = found.own[:: len(found.own) // 4 or 1][:4]
        told += [f"  fits {_short(line)} (its example, changed)" for line, _ in own]
    return "\n".join(told)


def _telling(found: Sequence[Fit]) -> list[Fit]:
    """A few of the lines of the corpus: those that an article would keep first."""
    return sorted(found, key=lambda fit: labelled()[fit[0]] != "keep")[:6]


def _short(line: str) -> str:
    return repr(line if len(line) <= _SHOWN else f"{line[:_SHOWN]} ...")


def probed(thing: Rule | Seam, words: Mapping[str, tuple[str, ...]], probes: Iterable[Probe]) -> list[Probe]:
    """The same lines with what the rule makes of them now."""
    lines = [probe.line for probe in probes]
    ids = [thing.id] if isinstance(thing, Seam) else []
    found = fits_of(alone([thing], words), ids, lines).get(thing.id, []) if lines else []
    first = dict(reversed(found))
    return [Probe(thing.id, line, first.get(line)) for line in lines]


def read_probes(path: Path = PROBES) -> dict[str, list[Probe]]:
    """The probes by rule. A row is the rule, the offset where it fits or ``-``, and the line."""
    out: dict[str, list[Probe]] = {}
    for row in path.read_text("utf-8").split("\n") if path.is_file() else ():
        if not row:
            continue
        rule, at, line = row.split("\t")
        out.setdefault(rule, []).append(Probe(rule, line.replace(r"\n", "\n"), None if at == "-" else int(at)))
    return out


def write_probes(probes: Iterable[Probe], path: Path = PROBES) -> None:
    """Keep ``probes``, sorted."""
    told = sorted((p.rule, "-" if p.at is None else str(p.at), p.line.replace("\n", r"\n")) for p in probes)
    path.write_text("".join("\t".join(row) + "\n" for row in told), "utf-8")


def variants(thing: Rule | Seam) -> list[str]:
    """The example changed in every systematic way, and the counter-example; each once."""
    example = thing.example
    if isinstance(thing, Seam):
        left, right = example.split("|")
        example = left + right
    made = [
        thing.counter_example,
        *(frame.replace("{}", example) for frame in FRAMES),
        *(frame.replace("{}", thing.counter_example) for frame in ("{}", "zo {}", "{} zo")),
        *_respelled(example),
        *_reworded(example, thing.counter_example),
        *_stretched(example),
    ]
    return list(dict.fromkeys([example, *made]))


def _respelled(text: str) -> Iterator[str]:
    yield from (text.upper(), text.lower(), text.title(), text.swapcase(), text.capitalize())
    for found in re.finditer(r"\d+", text):
        figures = found[0]
        for other in (
            figures + "7",
            figures[:-1],
            "0" * len(figures),
            "9" * len(figures),
            figures[0],
            figures * 2,
            "zo",
        ):
            yield text[: found.start()] + other + text[found.end() :]
    for found in re.finditer(r"[^\w\s]", text):
        for other in ("", " ", ".", ":"):
            yield text[: found.start()] + other + text[found.end() :]
    for found in re.finditer(r"\s+", text):
        yield text[: found.start()] + text[found.end() :]
        yield text[: found.start()] + "\n" + text[found.end() :]


def _reworded(text: str, counter: str) -> Iterator[str]:
    words = text.split(" ")
    others = counter.split(" ")
    foreign = [*FILLERS, *others, *(" ".join(pair) for pair in pairwise(others))]
    for at, word in enumerate(words):
        before, behind = words[:at], words[at + 1 :]
        for new in (
            [],
            [word, word],
            [word.upper()],
            [word.lower()],
            [word.capitalize()],
            [word[:-1]],
            [word + "en"],
        ):
            yield " ".join([*before, *new, *behind])
        if behind:
            yield " ".join([*before, behind[0], word, *behind[1:]])
            yield " ".join([*before, word])
            yield " ".join(behind)
        for filler in FILLERS:
            yield " ".join([*before, filler, *behind])
            yield " ".join([*before, filler, word, *behind])
    for new_word in foreign:
        yield f"{new_word} {text}"
        yield f"{text} {new_word}"
        yield " ".join([*words[:1], new_word, *words[1:]])


def _stretched(text: str) -> Iterator[str]:
    gaps = [found.start() for found in re.finditer(r"(?<=\w)(?!\w)", text)] or [len(text)]
    signs = sorted({*gaps, *(found.end() for found in re.finditer(r"[^\w\s]", text))})
    for length in LENGTHS:
        missing = length - len(text)
        if missing > 1:
            words, names = (" zo wat" * missing)[:missing].rstrip(), (" Zo Wat" * missing)[:missing].rstrip()
            for gap in gaps:
                yield text[:gap] + words + text[gap:]
                yield text[:gap] + names + text[gap:]
            for sign in signs:
                yield text[:sign] + " " * missing + text[sign:]
                yield text[:sign] + text[sign - 1] * missing + text[sign:]
