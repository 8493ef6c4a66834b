"""The report of a run: one page that is looked at in the morning, and an index of all of them."""

from __future__ import annotations

from pathlib import Path

from pipeline.report import facts, page
from pipeline.report.extra import ReportError, RunExtra, store
from pipeline.report.history import commands

__all__ = ["ReportError", "RunExtra", "publish", "rebuild"]


def publish(root: Path, extra: RunExtra) -> Path:
    """Keep what is known of a run, write its report and the index.

    Args:
        root: of the data set, which holds the run already.
        extra: of one call of the command, all its batches together.

    Returns:
        The path of the report.

    Raises:
        ReportError: a file of the run cannot be read.
        LedgerError: the log is damaged.
        OSError: the disk failed.
    """
    store(root, extra)
    path = page.write_report(root, facts.collect(root, extra.runs, extra))
    page.write_index(root)
    return path


def rebuild(root: Path, run_id: str | None = None) -> Path:
    """Write a report anew from the data set and what was kept of the run, and the index with it.

    Args:
        root: of the data set.
        run_id: of any batch; ``None``: the last run.

    Returns:
        The path of the report.

    Raises:
        ReportError: there is no such run, or a file of it cannot be read.
        LedgerError: the log is damaged.
        OSError: the disk failed.
    """
    found = commands(root, most=1 if run_id is None else None)
    wanted = [one for one in found if run_id is None or run_id in one.runs]
    if not wanted:
        what = (
            f"holds no run {run_id}; knipsel report without a run shows the last" if found else "has seen no run yet"
        )
        raise ReportError(f"{root}: {what}")
    path = page.write_report(root, facts.collect(root, wanted[0].runs, wanted[0].extra))
    page.write_index(root)
    return path
