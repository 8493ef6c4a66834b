"""``--metrics FILE``: what a run came to, as the textfile collector of Prometheus' node exporter reads it.

The file is replaced when a run has ended well and left alone otherwise, so the age of
``knipsel_last_success_timestamp_seconds`` says for how long nothing has come.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from transforms.storage import DISK

if TYPE_CHECKING:
    from pipeline.run import Summary
    from pipeline.watch_status import Status

SUFFIX = ".prom"
"""What the collector reads; it passes over every other file."""

_ENDS = ("written", "duplicate", "filtered", "rejected")


@dataclass(frozen=True, slots=True)
class _Metric:
    """One gauge: its samples by the value of ``label``, or a single one without a label."""

    name: str
    about: str
    samples: Mapping[str, float]
    label: str = ""


def metrics(summary: Summary, root: Path, ended: dt.datetime) -> str:
    """The metrics of a run.

    Every reason and every notice that there can be is stated, with 0 where there is none, so that no series comes and
    goes. ``root`` is a label of all, which keeps the files of several data sets apart.

    Args:
        summary: of the run, all its batches.
        root: of the data set.
        ended: when the run ended.
    """
    where = f'root="{_escaped(str(root))}"'
    return "".join(line + "\n" for metric in _of(summary, ended) for line in _lines(metric, where))


def write(summary: Summary, root: Path, ended: dt.datetime, path: Path) -> None:
    """Replace ``path`` by the metrics of a run in one step.

    Raises:
        OSError: the disk failed; the old file is still there.
    """
    # A root that is no text anywhere else is still a label: by the characters that stand for its bytes.
    DISK.write_file(path, metrics(summary, root, ended).encode("utf-8", "backslashreplace"))


def write_watch(status: Status, root: Path, now: dt.datetime, path: Path) -> None:
    """Replace ``path`` by the metrics of a watch in one step.

    Raises:
        OSError: the disk failed; the old file is still there.
    """
    where = f'root="{_escaped(str(root))}"'
    text = "".join(line + "\n" for metric in _of_watch(status, now) for line in _lines(metric, where))
    DISK.write_file(path, text.encode("utf-8", "backslashreplace"))


def metrics_path(text: str) -> Path:
    """The file that an argument names, refused before the run where nothing could be written to it afterwards.

    Raises:
        argparse.ArgumentTypeError: it is no file that the collector reads, or its folder cannot be written to.
    """
    path = Path(text)
    if path.suffix != SUFFIX:
        raise argparse.ArgumentTypeError(f"{text!r}: the collector reads names that end in {SUFFIX} only")
    if not os.access(path.parent, os.W_OK | os.X_OK) or path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r}: cannot be written to; make the folder, or name another one")
    return path


def _of(summary: Summary, ended: dt.datetime) -> Iterator[_Metric]:
    # Not before there is a run: it takes a while, and the command line imports this file.
    from schemas.feed import NoticeCode
    from schemas.reject import Reason
    from transforms.core.outlet_figures import Measure

    counts = summary.counts
    yield _Metric("inputs_read", "Inputs that the last run read.", {"": counts.read})
    ends = {name: getattr(counts, name) for name in _ENDS}
    yield _Metric("inputs", "How those inputs ended; adds up to those read.", ends, "state")
    reasons = dict.fromkeys(map(str, Reason), 0) | dict(counts.reasons)
    yield _Metric(
        "dead_letters", "Inputs of the last run that were filtered or rejected, by reason.", reasons, "code"
    )
    yield _Metric("files", "Files that the last run published.", {"": len(summary.files)})
    yield _Metric("batches", "Batches of the last run, each published by itself.", {"": len(summary.runs)})
    yield _Metric("duration_seconds", "What the last run took.", {"": summary.seconds})
    yield _Metric("waiting_pages", "Pages that are left to the next run.", {"": summary.waiting})
    if summary.peak_bytes is not None:
        yield _Metric("peak_memory_bytes", "The most memory that a process held.", {"": summary.peak_bytes})
    drift: dict[str, float] = dict.fromkeys(map(str, Measure), 0)
    for alarm in summary.alarms:
        drift[str(alarm.finding.what)] = drift.get(str(alarm.finding.what), 0) + 1
    yield _Metric("drift", "Outlets that are out of the ordinary, by what is.", drift, "what")
    notices = dict.fromkeys(map(str, NoticeCode), 0)
    for notice in summary.notices:
        notices[str(notice.code)] = notices.get(str(notice.code), 0) + 1
    yield _Metric("notices", "What a person should know of feeds and hosts, by kind.", notices, "code")
    when = {"": ended.timestamp()}
    yield _Metric("last_success_timestamp_seconds", "When a run last ended well, as Unix time.", when)


def _of_watch(status: Status, now: dt.datetime) -> Iterator[_Metric]:
    yield _Metric("watch_since_timestamp_seconds", "When the watch began.", {"": status.since.timestamp()})
    read = status.books["read"]
    yield _Metric("watch_inputs_read", "Inputs that it has read.", {"": read})
    ends = {name: status.books[name] for name in _ENDS}
    yield _Metric("watch_inputs", "How those inputs ended; adds up to those read.", ends, "state")
    yield _Metric("watch_cycles", "Runs that ended well.", {"": status.cycles})
    yield _Metric("watch_commits", "Those of them that published something.", {"": status.commits})
    yield _Metric("watch_failures", "Runs and workers that failed.", {"": status.failures})
    yield _Metric("watch_workers", "Worker processes that there were.", {"": status.workers})
    for name, figures in status.latency.as_json().items():
        about = f"From publication to commit: {name.replace('_', ' ')}."
        quantiles = {"0.5": figures["median_seconds"], "0.95": figures["p95_seconds"]}
        samples = {quantile: seconds for quantile, seconds in quantiles.items() if seconds is not None}
        yield _Metric(f"watch_latency_{name}_seconds", about, samples, "quantile")
    when = {"": now.timestamp()}
    yield _Metric("last_success_timestamp_seconds", "When a run last ended well, as Unix time.", when)


def _lines(metric: _Metric, where: str) -> Iterable[str]:
    name = f"knipsel_{metric.name}"
    yield f"# HELP {name} {metric.about}"
    yield f"# TYPE {name} gauge"
    for value, number in metric.samples.items():
        label = f',{metric.label}="{_escaped(value)}"' if metric.label else ""
        yield f"{name}{{{where}{label}}} {number!r}"


def _escaped(value: str) -> str:
    """The value of a label between its quotes (Prometheus, text-based format, version 0.0.4)."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
