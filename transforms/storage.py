"""The disk, one operation a method: every change that a commit makes goes through here.

A commit is a sequence of these operations, so a subclass can end the process, fail or forget at any one of
them. What ``create`` and ``sync_folder`` have returned from survives a loss of power; a ``rename``, ``link``
or ``make_folder`` survives it once the folder above is synced.
"""

from __future__ import annotations

import fcntl
import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path


def local(root: str) -> str:
    """``root``, if it can be a path.

    Raises:
        ValueError: it is the address of an object store, where neither lock nor rename can be had.
    """
    if "://" in root:
        raise ValueError("is no folder; a data set is written to a local disk, and copied from there to a store")
    return root


class Storage:
    """The local file system. Holds nothing; every method raises ``OSError`` with the path in it."""

    def create(self, path: Path, data: bytes) -> None:
        """Write ``data`` to ``path`` and flush it to the device. Readers may see a part of it meanwhile."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            _flush(descriptor)
        except OSError as err:
            # Calls on a descriptor do not know the name, and "no space left" alone helps nobody.
            raise OSError(err.errno, err.strerror, str(path)) from err
        finally:
            os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Move ``source`` to ``target`` in one step, in place of what may lie there."""
        source.replace(target)

    def link(self, source: Path, target: Path) -> None:
        """Give ``source`` the second name ``target`` in one step.

        Raises:
            FileExistsError: ``target`` exists, from whomever; it is left as it is.
        """
        target.hardlink_to(source)

    def make_folder(self, path: Path) -> None:
        """Make the folder ``path`` unless it is there; the folder above must exist."""
        path.mkdir(exist_ok=True)

    def sync_file(self, path: Path) -> None:
        """Flush a file that something else wrote to the device."""
        _flush_path(path)

    def sync_folder(self, path: Path) -> None:
        """Flush the names in the folder ``path`` to the device."""
        _flush_path(path)

    def unlink(self, path: Path) -> None:
        """Remove a file; none there is no error."""
        path.unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> None:
        """Remove an empty folder."""
        path.rmdir()

    def write_file(self, path: Path, data: bytes) -> None:
        """Write ``data`` to ``path`` whole and durably: under another name, then renamed, all flushed."""
        name = f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp"
        self.create(path.with_name(name), data)
        self.rename(path.with_name(name), path)
        self.sync_folder(path.parent)

    def make_folders(self, folders: Iterable[Path]) -> None:
        """Make ``folders`` durably, those above first; every folder above one of them is flushed.

        It is flushed even when nothing was made: the folder may stem from a process that died before that.
        """
        wanted = sorted(set(folders))
        for folder in wanted:
            self.make_folder(folder)
        for above in sorted({folder.parent for folder in wanted}):
            self.sync_folder(above)

    def remove_tree(self, path: Path) -> None:
        """Remove ``path`` and all beneath it; symbolic links are removed, not followed."""
        if path.is_symlink() or not path.is_dir():
            self.unlink(path)
            return
        for entry in sorted(path.iterdir()):
            self.remove_tree(entry)
        self.remove_folder(path)


DISK = Storage()
"""The real disk; what everything uses unless it is handed something else."""


def try_lock(path: Path) -> Callable[[], None] | None:
    """Take the lock file ``path``, made if missing, for this process alone and without waiting.

    The kernel frees the lock when the process ends, however it ends. A child made by a bare ``fork`` shares
    it and holds it on, so worker processes must end with their parent.

    Returns:
        What frees the lock, or ``None`` if another process holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return lambda: os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether another process holds the lock file ``path``; neither makes nor changes it.

    The question itself holds a shared lock for some microseconds, so ask only when the answer matters.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _flush(descriptor: int) -> None:
    if sys.platform == "darwin":
        # There fsync stops at the drive's own cache; this does not.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def _flush_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _flush(descriptor)
    except OSError as err:
        raise OSError(err.errno, err.strerror, str(path)) from err
    finally:
        os.close(descriptor)
