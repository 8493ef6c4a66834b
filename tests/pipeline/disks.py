"""A disk on which an accident happens at a chosen step, and the memory of what a loss of power would leave of it.

Only what POSIX promises counts as safe: the bytes of a file once it was flushed, a name once its folder was. All
else may be gone after a loss of power, all of it or any part, in whatever order it was done; a file whose name
survived may be empty, cut short or full of zeros. Files that the layer did not write itself (the checkpoints of the
Delta library) are held to the same.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from transforms.storage import Storage


class Accident(StrEnum):
    """What may befall a process at one of its steps."""

    KILL = "kill -9"
    DEATH = "death, the machine goes on"
    POWER = "loss of power"
    ENOSPC = "ENOSPC"
    EIO = "EIO"
    EACCES = "EACCES"
    SIGTERM = "SIGTERM"


ERRORS = {Accident.ENOSPC: errno.ENOSPC, Accident.EIO: errno.EIO, Accident.EACCES: errno.EACCES}


class Gone(BaseException):
    """The process is dead; nothing that it has under way survives this."""


class Device:
    """What of the tree ``root`` is safe. It outlives processes, for what they left unflushed stays so.

    All that lies there when it is made counts as safe.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._take_stock()

    def _take_stock(self) -> None:
        files = _files(self._root)
        self._pending: list[tuple[Path, Callable[[], object]]] = []
        self._flushed = {path.stat().st_ino for path in files}
        self._known = set(files)

    def file_created(self, path: Path) -> None:
        """There is a new file, or an old one is about to be written anew."""
        if path.exists():
            self._flushed.discard(path.stat().st_ino)
        else:
            self._pending.append((path.parent, path.unlink))

    def file_opened(self, path: Path) -> None:
        """A file was opened for writing; its number may have been that of a file that is gone."""
        self._flushed.discard(path.stat().st_ino)
        self._known.add(path)

    def file_synced(self, path: Path) -> None:
        """The bytes of a file are safe."""
        self._flushed.add(path.stat().st_ino)

    def folder_synced(self, folder: Path) -> None:
        """The names in a folder are safe, and that others have gone from there."""
        self._pending = [item for item in self._pending if item[0] != folder]
        self._known.update(folder.iterdir())

    def name_added(self, path: Path, undo: Callable[[], object]) -> None:
        """A name was put into a folder by a link, a rename or the making of a folder."""
        self._known.add(path)
        self._pending.append((path.parent, undo))

    def name_removed(self, path: Path, undo: Callable[[], object]) -> None:
        """A name has gone from a folder."""
        self._pending.append((path.parent, undo))

    def lose_power(self, rng: random.Random) -> None:
        """Leave of the tree what is safe, and of the rest what chance leaves; all of that is safe from then on."""
        share = rng.choice((1.0, 0.5, 0.1))
        for path in _files(self._root):
            if path.stat().st_ino not in self._flushed:
                _spoil(path, rng)
        for path in _files(self._root):
            if path not in self._known and rng.random() < share:
                path.unlink()
        for _, undo in reversed(self._pending):
            if rng.random() < share:
                try:
                    undo()
                except (FileNotFoundError, FileExistsError):
                    continue  # The folder above is gone already, or something took the place.
        self._take_stock()


def _files(root: Path) -> list[Path]:
    return [Path(folder) / name for folder, _, names in os.walk(root) for name in names]


def _spoil(path: Path, rng: random.Random) -> None:
    """Leave of bytes that were never flushed what a device may: all, none, a part, or zeros."""
    size = path.stat().st_size
    match rng.randrange(4):
        case 0:
            os.truncate(path, 0)
        case 1:
            os.truncate(path, rng.randint(0, size))
        case 2:
            path.write_bytes(bytes(size))


class Disk(Storage):
    """A disk that counts its steps; at step ``at`` there is an accident.

    Writing a file is three steps and its flush another, so a file may be missing, half there, whole but not
    safe. Nothing is flushed in fact: ``device`` knows what would have been.

    Args:
        device: what is safe.
        accident: what happens; nothing by default.
        at: at which step, from 1.
        lasting: an error comes back at each later step; of a full disk, at each that needs space.
        rng: what a loss of power leaves.
    """

    def __init__(
        self,
        device: Device,
        accident: Accident | None = None,
        at: int = 0,
        *,
        lasting: bool = False,
        rng: random.Random | None = None,
    ) -> None:
        self.steps = 0
        self.struck = False
        self.device = device
        self._accident = accident
        self._at = at
        self._lasting = lasting
        self._rng = rng or random.Random(at)
        self._dead = False

    def step(self, path: Path, *, frees: bool = False) -> None:
        """One more step, about to be done to ``path``; ``frees`` says that it needs no space."""
        if self._dead:
            raise Gone
        self.steps += 1
        again = self.struck and self._lasting and not (frees and self._accident is Accident.ENOSPC)
        if self._accident and (self.steps == self._at or (again and self._accident in ERRORS)):
            self.struck = True
            self._happen(self._accident, path)

    def _happen(self, accident: Accident, path: Path) -> None:
        if accident in ERRORS:
            raise OSError(ERRORS[accident], os.strerror(ERRORS[accident]), str(path))
        if accident is Accident.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        elif accident is Accident.SIGTERM:
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            if accident is Accident.POWER:
                self.device.lose_power(self._rng)
            self._dead = True
            raise Gone

    def create(self, path: Path, data: bytes) -> None:
        self.step(path)
        self.device.file_created(path)
        with path.open("wb", buffering=0) as file:
            self.device.file_opened(path)
            file.write(data[: len(data) // 2])
            self.step(path)
            file.write(data[len(data) // 2 :])
        self.sync_file(path)

    def rename(self, source: Path, target: Path) -> None:
        self.step(target)
        old = target.read_bytes() if target.exists() else None
        super().rename(source, target)
        self.device.name_added(target, lambda: _put_back(target, source, old))

    def link(self, source: Path, target: Path) -> None:
        self.step(target)
        super().link(source, target)
        self.device.name_added(target, target.unlink)

    def make_folder(self, path: Path) -> None:
        self.step(path)
        new = not path.exists()
        super().make_folder(path)
        if new:
            self.device.name_added(path, lambda: shutil.rmtree(path))

    def sync_file(self, path: Path) -> None:
        self.step(path)
        self.device.file_synced(path)

    def sync_folder(self, path: Path) -> None:
        self.step(path, frees=True)
        self.device.folder_synced(path)

    def unlink(self, path: Path) -> None:
        self.step(path, frees=True)
        old = path.read_bytes() if path.exists() else None
        super().unlink(path)
        if old is not None:
            self.device.name_removed(path, lambda: path.write_bytes(old))

    def remove_folder(self, path: Path) -> None:
        self.step(path, frees=True)
        super().remove_folder(path)
        self.device.name_removed(path, path.mkdir)


def _put_back(target: Path, source: Path, old: bytes | None) -> None:
    """Undo a rename; where the folder that it came from is gone for good, so is the file."""
    if source.parent.is_dir():
        target.replace(source)
    else:
        target.unlink()
    if old is not None:
        target.write_bytes(old)
