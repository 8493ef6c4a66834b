"""How well the gazetteer finds places, organisations and persons, and how fast.

    python -m benchmarks.entities_score [--held-back] [--show] [--texts FILE.jsonl]

Scores tests/data/entities.jsonl, whose rows are labelled by somebody who has not seen the code: places as a country's
code or "Name|CC", organisations by Wikidata item or name, persons by name. Only the open half is read unless
``--held-back`` asks for the other, which nothing is tuned on. A label counts as found if a tag of its scheme has it
for a code or stands for an entity of that name. ``--show`` lists what was missed or too much; ``--texts`` runs over
other articles (lines with ``lang`` and ``text``, whose first line is the headline) and counts their tags.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.article import Tag
from schemas.gazetteer import CityFile, CountryFile, CueFile, Gazetteer, OrganisationFile, PersonFile
from transforms.core.entities import EntityTagger
from transforms.core.gazetteer import expand
from transforms.core.words import words_in

HERE = Path(__file__).parent.parent
FOLDER = HERE / "config" / "tags" / "gazetteer"
LABELLED = HERE / "tests" / "data" / "entities.jsonl"
SCHEMES = {"place": "places", "organisation": "organisations", "person": "persons"}
ROUNDS = 15


def read_gazetteer(folder: Path = FOLDER) -> Gazetteer:
    """The gazetteer from its files."""

    def content(name: str) -> dict[str, Any]:
        text = (folder / name).read_text(encoding="utf-8")
        read: dict[str, Any] = json.loads(text) if name.endswith(".json") else tomllib.loads(text)
        return read

    return Gazetteer(
        countries=CountryFile.model_validate(content("countries.toml")),
        cities=CityFile.model_validate(content("cities.json")),
        organisations=OrganisationFile.model_validate(content("organisations.toml")),
        persons=PersonFile.model_validate(content("persons.toml")),
        cues=CueFile.model_validate(content("words.toml")),
    )


def codes_by_name(gazetteer: Gazetteer) -> dict[str, dict[str, set[str]]]:
    """For each scheme the codes that a label may stand for; of cities by "name|country"."""
    known: dict[str, dict[str, set[str]]] = {scheme: {} for scheme in SCHEMES}

    def add(scheme: str, code: str, label: str, names: Mapping[str, Sequence[str]], country: str = "") -> None:
        written = {label} | {
            one for language, forms in names.items() for form in forms for one in expand(form, language)[0]
        }
        for name in written:
            known[scheme].setdefault(_key(name, country), set()).add(code)

    for city in gazetteer.cities.cities:
        add("place", f"geonames:{city.geonameid}", city.label, city.names, city.country)
    for body in gazetteer.organisations.organisation:
        add("organisation", body.code, body.label, body.names)
    for person in gazetteer.persons.person:
        add("person", person.code, person.label, person.names)
    return known


def _key(name: str, country: str = "") -> str:
    return " ".join(words_in(name).keys()) + (f"|{country}" if country else "")


def _meant(label: str, known: Mapping[str, set[str]]) -> set[str]:
    name, _, country = label.partition("|")
    return known.get(_key(name, country), set()) | {label}


def rows(*, held_back: bool) -> Iterator[dict[str, Any]]:
    """The labelled rows of one half."""
    for line in LABELLED.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["held_back"] is held_back:
            yield row


@dataclass(frozen=True, slots=True)
class Compared:
    """One scheme of one row: the labels, those of them that were missed, and the tags that are none of them."""

    row: Mapping[str, Any]
    scheme: str
    labels: tuple[str, ...]
    missed: tuple[str, ...]
    extra: tuple[Tag, ...]


def compare(tagger: EntityTagger, gazetteer: Gazetteer, *, held_back: bool) -> Iterator[Compared]:
    """The tags of each row against its labels, scheme by scheme."""
    known = codes_by_name(gazetteer)
    for row in rows(held_back=held_back):
        tags = tagger.tag(headline=row["headline"], body=row["body"], language=row["lang"])
        for scheme, field in SCHEMES.items():
            given = {tag.code: tag for tag in tags if tag.scheme == scheme}
            labels = {label: _meant(label, known[scheme]) for label in row[field]}
            yield Compared(
                row=row,
                scheme=scheme,
                labels=tuple(labels),
                missed=tuple(label for label, codes in labels.items() if codes.isdisjoint(given)),
                extra=tuple(
                    tag for code, tag in given.items() if not any(code in codes for codes in labels.values())
                ),
            )


def count(results: Iterable[Compared]) -> dict[str, Counter[str]]:
    """Labels, misses and extra tags by scheme, by kind of place and by language."""
    counts: dict[str, Counter[str]] = {}
    for result in results:
        for name, fits in (
            (result.scheme, lambda _: True),
            (result.row["lang"], lambda _: True),
            *(
                (("countries", _is_country), ("cities", lambda code: not _is_country(code)))
                * (result.scheme == "place")
            ),
        ):
            counter = counts.setdefault(name, Counter())
            counter["labels"] += sum(map(fits, result.labels))
            counter["missed"] += sum(map(fits, result.missed))
            counter["extra"] += sum(fits(tag.code) for tag in result.extra)
    return counts


def precision_and_recall(counter: Counter[str]) -> tuple[float, float]:
    """The share of the tags that are labels, and of the labels that are tags."""
    found = counter["labels"] - counter["missed"]
    return found / max(1, found + counter["extra"]), found / max(1, counter["labels"])


def _is_country(code: str) -> bool:
    return "|" not in code and ":" not in code


def score(tagger: EntityTagger, gazetteer: Gazetteer, *, held_back: bool, show: bool) -> None:
    """Print precision and recall by scheme, kind of place and language."""
    results = list(compare(tagger, gazetteer, held_back=held_back))
    for result in results:
        if show and (result.missed or result.extra):
            extra = [_shown(tag) for tag in result.extra]
            print(f"{result.row['id']} {result.scheme}: missed {list(result.missed)}; too much {extra}")
    print(f"{'':14}{'labels':>8}{'precision':>11}{'recall':>8}")
    for name, counter in count(results).items():
        precision, recall = precision_and_recall(counter)
        print(f"{name:14}{counter['labels']:8}{precision:11.3f}{recall:8.3f}")
    empty = {r.row["id"] for r in results} - {r.row["id"] for r in results if r.labels}
    clean = empty - {r.row["id"] for r in results if r.extra}
    print(f"articles that name nothing: {len(empty)}, of which {len(clean)} got no tag")


def _shown(tag: Tag) -> str:
    return f"{tag.code} {tag.label} ({tag.evidence})"


def speed(tagger: EntityTagger) -> None:
    """Print how long an article of 3,000 characters takes, by language."""
    for language in ("nl", "fr", "de", "en"):
        body = "\n".join(row["body"] for row in rows(held_back=False) if row["lang"] == language)[:3_000]
        times = []
        for _ in range(ROUNDS):
            begun = time.process_time()
            for _ in range(10):
                tagger.tag(headline=body[:60], body=body, language=language)
            times.append((time.process_time() - begun) / 10)
        print(f"{language}: {statistics.median(times) * 1e3:.2f} ms for {len(body)} characters")


def survey(tagger: EntityTagger, file: Path, *, show: bool) -> None:
    """Print how many tags other articles get, and how long they take."""
    totals: Counter[str] = Counter()
    articles = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    begun = time.process_time()
    chars = 0
    for article in articles:
        headline, _, body = article["text"].partition("\n")
        chars += len(article["text"])
        tags = tagger.tag(headline=headline, body=body, language=article["lang"])
        totals.update(tag.scheme for tag in tags)
        if show:
            print(f"--- {headline[:100]}")
            for tag in tags:
                print(f"    {tag.scheme[:5]} {tag.score:.2f} {_shown(tag)}")
    spent = time.process_time() - begun
    print(f"{len(articles)} articles: {dict(totals)}; {spent / max(1, chars) * 3e6:.2f} ms for 3,000 characters")


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held-back", action="store_true", help="the half that nothing is tuned on")
    parser.add_argument("--show", action="store_true", help="what was missed and what was given too much")
    parser.add_argument("--texts", type=Path, help="other articles")
    args = parser.parse_args()
    begun = time.process_time()
    gazetteer = read_gazetteer()
    read = time.process_time()
    tagger = EntityTagger(gazetteer)
    built = time.process_time()
    print(f"read in {(read - begun) * 1e3:.0f} ms, built in {(built - read) * 1e3:.0f} ms")
    if args.texts:
        survey(tagger, args.texts, show=args.show)
    else:
        score(tagger, gazetteer, held_back=args.held_back, show=args.show)
        speed(tagger)


if __name__ == "__main__":
    main()
