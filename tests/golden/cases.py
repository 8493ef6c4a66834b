"""A golden case: a text as it comes, the article in it as a careful person would cut it, and the cuts between them.

``input.txt`` is the text, every character of it. ``expected.txt`` is the headline, a blank line and the body, or the
body alone where there is no headline. ``cuts.jsonl`` has a line for each cut with its kind, its rule and its text;
white space that was tidied has none. ``case.toml`` says what the case is about and which rule files it covers.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from schemas.rules import CutKind
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.strip import Stripped, strip

FOLDER = Path(__file__).parent


class About(BaseModel):
    """``case.toml``: what the case shows, the rule files below ``config/clutter`` that it covers, and the metadata.

    ``headline`` is one that is stated beside the text; without it the headline is looked for in the text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str
    covers: tuple[str, ...]
    headline: str | None = None
    host: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class Taken:
    """One cut as a case states it."""

    kind: str
    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case as it lies in its folder; ``expected`` and ``cuts`` are ``None`` where they are still to be drafted."""

    name: str
    about: About
    text: str
    expected: str | None
    cuts: tuple[Taken, ...] | None


def names() -> list[str]:
    """The cases there are."""
    return sorted(path.parent.name for path in FOLDER.glob("*/case.toml"))


def load(name: str, cases: Path = FOLDER) -> Case:
    """Read the case called ``name``; ``cases`` is the folder of all of them."""
    folder = cases / name
    about = About.model_validate(tomllib.loads((folder / "case.toml").read_text("utf-8")))
    text = (folder / "input.txt").read_bytes().decode()
    expected, cuts = folder / "expected.txt", folder / "cuts.jsonl"
    return Case(
        name=name,
        about=about,
        text=text,
        expected=expected.read_bytes().decode().removesuffix("\n") if expected.is_file() else None,
        cuts=tuple(Taken(**json.loads(line)) for line in cuts.read_text("utf-8").splitlines())
        if cuts.is_file()
        else None,
    )


def outcome(case: Case, book: RuleBook) -> tuple[str, tuple[Taken, ...]]:
    """What ``book`` makes of the case, in the form of ``expected.txt`` and of ``cuts.jsonl``."""
    found = strip(case.text, book, headline=case.about.headline, host=case.about.host, source_id=case.about.source)
    return shown(found), taken(found)


def shown(stripped: Stripped) -> str:
    """The clean text as ``expected.txt`` has it."""
    return f"{stripped.headline}\n\n{stripped.body}" if stripped.headline else stripped.body


def taken(stripped: Stripped) -> tuple[Taken, ...]:
    """The cuts as ``cuts.jsonl`` has them, without the white space around each."""
    return tuple(
        Taken(str(cut.kind), cut.rule, cut.text.strip())
        for cut in stripped.removed
        if cut.kind != CutKind.WHITESPACE and cut.text.strip()
    )


def as_lines(cuts: Iterable[Taken]) -> str:
    """The content of ``cuts.jsonl``."""
    return "".join(
        json.dumps({"kind": cut.kind, "rule": cut.rule, "text": cut.text}, ensure_ascii=False) + "\n" for cut in cuts
    )
