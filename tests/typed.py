"""Pages that tell a person what to type: their commands, what these show, and the files to be written."""

from __future__ import annotations

import re
from dataclasses import dataclass

BEFORE = re.compile(r"^==== ([\d.]+)\n", re.MULTILINE)
"""What ``script`` has the shell say before each command: the moment, in seconds."""

_BLOCK = re.compile(r"^```(console|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"\A# (\S+/\S+)\n")


@dataclass(frozen=True, slots=True)
class Step:
    """A command as it is typed, and what stands below it."""

    command: str
    shown: str


def steps(text: str) -> list[Step]:
    """The commands of the ``console`` blocks of a page, in order."""
    found = []
    for language, block in _BLOCK.findall(text):
        if language == "console":
            for part in block.removeprefix("$ ").split("\n$ "):
                command, _, shown = part.partition("\n")
                found.append(Step(command, shown))
    return found


def files(text: str) -> dict[str, str]:
    """The content of the ``toml`` blocks that begin with the name of a file, by that name."""
    blocks = (block for language, block in _BLOCK.findall(text) if language == "toml")
    return {name[1]: block for block in blocks if (name := _FILE.match(block))}


def script(text: str) -> str:
    """What bash is given in place of a person who does what the page says; before each answer stands ``BEFORE``."""
    lines = []
    for language, block in _BLOCK.findall(text):
        if language == "console":
            for step in steps(f"```console\n{block}```"):
                lines += ['echo "==== ${EPOCHREALTIME/,/.}"', step.command]
        elif name := _FILE.match(block):
            lines.append(f"cat >{name[1]} <<'===='\n{block}====")
    return "\n".join(lines) + "\n"
