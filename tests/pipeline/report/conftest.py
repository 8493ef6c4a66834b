from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.ledger import Ledger
from pipeline.report import RunExtra, publish
from tests.pipeline.report.made import commit_night
from tests.pipeline.rows import NOW, commit_run

EVE = NOW - dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Made:
    """A data set of two runs, the report of the second, and what was known of that beside the data set."""

    root: Path
    page: Path
    extra: RunExtra


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("report") / "out"
    with Ledger(root) as ledger:
        commit_run(ledger, range(4), now=EVE)
    extra = commit_night(root)
    return Made(root, publish(root, extra), extra)
