"""The second half of a job that never ends: what a pane of a window holds, published by one commit.

Which articles are new only the log can tell, and only while the data set is held. So the articles of a pane are held
against it, placed among the stories, written and committed at one place, in the steps of a run: all or nothing, and
nothing where the log holds them already.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from apache_beam.utils.shared import Shared

from pipeline import deltalog
from pipeline.known_index import known_files
from pipeline.learned import read_part, with_lines, with_stories
from pipeline.ledger import Counts, Ledger, RootBusy
from pipeline.loop import Memory
from pipeline.pane import LATE, Pane
from schemas.article import Article
from schemas.record import Draft
from schemas.reject import Reject
from transforms.by_hand import bundle, set_up
from transforms.cluster_articles import CLUSTERED, ClusterArticlesFn
from transforms.core.forgotten import Forgotten
from transforms.count_lines import tallies
from transforms.drop_known import DUPLICATES, DropKnownFn
from transforms.keep_books import Outcome, outcome_of
from transforms.recapture import Recapture
from transforms.stage import REJECTS
from transforms.write_rows import Target, staged_here

Ended = Draft | Reject | str
"""How an input ends before it is held against the data set: as a draft, as a dead letter, or, where a feed listed it
before, as no more than its name."""

_BUSY_SECONDS = 0.2
"""Between two looks whether another still has the data set: the least that a commit takes, five times over."""

_LOOK_BACK = 10_000
"""So many entries of the log a new process reads for panes: a week of one a minute, and no engine begins again behind
a checkpoint that is older. It takes a second."""


def digest(ended: Iterable[Ended], place: str) -> str:
    """Of what a pane holds, in whatever order, and of its ``place`` in time."""
    told = sorted(
        f"draft\0{one.article.article_id}\0{one.article.content_hash}"
        if isinstance(one, Draft)
        else f"reject\0{one.stage}\0{one.code}\0{one.input_ref}\0{one.message}"
        if isinstance(one, Reject)
        else f"known\0{one}"
        for one in ended
    )
    return hashlib.sha256("\n".join([place, *told]).encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Publishing:
    """What publishing goes by.

    Attributes:
        root: of the data set.
        job: the name of the job.
        inputs: as the user wrote them.
        since: the number of the first commit of the job: what its articles teach of lines that recur is cut out of
            articles from the next job on, and by this number an article is known again that was read before.
        recapture: how a later capture of an address is cleaned by what the earlier holds; ``None``: it is not.
        renew_after: behind so many commits what a process knows of the data set is read anew, from an index.
    """

    root: str
    job: str
    config_hash: str
    rules_version: str
    rows_per_file: int
    buffer_bytes: int
    window_days: int
    inputs: tuple[str, ...]
    since: int
    renew_after: int
    recapture: Recapture | None = None


@dataclass(slots=True)
class _Held:
    """What a process remembers between commits."""

    memory: Memory = field(default_factory=Memory)
    commits: int = 0
    transactions: set[str] = field(default_factory=set)
    read_to: int = -1


class Publisher:
    """Publishes panes. Processes and threads that do so at one time take turns.

    Args:
        told: what it goes by.
    """

    def __init__(self, told: Publishing) -> None:
        self._told = told
        self._held = _Held()

    def publish(self, pane: Pane, ended: Sequence[Ended], now: dt.datetime) -> Counts | None:
        """Commit a pane; waits while another has the data set.

        Args:
            pane: its name.
            ended: what it holds.
            now: the moment of the commit.

        Returns:
            The books; ``None`` where the log held the pane already.

        Raises:
            LedgerError: the root cannot be used, or is damaged.
            OSError: the disk failed.
        """
        with taken(Path(self._told.root)) as ledger:
            if self._is_done(ledger, pane):
                return None
            memory = self._held.memory
            memory.begin(ledger.version, lambda: known_files(ledger))
            memory.load()
            counts, files = self._commit(ledger, pane, ended, now)
            memory.files += files
            self._held.commits += 1
            if self._held.commits % self._told.renew_after:
                # Otherwise nothing that is remembered counts, and the next begins anew.
                memory.end(ledger.version)
            return counts

    def _is_done(self, ledger: Ledger, pane: Pane) -> bool:
        held = self._held
        last = deltalog.last_version(ledger.root)
        for number in range(max(held.read_to, last - _LOOK_BACK) + 1, last + 1):
            record = deltalog.read_entry(ledger.root, number).record
            if record is not None and record.pane is not None:
                held.transactions.add(record.pane.transaction)
        held.read_to = last
        return pane.transaction in held.transactions

    def _commit(
        self, ledger: Ledger, pane: Pane, ended: Sequence[Ended], now: dt.datetime
    ) -> tuple[Counts, list[str]]:
        told = self._told
        run_id = ledger.next_run_id(now)
        target = Target(
            staging=ledger.staging(run_id),
            run_id=run_id,
            now=now,
            config_hash=told.config_hash,
            rules_version=told.rules_version,
            rows_per_file=told.rows_per_file,
            buffer_bytes=told.buffer_bytes,
            mark=LATE if pane.shard.startswith(LATE) else "",
        )
        # It can hold megabytes, and each look at it is a copy.
        before = ledger.state
        forgotten = read_part(ledger.root, Forgotten.from_json, before)
        outcome = self._outcome(ledger.state_path, forgotten, ended, target)
        counts = Counts(
            read=len(ended),
            written=outcome.written,
            duplicate=outcome.duplicate,
            filtered=outcome.filtered,
            rejected=outcome.rejected,
            reasons=dict(sorted(outcome.reasons.items())),
        )
        after = with_lines(ledger.root, before, outcome, told.since)
        after = with_stories(ledger.root, after, outcome, told.window_days, now)
        ledger.commit(
            run_id,
            outcome.files,
            after if after != before else None,
            counts,
            config_hash=told.config_hash,
            inputs=told.inputs,
            now=now,
            pane=pane,
        )
        return counts, [str(ledger.root / file.path) for file in outcome.files if file.table == "articles"]

    def _outcome(self, state: Path | None, forgotten: Forgotten, ended: Sequence[Ended], target: Target) -> Outcome:
        """The steps of ``pipeline.build`` behind cleaning, on what a pane holds."""
        memory = self._held.memory
        known = DropKnownFn(tuple(memory.files), memory.handle, forgotten, self._told.recapture)
        cluster = ClusterArticlesFn(str(state) if state else None, target.now, self._told.window_days, Shared())
        new = list(bundle(set_up(known), (one for one in ended if isinstance(one, Draft))))
        placed = list(bundle(set_up(cluster), (one for tag, one in new if tag is None)))
        articles: list[Article] = [one for tag, one in placed if tag is None]
        refused = [one for one in ended if isinstance(one, Reject)] + [one for tag, one in new if tag == REJECTS]
        rejects = [forgotten.instead(one) for one in refused]
        outcome = outcome_of(
            {
                "files": staged_here(articles, rejects, target),
                "known": (one for one in ended if isinstance(one, str)),
                "duplicates": (one for tag, one in new if tag == DUPLICATES),
                "rejects": rejects,
                "articles": articles,
                "tallies": tallies(articles),
                "clustered": (one for tag, one in placed if tag == CLUSTERED),
            }
        )
        outcome.files.sort(key=lambda file: file.path)
        return outcome


@contextmanager
def taken(root: Path, patience_seconds: float = float("inf")) -> Iterator[Ledger]:
    """The data set at ``root``, once it is this process's turn.

    Raises:
        RootBusy: another had it for longer than this.
        LedgerError: it cannot be used, or is damaged.
    """
    until = time.monotonic() + patience_seconds
    with ExitStack() as stack:
        while True:
            try:
                ledger = stack.enter_context(Ledger(root))
                break
            except RootBusy:
                if time.monotonic() > until:
                    raise
                time.sleep(_BUSY_SECONDS)
        yield ledger
