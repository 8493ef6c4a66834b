"""What is shown of a data set, in every form."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from pipeline.explain import Explained
from pipeline.explain import show as show_explained
from pipeline.ledger import Counts, Ledger
from pipeline.show import Only, ShowError, connect, show, stored
from pipeline.tabular import Format, fitted
from schemas.article import ARTICLES
from tests.conftest import REPOSITORY
from tests.pipeline import rows
from tests.pipeline.showing import ask, commit, out, seven
from tests.pipeline.test_run import files
from transforms.core.identity import article_id

ADDRESS = "https://oudewal.example/news/7"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seven(tmp_path_factory.mktemp("show") / "out")


# Tables


def test_the_newest_articles_and_the_days(root: Path) -> None:
    text = ask(root)
    assert f"{root}: 9 articles" in text.replace("\n", "")
    assert "2026-11-20         4        1      1" in text
    assert "2026-11-19         5        2      2" in text
    assert "Ferry late again (2)" in " ".join(text.split())
    one = ask(root, limit=1)
    assert "8 more; --limit shows more" in one
    assert "2026-11-19" not in one


def test_a_day_and_an_outlet_by_either_name(root: Path) -> None:
    day = dt.date(2026, 11, 20)
    assert "4 articles" in ask(root, only=Only(since=day, until=day))
    for name in ("kust", "De Kustkoerier"):
        text = ask(root, only=Only(outlet=name))
        assert "2 articles" in text
        assert "oudewal" not in text
    counts = "select (select count(*) from articles) as a, (select count(*) from rejects) as r"
    assert json.loads(ask_json(root, counts, only=Only(since=day, until=day))) == {"a": 4, "r": 1}
    assert json.loads(ask_json(root, counts, only=Only(until=dt.date(2026, 11, 19)))) == {"a": 5, "r": 0}
    assert json.loads(ask_json(root, counts, only=Only(outlet="nobody"))) == {"a": 0, "r": 0}


def ask_json(root: Path, sql: str, **how: Any) -> str:
    output = root.parent / "asked.json"
    ask(root, sql, form=Format.JSON, output=output, **how)
    return output.read_text("utf-8")


def test_a_query_of_many_columns_is_shown_row_by_row(root: Path) -> None:
    text = ask(root, "select * from articles order by article_id", width=80, limit=2)
    lines = text.splitlines()
    assert lines[0].split() == ["article_id", f"{1:016x}"]
    assert len(lines) == 2 * (len(ARTICLES.names) + 2) + 2
    assert max(map(len, lines)) <= 80
    assert "there are more; --limit N shows more" in lines[-1]


texts = st.one_of(
    st.none(), st.integers(-(10**9), 10**9), st.floats(), st.text(max_size=400), st.lists(st.text(max_size=9))
)


@given(st.data(), st.integers(20, 200), st.integers(1, 12))
def test_no_table_is_wider_than_it_may_be_nor_sends_commands(data: st.DataObject, width: int, columns: int) -> None:
    names = data.draw(
        st.lists(st.sampled_from(["headline", "n", "\x1b[2J", "url"]), min_size=columns, max_size=columns)
    )
    values = data.draw(st.lists(st.tuples(*[texts] * columns), max_size=3))
    file = io.StringIO()
    Console(file=file, width=width, force_terminal=False).print(fitted(names, values, width))
    assert all(cell_len(line) <= width for line in file.getvalue().splitlines())
    assert not {c for c in file.getvalue() if not c.isprintable()} - {"\n"}


def test_a_data_set_without_an_article(tmp_path: Path) -> None:
    with Ledger(tmp_path) as ledger:
        run_id = ledger.next_run_id(rows.NOW)
        staged = [rows.stage_rejects(ledger.staging(run_id), f"{run_id}-0.parquet", [rows.reject(1, run_id)])]
        ledger.commit(run_id, staged, None, Counts(1, 0, 0, 0, 1, {"EMPTY": 1}), config_hash="c", now=rows.NOW)
    assert ": 0 articles" in ask(tmp_path)
    assert ask(tmp_path, "select code from rejects").split() == ["code", "EMPTY"]
    for form in Format:
        output = tmp_path.parent / f"{tmp_path.name}.{form}"
        ask(tmp_path, "select headline, date, filename, tags from articles", form=form, output=output)
    assert pq.read_schema(output).field("tags").type == ARTICLES.field("tags").type


def test_there_is_no_data_set(tmp_path: Path) -> None:
    for question in (lambda: ask(tmp_path), lambda: stored(tmp_path, "a"), lambda: ask(tmp_path, "select 1")):
        with pytest.raises(ShowError, match="holds no data set; 'knipsel run INPUT"):
            question()


def test_a_file_that_is_damaged_is_named(tmp_path: Path) -> None:
    commit(tmp_path / "out", [1])
    (file,) = (tmp_path / "out" / "articles").rglob("*.parquet")
    file.write_bytes(b"PAR1 torn")
    with pytest.raises(ShowError, match=r"-0\.parquet.*knipsel verify"):
        ask(tmp_path / "out")


def test_columns_that_came_later_are_null_in_older_files(tmp_path: Path) -> None:
    commit(tmp_path, [1])
    (file,) = (tmp_path / "articles").rglob("*.parquet")
    pq.write_table(pq.read_table(file).drop_columns(["cluster_id", "keywords"]), file)
    with connect(tmp_path) as connection:
        assert connection.sql("select cluster_id, keywords from articles").fetchall() == [(None, None)]
    assert stored(tmp_path, f"{1:016x}")[0].keywords == ()


# For programs


def test_json_is_one_object_a_line_with_every_column_as_it_is_stored(root: Path, tmp_path: Path) -> None:
    lines = out(root, None, Format.JSON, tmp_path).decode().splitlines()
    assert len(lines) == 9
    first = json.loads(lines[0])
    assert list(first) == ARTICLES.names
    assert first["published_at"].endswith("+00:00")
    assert first["partition_date"] == "2026-11-19"
    assert first["tags"] == [
        {
            "scheme": "medtop",
            "code": "20000763",
            "label": "transport",
            "score": pytest.approx(0.8),
            "evidence": "ferry, quay",
        }
    ]
    assert first["removed"][0]["text"] == "Read more"
    assert len(out(root, None, Format.JSON, tmp_path, limit=3).splitlines()) == 3
    assert out(root, None, Format.JSON, tmp_path, limit=0) == b""


def test_values_that_json_has_not_become_some_that_it_has(root: Path, tmp_path: Path) -> None:
    sql = """
        select 'NaN'::double as a, '\\xFF'::blob as b, sum(n)::hugeint as c, 1.5::decimal(4, 2) as d,
               {'m': map {'k': [date '2026-11-20']}} as e, interval 1 day as f, time '06:30' as g,
               true as h, null as i, 'é'::varchar as j
        from range(3) t(n)
    """
    found = json.loads(out(root, sql, Format.JSON, tmp_path))
    assert "day" in found.pop("f")
    assert list(found.values()) == [None, "/w==", 3, 1.5, {"m": {"k": ["2026-11-20"]}}, "06:30:00", True, None, "é"]


def test_csv_is_that_of_rfc_4180(root: Path, tmp_path: Path) -> None:
    sql = "select 'a,\"b' as x, 'c\nd' as y, null as z, [1, 2] as l, true as t, date '2026-11-20' as d, 1 as x"
    raw = out(root, sql, Format.CSV, tmp_path)
    assert raw == b'x,y,z,l,t,d,x_1\r\n"a,""b","c\nd",,"[1, 2]",true,2026-11-20,1\r\n'
    every = list(csv.DictReader(io.StringIO(out(root, None, Format.CSV, tmp_path).decode(), newline="")))
    assert [row["body"] for row in every if row["headline"] == "Ferry late again (1)"] == [rows.article(1, "").body]
    assert len(every) == 9


def test_parquet_has_the_columns_of_the_data_set(root: Path, tmp_path: Path) -> None:
    table = pq.read_table(pa.BufferReader(out(root, None, Format.PARQUET, tmp_path)))
    assert table.num_rows == 9
    assert table.schema.names == ARTICLES.names
    assert [field.type for field in table.schema] == [field.type for field in ARTICLES]


def test_stdout_takes_all_of_them_and_a_terminal_no_parquet(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    ask(root, "select 1 as n", form=Format.PARQUET)
    assert pq.read_table(pa.BufferReader(capsysbinary.readouterr().out)).to_pylist() == [{"n": 1}]
    ask(root, "select 1 as n", form=Format.CSV)
    assert capsysbinary.readouterr().out == b"n\r\n1\r\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(ShowError, match="--output"):
        ask(root, "select 1 as n", form=Format.PARQUET)


@pytest.mark.parametrize("form", [Format.PARQUET, Format.CSV])
def test_a_pipe_is_enough(root: Path, form: Format) -> None:
    code = (
        "import sys; from pathlib import Path; from rich.console import Console; from pipeline.show import answer; "
        f"answer(Path(sys.argv[1]), Console(), form='{form}')"
    )
    code = code.replace(f"'{form}'", f"__import__('pipeline.tabular').tabular.Format('{form}')")
    done = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, cwd=REPOSITORY, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    if form is Format.PARQUET:
        assert pq.read_table(pa.BufferReader(done.stdout)).num_rows == 9


def test_a_table_in_a_file(root: Path, tmp_path: Path) -> None:
    assert out(root, "select 1 as n", Format.TABLE, tmp_path).decode().split() == ["n", "1"]


def test_a_file_is_written_whole_or_not_at_all(root: Path, tmp_path: Path) -> None:
    fails = "select case when n < 90000 then n else ('x' || n)::int end as n from range(100000) t(n)"
    (tmp_path / "answer").write_text("kept")
    for form in (Format.JSON, Format.CSV, Format.PARQUET):
        with pytest.raises(ShowError, match="Could not convert"):
            ask(root, fails, form=form, output=tmp_path / "answer")
    assert out(root, "select 1", Format.CSV, tmp_path) == b"1\r\n1\r\n"
    before = files(root)
    for place in (root / "articles" / "x.parquet", root / "x.csv"):
        with pytest.raises(ShowError, match="lies in the data set"):
            ask(root, "select 1", form=Format.PARQUET, output=place)
    with pytest.raises(ShowError, match="cannot be written"):
        ask(root, "select 1", form=Format.CSV, output=tmp_path / "none" / "x.csv")
    assert files(root) == before


@pytest.mark.parametrize(
    ("sql", "form", "says"),
    [
        ("select interval 1 day as a", Format.PARQUET, "a::varchar"),
        ("select date 'infinity' as a", Format.JSON, "a::varchar"),
    ],
)
def test_what_a_form_cannot_hold(root: Path, tmp_path: Path, sql: str, form: Format, says: str) -> None:
    with pytest.raises(ShowError, match=says):
        ask(root, sql, form=form, output=tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_large_answer_is_not_held_in_memory(root: Path, tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
from rich.console import Console
from pipeline.show import answer
from pipeline.tabular import Format
def mebibytes(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
def ask(rows, form):
    sql = f"select n, repeat(md5(n::varchar), 100) as body from range({rows}) t(n)"
    answer(Path(sys.argv[1]), Console(), sql=sql, form=form, output=Path(sys.argv[2]))
for form in (Format.JSON, Format.PARQUET):
    ask(1_000, form)
before = mebibytes()
for form in (Format.JSON, Format.PARQUET):
    ask(60_000, form)
print(mebibytes() - before)
"""
    output = tmp_path / "large"
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), str(output)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        check=True,
    )
    # 60,000 rows of 3.2 KB are 183 MiB.
    assert int(done.stdout) < 90


def test_moments_are_in_utc_wherever_one_is(root: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from pipeline.show import connect; root = Path(sys.argv[1])\n"
        "with connect(root) as c: print(c.sql('select max(published_at)::varchar from articles').fetchall()[0][0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "TZ": "America/New_York"},
        check=True,
    )
    assert done.stdout.strip() == "2026-11-20 07:07:00+00"


# One stored article


def test_an_article_is_found_by_its_id_and_by_its_address(tmp_path: Path) -> None:
    known = article_id(url=ADDRESS, source_id="", record="")
    commit(tmp_path, [7], article_id=known, canonical_url=ADDRESS)
    commit(tmp_path, [7], article_id=known, canonical_url=ADDRESS, version=2, headline="Ferry on time")
    commit(tmp_path, [8])
    for name in (known, ADDRESS, ADDRESS + "?utm_source=brief#top"):
        assert [one.version for one in stored(tmp_path, name)] == [1, 2]
    first = stored(tmp_path, known)[0]
    made = rows.article(7, first.run_id)
    # These are stored as 32 bits.
    scored = replace(made.tags[0], score=first.tags[0].score)
    as_stored = {"clutter_ratio": first.clutter_ratio, "language_score": first.language_score, "tags": (scored,)}
    assert first == replace(made, article_id=known, canonical_url=ADDRESS, **as_stored)  # type: ignore[arg-type]  # as above
    assert (first.clutter_ratio, scored.score) == pytest.approx((0.1, 0.8))
    with pytest.raises(ShowError, match=r"holds no article https://oudewal\.example/x"):
        stored(tmp_path, "https://oudewal.example/x")


def test_a_stored_article_is_explained_with_its_cuts_in_place(tmp_path: Path) -> None:
    commit(tmp_path, [7])
    (one,) = stored(tmp_path, f"{7:016x}")
    file = io.StringIO()
    show_explained(Explained(article=one), Console(file=file, width=100))
    assert "[-teaser (en-read-more): Read more-]" in file.getvalue()
    assert Explained(article=one).as_json()["text"].startswith("Read more")


def test_the_overview_by_itself(root: Path) -> None:
    file = io.StringIO()
    show(root, Console(file=file, width=120), limit=1)
    assert "9 articles" in file.getvalue()


def test_names_of_columns(root: Path) -> None:
    with connect(root) as connection:
        found: Mapping[str, Any] = {row[0]: row[1] for row in connection.sql("describe articles").fetchall()}
    assert list(found) == [*ARTICLES.names, "filename", "date"]
    assert found["date"] == "DATE"
