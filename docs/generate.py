"""The reference: pages made from the code, so that they say what it does. ``python -m docs.generate`` writes them.

Each thing is described where it is defined: a column, a key of a feed or of a rule by the string below it, a setting
by the comment behind its default in ``config/knipsel.toml``, a reason code in ``EXPLAINED``, an option by its help.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import textwrap
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pyarrow as pa
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipeline.cli import parser as command_line
from pipeline.tables import Feed, Settings
from schemas.article import ARTICLES, SCHEMA_VERSION, Article
from schemas.reject import EXPLAINED, FILTERED, REJECTS, Reject
from schemas.rules import CutKind, Rule, RuleFile, Seam
from schemas.tagging import Agency

FOLDER = Path(__file__).parent / "reference"
SHIPPED = Path(__file__).parents[1] / "config" / "knipsel.toml"

_SHARED = ("--config", "--set", "--debug")
"""Options that nearly every command has; they are described once."""

_MADE = "<!-- Made by `python -m docs.generate`; a change belongs into the code. -->"


def pages() -> dict[str, str]:
    """The text of every page, by its name."""
    return {
        "settings.md": _settings_page(),
        "columns.md": _columns_page(),
        "codes.md": _codes_page(),
        "rules.md": _rules_page(),
        "commands.md": _commands_page(command_line()),
    }


def _settings_page() -> str:
    text = SHIPPED.read_text("utf-8")
    meanings = comments(text)
    rows = []
    for key, value in _flat(tomllib.loads(text)):
        table, _, _ = key.rpartition(".")
        meaning = meanings.get(key) or meanings.get(table, "")
        rows.append((f"`{key}`", f"`{toml(value)}`", allowed(_hint(Settings, key)), meaning))
    return _page(
        "Settings, key by key",
        "[Settings](../settings.md) says where settings come from, how one file is laid over another, and what "
        "batches are. Durations end in `_seconds`, sizes in `_bytes`.",
        "## Keys of knipsel.toml",
        "Under `[timezones]` any two-letter code of a country may be a key.",
        _table(("key", "default", "allowed", "meaning"), rows),
        "## Keys of a feed",
        "A `[[feed]]` table for each feed in `feeds.toml`; [Feeds and their pages](../fetching.md) says what is done "
        "with them.",
        _model_table(Feed),
    )


def _columns_page() -> str:
    return _page(
        "Columns",
        f"The schema version is {SCHEMA_VERSION}. `null` says whether a row may lack the value; a list without "
        "entries is empty, not null. [The data set](../dataset.md) says how ids are made, what versions are, how "
        "dates and stories are found, and what you may rely on.",
        "## Columns of articles",
        _schema_table(ARTICLES, Article),
        "## Columns of rejects",
        "One row for every input that was not written and is no duplicate, with what is known of it. The codes are "
        "[reason codes](codes.md).",
        _schema_table(REJECTS, Reject),
    )


def _codes_page() -> str:
    rows = [(f"`{code}`", "filtered" if code in FILTERED else "rejected", why) for code, why in EXPLAINED.items()]
    return _page(
        "Reason codes",
        "`code` in the table `rejects`: why an input was not written. `filtered` means left out on purpose; "
        "everything else is an error in the input. Both lie in `rejects/`; the books count them apart.",
        _table(("code", "counts as", "meaning"), rows),
    )


def _rules_page() -> str:
    return _page(
        "Rules, key by key",
        "[Rules and tags](../rules.md) says how stripping works, what patterns, scopes and word lists are, and how a "
        "rule is tried.",
        "## The file",
        "A TOML file below `clutter/`.",
        _model_table(RuleFile),
        "## A rule",
        "A rule needs `match` or `all`, or both; `start` and `end` take `match` alone, and no `all`.",
        _model_table(Rule),
        "## A seam",
        _model_table(Seam),
        "## Kinds of cuts",
        "`kind` of a rule, and of every entry in the column `removed`.",
        _table(("kind", "what"), [(f"`{kind}`", described(CutKind)[kind.name]) for kind in CutKind]),
        "## An agency",
        "An `[[agency]]` in `tags/agencies.toml`; see [Agencies](../rules.md#agencies).",
        _model_table(Agency),
    )


def _commands_page(parser: argparse.ArgumentParser) -> str:
    shared = [row for row in _arguments(_below(parser)["check"]) if row[0].split("`")[1].split()[0] in _SHARED]
    parts = [
        "`knipsel COMMAND --help` says the same. Every command that reads settings also takes",
        _table(("argument", "meaning"), shared),
    ]
    for name, command in _leaves(parser, parser.prog):
        rows = [row for row in _arguments(command) if row not in shared]
        words = [name, *(row[0].strip("`") for row in rows if not row[0].startswith("`-")), "[OPTION …]"]
        parts += [f"## {name}", f"```text\n{' '.join(words)}\n```", command.description or ""]
        parts += [_table(("argument", "meaning"), rows)] if rows else []
        parts += [command.epilog] if command.epilog else []
    return _page("Commands", *parts, "## Examples and exit status", f"```text\n{(parser.epilog or '').strip()}\n```")


def comments(text: str) -> dict[str, str]:
    """What the comments behind keys and tables of a TOML file say, by dotted key.

    A comment goes on in the indented lines below it that hold nothing else.
    """
    found: dict[str, str] = {}
    table = key = ""
    for line in text.splitlines():
        if more := re.fullmatch(r"\s+# (.*)", line):
            found[key] += f" {more[1]}"
        elif head := re.fullmatch(r"\[(\w+)\](?:\s+# (.*))?", line):
            table = key = head[1]
            found[key] = head[2] or ""
        elif pair := re.fullmatch(r"(\w+) = [^#]*?(?:\s+# (.*))?", line):
            key = f"{table}.{pair[1]}" if table else pair[1]
            found[key] = pair[2] or ""
    return found


def described(owner: type) -> dict[str, str]:
    """The strings below the fields of a class, by the name of the field."""
    found: dict[str, str] = {}
    names: list[str] = []
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    for node in (inner for outer in tree.body if isinstance(outer, ast.ClassDef) for inner in outer.body):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                names.append(name)
            case ast.Expr(value=ast.Constant(value=str(text))) if names:
                found[names[-1]] = " ".join(text.split())
    return found


def toml(value: Any) -> str:
    """A value as it stands in a TOML file."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{value:_}"
        case dict():
            return "{" + ", ".join(f"{key} = {toml(one)}" for key, one in value.items()) + "}"
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case _:
            return f'"{value}"'


def allowed(hint: Any) -> str:
    """Which values a type with its bounds allows, in words."""
    kind, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    for mark in marks:
        if isinstance(mark, FieldInfo) and mark.description:
            return mark.description
    inner = [one for one in get_args(kind) if one not in (NoneType, Ellipsis)]
    bounds = {name: value for mark in marks for name, value in _bounds(mark)}
    if {"ge", "le"} <= bounds.keys():
        return f"{bounds['ge']:_} to {bounds['le']:_}"
    if get_origin(kind) is Literal:
        return ", ".join(f"`{toml(one)}`" for one in inner)
    if get_origin(kind) in (tuple, frozenset):
        return f"a list: {allowed(inner[0])}"
    if get_origin(kind) is dict:
        return f"a table: {allowed(inner[0])} = {allowed(inner[1])}"
    if inner:
        return " or ".join(map(allowed, inner))
    if kind is bool:
        return "`true`, `false`"
    if issubclass(kind, StrEnum):
        return ", ".join(f"`{toml(one)}`" for one in kind) if len(kind) < 12 else "see below"
    return "a table" if issubclass(kind, BaseModel) else "text"


def spelled(kind: pa.DataType) -> str:
    """An Arrow type as the pages write it."""
    if pa.types.is_list(kind):
        return f"list<{spelled(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{', '.join(f'{field.name} {spelled(field.type)}' for field in kind)}>"
    plain = {"float": "float32", "date32[day]": "date32", "timestamp[us, tz=UTC]": "timestamp[us, UTC]"}
    return plain.get(str(kind), str(kind))


def _bounds(mark: Any) -> Iterator[tuple[str, float]]:
    for one in mark.metadata if isinstance(mark, FieldInfo) else ():
        for name in ("ge", "le"):
            if (value := getattr(one, name, None)) is not None:
                yield name, value


def _hint(model: type[BaseModel], key: str) -> Any:
    """The type of a dotted key of a model, with its bounds."""
    first, _, rest = key.partition(".")
    hint = get_type_hints(model, include_extras=True)[first]
    if not rest:
        return hint
    return _hint(hint, rest) if isinstance(hint, type) and issubclass(hint, BaseModel) else get_args(hint)[1]


def _flat(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield above + key, value


def _model_table(model: type[BaseModel]) -> str:
    meanings, hints = described(model), get_type_hints(model, include_extras=True)
    rows = []
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        shown = "required" if default is PydanticUndefined else "none" if default is None else f"`{toml(default)}`"
        rows.append((f"`{name}`", shown, allowed(hints[name]), meanings[name]))
    return _table(("key", "default", "allowed", "meaning"), rows)


def _schema_table(schema: pa.Schema, owner: type) -> str:
    meanings = described(owner)
    rows = [
        (f"`{column.name}`", f"`{spelled(column.type)}`", "yes" if column.nullable else "no", meanings[column.name])
        for column in schema
    ]
    return _table(("column", "type", "null", "meaning"), rows)


def _leaves(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command that has none below it, under its full name."""
    below = _below(parser)
    if not below:
        yield name, parser
    for word, command in below.items():
        yield from _leaves(command, f"{name} {word}")


def _below(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    known: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            known.update(action.choices)
    return known


def _arguments(parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    rows = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction) or action.help == argparse.SUPPRESS:
            continue
        value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper())
        if action.option_strings:
            shown = ", ".join(action.option_strings) + (f" {value}" if action.nargs != 0 else "")
        else:
            shown = {"*": f"[{value} …]", "+": f"{value} …", "?": f"[{value}]"}.get(str(action.nargs), str(value))
        rows.append((f"`{shown}`", (action.help or "") % {"default": action.default, "prog": parser.prog}))
    return rows


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [head, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    top, *rest = (f"| {' | '.join(row)} |" for row in cells)
    return "\n".join([top, "|---" * len(head) + "|", *rest])


def _page(title: str, *parts: str) -> str:
    """Prose is wrapped; tables, headings and code are as they are."""
    kept = ("|", "#", "```")
    lines = [part if part.startswith(kept) else "\n".join(textwrap.wrap(part, 118)) for part in parts if part]
    return "\n\n".join([f"# {title}", _MADE, *lines]) + "\n"


def main() -> None:
    """Write every page that is not as it should be."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        path = FOLDER / name
        if not path.is_file() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
