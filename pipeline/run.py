"""One bounded run: lock, recover, build, run, balance the books, commit."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.utils.shared import Shared

from pipeline.batches import JOB, Backlog, Batch, Done, added
from pipeline.build import Job, build, stages
from pipeline.inputs import Inputs
from pipeline.ledger import Counts, Ledger, LedgerError
from pipeline.settings import Config
from schemas.record import Cursor, InputKind, Left
from transforms.core.clutter.recurring import RecurringLines, Tally
from transforms.drop_known import read_known
from transforms.keep_books import Outcome
from transforms.nursery import nursery, packed
from transforms.parquet import StagedFile
from transforms.pool import Workers
from transforms.progress import Progress

OUTCOME = "outcome.json"
DIRECT_RUNNER = "DirectRunner"


class RunFailed(Exception):  # noqa: N818 - it says what is the case
    """A run that published nothing; one line that says why."""


class Stopped(BaseException):
    """SIGTERM has come. A ``BaseException``, so that nothing on the way takes it for an error of its own."""


@contextmanager
def stoppable(received: list[int]) -> Iterator[None]:
    """SIGTERM and SIGINT raise ``Stopped`` in the main thread and are noted in ``received``."""

    def stop(number: int, _: object) -> None:
        received.append(number)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a command came to, all its batches added up.

    Attributes:
        runs: the batches that there were, a run each, in order.
        counts: their books.
        seconds: what it took.
        files: paths of what was published.
    """

    runs: tuple[str, ...]
    counts: Counts
    seconds: float
    files: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints; ``run_id`` is that of the last batch."""
        return {
            "run_id": self.runs[-1],
            "read": self.counts.read,
            "written": self.counts.written,
            "duplicate": self.counts.duplicate,
            "filtered": self.counts.filtered,
            "rejected": self.counts.rejected,
            "seconds": round(self.seconds, 3),
            "files": list(self.files),
            "reasons": dict(self.counts.reasons),
            "runs": list(self.runs),
        }


def run(
    inputs: Inputs,
    config: Config,
    root: Path,
    *,
    now: dt.datetime,
    runner: str = DIRECT_RUNNER,
    beam_options: Sequence[str] = (),
    watch: Callable[[Progress], Any] | None = None,
    tell: Callable[[str], Any] | None = None,
    done: Callable[[str], Any] | None = None,
) -> Summary:
    """Read, clean and publish the inputs, batch by batch, each all or nothing.

    After an interruption the same call goes on behind the last batch that was published.

    Args:
        inputs: the files to read.
        config: settings, rules and vocabularies.
        root: of the data set.
        now: the moment of the run; everything that depends on the clock takes it from here.
        runner: a Beam runner; ``DirectRunner`` is the engine inside this process.
        beam_options: handed to Beam.
        watch: is given the counters before the work begins.
        tell: is told in a line what a person may want to know meanwhile.
        done: is told the run of each batch that is not the last, once it is published.

    Raises:
        RunFailed: the engine failed, the books do not balance, or more was rejected than the settings allow.
        LedgerError: the root cannot be used, is busy, or is damaged.
        OSError: the disk failed.
    """
    begun = time.monotonic()
    engine = _Engine(config, now, runner, beam_options)
    published: list[StagedFile] = []
    books: list[Counts] = []
    runs: list[str] = []
    with Ledger(root) as ledger:
        backlog = Backlog(inputs.files, [config.config_hash, config.rules_version])
        came = _resumed(ledger, backlog)
        if came.batches and tell is not None:
            tell(f"going on behind the {_batches(came.batches)} that an interrupted run has published")
        engine.begin(backlog, came, [str(root / file.path) for file in ledger.files()], watch)
        limits = config.settings.run
        finished = False
        while not finished:
            batch = backlog.next_batch(
                came.position, most_bytes=limits.batch_bytes, most_records=limits.batch_records
            )
            run_id = ledger.next_run_id(now)
            lines = recurring_lines(root, ledger.state)
            try:
                outcome = engine.execute(batch, run_id, ledger.staging(run_id), lines)
                counts = _balanced(outcome, came, limits.max_rejected_share)
            except RunFailed as fault:
                raise RunFailed(f"{fault}{_published_before(came.batches)}") from fault
            position = backlog.behind(batch, outcome.left)
            finished = position is None
            came = came.with_batch(position or came.position, counts)
            state = _state(ledger, lines.learned(outcome.tallies, ledger.version + 1), came, backlog, finished)
            if outcome.files or state != ledger.state:
                with _publishing(root):
                    ledger.commit(
                        run_id,
                        outcome.files,
                        state if state != ledger.state else None,
                        counts,
                        config_hash=config.config_hash,
                        inputs=inputs.asked,
                        now=now,
                    )
            published += outcome.files
            books.append(counts)
            runs.append(run_id)
            engine.known += [str(root / file.path) for file in outcome.files if file.table == "articles"]
            if not finished and done is not None:
                done(run_id)
    return Summary(
        runs=tuple(runs),
        counts=added(books),
        seconds=time.monotonic() - begun,
        files=tuple(str(root / file.path) for file in published),
    )


def _resumed(ledger: Ledger, backlog: Backlog) -> Done:
    """How far an interrupted run over the same inputs with the same settings has come."""
    kept = ledger.state.get(JOB, {})
    if kept.get("name") != backlog.name:
        return Done()
    try:
        return Done.from_json(kept)
    except ValueError as fault:
        raise LedgerError(f"{ledger.root}: {fault}; use the version of knipsel that wrote it") from fault


def _balanced(outcome: Outcome, done: Done, allowed: float) -> Counts:
    """The books of a batch.

    Raises:
        RunFailed: they do not balance, or of all that the job has read up to now too much was rejected.
    """
    counts = Counts(
        read=outcome.read,
        written=outcome.written,
        duplicate=outcome.duplicate,
        filtered=outcome.filtered,
        rejected=outcome.rejected,
        reasons=dict(sorted(outcome.reasons.items())),
    )
    if not counts.balanced:
        raise RunFailed(f"the books do not balance, nothing was published: {counts}")
    whole = added((done.counts, counts))
    if whole.read and whole.rejected / whole.read > allowed:
        raise RunFailed(
            f"{whole.rejected} of {whole.read} inputs were rejected, more than run.max_rejected_share = "
            f"{allowed} allows; nothing was published ({_listed(whole.reasons)})"
        )
    return counts


def _state(ledger: Ledger, learned: RecurringLines, came: Done, backlog: Backlog, finished: bool) -> dict[str, Any]:
    """What the next run is to find: the lines that recur, and how far an unfinished job is."""
    state = ledger.state
    if learned != recurring_lines(ledger.root, state):
        state.update(learned.as_json())
    if not finished:
        state[JOB] = came.as_json(backlog.name)
    elif state.get(JOB, {}).get("name") == backlog.name:
        del state[JOB]
    return state


def _batches(count: int) -> str:
    return "batch" if count == 1 else f"{count:,} batches"


def _published_before(count: int) -> str:
    if not count:
        return ""
    verb = "is" if count == 1 else "are"
    return f"; the {_batches(count)} before it {verb}, and the same command goes on behind"


def recurring_lines(root: Path, state: Mapping[str, Any]) -> RecurringLines:
    """What the state of the data set at ``root`` says of lines that recur.

    Raises:
        LedgerError: it is not what this program writes.
    """
    try:
        return RecurringLines.from_json(state)
    except ValueError as fault:
        raise LedgerError(f"{root}: {fault}; use the version of knipsel that wrote it, or a newer one") from fault


class _Engine:
    """Runs batches one after the other; what serves all of them is made once."""

    def __init__(self, config: Config, now: dt.datetime, runner: str, beam_options: Sequence[str]) -> None:
        self._config = config
        self._now = now
        self._runner = runner
        self._options = _options(runner, beam_options)
        self._progress = Shared()
        self._memory = Shared()
        self._held: list[Any] = []
        self.known: list[str] = []
        settings = config.settings
        count = settings.run.workers
        if count == "auto":
            # Other engines bring processes of their own.
            count = _cores() if runner == DIRECT_RUNNER else 0
        self._workers = Workers(count, settings.limits.parse_seconds, settings.limits.child_bytes)

    def begin(
        self, backlog: Backlog, done: Done, known: Sequence[str], watch: Callable[[Progress], Any] | None
    ) -> None:
        """Get ready for the batches behind ``done``."""
        progress: Progress = self._progress.acquire(Progress)
        progress.total_bytes = backlog.total_bytes
        progress.done_bytes = backlog.bytes_before(done.position)
        if watch is not None:
            watch(progress)
        self.known = list(known)
        self._held = [progress]

    def execute(self, batch: Batch, run_id: str, staging: Path, lines: RecurringLines) -> Outcome:
        """One Beam run over ``batch``.

        Raises:
            RunFailed: the engine failed.
        """
        job = Job(
            run_id=run_id,
            now=self._now,
            staging=staging,
            workers=self._workers,
            known=tuple(self.known),
            furniture=lines.furniture(),
            progress=self._progress,
            memory=self._memory,
        )
        path = staging / OUTCOME
        direct = self._runner == DIRECT_RUNNER
        try:
            self._prepare(batch, job)
            with beam.Pipeline(runner=FnApiRunner() if direct else self._runner, options=self._options) as pipeline:
                sources = pipeline | "Inputs" >> beam.Create(batch.files)
                outcome = build(sources, self._config, job)
                _ = outcome | "SaveOutcome" >> beam.Map(_save, str(path))
        except (Stopped, KeyboardInterrupt):
            raise
        except Exception as fault:
            # Whatever an engine raises, the run has failed and nothing is published; the message is the last line.
            said = str(fault).strip().splitlines() or [type(fault).__name__]
            raise RunFailed(f"the run failed, nothing was published: {said[0][:300]}") from fault
        return _load(path)

    def _prepare(self, batch: Batch, job: Job) -> None:
        """Begin early with what takes time: worker processes load what they need while the engine starts."""
        if self._workers.count and any(file.kind in _PAGES for file in batch.files):
            nursery().load(packed(stages(self._config, job.now, job.furniture)))
        if self._runner == DIRECT_RUNNER and len(self._held) == 1:
            self._held.append(self._memory.acquire(lambda: read_known(job.known)))


_PAGES = frozenset({InputKind.HTML, InputKind.WARC})
"""Inputs that are sure to need worker processes."""


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _options(runner: str, beam_options: Sequence[str]) -> PipelineOptions:
    options = PipelineOptions(list(beam_options))
    if runner == DIRECT_RUNNER:
        direct = options.view_as(DirectOptions)
        if direct.direct_num_workers != 1 or direct.direct_running_mode != "in_memory":
            raise RunFailed(
                "the engine inside this process has one worker in memory; leave --direct_num_workers and "
                "--direct_running_mode alone"
            )
    return options


def _save(outcome: Outcome, path: str) -> None:
    content = {
        "files": [file.as_json() for file in outcome.files],
        "read": outcome.read,
        "duplicate": outcome.duplicate,
        "reasons": outcome.reasons,
        "tallies": {source_id: asdict(tally) for source_id, tally in outcome.tallies.items()},
        "left": [asdict(left) for left in outcome.left],
    }
    Path(path).write_text(json.dumps(content), encoding="utf-8")


def _load(path: Path) -> Outcome:
    content = json.loads(path.read_text(encoding="utf-8"))
    files = [StagedFile(**fields) for fields in content.pop("files")]
    content["reasons"] = Counter(content["reasons"])
    content["tallies"] = {source_id: Tally(**fields) for source_id, fields in content["tallies"].items()}
    content["left"] = [Left(left["path"], Cursor(**left["cursor"])) for left in content["left"]]
    return Outcome(files=sorted(files, key=lambda f: f.path), **content)


def _listed(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {n}" for code, n in sorted(reasons.items()))


@contextmanager
def _publishing(root: Path) -> Iterator[None]:
    """A commit takes milliseconds; a signal that comes meanwhile waits for it."""
    held = {signal.SIGTERM, signal.SIGINT}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    except OSError as fault:
        # Whether the run counts was perhaps decided already; the next run finds that out.
        raise RunFailed(
            f"{root}: the disk failed while publishing ({fault}); run again, which completes or undoes it"
        ) from fault
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
