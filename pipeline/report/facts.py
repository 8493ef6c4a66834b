"""What a report says of a run, read from the data set itself: its log, its articles, its dead letters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.deltalog import RUN_ID
from pipeline.report.extra import ReportError, RunExtra, order
from pipeline.report.history import Command, command, commands, records_of
from pipeline.report.model import RunFacts
from pipeline.report.queries import CUT_CHARS, UNTAGGED, letters, number, outlets, periods, prepare, shares
from pipeline.report.rows import loaded
from pipeline.report.samples import kinds_of

__all__ = ["PAST", "ReportError", "RunExtra", "RunFacts", "collect"]

PAST = 30
"""Runs to compare with: a month of nights."""


def collect(root: Path, run_ids: Sequence[str], extra: RunExtra | None) -> RunFacts:
    """Read what a report says of one call of the command. Changes nothing.

    Args:
        root: of the data set.
        run_ids: the batches of the call, in order.
        extra: what is known of it beyond the data set; without it the report does without.

    Raises:
        ReportError: the data set holds no such run, or a file of it cannot be read.
        LedgerError: the log is damaged.
    """
    if not run_ids or not all(RUN_ID.match(run) for run in run_ids):
        raise ReportError(f"{', '.join(run_ids) or 'nothing'}: no id of a run, such as 000017-20261121T023000Z")
    records = records_of(root, run_ids)
    if not records and extra is None:
        raise ReportError(f"{root}: holds no run {run_ids[-1]}; 'knipsel report --root {root}' shows the last one")
    this = command(records, extra)
    past = _past(root, this)
    with loaded(root, records) as (db, paths):
        prepare(db)
        shown, more = outlets(db)
        return RunFacts(
            this=this,
            past=past,
            files=sum(len(record.files) for record in records),
            file_bytes=sum(file.bytes for record in records for file in record.files),
            rows=number(db, "select count(*) from articles"),
            config_hashes=tuple(dict.fromkeys(record.config_hash for record in records)),
            rules_versions=tuple(
                one.name for one in shares(db, "select rules_version, count(*) from articles group by 1")
            ),
            chars=number(db, "select coalesce(sum(body_chars), 0) from articles"),
            cut_chars=number(db, CUT_CHARS),
            revised=number(db, "select count(*) from articles where version > 1"),
            outlets=shown,
            more_outlets=more,
            languages=shares(db, "select language, count(*) from articles group by 1"),
            topics=shares(db, "select label, count(*) from topics group by 1"),
            agencies=shares(db, "select agency, count(*) from articles group by 1"),
            flags=shares(db, "select unnest(quality_flags), count(*) from articles group by 1"),
            untagged=number(db, UNTAGGED),
            periods=periods(db),
            kinds=kinds_of(db, paths),
            letters=letters(db, past),
        )


def _past(root: Path, this: Command) -> tuple[Command, ...]:
    """The calls before ``this``, the oldest first."""
    most: int | None = PAST + 1
    found = commands(root, most=most)
    if found and order(found[0].run_id) > order(this.run_id):
        # An older run, so that the newest are not those before it.
        found = commands(root)
    before = [one for one in found if order(one.run_id) < order(this.run_id) and not {*one.runs} & {*this.runs}]
    return tuple(reversed(before[:PAST]))
