"""``knipsel watch --runner``: hands a job that never ends to an engine, and sees to it that it ends whole.

The engine does all the work. What this process does is to submit the job, to tell what it commits, and, when it is to
stop, to end the lease of the job: the source then has no more, the windows are published, and the job is done.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import secrets
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import apache_beam as beam
from apache_beam.metrics import MetricsFilter
from apache_beam.options.pipeline_options import StandardOptions
from apache_beam.runners.runner import PipelineResult, PipelineState
from apache_beam.utils.shared import Shared

from pipeline import deltalog
from pipeline.batches import NOTHING, added
from pipeline.build import fetching_of, recapture_of
from pipeline.deltalog import Counts
from pipeline.endless import BOOKS, READ, Endless, endless
from pipeline.engine import DIRECT_RUNNER, RunFailed, options_of
from pipeline.follow import Followed, Lease
from pipeline.known_index import known_files
from pipeline.learned import read_part, recurring_lines
from pipeline.ledger import Ledger, RootBusy
from pipeline.publish import Publishing, taken
from pipeline.settings import Config, load
from pipeline.watch import DRAIN_SECONDS, FOLDER
from pipeline.watch_link import Order
from pipeline.watch_voice import Voice
from pipeline.watch_worker import feeds_of
from transforms.core.forgotten import Forgotten
from transforms.pool import Workers
from transforms.storage import DISK

LEASE = "job"
"""In the folder of a watch: names the job that is to go on."""

_LOOK_SECONDS = 0.5
_CANCEL_SECONDS = 10.0
"""So long an engine has to end a job that is cancelled."""


class Submitted:
    """A job on an engine, as this process sees it.

    Args:
        result: what the runner gave.
    """

    def __init__(self, result: PipelineResult) -> None:
        self.result = result
        self.state: str | None = None
        self.fault: Exception | None = None
        self.over = threading.Event()
        threading.Thread(target=self._wait, name="job", daemon=True).start()

    def _wait(self) -> None:
        try:
            self.state = self.result.wait_until_finish()
        except Exception as fault:
            # Whatever a runner raises: the job is over, or nobody knows of it any more.
            self.fault = fault
        self.over.set()


def watch_job(order: Order, voice: Voice, runner: str, beam_options: Sequence[str]) -> int:
    """Follow what the ``order`` names until a signal comes.

    Args:
        order: what is followed, and into which data set.
        voice: how it speaks.
        runner: a Beam runner.
        beam_options: handed to Beam.

    Returns:
        0 where a signal has ended it; 128 and the number of the signal where work had to be given up for that.

    Raises:
        SettingsError: the settings are not well-formed.
        InputError: an input cannot be used.
        RunFailed: the engine did not take the job, or has failed.
        LedgerError: the root cannot be used, is busy, or is damaged.
    """
    if runner == DIRECT_RUNNER:
        raise RunFailed(
            "the engine inside this process ends with its inputs; name a portable one (--runner PortableRunner), or "
            "leave --runner away, and small runs follow one another"
        )
    config = load(Path(order.config) if order.config else None, order.overrides)
    root = Path(order.root)
    begun = dt.datetime.now(dt.UTC)
    lease = Lease(str((root / FOLDER / LEASE).absolute()), f"{begun:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}")
    followed = _followed(order, config)
    with Ledger(root) as ledger:
        job = _endless(followed, order, config, ledger, lease)
        since = deltalog.last_version(ledger.root)
    log = _Log(root, lease.job, since, voice)
    with _signals() as received:
        DISK.write_file(Path(lease.path), lease.job.encode())
        try:
            submitted = Submitted(_submit(job, config, runner, beam_options))
            paths = len(job.followed.paths) + len(job.followed.fixed)
            told = f"watching: {len(job.followed.feeds)} feeds, {paths} paths; job {lease.job}"
            voice.say("watching", told, job=lease.job)
            status = _attend(submitted, lease, log, received, voice)
        finally:
            _end_lease(lease)
    with contextlib.suppress(RootBusy), taken(root, _CANCEL_SECONDS):
        # What a worker had begun is completed or cleared by whoever takes the data set next: let that be now.
        pass
    if submitted.over.is_set() and submitted.fault is None:
        _balance(submitted.result, log)
    return status


def _attend(submitted: Submitted, lease: Lease, log: _Log, received: list[int], voice: Voice) -> int:
    """Wait for the end of the job, and have it end where a signal asks for that; the exit status."""
    deadline = float("inf")
    cancelled = False
    while not submitted.over.wait(_LOOK_SECONDS):
        log.tell()
        now = time.monotonic()
        if received and deadline == float("inf"):
            voice.say("stopping", "stopping: what has come is published yet")
            _end_lease(lease)
            deadline = now + DRAIN_SECONDS
        if now >= deadline or len(received) > 1:
            if cancelled:
                break
            # Its commits are whole, whenever it ends; what it has not published is asked for by the next.
            cancelled, deadline = True, now + _CANCEL_SECONDS
            received[1:] = []
            with contextlib.suppress(Exception):
                submitted.result.cancel()
    log.tell()
    if cancelled:
        voice.say("stopped", "stopped; what was under way was given up, and the next job asks for it again")
        return 128 + received[0]
    if submitted.fault is not None:
        raise RunFailed(f"the job has failed; what it had published stays: {_first_line(submitted.fault)}")
    if submitted.state != PipelineState.DONE or not received:
        raise RunFailed(f"the engine ended the job by itself ({submitted.state}); what it had published stays")
    voice.say("stopped", "stopped; everything that had come is published")
    return 0


def _followed(order: Order, config: Config) -> Followed:
    feeds, fixed = feeds_of(order, config)
    paths = tuple(str(Path(text).absolute()) for text in order.inputs if "://" not in text)
    followed = Followed(
        feeds=tuple(replace(feed, asked=False) for feed in feeds),
        paths=paths,
        fixed=tuple(replace(file, path=str(Path(file.path).absolute())) for file in fixed),
        source=order.source,
        lenient=order.lenient,
        groups=config.settings.watch.host_groups if feeds else 1,
    )
    # Which of the paths is missing is said now; later it may come back.
    followed.files()
    return followed


def _endless(followed: Followed, order: Order, config: Config, ledger: Ledger, lease: Lease) -> Endless:
    settings = config.settings
    watch, limits, run = settings.watch, settings.limits, settings.run
    # An index is made before workers ask for one.
    known_files(ledger)
    count = 0 if run.workers == "auto" else run.workers
    workers = Workers(count, limits.parse_seconds, limits.child_bytes)
    fetching = fetching_of(settings, dt.datetime.now(dt.UTC))
    root, furniture = ledger.root.absolute(), recurring_lines(ledger.root, ledger.state).furniture()
    return Endless(
        followed=followed,
        lease=lease,
        workers=workers,
        fetching=replace(fetching, batch_seconds=min(fetching.batch_seconds, watch.cycle_seconds), fetcher=Shared()),
        furniture=furniture,
        forgotten=read_part(ledger.root, Forgotten.from_json, ledger.state),
        publishing=Publishing(
            root=str(root),
            job=lease.job,
            config_hash=config.config_hash,
            rules_version=config.rules_version,
            rows_per_file=run.rows_per_file,
            buffer_bytes=run.buffer_bytes,
            window_days=settings.clusters.window_days,
            inputs=order.inputs or tuple(feed.url for feed in followed.feeds),
            since=ledger.version + 1,
            renew_after=watch.worker_cycles,
            recapture=recapture_of(root, config, None, furniture, workers),
        ),
    )


def _submit(job: Endless, config: Config, runner: str, beam_options: Sequence[str]) -> PipelineResult:
    options = options_of(runner, beam_options)
    options.view_as(StandardOptions).streaming = True
    try:
        pipeline = beam.Pipeline(runner=runner, options=options)
        endless(pipeline, config, job)
        return pipeline.run()
    except Exception as fault:
        raise RunFailed(f"the engine did not take the job: {_first_line(fault)}") from fault


class _Log:
    """Tells of the commits of a job, and adds them up."""

    def __init__(self, root: Path, job: str, since: int, voice: Voice) -> None:
        self._root = root
        self._job = job
        self._read_to = since
        self._voice = voice
        self.counts = NOTHING

    def tell(self) -> None:
        """Of those that there were not the last time."""
        for number in range(self._read_to + 1, deltalog.last_version(self._root) + 1):
            record = deltalog.read_entry(self._root, number).record
            self._read_to = number
            if record is None or record.pane is None or record.pane.job != self._job:
                continue
            self.counts = added((self.counts, record.counts))
            self._voice.show({"run_id": record.run_id, **asdict(record.pane), **asdict(record.counts)})
            window = f"{record.pane.window} {record.pane.timing}"
            self._voice.say("cycle", f"run {record.run_id}, window {window}: {_books(record.counts)}")


def _books(counts: Counts) -> str:
    told = {name: n for name, n in asdict(counts).items() if isinstance(n, int) and n and name != "read"}
    return ", ".join(f"{n:,} {name}" for name, n in told.items())


def _balance(result: PipelineResult, log: _Log) -> None:
    """Hold what the engine has counted as read against the commits.

    Raises:
        RunFailed: they differ.
    """
    try:
        counters = result.metrics().query(MetricsFilter().with_namespace(BOOKS).with_name(READ))["counters"]
    except Exception:
        # Not every engine tells, and one that has ended may not tell any more.
        return
    read = sum(counter.result for counter in counters)
    if counters and read != log.counts.read:
        raise RunFailed(f"the books do not balance: {read} inputs were read, {log.counts.read} are in the commits")


def _end_lease(lease: Lease) -> None:
    if lease.holds():
        Path(lease.path).unlink()


def _first_line(fault: Exception) -> str:
    said = str(fault).strip().splitlines() or [type(fault).__name__]
    return said[0][:300]


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals that ask for the end, in the order in which they come."""
    received: list[int] = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda got, _: received.append(got)) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
