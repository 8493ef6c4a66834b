"""What each command of ``knipsel`` does with its arguments: it gives the exit status."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console

from pipeline.event_log import Ended, Finished, Remark, Reporter, reporter, some

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


def fail(args: argparse.Namespace, status: int, message: str) -> int:
    """Say on stderr, in the form that ``args`` ask for, why it is over, and give the ``status``."""
    report: Reporter | None = getattr(args, "report", None)
    if report is None:
        return say(status, message)
    report.tell(Ended(status, message))
    return status


def clock() -> dt.datetime:
    """The time, for what is said of a run."""
    return dt.datetime.now(dt.UTC)


def _leave(args: argparse.Namespace, status: int, message: str) -> int:
    """Leave at once: threads of the engine may still be at work, and nothing they do counts any more."""
    fail(args, status, message)
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
    from transforms.nursery import nursery

    report = args.report = reporter(args.log_format, quiet=args.quiet, clock=clock)
    config = _load(args)
    inputs = (
        find_inputs(args.inputs, source=args.source, lenient=args.lenient, config=config)
        if args.inputs
        else find_feeds(config)
    )
    root = args.root if args.root is not None else Path(config.settings.root)
    if config.settings.run.workers:
        nursery().fork()
    # Only now: the engine has threads, and a process that has threads should not fork.
    from pipeline.engine import RunFailed, Stopped
    from pipeline.run import run as run_all
    from pipeline.run import stoppable

    if inputs.feeds and not config.settings.fetch.contact:
        report.tell(Remark("fetch.contact is empty: set it in knipsel.toml, so that publishers can reach you"))
    received: list[int] = []
    published: list[str] = []
    try:
        with stoppable(received):
            summary = run_all(
                inputs,
                config,
                root,
                now=_now(args),
                runner=args.runner,
                beam_options=args.beam_options,
                report=report,
                done=published.append,
                record=args.record,
            )
    except (Stopped, RunFailed):
        # The engine turns whatever interrupts its workers into an error of its own.
        if received:
            return _leave(args, 128 + received[0], _stopped(len(published)))
        raise
    report.tell(Finished(summary, root, tuple(inputs.passed_over)))
    if args.report_page:
        _publish_report(summary, root, _now(args), inputs.asked)
    if args.metrics is not None:
        from pipeline import metrics_file

        try:
            metrics_file.write(summary, root.absolute(), clock(), args.metrics)
        except OSError as fault:
            # The run is published; a file beside it must not make it look as if it were not.
            say(DONE, f"{args.metrics}: the metrics could not be written ({fault.strerror})")
    if args.json:
        print(json.dumps(summary.as_json()))
    return DONE


def _publish_report(summary: Summary, root: Path, now: dt.datetime, asked: tuple[str, ...]) -> None:
    from pipeline.ledger import LedgerError
    from pipeline.report import ReportError, RunExtra, publish

    extra = RunExtra(
        started=now,
        seconds=summary.seconds,
        runs=summary.runs,
        counts=summary.counts,
        inputs=asked,
        notices=summary.notices,
        waiting=summary.waiting,
        peak_bytes=summary.peak_bytes,
        feeds_asked=summary.feeds_asked,
        feeds_unchanged=summary.feeds_unchanged,
        feeds_failed=summary.feeds_failed,
    )
    try:
        page = publish(root, extra)
    except (ReportError, LedgerError, OSError) as fault:
        # The run is published; a page about it must not make it look as if it were not.
        say(DONE, f"the report could not be written ({fault}); 'knipsel report --root {root}' tries again")
    else:
        say(DONE, f"report: {page}")


def report(args: argparse.Namespace) -> int:
    """Write the report of a run anew, and the index of all reports."""
    from pipeline.report import rebuild

    page = rebuild(_root(args), args.run)
    print(page)
    if args.open:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    return DONE


def _stopped(batches: int) -> str:
    if not batches:
        return "stopped; nothing was published"
    return f"stopped; {batches} of its batches were published, and the same command goes on behind them"


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
    hosts = f"; pages on {some(checked.hosts)}" if checked.hosts else ""
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


def completion(parser: argparse.ArgumentParser, shell: str) -> int:
    """Print what completes the command of ``parser`` in ``shell``."""
    from pipeline import completion as completing

    print(completing.completion(parser, shell), end="")
    return DONE


def schedule_print(args: argparse.Namespace) -> int:
    """Print, or write, what starts a run every night."""
    from pipeline import schedule

    kind = schedule.Kind(args.kind)
    settings = _load(args).settings
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


def doctor(args: argparse.Namespace) -> int:
    """Say what this machine lacks."""
    from pipeline import doctor as examining

    found = examining.examine(args.root, args.config, args.overrides, now=clock(), network=args.network)
    faults = sum(one.level is examining.Level.FAULT for one in found)
    if args.json:
        print(json.dumps({"faults": faults, "findings": [one.as_json() for one in found]}))
    else:
        examining.show(found, _Output(highlight=False))
    return FAILED if faults else DONE
