"""The pages: a report of one run, and the index that leads through all of them.

Each is one file that loads nothing. Its Content-Security-Policy names the hashes of the one style sheet and the one
script in it, so that whatever else an article may smuggle in, a browser neither runs nor fetches it.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.report import pictures
from pipeline.report.attention import FEWEST_RUNS, points, rejected_share, usual
from pipeline.report.extra import REPORTS, ReportError, order, page_path
from pipeline.report.history import Command, commands
from pipeline.report.links import followable
from pipeline.report.model import RunFacts, Share
from pipeline.report.words import FILTERS, clean
from transforms.storage import DISK, Storage

TEMPLATES = Path(__file__).parent / "templates"
INDEX = "index.html"

MOST_RUNS = 400
"""Runs in the index: a year of nights. Older reports are named below them."""

INDEX_COLUMNS = 90
"""Runs in the pictures of the index: a quarter of a year."""

FIRST_OUTLETS = 20
"""Rows of the first table of outlets; the others are folded away."""

FEWEST_COLUMNS = 12
"""Room in a picture of runs; so few that they would be blocks stand at its right."""

FEWEST_PERIODS = 12
"""So few dates stand in a table; a picture of them would be blocks."""

BOOKS = ("written", "duplicate", "filtered", "rejected")
"""How an input ends, in the order of the books."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a run beside those of the runs before it.

    Attributes:
        name: what it is.
        value: of this run.
        usual: the median of those before, ``None`` where they are too few.
        show: how it is written.
        picture: the figures of all of them.
    """

    name: str
    value: float
    usual: float | None
    show: Callable[[float], str]
    picture: Markup


def write_report(root: Path, facts: RunFacts, *, storage: Storage = DISK) -> Path:
    """Write the report of a run to ``ROOT/_reports/<run>.html``, whole or not at all, in place of one there.

    Raises:
        OSError: the disk failed.
    """
    before = facts.past[-1].run_id if facts.past else None
    counts = facts.counts
    html = _render(
        "report.html",
        facts=facts,
        counts=counts,
        points=points(facts),
        books=pictures.strip(
            [(name, getattr(counts, name)) for name in BOOKS],
            ", ".join(f"{getattr(counts, name):,} {name}" for name in BOOKS),
        ),
        measures=_measures([*facts.past, facts.this]),
        languages=_by_language(facts.languages),
        periods_picture=_periods(facts),
        fewest_periods=FEWEST_PERIODS,
        most_dated=max((one.published + one.other for one in facts.periods), default=0),
        before=before if before and page_path(root, before).is_file() else None,
        reported={one.run_id for one in facts.past if page_path(root, one.run_id).is_file()},
        kind_ids={kind.kind: f"kind-{number}" for number, kind in enumerate(facts.kinds)},
        kind_chars=max((kind.chars for kind in facts.kinds), default=0),
        first_outlets=FIRST_OUTLETS,
        fewest_runs=FEWEST_RUNS,
        most_articles=max((one.articles for one in facts.outlets), default=0),
    )
    path = page_path(root, facts.this.run_id)
    storage.make_folders([path.parent])
    storage.write_file(path, html.encode())
    return path


def write_index(root: Path, *, storage: Storage = DISK) -> Path:
    """Write the page that leads through the runs, ``ROOT/_reports/index.html``, whole or not at all.

    Raises:
        LedgerError: the log is damaged.
        ReportError: a file beside the reports is damaged, or there are no runs.
        OSError: the disk failed.
    """
    runs = commands(root, most=MOST_RUNS)
    if not runs:
        raise ReportError(f"{root}: has seen no run yet; 'knipsel run INPUT --root {root}' makes one")
    pages = {path.stem for path in (root / REPORTS).glob("*.html")} - {Path(INDEX).stem}
    known = {one.run_id for one in runs}
    html = _render(
        INDEX,
        runs=runs,
        months=[(month, list(group)) for month, group in groupby(runs, key=lambda one: f"{one.moment:%B %Y}")],
        reported=pages,
        older=sorted((page for page in pages - known if _is_run(page)), key=order, reverse=True),
        measures=_measures(list(reversed(runs[:INDEX_COLUMNS])))[:4],
        most_written=max(one.counts.written for one in runs),
    )
    path = root / REPORTS / INDEX
    storage.make_folders([path.parent])
    storage.write_file(path, html.encode())
    return path


def _is_run(name: str) -> bool:
    return name.partition("-")[0].isdigit()


def _measures(runs: Sequence[Command]) -> list[Measure]:
    """The figures of the last of ``runs`` beside those before; without those that the last one lacks."""
    asked: list[tuple[str, str, Callable[[Command], float | None], Callable[[float], str]]] = [
        ("Written", "written", lambda one: one.counts.written, FILTERS["count"]),
        ("Duplicate", "duplicate", lambda one: one.counts.duplicate, FILTERS["count"]),
        ("Filtered", "filtered", lambda one: one.counts.filtered, FILTERS["count"]),
        ("Rejected", "rejected", lambda one: one.counts.rejected, FILTERS["count"]),
        ("Reject share", "rejected", _share_of_rejects, FILTERS["percent"]),
        ("Time", "plain", lambda one: one.extra.seconds if one.extra else None, FILTERS["span"]),
        ("Peak memory", "plain", lambda one: one.extra.peak_bytes if one.extra else None, FILTERS["size"]),
    ]
    found = []
    for name, colour, ask, show in asked:
        values = [ask(one) for one in runs]
        this = values[-1]
        if this is None:
            continue
        known = [value for value in values if value is not None]
        label = f"{name}, {len(known)} runs: lowest {show(min(known))}, highest {show(max(known))}, last {show(this)}"
        drawn = [None if value is None else (value,) for value in [None] * (FEWEST_COLUMNS - len(values)) + values]
        picture = pictures.columns(drawn, label, names=(colour,), last=True)
        found.append(Measure(name, this, usual(values[:-1]), show, picture))
    return found


def _share_of_rejects(one: Command) -> float:
    return rejected_share(one.counts.read, one.counts.rejected)


def _by_language(languages: Sequence[Share]) -> list[tuple[str, int, list[Share]]]:
    """Languages without their regions, the most first, each with its regions where it has any."""
    parts: dict[str, list[Share]] = defaultdict(list)
    for one in languages:
        parts[one.name.partition("-")[0]].append(one)
    sums = {name: sum(one.count for one in found) for name, found in parts.items()}
    return [
        (name, sums[name], [one for one in parts[name] if one.name != name])
        for name in sorted(sums, key=lambda name: (-sums[name], name))
    ]


def _periods(facts: RunFacts) -> Markup:
    first, last = (facts.periods[0].label, facts.periods[-1].label) if facts.periods else ("", "")
    label = f"Articles by date, from {first} to {last}; the table below has the figures"
    parts = [(one.published, one.other) for one in facts.periods]
    return pictures.columns(parts, label, names=("written", "filtered"), last=False)


def _render(name: str, **given: Any) -> str:
    style, script = (Markup((TEMPLATES / part).read_text("utf-8")) for part in ("report.css", "report.js"))  # noqa: S704 - ours
    return (
        _environment()
        .get_template(name)
        .render(
            style=style,
            script=script,
            policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
            "base-uri 'none'; form-action 'none'",
            **given,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=clean,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS, followable=followable)
    environment.globals.update(bar=pictures.bar)
    return environment


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
