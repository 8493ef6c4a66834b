"""What the commands share: their parser, the options of several, how they speak, and what they answer."""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console

from pipeline.event_log import Ended, Reporter
from transforms.storage import local

if TYPE_CHECKING:
    from pipeline.settings import Config

DONE, FAILED, USAGE, BUSY = 0, 1, 2, 75

Do = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that says what to do."""

    def error(self, message: str) -> NoReturn:
        """Leave with the status for a wrong call."""
        self.exit(USAGE, f"{self.prog}: {message}; '{self.prog} --help' shows how\n")


@dataclass(frozen=True, slots=True)
class Commands:
    """Where commands are added: to ``knipsel``, or to one of them that has commands of its own.

    Attributes:
        among: what argparse adds parsers to.
        settings: the options of every command.
        reading: the options of commands that read inputs.
        holding: the option of commands that need a data set.
    """

    among: Any
    settings: Parser
    reading: Parser
    holding: Parser

    @classmethod
    def of(cls, parser: Parser) -> Commands:
        """Those of ``parser``, of which one must be given."""
        settings = Parser(add_help=False)
        settings.add_argument(
            "--config", type=Path, metavar="FILE", help="a knipsel.toml; what it leaves out has its default"
        )
        settings.add_argument(
            "--set",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            dest="overrides",
            help="one setting, such as language.detector=py3langid",
        )
        settings.add_argument("--debug", action="store_true", help="show the traceback of an error")
        reading = Parser(add_help=False)
        reading.add_argument("--source", metavar="NAME", help="the outlet of these inputs, where they do not say")
        reading.add_argument("--lenient", action="store_true", help="pass over unknown keys in JSON lines")
        reading.add_argument(
            "--now",
            type=moment,
            metavar="TIME",
            help="the moment of the run, ISO 8601 (default: the clock); same input and moment, same bytes",
        )
        holding = Parser(add_help=False)
        holding.add_argument(
            "--root", type=folder, metavar="DIR", help="the data set (default: root in the settings)"
        )
        among = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
        return cls(among, settings, reading, holding)

    def add(self, name: str, do: Do, says: str, *parents: Parser) -> Parser:
        """A command that calls ``do``; ``says`` is its help, a sentence without capital and full stop."""
        added: Parser = self.among.add_parser(
            name, help=says, description=_sentence(says), parents=[self.settings, *parents]
        )
        added.set_defaults(do=do)
        return added

    def group(self, name: str, says: str) -> Commands:
        """A command that has commands of its own."""
        parser = self.among.add_parser(name, help=says, description=_sentence(says))
        among = parser.add_subparsers(dest="question", required=True, metavar="COMMAND", parser_class=Parser)
        return Commands(among, self.settings, self.reading, self.holding)


def _sentence(says: str) -> str:
    return f"{says[:1].upper()}{says[1:]}."


# Kinds of arguments


def moment(text: str) -> dt.datetime:
    """A moment in UTC."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time such as 2026-11-20T02:30:00Z") from None
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


def day(text: str) -> dt.date:
    """A date."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2026-11-20") from None


def folder(text: str) -> Path:
    """A data set, which lies on a local file system."""
    try:
        return Path(local(text))
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"{text!r} {fault}") from None


def count(text: str) -> int:
    """A whole number from 0 up."""
    number = int(text) if text.isascii() and text.isdigit() else -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 up")
    return number


# What the arguments stand for


def clock() -> dt.datetime:
    """The time, for what is said of a run."""
    return dt.datetime.now(dt.UTC)


def now_of(args: argparse.Namespace) -> dt.datetime:
    """The moment that is asked for, or the clock's, in whole seconds."""
    now: dt.datetime = getattr(args, "now", None) or clock()
    return now.replace(microsecond=0)


def config_of(args: argparse.Namespace) -> Config:
    """The settings that are asked for.

    Raises:
        SettingsError: they are not well-formed.
    """
    from pipeline.settings import load

    workers = [f"run.workers={args.workers}"] if getattr(args, "workers", None) is not None else []
    return load(args.config, [*args.overrides, *workers])


def root_of(args: argparse.Namespace) -> Path:
    """The data set that is asked for.

    Raises:
        SettingsError: the settings, which must be read for it, are not well-formed.
    """
    root: Path = args.root if args.root is not None else Path(config_of(args).settings.root)
    return root


# Speaking


class Output(Console):
    """What is shown on stdout."""

    def on_broken_pipe(self) -> NoReturn:
        """Leave it to ``main``: a reader that has seen enough is no failure."""
        raise BrokenPipeError


def console() -> Console:
    """For tables; those for a file or a pipe are made for a wide page."""
    return Output() if sys.stdout.isatty() else Output(width=140)


def say(status: int, message: str) -> int:
    """Say ``message`` on stderr and give the ``status``."""
    print(f"knipsel: {message}", file=sys.stderr)
    return status


def fail(args: argparse.Namespace, status: int, message: str) -> int:
    """Say on stderr, in the form that ``args`` ask for, why it is over, and give the ``status``."""
    report: Reporter | None = getattr(args, "report", None)
    if report is None:
        return say(status, message)
    report.tell(Ended(status, message))
    return status
