"""Readers that never stop meet whole runs only, whatever becomes of the writers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pipeline.ledger import Counts, Ledger
from tests.pipeline.competing import BUSY, Result, Seen, read_while_writing, root_of
from tests.pipeline.rows import DAY, NOW, OTHER_DAY, article, stage_articles


def test_reads_while_three_writers_compete_and_are_killed(tmp_path: Path) -> None:
    result = read_while_writing(tmp_path, 300, seed=2)
    assert (result.errors, result.torn, result.unnamed) == ([], [], [])
    assert result.reads == 300
    assert result.commits > 3
    assert set(result.statuses) <= {0, BUSY, -9}
    assert result.statuses[BUSY] > 0


def test_a_torn_read_and_a_count_that_no_log_names_are_found_out(tmp_path: Path) -> None:
    root = root_of(tmp_path, 0)
    files: list[tuple[str, int]] = []
    with Ledger(root) as ledger:
        for number, days in enumerate([(DAY,), (DAY, OTHER_DAY)]):
            run_id = ledger.next_run_id(NOW)
            staged = [
                stage_articles(
                    ledger.staging(run_id),
                    f"{run_id}-{part}.parquet",
                    [article(2 * number + part, run_id, day=day)],
                    day,
                )
                for part, day in enumerate(days)
            ]
            books = Counts(len(staged), len(staged), 0, 0, 0)
            ledger.commit(run_id, staged, None, books, config_hash="c0ffee", now=NOW)
            files += [(file.path, file.rows) for file in staged]
    right = [tuple(files[:1]), tuple(files)]
    half_a_run = tuple(files[:2])
    half_a_file = ((files[0][0], 0),)
    views = Counter((0, "log", view) for view in (*right, half_a_run, half_a_file))
    result = Result()
    result.judge(tmp_path, Seen("DuckDB", reads=4, views=views))
    assert (len(result.torn), len(result.unnamed)) == (1, 1)
