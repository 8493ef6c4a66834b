"""The folder of a data set, and the right to write to it, which one process holds at a time."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from pipeline.deltalog import LOG, LedgerError
from transforms.storage import Storage, try_lock

LOCK = "_lock"


class RootError(LedgerError):
    """The root cannot be used at all: it is missing with no folder to make it in, or not writable."""


class RootBusy(LedgerError):  # noqa: N818 - it says what is the case; nothing is in error
    """Another run holds the root."""


def open_root(root: Path, storage: Storage) -> Callable[[], None]:
    """Take the data set at ``root`` for this process alone; the folder is made if the one above it exists.

    Returns:
        What gives it free again.

    Raises:
        RootError: it cannot be made or written to.
        RootBusy: another process holds it.
    """
    try:
        if not root.is_dir():
            storage.make_folder(root)
        if not (root / LOG).is_dir() and os.access(root.parent, os.R_OK):
            # Also when it was there: it may stem from a process that died before its name was safe.
            storage.sync_folder(root.parent)
        if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "not writable")
        unlock = try_lock(root / LOCK)
    except OSError as err:
        raise RootError(
            f"{root}: cannot be used as a root ({err.strerror}); make the folder above it, or name one that this "
            "user may write to"
        ) from err
    if unlock is None:
        raise RootBusy(f"{root}: another run holds it; wait for that to end, or choose another root")
    return unlock
