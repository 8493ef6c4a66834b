"""Erasing an article: gone from every file, kept out from then on, and no reader ever in error."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import json
import random
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable

from pipeline.cli import main
from pipeline.deltalog import Counts, read_log
from pipeline.forget import ERASED, forget
from pipeline.forget_names import ForgetError
from pipeline.ledger import Ledger, LedgerError, RootBusy
from pipeline.verify import verify
from schemas.article import Article
from schemas.feed import PageRequest
from schemas.record import Declared, Outlet
from schemas.reject import Reason, Reject
from tests.pipeline.disks import Accident, Device, Disk, Gone
from tests.pipeline.erasing import OTHERS, READERS, erase_under_readers
from tests.pipeline.rows import DAY, NOW, OTHER_DAY, article, commit_run, reject, stage_articles, stage_rejects
from transforms.core.forgotten import STATE, Forgotten, address_id
from transforms.core.near_duplicates import Entry, Window
from transforms.parquet import hash_file, read_rows

LATER = NOW + dt.timedelta(days=1)
URL = "https://oudewal.example/news/4"
CANONICAL = "https://oudewal.example/news/ferry-late-again"
ID = address_id(CANONICAL)
MARKS = re.compile(rb"news/4(?!4)|ferry-late-again|the 4th time|again \(4\)")
"""What stands nowhere but in the article, in its dead letters and in what is remembered of it."""


def erased(number: int, run_id: str, **more: Any) -> Article:
    """The article that is to go; its page states another canonical address."""
    one = article(number, run_id)
    return replace(one, article_id=ID or "", url=f"{URL}?utm_source=rss", canonical_url=CANONICAL, **more)


def letters(run_id: str) -> list[Reject]:
    plain = reject(0, run_id)
    return [
        plain,
        replace(plain, input_ref="feed.xml#2", code=Reason.TIMEOUT, url=f"{URL}#top"),
        replace(plain, input_ref="feed.xml#3", code=Reason.BAD_URL, message=f"{URL} leads nowhere"),
        replace(plain, input_ref="feed.xml#4", url="https://oudewal.example/news/44"),
    ]


def data_set(root: Path) -> Path:
    """Two runs; the article is in two versions, in two dead letters, in the state, in the log and in a report."""
    with Ledger(root) as ledger:
        commit_run(ledger, range(6, 12))
        run_id = ledger.next_run_id(NOW)
        folder = ledger.staging(run_id)
        chosen = [article(3, run_id), erased(4, run_id), article(5, run_id)]
        other = replace(article(44, run_id, day=OTHER_DAY), cluster_id=ID)
        versions = [erased(4, run_id, version=2, partition_date=OTHER_DAY, body=chosen[1].body + " Late."), other]
        files = [
            stage_articles(folder, f"{run_id}-0.parquet", chosen, DAY),
            stage_articles(folder, f"{run_id}-1.parquet", versions, OTHER_DAY),
            stage_rejects(folder, f"{run_id}-2.parquet", letters(run_id)),
        ]
        day = NOW.date().toordinal()
        entries = (
            Entry(ID or "", "oudewal", "a", day, 2, False, "", None),
            Entry("b", "oudewal", "b", day, 1, False, "", ID),
        )
        page = PageRequest(
            f"{URL}?page=2&utm_source=x", "feed.xml#9", "9", Outlet(feed_url="feed.xml"), Declared(url=URL)
        )
        state = {
            "last": 5,
            "pages": [
                {"url": page.url, "ref": page.ref, "record": page.record, "outlet": {}, "declared": {"url": URL}}
            ],
            "feeds": {URL: {"etag": "x"}, "https://oudewal.example/rss.xml": {"etag": "y"}},
            **Window(entries).as_json(),
        }
        books = Counts(9, 5, 0, 0, 4, {"BAD_URL": 1, "EMPTY": 2, "TIMEOUT": 1})
        ledger.commit(run_id, files, state, books, config_hash="c0ffee", inputs=[URL, "feed.xml"], now=NOW)
    return root


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_set(tmp_path_factory.mktemp("template") / "out")


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    return shutil.copytree(template, tmp_path / "out")


def ids(root: Path) -> list[str]:
    found: list[str] = ds.dataset(root / "articles", partitioning="hive").to_table()["article_id"].to_pylist()
    return sorted(found)


def text_of(path: Path) -> bytes:
    """What a file says, uncompressed."""
    return repr(read_rows(path).to_pylist()).encode() if path.suffix == ".parquet" else path.read_bytes()


def left(root: Path) -> list[Path]:
    """The files in which anything of the article stands still."""
    return [path for path in root.rglob("*") if path.is_file() and MARKS.search(text_of(path))]


def test_nothing_of_it_is_left(root: Path) -> None:
    assert len(left(root)) == 5
    before = {path: path.stat().st_size for path in root.rglob("*.parquet")}
    done = forget(root, [URL], now=LATER)
    assert left(root) == []
    assert (done.articles, done.versions, done.letters, done.files) == ((ID,), 2, 2, 3)
    assert done.others == (f"{44:016x}",)
    assert done.unknown == ()
    assert {path: path.stat().st_size for path in root.rglob("*.parquet")} == before
    assert len(ids(root)) == 9
    assert verify(root).faults == ()
    with Ledger(root) as ledger:
        state = ledger.state
    assert state[STATE] == sorted([str(ID), str(address_id(URL))])
    assert "pages" not in state
    assert list(state["feeds"]) == ["https://oudewal.example/rss.xml"]
    assert [(entry.article_id, entry.cluster_id) for entry in Window.from_json(state).entries] == [("b", ID)]
    assert [entry.record.inputs for entry in read_log(root) if entry.record][1:] == [(ERASED, "feed.xml"), ()]


@pytest.mark.parametrize("name", [ID, CANONICAL, f"{URL}?utm_campaign=mail#top", "HTTPS://OUDEWAL.example/news/4"])
def test_it_is_found_by_its_id_and_by_any_spelling_of_its_addresses(root: Path, name: str) -> None:
    assert forget(root, [name], now=LATER).articles == (ID,)
    assert [path for path in left(root) if path.suffix != ".parquet" or path.parts[-3] == "articles"] == []
    assert verify(root).faults == ()


def test_asking_again_changes_nothing(root: Path) -> None:
    forget(root, [URL], now=LATER)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    done = forget(root, [URL], now=LATER)
    assert (done.articles, done.versions, done.unknown) == ((), 0, (URL,))
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_a_dry_run_changes_nothing(root: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert forget(root, [URL], now=LATER, dry_run=True).versions == 2
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_what_is_not_held_is_kept_out_all_the_same(root: Path) -> None:
    done = forget(root, ["https://oudewal.example/never"], now=LATER)
    assert (done.articles, done.unknown) == ((), ("https://oudewal.example/never",))
    with Ledger(root) as ledger:
        assert Forgotten.from_json(ledger.state).known(addresses=["https://oudewal.example/never?utm_source=a"])
    assert len(ids(root)) == 11


def test_an_address_that_others_have_too_is_not_kept_out(tmp_path: Path) -> None:
    root, front = tmp_path / "out", "https://oudewal.example/"
    with Ledger(root) as ledger:
        run_id = ledger.next_run_id(NOW)
        chosen = [replace(article(number, run_id), url=front) for number in range(3)]
        file = stage_articles(ledger.staging(run_id), f"{run_id}-0.parquet", chosen)
        ledger.commit(run_id, [file], None, Counts(3, 3, 0, 0, 0), config_hash="c0ffee", now=NOW)
    name = f"{1:032x}"
    with pytest.raises(ForgetError, match="neither an article_id"):
        forget(root, [chosen[1].article_id], now=LATER)
    assert forget(root, [name], now=LATER).unknown == (name,)
    assert forget(root, [front], now=LATER).versions == 3
    assert ids(root) == []
    assert verify(root).faults == ()


def test_what_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(ForgetError, match="holds no data set"):
        forget(tmp_path / "out", [URL], now=LATER)
    assert not (tmp_path / "out").exists()


def test_a_run_meanwhile(root: Path) -> None:
    with Ledger(root), pytest.raises(RootBusy):
        forget(root, [URL], now=LATER)


def test_a_damaged_file_stops_it(root: Path) -> None:
    path = next(path for path in sorted(root.glob("articles/*/*")) if MARKS.search(text_of(path)))
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    with pytest.raises(LedgerError, match="nothing was erased"):
        forget(root, [URL], now=LATER)


def test_what_was_set_aside_goes_too(root: Path) -> None:
    folder = root / "_quarantine"
    folder.mkdir()
    holds, other = sorted(root.glob("articles/*/*"))[0::2]
    for name, path in (("holds.parquet", holds), ("other.parquet", other)):
        shutil.copyfile(path, folder / name)
    (folder / "torn.parquet").write_bytes(holds.read_bytes()[:-5])
    done = forget(root, [URL], now=LATER)
    kept = sorted(path.name for path in folder.iterdir())
    gone = {path for path in done.removed if path.startswith("_quarantine")}
    assert "torn.parquet" not in kept
    assert gone == {f"_quarantine/{name}" for name in {"holds.parquet", "other.parquet", "torn.parquet"} - set(kept)}
    assert not any(ID in read_rows(folder / name)["article_id"].to_pylist() for name in kept)


# Older versions, and readers that never stop


def test_older_versions_of_the_table_do_not_show_it(root: Path) -> None:
    before = DeltaTable(root)
    forget(root, [URL], now=LATER)
    for table in (before, DeltaTable(root, version=1), DeltaTable(root)):
        assert ID not in table.to_pyarrow_table()["article_id"].to_pylist()
        assert table.to_pyarrow_table().num_rows == 9
    assert DeltaTable(root).history(1)[0]["operation"] == "DELETE"


def test_readers_that_never_stop_see_every_other_article_once(tmp_path: Path) -> None:
    found = erase_under_readers(tmp_path / "out", 3)
    assert [one for one in found if one.wrong] == []
    assert [one for one in found if one.errors and one.reader == "with_pyarrow"] == []
    assert len(found) == len(READERS)
    assert ids(tmp_path / "out") == sorted(OTHERS)
    assert verify(tmp_path / "out").faults == ()


# Whatever stops it


@pytest.mark.parametrize(
    ("accident", "first", "every"), [(Accident.DEATH, 1, 2), (Accident.ENOSPC, 2, 4), (Accident.POWER, 4, 4)]
)
def test_stopped_at_any_step_it_has_happened_or_not(
    template: Path, tmp_path: Path, accident: Accident, first: int, every: int
) -> None:
    outcomes: dict[frozenset[tuple[str, str]], int] = {}
    root = tmp_path / "out"
    for step in itertools.count(first, every):
        shutil.copytree(template, root)
        disk = Disk(Device(root), accident, step, lasting=True)
        with contextlib.suppress(Gone, OSError, LedgerError):
            forget(root, [URL], now=LATER, storage=disk)
        assert len(set(ids(root)) - {ID}) == 9
        with Ledger(root) as ledger:
            version = ledger.version
        # The same files come to the same, so each state of the disk is looked at once.
        state = frozenset((path.name, hash_file(path)) for path in root.rglob("*") if path.is_file())
        if state not in outcomes:
            outcomes[state] = version
            assert verify(root).faults == ()
            assert len(left(root)) == (5 if version == 1 else 0)
            forget(root, [URL], now=LATER)
            assert left(root) == []
            assert verify(root).faults == ()
        shutil.rmtree(root)
        if not disk.struck:
            break
    assert sorted(outcomes.values()) == [1, 2]
    assert step > 20


def test_once_it_is_said_to_be_done_a_loss_of_power_brings_nothing_back(root: Path) -> None:
    device = Device(root)
    forget(root, [URL], now=LATER, storage=Disk(device))
    device.lose_power(random.Random(1))
    with Ledger(root):
        pass
    assert left(root) == []
    assert verify(root).faults == ()


def test_a_run_keeps_it_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root, lines, feed = tmp_path / "out", tmp_path / "in.jsonl", tmp_path / "feed.xml"
    told = "De veerpont bleef woensdag aan de kant, omdat de schipper zijn {} kleinkind kreeg. Dat meldt de schout."
    records = [
        {"url": f"https://oudewal.example/{n}", "title": n, "text": told.format(n)} for n in ("eerste", "vierde")
    ]
    lines.write_text("".join(json.dumps(record) + "\n" for record in records))
    item = f"<item><title>vierde</title><link>{records[1]['url']}</link><description>{told}</description></item>"
    feed.write_text(f'<rss version="2.0"><channel><title>Oudewal</title>{item}</channel></rss>')
    words = ["run", str(lines), str(feed), "--root", str(root), "--now", NOW.isoformat(), "--quiet", "--json"]

    def run() -> dict[str, Any]:
        assert main([*words, "--set", "run.workers=0"]) == 0
        books: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return books

    run()
    assert any((root / "_reports").glob("*.html"))
    assert main(["forget", "--root", str(root), str(records[1]["url"]), "--now", LATER.isoformat(), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert len(done["articles"]) == 1
    assert len(done["reports"]) == 1
    again = run()
    assert (again["read"], again["duplicate"], again["filtered"]) == (3, 1, 2)
    assert again["reasons"] == {"FORGOTTEN": 2}
    assert verify(root).faults == ()
    names = re.compile(rb"oudewal.example/vierde|zijn vierde")
    assert [path for path in root.rglob("*") if path.is_file() and names.search(text_of(path))] == []
