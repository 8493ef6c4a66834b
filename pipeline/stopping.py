"""Signals that ask for the end: where a run may be interrupted by them, and where they wait."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from types import FrameType

from pipeline.engine import Stopped

_ASKING = (signal.SIGTERM, signal.SIGINT)
_AGAIN_SECONDS = 0.2


@contextmanager
def stoppable(received: list[int]) -> Iterator[None]:
    """SIGTERM and SIGINT raise ``Stopped`` in the main thread, which this is, and are noted in ``received``.

    Python looks for signals between its own steps. One that comes right before a step that waits for the system, or
    that the system hands to another thread, would wait as long as that step; so a thread sends it to the main one
    again until it was seen.
    """
    here = threading.get_ident()
    ended = threading.Event()
    hears, tells = socket.socketpair()

    def stop(number: int, _: object) -> None:
        received.append(number)
        raise Stopped

    def insist() -> None:
        while number := hears.recv(1):
            while not ended.wait(_AGAIN_SECONDS) and not received:
                signal.pthread_kill(here, number[0])

    with closing(hears), closing(tells):
        tells.setblocking(False)
        insisting = threading.Thread(target=insist, name="signals", daemon=True)
        insisting.start()
        descriptor = signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
        try:
            with _handled_by(stop):
                yield
        finally:
            signal.set_wakeup_fd(descriptor)
            ended.set()
            tells.shutdown(socket.SHUT_WR)
            insisting.join()


@contextmanager
def deferred() -> Iterator[None]:
    """SIGTERM and SIGINT wait until the end of this, whichever thread the system hands them to.

    In other threads than the main one, where no signal is seen, nothing has to wait.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    try:
        with _handled_by(lambda number, _: held.append(number)):
            yield
    finally:
        for number in held[:1]:
            signal.raise_signal(number)


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _ASKING}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
