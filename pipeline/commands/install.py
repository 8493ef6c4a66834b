"""Commands that fit ``knipsel`` into a machine: what starts it every night, and what completes it in a shell."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.commands.base import DONE, Commands, Parser, config_of


def add(commands: Commands, parser: Parser) -> None:
    """Add them; ``parser`` is that of the whole program."""
    schedule = commands.group("schedule", "what starts a run every night")
    says = "print the files for systemd, cron, Airflow or GitHub Actions, filled in"
    printed = schedule.add("print", do_print, says, commands.holding)
    printed.add_argument("kind", choices=("systemd", "cron", "airflow", "actions"), help="what starts the run")
    printed.add_argument("--at", required=True, metavar="HH:MM", help="when, every day")
    printed.add_argument("--timezone", metavar="ZONE", help="such as Europe/Amsterdam (default: the machine's)")
    printed.add_argument("--user", action="store_true", help="systemd: units of your own user, not of the system")
    printed.add_argument("--into", type=Path, metavar="DIR", help="write them as files into this folder instead")

    says = "print the script by which a shell completes commands, options and paths"
    shell = commands.among.add_parser("completion", help=says, description=f"{says[:1].upper()}{says[1:]}.")
    shell.add_argument("shell", choices=("bash", "zsh", "fish"), help="which shell")
    shell.set_defaults(do=lambda args: do_completion(parser, args.shell), debug=False)


def do_print(args: argparse.Namespace) -> int:
    """Print, or write, what starts a run every night."""
    from pipeline import schedule

    kind = schedule.Kind(args.kind)
    settings = config_of(args).settings
    root, config = Path(args.root or settings.root), args.config
    if kind is not schedule.Kind.ACTIONS:
        root, config = root.absolute(), config and config.absolute()
    program = Path("knipsel") if kind is schedule.Kind.ACTIONS else schedule.installed_program()
    at = schedule.time_of_day(args.at)
    run = schedule.Nightly(root, at, program, config, args.timezone, args.user, settings.fetch.run_seconds)
    if args.into is None:
        print(schedule.schedule(kind, run), end="")
        return DONE
    for path in schedule.write(schedule.files(kind, run), args.into):
        print(path)
    return DONE


def do_completion(parser: Parser, shell: str) -> int:
    """Print what completes the command of ``parser`` in ``shell``."""
    from pipeline import completion

    print(completion.completion(parser, shell), end="")
    return DONE
