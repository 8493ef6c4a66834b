"""Runs of one process that go on with what the one before has left."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from pipeline.inputs import find_inputs
from pipeline.loop import Loop
from pipeline.run import Summary, run
from pipeline.settings import load

NOW = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def line(number: int) -> str:
    text = f"De brug over de Zuidkade gaat in week {number} dicht voor onderhoud, meldt de gemeente."
    return json.dumps({"id": str(number), "text": text}) + "\n"


def test_a_loop_reads_batch_by_batch_and_knows_what_others_write_between(tmp_path: Path) -> None:
    config = load(None, ["run.batch_records=2", "run.workers=0"])
    path, other = tmp_path / "one.jsonl", tmp_path / "other.jsonl"
    path.write_text("".join(map(line, range(5))), "utf-8")
    other.write_text(line(7), "utf-8")
    loop = Loop(learned=lambda files: {"followed": len(files)})

    def once(minute: int, file: Path, kept: Loop | None) -> Summary:
        inputs = find_inputs([str(file)], source="zuidkade")
        return run(inputs, config, tmp_path / "out", now=NOW + minute * MINUTE, loop=kept)

    found = [once(minute, path, loop) for minute in range(2)]
    assert [(one.counts.written, len(one.runs)) for one in found] == [(2, 1), (2, 1)]
    assert loop.unfinished
    assert once(2, path, loop).counts.written == 1
    assert not loop.unfinished
    # Another writes between two runs of the loop, which must not write the same again.
    assert once(3, other, None).counts.written == 1
    assert len(loop.known.files) == 3
    both = tmp_path / "both.jsonl"
    both.write_text(line(7) + line(3) + line(8), "utf-8")
    last = [once(minute, both, loop) for minute in (4, 5)]
    assert [(one.counts.duplicate, one.counts.written) for one in last] == [(2, 0), (0, 1)]
    assert len(loop.known.files) == 5
