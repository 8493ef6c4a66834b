"""The completion scripts in the shells that they are for."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.cli import parser
from pipeline.completion import SHELLS, completion

COMMANDS = re.findall(r"^ {4}(\w+)(?: |$)", parser().format_help(), re.MULTILINE)
FOLDERS = ["my data set"]
FILES = ["my settings.toml", "other.toml"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a folder, two files, and the script for each shell above it."""
    for shell in SHELLS:
        (tmp_path / f"knipsel.{shell}").write_text(completion(parser(), shell), "utf-8")
    made = tmp_path / "here"
    for name in FOLDERS:
        (made / name).mkdir(parents=True)
    for name in FILES:
        (made / name).touch()
    return made


def by_bash(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last of ``words``, by the variables of its programmable completion."""
    bash = shutil.which("bash") or pytest.skip("bash is not installed")
    code = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); . ../knipsel.bash; _shtab_knipsel 2>/dev/null; '
    code += "printf '%s\\n' \"${COMPREPLY[@]}\""
    done = subprocess.run([bash, "-c", code, "bash", "knipsel", *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return sorted(filter(None, done.stdout.splitlines()))


def test_bash_offers_every_command(folder: Path) -> None:
    assert len(COMMANDS) >= 7
    assert by_bash(folder, "") == sorted(COMMANDS)
    assert by_bash(folder, "ver") == ["verify"]


def test_bash_offers_the_commands_below_a_command(folder: Path) -> None:
    assert by_bash(folder, "feeds", "") == ["check", "discover", "export", "import", "status"]
    assert by_bash(folder, "rules", "d") == ["diff"]


def test_bash_offers_the_options_of_a_command(folder: Path) -> None:
    assert set(by_bash(folder, "run", "--")) >= {"--root", "--config", "--json", "--workers", "--help"}
    assert "--workers" not in by_bash(folder, "verify", "--")
    assert by_bash(folder, "feeds", "status", "--ro") == ["--root"]


def test_bash_offers_files_and_folders_where_they_belong(folder: Path) -> None:
    assert by_bash(folder, "run", "--root", "") == FOLDERS
    assert by_bash(folder, "run", "--config", "") == sorted(FOLDERS + FILES)
    assert by_bash(folder, "run", "oth") == ["other.toml"]
    assert by_bash(folder, "run", "--now", "") == []
    assert by_bash(folder, "feeds", "import", "oth") == ["other.toml"]
    for begun in ("my s", "my\\ s", '"my s', "'my s"):
        assert by_bash(folder, "explain", begun) == ["my settings.toml"]


STARTED = {
    "bash": (["--norc", "--noprofile", "-i"], "bind 'set bell-style none'; . ../knipsel.bash"),
    # zsh would take the slash behind a folder away again at the end of the line.
    "zsh": (["-f", "-i"], "fpath=(.. $fpath); autoload -Uz compinit; compinit -D; unsetopt beep auto_remove_slash"),
}
"""How a shell is started without the settings of whoever runs the tests, and what it is told first."""


@contextmanager
def typing(shell: str, folder: Path) -> Iterator[int]:
    """A terminal with an interactive shell on it, in which ``knipsel`` prints its words."""
    program = shutil.which(shell) or pytest.skip(f"{shell} is not installed")
    (folder.parent / "_knipsel").write_text((folder.parent / "knipsel.zsh").read_text("utf-8"), "utf-8")
    options, first = STARTED[shell]
    mine, its = pty.openpty()
    env = {"PATH": os.environ["PATH"], "TERM": "dumb", "PS1": "> ", "HOME": str(folder), "INPUTRC": "/dev/null"}
    process = subprocess.Popen(
        [program, *options], cwd=folder, env=env, stdin=its, stdout=its, stderr=its, start_new_session=True
    )
    os.close(its)
    try:
        os.write(mine, f"{first}; knipsel() {{ printf '<%s>' \"$@\"; echo .; }}; echo rea''dy\n".encode())
        heard(mine, r"^ready")
        yield mine
    finally:
        process.kill()
        process.wait()
        os.close(mine)


def heard(terminal: int, pattern: str) -> re.Match[str]:
    """What the shell says until ``pattern`` fits."""
    seen, until = "", time.monotonic() + 60
    while time.monotonic() < until:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 4096).decode(errors="replace")
        if found := re.search(pattern, seen, re.MULTILINE):
            return found
    pytest.fail(f"the shell did not say {pattern} in a minute: {seen!r}")


def typed(terminal: int, keys: str) -> list[str]:
    """The words that ``knipsel`` was given, once ``keys`` were typed."""
    os.write(terminal, keys.encode() + b"\n")
    return re.findall(r"<(.*?)>", heard(terminal, r"((?:<[^<>\n]*>)+)\.")[1])


LINES = [
    ("knipsel ver\t", ["verify"]),
    ("knipsel run my\\ s\t", ["run", "my settings.toml"]),
    ("knipsel run 'my s\t", ["run", "my settings.toml"]),
    ("knipsel run --root m\t", ["run", "--root", "my data set/"]),
    ("knipsel feeds st\t--ro\t", ["feeds", "status", "--root"]),
]


@pytest.mark.parametrize("shell", STARTED)
@pytest.mark.parametrize(("keys", "words"), LINES)
def test_what_is_typed_is_completed(shell: str, keys: str, words: list[str], folder: Path) -> None:
    with typing(shell, folder) as terminal:
        assert typed(terminal, keys) == words


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_reads_its_script(shell: str, folder: Path) -> None:
    program = shutil.which(shell) or pytest.skip(f"{shell} is not installed")
    done = subprocess.run([program, "-n", folder.parent / f"knipsel.{shell}"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_names_every_command_and_option(shell: str) -> None:
    script = completion(parser(), shell)
    for name in (*COMMANDS, "discover", "diff"):
        assert re.search(rf"\b{name}\b", script)
    for option in ("root", "config", "workers", "lenient"):
        assert re.search(rf"(--|-l ){option}\b", script)


def by_fish(folder: Path, line: str) -> list[str]:
    """What fish offers for the end of a line."""
    fish = shutil.which("fish") or pytest.skip("fish is not installed")
    code = f"source ../knipsel.fish; complete -C {shlex.quote(line)}"
    done = subprocess.run([fish, "--no-config", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return sorted(answer.partition("\t")[0] for answer in done.stdout.splitlines())


def test_fish_offers_what_belongs_there(folder: Path) -> None:
    assert by_fish(folder, "knipsel ") == sorted(COMMANDS)
    assert by_fish(folder, "knipsel feeds ") == ["check", "discover", "export", "import", "status"]
    assert by_fish(folder, "knipsel feeds status --ro") == ["--root"]
    assert by_fish(folder, "knipsel schedule print ") == ["actions", "airflow", "cron", "systemd"]
    assert by_fish(folder, "knipsel run --root ") == ["my data set/"]
    assert set(by_fish(folder, "knipsel run --config my")) == {"my data set/", "my settings.toml"}


def test_zsh_takes_the_script_for_a_completion(folder: Path) -> None:
    zsh = shutil.which("zsh") or pytest.skip("zsh is not installed")
    (folder.parent / "_knipsel").write_text((folder.parent / "knipsel.zsh").read_text("utf-8"), "utf-8")
    code = f"fpath=({folder.parent} $fpath); autoload -Uz compinit; compinit -D; print $_comps[knipsel]"
    done = subprocess.run([zsh, "-f", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "_knipsel\n"
