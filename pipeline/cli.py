"""The ``knipsel`` command. It reads the arguments, calls one function, and says the outcome."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console

if TYPE_CHECKING:
    from pipeline.run import Summary

DONE, FAILED, USAGE, BUSY = 0, 1, 2, 75

EXAMPLES = """\
examples:
  knipsel run articles/ --root out              a folder of .txt, .html, .jsonl, .warc and feed files (each also .gz)
  knipsel run 'dump/*.jsonl.gz' --root out --json
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


class _Output(Console):
    """What is shown on stdout."""

    def on_broken_pipe(self) -> NoReturn:
        """Leave it to ``main``: a reader that has seen enough is no failure."""
        raise BrokenPipeError


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="knipsel",
        description="News articles in, clean and tagged Parquet out.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"knipsel {version('knipsel')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

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
        name: str, do: Callable[[argparse.Namespace], int], says: str, *parents: _Parser, among: Any = commands
    ) -> _Parser:
        description = says[:1].upper() + says[1:] + "."
        sub: _Parser = among.add_parser(name, help=says, description=description, parents=[settings, *parents])
        sub.set_defaults(do=do)
        return sub

    run = command("run", _run, "read, clean, tag and publish the inputs, each batch all or nothing", reading, holding)
    run.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="file, folder or glob; with none, the feeds of the settings",
    )
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
    run.add_argument("--quiet", action="store_true", help="neither progress nor summary")
    run.epilog = "What follows '--' is handed to Beam."
    explain = command("explain", _explain, "show each article with every cut in place, and why", reading)
    explain.add_argument("inputs", nargs="+", metavar="INPUT", help="file, folder or glob")
    explain.add_argument("--json", action="store_true", help="one JSON object per article")
    show = command("show", _show, "show what is in the data set", holding)
    show.add_argument("--date", type=_day, metavar="DATE", help="only this day, YYYY-MM-DD")
    show.add_argument("--sql", metavar="QUERY", help="DuckDB SQL over the views articles and rejects")
    show.add_argument("--limit", type=_count, default=20, metavar="N", help="how many rows (default: 20)")
    verify = command("verify", _verify, "check the data set: checksums, schema, books, log against files", holding)
    verify.add_argument("--json", action="store_true", help="one object with every fault")
    command("check", _check, "check settings, feeds and rules, each rule against its examples")
    about = "what the clutter rules would do"
    rules = commands.add_parser("rules", help=about, description=about[:1].upper() + about[1:] + ".")
    asked = rules.add_subparsers(dest="question", required=True, metavar="COMMAND", parser_class=_Parser)
    says = "show which stored articles and lines the rules as they are now would cut differently"
    diff = command("diff", _rules_diff, says, holding, among=asked)
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
        return _say(USAGE, f"'--' hands options to Beam, which '{args.command}' does not use")
    logging.basicConfig(
        level=logging.DEBUG if args.debug else logging.ERROR, format="%(levelname)s %(name)s: %(message)s"
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
        return _say(130, "stopped")
    except Exception as fault:
        if args.debug:
            raise
        return _say(_status(fault), " ".join(str(fault).split()) or type(fault).__name__)


def _status(fault: Exception) -> int:
    """The exit status of an error; what no part of the program knows is a failure like any other."""
    from pipeline.inputs import InputError
    from pipeline.ledger import RootBusy
    from pipeline.settings import SettingsError

    if isinstance(fault, RootBusy):
        return BUSY
    return USAGE if isinstance(fault, SettingsError | InputError) else FAILED


def _say(status: int, message: str) -> int:
    print(f"knipsel: {message}", file=sys.stderr)
    return status


def _leave(status: int, message: str) -> int:
    """Leave at once: threads of the engine may still be at work, and nothing they do counts any more."""
    _say(status, message)
    sys.stdout.flush()
    os._exit(status)


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


def _now(args: argparse.Namespace) -> dt.datetime:
    now: dt.datetime = args.now or dt.datetime.now(dt.UTC)
    return now.replace(microsecond=0)


def _load(args: argparse.Namespace) -> Any:
    from pipeline.settings import load

    workers = [f"run.workers={args.workers}"] if getattr(args, "workers", None) is not None else []
    return load(args.config, [*args.overrides, *workers])


def _root(args: argparse.Namespace) -> Path:
    root: Path = args.root if args.root is not None else Path(_load(args).settings.root)
    return root


def _run(args: argparse.Namespace) -> int:
    from pipeline.inputs import find_feeds, find_inputs
    from pipeline.progress import watching
    from transforms.nursery import nursery

    config = _load(args)
    inputs = find_inputs(args.inputs, source=args.source, lenient=args.lenient) if args.inputs else find_feeds(config)
    root = args.root if args.root is not None else Path(config.settings.root)
    console = Console(stderr=True, quiet=args.quiet)
    if config.settings.run.workers:
        nursery().fork()
    # Only now: the engine has threads, and a process that has threads should not fork.
    from pipeline.run import RunFailed, Stopped, run, stoppable

    received: list[int] = []
    published: list[str] = []
    try:
        with stoppable(received), watching(console) as watch:
            summary = run(
                inputs,
                config,
                root,
                now=_now(args),
                runner=args.runner,
                beam_options=args.beam_options,
                watch=watch,
                tell=lambda line: console.print(line, highlight=False),
                done=published.append,
            )
    except (Stopped, RunFailed):
        # The engine turns whatever interrupts its workers into an error of its own.
        if received:
            return _leave(128 + received[0], _stopped(len(published)))
        raise
    _summarise(summary, inputs.passed_over, root, console)
    if args.json:
        print(json.dumps(summary.as_json()))
    return DONE


def _stopped(batches: int) -> str:
    if not batches:
        return "stopped; nothing was published"
    return f"stopped; {batches} of its batches were published, and the same command goes on behind them"


def _summarise(summary: Summary, passed_over: Sequence[str], root: Path, console: Console) -> None:
    from rich.table import Table

    from schemas.reject import EXPLAINED, Reason

    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right", style="bold")
    table.add_column(style="dim")
    for name in ("read", "written", "duplicate", "filtered", "rejected"):
        table.add_row(name, f"{getattr(summary.counts, name):,}", "")
    for code, count in summary.counts.reasons.items():
        table.add_row(f"  {code}", f"{count:,}", EXPLAINED[Reason(code)])
    console.print(table)
    if passed_over:
        console.print(
            f"{len(passed_over)} files passed over, no kind that is read: {_some(passed_over)}",
            highlight=False,
        )
    where = f"{len(summary.files)} new files in {root}" if summary.files else f"nothing new for {root}"
    runs = summary.runs[-1] if len(summary.runs) == 1 else f"{summary.runs[0]} and {len(summary.runs) - 1} more"
    console.print(f"run {runs}: {where} after {summary.seconds:.1f} s", highlight=False)


def _some(names: Sequence[str]) -> str:
    return ", ".join(Path(name).name for name in names[:3]) + (" …" if len(names) > 3 else "")


def _explain(args: argparse.Namespace) -> int:
    from pipeline.explain import explain, show
    from pipeline.inputs import find_inputs

    console = _Output(highlight=False)
    inputs = find_inputs(args.inputs, source=args.source, lenient=args.lenient)
    for explained in explain(inputs, _load(args), now=_now(args)):
        if args.json:
            print(json.dumps(explained.as_json(), ensure_ascii=False))
        else:
            show(explained, console)
    return DONE


def _show(args: argparse.Namespace) -> int:
    from pipeline.show import query, show

    console = _console()
    if args.sql:
        query(_root(args), args.sql, console)
    else:
        show(_root(args), console, date=args.date, limit=args.limit)
    return DONE


def _console() -> Console:
    """Tables for a file or a pipe are made for a wide page."""
    return _Output() if sys.stdout.isatty() else _Output(width=140)


def _verify(args: argparse.Namespace) -> int:
    from pipeline.verify import verify

    root = _root(args)
    found = verify(root)
    if args.json:
        print(
            json.dumps({"files": found.files, "rows": found.rows, "runs": found.runs, "faults": list(found.faults)})
        )
    else:
        for fault in found.faults:
            print(fault)
        print(f"{root}: {found.files} files, {found.rows} rows, {found.runs} runs, {len(found.faults)} faults")
    return FAILED if found.faults else DONE


def _check(args: argparse.Namespace) -> int:
    from pipeline.settings import check

    config = _load(args)
    faults = check(config)
    for fault in faults:
        print(fault)
    rules = sum(len(file.rule) + len(file.seam) for file in config.rules.files.values())
    terms = sum(len(words) for file in config.terms for topic in file.terms.values() for words in topic.values())
    known = f"{len(config.feeds)} feeds, {rules} clutter rules, {terms} terms, {len(config.agencies.agency)} agencies"
    print(f"{known}, {len(faults)} faults")
    return USAGE if faults else DONE


def _rules_diff(args: argparse.Namespace) -> int:
    from pipeline import rules_diff
    from transforms.core.clutter.rules import rule_book

    config = _load(args)
    root = args.root if args.root is not None else Path(config.settings.root)
    console = _console()
    totals = rules_diff.Totals()
    limit = rules_diff.SHOWN if args.limit is None and not args.json else args.limit
    for changed in rules_diff.difference(root, rule_book(config.rules), totals, date=args.date, source=args.source):
        if limit is not None and totals.changed > limit:
            continue
        if args.json:
            print(json.dumps(changed.as_json(), ensure_ascii=False))
        else:
            rules_diff.show(changed, console)
    if args.json:
        print(json.dumps(totals.as_json()))
        return DONE
    if limit is not None and totals.changed > limit:
        console.print(f"{totals.changed - limit} more; --limit shows more", style="dim", highlight=False)
    rules_diff.summarise(totals, console)
    return DONE
