"""Inputs in batches: each is published by itself, and what was interrupted goes on where it stopped."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.batches import JOB
from pipeline.cli import main
from pipeline.ledger import Ledger
from pipeline.verify import verify
from tests.conftest import REPOSITORY
from tests.pipeline.pages import page, record, write_warc
from tests.pipeline.test_bad_input import rejects
from tests.pipeline.test_run import MOMENT, files, knipsel, rows

CODE = "import sys; from pipeline.cli import main; sys.exit(main())"
WORDS = "De brug over de Linde ging voor de {}e keer open voor al het verkeer, zegt de gemeente. Er was taart."


def lines(count: int, begin: int = 0) -> str:
    return "".join(
        json.dumps({"id": str(n), "text": WORDS.format(n), "published": "2026-11-18"}) + "\n"
        for n in range(begin, begin + count)
    )


def job(root: Path) -> dict[str, Any]:
    with Ledger(root) as ledger:
        found: dict[str, Any] = ledger.state.get(JOB, {})
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    (made / "a.jsonl").write_text(lines(20), "utf-8")
    (made / "b.jsonl.gz").write_bytes(gzip.compress((lines(12, 20) + "{\n" + lines(1, 3)).encode()))
    (made / "c.txt").write_text(WORDS.format("honderd"), "utf-8")
    write_warc(made / "d.warc.gz", [*(record(n, page(n)) for n in range(9)), record(10, b"x", "image/png")])
    return made


def test_batches_come_to_the_same_rows_as_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = knipsel(capsys, folder, "--root", folder.parent / "whole", *MOMENT)
    assert len(whole["runs"]) == 1
    parts = knipsel(capsys, folder, "--root", folder.parent / "parts", *MOMENT, "--set", "run.batch_records=10")
    assert len(parts["runs"]) == 2, "of each file with many records ten at a time"
    assert parts["run_id"] == parts["runs"][-1]
    same = ("read", "written", "duplicate", "filtered", "rejected", "reasons")
    assert {name: parts[name] for name in same} == {name: whole[name] for name in same}
    assert parts["reasons"] == {"JSONL_BAD": 1, "NOT_HTML": 1}
    assert parts["duplicate"] == 1, "the copy came in another batch"

    def told(root: Path) -> list[dict[str, Any]]:
        return [{**row, "run_id": ""} for row in rows(root)]

    assert told(folder.parent / "parts") == told(folder.parent / "whole")
    assert sorted(map(Path, parts["files"])) == sorted((folder.parent / "parts").rglob("date=*/*.parquet"))
    assert job(folder.parent / "parts") == {}
    assert not verify(folder.parent / "parts").faults


def test_batches_by_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_text(lines(20), "utf-8")
    half = len(lines(20)) // 2 + 1
    books = knipsel(capsys, tmp_path, "--root", tmp_path / "out", "--set", f"run.batch_bytes={2 * half + 10}")
    assert (len(books["runs"]), books["written"], books["duplicate"]) == (2, 20, 20)
    books = knipsel(capsys, tmp_path / "a.jsonl", "--root", tmp_path / "out-2", "--set", f"run.batch_bytes={half}")
    assert (len(books["runs"]), books["written"]) == (2, 20)


def test_a_batch_that_fails_leaves_those_before_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = folder.parent / "out"
    for path in folder.glob("[bcd]*"):
        path.unlink()
    (folder / "a.jsonl").write_text(lines(25) + "{\n" * 60, "utf-8")
    words = ["run", folder, "--root", root, "--set", "run.batch_records=25", "--set", "run.max_rejected_share=0.4"]
    assert main(list(map(str, words))) == 1
    said = capsys.readouterr().err
    assert "25 of 50 inputs were rejected" in said
    assert "the batch before it is, and the same command goes on behind" in said
    assert len(rows(root)) == 25
    assert job(root)["upcoming"] == 1
    os.utime(folder / "a.jsonl", (1, 1))
    assert main([*map(str, words), "--set", "run.max_rejected_share=1.0"]) == 0
    assert "going on" not in capsys.readouterr().err, "with another file it is another job"
    assert job(root) == {}
    assert len(rows(root)) == 25


def test_truncated_and_damaged_warc_files_balance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = write_warc(tmp_path / "a.warc.gz", (record(n, page(n)) for n in range(9))).read_bytes()
    places = [at for at in range(len(raw)) if raw[at : at + 3] == b"\x1f\x8b\x08"]
    (tmp_path / "cut.warc.gz").write_bytes(raw[: places[7] + 200])
    (tmp_path / "flipped.warc.gz").write_bytes(
        raw[: places[4] + 60] + bytes([raw[places[4] + 60] ^ 8]) + raw[places[4] + 61 :]
    )
    for name, good, code in (("cut", 7, "WARC_TRUNCATED"), ("flipped", 8, "WARC_DAMAGED")):
        root = tmp_path / name
        books = knipsel(capsys, tmp_path / f"{name}.warc.gz", "--root", root, "--set", "run.batch_records=5")
        assert (books["read"], books["written"], books["reasons"]) == (good + 1, good, {code: 1})
        (letter,) = rejects(root).values()
        place = places[7] if name == "cut" else places[4]
        assert letter["input_ref"].endswith(f"#{place}")
        assert not verify(root).faults


# Interruptions


@pytest.fixture(scope="module")
def backlog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WARC file, a folder of pages, and lines: three batches."""
    made = tmp_path_factory.mktemp("backlog")
    write_warc(made / "a.warc.gz", (record(n, page(n)) for n in range(30)))
    for n in range(30, 38):
        (made / f"b{n}.html").write_bytes(page(n))
    (made / "c.jsonl").write_text(lines(15), "utf-8")
    return made


@pytest.fixture(scope="module")
def undisturbed(backlog: Path) -> dict[str, bytes]:
    root = backlog.parent / "undisturbed"
    assert main([*command(backlog, root), "--quiet"]) == 0
    return published(root)


def command(inputs: Path, root: Path) -> list[str]:
    return ["run", str(inputs), "--root", str(root), "--set", "run.batch_records=10", *MOMENT]


def published(root: Path) -> dict[str, bytes]:
    return {name: data for name, data in files(root).items() if name.startswith(("articles", "rejects"))}


def processes() -> Iterator[tuple[int, int]]:
    """Every process that is no zombie, with its parent."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text("utf-8").rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            yield int(stat.parent.name), int(parent)


def below(process: int) -> set[int]:
    parents = dict(processes())
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {process}


def wait_for_commits(root: Path, count: int, process: subprocess.Popen[Any]) -> None:
    for _ in range(6000):
        if len(list(root.glob("_delta_log/*.json"))) >= count:
            return
        assert process.poll() is None, "the run ended before it was interrupted"
        time.sleep(0.01)
    pytest.fail("no batch was published within a minute")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_kill_9_leaves_no_process_and_the_rerun_the_same_rows(
    backlog: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    root = tmp_path / "out"
    words = [sys.executable, "-c", CODE, *command(backlog, root), "--workers", "2"]
    with subprocess.Popen(words, cwd=REPOSITORY, stderr=subprocess.DEVNULL) as process:
        wait_for_commits(root, 1, process)
        children = below(process.pid)
        process.kill()
    assert children
    deadline = time.monotonic() + 5
    while (left := children & {number for number, _ in processes()}) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left
    assert published(root) != undisturbed

    done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "going on behind the" in done.stderr
    assert published(root) == undisturbed
    assert not verify(root).faults


def test_sigterm_between_batches_says_what_is_published(
    backlog: Path, undisturbed: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "out"
    words = [sys.executable, "-c", CODE, *command(backlog, root)]
    with subprocess.Popen(words, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True) as process:
        wait_for_commits(root, 1, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
        assert process.stderr is not None
        # On a machine that is busy it may have published another one before the signal came.
        done = len(list(root.glob("_delta_log/*.json")))
        assert f"{done} of its batches" in process.stderr.read()
    assert not list((root / "_staging").glob("*"))
    knipsel(capsys, *command(backlog, root)[1:])
    assert published(root) == undisturbed


def test_a_job_that_is_done_is_done_again_from_the_beginning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jsonl").write_text(lines(30), "utf-8")
    words = [tmp_path / "a.jsonl", "--root", tmp_path / "out", "--set", "run.batch_records=20"]
    assert knipsel(capsys, *words)["written"] == 30
    books = knipsel(capsys, *words)
    assert (len(books["runs"]), books["duplicate"], books["files"]) == (2, 30, [])
    assert job(tmp_path / "out") == {}
    assert not verify(tmp_path / "out").faults
