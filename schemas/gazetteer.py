"""The shape of the gazetteer in ``config/tags/gazetteer``: countries, cities, organisations, persons, and cue words.

A *form* is a name as it is written there, with marks: ``x(a|b)`` stands for x and for x with each of the endings,
``x~`` for x with the regular endings of adjectives in its language; ``x?`` says that x is also another word or name.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

EVERY_LANGUAGE = "*"
"""The key of forms that hold in each language."""

Language = Annotated[str, StringConstraints(pattern=r"^(?:[a-z]{2,3}|\*)$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(pattern=r"^(?:Q[1-9][0-9]*|[a-z0-9]+(?:-[a-z0-9]+)*)$")]
Forms = dict[Language, tuple[Text, ...]]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CountryNames(_Table):
    """One country: its English label, its names, and its adjectives and inhabitants."""

    label: Text
    names: Forms
    derived: Forms = Field(default_factory=dict)


class CountryFile(_Table):
    """``countries.toml``: the countries and territories by their ISO 3166-1 alpha-2 code."""

    provenance: Text
    as_of: dt.date
    country: dict[Country, CountryNames]


class City(NamedTuple):
    """One city, a row of ``cities.json``.

    Attributes:
        geonameid: its number at GeoNames.
        label: its English name.
        country: the code of its country.
        population: as GeoNames has it; 0 where it has none.
        doubtful: the languages in which the label is also another word or name, parted by spaces; "*" for all.
        names: its names by language; none where the label is its name in every language.
        derived: its adjectives and inhabitants by language.
    """

    geonameid: Annotated[int, Field(gt=0)]
    label: str
    country: str
    population: Annotated[int, Field(ge=0)]
    doubtful: str
    names: dict[str, tuple[str, ...]]
    derived: dict[str, tuple[str, ...]]


class CityFile(_Table):
    """``cities.json``, which ``benchmarks/make_gazetteer.py`` writes: the cities, and whose they are."""

    source: Text
    version: Text
    licence: Text
    attribution: Text
    selection: Text
    columns: tuple[str, ...]
    cities: tuple[City, ...]


class Organisation(_Table):
    """One international body, movement or party. ``country`` is that of a party; EU for groups of its parliament."""

    code: Code
    label: Text
    kind: Literal["international", "agency", "movement", "party"]
    country: Country | None = None
    names: Forms


class OrganisationFile(_Table):
    """``organisations.toml``."""

    provenance: Text
    as_of: dt.date
    organisation: tuple[Organisation, ...]


class Person(_Table):
    """One person of public office: the full names, and the surnames, which need a full name or a title."""

    code: Code
    label: Text
    office: Text
    names: Forms
    surnames: Forms = Field(default_factory=dict)


class PersonFile(_Table):
    """``persons.toml``; ``as_of`` is the day on which their offices were last looked at."""

    provenance: Text
    as_of: dt.date
    person: tuple[Person, ...]


class CueFile(_Table):
    """``words.toml``: the words around a name that tell what it is.

    Attributes:
        provenance: where they come from.
        as_of: the day on which they were last looked at.
        place_before: directly before a name they make a place of it.
        country_before: the same, before countries only.
        place_noun: make a place of a name with one of ``place_link`` between the two.
        place_link: "van", "de", "von", "of".
        title: before a surname they say whose it is.
        office: beside an adjective they and the titles say that it stands for its country or city.
        calendar: capitalised behind a name without being part of it.
        party_near: near the name of a party.
        given_name: directly before a name they make a person of it.
        club: directly beside the name of a town they make a club of it.
        not_names: names with another name in them that is not meant.
        region: parts of countries, by the country.
    """

    provenance: Text
    as_of: dt.date
    place_before: Forms
    country_before: Forms
    place_noun: Forms
    place_link: Forms
    title: Forms
    office: Forms
    calendar: Forms
    party_near: Forms
    given_name: Forms
    club: Forms
    not_names: Forms
    region: dict[Country, Forms]


class Gazetteer(_Table):
    """All of it."""

    countries: CountryFile
    cities: CityFile
    organisations: OrganisationFile
    persons: PersonFile
    cues: CueFile
