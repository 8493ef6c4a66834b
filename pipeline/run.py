"""One bounded run: lock, recover, build, run, balance the books, commit."""

from __future__ import annotations

import datetime as dt
import json
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

from pipeline.build import Job, build
from pipeline.inputs import Inputs
from pipeline.ledger import Counts, Ledger, LedgerError
from pipeline.settings import Config
from transforms.core.clutter.recurring import RecurringLines, Tally
from transforms.count_progress import CountProgress, Progress
from transforms.keep_books import Outcome
from transforms.parquet import StagedFile

OUTCOME = "outcome.json"
DIRECT_RUNNER = "DirectRunner"


class RunFailed(Exception):  # noqa: N818 - it says what is the case
    """A run that published nothing; one line that says why."""


class Stopped(BaseException):
    """SIGTERM has come. A ``BaseException``, so that nothing on the way takes it for an error of its own."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to; ``files`` are paths of what it published."""

    run_id: str
    read: int
    written: int
    duplicate: int
    filtered: int
    rejected: int
    seconds: float
    files: tuple[str, ...]
    reasons: dict[str, int]

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "run_id": self.run_id,
            "read": self.read,
            "written": self.written,
            "duplicate": self.duplicate,
            "filtered": self.filtered,
            "rejected": self.rejected,
            "seconds": round(self.seconds, 3),
            "files": list(self.files),
            "reasons": self.reasons,
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
) -> Summary:
    """Read, clean and publish the inputs, all or nothing.

    Args:
        inputs: the files to read.
        config: settings, rules and vocabularies.
        root: of the data set.
        now: the moment of the run; everything that depends on the clock takes it from here.
        runner: a Beam runner; ``DirectRunner`` is the engine inside this process.
        beam_options: handed to Beam.
        watch: is given the counters before the work begins.

    Raises:
        RunFailed: the engine failed, the books do not balance, or more was rejected than the settings allow.
        LedgerError: the root cannot be used, is busy, or is damaged.
        OSError: the disk failed.
    """
    begun = time.monotonic()
    with Ledger(root) as ledger:
        run_id = ledger.next_run_id(now)
        known = tuple(str(root / file.path) for file in ledger.files())
        lines = recurring_lines(root, ledger.state)
        job = Job(run_id=run_id, now=now, staging=ledger.staging(run_id), known=known, furniture=lines.furniture())
        outcome = _execute(inputs, config, job, runner, beam_options, watch)
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
        allowed = config.settings.run.max_rejected_share
        if counts.read and counts.rejected / counts.read > allowed:
            raise RunFailed(
                f"{counts.rejected} of {counts.read} inputs were rejected, more than run.max_rejected_share = "
                f"{allowed} allows; nothing was published ({_listed(counts.reasons)})"
            )
        if outcome.files:
            learned = lines.learned(outcome.tallies, ledger.version + 1)
            state = {**ledger.state, **learned.as_json()} if learned != lines else None
            with _publishing(root):
                ledger.commit(
                    run_id,
                    outcome.files,
                    state,
                    counts,
                    config_hash=config.config_hash,
                    inputs=inputs.asked,
                    now=now,
                )
    return Summary(
        run_id=run_id,
        read=counts.read,
        written=counts.written,
        duplicate=counts.duplicate,
        filtered=counts.filtered,
        rejected=counts.rejected,
        seconds=time.monotonic() - begun,
        files=tuple(str(root / file.path) for file in outcome.files),
        reasons=dict(counts.reasons),
    )


def recurring_lines(root: Path, state: Mapping[str, Any]) -> RecurringLines:
    """What the state of the data set at ``root`` says of lines that recur.

    Raises:
        LedgerError: it is not what this program writes.
    """
    try:
        return RecurringLines.from_json(state)
    except ValueError as fault:
        raise LedgerError(f"{root}: {fault}; use the version of knipsel that wrote it, or a newer one") from fault


def _execute(
    inputs: Inputs,
    config: Config,
    job: Job,
    runner: str,
    beam_options: Sequence[str],
    watch: Callable[[Progress], Any] | None,
) -> Outcome:
    shared = Shared()
    progress = shared.acquire(Progress)
    progress.files_total = len(inputs.files)
    if watch is not None:
        watch(progress)
    path = job.staging / OUTCOME
    engine = FnApiRunner() if runner == DIRECT_RUNNER else runner
    try:
        with beam.Pipeline(runner=engine, options=_options(runner, beam_options)) as pipeline:
            sources = pipeline | "Inputs" >> beam.Create(inputs.files)
            counted = sources | "CountFiles" >> CountProgress("files", shared)
            outcome = build(counted, config, job, CountProgress("articles", shared))
            _ = outcome | "SaveOutcome" >> beam.Map(_save, str(path))
    except (Stopped, KeyboardInterrupt):
        raise
    except Exception as fault:
        # Whatever an engine raises, the run has failed and nothing is published; the message is the last line.
        lines = str(fault).strip().splitlines() or [type(fault).__name__]
        raise RunFailed(f"the run failed, nothing was published: {lines[0][:300]}") from fault
    return _load(path)


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
    }
    Path(path).write_text(json.dumps(content), encoding="utf-8")


def _load(path: Path) -> Outcome:
    content = json.loads(path.read_text(encoding="utf-8"))
    files = [StagedFile(**fields) for fields in content.pop("files")]
    content["reasons"] = Counter(content["reasons"])
    content["tallies"] = {source_id: Tally(**fields) for source_id, fields in content["tallies"].items()}
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
