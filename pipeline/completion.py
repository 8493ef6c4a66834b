"""``knipsel completion``: what a shell needs to complete commands, options and paths, made from the parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import shtab

SHELLS = ("bash", "zsh", "fish")

_FILES: dict[str, Any] = {**shtab.FILE, "bash": "_knipsel_files"}
_FOLDERS: dict[str, Any] = {**shtab.DIRECTORY, "bash": "_knipsel_dirs"}
_BY_METAVAR = {"FILE": _FILES, "INPUT": _FILES, "DIR": _FOLDERS}

_BASH = r"""
# A name with blanks is one word; on the line it may stand quoted, or as far as it has been typed.
_knipsel_files() {
  local word="${1#[\"\']}"
  compgen -f -- "${word//\\/}"
}
_knipsel_dirs() {
  local word="${1#[\"\']}"
  compgen -d -- "${word//\\/}"
}
"""


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that completes the command of ``parser`` in ``shell``, one of ``SHELLS``."""
    for action in _actions(parser):
        kind = _BY_METAVAR.get(action.metavar if isinstance(action.metavar, str) else "")
        if kind is not None:
            # The attribute is how shtab is told.
            vars(action)["complete"] = kind
    script: str = shtab.complete(parser, shell, preamble=_BASH if shell == "bash" else "")
    return script


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """The arguments of the parser and of all its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            below: dict[str, Any] = action.choices
            for one in below.values():
                yield from _actions(one)
