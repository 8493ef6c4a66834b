"""``knipsel run``."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands.base import (
    DONE,
    FAILED,
    USAGE,
    Commands,
    clock,
    config_of,
    count,
    day,
    fail,
    now_of,
    root_of,
    say,
)
from pipeline.event_log import FORMATS, Finished, Remark, reporter
from pipeline.metrics_file import metrics_path

if TYPE_CHECKING:
    from pipeline.alarm import Happened
    from pipeline.inputs import Inputs
    from pipeline.run import Summary
    from pipeline.settings import Config


def add(commands: Commands) -> None:
    """Add it."""
    says = "read, clean, tag and publish the inputs, each batch all or nothing"
    run = commands.add("run", do_run, says, commands.reading, commands.holding)
    run.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="file, folder, glob or the address of a feed; with none, the feeds of the settings",
    )
    run.add_argument(
        "--since", type=day, metavar="DATE", help="of files only articles of this day, YYYY-MM-DD, and later ones"
    )
    run.add_argument("--until", type=day, metavar="DATE", help="of files only articles up to this day")
    run.add_argument("--record", type=Path, metavar="DIR", help="keep what is fetched, as WARC, in this folder")
    run.add_argument(
        "--runner", default="DirectRunner", help="a Beam runner (default: DirectRunner, inside this process)"
    )
    run.add_argument(
        "--workers",
        type=count,
        metavar="N",
        help="processes that clean articles (default: one a core; 0: none but the engine's own)",
    )
    run.add_argument(
        "--fail-on",
        action="append",
        choices=("drift",),
        default=[],
        metavar="WHAT",
        help="exit status 1, though all is published, if an outlet's articles are newly out of the ordinary: drift",
    )
    run.add_argument("--json", action="store_true", help="the last line on stdout is one object with the books")
    run.add_argument(
        "--no-report",
        action="store_false",
        dest="report_page",
        help="write no page about the run; else it is ROOT/_reports/<run>.html",
    )
    run.add_argument(
        "--log-format",
        choices=FORMATS,
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


def do_run(args: argparse.Namespace) -> int:
    """Read, fetch, clean and publish."""
    from pipeline.inputs import find_feeds, find_inputs
    from transforms.allocator import keep_little
    from transforms.nursery import nursery
    from transforms.select_days import Days

    report = args.report = reporter(args.log_format, quiet=args.quiet, clock=clock)
    config = config_of(args)
    inputs = (
        find_inputs(args.inputs, source=args.source, lenient=args.lenient, config=config)
        if args.inputs
        else find_feeds(config)
    )
    if args.since or args.until:
        if inputs.feeds:
            return say(USAGE, "--since and --until are for files: what a feed lists is fetched once, or not at all")
        inputs.days = Days(args.since, args.until)
    root, now = root_of(args), now_of(args)
    if config.settings.run.workers:
        nursery().fork()
    keep_little()
    # Only now: the engine has threads, and a process that has threads should not fork.
    from pipeline.alarm import Happened
    from pipeline.engine import RunFailed, Stopped
    from pipeline.ledger import LedgerError, RootBusy
    from pipeline.run import run
    from pipeline.stopping import stoppable

    if inputs.feeds and not config.settings.fetch.contact:
        report.tell(Remark("fetch.contact is empty: set it in knipsel.toml, so that publishers can reach you"))
    received: list[int] = []
    published: list[str] = []
    summary: Summary | None = None
    try:
        with stoppable(received):
            summary = run(
                inputs,
                config,
                root,
                now=now,
                runner=args.runner,
                beam_options=args.beam_options,
                report=report,
                done=published.append,
                record=args.record,
            )
            return _finish(args, summary, inputs, config, root, now)
    except (Stopped, RunFailed, LedgerError, OSError) as fault:
        # The engine turns whatever interrupts its workers into an error of its own.
        if received and isinstance(fault, Stopped | RunFailed):
            return _leave(args, 128 + received[0], _stopped(len(published), done=summary is not None))
        if summary is None and not isinstance(fault, RootBusy):
            _alarm(config, Happened(str(root), now, error=" ".join(str(fault).split())))
        raise


def _finish(
    args: argparse.Namespace, summary: Summary, inputs: Inputs, config: Config, root: Path, now: dt.datetime
) -> int:
    """Tell whoever wants to know of a run that is published."""
    from pipeline.alarm import Happened
    from pipeline.drift import fails

    args.report.tell(Finished(summary, root, tuple(inputs.passed_over)))
    if args.report_page:
        _publish_report(summary, root, now, inputs.asked, quiet=args.quiet or args.log_format == "json")
    if args.metrics is not None:
        from pipeline import metrics_file

        try:
            metrics_file.write(summary, root.absolute(), clock(), args.metrics)
        except OSError as fault:
            # The run is published; a file beside it must not make it look as if it were not.
            say(DONE, f"{args.metrics}: the metrics could not be written ({fault.strerror})")
    if args.json:
        print(json.dumps(summary.as_json()))
    _alarm(config, Happened(str(root), now, None, summary.alarms, summary.news, summary.as_json()))
    return FAILED if fails(args.fail_on, summary.alarms) else DONE


def _alarm(config: Config, happened: Happened) -> None:
    from pipeline.alarm import Event, Hooks, tell

    alarm = config.settings.alarm
    for fault in tell(Hooks(alarm.command, alarm.webhook, frozenset(map(Event, alarm.on))), happened):
        say(DONE, fault)


def _publish_report(summary: Summary, root: Path, now: dt.datetime, asked: tuple[str, ...], *, quiet: bool) -> None:
    from pipeline.ledger import LedgerError
    from pipeline.report import ReportError, RunExtra, publish

    extra = RunExtra(
        started=now,
        seconds=summary.seconds,
        runs=summary.runs,
        counts=summary.counts,
        inputs=asked,
        notices=summary.notices,
        alarms=summary.alarms,
        waiting=summary.waiting,
        stage_seconds=summary.stage_seconds,
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
        if not quiet:
            say(DONE, f"report: {page}")


def _stopped(batches: int, *, done: bool) -> str:
    if done:
        return "stopped; all of it was published, and 'knipsel report' writes the page about it"
    if not batches:
        return "stopped; nothing was published"
    return f"stopped; {batches} of its batches were published, and the same command goes on behind them"


def _leave(args: argparse.Namespace, status: int, message: str) -> int:
    """Leave at once: threads of the engine may still be at work, and nothing they do counts any more."""
    fail(args, status, message)
    sys.stdout.flush()
    os._exit(status)
