"""A data set to be shown, and what is shown of it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.ledger import Counts, Ledger
from pipeline.show import answer
from pipeline.tabular import Format
from tests.pipeline import rows

NUMBERS = range(1, 8)


def commit(root: Path, numbers: Sequence[int], **columns: object) -> None:
    """A run with these articles, filed under one day, and a dead letter for each tenth of them."""
    with Ledger(root) as ledger:
        run_id = ledger.next_run_id(rows.NOW)
        made = [replace(rows.article(number, run_id), **columns) for number in numbers]  # type: ignore[arg-type]  # the columns are those of the dataclass
        staged = [
            rows.stage_articles(
                ledger.staging(run_id), f"{run_id}-0.parquet", made, made[0].partition_date or rows.DAY
            )
        ]
        ledger.commit(run_id, staged, None, Counts(len(made), len(made), 0, 0, 0), config_hash="c0ffee", now=rows.NOW)


def seven(made: Path) -> Path:
    """Seven articles over two days, a dead letter, and a run of another outlet."""
    with Ledger(made) as ledger:
        rows.commit_run(ledger, list(NUMBERS))
    commit(made, [20, 21], source_id="kust", source_name="De Kustkoerier", headline=None, tags=())
    return made


def ask(root: Path, sql: str | None = None, *, width: int = 100, **how: Any) -> str:
    file = io.StringIO()
    answer(root, Console(file=file, width=width), sql=sql, **how)
    return file.getvalue()


def out(root: Path, sql: str | None, form: Format, folder: Path, **how: Any) -> bytes:
    output = folder / "answer"
    ask(root, sql, form=form, output=output, **how)
    assert [path.name for path in folder.iterdir()] == ["answer"]
    return output.read_bytes()
