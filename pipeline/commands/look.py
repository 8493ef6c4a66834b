"""Commands that look at articles, before a run or in the data set, and write nothing into it but reports."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from pipeline.commands.base import (
    DONE,
    Commands,
    Output,
    Parser,
    config_of,
    console,
    count,
    day,
    folder,
    now_of,
    root_of,
    say,
)


def add(commands: Commands) -> None:
    """Add them."""
    says = "show each article with every cut in place, and why"
    explain = commands.add("explain", do_explain, says, commands.reading)
    explain.add_argument(
        "inputs", nargs="+", metavar="INPUT", help="file, folder or glob; with --root, an article's id or address"
    )
    says = "a data set: the articles as they are stored there"
    explain.add_argument("--root", type=folder, metavar="DIR", help=says)
    explain.add_argument("--json", action="store_true", help="one JSON object per article")

    show = commands.add("show", do_show, "show what is in the data set", commands.holding)
    show.add_argument("--date", type=day, metavar="DATE", help="only this day, YYYY-MM-DD")
    show.add_argument("--sql", metavar="QUERY", help="DuckDB SQL over the views articles and rejects")
    show.add_argument("--outlet", metavar="NAME", help="only this outlet, by its source_id or its name")
    _add_output(show)

    stats = commands.add("stats", do_stats, "show the data set in figures", commands.holding)
    stats.add_argument(
        "--by",
        choices=("outlet", "language", "topic", "agency", "date", "access", "kind"),
        help="a row for each of these (default: one for the whole)",
    )
    stats.add_argument("--since", type=day, metavar="DATE", help="from this day on, YYYY-MM-DD")
    stats.add_argument("--until", type=day, metavar="DATE", help="up to this day")
    _add_output(stats)

    says = "show stories that several outlets carry, and who had them first"
    wire = commands.add("wire", do_wire, says, commands.holding)
    wire.add_argument("article", nargs="?", metavar="ID", help="only the story of the article with this article_id")
    wire.add_argument("--date", type=day, metavar="DATE", help="only stories of this day, YYYY-MM-DD")
    wire.add_argument("--least", type=count, default=2, metavar="N", help="how many outlets at least (default: 2)")
    wire.add_argument("--limit", type=count, default=20, metavar="N", help="how many stories (default: 20)")
    wire.add_argument("--json", action="store_true", help="one JSON object per story, of all stories")

    says = "write the page about a run anew, and the index of all pages"
    report = commands.add("report", do_report, says, commands.holding)
    report.add_argument("run", nargs="?", metavar="RUN", help="the id of a run (default: the last one)")
    report.add_argument("--open", action="store_true", help="show it in the browser")


def _add_output(parser: Parser) -> None:
    parser.add_argument(
        "--format",
        choices=("table", "csv", "json", "parquet"),
        default="table",
        help="table (default), CSV, JSON lines or Parquet",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write it there, not on stdout")
    parser.add_argument(
        "--limit", type=count, metavar="N", help="at most so many rows (default: a table's worth, or all)"
    )


def do_explain(args: argparse.Namespace) -> int:
    """Show each article with its cuts."""
    from pipeline import explain as explaining
    from pipeline.inputs import find_inputs
    from pipeline.show import stored

    output = Output(highlight=False)
    found: Iterable[explaining.Explained]
    if args.root is not None:
        found = [explaining.Explained(article=one) for name in args.inputs for one in stored(args.root, name)]
    else:
        inputs = find_inputs(args.inputs, source=args.source, lenient=args.lenient)
        found = explaining.explain(inputs, config_of(args), now=now_of(args))
    for explained in found:
        if args.json:
            print(json.dumps(explained.as_json(), ensure_ascii=False))
        else:
            explaining.show(explained, output)
    return DONE


def do_show(args: argparse.Namespace) -> int:
    """Show what is in the data set."""
    from pipeline import show as showing
    from pipeline.tabular import Format

    showing.answer(
        root_of(args),
        console(),
        sql=args.sql,
        only=showing.Only(args.date, args.date, args.outlet),
        limit=args.limit,
        form=Format(args.format),
        output=args.output,
    )
    return DONE


def do_stats(args: argparse.Namespace) -> int:
    """Show a data set in figures."""
    from pipeline import stats as counting
    from pipeline.tabular import Format

    counting.stats(
        root_of(args),
        console(),
        by=args.by,
        since=args.since,
        until=args.until,
        limit=args.limit,
        form=Format(args.format),
        output=args.output,
    )
    return DONE


def do_wire(args: argparse.Namespace) -> int:
    """Show the stories that several outlets carry."""
    from pipeline import wire as wiring

    root = root_of(args)
    found = wiring.Wire(root, date=args.date, least=args.least, article_id=args.article)
    if args.json:
        for story in found.stories():
            print(json.dumps(story.as_json(), ensure_ascii=False))
        return DONE
    if not len(found):
        on = f" on {args.date}" if args.date else ""
        return say(DONE, f"{root}: holds no story that {args.least} outlets or more carry{on}")
    output = console()
    for story in found.stories(args.limit):
        wiring.show(story, output)
    if len(found) > args.limit:
        output.print(f"{len(found) - args.limit} more; --limit shows more", style="dim", highlight=False)
    return DONE


def do_report(args: argparse.Namespace) -> int:
    """Write the report of a run anew, and the index of all reports."""
    from pipeline.report import rebuild

    page = rebuild(root_of(args), args.run)
    print(page)
    if args.open:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    return DONE
