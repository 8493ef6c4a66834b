"""The same articles through every engine at hand: the same rows. ``make engines`` fetches what is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from pipeline.verify import verify
from tests.conftest import NOW, REPOSITORY, SHARED
from tests.engines.servers import PRISM, WORKER, job_service, prism

CODE = "import sys; from pipeline.cli import main; sys.exit(main())"
OF_THE_RUN = ("run_id", "ingested_at")
ENGINES = {"prism": (PRISM, prism), "job service": (WORKER, job_service)}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The examples, the annotated documents and the seeds, the last two where they lie beside this checkout."""
    paths = [path for path in sorted((REPOSITORY / "examples").iterdir()) if path.suffix != ".md"]
    documents = SHARED / "clutter" / "dev.jsonl"
    if documents.is_file():
        texts = tmp_path_factory.mktemp("texts") / "dev.jsonl"
        found = map(json.loads, documents.read_text("utf-8").splitlines())
        lines = [json.dumps({"id": one["id"], "text": one["text"]}) for one in found]
        texts.write_text("\n".join(lines), "utf-8")
        paths += [texts, SHARED / "seeds"]
    return paths


def knipsel(inputs: list[Path], root: Path, *options: str) -> dict[str, Any]:
    """The books of a run in a process of its own: an engine that hangs is not to hold the tests."""
    words = [*inputs, "--root", root, "--now", NOW.isoformat(), "--no-report", "--quiet", "--json", *options]
    done = subprocess.run(
        [sys.executable, "-c", CODE, "run", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=REPOSITORY,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    books: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return books


def rows(root: Path) -> list[dict[str, Any]]:
    """All rows, sorted, without what differs from run to run."""
    found = ds.dataset(root / "articles", format="parquet", partitioning="hive").to_table().to_pylist()
    for row in found:
        for name in OF_THE_RUN:
            del row[name]
    return sorted(found, key=lambda row: (row["article_id"], row["version"]))


@pytest.fixture(scope="module")
def here(inputs: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The books and the rows of the engine inside this process."""
    root = tmp_path_factory.mktemp("here") / "out"
    return knipsel(inputs, root), rows(root)


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_gives_the_same_rows(
    name: str, inputs: list[Path], here: tuple[dict[str, Any], list[dict[str, Any]]], tmp_path: Path
) -> None:
    needed, engine = ENGINES[name]
    if not needed.exists():
        pytest.skip(f"{needed.name} is missing: 'make engines' fetches it")
    start: Callable[[Path], AbstractContextManager[list[str]]] = engine
    root = tmp_path / "out"
    with start(tmp_path) as options:
        books = knipsel(inputs, root, "--runner", "PortableRunner", "--", *options)
        again = knipsel(inputs, root, "--runner", "PortableRunner", "--", *options)
    states = ("read", "written", "duplicate", "filtered", "rejected", "reasons")
    assert {state: books[state] for state in states} == {state: here[0][state] for state in states}
    assert books["written"] == len(here[1]) > 0
    assert rows(root) == here[1]
    assert (again["written"], again["duplicate"]) == (0, books["written"] + books["duplicate"])
    assert verify(root).faults == ()
