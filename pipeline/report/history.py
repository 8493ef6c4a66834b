"""The calls of the command that a data set has seen, with their books: from the log, and what is kept beside it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.batches import added
from pipeline.deltalog import Counts, Operation, RunRecord, last_version, read_entry
from pipeline.report.extra import RunExtra, load, order, stored


@dataclass(frozen=True, slots=True)
class Command:
    """One call of the command: one batch, or several, which are a commit each.

    Attributes:
        run_id: of the last batch; it names the report.
        runs: of all batches that are known of, in order.
        moment: of the run, UTC.
        inputs: what was asked for.
        counts: the books of all batches.
        extra: what else is known; ``None`` where nothing was kept.
    """

    run_id: str
    runs: tuple[str, ...]
    moment: dt.datetime
    inputs: tuple[str, ...]
    counts: Counts
    extra: RunExtra | None


def commands(root: Path, *, most: int | None = None) -> list[Command]:
    """The calls, the newest first.

    Batches belong together as the file beside the reports says. Without one they do where moment, inputs and
    settings are the same.

    Args:
        root: of the data set.
        most: so many at most; the rest of the log is not read.

    Raises:
        LedgerError: an entry of the log is missing or damaged.
        ReportError: a file beside the reports is damaged.
    """
    extras = {name: load(root, name) for name in stored(root)[:most]}
    claimed = {run: name for name, extra in extras.items() for run in extra.runs}
    groups: dict[Hashable, list[RunRecord]] = {}
    for version in range(last_version(root), -1, -1):
        record = read_entry(root, version).record
        if record is None or record.operation is not Operation.RUN:
            continue
        key = claimed.get(record.run_id) or (record.committed_at, record.inputs, record.config_hash)
        if key not in groups and len(groups) == most:
            break
        groups.setdefault(key, []).insert(0, record)
    found = [command(records, extras.get(key) if isinstance(key, str) else None) for key, records in groups.items()]
    # What found nothing new made no commit.
    found += [command((), extra) for name, extra in extras.items() if name not in groups]
    return sorted(found, key=lambda one: order(one.run_id), reverse=True)[:most]


def command(records: Sequence[RunRecord], extra: RunExtra | None) -> Command:
    """One call, of which ``records`` are the commits; without any there must be ``extra``.

    Raises:
        ValueError: there is neither.
    """
    if extra is not None:
        runs = tuple(dict.fromkeys(extra.runs))
        return Command(runs[-1], runs, extra.started, extra.inputs or _inputs(records), extra.counts, extra)
    if not records:
        raise ValueError("neither commits nor anything else is known of the run")
    return Command(
        run_id=records[-1].run_id,
        runs=tuple(record.run_id for record in records),
        moment=dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=records[0].committed_at),
        inputs=_inputs(records),
        counts=added(record.counts for record in records),
        extra=None,
    )


def _inputs(records: Sequence[RunRecord]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for record in records for name in record.inputs))


def records_of(root: Path, runs: Sequence[str]) -> list[RunRecord]:
    """The commits of ``runs`` in order; a run that made none has none here.

    Raises:
        LedgerError: an entry of the log is missing or damaged.
    """
    last = last_version(root)
    found = []
    for run in dict.fromkeys(runs):
        # Usually the entry of its own number; behind that where another program wrote to the table, before it where
        # the log was begun anew.
        number = order(run)[0]
        behind = (read_entry(root, version).record for version in range(number, last + 1))
        before = (read_entry(root, version).record for version in range(min(number, last), -1, -1))
        near = (next((one for one in entries if one and one.number <= number), None) for entries in (before, behind))
        found += [record for record in near if record is not None and record.run_id == run][:1]
    return found
