"""The shape of a clutter rule as it stands in ``config/clutter/**.toml``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.weights import Weights


class CutKind(StrEnum):
    """What a cut took out; the ``kind`` of every entry in the column ``removed``."""

    AGGREGATOR = "aggregator"
    """what an aggregator put round the article"""
    BYLINE = "byline"
    """the author's line"""
    CAPTION = "caption"
    """the text of a picture"""
    COMMENTS = "comments"
    """readers' comments and the way to them"""
    COOKIE = "cookie"
    """consent notices"""
    COPYRIGHT = "copyright"
    """copyright lines"""
    DATE_MARKER = "date_marker"
    """` date 2026-11 ` at the beginning; it is also read as the date"""
    HEADLINE = "headline"
    """the headline, moved to its own column; no clutter"""
    NAVIGATION = "navigation"
    """menus, section names, skip links"""
    NEWSLETTER = "newsletter"
    """appeals to subscribe to a newsletter"""
    OTHER = "other"
    """lines of dashes, repetitions and the like"""
    PAYWALL = "paywall"
    """what stands where the rest of the article would be"""
    PHOTO_CREDIT = "photo_credit"
    """who took the picture"""
    PROMO = "promo"
    """advertising, the outlet's own included"""
    RELATED_HEADER = "related_header"
    """the line above other stories"""
    RELATED_TEASER = "related_teaser"
    """titles and teasers of other stories"""
    RELATED_WIRE = "related_wire"
    """other stories as agency copy"""
    SHARE = "share"
    """share buttons"""
    SOURCE_CREDIT = "source_credit"
    """where the text comes from; also read for the agency"""
    SUBSCRIPTION = "subscription"
    """appeals to take out a subscription"""
    TIMESTAMP = "timestamp"
    """times of publication, relative times, reading times"""
    TITLE = "title"
    """the headline or another title once more"""
    WHITESPACE = "whitespace"
    """white space at the ends; no clutter"""


NOT_CLUTTER: frozenset[CutKind] = frozenset({CutKind.HEADLINE, CutKind.WHITESPACE})
"""Cuts that only move or tidy: the headline has a column of its own. They do not count in ``clutter_ratio``."""


class Scope(StrEnum):
    """Where a rule may cut, from the surest form to the one that needs the most company."""

    START = "start"
    """the beginning of the document; only what matched is cut, never the rest of its line"""
    LINE = "line"
    """a whole line, wherever it stands"""
    END = "end"
    """the end of a line that goes on being kept"""
    TOP = "top"
    """a whole line above the first paragraph of the article"""
    TAIL = "tail"
    """a whole line below which nothing but clutter follows"""
    HEADER = "header"
    """a whole line that opens a block; the block ends where the evidence for it does"""
    ITEM = "item"
    """no cut by itself: evidence that a line belongs to an open block of the same kind"""
    SIGNAL = "signal"
    """no cut by itself: evidence, anywhere, that a line is furniture"""


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Table):
    """One rule. Patterns are RE2, matched without regard to case unless ``case_sensitive``.

    For ``end``, an empty group ``()`` in ``match`` says where the cut begins. Quotes, dashes, blanks and accents are
    folded to their plain forms before matching.
    """

    id: Slug
    """small letters, figures, dots and hyphens; unique among all files; stands in `removed`"""
    kind: CutKind
    """what it cuts"""
    scope: Scope
    """where it may cut"""
    match: Text | None = None
    """the pattern: it must fit the whole line, for `start` the beginning, for `end` the end"""
    all: tuple[Text, ...] = ()
    """patterns that must each be found somewhere in the line"""
    none: tuple[Text, ...] = ()
    """patterns of which none may be found in the line"""
    case_sensitive: bool = False
    """whether capitals matter"""
    max_chars: Annotated[int, Field(ge=1, le=2000)] = 300
    """longer lines are not looked at; for `start` and `end`, how far it looks"""
    opens: CutKind | None = None
    """for `header` only, and required there: the kind of the block"""
    caption_chars: Annotated[int, Field(ge=0, le=400)] = 0
    """for `end`: a line of which no more than this would be left is a caption and goes as a whole"""
    weight: Annotated[float, Field(ge=0.2, le=6)] = 2.5
    """for `top`, `tail`, `item` and `signal`: how much it speaks for furniture"""
    example: Text
    """a line that the rule must fit"""
    counter_example: Text
    """a line, as like it as you can think of, that it must not fit"""

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.match is None and not self.all:
            raise ValueError("needs 'match' or 'all'")
        if (self.scope is Scope.HEADER) != (self.opens is not None):
            raise ValueError("'opens' belongs to scope 'header', and a header needs it")
        if self.scope in (Scope.START, Scope.END) and (self.match is None or self.all):
            raise ValueError(f"scope '{self.scope}' takes 'match' alone")
        return self


class Seam(_Table):
    """A place where two pieces are glued together without a line break.

    The line is split at the empty group ``()`` of ``match``. In ``example`` the seam is shown by ``|``; nothing
    is split in ``counter_example``.
    """

    id: Slug
    """as for a rule"""
    match: Text
    """the pattern; the line is parted at its empty group `()`"""
    case_sensitive: bool = True
    """whether capitals matter"""
    example: Annotated[str, StringConstraints(pattern=r"^[^|]+\|[^|]+$")]
    """a text with the seam shown by a bar, `…geleden|UTRECHT…`"""
    counter_example: Text
    """a text in which nothing is parted"""


ARTICLE = "article"
"""The state of a line that stays."""


class Model(_Table):
    """The numbers of the decision over the sequence of lines (``config/clutter/model.json``), as fitted.

    Every line is in one of ``states``: ``article``, or a state for what goes, with the kind that its cuts have where
    no rule names one. ``weights`` holds for each feature of a line what it adds to the states that it speaks for or
    against, ``steps`` what it adds that one state follows another, written ``before>behind``. ``caution`` is added to
    the article's sum for each line; ``caution_pages`` in its place for text that was extracted from a page, in which
    the extractor has left little clutter. ``seams`` holds for each feature of a place in a long line what it adds to
    the sum of that place; above ``seam_border`` the line is parted there.
    """

    states: dict[str, CutKind | None]
    caution: float
    caution_pages: float
    seam_border: float = 0.0
    steps: dict[str, float]
    seams: dict[str, float] = Field(default_factory=dict)
    weights: Weights

    @property
    def digest(self) -> str:
        """A hash of the content."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        states = set(self.states)
        if self.states.get(ARTICLE, CutKind.OTHER) is not None or [
            s for s in states if s != ARTICLE and not self.states[s]
        ]:
            raise ValueError(f"'states' needs '{ARTICLE}' with no kind, and a kind for each other state")
        for name in self.steps:
            if not set(name.split(">")) <= states or name.count(">") != 1:
                raise ValueError(f"step '{name}' is not between two of: {', '.join(self.states)}")
        if not set(self.weights.states) <= states:
            name = next(name for name, own in self.weights.items() if not set(own) <= states)
            raise ValueError(f"feature '{name}' speaks for a state that is none of: {', '.join(self.states)}")
        return self


class RuleFile(_Table):
    """One file of rules. ``hosts`` and ``sources`` confine it to an outlet; without them it holds everywhere."""

    note: str = ""
    """for people"""
    hosts: tuple[Text, ...] = ()
    """the rules hold only for articles of these hosts and the hosts below them"""
    sources: tuple[Text, ...] = ()
    """… or of these outlets (`source_id`); with neither, they hold everywhere"""
    words: dict[str, tuple[Text, ...]] = Field(default_factory=dict)
    """word lists: `<name>` in a pattern stands for any of the words of that name"""
    rule: tuple[Rule, ...] = ()
    """the rules, a `[[rule]]` table each"""
    seam: tuple[Seam, ...] = ()
    """the seams, a `[[seam]]` table each"""


@dataclass(frozen=True, eq=False)
class RuleSet:
    """All that the stripper goes by: the rule files by the name they are called in messages, and the model.

    Two sets of the same content are equal, whatever process they were read in.
    """

    files: Mapping[str, RuleFile]
    model: Model

    @cached_property
    def model_digest(self) -> str:
        """A hash of the model, made once: a tenth of a second goes into it."""
        return self.model.digest

    @cached_property
    def digest(self) -> str:
        """A hash of the content."""
        content = [(name, file.model_dump(mode="json")) for name, file in self.files.items()]
        return hashlib.sha256(json.dumps([content, self.model_digest]).encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuleSet) and self.digest == other.digest
