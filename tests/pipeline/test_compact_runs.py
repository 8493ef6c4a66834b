"""Real runs over the test press, before a data set is made anew as one of few files and after it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from deltalake import DeltaTable

from pipeline.cli import main
from pipeline.deltalog import Operation, read_log
from pipeline.feed_state import FeedState
from pipeline.ledger import current_state
from pipeline.verify import verify
from tests.pipeline.test_fetching import MINUTE, NOW, Nights, books, rows
from tests.pipeline.test_run import files
from tests.pipeline.whole_runs import write_records
from tests.press import Article, Kind, Press

INLINE = ("--workers", "0")
"""So few articles are cleaned sooner than worker processes are ready."""


def is_to_be_had(article: Article, press: Press) -> bool:
    outlet = next(outlet for outlet in press.outlets if outlet.id == article.outlet)
    return article.allowed or outlet.text != "page"


def seen(root: Path, capsys: pytest.CaptureFixture[str]) -> set[int]:
    """How many articles each kind of reader finds."""
    capsys.readouterr()
    assert main(["show", "--root", str(root), "--sql", "select count(*) as n from articles", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)["n"]
    return {len(rows(root)), DeltaTable(root).to_pyarrow_table().num_rows, shown}


def test_nights_go_on_in_the_data_set_that_was_made_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new"
    with Press(outlets=3, seed=3, stories=4) as press:
        nights = Nights(tmp_path, press, capsys)
        records = write_records(tmp_path / "in.jsonl", 0, 4)
        nights.run(*INLINE)
        assert nights.run(str(records), *INLINE, now=NOW + MINUTE)["written"] == 4
        old, state = files(nights.root), current_state(nights.root)
        stored = {(row["article_id"], row["version"]) for row in rows(nights.root)}
        last = read_log(nights.root)[-1].version
        later = (NOW + 11 * MINUTE).isoformat()
        assert main(["compact", "--root", str(nights.root), "--into", str(new), "--now", later]) == 0
        (entry,) = read_log(new)
        assert entry.record is not None
        assert (entry.record.operation, entry.record.number) == (Operation.COMPACT, last + 1)
        assert current_state(new) == state
        assert seen(new, capsys) == seen(nights.root, capsys) == {len(stored)}

        # What feeds said last is known: they are asked with their marks, and no page is fetched again.
        press.forget()
        again = nights.run(*INLINE, now=NOW + 20 * MINUTE, root=new)
        assert (again["written"], again["rejected"]) == (0, 0)
        assert press.conditional_share(None) >= 0.95
        assert {request.kind for request in press.requests()} == {Kind.FEED}

        # Another night, of which some is known, some has changed and some is new; files likewise.
        press.tick(NOW + 25 * MINUTE)
        (edited,) = press.edit(1, press.outlets[0].id)
        published = press.publish(2, press.outlets[1].id)
        fresh = sum(is_to_be_had(article, press) for article in published)
        night = nights.run(*INLINE, now=NOW + 30 * MINUTE, root=new)
        assert (night["written"], night["rejected"]) == (fresh + 1, 0)
        read = nights.run(str(write_records(records, 2, 4)), *INLINE, now=NOW + 31 * MINUTE, root=new)
        assert books(read) == (4, 2, 2, 0, 0)

    now_stored = {(row["article_id"], row["version"]) for row in rows(new)}
    assert stored < now_stored
    assert len(now_stored) == len(stored) + fresh + 1 + 2
    assert seen(new, capsys) == {len(now_stored)}
    (version,) = (row["version"] for row in rows(new) if row["canonical_url"] == edited.url and row["version"] > 1)
    assert version == 2
    numbers = [one.record.number for one in read_log(new) if one.record]
    assert numbers == list(range(last + 1, last + 1 + len(numbers)))
    assert night["run_id"] > again["run_id"] > entry.record.run_id
    # Each book says what its run did, and together they hold every article.
    written = [one.record.counts for one in read_log(new) if one.record]
    assert sum(counts.written for counts in written) == len(now_stored)
    assert all(counts.balanced for counts in written)
    before, after = FeedState.from_json(state), FeedState.from_json(current_state(new))
    assert before.feeds.keys() == after.feeds.keys()
    found = verify(new)
    assert (found.faults, found.runs) == ((), len(numbers))
    assert main(["verify", "--root", str(new)]) == 0
    assert files(nights.root) == old, "the old one is as it was"
