"""A job that never ends, by windows: in time, late, too late, twice, and after a fault; each article once."""

from __future__ import annotations

import datetime as dt
import json
import os
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow.dataset as ds
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner
from apache_beam.testing.test_stream import TestStream as Stream
from apache_beam.transforms.window import TimestampedValue

from pipeline.build import recapture_of, stages
from pipeline.deltalog import Counts, RunRecord, read_log
from pipeline.endless import PublishWindows, Windowing
from pipeline.inputs import find_inputs
from pipeline.ledger import Ledger, current_state
from pipeline.pane import Pane
from pipeline.publish import Ended, Publisher, Publishing, digest
from pipeline.run import run as run_bounded
from pipeline.settings import Config
from pipeline.verify import verify
from schemas.record import Draft, Record
from schemas.reject import Reject
from tests.conftest import REPOSITORY
from tests.pipeline import rows as made
from tests.pipeline.test_recapture import ARTICLE, BODY, FRIDAY, MONDAY, NEWS, TUESDAY, capture
from transforms.nursery_process import loaded, packed
from transforms.pool import Workers
from transforms.read_sources import read_file

NOW = dt.datetime(2026, 11, 20, 6, 30, tzinfo=dt.UTC)
MINUTES = 10
LATE_MINUTES = 60
WINDOWING = Windowing(seconds=60 * MINUTES, late_seconds=60 * LATE_MINUTES, pane_seconds=5, shards=1)


def at(minutes: float) -> dt.datetime:
    """The moment ``minutes`` after half past six; windows begin at every ten."""
    return NOW + dt.timedelta(minutes=minutes)


def draft(number: int, minutes: float = 0.0) -> Draft:
    published = at(minutes)
    article = made.article(number, "", day=published.date())
    return Draft(replace(article, published_at=published), "", 0)


def timed(number: int, minutes: float) -> TimestampedValue:
    return TimestampedValue(draft(number, minutes), at(minutes).timestamp())


def stamp(minutes: float) -> str:
    return f"{at(minutes):%Y%m%dT%H%M%SZ}"


def publishing(root: Path) -> Publishing:
    return Publishing(
        root=str(root),
        job="a",
        config_hash="c0ffee",
        rules_version="1",
        rows_per_file=1_000,
        buffer_bytes=1 << 20,
        window_days=3,
        inputs=("oudewal.jsonl",),
        since=0,
        renew_after=3,
    )


def run(stream: Stream, root: Path) -> list[RunRecord]:
    """What the log holds once ``stream`` has gone through."""
    with beam.Pipeline(runner=BundleBasedDirectRunner(), options=PipelineOptions(["--streaming"])) as pipeline:
        _ = pipeline | stream | PublishWindows(WINDOWING, publishing(root), NOW)
    return records(root)


def records(root: Path) -> list[RunRecord]:
    return [entry.record for entry in read_log(root) if entry.record is not None]


def held(root: Path) -> Counter[int]:
    """How often each article is there."""
    ids = ds.dataset(root / "articles", format="parquet", partitioning="hive").to_table(["article_id"])
    return Counter(int(name, 16) for name in ids["article_id"].to_pylist())


def pane_of(ended: Iterable[Ended], number: int = 0) -> Pane:
    return Pane("a", stamp(0), stamp(MINUTES), "0", number, "early", digest(ended, stamp(0)))


def test_in_time_late_too_late_and_twice(tmp_path: Path) -> None:
    stream = (
        Stream()
        .advance_watermark_to(at(-10).timestamp())
        .add_elements([timed(1, -4), timed(2, -2), timed(3, 4)])
        .advance_processing_time(10)
        .add_elements([timed(1, -4)])
        .advance_watermark_to(at(20).timestamp())
        # Their windows have ended: -10 to 0 is kept for an hour yet, and -120 to -110 no longer.
        .add_elements([timed(4, -1), timed(5, -115), timed(6, -112)])
        .advance_processing_time(10)
        .advance_watermark_to_infinity()
    )
    done = run(stream, tmp_path / "out")
    by_window: dict[str, Counter[str]] = {}
    for record in done:
        assert record.pane is not None
        counts = record.counts
        books = by_window.setdefault(f"{record.pane.window} {record.pane.shard}", Counter())
        books.update(written=counts.written, duplicate=counts.duplicate, read=counts.read)
    assert by_window == {
        f"{stamp(-10)} 0": Counter(written=3, duplicate=1, read=4),
        f"{stamp(0)} 0": Counter(written=1, duplicate=0, read=1),
        f"{stamp(-120)} late-{stamp(-120)}": Counter(written=2, duplicate=0, read=2),
    }
    (late,) = (record for record in done if record.pane is not None and record.pane.timing == "too_late")
    assert [(file.rows, file.name) for file in late.files] == [(2, f"{late.run_id}-late-1.parquet")]
    assert held(tmp_path / "out") == Counter(range(1, 7))
    assert verify(tmp_path / "out").faults == ()


def test_a_window_is_readable_before_it_ends(tmp_path: Path) -> None:
    stream = Stream().advance_watermark_to(at(-10).timestamp()).add_elements([timed(1, 4)])
    for number in (2, 3):
        stream = stream.advance_processing_time(10).add_elements([timed(number, 4)])
    done = run(stream.advance_processing_time(10).advance_watermark_to_infinity(), tmp_path / "out")
    assert [(record.counts.written, record.pane and record.pane.number) for record in done] == [
        (1, 0),
        (1, 1),
        (1, 2),
    ]


def test_dead_letters_and_known_entries_are_in_the_books(tmp_path: Path) -> None:
    ended: list[Ended] = [draft(1), made.reject(7, ""), "a1b2c3d4e5f60718"]
    stream = (
        Stream()
        .advance_watermark_to(at(-10).timestamp())
        .add_elements([TimestampedValue(one, at(1).timestamp()) for one in ended])
        .advance_processing_time(10)
        .advance_watermark_to_infinity()
    )
    (record,) = run(stream, tmp_path / "out")
    counts = record.counts
    assert (counts.read, counts.written, counts.duplicate, counts.rejected) == (3, 1, 1, 1)
    assert dict(counts.reasons) == {"EMPTY": 1}


def test_an_engine_that_gives_a_pane_out_again_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runner tries a bundle again whose commit stood, but of which it did not hear."""
    publish, calls = Publisher.publish, []

    def lost(self: Publisher, *args: Any) -> Any:
        calls.append(publish(self, *args))
        if len(calls) == 1:
            raise ConnectionError("the worker is gone")
        return calls[-1]

    monkeypatch.setattr(Publisher, "publish", lost)
    stream = Stream().advance_watermark_to(at(-10).timestamp()).add_elements([timed(1, 4), timed(2, 4)])
    (record,) = run(stream.advance_processing_time(10).advance_watermark_to_infinity(), tmp_path / "out")
    assert record.counts.written == 2
    assert [books and books.written for books in calls] == [2, None]
    assert held(tmp_path / "out") == Counter((1, 2))


def test_a_pane_of_the_same_number_with_more_in_it_adds_what_is_new(tmp_path: Path) -> None:
    """So it may be behind an old checkpoint, which knows nothing of the commit."""
    root = tmp_path / "out"
    one: list[Ended] = [draft(1)]
    both: list[Ended] = [draft(1), draft(2)]
    assert _written(Publisher(publishing(root)).publish(pane_of(one), one, NOW)) == 1
    assert _written(Publisher(publishing(root)).publish(pane_of(both), both, NOW)) == 1
    assert held(root) == Counter((1, 2))


def _written(counts: Counts | None) -> int | None:
    return counts.written if counts is not None else None


@pytest.mark.parametrize("step", ["_decide", "_prepare", "_publish", "_append", "_remove"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_killed_between_staging_and_commit(step: str, before: bool, tmp_path: Path) -> None:
    root = tmp_path / "out"
    ended: list[Ended] = [draft(1), draft(2), made.reject(7, "")]
    with warnings.catch_warnings():
        # Threads of other tests may live, which the child does without.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        _die_at(step, before)
        Publisher(publishing(root)).publish(pane_of(ended), ended, NOW)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert list((root / "_staging").iterdir())
    Publisher(publishing(root)).publish(pane_of(ended), ended, NOW)
    assert held(root) == Counter((1, 2))
    assert [record.counts.read for record in records(root)] == [3]
    assert list((root / "_staging").iterdir()) == []
    assert verify(root).faults == ()


def _die_at(step: str, before: bool) -> None:
    work: Callable[..., Any] = getattr(Ledger, step)

    def die(self: Ledger, *args: Any) -> Any:
        if not before:
            work(self, *args)
        os._exit(9)

    setattr(Ledger, step, die)


def test_another_writer_is_waited_for(tmp_path: Path) -> None:
    root = tmp_path / "out"
    ended: list[Ended] = [draft(1)]
    with Ledger(root) as ledger:
        waiting = threading.Thread(
            target=Publisher(publishing(root)).publish, args=(pane_of(ended), ended, NOW), daemon=True
        )
        waiting.start()
        # The other one writes meanwhile, and the very same article.
        run_id = ledger.next_run_id(NOW)
        file = made.stage_articles(ledger.staging(run_id), f"{run_id}-1.parquet", [draft(1).article], at(0).date())
        ledger.commit(run_id, [file], None, Counts(1, 1, 0, 0, 0), config_hash="c0ffee", now=NOW)
        waiting.join(1.0)
        assert waiting.is_alive()
    waiting.join(30)
    assert [(record.counts.written, record.counts.duplicate) for record in records(root)] == [(1, 0), (0, 1)]


def test_what_a_failed_commit_has_seen_is_not_taken_for_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "out"
    ended: list[Ended] = [draft(1)]
    publisher = Publisher(publishing(root))
    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "commit", _fail)
        with pytest.raises(OSError, match="full"):
            publisher.publish(pane_of(ended), ended, NOW)
    assert _written(publisher.publish(pane_of(ended), ended, NOW)) == 1
    assert held(root) == Counter((1,))


def _fail(*_: object, **__: object) -> None:
    raise OSError("the disk is full")


def test_what_is_known_is_read_anew_now_and_then(tmp_path: Path) -> None:
    root = tmp_path / "out"
    publisher = Publisher(publishing(root))
    for number in range(8):
        ended: list[Ended] = [draft(number), draft(max(0, number - 5))]
        publisher.publish(pane_of(ended, number), ended, NOW)
    assert held(root) == Counter(range(8))


def test_a_pane_is_what_a_run_would_have_been(tmp_path: Path, config: Config) -> None:
    """The second half of the graph is done by hand there: rows, books and what is left to the next are the same."""
    examples = [str(REPOSITORY / "examples" / "articles.jsonl"), str(REPOSITORY / "examples" / "txt")]
    both, third = tmp_path / "both.jsonl", tmp_path / "third.jsonl"
    both.write_text("\n".join(json.dumps(capture(links)) for links in (MONDAY, TUESDAY)), "utf-8")
    third.write_text(json.dumps(capture(FRIDAY, [*ARTICLE, NEWS])), "utf-8")
    settings = config.settings.model_copy(update={"run": config.settings.run.model_copy(update={"workers": 0})})
    limits, by_run, by_pane = settings.limits, tmp_path / "run", tmp_path / "pane"
    chain = loaded(packed(stages(config, NOW, {})))
    told = replace(
        publishing(by_pane),
        config_hash=config.config_hash,
        rules_version=config.rules_version,
        window_days=settings.clusters.window_days,
        recapture=recapture_of(by_pane, config, NOW, {}, Workers(0, 60.0, 1 << 30)),
    )
    publisher = Publisher(told)
    for number, paths in enumerate([[*examples, str(both)], [str(third)]]):
        inputs = find_inputs(paths)
        run_bounded(inputs, replace(config, settings=settings), by_run, now=NOW)
        read = [
            record
            for file in inputs.files
            for record in read_file(file, text_bytes=limits.text_bytes, feed_bytes=limits.feed_bytes)
            if isinstance(record, Record | Reject)
        ]
        ended: list[Ended] = [chain(record) if isinstance(record, Record) else record for record in read]
        publisher.publish(pane_of(ended, number), ended, NOW)
    assert [row["body"] for row in _all_of(by_pane) if row["version"] > 1] == [BODY, f"{BODY}\n\n{NEWS}"]
    assert _all_of(by_pane) == _all_of(by_run)
    assert [record.counts for record in records(by_pane)] == [record.counts for record in records(by_run)]
    states = [current_state(root) for root in (by_run, by_pane)]
    assert all(states[0].get(key) == states[1].get(key) for key in ("lines", "stories"))
    assert "stories" in states[0]


def _all_of(root: Path) -> list[dict[str, Any]]:
    found = ds.dataset(root / "articles", format="parquet", partitioning="hive").to_table().to_pylist()
    return sorted(found, key=lambda row: (str(row["article_id"]), int(row["version"])))
