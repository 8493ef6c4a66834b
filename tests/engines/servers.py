"""Engines beside this process: what ``make engines`` has fetched, started on loopback and ended by their ids."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import REPOSITORY

FETCHED = REPOSITORY / ".engines"
_BUILT, _INSTALLED = FETCHED / "bin" / "prism", FETCHED / "worker" / "bin" / "python"
PRISM = _BUILT if _BUILT.exists() else Path(shutil.which("prism") or _BUILT)
WORKER = _INSTALLED if _INSTALLED.exists() else Path(sys.executable)
"""Of an environment into which nothing but the built source distribution was installed; without it, of this one."""

START_SECONDS = 120.0
"""A worker that begins on a busy machine imports Beam for half a minute."""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


@contextmanager
def server(
    words: Sequence[str | Path], port: int, log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that listens on ``port`` while the context lasts."""
    with (
        log.open("wb") as out,
        subprocess.Popen(
            list(map(str, words)), cwd=log.parent, stdout=out, stderr=out, env={**os.environ, **environment}
        ) as process,
    ):
        try:
            _await(process, port, log)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as asked:
            asked.settimeout(1)
            if asked.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise AssertionError(f"nothing listens on port {port}: {log.read_text('utf-8', 'replace')[-2_000:]}")


@contextmanager
def prism(folder: Path) -> Iterator[list[str]]:
    """Beam's portable runner; gives the options by which a run uses it, with workers of its own process."""
    with prism_process(folder) as (options, _):
        yield options


@contextmanager
def prism_process(folder: Path) -> Iterator[tuple[list[str], subprocess.Popen[bytes]]]:
    """The same, and its process."""
    port = free_port()
    with server([PRISM, f"--job_port={port}", "--serve_http=false"], port, folder / "prism.log") as process:
        yield [f"--job_endpoint=localhost:{port}", "--environment_type=LOOPBACK"], process


@contextmanager
def job_service(folder: Path) -> Iterator[list[str]]:
    """Beam's local job service, with a pool of workers that do not stem from the process of the command."""
    port, workers = free_port(), free_port()
    service = [sys.executable, "-m", "apache_beam.runners.portability.local_job_service_main", f"--port={port}"]
    pool = [str(WORKER), "-m", "apache_beam.runners.worker.worker_pool_main", f"--service_port={workers}"]
    # The pool starts whatever "python" is.
    program = str(REPOSITORY) if Path(sys.executable) == WORKER else ""
    path = {"PATH": f"{WORKER.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": program}
    with server(pool, workers, folder / "pool.log", **path), server(service, port, folder / "service.log"):
        yield [
            f"--job_endpoint=localhost:{port}",
            "--environment_type=EXTERNAL",
            f"--environment_config=localhost:{workers}",
        ]
