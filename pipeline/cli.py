"""The ``knipsel`` command. It reads the arguments, calls one function, and says the outcome."""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

from pipeline import commands, event_log
from pipeline.commands import BUSY, DONE, FAILED, USAGE, say
from pipeline.metrics_file import metrics_path

EXAMPLES = """\
examples:
  knipsel run articles/ --root out              a folder of .txt, .html, .jsonl, .warc and feed files (each also .gz)
  knipsel run 'dump/*.jsonl.gz' --root out --json
  knipsel run --config my/knipsel.toml          the feeds of my/feeds.toml, and what is new on their pages
  knipsel run https://news.example/rss.xml --root out --record warc/
  knipsel feeds discover news.example >> my/feeds.toml
  knipsel feeds status --root out               when each feed was asked, and what is wrong with it
  knipsel explain page.html                     what would be cut, and why; nothing is written
  knipsel show --root out --sql "select headline from articles where agency = 'ANP'"
  knipsel verify --root out
  knipsel check --config my/knipsel.toml
  knipsel rules diff --root out                 what the rules would now cut differently in what is stored

exit status: 0 done (also with rejects), 1 failed and nothing published, 2 usage or settings,
75 another run holds the root, 143 stopped. Large inputs are published in batches: what is said of "nothing" is said
of the batch at hand, and the same command goes on behind those before it.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; '{self.prog} --help' shows how\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="knipsel",
        description="News articles in, clean and tagged Parquet out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"knipsel {version('knipsel')}")
    known = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    settings = _Parser(add_help=False)
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
    reading = _Parser(add_help=False)
    reading.add_argument("--source", metavar="NAME", help="the outlet of these inputs, where they do not say")
    reading.add_argument("--lenient", action="store_true", help="pass over unknown keys in JSON lines")
    reading.add_argument(
        "--now",
        type=_moment,
        metavar="TIME",
        help="the moment of the run, ISO 8601 (default: the clock); same input and moment, same bytes",
    )
    holding = _Parser(add_help=False)
    holding.add_argument("--root", type=Path, metavar="DIR", help="the data set (default: root in the settings)")

    def command(
        name: str, do: Callable[[argparse.Namespace], int], says: str, *parents: _Parser, among: Any = known
    ) -> _Parser:
        description = says[:1].upper() + says[1:] + "."
        sub: _Parser = among.add_parser(name, help=says, description=description, parents=[settings, *parents])
        sub.set_defaults(do=do)
        return sub

    run = command(
        "run", commands.run, "read, clean, tag and publish the inputs, each batch all or nothing", reading, holding
    )
    run.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="file, folder, glob or the address of a feed; with none, the feeds of the settings",
    )
    run.add_argument("--record", type=Path, metavar="DIR", help="keep what is fetched, as WARC, in this folder")
    run.add_argument(
        "--runner", default="DirectRunner", help="a Beam runner (default: DirectRunner, inside this process)"
    )
    run.add_argument(
        "--workers",
        type=_count,
        metavar="N",
        help="processes that clean articles (default: one a core; 0: none but the engine's own)",
    )
    run.add_argument("--json", action="store_true", help="the last line on stdout is one object with the books")
    run.add_argument(
        "--report", action="store_true", dest="report_page", help="write a page about the run to ROOT/_reports"
    )
    run.add_argument(
        "--log-format",
        choices=event_log.FORMATS,
        default="text",
        help="what is said on stderr: text for people, or json, an object a line for each event",
    )
    run.add_argument(
        "--metrics",
        type=metrics_path,
        metavar="FILE",
        help="a .prom file for Prometheus' node exporter, once it is done",
    )
    run.add_argument("--quiet", action="store_true", help="neither progress nor summary")
    run.epilog = "What follows '--' is handed to Beam."
    explain = command("explain", commands.explain, "show each article with every cut in place, and why", reading)
    explain.add_argument("inputs", nargs="+", metavar="INPUT", help="file, folder or glob")
    explain.add_argument("--json", action="store_true", help="one JSON object per article")
    show = command("show", commands.show, "show what is in the data set", holding)
    show.add_argument("--date", type=_day, metavar="DATE", help="only this day, YYYY-MM-DD")
    show.add_argument("--sql", metavar="QUERY", help="DuckDB SQL over the views articles and rejects")
    show.add_argument("--limit", type=_count, default=20, metavar="N", help="how many rows (default: 20)")
    wire = command("wire", commands.wire, "show stories that several outlets carry, and who had them first", holding)
    wire.add_argument("article", nargs="?", metavar="ID", help="only the story of the article with this article_id")
    wire.add_argument("--date", type=_day, metavar="DATE", help="only stories of this day, YYYY-MM-DD")
    wire.add_argument("--least", type=_count, default=2, metavar="N", help="how many outlets at least (default: 2)")
    wire.add_argument("--limit", type=_count, default=20, metavar="N", help="how many stories (default: 20)")
    wire.add_argument("--json", action="store_true", help="one JSON object per story, of all stories")
    says = "write the page about a run anew, and the index of all pages"
    paper = command("report", commands.report, says, holding)
    paper.add_argument("run", nargs="?", metavar="RUN", help="the id of a run (default: the last one)")
    paper.add_argument("--open", action="store_true", help="show it in the browser")
    verify = command(
        "verify", commands.verify, "check the data set: checksums, schema, books, log against files", holding
    )
    verify.add_argument("--json", action="store_true", help="one object with every fault")
    command("check", commands.check, "check settings, feeds and rules, each rule against its examples")
    says = "say what this machine lacks for runs that nobody watches"
    doctor = command("doctor", commands.doctor, says, holding)
    doctor.add_argument("--network", action="store_true", help="also look up the names of the hosts of feeds")
    doctor.add_argument("--json", action="store_true", help="one object with every finding")
    about = "what starts a run every night"
    schedule = known.add_parser("schedule", help=about, description=about[:1].upper() + about[1:] + ".")
    of_schedule = schedule.add_subparsers(dest="question", required=True, metavar="COMMAND", parser_class=_Parser)
    says = "print the files for systemd, cron, Airflow or GitHub Actions, filled in"
    printed = command("print", commands.schedule_print, says, holding, among=of_schedule)
    printed.add_argument("kind", choices=("systemd", "cron", "airflow", "actions"), help="what starts the run")
    printed.add_argument("--at", required=True, metavar="HH:MM", help="when, every day")
    printed.add_argument("--timezone", metavar="ZONE", help="such as Europe/Amsterdam (default: the machine's)")
    printed.add_argument("--user", action="store_true", help="systemd: units of your own user, not of the system")
    printed.add_argument("--into", type=Path, metavar="DIR", help="write them as files into this folder instead")
    says = "print the script by which a shell completes commands, options and paths"
    shell = known.add_parser("completion", help=says, description=says[:1].upper() + says[1:] + ".")
    shell.add_argument("shell", choices=("bash", "zsh", "fish"))
    shell.set_defaults(do=lambda args: commands.completion(parser, args.shell), debug=False)
    about = "lists of feeds: asked, found, taken over, and how they are doing"
    feeds = known.add_parser("feeds", help=about, description=about[:1].upper() + about[1:] + ".")
    of_feeds = feeds.add_subparsers(dest="question", required=True, metavar="COMMAND", parser_class=_Parser)
    says = "ask each feed of the settings once, and say what it answers; nothing is written"
    ask = command("check", commands.feeds_check, says, among=of_feeds)
    ask.add_argument("urls", nargs="*", metavar="URL", help="only these feeds, which need not be in the settings")
    ask.add_argument("--json", action="store_true", help="one JSON object per feed")
    says = "find the feeds of a site and print them as tables for feeds.toml"
    command("discover", commands.feeds_discover, says, among=of_feeds).add_argument("url", metavar="URL")
    says = "print the feeds of an OPML file as tables for feeds.toml"
    taken = command("import", commands.feeds_import, says, among=of_feeds)
    taken.add_argument("file", type=Path, metavar="FILE")
    command("export", commands.feeds_export, "print the feeds of the settings as OPML", among=of_feeds)
    says = "show when each feed was asked, when it is due, and what is wrong with it"
    command("status", commands.feeds_status, says, holding, among=of_feeds).add_argument(
        "--json", action="store_true", help="one JSON object per feed"
    )
    about = "what the clutter rules would do"
    rules = known.add_parser("rules", help=about, description=about[:1].upper() + about[1:] + ".")
    asked = rules.add_subparsers(dest="question", required=True, metavar="COMMAND", parser_class=_Parser)
    says = "show which stored articles and lines the rules as they are now would cut differently"
    diff = command("diff", commands.rules_diff, says, holding, among=asked)
    diff.add_argument("--date", type=_day, metavar="DATE", help="only this day, YYYY-MM-DD")
    diff.add_argument("--source", metavar="NAME", help="only this source_id")
    diff.add_argument(
        "--limit",
        type=_count,
        metavar="N",
        help="how many articles (default: 20; with --json, all that would change)",
    )
    diff.add_argument("--json", action="store_true", help="one JSON object per article, the summary last")
    diff.epilog = "'-' marks what is cut now, '+' what is kept now, '~' what another rule cuts now."
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in ``argv`` (default: the process's own) and give its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    words, beam_options = (
        (words[: words.index("--")], words[words.index("--") + 1 :]) if "--" in words else (words, [])
    )
    args = _parser().parse_args(words)
    args.beam_options = beam_options
    if beam_options and args.command != "run":
        return say(USAGE, f"'--' hands options to Beam, which '{args.command}' does not use")
    as_json = getattr(args, "log_format", "text") == "json"
    logging.basicConfig(
        level=logging.DEBUG if args.debug else logging.ERROR,
        format="%(levelname)s %(name)s: %(message)s",
        handlers=[event_log.log_handler(commands.clock)] if as_json else None,
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
        return commands.fail(args, 130, "stopped")
    except Exception as fault:
        if args.debug:
            raise
        return commands.fail(args, _status(fault), " ".join(str(fault).split()) or type(fault).__name__)


def _status(fault: Exception) -> int:
    """The exit status of an error; what no part of the program knows is a failure like any other."""
    from pipeline.inputs import InputError
    from pipeline.ledger import RootBusy
    from pipeline.schedule import ScheduleError
    from pipeline.settings import SettingsError

    if isinstance(fault, RootBusy):
        return BUSY
    return USAGE if isinstance(fault, SettingsError | InputError | ScheduleError) else FAILED


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no ISO 8601 time such as 2026-11-20T02:30:00Z") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2026-11-20") from None


def _count(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 up")
    return number
