"""Commands that keep a data set: what leaves it, as a file or for good, and how it is made anew."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from pipeline.commands.base import (
    DONE,
    Commands,
    config_of,
    console,
    count,
    day,
    folder,
    moment,
    now_of,
    root_of,
    say,
)


def add(commands: Commands) -> None:
    """Add them."""
    export = commands.add("export", do_export, "write the articles of some days as one file", commands.holding)
    export.add_argument("--since", type=day, metavar="DATE", help="from this day on, YYYY-MM-DD")
    export.add_argument("--until", type=day, metavar="DATE", help="up to this day")
    export.add_argument("--outlet", metavar="NAME", help="only this outlet, by its source_id or its name")
    export.add_argument("--language", metavar="TAG", help="only this language; nl means nl-BE as well")
    export.add_argument("--tag", metavar="TAG", help="only with this tag: its code, its label, or medtop:11000000")
    export.add_argument("--columns", type=_names, default=(), metavar="NAMES", help="only these, as in url,headline")
    export.add_argument(
        "--all-versions", action="store_true", help="also versions that a later one within these days follows"
    )
    export.add_argument(
        "--format",
        choices=("jsonl", "parquet", "knipsel"),
        default="jsonl",
        help="JSON lines (default) or Parquet with columns of the data set, or JSON lines that 'knipsel run' reads",
    )
    export.add_argument("--output", type=Path, default=Path("-"), metavar="FILE", help="default: -, stdout")

    says = "erase articles from the data set for good, and keep them out"
    forget = commands.add("forget", do_forget, says, commands.holding)
    forget.add_argument("articles", nargs="+", metavar="ID|URL", help="an article_id or an address")
    forget.add_argument("--dry-run", action="store_true", help="only say what would be erased")
    forget.add_argument("--json", action="store_true", help="one object with what was erased")
    _add_now(forget)

    says = "make a new data set of the same rows, one file for each date"
    compact = commands.add("compact", do_compact, says, commands.holding)
    compact.add_argument(
        "--into", type=folder, required=True, metavar="DIR", help="the new data set; it must not exist"
    )
    compact.add_argument(
        "--rows", type=count, metavar="N", help="most rows of a file (default: run.rows_per_file in the settings)"
    )
    compact.add_argument("--json", action="store_true", help="one object with the figures")
    _add_now(compact)


def _add_now(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--now", type=moment, metavar="TIME", help="the moment of the commit (default: the clock)")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def do_export(args: argparse.Namespace) -> int:
    """Write articles as one file."""
    from pipeline.export import Selection, Shape, export
    from pipeline.show import Only

    export(
        root_of(args),
        Selection(
            only=Only(args.since, args.until, args.outlet),
            language=args.language,
            tag=args.tag,
            columns=args.columns,
            every_version=args.all_versions,
        ),
        console(),
        shape=Shape(args.format),
        output=None if args.output == Path("-") else args.output,
    )
    return DONE


def do_forget(args: argparse.Namespace) -> int:
    """Erase articles."""
    from pipeline.forget import forget

    root = root_of(args)
    done = forget(root, args.articles, now=now_of(args), dry_run=args.dry_run)
    if args.json:
        print(json.dumps(done.as_json()))
        return DONE
    verb = "would erase" if args.dry_run else "erased"
    articles = "1 article" if len(done.articles) == 1 else f"{len(done.articles):,} articles"
    print(f"{root}: {verb} {articles} ({done.versions:,} rows) and {done.letters:,} dead letters")
    for one in done.unknown:
        say(DONE, f"{one}: not in the data set; it is kept out from now on")
    for one in done.others:
        say(DONE, f"{one}: carries the same story, and stays")
    return DONE


def do_compact(args: argparse.Namespace) -> int:
    """Make a data set anew."""
    from dataclasses import asdict

    from pipeline.compact import compact

    root = root_of(args)
    rows = args.rows or config_of(args).settings.run.rows_per_file
    done = compact(root, args.into, now=now_of(args), rows_per_file=rows)
    if args.json:
        print(json.dumps(asdict(done)))
        return DONE
    print(
        f"{args.into}: {done.rows:,} rows in {done.files:,} files instead of {done.files_before:,}, "
        f"{done.bytes:,} bytes instead of {done.bytes_before:,}"
    )
    say(DONE, f"{root} is as it was; let runs go on with --root {args.into}, then remove it")
    return DONE
