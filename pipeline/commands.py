"""What each command of ``knipsel`` does with its arguments: it gives the exit status."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console

if TYPE_CHECKING:
    from pipeline.feeds import Checked
    from pipeline.run import Summary

DONE, FAILED, USAGE, BUSY = 0, 1, 2, 75


class _Output(Console):
    """What is shown on stdout."""

    def on_broken_pipe(self) -> NoReturn:
        """Leave it to ``main``: a reader that has seen enough is no failure."""
        raise BrokenPipeError


def say(status: int, message: str) -> int:
    """Say ``message`` on stderr and give the ``status``."""
    print(f"knipsel: {message}", file=sys.stderr)
    return status


def _leave(status: int, message: str) -> int:
    """Leave at once: threads of the engine may still be at work, and nothing they do counts any more."""
    say(status, message)
    sys.stdout.flush()
    os._exit(status)


def _now(args: argparse.Namespace) -> dt.datetime:
    now: dt.datetime = getattr(args, "now", None) or dt.datetime.now(dt.UTC)
    return now.replace(microsecond=0)


def _load(args: argparse.Namespace) -> Any:
    from pipeline.settings import load

    workers = [f"run.workers={args.workers}"] if getattr(args, "workers", None) is not None else []
    return load(args.config, [*args.overrides, *workers])


def _root(args: argparse.Namespace) -> Path:
    root: Path = args.root if args.root is not None else Path(_load(args).settings.root)
    return root


def run(args: argparse.Namespace) -> int:
    """Read, fetch, clean and publish."""
    from pipeline.inputs import find_feeds, find_inputs
    from pipeline.progress import watching
    from transforms.nursery import nursery

    config = _load(args)
    inputs = (
        find_inputs(args.inputs, source=args.source, lenient=args.lenient, config=config)
        if args.inputs
        else find_feeds(config)
    )
    root = args.root if args.root is not None else Path(config.settings.root)
    console = Console(stderr=True, quiet=args.quiet)
    if config.settings.run.workers:
        nursery().fork()
    # Only now: the engine has threads, and a process that has threads should not fork.
    from pipeline.engine import RunFailed, Stopped
    from pipeline.run import run as run_all
    from pipeline.run import stoppable

    if inputs.feeds and not config.settings.fetch.contact:
        console.print(
            "fetch.contact is empty: set it in knipsel.toml, so that publishers can reach you", highlight=False
        )
    received: list[int] = []
    published: list[str] = []
    try:
        with stoppable(received), watching(console) as watch:
            summary = run_all(
                inputs,
                config,
                root,
                now=_now(args),
                runner=args.runner,
                beam_options=args.beam_options,
                watch=watch,
                tell=lambda line: console.print(line, highlight=False),
                done=published.append,
                record=args.record,
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
    for notice in summary.notices:
        console.print(f"{notice.code} {notice.about}: {notice.message}", highlight=False, soft_wrap=True)
    if summary.waiting:
        console.print(f"{summary.waiting:,} pages are left to the next run", highlight=False)
    where = f"{len(summary.files)} new files in {root}" if summary.files else f"nothing new for {root}"
    runs = summary.runs[-1] if len(summary.runs) == 1 else f"{summary.runs[0]} and {len(summary.runs) - 1} more"
    console.print(f"run {runs}: {where} after {summary.seconds:.1f} s", highlight=False)


def _some(names: Sequence[str]) -> str:
    return ", ".join(Path(name).name for name in names[:3]) + (" …" if len(names) > 3 else "")


def explain(args: argparse.Namespace) -> int:
    """Show each article with its cuts."""
    from pipeline import explain as explaining
    from pipeline.inputs import find_inputs

    console = _Output(highlight=False)
    inputs = find_inputs(args.inputs, source=args.source, lenient=args.lenient)
    for explained in explaining.explain(inputs, _load(args), now=_now(args)):
        if args.json:
            print(json.dumps(explained.as_json(), ensure_ascii=False))
        else:
            explaining.show(explained, console)
    return DONE


def show(args: argparse.Namespace) -> int:
    """Show what is in the data set."""
    from pipeline import show as showing

    console = _console()
    if args.sql:
        showing.query(_root(args), args.sql, console)
    else:
        showing.show(_root(args), console, date=args.date, limit=args.limit)
    return DONE


def _console() -> Console:
    """Tables for a file or a pipe are made for a wide page."""
    return _Output() if sys.stdout.isatty() else _Output(width=140)


def verify(args: argparse.Namespace) -> int:
    """Check the data set."""
    from pipeline import verify as verifying

    root = _root(args)
    found = verifying.verify(root)
    if args.json:
        print(
            json.dumps({"files": found.files, "rows": found.rows, "runs": found.runs, "faults": list(found.faults)})
        )
    else:
        for fault in found.faults:
            print(fault)
        print(f"{root}: {found.files} files, {found.rows} rows, {found.runs} runs, {len(found.faults)} faults")
    return FAILED if found.faults else DONE


def check(args: argparse.Namespace) -> int:
    """Check settings, feeds and rules."""
    from pipeline import settings

    config = _load(args)
    faults = settings.check(config)
    for fault in faults:
        print(fault)
    rules = sum(len(file.rule) + len(file.seam) for file in config.rules.files.values())
    terms = sum(len(words) for file in config.terms for topic in file.terms.values() for words in topic.values())
    known = f"{len(config.feeds)} feeds, {rules} clutter rules, {terms} terms, {len(config.agencies.agency)} agencies"
    print(f"{known}, {len(faults)} faults")
    return USAGE if faults else DONE


def wire(args: argparse.Namespace) -> int:
    """Show the stories that several outlets carry."""
    from pipeline import wire as wiring

    root = _root(args)
    found = wiring.Wire(root, date=args.date, least=args.least, article_id=args.article)
    if args.json:
        for story in found.stories():
            print(json.dumps(story.as_json(), ensure_ascii=False))
        return DONE
    if not len(found):
        on = f" on {args.date}" if args.date else ""
        return say(DONE, f"{root}: holds no story that {args.least} outlets or more carry{on}")
    console = _console()
    for story in found.stories(args.limit):
        wiring.show(story, console)
    if len(found) > args.limit:
        console.print(f"{len(found) - args.limit} more; --limit shows more", style="dim", highlight=False)
    return DONE


def rules_diff(args: argparse.Namespace) -> int:
    """Show what the rules would cut differently."""
    from pipeline import rules_diff as diff
    from transforms.core.clutter.rules import rule_book

    config = _load(args)
    root = args.root if args.root is not None else Path(config.settings.root)
    console = _console()
    totals = diff.Totals()
    limit = diff.SHOWN if args.limit is None and not args.json else args.limit
    for changed in diff.difference(root, rule_book(config.rules), totals, date=args.date, source=args.source):
        if limit is not None and totals.changed > limit:
            continue
        if args.json:
            print(json.dumps(changed.as_json(), ensure_ascii=False))
        else:
            diff.show(changed, console)
    if args.json:
        print(json.dumps(totals.as_json()))
        return DONE
    if limit is not None and totals.changed > limit:
        console.print(f"{totals.changed - limit} more; --limit shows more", style="dim", highlight=False)
    diff.summarise(totals, console)
    return DONE


def feeds_check(args: argparse.Namespace) -> int:
    """Ask feeds once and say what they answer: 1 where one of them cannot be used."""
    from pipeline import feeds
    from pipeline.inputs import find_inputs

    config = _load(args)
    asked = find_inputs(args.urls, config=config).feeds if args.urls else feeds.of_settings(config)
    found = []
    with feeds.asking(config, _now(args)) as asker:
        for checked in asker.check(asked):
            found.append(checked)
            if args.json:
                print(json.dumps(asdict(checked), ensure_ascii=False))
            else:
                print(_answer(checked), flush=True)
    faults = sum(checked.fault is not None for checked in found)
    print(f"{len(found)} feeds asked, {faults} cannot be used", file=sys.stderr)
    return FAILED if faults else DONE


def _answer(checked: Checked) -> str:
    if checked.fault:
        return f"{checked.url}: {checked.fault}"
    texts = f", {checked.with_text} of them with the article in the item" if checked.with_text else ""
    hosts = f"; pages on {_some(checked.hosts)}" if checked.hosts else ""
    newest = f"; newest {checked.newest}" if checked.newest else ""
    return f"{checked.url}: {checked.format}, {checked.entries} entries{texts}{newest}{hosts}"


def feeds_discover(args: argparse.Namespace) -> int:
    """Find the feeds of a site."""
    from pipeline import feeds

    url = feeds.address(args.url)
    with feeds.asking(_load(args), _now(args)) as asker:
        found = asker.discover(url)
    if not found:
        return say(FAILED, f"{url}: names no feed, and none is where feeds often are; look for one on the site")
    print(feeds.tables_of(found), end="")
    return DONE


def feeds_import(args: argparse.Namespace) -> int:
    """Print the feeds of an OPML file as TOML."""
    from pipeline import feeds

    print(feeds.tables_from_opml(args.file), end="")
    return DONE


def feeds_export(args: argparse.Namespace) -> int:
    """Print the feeds of the settings as OPML."""
    from pipeline import feeds

    print(feeds.opml_of(_load(args)), end="")
    return DONE


def feeds_status(args: argparse.Namespace) -> int:
    """Show how each feed of the settings is doing."""
    from rich.table import Table

    from pipeline import feeds

    standings = feeds.standings(_root(args), _load(args))
    if args.json:
        for standing in standings:
            print(json.dumps(asdict(standing), default=str, ensure_ascii=False))
        return DONE
    table = Table("outlet", "asked", "due", "something new", "waiting", "feed and what is wrong with it", box=None)
    for one in standings:
        moments = (_minute(moment) for moment in (one.polled_at, one.next_at, one.arrived_at))
        table.add_row(one.outlet, *moments, str(one.waiting or ""), "\n".join((one.url, *one.notices)))
    _console().print(table)
    return DONE


def _minute(moment: dt.datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "-"
