"""A run that is killed, runs out of space or loses power at any step: nothing is lost, doubled or partial."""

from __future__ import annotations

import datetime as dt
import errno
import itertools
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pipeline.ledger import Ledger, LedgerError, RootError
from pipeline.verify import verify
from tests.pipeline.crash import (
    Counting,
    Dead,
    Full,
    Gone,
    LogFirst,
    NoDecision,
    NoRecovery,
    Volatile,
    attempt,
)
from tests.pipeline.rows import NOW
from transforms.parquet import hash_file

REPOSITORY = Path(__file__).parents[2]


def kill_at_every_step(template: Path, folder: Path, wanted: int) -> list[Path]:
    """The roots of runs that were killed, each one step later than the one before."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.pipeline.crash", str(template), str(folder), str(wanted)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps > 20, done.stderr
    return [folder / f"{step:03d}" for step in range(1, steps + 1)]


def reader_problems(root: Path) -> list[str]:
    """What readers would run into at this moment, whatever the writer was doing."""
    found = []
    for path in sorted(root.glob("articles/*/*")):
        try:
            pq.read_metadata(path)
        except (OSError, pa.ArrowException) as err:
            found.append(f"{path}: {err}")
    if list(root.glob("_delta_log/*.json")):
        try:
            paths = DeltaTable(root).get_add_actions()["path"].to_pylist()
        except DeltaError as err:
            found.append(f"{root}: {err}")
        else:
            found += [f"{root / path}: in the log, but not there" for path in paths if not (root / path).is_file()]
    return found


def problems(root: Path, wanted: int) -> list[str]:
    """What is wrong with a data set that should hold the articles 0 to ``wanted``, each once."""
    found = list(verify(root).faults)
    expected = [f"{number:016x}" for number in range(wanted)]
    try:
        for reader in (
            ds.dataset(root / "articles", partitioning="hive"),
            DeltaTable(root).to_pyarrow_dataset(),
        ):
            seen = sorted(reader.to_table(["article_id"])["article_id"].to_pylist())
            if seen != expected:
                found.append(f"{root}: a reader finds {seen}")
        with Ledger(root) as ledger:
            if ledger.state != {"last": wanted - 1}:
                found.append(f"{root}: the state is {ledger.state}")
    except (OSError, pa.ArrowException, DeltaError, LedgerError) as err:
        found.append(f"{root}: {err}")
    left = [path for path in root.rglob("*") if path.name.endswith(".tmp") or path.parent.name == "_staging"]
    return found + [f"{path}: left behind" for path in left]


@dataclass
class Aftermath:
    """What is found after each accident: a recovery, then a later run over a source that has grown meanwhile.

    The same files lead to the same outcome, so the later run is made once for each state of the disk that a
    recovery comes to.
    """

    wanted: int = 6
    kind: type[Ledger] = Ledger
    outcomes: dict[str, list[str]] = field(default_factory=dict)

    def problems(self, root: Path) -> list[str]:
        found = reader_problems(root)
        try:
            with self.kind(root):
                pass
            state = snapshot(root)
            if state not in self.outcomes:
                attempt(root, self.wanted, kind=self.kind, now=NOW + dt.timedelta(hours=1))
                self.outcomes[state] = problems(root, self.wanted)
        except LedgerError as err:
            return [*found, str(err)]
        return found + self.outcomes[state]


def snapshot(root: Path) -> str:
    """Every file of the data set and its bytes, as one text."""
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != "_lock")
    return "\n".join(f"{path.relative_to(root)} {hash_file(path)}" for path in files)


def one_commit(root: Path) -> Path:
    attempt(root, 2)
    return root


def interrupted(root: Path) -> Path:
    """A data set whose last run was decided and came no further."""
    attempt(root, 2)

    class Stuck(Full):
        def rename(self, source: Path, target: Path) -> None:
            if "articles" in target.parts:
                raise OSError(errno.EIO, "stuck")
            super().rename(source, target)

    with pytest.raises(OSError, match="stuck"):
        attempt(root, 4, Stuck(10_000))
    return root


def test_a_later_run_killed_at_every_step(tmp_path: Path) -> None:
    after = Aftermath()
    for root in kill_at_every_step(one_commit(tmp_path / "template"), tmp_path / "killed", 4):
        assert after.problems(root) == []
    # It has happened, or it has not; there is no third way.
    assert len(after.outcomes) == 2


def test_a_recovery_killed_at_every_step(tmp_path: Path) -> None:
    after = Aftermath()
    template = interrupted(tmp_path / "template")
    assert [fault for fault in verify(template).faults if "completes it" in fault]
    for root in kill_at_every_step(template, tmp_path / "killed", 4):
        assert after.problems(root) == []
    assert len(after.outcomes) == 1


def first_problems(folder: Path, kind: type[Ledger], disk: Callable[[int], Counting]) -> list[str]:
    """What is found first when a run ends at one step after the other, once its files are staged."""
    after = Aftermath(kind=kind)
    for step in itertools.count(20):
        root = folder / f"{step:03d}"
        try:
            attempt(root, 4, disk(step), kind)
        except Gone:
            if found := after.problems(root):
                return found
        else:
            break
    return []


@pytest.mark.parametrize("kind", [NoRecovery, LogFirst, NoDecision])
def test_a_wrong_protocol_is_found_out(tmp_path: Path, kind: type[Ledger]) -> None:
    assert first_problems(tmp_path, kind, Dead)


@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_at_every_step(tmp_path: Path, existing: bool) -> None:
    after = Aftermath()
    template = one_commit(tmp_path / "template")
    steps = 0
    for root in (tmp_path / f"{step:03d}" for step in itertools.count(1)):
        if existing:
            shutil.copytree(template, root)
        steps += 1
        try:
            attempt(root, 4, Full(steps))
        except (OSError, RootError) as err:
            message = str(err)
        else:
            break
        assert "No space left" in message
        if root.exists():
            # What lies at a final name is announced, and the log will come to hold it.
            assert [fault for fault in verify(root).faults if "completes it" not in fault] == []
        assert after.problems(root) == []
    assert steps > 20
    assert len(after.outcomes) == 2


@pytest.mark.parametrize("luck", [None, 1])
def test_a_loss_of_power_at_every_step(tmp_path: Path, luck: int | None) -> None:
    after = Aftermath()
    for step in itertools.count(1):
        root = tmp_path / f"{step:03d}"
        chance = None if luck is None else random.Random(luck * 1000 + step)
        try:
            attempt(root, 4, Volatile(step, chance))
        except Gone:
            assert after.problems(root) == []
        else:
            break
    assert len(after.outcomes) == 2


def lose_power_afterwards(root: Path, forgets: str = "") -> None:
    disk = Volatile(10_000, forgets=forgets)
    attempt(root, 4, disk)
    with pytest.raises(Gone):
        disk.happen()


def test_what_is_committed_survives_a_loss_of_power(tmp_path: Path) -> None:
    lose_power_afterwards(tmp_path)
    assert problems(tmp_path, 4) == []


@pytest.mark.parametrize("folder", ["articles", "date=2026-11-19", "rejects", "_state", "_delta_log"])
def test_a_forgotten_flush_of_what_is_published_is_found_out(tmp_path: Path, folder: str) -> None:
    lose_power_afterwards(tmp_path, forgets=folder)
    assert problems(tmp_path, 4)


def test_a_forgotten_flush_of_what_is_staged_is_found_out(tmp_path: Path) -> None:
    assert first_problems(tmp_path, Ledger, lambda step: Volatile(step, forgets="_staging"))
