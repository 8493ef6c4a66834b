"""Pages that are made to break things: each ends with its code in time, and its neighbours are written."""

from __future__ import annotations

import gzip
import json
import random
import time
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from pipeline import build
from pipeline.verify import verify
from tests.pipeline import stubs
from tests.pipeline.pages import page, record, write_warc
from tests.pipeline.test_bad_input import rejects
from tests.pipeline.test_run import MOMENT, files, knipsel, rows

SHELL = "<html><head><title>Oudewal</title></head><body>{}</body></html>"
IN_TIME = 10.0
"""Seconds that one page may cost."""


def letters(root: Path) -> list[dict[str, Any]]:
    return ds.dataset(root / "rejects", partitioning="hive", format="parquet").to_table().to_pylist()  # type: ignore[no-any-return]


def hostile(name: str) -> bytes:
    """A page that some parser or other did not survive."""
    text = "De schout van Oudewal las het stuk voor en niemand begreep er iets van. "
    made = {
        "nested": "<div>" * 300 + f"<p>{text * 20}</p>" + "</div>" * 300,
        "node": text * (10_000_000 // len(text)),
        "paragraphs": "<p>a</p>" * 200_000,
        "links": "<a href=x>a</a>" * 300_000,
        "huge": text * (50_000_000 // len(text)),
    }
    if name == "bytes":
        return SHELL.format("<p>{}</p>").encode().replace(b"{}", random.Random(5).randbytes(200_000))
    if name == "surrogates":
        return SHELL.format(f"<p>{text * 9}\ud800 &#xD800; {text}</p>").encode("utf-8", "surrogatepass")
    return SHELL.format(made[name]).encode()


def test_each_hostile_page_ends_in_time_and_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["nested", "node", "paragraphs", "links", "huge", "bytes", "surrogates"]
    for number in range(len(names) + 1):
        (tmp_path / f"{number}.html").write_bytes(page(number))
    knipsel(capsys, tmp_path, "--root", tmp_path / "before")
    for number, name in enumerate(names):
        (tmp_path / f"{number}-{name}.html").write_bytes(hostile(name))
    begun = time.monotonic()
    books = knipsel(capsys, tmp_path, "--root", tmp_path / "out")
    assert time.monotonic() - begun < IN_TIME * len(names)
    assert books["read"] == 2 * len(names) + 1 == books["written"] + books["rejected"]
    codes = {
        name.partition("-")[2].removesuffix(".html"): row["code"] for name, row in rejects(tmp_path / "out").items()
    }
    assert set(codes) <= set(names), "no neighbour is hurt"
    assert codes["node"] == codes["huge"] == "TOO_LARGE"
    assert set(codes.values()) <= {"TOO_LARGE", "PARSE_TIMEOUT", "EXTRACT_LOSS", "EXTRACT_ERROR", "EMPTY"}
    texts = {row["input_ref"]: row["body"] for row in rows(tmp_path / "out")}
    assert all(texts[row["input_ref"]] == row["body"] for row in rows(tmp_path / "before"))
    assert not verify(tmp_path / "out").faults


@pytest.fixture
def trapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "extract_articles", stubs.extract_articles)


MARKS = {11: stubs.HANG, 12: stubs.ABORT, 13: stubs.MEMORY, 14: stubs.LEAVE, 15: stubs.ABORT, 29: stubs.ABORT}
CODES = {stubs.HANG: "PARSE_TIMEOUT", stubs.ABORT: "WORKER_CRASH", stubs.MEMORY: "WORKER_CRASH"}
CODES[stubs.LEAVE] = "WORKER_CRASH"
CHEAP = ["--set", "limits.parse_seconds=4.0", "--set", "limits.child_bytes=400_000_000", *MOMENT]


@pytest.mark.usefixtures("trapped")
@pytest.mark.parametrize("workers", [1, 3])
def test_whoever_hangs_or_dies_does_so_alone(
    workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pages = (record(number, page(number, MARKS.get(number, ""))) for number in range(30))
    path = write_warc(tmp_path / "a.warc.gz", pages)
    books = knipsel(capsys, path, "--root", tmp_path / "out", "--workers", workers, *CHEAP)
    assert (books["read"], books["written"], books["rejected"]) == (30, 24, 6)
    found = {int(row["url"].rpartition("/")[2]): row for row in letters(tmp_path / "out")}
    assert {number: row["code"] for number, row in found.items()} == {n: CODES[mark] for n, mark in MARKS.items()}
    assert {row["stage"] for row in found.values()} == {"extract"}
    assert "parse_seconds" in found[11]["message"]
    assert "signal 6" in found[12]["message"]
    assert "child_bytes" in found[13]["message"]
    assert "status 7" in found[14]["message"]
    assert all(row["raw_sha256"] and row["url"] for row in found.values())
    assert not verify(tmp_path / "out").faults


def test_order_and_bytes_do_not_depend_on_the_number_of_workers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write_warc(folder / "a.warc", (record(n, page(n)) for n in range(40)))
    (folder / "b.html.gz").write_bytes(gzip.compress(page(41)))
    (folder / "c.html").write_bytes(b"<html></html>")
    lines = [{"id": n, "html": page(n).decode()} if n % 3 else {"id": n, "text": f"Bericht {n}."} for n in range(40)]
    (folder / "d.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    made = []
    for workers in (0, 1, 3):
        root = tmp_path / f"out-{workers}"
        books = knipsel(capsys, folder, "--root", root, "--workers", workers, "--set", "run.rows_per_file=7", *MOMENT)
        assert books["read"] == 82
        made.append(files(root))
    assert made[0] == made[1] == made[2]
