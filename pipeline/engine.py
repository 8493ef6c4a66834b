"""One batch as one Beam run: the graph is built, handed to an engine, and its outcome read."""

from __future__ import annotations

import datetime as dt
import os
import socket
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, PortableOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.utils.shared import Shared
from pydantic import TypeAdapter

from pipeline.batches import Backlog, Batch, Position
from pipeline.build import Job, build, fetching_of, stages
from pipeline.loop import Loop
from pipeline.settings import Config
from schemas.feed import HostMemory
from schemas.record import PAGES
from transforms.cluster_articles import read_stories
from transforms.core.clutter.recurring import RecurringLines
from transforms.core.forgotten import Forgotten
from transforms.fetching.clock import RunClock
from transforms.keep_books import Outcome
from transforms.nursery import nursery
from transforms.nursery_process import packed
from transforms.pool import Workers
from transforms.progress import Progress
from transforms.select_days import ALL, Days
from transforms.stage_times import stage_seconds

if TYPE_CHECKING:
    from transforms.fetching.fetcher import Fetcher
    from transforms.fetching.recording import Recorder

OUTCOME = "outcome.json"
DIRECT_RUNNER = "DirectRunner"

_ANSWER_SECONDS = 10.0


class RunFailed(Exception):  # noqa: N818 - it says what is the case
    """A run that published nothing; one line that says why."""


class Stopped(BaseException):
    """SIGTERM has come. A ``BaseException``, so that nothing on the way takes it for an error of its own."""


class Engine:
    """Runs batches one after the other; what serves all of them is made once. A context manager.

    Args:
        config: settings, rules and vocabularies.
        now: the moment of the run.
        runner: a Beam runner; ``DirectRunner`` is the engine inside this process.
        beam_options: handed to Beam.
        hosts: what is known of the hosts that pages are fetched from.
        loop: what an earlier run of this process has left to this one, and how it is ended early.
        record: the folder in which what is fetched is kept; ``None``: it is not kept.

    Raises:
        RunFailed: options that the runner does not take.
    """

    def __init__(
        self,
        config: Config,
        now: dt.datetime,
        runner: str,
        beam_options: Sequence[str],
        hosts: Mapping[str, HostMemory],
        loop: Loop,
        record: Path | None = None,
    ) -> None:
        self._config = config
        self._now = now
        self._runner = runner
        self._options = options_of(runner, beam_options)
        self._progress = Shared()
        self._days = ALL
        self._known, self._brake = loop.known, loop.brake
        self._held: Progress | None = None
        self._fetching = replace(fetching_of(config.settings, now), hosts=hosts)
        self._fetcher: Fetcher | None = None
        self._record = record
        self.clock = RunClock(now)
        self.stage_seconds: Counter[str] = Counter()
        settings = config.settings
        count = settings.run.workers
        if count == "auto":
            # Other engines bring processes of their own.
            count = _cores() if runner == DIRECT_RUNNER else 0
        self._workers = Workers(count, settings.limits.parse_seconds, settings.limits.child_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._brake.attach(None)
        if self._fetcher is not None:
            self._fetcher.close()

    def begin(self, backlog: Backlog, position: Position, watch: Callable[[Progress], Any], days: Days = ALL) -> None:
        """Get ready for the batches behind ``position``, of whose articles those of the ``days`` are wanted."""
        self._days = days
        progress: Progress = self._progress.acquire(Progress)
        progress.total_bytes = backlog.total_bytes
        progress.done_bytes = backlog.bytes_before(position)
        watch(progress)
        self._held = progress

    def execute(
        self,
        batch: Batch,
        run_id: str,
        root: Path,
        staging: Path,
        lines: RecurringLines,
        state: Path | None = None,
        forgotten: Forgotten | None = None,
    ) -> Outcome:
        """One Beam run over ``batch``.

        Raises:
            RunFailed: the engine failed.
        """
        job = Job(
            root=root.absolute(),
            run_id=run_id,
            now=self._now,
            staging=staging,
            workers=self._workers,
            fetching=self._fetching,
            known=tuple(self._known.files),
            furniture=lines.furniture(),
            progress=self._progress,
            memory=self._known.handle,
            state=str(state) if state else None,
            forgotten=forgotten or Forgotten(),
            days=self._days,
        )
        path = staging / OUTCOME
        direct = self._runner == DIRECT_RUNNER
        try:
            held = self._prepare(batch, job, run_id)
            with beam.Pipeline(runner=FnApiRunner() if direct else self._runner, options=self._options) as pipeline:
                sources = pipeline | "Inputs" >> beam.Create([*batch.files, *batch.feeds, *batch.pages])
                outcome = build(sources, self._config, job)
                _ = outcome | "SaveOutcome" >> beam.Map(_save, str(path))
            del held
        except (Stopped, KeyboardInterrupt):
            raise
        except Exception as fault:
            # Whatever an engine raises, the run has failed and nothing is published; the message is the last line.
            said = str(fault).strip().splitlines() or [type(fault).__name__]
            raise RunFailed(f"the run failed, nothing was published: {said[0][:300]}") from fault
        self.stage_seconds.update(stage_seconds(pipeline.result))
        return _load(path)

    def _prepare(self, batch: Batch, job: Job, run_id: str) -> Any:
        """Begin early with what takes time: worker processes load what they need while the engine starts.

        Returns:
            What is to be held while the run lasts, and no longer.
        """
        fetches = bool(batch.feeds or batch.pages)
        if fetches and self._fetcher is None and self._runner == DIRECT_RUNNER:
            self._fetcher = self._fetching.acquire(_recorder(self._record, run_id))
            self._brake.attach(self._fetcher)
        if self._workers.count and (fetches or any(file.kind in PAGES for file in batch.files)):
            nursery().load(packed(stages(self._config, job.now, job.furniture, job.days)))
        if self._runner == DIRECT_RUNNER:
            self._known.load()
        days = self._config.settings.clusters.window_days
        if self._runner != DIRECT_RUNNER or not days:
            return None
        return job.stories.acquire(lambda: read_stories(job.state, job.now, days))


def _recorder(folder: Path | None, name: str) -> Recorder | None:
    if folder is None:
        return None
    from transforms.fetching.recording import Recorder

    return Recorder(folder, name)


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def options_of(runner: str, beam_options: Sequence[str]) -> PipelineOptions:
    """What is handed to Beam.

    Raises:
        RunFailed: options that the engine inside cannot have; or nobody answers where the job is to go.
    """
    options = PipelineOptions(list(beam_options))
    endpoint = options.view_as(PortableOptions).job_endpoint
    host, colon, port = (endpoint or "").rpartition(":")
    if colon and port.isdecimal():
        # Beam itself tries for minutes, and then says nothing of where.
        try:
            socket.create_connection((host.strip("[]"), int(port)), _ANSWER_SECONDS).close()
        except (OSError, OverflowError) as fault:
            raise RunFailed(
                f"no job service answers at {endpoint} ({fault}); start one, or put --job_endpoint right"
            ) from None
    if runner == DIRECT_RUNNER:
        direct = options.view_as(DirectOptions)
        if direct.direct_num_workers != 1 or direct.direct_running_mode != "in_memory":
            raise RunFailed(
                "the engine inside this process has one worker in memory; leave --direct_num_workers and "
                "--direct_running_mode alone"
            )
    return options


_OUTCOME = TypeAdapter(Outcome)


def _save(outcome: Outcome, path: str) -> None:
    Path(path).write_bytes(_OUTCOME.dump_json(outcome))


def _load(path: Path) -> Outcome:
    outcome = _OUTCOME.validate_json(path.read_bytes())
    outcome.files.sort(key=lambda file: file.path)
    return outcome
