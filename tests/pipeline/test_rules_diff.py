"""What the rules as they are now would change in the stored articles."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli import main
from pipeline.ledger import Ledger
from pipeline.rules_diff import COLUMNS, Totals, compare, difference
from pipeline.settings import Config
from schemas.article import ARTICLES, Cut
from schemas.rules import Rule, RuleSet
from tests.conftest import NOW, SHARED
from tests.pipeline.rows import commit_run
from tests.pipeline.test_recurring_run import RULE, article, write
from tests.pipeline.test_run import EXAMPLES, MOMENT, files, rows
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.strip import restore, stated_headline, strip

PIECES = [
    "De gemeenteraad van Molenhoek heeft dinsdagavond besloten de dorpskern autovrij te maken. Dat kost geld.",
    "Raad maakt dorpskern autovrij",
    "Winkeliers vrezen dat klanten wegblijven.",
    "Meer uit Binnenland",
    "UTRECHT (ANP) - De gemeente laat twee bruggen ophalen voor een schip vol dennenbomen.",
    "7 minuten geleden",
    " date 2017-09 ",
    "Foto: ANP",
    "Lees ook:",
    "- De brug gaat weer open",
    "Binnenland",
    "Bron: Belga",
    " ",
    "",
]
texts = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=12).map("\n".join))
headlines = st.one_of(st.none(), st.sampled_from(PIECES[:4]), st.text(min_size=1, max_size=20))


def stored(text: str, headline: str | None, book: RuleBook, *, host: str | None = None) -> dict[str, Any]:
    """The row that a run would have left of a text."""
    found = strip(text, book, headline=headline, host=host, source_id="oudewal")
    return {
        "article_id": "a",
        "version": 1,
        "partition_date": NOW.date(),
        "source_id": "oudewal",
        "host": host,
        "input_kind": "jsonl",
        "input_ref": "a.txt",
        "headline": found.headline,
        "body": found.body,
        "removed": [
            {"start": c.start, "end": c.end, "kind": str(c.kind), "rule": c.rule, "text": c.text}
            for c in found.removed
        ],
    }


def changed_rules(config: Config, *, drop: Sequence[str] = (), add: Sequence[Rule] = ()) -> RuleBook:
    made = {
        name: file.model_copy(update={"rule": tuple(rule for rule in file.rule if rule.id not in drop)})
        for name, file in config.rules.files.items()
    }
    last = max(made)
    made[last] = made[last].model_copy(update={"rule": (*made[last].rule, *add)})
    return RuleBook(RuleSet(made, config.rules.model))


ANNOUNCEMENT = Rule.model_validate(
    {
        "id": "test.fanfare",
        "kind": "promo",
        "scope": "line",
        "match": "De fanfare speelt .{1,60}",
        "example": "De fanfare speelt zondag",
        "counter_example": "Fanfare",
    }
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("diff") / "out"
    assert main(["run", *EXAMPLES, "--root", str(made), *MOMENT, "--quiet"]) == 0
    return made


def test_unchanged_rules_change_no_stored_article(root: Path, book: RuleBook) -> None:
    totals = Totals()
    assert list(difference(root, book, totals)) == []
    assert totals.articles == 11


@given(texts, headlines)
def test_unchanged_rules_change_nothing_whatever_the_text(book: RuleBook, text: str, headline: str | None) -> None:
    assert compare(stored(text, headline, book), book) is None


@pytest.mark.parametrize("stated", [True, False])
def test_unchanged_rules_change_no_annotated_text(book: RuleBook, stated: bool) -> None:
    gold = SHARED / "clutter" / "dev.jsonl"
    if not gold.is_file():
        pytest.skip("the annotated documents are not part of the repository and do not lie beside this checkout")
    for document in map(json.loads, gold.read_text("utf-8").splitlines()):
        title = next((line.strip() for line in document["text"].splitlines() if line.strip()), None)
        row = stored(document["text"], title if stated else None, book)
        again = strip(
            restore(row["body"], [Cut(**cut) for cut in row["removed"]]),
            book,
            headline=stated_headline(row["headline"], [Cut(**cut) for cut in row["removed"]]),
            source_id="oudewal",
        )
        assert [str(cut.rule) for cut in again.removed] == [cut["rule"] for cut in row["removed"]]
        assert again.body == row["body"]
        assert compare(row, book) is None


def test_lines_that_recur_are_those_that_the_run_knew(tmp_path: Path, book: RuleBook) -> None:
    for night in (range(30), range(30, 40)):
        written = write(tmp_path / "in.jsonl", map(article, night))
        assert main(["run", str(written), "--root", str(tmp_path / "out"), "--quiet", *MOMENT]) == 0
    cut = [row for row in rows(tmp_path / "out") if any(c["rule"] == RULE for c in row["removed"])]
    assert len(cut) == 10
    totals = Totals()
    assert list(difference(tmp_path / "out", book, totals)) == []
    assert totals.articles == 40


def test_a_headline_that_was_found_is_looked_for_again_and_a_stated_one_is_stated() -> None:
    found = Cut(0, 5, "headline", "signal.first-line", "Brug\n")
    assert stated_headline("Brug", [found]) is None
    assert stated_headline("Brug", [Cut(0, 5, "title", "signal.headline-again", "Brug\n")]) == "Brug"
    assert stated_headline(None, []) is None


def test_a_line_that_a_new_rule_cuts_and_one_that_a_dropped_rule_kept(config: Config, book: RuleBook) -> None:
    text = (
        "De brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente. Er was taart.\n"
        "De vlag hangt uit op het raadhuis\n"
        "De gemeente rekent op drieduizend fietsers per dag. De oude brug gaat naar een museum in Oudewal.\n"
        "De fanfare speelt zondag op het plein\n"
    )
    flag = ANNOUNCEMENT.model_copy(
        update={"id": "test.flag", "match": "de vlag hangt uit.*", "example": "De vlag hangt uit op het raadhuis"}
    )
    row = stored(text, "Brug open", changed_rules(config, add=[flag]))
    now = compare(row, changed_rules(config, add=[ANNOUNCEMENT]))
    assert now is not None
    assert [(c.change, c.text, c.rule) for c in now.changes] == [
        ("kept", "De vlag hangt uit op het raadhuis", "test.flag"),
        ("cut", "De fanfare speelt zondag op het plein", "test.fanfare"),
    ]
    assert all(text[c.start : c.end] == c.text for c in now.changes)
    assert not now.emptied


def test_a_line_that_another_rule_cuts_now(config: Config, book: RuleBook) -> None:
    text = (
        "De brug over de Linde ging woensdag open voor al het verkeer. Er was taart en muziek.\n"
        "De fanfare speelt zondag"
    )
    row = stored(text, "Brug open", changed_rules(config, add=[ANNOUNCEMENT]))
    renamed = ANNOUNCEMENT.model_copy(update={"id": "test.other", "kind": "other"})
    now = compare(row, changed_rules(config, add=[renamed]))
    assert now is not None
    (change,) = now.changes
    assert (change.change, change.kind, change.rule) == ("other", "other", "test.other")
    assert change.was == ("promo", "test.fanfare")
    assert change.as_json()["was_rule"] == "test.fanfare"


def test_an_article_of_which_nothing_is_left_is_said_to_be_filtered(config: Config, book: RuleBook) -> None:
    row = stored("De fanfare speelt zondag op het plein van Oudewal, en daarna is er taart.", None, book)
    now = compare(row, changed_rules(config, add=[ANNOUNCEMENT]))
    assert now is not None
    assert now.emptied
    assert now.as_json()["outcome"] == "filtered"


def test_all_columns_that_are_read_are_written() -> None:
    assert set(COLUMNS) <= set(ARTICLES.names)


def test_the_command_shows_lines_and_a_summary_and_writes_nothing(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "knipsel.toml").write_text('[clutter]\nlanguages = ["any", "de", "en", "fr"]\n', "utf-8")
    asked = ["rules", "diff", "--root", str(root), "--config", str(tmp_path / "knipsel.toml")]
    before = files(root)
    assert main([*asked, "--json"]) == 0
    *articles, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert summary["articles"] == 11
    assert summary["changed"] == len(articles) > 2
    assert summary["kept"] == sum(c["change"] == "kept" for a in articles for c in a["changes"])
    assert sum(counts["kept"] for counts in summary["rules"].values()) == summary["kept"]

    assert main([*asked, "--limit", "3"]) == 0
    said = capsys.readouterr().out
    assert f"{summary['changed']} of 11 stored articles would change" in said
    assert f"{summary['changed'] - 3} more" in said
    assert any(sign in said for sign in ("+ ", "~ ", "- "))
    assert files(root) == before

    assert main([*asked, "--date", "2026-11-19", "--json"]) == 0
    day = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert day[-1]["articles"] == 3
    assert {article["date"] for article in day[:-1]} <= {"2026-11-19"}
    assert main([*asked, "--source", "nobody", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["articles"] == 0


def test_a_root_without_a_data_set_and_a_damaged_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "diff", "--root", str(tmp_path / "none")]) == 1
    assert "holds no data set" in capsys.readouterr().err
    root = tmp_path / "out"
    assert main(["run", EXAMPLES[0], "--root", str(root), "--quiet", *MOMENT]) == 0
    next((root / "articles").rglob("*.parquet")).write_bytes(b"PAR1 nothing PAR1")
    assert main(["rules", "diff", "--root", str(root)]) == 1
    assert "knipsel verify" in capsys.readouterr().err


def test_memory_does_not_grow_with_the_data_set(tmp_path: Path, book: RuleBook) -> None:
    peaks = []
    for number in (600, 3000):
        root = tmp_path / f"out-{number}"
        with Ledger(root) as ledger:
            commit_run(ledger, range(number))
        totals = Totals()
        tracemalloc.start()
        for _ in difference(root, book, totals):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert totals.articles == number
    assert peaks[1] < 1.3 * peaks[0]
