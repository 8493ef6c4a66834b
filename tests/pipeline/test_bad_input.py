"""Whatever comes in, each input ends in one state, with a reason, and the rest is written."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.cli import main
from pipeline.verify import verify
from tests.pipeline.test_run import knipsel, rows

GOOD = "De brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente. Er was taart."


def rejects(root: Path) -> dict[str, dict[str, Any]]:
    found = [
        r for p in (root / "rejects").rglob("*.parquet") for r in pq.read_table(p, partitioning=None).to_pylist()
    ]
    return {Path(row["input_ref"]).name: row for row in found}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    (made / "good.txt").write_text(GOOD, "utf-8")
    return made


def test_each_bad_input_has_its_code_and_the_rest_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [
        json.dumps({"id": 1, "text": GOOD}),
        '{"id": 2, "text": ',
        json.dumps({"id": 3, "text": GOOD + " \ud800\x00"}),
    ]
    (folder / "lines.jsonl").write_text("\n".join(lines), "utf-8")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "latin.txt").write_bytes("Het café aan de Linde is weer open. De reünie is zaterdag.".encode("cp1252"))
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 40)
    (folder / "nul.txt").write_bytes(f"{GOOD}\x00".encode())
    (folder / "huge.txt").write_bytes(b"a" * 20_000_000)
    (folder / "blank.html").write_text("<html><body><script>1</script></body></html>", "utf-8")
    (folder / "feed.xml").write_text("<html><head><title>x</title></head><body>x</body></html>", "utf-8")
    (folder / "cut.jsonl.gz").write_bytes(
        gzip.compress(b'{"text": "%s"}\n' % os.urandom(9_000).hex().encode())[:-500]
    )
    (folder / "entity.xml").write_text('<!DOCTYPE r [<!ENTITY a "b">]><rss version="2.0"><channel/></rss>', "utf-8")
    root = folder.parent / "out"
    books = knipsel(capsys, folder, "--root", root)

    found = rejects(root)
    assert {name: row["code"] for name, row in found.items()} == {
        "lines.jsonl#2": "JSONL_BAD",
        "empty.txt": "EMPTY",
        "binary.txt": "BAD_ENCODING",
        "huge.txt": "TOO_LARGE",
        "blank.html": "EMPTY",
        "feed.xml": "NOT_A_FEED",
        "cut.jsonl.gz": "GZIP_BAD",
        "entity.xml": "XML_FORBIDDEN",
    }
    assert all(row["message"] and row["run_id"] == books["run_id"] for row in found.values())
    assert found["lines.jsonl#2"]["raw_sha256"]
    written = {Path(row["input_ref"]).name: row for row in rows(root)}
    assert set(written) == {"good.txt", "latin.txt", "nul.txt", "lines.jsonl#1", "lines.jsonl#3"}
    assert written["latin.txt"]["body"].startswith("Het café")
    assert "charset_guessed" in written["latin.txt"]["quality_flags"]
    for name in ("nul.txt", "lines.jsonl#3"):
        assert "replaced_characters" in written[name]["quality_flags"]
        assert "\ufffd" in written[name]["body"]
    assert books["read"] == books["written"] + books["rejected"]
    assert not verify(root).faults


def test_a_text_of_nothing_but_clutter_is_filtered(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "credit.txt").write_text("Foto: ANP\n", "utf-8")
    books = knipsel(capsys, folder, "--root", folder.parent / "out")
    assert (books["written"], books["filtered"], books["rejected"]) == (1, 1, 0)
    assert rejects(folder.parent / "out")["credit.txt"]["code"] == "ONLY_CLUTTER"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("javascript:alert(1)", "BAD_SCHEME"),
        ("http://[::1", "BAD_URL"),
        ("http://x.example/" + "a" * 2100, "BAD_URL"),
    ],
)
def test_addresses_that_are_none(folder: Path, capsys: pytest.CaptureFixture[str], url: str, code: str) -> None:
    (folder / "a.jsonl").write_text(json.dumps({"text": GOOD, "url": url}), "utf-8")
    knipsel(capsys, folder, "--root", folder.parent / "out")
    assert rejects(folder.parent / "out")["a.jsonl#1"]["code"] == code


def failing(capsys: pytest.CaptureFixture[str], status: int, *words: object) -> str:
    """Run a command that must fail; its one line."""
    assert main(list(map(str, words))) == status
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    return said.err


def test_a_missing_input_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = failing(capsys, 2, "run", tmp_path / "nowhere", "--root", tmp_path / "out")
    assert "nowhere" in said
    assert not (tmp_path / "out").exists()


def test_an_unusable_root_fails_before_anything_is_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "file").write_text("x")
    failing(capsys, 1, "run", folder / "good.txt", "--root", folder / "file" / "out")
    failing(capsys, 1, "run", folder / "good.txt", "--root", folder / "no" / "such" / "folder")


def test_a_second_run_on_the_same_root_is_told_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = folder.parent / "out"
    knipsel(capsys, folder, "--root", root)
    before = sorted(root.rglob("*"))
    with (root / "_lock").open("rb+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = failing(capsys, 75, "run", folder, "--root", root)
    assert "another run" in said
    assert sorted(root.rglob("*")) == before


def test_too_many_rejects_fail_the_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty.txt").write_bytes(b"")
    root = folder.parent / "out"
    said = failing(capsys, 1, "run", folder, "--root", root, "--set", "run.max_rejected_share=0.4")
    assert "EMPTY 1" in said
    assert not list(root.rglob("*.parquet"))


def test_sigterm_leaves_nothing_behind(folder: Path) -> None:
    root = folder.parent / "out"
    pipe = folder / "never.jsonl"
    os.mkfifo(pipe)
    words = [
        sys.executable,
        "-c",
        "import sys; from pipeline.cli import main; sys.exit(main())",
        "run",
        pipe,
    ]
    with subprocess.Popen([*map(str, words), "--root", str(root)], stderr=subprocess.PIPE) as process:
        # The other end can be opened once the run has opened its own: it is in the middle of reading.
        with os.fdopen(_writing_end(pipe, process), "wb"):
            process.terminate()
            assert process.wait(timeout=30) == 143
        assert process.stderr is not None
        assert b"stopped" in process.stderr.read()
    assert not list(root.rglob("*.parquet"))
    assert not list((root / "_staging").glob("*"))


def _writing_end(pipe: Path, reader: subprocess.Popen[bytes]) -> int:
    for _ in range(600):
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert reader.poll() is None, "the run ended before it read anything"
            time.sleep(0.1)
    reader.kill()
    pytest.fail("the run did not begin to read within a minute")
