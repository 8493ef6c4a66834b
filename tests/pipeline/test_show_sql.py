"""What may be asked of a data set in SQL, and what SQL cannot do to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.show import ShowError
from pipeline.tabular import Format
from tests.pipeline.showing import ask, out, seven
from tests.pipeline.test_run import files


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seven(tmp_path_factory.mktemp("show") / "out")


WRITES = [
    "copy articles to '{root}/articles/evil.parquet'",
    "copy articles to '{away}/evil.parquet'",
    "with x as (copy (select 1) to '{root}/articles/evil.csv') select * from x",
    "select * from (with x as (copy (select 1) to '{root}/articles/evil.csv') select * from x)",
    "from query('with x as (copy (select 1) to ''{root}/articles/evil.csv'') select * from x')",
    "explain analyze copy (select 1) to '{root}/articles/evil.csv'",
    "prepare p as copy (select 1) to '{root}/articles/evil.csv'",
    "export database '{root}/articles/evil'",
    "attach '{root}/articles/evil.db' as e",
    "create table evil as select 1",
    "drop view articles",
    "with x as (delete from articles returning *) select * from x",
    "select 1; copy (select 1) to '{root}/articles/evil.csv'",
    "select 1; select 2",
    "install httpfs",
    "load httpfs",
    "set enable_external_access = true",
    "pragma database_list",
    "checkpoint",
]
READS = [
    "from read_text('/etc/passwd')",
    "from read_text('{root}/_lock')",
    "from read_csv('{away}/secret.csv')",
    "from '{away}/secret.csv'",
    "from read_blob('{root}/articles/../../secret.csv')",
    "from glob('/etc/*')",
    "from glob('{root}/../*')",
    "from read_parquet('https://oudewal.example/a.parquet')",
    "from secret",
    "from duckdb_secrets()",
]


@pytest.mark.parametrize("sql", WRITES + READS)
def test_sql_writes_nothing_and_reads_nothing_else(root: Path, tmp_path: Path, sql: str) -> None:
    secret = {"a": [1]}  # a name that DuckDB could take from here
    (root.parent / "secret.csv").write_text("a\n1\n")
    (tmp_path / "secret.csv").write_text("a\n1\n")
    before = files(root)
    with pytest.raises(ShowError) as refused:
        ask(root, sql.format(root=root, away=tmp_path), form=Format.JSON, output=tmp_path / "x")
    assert "\n" not in str(refused.value)
    assert files(root) == before
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]
    assert secret


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("selct 1", 'syntax error at or near "selct"'),
        ("select * from articels", 'Did you mean "articles"?'),
        ("select headlin from articles", "headlin"),
        ("", "Expected a single SELECT statement"),
        ("-- nothing", "Expected a single SELECT statement"),
        ("select $1", "parameters"),
        ("select 'x'::int", "Could not convert string 'x' to INT32"),
    ],
)
def test_wrong_sql_is_one_clear_line(root: Path, sql: str, says: str) -> None:
    with pytest.raises(ShowError) as refused:
        ask(root, sql)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "query(" not in str(refused.value)


@pytest.mark.parametrize(
    "sql",
    [
        "select count(*) from articles;",
        "from articles select headline order by 1 -- a remark",
        "describe articles",
        "summarize (select body_chars from articles)",
        "show tables",
        "values (1), (2)",
        "with recursive t(n) as (select 1 union all select n + 1 from t where n < 3) from t",
        "pivot (select source_id, 1 as n from articles) on source_id in ('kust') using sum(n)",
        "select code from rejects",
    ],
)
def test_what_reads_may_be_asked(root: Path, sql: str) -> None:
    assert ask(root, sql).strip()


def test_the_files_of_the_data_set_may_be_named_in_sql(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root.parent)
    for name in ("out", str(root)):
        text = ask(Path("out"), f"select count(*) as n from read_parquet('{name}/articles/**/*.parquet')", width=40)
        assert text.split() == ["n", "9"]
    assert ask(Path("out"), "select filename from articles limit 1", width=200).split()[1].startswith("out/articles/")


def test_the_order_that_was_asked_for(root: Path, tmp_path: Path) -> None:
    raw = out(root, "select n from range(50000) t(n) order by n desc", Format.CSV, tmp_path)
    assert [int(n) for n in raw.split()[1:]] == list(range(49_999, -1, -1))
