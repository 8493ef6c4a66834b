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


class CutKind(StrEnum):
    """What a cut took out; the ``kind`` of every entry in the column ``removed``."""

    AGGREGATOR = "aggregator"
    BYLINE = "byline"
    CAPTION = "caption"
    COMMENTS = "comments"
    COOKIE = "cookie"
    COPYRIGHT = "copyright"
    DATE_MARKER = "date_marker"
    HEADLINE = "headline"
    NAVIGATION = "navigation"
    NEWSLETTER = "newsletter"
    OTHER = "other"
    PAYWALL = "paywall"
    PHOTO_CREDIT = "photo_credit"
    PROMO = "promo"
    RELATED_HEADER = "related_header"
    RELATED_TEASER = "related_teaser"
    RELATED_WIRE = "related_wire"
    SHARE = "share"
    SOURCE_CREDIT = "source_credit"
    SUBSCRIPTION = "subscription"
    TIMESTAMP = "timestamp"
    TITLE = "title"
    WHITESPACE = "whitespace"


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

    ``match`` must fit the whole line (for ``start`` its beginning, for ``end`` its end); each of ``all`` must be
    found in it and none of ``none``. ``<name>`` in a pattern stands for the words of that name in ``[words]``.
    For ``end``, an empty group ``()`` in ``match`` says where the cut begins; a line of which no more than
    ``caption_chars`` would be left is a caption and goes as a whole. ``below_headline`` confines a ``top`` rule to
    lines below the headline. Quotes, dashes and blanks are folded to their plain forms before matching.
    """

    id: Slug
    kind: CutKind
    scope: Scope
    match: Text | None = None
    all: tuple[Text, ...] = ()
    none: tuple[Text, ...] = ()
    case_sensitive: bool = False
    max_chars: Annotated[int, Field(ge=1, le=2000)] = 300
    opens: CutKind | None = None
    below_headline: bool = False
    caption_chars: Annotated[int, Field(ge=0, le=400)] = 0
    weight: Annotated[float, Field(ge=0.2, le=6)] = 2.5
    example: Text
    counter_example: Text

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
    match: Text
    case_sensitive: bool = True
    example: Annotated[str, StringConstraints(pattern=r"^[^|]+\|[^|]+$")]
    counter_example: Text


class Model(_Table):
    """The numbers of the decision over the sequence of lines (``config/clutter/model.toml``).

    Above zero speaks for furniture, below for the article. A line in ``[line]`` is judged by itself, in ``[block]``
    behind a header that has opened a block; ``[border]`` is what it costs to go from article to furniture and back,
    and ``[bonus]`` what is added for circumstances.
    """

    line: dict[str, float]
    block: dict[str, float]
    border: dict[str, float]
    bonus: dict[str, float]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for name, keys in MODEL_KEYS.items():
            found = getattr(self, name)
            if set(found) != keys:
                raise ValueError(f"[{name}] needs exactly these keys: {', '.join(sorted(keys))}")
        return self


_SHAPES = frozenset({"prose", "long_prose", "title", "title_before_prose", "bullet", "sentence", "empty"})
_BONUSES = frozenset({"bottom", "claimed", "first_item", "first_prose", "header", "headline_form", "indented"})
_BONUSES |= {
    "known",
    "list_at_top",
    "lone_word_above",
    "middle",
    "quoted",
    "repeated_short",
    "teaser_prose",
    "unrelated",
}
MODEL_KEYS: dict[str, frozenset[str]] = {
    "line": _SHAPES,
    "block": _SHAPES,
    "border": frozenset(
        {"enter_top", "leave_top", "enter_near_top", "leave_near_top", "enter", "leave", "enter_block", "leave_block"}
    ),
    "bonus": _BONUSES,
}
"""Every number that a model must have, by table."""


class RuleFile(_Table):
    """One file of rules. ``hosts`` and ``sources`` confine it to an outlet; without them it holds everywhere."""

    note: str = ""
    hosts: tuple[Text, ...] = ()
    sources: tuple[Text, ...] = ()
    words: dict[str, tuple[Text, ...]] = Field(default_factory=dict)
    rule: tuple[Rule, ...] = ()
    seam: tuple[Seam, ...] = ()


@dataclass(frozen=True, eq=False)
class RuleSet:
    """All that the stripper goes by: the rule files by the name they are called in messages, and the model.

    Two sets of the same content are equal, whatever process they were read in.
    """

    files: Mapping[str, RuleFile]
    model: Model

    @cached_property
    def digest(self) -> str:
        """A hash of the content."""
        content = [(name, file.model_dump(mode="json")) for name, file in self.files.items()]
        return hashlib.sha256(json.dumps([content, self.model.model_dump()]).encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuleSet) and self.digest == other.digest
