"""The life of a data set: run after run over a source that changes, most of them struck by an accident.

The source is one that only the state keeps from being read twice: a run takes what comes after ``last``. So a
state that is ahead of the articles loses some, one that is behind doubles them. What the source offers next is
another number of articles with other texts at each attempt, so what an interrupted run had decided cannot be
had a second time. After each accident readers look before anything is put right.
"""

from __future__ import annotations

import datetime as dt
import logging
import multiprocessing
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
from deltalake.exceptions import DeltaError

from pipeline import ledger as ledger_module
from pipeline.ledger import Counts, Ledger, LedgerError, RootError
from pipeline.sound_files import verify_and_remember
from tests.pipeline.disks import Accident, Device, Disk, Gone
from tests.pipeline.looks import BOOKS, DOUBLED, LOST, BrokenPromiseError, Rows, look_at, verified
from tests.pipeline.rows import DAY, NOW, OTHER_DAY, article, reject, stage_articles, stage_rejects
from tests.pipeline.wrong import RIGHT, Protocol
from transforms.parquet import StagedFile
from transforms.storage import Storage

STRUCK_MOST = 8
"""So many accidents befall one data set; a log that grows would only make the looks slower."""

CHECKED_EVERY = 3
"""Behind each so-manieth attempt the data set is checked, and what was found sound is left to the next check."""

AT_REST = 1_000_000
"""A step that no run comes to: the power fails hours later, nothing else happens at all."""

_FIRST_STEPS = 70
"""A first commit takes about so many steps; later the longest run seen tells."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the source has at attempt ``number``: some articles, whose texts bear the mark of the attempt.

    It follows from the number alone, so that the files of a run can be prepared once for all lives.
    """

    number: int

    @property
    def size(self) -> int:
        return 1 + self.number % 3

    @property
    def now(self) -> dt.datetime:
        """The moment of the attempt, by which a run is named."""
        return NOW + dt.timedelta(minutes=self.number)

    def text(self, article_number: int) -> str:
        return f"The ferry was late for the {article_number}th time (attempt {self.number}).\n\nNobody was surprised."


@dataclass(frozen=True, slots=True)
class World:
    """What a data set may rightly hold: the runs that took place, as the offers that they took up."""

    offers: tuple[Offer, ...] = ()

    @property
    def last(self) -> int:
        return sum(offer.size for offer in self.offers) - 1

    @property
    def rows(self) -> Rows:
        texts = [offer.text for offer in self.offers for _ in range(offer.size)]
        return Counter((f"{number:016x}", text(number)) for number, text in enumerate(texts))

    def run_id(self, offer: Offer) -> str:
        """The id of the run that takes up ``offer`` next."""
        return f"{len(self.offers):06d}-{offer.now:%Y%m%dT%H%M%SZ}"

    def after(self, offer: Offer) -> World:
        """The world in which one more run took place."""
        return World((*self.offers, offer))

    def since(self, least: World) -> list[World]:
        """The worlds on the way from ``least`` to this one, both included; none if it does not lead here."""
        if self.offers[: len(least.offers)] != least.offers:
            return []
        return [World(self.offers[:count]) for count in range(len(least.offers), len(self.offers) + 1)]


@dataclass(slots=True)
class Tally:
    """What came of the accidents."""

    struck: Counter[str] = field(default_factory=Counter)
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.struck += other.struck
        self.found += other.found
        self.told += other.told


def attempt(
    root: Path,
    offer: Offer,
    disk: Storage,
    kind: type[Ledger] = Ledger,
    prepared: Mapping[tuple[str, int], Prepared] | None = None,
) -> None:
    """One run: recover, read the state, stage what comes after it, commit; after some, a check that remembers.

    Args:
        root: of the data set.
        offer: what the source has.
        disk: the disk.
        kind: the committing code.
        prepared: the files that the run may come to, by its id and its first article, where they are made already.
    """
    with kind(root, storage=disk) as ledger:
        first = ledger.state.get("last", -1) + 1
        run_id = ledger.next_run_id(offer.now)
        folder = ledger.staging(run_id)
        numbers = range(first, first + offer.size)
        files = (prepared or {}).get((run_id, first)) or prepare(run_id, first, offer)
        for file, data in files:
            disk.write_file(folder / file.staged_name, data)
        ledger.commit(
            run_id,
            [file for file, _ in files],
            {"last": numbers[-1]},
            Counts(offer.size + 1, offer.size, 0, 0, 1, {"EMPTY": 1}),
            config_hash="c0ffee",
            inputs=["oudewal.jsonl"],
            now=offer.now,
        )
    if offer.number % CHECKED_EVERY == 0:
        verify_and_remember(root, storage=disk)


Prepared = Sequence[tuple[StagedFile, bytes]]
"""The files of a run and their bytes."""


@cache
def prepare(run_id: str, first: int, offer: Offer) -> Prepared:
    """The files of a run that takes up ``offer``: articles of two days, even ones and odd, and a dead letter."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        files = [stage_rejects(folder, f"{run_id}-2.parquet", [reject(first, run_id)])]
        for part, day in enumerate((DAY, OTHER_DAY)):
            numbers = [number for number in range(first, first + offer.size) if number % 2 == part]
            rows = [article(number, run_id, day=day, text=offer.text(number)) for number in numbers]
            if rows:
                files.append(stage_articles(folder, f"{run_id}-{part}.parquet", rows, day))
        return [(file, (folder / file.staged_name).read_bytes()) for file in files]


def killed_attempt(
    root: Path, offer: Offer, protocol: Protocol, at: int, every: int, prepared: Mapping[tuple[str, int], Prepared]
) -> None:
    """An attempt to be made in a process of its own, which kills itself at step ``at``."""
    logging.disable(logging.ERROR)
    with checkpoints(every):
        attempt(root, offer, protocol.disk(Device(root), Accident.KILL, at), protocol.ledger, prepared)


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """SIGTERM unwinds what is under way, at whatever step; the command holds it back during a commit."""

    def stop(_: int, __: object) -> None:
        raise Gone

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def checkpoints(every: int) -> Iterator[None]:
    """Let the log have a checkpoint after so many entries, so that a short life meets some."""
    before = ledger_module.CHECKPOINT_EVERY
    ledger_module.CHECKPOINT_EVERY = every
    try:
        yield
    finally:
        ledger_module.CHECKPOINT_EVERY = before


class Life:
    """One data set and what befalls it, all of it following from ``seed``.

    Args:
        folder: an empty one of its own.
        seed: of everything that is left to chance.
        protocol: the committing code and its disk.
        accidents: those that chance chooses from.
        plan: these accidents, each at its step, in place of chance.
        checkpoint_every: so many entries; by default, chance says.
    """

    def __init__(
        self,
        folder: Path,
        seed: str,
        *,
        protocol: Protocol = RIGHT,
        accidents: Sequence[Accident] = tuple(Accident),
        plan: Sequence[tuple[Accident, int]] = (),
        checkpoint_every: int = 0,
    ) -> None:
        self.root = folder / "root"
        self.tally = Tally()
        self.longest = _FIRST_STEPS
        self._folder = folder
        self._seed = seed
        self._rng = random.Random(seed)
        self._protocol = protocol
        self._accidents = accidents
        self._plan = plan
        self._device = Device(folder)
        self._worlds = {World()}
        self._safe = World()
        self._seen = World()
        self._dark = False
        self._attempts = 0
        self._every = checkpoint_every or self._rng.choice((2, 3, 100))

    def live(self, most: int = STRUCK_MOST) -> Tally:
        """Suffer the plan or ``most`` accidents, then run undisturbed once; at the first broken promise it ends."""
        label = "at rest"
        try:
            with checkpoints(self._every):
                for accident, at in self._plan or self._chances(most):
                    label = str(accident)
                    if self._suffer(accident, at):
                        self.tally.struck[label] += 1
                    self._look()
                    if not self._plan and self._rng.random() < 0.3:
                        self._settle()
                self._run_undisturbed()
        except BrokenPromiseError as fault:
            self.tally.found[label, fault.kind] += 1
            self.tally.told.append(f"life {self._seed}, attempt {self._attempts}, {label}: {fault}")
        return self.tally

    def _chances(self, most: int) -> Iterator[tuple[Accident, int]]:
        while self.tally.struck.total() < most:
            yield self._rng.choice(self._accidents), self._rng.randint(1, self.longest)

    def _offer(self) -> Offer:
        self._attempts += 1
        return Offer(self._attempts)

    def _suffer(self, accident: Accident, at: int) -> bool:
        """One attempt with an accident, or none where the attempt ends before its step; whether it struck."""
        offer = self._offer()
        if accident is Accident.KILL:
            struck, done = self._kill(offer, at)
        else:
            disk = self._protocol.disk(
                self._device, accident, at, lasting=self._rng.random() < 0.5, rng=random.Random(self._rng.random())
            )
            done = self._try(offer, disk)
            struck = disk.struck
            if done:
                self.longest = max(self.longest, disk.steps)
            if done and accident is Accident.POWER and not struck:
                # Hours after the run, all of it should be safe.
                self._device.lose_power(self._rng)
                struck = True
        after = {world.after(offer) for world in self._worlds}
        self._worlds = after if done else self._worlds | after
        if done:
            self._dark = False
            self._seen = self._safe = self._ended()
        elif accident is Accident.POWER and struck:
            self._dark = True
        return struck

    def _ended(self) -> World:
        """The one world there is once a run has come to its end: its state tells which."""
        rows = look_at(self.root).delta
        fitting = [world for world in self._worlds if world.rows == rows]
        if not fitting:
            self._blame(rows, self._worlds)
        return fitting[0]

    def _try(self, offer: Offer, disk: Disk) -> bool:
        """Whether the attempt came to its end."""
        try:
            with stopped_by_sigterm():
                attempt(self.root, offer, disk, self._protocol.ledger)
        except Gone:
            return False
        except (OSError, RootError) as err:
            if disk.struck and any(str(err).count(text) for text in ("No space", "Input/output", "Permission")):
                return False
            raise BrokenPromiseError(BOOKS, f"stuck: {err!r}") from err
        except (LedgerError, pa.ArrowException, DeltaError) as err:
            raise BrokenPromiseError(BOOKS, f"stuck: {err!r}") from err
        return True

    def _kill(self, offer: Offer, at: int) -> tuple[bool, bool]:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        starts = [(world.run_id(offer), world.last + 1) for world in self._worlds]
        prepared = {start: prepare(*start, offer) for start in starts}
        words = (self.root, offer, self._protocol, at, self._every, prepared)
        child = context.Process(target=killed_attempt, args=words)
        child.start()
        child.join()
        self._device = Device(self._folder)
        if child.exitcode not in (0, -9):
            raise BrokenPromiseError(BOOKS, f"a run that nothing hindered left with status {child.exitcode}")
        return child.exitcode == -9, child.exitcode == 0

    def _look(self) -> None:
        """What readers meet at this moment: whole files, no article twice, none gone, none from nowhere."""
        look = look_at(self.root)
        # What was seen before the power was lost may be gone until the next recovery, unless the run had ended.
        least = self._safe if self._dark else self._seen
        for name, rows in (("pyarrow", look.arrow), ("DuckDB", look.duckdb)):
            if rows - Counter(set(rows)):
                raise BrokenPromiseError(DOUBLED, f"{name} finds an article twice")
            if gone := least.rows - rows:
                raise BrokenPromiseError(LOST, f"{name} misses {min(gone)}")
            if not any(rows <= world.rows for world in self._worlds):
                raise BrokenPromiseError(DOUBLED, f"{name} finds articles that no run may have left")
        rows = look.delta
        views = {view for world in self._worlds for view in world.since(least)}
        fitting = [view for view in views if view.rows == rows]
        if not fitting:
            self._blame(rows, views)
        if len(fitting[0].offers) > len(self._seen.offers):
            self._seen = fitting[0]
        self._worlds = {world for world in self._worlds if self._seen in world.since(World())}

    def _settle(self) -> None:
        """Recover, and hold the data set against the worlds that there may be; every reader must see the same."""
        try:
            with self._protocol.ledger(self.root, storage=self._protocol.disk(self._device)) as ledger:
                last = ledger.state.get("last", -1)
        except (OSError, LedgerError, pa.ArrowException, DeltaError) as err:
            raise BrokenPromiseError(BOOKS, f"stuck: {err!r}") from err
        self._dark = False
        self._look()
        look = look_at(self.root)
        for rows in (look.arrow, look.duckdb):
            if rows != self._seen.rows:
                self._blame(rows, {self._seen})
        if last != self._seen.last:
            raise BrokenPromiseError(
                LOST if last > self._seen.last else DOUBLED, f"the state says {last}, not {self._seen.last}"
            )
        left = [path for path in self.root.rglob("*") if path.name.endswith(".tmp") or path.parent.name == "_staging"]
        if left:
            raise BrokenPromiseError(BOOKS, f"{left[0]}: left behind")
        self._safe = self._seen
        self._worlds = {self._safe}

    def _run_undisturbed(self) -> None:
        offer = self._offer()
        disk = self._protocol.disk(self._device)
        self._worlds = {world.after(offer) for world in self._worlds}
        self._try(offer, disk)
        self._settle()
        verified(self.root)

    def _blame(self, rows: Rows, views: set[World]) -> NoReturn:
        nearest = min(views, key=lambda world: (world.rows - rows).total() + (rows - world.rows).total())
        if rows - Counter(set(rows)):
            raise BrokenPromiseError(DOUBLED, "an article stands there twice")
        if gone := nearest.rows - rows:
            raise BrokenPromiseError(LOST, f"{min(gone)} is not there")
        raise BrokenPromiseError(DOUBLED, f"{min(rows - nearest.rows)} stands there once too often")
