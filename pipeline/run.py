"""One bounded run: lock, recover, build, run, balance the books, commit."""

from __future__ import annotations

import datetime as dt
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.alarm import unknown
from pipeline.batches import JOB, Backlog, Batch, Done, added
from pipeline.build import polls_of
from pipeline.drift import STATE as DRIFT
from pipeline.drift import Alarm, Drift, command_of, outlets_of
from pipeline.engine import DIRECT_RUNNER, Engine, RunFailed
from pipeline.event_log import SILENT, Begun, Published, Reporter, Resumed, Started
from pipeline.feed_state import FEEDS, HOSTS, PAGES, FeedState
from pipeline.inputs import Inputs
from pipeline.known_index import known_files
from pipeline.learned import read_part, recurring_lines, with_lines, with_stories
from pipeline.ledger import Counts, Ledger, LedgerError
from pipeline.loop import Loop
from pipeline.settings import Config
from pipeline.stopping import deferred
from schemas.feed import Notice, PollResult
from transforms.core.forgotten import Forgotten
from transforms.core.outlet_figures import OutletFigures
from transforms.core.outlet_figures import added as figures_added
from transforms.keep_books import Outcome
from transforms.parquet import StagedFile


@dataclass(frozen=True, slots=True)
class Summary:
    """What a command came to, all its batches added up.

    Attributes:
        runs: the batches that there were, a run each, in order.
        counts: their books.
        seconds: what it took.
        files: paths of what was published.
        waiting: pages that are fetched in a later run.
        notices: what a person should know of feeds and hosts.
        news: those of them that there were not before.
        alarms: what is out of the ordinary at the outlets, told before or not.
        feeds_asked: how many feeds were asked.
        feeds_unchanged: how many of them answered that nothing had changed.
        feeds_failed: how many of them could not be read.
        stage_seconds: what each stage took, of all processes together.
        peak_bytes: the most memory that this process or one of its children held.
    """

    runs: tuple[str, ...]
    counts: Counts
    seconds: float
    files: tuple[str, ...]
    waiting: int = 0
    notices: tuple[Notice, ...] = ()
    news: tuple[Notice, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    feeds_asked: int = 0
    feeds_unchanged: int = 0
    feeds_failed: int = 0
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    peak_bytes: int | None = None

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
            "waiting": self.waiting,
            "stage_seconds": {stage: round(seconds, 3) for stage, seconds in self.stage_seconds.items()},
            "peak_bytes": self.peak_bytes,
            "notices": [{"code": n.code, "about": n.about, "message": n.message} for n in self.notices],
            "alarms": [alarm.as_json() for alarm in self.alarms],
        }


def run(
    inputs: Inputs,
    config: Config,
    root: Path,
    *,
    now: dt.datetime,
    runner: str = DIRECT_RUNNER,
    beam_options: Sequence[str] = (),
    report: Reporter = SILENT,
    done: Callable[[str], Any] | None = None,
    record: Path | None = None,
    loop: Loop | None = None,
) -> Summary:
    """Read, clean and publish the inputs, batch by batch, each all or nothing.

    After an interruption the same call goes on behind the last batch that was published.

    Args:
        inputs: the files to read and the feeds to ask.
        config: settings, rules and vocabularies.
        root: of the data set.
        now: the moment of the run; everything that depends on the clock takes it from here.
        runner: a Beam runner; ``DirectRunner`` is the engine inside this process.
        beam_options: handed to Beam.
        report: is told what happens.
        done: is told the run of each batch, before a signal can come between that and its being published.
        record: a folder in which what is fetched is kept, as WARC.
        loop: makes this one of many runs of this process: it ends behind one batch, and leaves what serves the next.

    Raises:
        RunFailed: the engine failed, the books do not balance, or more was rejected than the settings allow.
        LedgerError: the root cannot be used, is busy, or is damaged.
        OSError: the disk failed.
    """
    begun = time.monotonic()
    published: list[StagedFile] = []
    books: list[Counts] = []
    runs: list[str] = []
    polls: Counter[PollResult] = Counter()
    with Ledger(root) as ledger:
        backlog = Backlog(inputs.files, [config.config_hash, config.rules_version, str(inputs.days)])
        came = _resumed(ledger, backlog)
        first = ledger.next_run_id(now)
        report.tell(Started(first, len(backlog.files), backlog.total_bytes, len(inputs.feeds)))
        if came.batches:
            report.tell(Resumed(first, came.batches))
        feeds = read_part(root, FeedState.from_json, ledger.state)
        noticed = feeds.notices(inputs.feeds)
        drift = read_part(root, Drift.from_json, ledger.state)
        figures: dict[str, OutletFigures] = {}
        asked: frozenset[str] = frozenset()
        alarms: tuple[Alarm, ...] = ()
        forgotten = read_part(root, Forgotten.from_json, ledger.state)
        kept = loop if loop is not None else Loop()
        kept.known.begin(ledger.version, lambda: known_files(ledger))
        with Engine(config, now, runner, beam_options, feeds.hosts, kept, record) as engine:
            engine.begin(backlog, came.position, report.watch, inputs.days)
            more, polled = True, False
            while more:
                batch = _next_batch(backlog, came, feeds, inputs, config, engine.clock())
                if polled:
                    batch = replace(batch, feeds=())
                polled = polled or batch.upcoming == len(backlog.files)
                run_id = ledger.next_run_id(now)
                report.tell(Begun(run_id))
                lines = recurring_lines(root, ledger.state)
                try:
                    staging = ledger.staging(run_id)
                    outcome = engine.execute(batch, run_id, root, staging, lines, ledger.state_path, forgotten)
                    counts = _balanced(outcome, came, config.settings.run.max_rejected_share)
                except RunFailed as fault:
                    raise RunFailed(f"{fault}{_published_before(came.batches)}") from fault
                came = came.with_batch(backlog.behind(batch, outcome.left), counts)
                policy = polls_of(config.settings)
                feeds = feeds.learned(outcome, batch.feeds, batch.pages, policy, now=now)
                state = _state(with_lines(root, ledger.state, outcome, ledger.version + 1), feeds, came, backlog)
                state = with_stories(root, state, outcome, config.settings.clusters.window_days, now)
                figures, asked = figures_added(figures, outcome.figures), asked | outlets_of(batch.feeds)
                usual, alarms = drift.after(
                    figures,
                    config.settings.drift.policy(),
                    now=now,
                    asked=asked,
                    command=command_of(inputs),
                    left_out=feeds.hampered(inputs.feeds),
                )
                state.pop(DRIFT, None)
                state |= usual.as_json()
                state |= kept.learned(backlog.read(came.position))
                committed = bool(outcome.files) or state != ledger.state
                if committed:
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
                        if done is not None:
                            done(run_id)
                polls.update(poll.result for poll in outcome.polls)
                published += outcome.files
                books.append(counts)
                runs.append(run_id)
                kept.known.files += [str(root / file.path) for file in outcome.files if file.table == "articles"]
                more = not backlog.is_done(came.position) or _pages_are_due(feeds, inputs, config, begun, engine)
                if committed:
                    report.tell(Published(run_id, counts, len(outcome.files), more))
                kept.feeds, kept.unfinished = feeds, not backlog.is_done(came.position)
                more = more and loop is None
        kept.known.end(ledger.version)
    return Summary(
        runs=tuple(runs),
        counts=added(books),
        seconds=time.monotonic() - begun,
        files=tuple(str(root / file.path) for file in published),
        waiting=len(feeds.pages),
        notices=feeds.notices(inputs.feeds),
        news=unknown(feeds.notices(inputs.feeds), noticed),
        alarms=alarms,
        feeds_asked=polls.total(),
        feeds_unchanged=polls[PollResult.SAME],
        feeds_failed=polls[PollResult.FAILED],
        stage_seconds=dict(engine.stage_seconds.most_common()),
        peak_bytes=_peak_bytes(),
    )


def _peak_bytes() -> int:
    """The most memory that this process, or any one child that has ended, has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def _next_batch(
    backlog: Backlog, came: Done, feeds: FeedState, inputs: Inputs, config: Config, now: dt.datetime
) -> Batch:
    """The files that come next; once there is none behind them, also what is to be fetched."""
    limits = config.settings.run
    batch = backlog.next_batch(came.position, most_bytes=limits.batch_bytes, most_records=limits.batch_records)
    if batch.upcoming < len(backlog.files):
        return batch
    due, pages = feeds.due(inputs.feeds, polls_of(config.settings), now=now)
    return replace(batch, feeds=due, pages=pages)


def _pages_are_due(feeds: FeedState, inputs: Inputs, config: Config, begun: float, engine: Engine) -> bool:
    """Whether pages whose turn did not come are to be fetched by this command yet."""
    if time.monotonic() - begun > config.settings.fetch.run_seconds:
        return False
    return bool(feeds.due(inputs.feeds, polls_of(config.settings), now=engine.clock())[1])


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


def _state(state: dict[str, Any], feeds: FeedState, came: Done, backlog: Backlog) -> dict[str, Any]:
    """The ``state`` with what is known of feeds, and how far an unfinished job is."""
    for key in (FEEDS, HOSTS, PAGES):
        state.pop(key, None)
    state.update(feeds.as_json())
    if not backlog.is_done(came.position):
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


def _listed(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {n}" for code, n in sorted(reasons.items()))


@contextmanager
def _publishing(root: Path) -> Iterator[None]:
    """A commit takes milliseconds; a signal that comes meanwhile waits for it."""
    try:
        with deferred():
            yield
    except OSError as fault:
        # Whether the run counts was perhaps decided already; the next run finds that out.
        raise RunFailed(
            f"{root}: the disk failed while publishing ({fault}); run again, which completes or undoes it"
        ) from fault
