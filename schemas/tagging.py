"""The shape of the vocabularies in ``config/tags/*.toml``: topics, their terms, and the news agencies."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

TopicCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
AgencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]+(-[A-Z0-9]+)*$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Topic(_Table):
    """One topic of the scheme: its code, its English label and, where there is one, its Wikidata item.

    A topic of the second level names the top-level one it belongs to as ``parent``.
    """

    code: TopicCode
    label: Text
    parent: TopicCode | None = None
    wikidata: Annotated[str, StringConstraints(pattern=r"^Q[1-9][0-9]*$")] | None = None


class TopicFile(_Table):
    """``medtop.toml``: the topics, whose they are, and the publishers' section names that stand for them.

    ``sections`` maps a language to topic codes, and each code to the names of sections, which are compared
    word by word without regard to case, punctuation and "and".
    """

    scheme: Literal["medtop"]
    title: Text
    releases: Annotated[tuple[dt.date, ...], Field(min_length=1)]
    source: Text
    licence: Text
    attribution: Text
    topic: Annotated[tuple[Topic, ...], Field(min_length=1)]
    sections: dict[Language, dict[TopicCode, tuple[str, ...]]] = Field(default_factory=dict)


class TermFile(_Table):
    """``medtop-<language>.toml``: for each topic code and each weight the terms that speak for the topic.

    A term is a whole word, the beginning (``raket*``), end (``*verkiezing``) or inside (``*raket*``) of a
    word, or a phrase, whose last word may be a beginning (``klimaat top*``). Weight 3 suffices alone, 2 needs
    a second term, 1 a heavier one; weight 0 is an exception. A top-level topic and those below it are one
    family: of its terms only the longest that fits a word counts, for its topic and the parent, so an
    exception silences every shorter term of the family in the same words.
    """

    language: Language
    terms: dict[TopicCode, dict[int, tuple[str, ...]]]


class Agency(_Table):
    """One news agency."""

    code: AgencyCode
    """what stands in the column `agency`: capitals, figures, hyphens"""
    name: Text
    """its full name"""
    display: Text | None = None
    """how it writes itself, where that is not its code"""
    aliases: tuple[Text, ...] = ()
    """other names under which it signs"""
    ambiguous: bool = False
    """whether its name is also a common abbreviation or word; it then needs a surer place: a dateline at the top or
    in capitals, a credit with a mark such as "Bron:", its exact spelling in the byline"""


class AgencyFile(_Table):
    """``agencies.toml``: the agencies, where the list came from, and words that open a line as no place."""

    provenance: Text
    not_places: tuple[Text, ...] = ()
    agency: Annotated[tuple[Agency, ...], Field(min_length=1)]
