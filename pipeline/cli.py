"""The ``knipsel`` command. It reads the arguments, calls one function, and says the outcome."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from pipeline import event_log
from pipeline.commands import check, feeds, install, keep, look, run, watch
from pipeline.commands.base import BUSY, DONE, FAILED, USAGE, Commands, Parser, clock, fail, say

EXAMPLES = """\
examples:
  knipsel run articles/ --root out              a folder of .txt, .html, .jsonl, .warc and feed files (each also .gz)
  knipsel run 'dump/*.jsonl.gz' --root out --json
  knipsel run --config my/knipsel.toml          the feeds of my/feeds.toml, and what is new on their pages
  knipsel watch inbox/ --feeds --root out       the same for ever, and what appears in a folder
  knipsel run https://news.example/rss.xml --root out --record warc/
  knipsel feeds discover news.example >> my/feeds.toml
  knipsel feeds status --root out               when each feed was asked, and what is wrong with it
  knipsel explain page.html                     what would be cut, and why; nothing is written
  knipsel show --root out --sql "select headline from articles where agency = 'ANP'"
  knipsel show --root out --outlet beekdaler.example --format csv --output rows.csv
  knipsel stats --root out --by outlet
  knipsel export --root out --since 2026-11-01 --output november.jsonl
  knipsel forget --root out https://news.example/article/17
  knipsel verify --root out
  knipsel check --config my/knipsel.toml
  knipsel rules diff --root out                 what the rules would now cut differently in what is stored

exit status: 0 done (also with rejects), 1 failed and nothing published, 2 usage or settings,
75 another run holds the root, 143 stopped (watch: 0). Large inputs are published in batches: what is said of
"nothing" is said of the batch at hand, and the same command goes on behind those before it.
"""


def parser() -> Parser:
    """The parser of the whole program."""
    whole = Parser(
        prog="knipsel",
        description="News articles in, clean and tagged Parquet out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"knipsel {version('knipsel')}")
    commands = Commands.of(whole)
    run.add(commands)
    watch.add(commands)
    look.add(commands)
    keep.add(commands)
    check.add(commands)
    feeds.add(commands)
    install.add(commands, whole)
    return whole


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv`` (default: the process's own) and give its exit status."""
    # Arrow reads it when it is loaded. Its other allocators keep what a hundred small files took: 60 MB.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    words = list(sys.argv[1:] if argv is None else argv)
    words, beam_options = (
        (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    )
    args = parser().parse_args(words)
    args.beam_options = beam_options
    if beam_options and args.command not in ("run", "watch"):
        return say(USAGE, f"'--' hands options to Beam, which '{args.command}' does not use")
    as_json = getattr(args, "log_format", "text") == "json"
    logging.basicConfig(
        level=logging.DEBUG if args.debug else logging.ERROR,
        format="%(levelname)s %(name)s: %(message)s",
        handlers=[event_log.log_handler(clock)] if as_json else None,
    )
    try:
        status = int(args.do(args))
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever read our output has gone; nothing is left to say, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return fail(args, 130, "stopped")
    except Exception as fault:
        if args.debug:
            raise
        return fail(args, _status(fault), " ".join(str(fault).split()) or type(fault).__name__)


def _status(fault: Exception) -> int:
    """The exit status of an error; what no part of the program knows is a failure like any other."""
    from pipeline.compact import CompactError
    from pipeline.export import ExportError
    from pipeline.forget_names import ForgetError
    from pipeline.inputs import InputError
    from pipeline.ledger import RootBusy
    from pipeline.schedule import ScheduleError
    from pipeline.settings import SettingsError

    if isinstance(fault, RootBusy):
        return BUSY
    wrong = SettingsError | InputError | ScheduleError | CompactError | ExportError | ForgetError
    return USAGE if isinstance(fault, wrong) else FAILED
