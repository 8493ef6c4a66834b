"""The metrics of a run, read back as Prometheus reads them."""

from __future__ import annotations

import argparse
import datetime as dt
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.drift import Alarm
from pipeline.ledger import Counts
from pipeline.metrics_file import metrics, metrics_path, write
from pipeline.run import Summary
from schemas.feed import Notice, NoticeCode
from schemas.reject import Reason
from tests.conftest import NOW, REPOSITORY
from transforms.core.drift import Finding

Sample = tuple[str, tuple[tuple[str, str], ...]]

ALARM = Alarm("news.example", Finding("short", 0.9, 0.03, 34, 1, NOW.date()), new=True)
SUMMARY = Summary(
    runs=("000000-20261120T023000Z", "000001-20261120T023000Z"),
    counts=Counts(read=10, written=5, duplicate=2, filtered=1, rejected=2, reasons={"NOT_HTML": 1, "TIMEOUT": 2}),
    seconds=12.25,
    files=("a.parquet", "b.parquet"),
    waiting=7,
    alarms=(ALARM,),
    peak_bytes=420_000_000,
    notices=(
        Notice(NoticeCode.FEED_GAP, "https://news.example/rss", "is asked too seldom", NOW),
        Notice(NoticeCode.FEED_GAP, "https://nieuws.example/rss", "is asked too seldom", NOW),
    ),
)
LINE = re.compile(r'(?P<name>[a-z_]+)\{(?P<labels>(?:[a-z]+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (?P<value>[0-9.e+-]+)')
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')


def by_grammar(text: str) -> dict[Sample, float]:
    """The samples, by the grammar of the format as far as it is used here; anything else is an error."""
    found: dict[Sample, float] = {}
    assert text.endswith("\n")
    name = ""
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            assert re.fullmatch(r"# HELP knipsel_[a-z_]+ [A-Z][^\n\\]*\.", line)
            name = line.split(" ")[2]
        elif line.startswith("#"):
            assert line == f"# TYPE {name} gauge"
        else:
            match = LINE.fullmatch(line)
            assert match, line
            assert match["name"] == name
            labels = [
                (key, re.sub(r"\\.", lambda pair: ESCAPES[pair[0]], value))
                for key, value in LABEL.findall(match["labels"])
            ]
            sample = (name, tuple(sorted(labels)))
            assert sample not in found
            found[sample] = float(match["value"])
    return found


def by_prometheus(text: str) -> dict[Sample, float]:
    """The samples, as the client library of Prometheus reads them."""
    parser = pytest.importorskip("prometheus_client.parser", reason="prometheus_client is not installed")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_figure_of_the_summary_is_there() -> None:
    found = by_grammar(metrics(SUMMARY, Path("/data/press"), NOW))
    root = ("root", "/data/press")
    assert found[("knipsel_inputs_read", (root,))] == 10
    states = {labels[1][1]: value for (name, labels), value in found.items() if name == "knipsel_inputs"}
    assert states == {"written": 5, "duplicate": 2, "filtered": 1, "rejected": 2}
    assert sum(states.values()) == 10
    assert found[("knipsel_dead_letters", (("code", "TIMEOUT"), root))] == 2
    assert found[("knipsel_notices", (("code", "FEED_GAP"), root))] == 2
    assert found[("knipsel_drift", (root, ("what", "short")))] == 1
    assert sum(value for (name, _), value in found.items() if name == "knipsel_drift") == 1
    assert found[("knipsel_peak_memory_bytes", (root,))] == 420_000_000
    assert found[("knipsel_files", (root,))] == 2
    assert found[("knipsel_batches", (root,))] == 2
    assert found[("knipsel_duration_seconds", (root,))] == 12.25
    assert found[("knipsel_waiting_pages", (root,))] == 7
    assert found[("knipsel_last_success_timestamp_seconds", (root,))] == NOW.timestamp()


def test_no_series_comes_and_goes() -> None:
    counts = Counts(0, 0, 0, 0, 0)
    quiet = Summary(("000000-20261120T023000Z",), counts, seconds=0.0, files=(), peak_bytes=1)
    found = by_grammar(metrics(quiet, Path("/data"), NOW))
    assert found.keys() == by_grammar(metrics(SUMMARY, Path("/data"), NOW)).keys()
    assert sum(name == "knipsel_dead_letters" for name, _ in found) == len(Reason)
    assert sum(name == "knipsel_notices" for name, _ in found) == len(NoticeCode)


@hypothesis_settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).map(Path), st.floats(0, 1e6))
def test_prometheus_reads_what_was_meant(root: Path, seconds: float) -> None:
    summary = Summary(SUMMARY.runs, SUMMARY.counts, seconds, SUMMARY.files)
    text = metrics(summary, root, NOW)
    found = by_prometheus(text)
    assert found == by_grammar(text)
    assert found[("knipsel_duration_seconds", (("root", str(root)),))] == seconds
    assert {dict(labels)["root"] for _, labels in found} == {str(root)}


def test_the_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "knipsel.prom"
    write(SUMMARY, Path("/data/\udcff"), NOW, path)
    first = path.read_bytes()
    assert b'root="/data/\\udcff"' in first
    with path.open("rb") as reader:
        write(SUMMARY, Path("/data/press"), NOW + dt.timedelta(days=1), path)
        assert reader.read() == first
    assert path.read_text() == metrics(SUMMARY, Path("/data/press"), NOW + dt.timedelta(days=1))
    assert [one.name for one in tmp_path.iterdir()] == ["knipsel.prom"]


def test_a_file_that_nobody_would_read_is_refused_beforehand(tmp_path: Path) -> None:
    assert metrics_path(str(tmp_path / "knipsel.prom")) == tmp_path / "knipsel.prom"
    (tmp_path / "folder.prom").mkdir()
    for name, why in (
        ("knipsel.txt", r"end in \.prom"),
        ("missing/a.prom", "cannot be"),
        ("folder.prom", "cannot be"),
    ):
        with pytest.raises(argparse.ArgumentTypeError, match=why):
            metrics_path(str(tmp_path / name))


def test_the_metrics_are_those_that_the_docs_name() -> None:
    page = (REPOSITORY / "docs" / "operation.md").read_text("utf-8")
    table = page.partition("\n| metric |")[2].partition("\n\n")[0]
    named = re.findall(r"`(knipsel_\w+)`", table)
    assert sorted(named) == sorted({name for name, _ in by_grammar(metrics(SUMMARY, Path("/data"), NOW))})
