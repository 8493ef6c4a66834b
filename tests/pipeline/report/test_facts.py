from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ledger import Counts, Ledger
from pipeline.report import ReportError, RunExtra, publish, rebuild
from pipeline.report import rows as rows_module
from pipeline.report.extra import load, page_path, store
from pipeline.report.facts import collect
from pipeline.report.history import commands
from pipeline.report.links import followable
from pipeline.report.model import RunFacts, Share
from pipeline.report.samples import sample
from schemas.article import Cut
from schemas.reject import EXPLAINED, FILTERED, Reason
from tests.pipeline.report.conftest import EVE, Made
from tests.pipeline.report.made import HOSTILE, ISLAND, WAVE, commit_night
from tests.pipeline.rows import NOW, commit_run
from transforms.core.clutter.strip import restore
from transforms.parquet import read_rows


@pytest.fixture(scope="module")
def facts(made: Made) -> RunFacts:
    return collect(made.root, made.extra.runs, made.extra)


def test_the_books_are_those_of_the_log(made: Made, facts: RunFacts) -> None:
    assert facts.counts == made.extra.counts
    assert facts.counts.balanced
    assert facts.rows == facts.counts.written
    assert sum(one.count for one in facts.letters) == facts.counts.filtered + facts.counts.rejected
    assert facts.this.moment == NOW
    assert facts.config_hashes == ("c0ffee",)
    assert facts.files == 3
    assert facts.file_bytes == sum(path.stat().st_size for path in made.root.glob("*/date=*/000001-*"))


def test_outlets_are_counted_one_by_one(facts: RunFacts) -> None:
    outlets = {one.source_id: one for one in facts.outlets}
    island, wave = outlets["eiland"], outlets["welle"]
    assert (island.name, island.articles, island.letters, island.agency) == (ISLAND, 2, 1, 1)
    assert (wave.name, wave.articles, wave.letters) == (WAVE, 6, 1)
    assert (wave.short, wave.undated, wave.undetermined, wave.clutter) == (5, 3, 3, 0.0)
    assert wave.languages == (Share("de", 3), Share("und", 3))
    assert wave.codes == (Share("ROBOTS_DISALLOWED", 1),)
    assert [one.text for one in wave.latest] == [f"Ferry late again ({number})" for number in (3, 4, 5, 6)]
    assert {one.name for one in island.kinds} == {"newsletter", "related_teaser"}
    assert outlets[""].letters == 42
    assert outlets[""].name is None
    # By articles, but those with most of both are in, also where none was written.
    assert [one.articles for one in facts.outlets] == sorted((one.articles for one in facts.outlets), reverse=True)


def test_outlets_beyond_the_listed_ones_are_added_up(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.report.queries.MOST_OUTLETS", 2)
    few = collect(made.root, made.extra.runs, made.extra)
    assert {one.source_id for one in few.outlets} == {"", "welle"}
    assert few.more_outlets[1] + 6 == few.counts.written
    assert few.more_outlets[2] + 43 == few.counts.filtered + few.counts.rejected


def test_languages_topics_and_dates(facts: RunFacts) -> None:
    assert sum(one.count for one in facts.languages) == facts.rows
    assert facts.languages[0] == Share("en", len(HOSTILE) - 1)
    # Of the levels of a topic only the top one, and no section of a publisher.
    assert facts.topics == (Share("sport", 6), Share("environment", 1))
    assert facts.untagged == facts.rows - 7
    assert [(one.label, one.published + one.other) for one in facts.periods] == [
        ("2026-11-19", facts.rows - 6),
        ("2026-11-20", 6),
    ]
    assert facts.periods[1].other == 3
    assert facts.revised == 1


def test_many_days_become_months_and_many_months_years(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.report.queries.MOST_PERIODS", 1)
    (month,) = collect(made.root, made.extra.runs, made.extra).periods
    assert (month.label, month.other) == ("2026-11", 3)
    monkeypatch.setattr("pipeline.report.queries.MOST_PERIODS", 0)
    (year,) = collect(made.root, made.extra.runs, made.extra).periods
    assert year.label == "2026"


def test_cuts_are_counted_by_kind_and_rule(facts: RunFacts) -> None:
    kinds = {one.kind: one for one in facts.kinds}
    assert {name: (one.cuts, one.articles) for name, one in kinds.items()} == {
        "newsletter": (2, 2),
        "related_teaser": (1, 1),
        "other": (len(HOSTILE), len(HOSTILE)),
    }
    assert facts.cut_chars == sum(one.chars for one in facts.kinds)
    assert [(one.rule, one.cuts) for one in kinds["newsletter"].rules] == [("en.newsletter", 1), ("nl.newsletter", 1)]
    assert kinds["newsletter"].chars == sum(one.chars for one in kinds["newsletter"].rules)


def test_samples_show_cuts_in_their_place(facts: RunFacts) -> None:
    kinds = {one.kind: one for one in facts.kinds}
    assert [len(kinds[name].samples) for name in ("newsletter", "related_teaser", "other")] == [2, 1, 2]
    (teaser,) = kinds["related_teaser"].samples
    assert (teaser.why, teaser.rule, teaser.chars) == ("the longest", "signal.weighed", 36 * 40)
    asked = [piece for piece in teaser.before if piece.asked]
    assert len(asked) == 1
    assert "… 540 characters …" in asked[0].text
    assert teaser.after.strip().endswith("The tide came early to Oudewal.")
    assert (teaser.opens, teaser.closes) == (False, True)
    # The other cut beside it is shown as one too.
    assert [piece.kind for piece in teaser.before if piece.kind] == ["related_teaser", "newsletter"]


texts = st.text(st.sampled_from("abc \n\u05d0\U0001f6a2"), min_size=1, max_size=700)


@given(text=texts, edges=st.lists(st.integers(0, 700), min_size=2, max_size=12, unique=True), data=st.data())
def test_a_sample_shows_nothing_that_was_not_there(text: str, edges: list[int], data: st.DataObject) -> None:
    places = sorted({min(edge, len(text)) for edge in edges})
    spans = [(a, b) for a, b in zip(places[::2], places[1::2], strict=False) if a < b]
    if not spans:
        return
    cuts = [Cut(a, b, "other", "r", text[a:b]) for a, b in spans]
    body = "".join(
        text[a:b] for a, b in zip([0, *(b for _, b in spans)], [*(a for a, _ in spans), len(text)], strict=True)
    )
    assert restore(body, cuts) == text
    chosen = data.draw(st.sampled_from(cuts))
    row = {
        "body": body,
        "removed": [{"start": c.start, "end": c.end, "kind": c.kind, "rule": c.rule, "text": c.text} for c in cuts],
        "headline": None, "url": None, "canonical_url": None, "input_ref": "x", "source_id": "s", "language": "en",
    }  # fmt: skip
    found = sample(row, chosen.start, "the longest")
    (asked,) = [piece for piece in found.before if piece.asked]
    assert asked.text == chosen.text
    if all("[… " not in piece.text for piece in found.before):
        shown = "".join(piece.text for piece in found.before)
        begin = text.find(shown, max(chosen.start - len(shown), 0))
        assert begin >= 0
        assert (not found.opens) or text.startswith(shown)
        assert (not found.closes) or text.endswith(shown)
    assert all(piece.text for piece in found.before)


def test_dead_letters_lead_to_their_input(facts: RunFacts) -> None:
    letters = {one.code: one for one in facts.letters}
    assert letters["TIMEOUT"].count == 40
    assert len(letters["TIMEOUT"].shown) == 25
    assert letters["EMPTY"].shown[0].href == "https://oudewal.example/gone?a=1&b=<2>"
    assert letters["ROBOTS_DISALLOWED"].filtered
    assert {one.filtered for one in facts.letters} == {True, False}
    assert all(one.explained == EXPLAINED[Reason(one.code)] for one in facts.letters)
    assert all(letter.href is None for letter in letters["BAD_SCHEME"].shown)
    assert len(letters["BAD_SCHEME"].shown) == len(HOSTILE) + 1
    assert not (letters["EMPTY"].new)
    assert {one.code for one in facts.letters if one.new} == {one.code for one in facts.letters} - {"EMPTY"}
    assert {one.code for one in facts.letters if one.filtered} == FILTERED & letters.keys()


def test_letters_of_one_outlet_do_not_hide_those_of_others(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.report.queries.MOST_LETTERS", len(HOSTILE) + 1)
    letters = {one.code: one for one in collect(made.root, made.extra.runs, made.extra).letters}
    assert len({letter.source_id for letter in letters["BAD_SCHEME"].shown}) == len(HOSTILE) + 1


@pytest.mark.parametrize(
    ("url", "href"),
    [
        ("https://oudewal.example/a?b=1#c", "https://oudewal.example/a?b=1#c"),
        ("HTTP://oudewal.example", "http://oudewal.example"),
        ("https://user:secret@oudewal.example/", "https://oudewal.example/"),
        ("javascript:alert(1)", None),
        (" javascript:alert(1)", None),
        ("java\nscript:alert(1)", None),
        ("data:text/html,x", None),
        ("file:///etc/passwd", None),
        ("//oudewal.example/a", None),
        ("https://", None),
        ("https://a b/", None),
        ("https://oudewal.example/" + "a" * 2_048, None),
        ("a/b.html", None),
        ("", None),
        (None, None),
    ],
)
def test_only_web_addresses_may_be_followed(url: str | None, href: str | None) -> None:
    assert followable(url) == href


def test_a_report_needs_nothing_but_the_data_set(made: Made, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made.root, root, ignore=shutil.ignore_patterns("_reports"))
    bare = collect(root, made.extra.runs, None)
    assert bare.extra is None
    assert bare.counts == made.extra.counts
    assert bare.this.inputs == ("night",)
    assert [one.run_id for one in bare.past] == ["000000-20261119T063000Z"]
    assert rebuild(root).name == f"{made.extra.runs[-1]}.html"


def test_past_runs_are_compared_with_what_was_kept_of_them(tmp_path: Path) -> None:
    root = tmp_path / "out"
    with Ledger(root) as ledger:
        for number in range(4):
            commit_run(ledger, [number], now=EVE - dt.timedelta(days=4 - number))
    names = [one.run_id for one in reversed(commands(root))]
    kept = RunExtra(EVE, 12.5, (names[1],), Counts(2, 1, 0, 0, 1, {"EMPTY": 1}), peak_bytes=7)
    store(root, kept)
    last = commit_night(root)
    store(root, last)
    facts = collect(root, last.runs, last)
    assert [one.run_id for one in facts.past] == names
    assert [one.extra.seconds if one.extra else None for one in facts.past] == [None, 12.5, None, None]
    older = collect(root, [names[2]], None)
    assert [one.run_id for one in older.past] == names[:2]
    assert older.rows == 1
    assert [one.run_id for one in commands(root, most=2)] == [last.runs[0], names[3]]


def test_batches_of_one_call_are_one_report(tmp_path: Path) -> None:
    root = tmp_path / "out"
    with Ledger(root) as ledger:
        commit_run(ledger, [9], now=EVE)
        for number in range(3):
            commit_run(ledger, [number], now=NOW)
    together = commands(root)
    assert [len(one.runs) for one in together] == [3, 1]
    assert together[0].counts.read == 6
    runs = together[0].runs
    assert collect(root, runs, None).rows == 3
    # A batch that had nothing to commit takes the number of the next one.
    idle = "000004-20261120T063000Z"
    books = Counts(8, 3, 2, 0, 3, {"EMPTY": 3})
    extra = RunExtra(NOW, 5.0, (*runs, idle), books)
    path = publish(root, extra)
    assert path == page_path(root, idle)
    assert commands(root)[0].runs == (*runs, idle)
    assert commands(root)[0].counts.duplicate == 2
    # Whichever of its batches is named, the report is that of the call.
    assert rebuild(root, runs[1]) == path


def test_a_run_that_found_nothing_has_a_report(made: Made, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made.root, root)
    idle = "000002-20261121T063000Z"
    page = publish(root, RunExtra(NOW + dt.timedelta(days=1), 2.0, (idle,), Counts(7, 0, 7, 0, 0), feeds_asked=3))
    assert commands(root)[0].run_id == idle
    assert "Of 7 inputs that were read, 0 became articles" in page.read_text("utf-8")
    facts = collect(root, [idle], load(root, idle))
    assert (facts.rows, facts.files, facts.outlets, facts.kinds, facts.periods) == (0, 0, (), (), ())
    assert len(facts.past) == 2


def test_what_was_kept_is_read_back_as_it_was(made: Made) -> None:
    assert load(made.root, made.extra.runs[-1]) == made.extra


def test_small_memory_gives_the_same_facts(made: Made, facts: RunFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "MOST_ROWS", 1)
    monkeypatch.setattr(rows_module, "MEMORY", "30MB")
    assert collect(made.root, made.extra.runs, made.extra) == facts


def test_too_little_memory_is_an_error_of_one_line(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "MEMORY", "1MB")
    with pytest.raises(ReportError, match=r"the rows of the run could not be counted \(Out of Memory Error"):
        collect(made.root, made.extra.runs, made.extra)


def test_the_error_says_what_to_do(made: Made, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="holds no run 000009-20261120T063000Z"):
        collect(made.root, ["000009-20261120T063000Z"], None)
    with pytest.raises(ReportError, match="no id of a run"):
        collect(made.root, ["../../etc/passwd"], None)
    with pytest.raises(ReportError, match=r"holds no run \.\./evil"):
        rebuild(made.root, "../evil")
    with pytest.raises(ReportError, match="has seen no run yet"):
        rebuild(tmp_path)
    with pytest.raises(ReportError, match="no ids of runs"):
        store(tmp_path, replace(made.extra, runs=("../evil",)))
    assert list(tmp_path.iterdir()) == []


def test_damage_is_named(made: Made, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(made.root, root)
    kept = root / "_reports" / f"{made.extra.runs[-1]}.json"
    kept.write_text("{}")
    with pytest.raises(ReportError, match=r"json: damaged .*; remove it"):
        rebuild(root)
    kept.write_bytes((made.root / "_reports" / kept.name).read_bytes().replace(b"000001-", b"000007-"))
    with pytest.raises(ReportError, match=r"json: is that of another run; remove it"):
        rebuild(root)
    kept.unlink()
    rebuild(root)
    file = next((root / "articles").rglob("000001-*.parquet"))
    assert read_rows(file).num_rows
    data = bytearray(file.read_bytes())
    for place in range(4, len(data) // 2, 16):
        data[place] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(ReportError, match=r"parquet: cannot be read .*'knipsel verify'"):
        rebuild(root)
    file.unlink()
    with pytest.raises(ReportError, match=r"parquet: cannot be read"):
        rebuild(root)
