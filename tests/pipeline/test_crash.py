"""Commits that are killed, lose power or meet a failing disk at any step: nothing is lost, doubled or partial."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.pipeline import faults
from tests.pipeline.disks import Accident, Device, Disk
from tests.pipeline.faults import one_life, table
from tests.pipeline.lives import AT_REST, Life, Offer, Tally, attempt, checkpoints
from tests.pipeline.looks import KINDS
from tests.pipeline.wrong import WRONG, Protocol

STEPS = range(20, 90)
"""Before these a run stages its files, and there is little that a protocol can do wrong."""

UNDISTURBED = (Accident.DEATH, AT_REST)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with faults.quiet():
        yield


def lives(folder: Path, plans: Sequence[Sequence[tuple[Accident, int]]], protocol: Protocol | None = None) -> Tally:
    """What is found in lives that go by ``plans``, with a checkpoint after every second run."""
    tally = Tally()
    for number, plan in enumerate(plans):
        own = folder / str(number)
        own.mkdir(parents=True)
        tally.add(Life(own, str(number), protocol=protocol or Protocol(), plan=plan, checkpoint_every=2).live())
    return tally


def test_a_root_that_a_dead_process_made_is_safe_once_a_run_has_ended(tmp_path: Path) -> None:
    tally = lives(tmp_path, [[(Accident.DEATH, step), (Accident.POWER, AT_REST)] for step in range(1, 5)])
    assert tally.told == []
    assert tally.struck == {Accident.DEATH: 4, Accident.POWER: 4}


def test_accidents_by_chance(tmp_path: Path) -> None:
    tally = Tally()
    for number in range(25):
        tally.add(one_life(f"suite-{number}"))
    assert tally.told == []
    assert not tally.found
    assert all(tally.struck[accident] > 10 for accident in Accident)
    assert tally.struck.total() == 200
    assert len(table(tally).splitlines()) == 1 + len(Accident) + 1
    assert all(heading in table(tally) for heading in ("kill -9", "loss of power", "articles lost", "doubled"))


@pytest.mark.parametrize("name", sorted(WRONG.keys() - {"checkpoint flushed late"}))
def test_a_wrong_protocol_is_found_out(tmp_path: Path, name: str) -> None:
    for accident, step in itertools.product((Accident.DEATH, Accident.POWER), [*STEPS, AT_REST]):
        if found := lives(tmp_path / f"{accident.name}-{step}", [[(accident, step)]], WRONG[name]).found:
            assert {kind for _, kind in found} <= set(KINDS)
            return
    pytest.fail("no accident at any step told it from the right one")


def test_a_checkpoint_that_is_flushed_late_is_found_out(tmp_path: Path) -> None:
    wrong = WRONG["checkpoint flushed late"]
    disk = Disk(Device(tmp_path))
    with checkpoints(2):
        attempt(tmp_path / "counted", Offer(1), Disk(Device(tmp_path)))
        attempt(tmp_path / "counted", Offer(2), disk, wrong.ledger)
    flush = disk.steps - 5  # After it come its folder's, and four that take away the staging folder.
    assert lives(tmp_path, [[UNDISTURBED, (Accident.POWER, flush)]] * 8, wrong).found
