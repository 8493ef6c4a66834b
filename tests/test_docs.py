"""The tables, snippets and links of README and docs against the code."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator

import pytest

from docs.generate import FOLDER, comments, pages
from schemas import tagging
from schemas.article import ARTICLES
from schemas.rules import Scope
from tests.conftest import REPOSITORY
from tests.test_readme import PAGES, blocks, page
from transforms.core import topics, words
from transforms.core.clutter import decide, recurring, shape
from transforms.core.jsonl import KEYS


def table(name: str, heading: str, first: str) -> list[list[str]]:
    """The cells of the first table behind ``heading`` whose first column is called ``first``, without code marks."""
    behind = f"\n{page(name)}".partition(f"\n{heading}\n")[2]
    rows = behind.partition(f"\n| {first} |")[2].partition("\n\n")[0].splitlines()[2:]
    assert rows, f"{name}: no table {first!r} behind {heading!r}"
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in map(_bars, rows)]


def _bars(row: str) -> str:
    return re.sub(r"`[^`]*`", lambda code: code[0].replace("|", "¦"), row)


def bare(cell: str) -> str:
    return cell.strip("`")


def test_the_reference_is_what_the_code_says() -> None:
    stale = "run `python -m docs.generate`, and look at what changes"
    assert {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")} == pages(), stale


def test_everything_in_the_reference_is_described() -> None:
    for name, text in pages().items():
        for row in re.findall(r"^\| `.*$", text, re.MULTILINE):
            assert not row.endswith("|  |"), f"{name}: {row}"


def test_comments_are_read_on_to_the_lines_below() -> None:
    text = 'a = 1  # one\n       # and more\n\n[t]  # of it\nb = "x"\nc = [1, 2]  # three\n# of nothing\n'
    assert comments(text) == {"a": "one and more", "t": "of it", "t.b": "", "t.c": "three"}


def test_the_short_form_in_the_readme_has_every_column_once() -> None:
    groups = table("README.md", "## What comes out", "about")
    names = [name for _, columns in groups for name in re.findall(r"`(\w+)`", columns)]
    assert sorted(names) == sorted(ARTICLES.names)


def test_the_quality_flags_are_those_of_the_code() -> None:
    assert [bare(row[0]) for row in table("docs/dataset.md", "### Quality flags", "flag")] == sorted(_flags())


def _flags() -> set[str]:
    """The string constants of the core that stand in a tuple or are appended: so flags are handed on."""
    constants: dict[str, str] = {}
    used: set[str] = set()
    for path in sorted((REPOSITORY / "transforms" / "core").glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in tree.body:
            if isinstance(node, ast.Assign):
                constants.update(_constants(node.targets[0], node.value))
        for inner in ast.walk(tree):
            if isinstance(inner, ast.Tuple) and isinstance(inner.ctx, ast.Load):
                used.update(name.id for part in inner.elts for name in ast.walk(part) if isinstance(name, ast.Name))
            elif (
                isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "append"
            ):
                used.update(name.id for part in inner.args for name in ast.walk(part) if isinstance(name, ast.Name))
    return {value for name, value in constants.items() if name in used and re.fullmatch(r"[a-z_]+", value)}


def _constants(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, str]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=True):
            yield from _constants(one, other)
    elif isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield target.id, value.value


def test_the_keys_of_a_json_line_are_named() -> None:
    behind = page("README.md").partition("A JSON line is")[2].partition("Other keys")[0]
    assert set(re.findall(r"`(\w+)`", behind)) | {"text", "html"} == set(KEYS)


# Rules and tags


def test_the_scopes_are_those_of_the_code() -> None:
    assert [bare(row[0]) for row in table("docs/rules.md", "### Scopes", "scope")] == [scope.value for scope in Scope]


def test_the_signals_are_those_of_the_code() -> None:
    code = "".join(p.read_text("utf-8") for p in (REPOSITORY / "transforms" / "core" / "clutter").glob("*.py"))
    shown = {bare(row[0]) for row in table("docs/rules.md", "## How stripping works", "signal")}
    assert shown == set(re.findall(r'"(signal\.[a-z-]+)"', code))


def test_the_numbers_of_the_page_on_rules_are_those_of_the_code() -> None:
    said = page("docs/rules.md").replace("\n", " ")
    points = [row[1] for row in table("docs/rules.md", "### How scores come about", "what")]
    factors = (topics.HEADLINE_FACTOR, topics.LEDE_FACTOR, topics.KEYWORD_FACTOR, topics.BODY_FACTOR)
    assert points == [f"{topics.SECTION_POINTS:g}", *(f"weight × {factor:g}" for factor in factors)]
    for claim in (
        f"beyond {topics.LEDE_MIN_CHARS} characters, at {topics.LEDE_MAX_CHARS} at the latest",
        f"Beyond {topics.BODY_FULL_WORDS} words",
        f"beyond {words.MAX_BODY_CHARS:,} characters the body is not read",
        f"at least {topics.MIN_POINTS:g} points, at least {topics.MIN_SHARE:g} of the points",
        f"At most {topics.MAX_TAGS} are given",
        f"`1 - 2 ** (-points / {topics.HALF_SCORE_POINTS:g})`: 0.5 at {topics.HALF_SCORE_POINTS:g} points",
        f"up to {topics.MAX_EVIDENCE_TERMS} terms",
        f"a line of {shape.PROSE_CHARS} characters or more",
        f"at most {shape.TITLE_CHARS} characters",
        f"a line of {decide.REPEAT_CHARS} characters or more",
        f"at least {recurring.MIN_ARTICLES} and a fifth",
        f"fewer than {recurring.MIN_LETTERS} letters",
    ):
        assert claim in said
    assert recurring.SHARES == {"l": 1 / 5, "n": 1 / 2, "s": 1 / 2}


@pytest.mark.parametrize("name", PAGES)
def test_the_toml_of_the_pages_is_valid(name: str) -> None:
    for block in blocks(name, "toml"):
        data = tomllib.loads(block.text)
        if "terms" in data:
            terms = tagging.TermFile.model_validate(data)
            topic_file = tomllib.loads((REPOSITORY / "config" / "tags" / "medtop.toml").read_text("utf-8"))
            known = ("medtop.toml", tagging.TopicFile.model_validate(topic_file))
            topics.check_vocabulary(known, [("shown", terms)])


# Libraries


def test_every_library_is_explained() -> None:
    tree = ast.parse((REPOSITORY / "setup.py").read_text("utf-8"))
    call = next(n.value for n in tree.body if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call))
    wanted = next(ast.literal_eval(k.value) for k in call.keywords if k.arg == "install_requires")
    shown = [bare(row[0]) for row in table("docs/libraries.md", "# Libraries", "library")]
    assert shown == [re.split(r"[<>=]", requirement)[0] for requirement in wanted]


# Links


def _slug(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.strip().replace(" ", "-")


@pytest.mark.parametrize("name", [*PAGES, "CHANGELOG.md"])
def test_links_between_the_pages_resolve(name: str) -> None:
    text = re.sub(r"^```.*?^```$", "", page(name), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (REPOSITORY / name).parent / path if path else REPOSITORY / name
        assert file.is_file(), f"{name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            assert anchor in map(_slug, headings), f"{name}: {target}"


def test_the_licence_is_the_one_that_is_declared() -> None:
    licence = page("LICENSE")
    assert licence.lstrip().startswith("Apache License\n                           Version 2.0, January 2004")
    assert licence.rstrip().endswith("limitations under the License.")
    medtop = tomllib.loads((REPOSITORY / "config" / "tags" / "medtop.toml").read_text("utf-8"))
    assert medtop["attribution"] in page("NOTICE").replace("\n", " ")
