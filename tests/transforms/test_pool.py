"""The pool by itself: order, bounds, and what becomes of children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from schemas.article import Article
from schemas.record import Declared, Draft, InputKind, Outlet, Record
from schemas.reject import Reason, Refused, Reject
from tests.conftest import NOW, REPOSITORY
from transforms import pool as pools
from transforms.nursery import Nursery, NurseryError
from transforms.nursery_process import packed
from transforms.pool import Pool, Workers
from transforms.stage import Chain, Stage

WORKERS = Workers(2, seconds=5.0, child_bytes=300_000_000)


def read(number: int, text: str = "", size: int = 1) -> Record:
    raw = text.encode().ljust(size)
    return Record(InputKind.TXT, f"{number}.txt", str(number), Outlet(), Declared(), raw, text=text)


def load_write(delay: float = 0.0) -> Callable[[Record], Draft]:
    return partial(write, delay)


def write(delay: float, record: Record) -> Draft:
    """A draft of the record, or what its text asks for."""
    time.sleep(delay * (int(record.record) % 3))
    order, _, value = (record.text or "").partition(" ")
    if order == "sleep":
        time.sleep(float(value))
    elif order == "kill":
        os.kill(os.getpid(), int(value))
    elif order == "refuse":
        raise Refused(Reason.EMPTY, value)
    elif order == "fail":
        raise ValueError(value)
    elif order == "keep":
        _kept.append(b"x" * int(value))
    article = Article(
        "a", record.record, input_kind="txt", input_ref=record.ref, fetched_at=NOW, body=str(os.getpid())
    )
    return Draft(article, "", len(record.raw))


def load_end(code: str) -> Callable[[Draft], Draft]:
    return partial(end, code)


def end(code: str, draft: Draft) -> Draft:
    if draft.article.source_id == code:
        raise Refused(Reason.ONLY_CLUTTER, "at the end")
    return draft


def cannot_load() -> Callable[[Record], Draft]:
    raise RuntimeError("the rules are gone")


_kept: list[bytes] = []
STAGES = (Stage("write", partial(load_write, 0.002), Reason.EXTRACT_ERROR), Stage("end", partial(load_end, "13")))


@pytest.fixture(scope="module")
def mother() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def pool(mother: Nursery) -> Iterator[Pool]:
    made = Pool(packed(STAGES), WORKERS, mother)
    yield made
    made.close()


def through(pool: Pool, records: list[Record]) -> list[Draft | Reject]:
    found: list[tuple[int, Draft | Reject]] = []
    for number, record in enumerate(records):
        found += pool.put(record, number)
    found += pool.drain()
    assert [number for number, _ in found] == list(range(len(records)))
    return [done for _, done in found]


def codes(found: list[Draft | Reject]) -> dict[int, str]:
    return {number: done.code for number, done in enumerate(found) if isinstance(done, Reject)}


def test_results_come_in_order_and_are_those_of_the_chain(pool: Pool) -> None:
    records = [read(n, {3: "refuse it", 5: "fail so"}.get(n, "")) for n in range(60)]
    found = through(pool, records)
    assert codes(found) == {3: "EMPTY", 5: "EXTRACT_ERROR", 13: "ONLY_CLUTTER"}
    assert [done.stage for done in found if isinstance(done, Reject)] == ["write", "write", "end"]
    alone = [Chain(STAGES)(record) for record in records]
    assert [done for done in alone if isinstance(done, Reject)] == [d for d in found if isinstance(d, Reject)]
    workers = {done.article.body for done in found if isinstance(done, Draft)}
    assert len(workers) == 2
    assert str(os.getpid()) not in workers


def test_what_is_done_already_keeps_its_place(pool: Pool) -> None:
    mine = Chain(STAGES)(read(1))
    found = [*pool.put(read(0, "sleep 0.2"), "a"), *pool.put(read(1), "b", mine), *pool.drain()]
    assert [context for context, _ in found] == ["a", "b"]
    assert found[1][1] is mine


def test_large_inputs_pass_and_bound_what_is_in_flight(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_IN_FLIGHT_BYTES", 9_000_000)
    given = 0
    for number in range(12):
        given += sum(1 for _ in pool.put(read(number, size=4_000_000), number))
        assert number + 1 - given <= 3
    assert given + sum(1 for _ in pool.drain()) == 12


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_the_culprit_alone_is_lost(pool: Pool, number: int) -> None:
    orders = {4: f"kill {number}", 5: f"kill {number}", 17: f"kill {number}"}
    found = through(pool, [read(n, orders.get(n, "")) for n in range(30)])
    assert codes(found) == {4: "WORKER_CRASH", 5: "WORKER_CRASH", 13: "ONLY_CLUTTER", 17: "WORKER_CRASH"}
    letter = found[4]
    assert isinstance(letter, Reject)
    assert (letter.stage, letter.input_ref) == ("write", "4.txt")
    assert f"signal {int(number)}" in letter.message


def test_what_takes_too_long_is_ended(mother: Nursery) -> None:
    pool = Pool(packed(STAGES), Workers(2, seconds=1.5, child_bytes=300_000_000), mother)
    begun = time.monotonic()
    found = through(pool, [read(n, {2: "sleep 60", 3: "sleep 60"}.get(n, "")) for n in range(20)])
    assert codes(found) == {2: "PARSE_TIMEOUT", 3: "PARSE_TIMEOUT", 13: "ONLY_CLUTTER"}
    assert time.monotonic() - begun < 8
    pool.close()


def test_a_child_that_has_grown_retires_and_nothing_is_lost(mother: Nursery) -> None:
    pool = Pool(packed(STAGES), Workers(1, seconds=5.0, child_bytes=100_000_000), mother)
    found = through(pool, [read(n, "keep 20000000") for n in range(13)])
    assert codes(found) == {}
    assert len({done.article.body for done in found if isinstance(done, Draft)}) == 5
    pool.close()


def test_stages_that_cannot_be_loaded_are_said(mother: Nursery) -> None:
    pool = Pool(packed([Stage("write", cannot_load)]), WORKERS, mother)
    with pytest.raises(NurseryError, match="the rules are gone"):
        through(pool, [read(0)])


def test_a_nursery_that_dies_takes_its_children_along_and_another_takes_over() -> None:
    mother = Nursery()
    pool = Pool(packed(STAGES), WORKERS, mother)
    through(pool, [read(0)])
    assert mother._process is not None
    mother._process.kill()
    mother._process.wait()
    assert codes(through(pool, [read(n) for n in range(5)])) == {}
    pool.close()
    mother.close()


FORK = """
import os, sys
from transforms.nursery import Nursery
from transforms.nursery_process import packed
from transforms.pool import Pool, Workers
from tests.transforms.test_pool import STAGES, read
assert "apache_beam" not in sys.modules
mother = Nursery()
mother.fork()
pool = Pool(packed(STAGES), Workers(2, 5.0, 300_000_000), mother)
for n in range(9):
    list(pool.put(read(n)))
print(len(list(pool.drain())) <= 9, mother._process is None)
mother.close()
"""


def test_a_process_without_threads_forks_its_nursery() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "True True\n"
