"""README and docs against the command: what they show is what the program does and prints."""

from __future__ import annotations

import io
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest

from docs.generate import pages as reference
from pipeline import settings
from pipeline.cli import main, parser
from tests.conftest import REPOSITORY
from transforms.core.language import DETECTORS

PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "docs").rglob("*.md")),
)
MOMENT = "2026-11-21T02:30:00Z"
"""The moment of the runs whose output the README shows."""

EXAMPLES = 11
"""Articles in ``examples/``."""

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FROM = re.compile(r"<!-- from (\S+) -->\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"\A# (my/\S+)\n")
_SECONDS = re.compile(r"after \d+\.\d s")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str


def page(name: str) -> str:
    return (REPOSITORY / name).read_text("utf-8")


def blocks(name: str, *languages: str) -> list[Block]:
    found = [Block(*match.groups()) for match in _FENCE.finditer(page(name))]
    return [block for block in found if block.language in languages]


def commands(name: str) -> Iterator[list[str]]:
    """Every ``knipsel`` command in the blocks of a page that show no output, as the words behind ``knipsel``."""
    for block in blocks(name, "sh"):
        for line in block.text.splitlines():
            if line.startswith("knipsel "):
                words = shlex.split(line, comments=True)[1:]
                # behind that stands what is Beam's
                yield words[: words.index("--")] if "--" in words else words


def recipe(target: str) -> list[str]:
    """The commands of a target of the Makefile, with its variables filled in."""
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    variables = dict(re.findall(r"^(\w+) *[?:]?= *(.*)$", makefile, re.MULTILINE))
    body = re.search(rf"^{target}:.*\n((?:\t.*\n)*)", makefile, re.MULTILINE)
    assert body is not None, f"the Makefile has no target {target}"
    lines = [line.strip() for line in body[1].splitlines()]
    while any("$(" in line for line in lines):
        lines = [re.sub(r"\$\((\w+)\)", lambda name: variables[name[1]], line) for line in lines]
    return lines


def say(words: Sequence[str], *, status: int = 0) -> str:
    """What ``knipsel WORDS`` prints, errors and summary first; a run is given the moment of the README."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        assert main([*words, "--now", MOMENT] if words[0] == "run" else words) == status, (
            err.getvalue() + out.getvalue()
        )
    return err.getvalue() + out.getvalue()


def assert_shows(shown: str, printed: str) -> None:
    """That ``shown`` is ``printed``, shortened by nothing but what an ellipsis stands for."""

    def plain(text: str) -> str:
        return "\n".join(line.rstrip() for line in _SECONDS.sub("after 0.0 s", text).splitlines())

    rest = plain(printed)
    for piece in filter(None, (piece.strip() for piece in plain(shown).split("…"))):
        before, found, rest = rest.partition(piece)
        assert found, f"not, or not in this place, in what is printed:\n{piece}\n\nbut:\n{before}"


def once(make: Callable[..., Any]) -> Callable[..., Any]:
    """``make``, which makes the same thing but once; nothing here changes a file of settings."""
    known: dict[str, Any] = {}

    def made(*given: Any) -> Any:
        key = repr([one.resolve() if isinstance(one, Path) else one for one in given])
        if key not in known:
            known[key] = make(*given)
        return known[key]

    return made


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with the examples, in which ``make run`` has been carried out, and what that printed."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(REPOSITORY / "examples", folder / "examples", copy_function=shutil.copyfile)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "80")
        # Many commands, each of which would load the same settings, rules and detector anew.
        patch.setattr(settings, "load", once(settings.load))
        for name, detector in DETECTORS.items():
            patch.setitem(DETECTORS, name, cache(detector))
        printed = ""
        for line in recipe("run"):
            program, *words = shlex.split(line)
            assert Path(program).name == "knipsel"
            printed += say(words)
        yield folder, printed


def test_make_run_prints_what_the_readme_shows(trial: tuple[Path, str]) -> None:
    (block,) = (block for block in blocks("README.md", "console") if "$ make run\n" in block.text)
    shown, tested = block.text.removeprefix("$ make run\n").split("$ make test\n")
    assert_shows(shown, trial[1])
    assert tested == "… passed … in …\n"
    assert all(line.startswith(".venv/bin/python -m pytest ") for line in recipe("test"))


def test_the_make_targets_of_the_pages_exist() -> None:
    for name in PAGES:
        for target in re.findall(r"(?:^|`|\$ |python3\.12 )make ([a-z]+)\b", page(name), re.MULTILINE):
            assert recipe(target) or target in ("check", "engines"), f"{name}: make {target}"


def test_the_text_before_stripping_is_that_of_the_example() -> None:
    ((path, shown),) = _FROM.findall(page("README.md"))
    assert_shows(shown, page(path))


def test_what_explain_shows_in_the_readme_is_what_it_prints(trial: tuple[Path, str]) -> None:
    (block,) = (block for block in blocks("README.md", "console") if block.text.startswith("$ knipsel "))
    command, _, output = block.text.removeprefix("$ ").partition("\n")
    assert command == recipe("run")[-1].removeprefix(".venv/bin/")
    assert_shows(output, trial[1])


@pytest.mark.parametrize("name", PAGES)
def test_every_command_parses_and_those_over_examples_run(
    name: str, trial: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").symlink_to(trial[0] / "examples")
    shutil.copytree(trial[0] / "out", tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    for block in blocks(name, "toml"):
        if path := _FILE.match(block.text):
            Path(path[1]).parent.mkdir(parents=True, exist_ok=True)
            Path(path[1]).write_text(block.text, "utf-8")
    for words in commands(name):
        try:
            args = parser().parse_args(words)
        except SystemExit as left:
            pytest.fail(f"{name}: knipsel {shlex.join(words)}: exit status {left.code}")
        inputs, root = getattr(args, "inputs", None), getattr(args, "root", None)
        held = args.command in ("run", "doctor", "schedule") or root is None or root.exists()
        # What would ask the network, or what was only just fetched from it, is only parsed.
        if args.command != "feeds" and held and inputs != [] and all(Path(path).exists() for path in inputs or ()):
            say(words)


def test_the_command_table_names_every_command() -> None:
    table = re.findall(r"^\| `knipsel (\w+)", page("README.md"), re.MULTILINE)
    known = re.findall(r"^ {4}(\w+)(?: |$)", parser().format_help(), re.MULTILINE)
    assert table == known


TOOLS = {
    "--again",
    "--fits",
    "--write",
    "--across",
    "--shared",
    "--held-back",
    "--bind",
    "--directory",
    "--kill-after",
    "--sdist",
    "--minutes",
    "--outlets",
    "--per-second",
    "--cycle-seconds",
    "--kills",
    "--prism",
}
"""Options of other programs: of tests and benchmarks, of Python's web server, of timeout, of build."""


@pytest.mark.parametrize("name", PAGES)
def test_every_option_that_is_named_exists(name: str) -> None:
    known = set(re.findall(r"--[a-z-]+", reference()["commands.md"])) | TOOLS | {"--setup", "--help", "--version"}
    prose = re.sub(r"<!--.*?-->", "", page(name)).replace("mypy --strict", "")
    # What is not run here is for other programs: job servers, and Beam behind "--".
    prose = re.sub(r"```text\n.*?```", "", prose, flags=re.DOTALL) if name == "docs/engines.md" else prose
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", prose)) <= known


def test_a_missing_input_is_one_line_and_a_usage_error(trial: tuple[Path, str]) -> None:
    assert re.search(r"^\| 2 \| usage or settings", page("README.md"), re.MULTILINE)
    printed = say(["run", "nothing-here.txt", "--root", "unmade"], status=2)
    assert printed.count("\n") == 1
    assert not Path("unmade").exists()


def test_the_python_snippets_run_and_read_every_article(trial: tuple[Path, str]) -> None:
    snippets = blocks("README.md", "python")
    assert snippets
    for snippet in snippets:
        found: dict[str, Any] = {}
        exec(compile(snippet.text, "README.md", "exec"), found)
        assert len(found["articles"]) == EXAMPLES, snippet.text


def test_the_sql_runs(trial: tuple[Path, str]) -> None:
    found = [duckdb.execute(snippet.text).fetchall() for snippet in blocks("README.md", "sql")]
    assert found
    assert all(found)
