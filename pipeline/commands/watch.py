"""``knipsel watch``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.commands.base import BUSY, USAGE, Commands, clock, count, fail, root_of, say
from pipeline.event_log import FORMATS
from pipeline.metrics_file import metrics_path

if TYPE_CHECKING:
    from pipeline.watch_link import Order
    from pipeline.watch_voice import Voice


def add(commands: Commands) -> None:
    """Add it."""
    says = "follow feeds and folders for ever: small runs one after the other, each all or nothing"
    watch = commands.add("watch", do_watch, says, commands.holding)
    watch.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="file, folder, glob or the address of a feed; with none, the feeds of the settings",
    )
    watch.add_argument("--feeds", action="store_true", help="the feeds of the settings besides the inputs")
    watch.add_argument("--source", metavar="NAME", help="the outlet of these inputs, where they do not say")
    watch.add_argument("--lenient", action="store_true", help="pass over unknown keys in JSON lines")
    watch.add_argument("--record", type=Path, metavar="DIR", help="keep what is fetched, as WARC, in this folder")
    watch.add_argument(
        "--workers",
        type=count,
        metavar="N",
        help="processes that clean articles (default: one a core; 0: none but the engine's own)",
    )
    watch.add_argument("--json", action="store_true", help="an object on stdout for each run that ended well")
    watch.add_argument(
        "--log-format",
        choices=FORMATS,
        default="text",
        help="what is said on stderr: text for people, or json, an object a line for each event",
    )
    watch.add_argument(
        "--metrics",
        type=metrics_path,
        metavar="FILE",
        help="a .prom file for Prometheus' node exporter, replaced after each run",
    )
    watch.add_argument(
        "--heartbeat",
        type=Path,
        metavar="FILE",
        help="is written anew every ten seconds (default: ROOT/_watch/heartbeat.json)",
    )
    watch.add_argument("--quiet", action="store_true", help="say nothing but what fails")
    watch.add_argument(
        "--runner",
        metavar="NAME",
        help="hand a job that never ends to this Beam runner, such as PortableRunner, in place of small runs here; "
        "options behind -- go to Beam",
    )


def do_watch(args: argparse.Namespace) -> int:
    """Follow until stopped."""
    from pipeline import metrics_file
    from pipeline.watch import Supervisor, WatchBusy, held
    from pipeline.watch_link import UNUSABLE, Order
    from pipeline.watch_status import Status
    from pipeline.watch_voice import Voice

    root: Path = root_of(args)
    workers = [f"run.workers={args.workers}"] if args.workers is not None else []
    order = Order(
        inputs=tuple(args.inputs),
        feeds=args.feeds,
        root=str(root),
        config=str(args.config) if args.config is not None else None,
        overrides=(*args.overrides, *workers),
        source=args.source,
        lenient=args.lenient,
        record=str(args.record) if args.record is not None else None,
        log_json=args.log_format == "json",
        quiet=args.quiet,
        debug=args.debug,
        since=clock().isoformat(),
    )

    def measure(status: Status) -> None:
        metrics_file.write_watch(status, root.absolute(), clock(), args.metrics)

    voice = Voice(order.log_json, args.quiet, args.json)
    if args.runner is not None:
        return _job(args, order, voice, root)
    if args.beam_options:
        return say(USAGE, "'--' hands options to Beam, which 'watch' uses with --runner only")
    supervisor = Supervisor(
        order, voice, metrics=measure if args.metrics is not None else None, heartbeat=args.heartbeat
    )
    try:
        with held(root) as take_back:
            status = supervisor.run()
            if status == UNUSABLE:
                take_back()
            return status
    except WatchBusy as fault:
        return fail(args, BUSY, str(fault))


def _job(args: argparse.Namespace, order: Order, voice: Voice, root: Path) -> int:
    """The same as a job on another engine."""
    from pipeline.inputs import InputError
    from pipeline.settings import SettingsError
    from pipeline.watch import WatchBusy, held
    from pipeline.watch_job import watch_job

    for option in ("record", "metrics", "heartbeat"):
        if getattr(args, option) is not None:
            return say(
                USAGE, f"--{option} is for watching without --runner: the engine has the job, not this process"
            )
    try:
        with held(root) as take_back:
            try:
                return watch_job(order, voice, args.runner, args.beam_options)
            except (SettingsError, InputError):
                take_back()
                raise
    except WatchBusy as fault:
        return fail(args, BUSY, str(fault))
