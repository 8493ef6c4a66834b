"""The golden cases, and that every rule file has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.settings import Config
from tests.conftest import REPOSITORY
from tests.golden import cases, draft
from transforms.core.clutter.rules import RuleBook

CLUTTER = REPOSITORY / "config" / "clutter"
CASES = cases.names()


def rule_files() -> list[str]:
    """Every rule file that ships, by its path below ``config/clutter``."""
    return sorted(path.relative_to(CLUTTER).as_posix() for path in CLUTTER.glob("*/*.toml"))


@pytest.mark.parametrize("name", CASES)
def test_the_article_comes_out_as_a_careful_person_would_cut_it(name: str, book: RuleBook) -> None:
    case = cases.load(name)
    text, cuts = cases.outcome(case, book)
    assert case.expected is not None, f"no expected.txt; python -m tests.golden.draft {name} drafts it"
    assert text.splitlines() == case.expected.splitlines()
    assert text == case.expected
    assert case.cuts is not None
    # Which of two rules names a cut may change; what is cut, and as what, may not.
    assert [(cut.kind, cut.text) for cut in cuts] == [(cut.kind, cut.text) for cut in case.cuts]


@pytest.mark.parametrize("file", rule_files())
def test_every_rule_file_has_a_case_in_which_a_rule_of_it_cuts(file: str, config: Config) -> None:
    rules = {rule.id for rule in config.rules.files[f"config/clutter/{file}"].rule}
    cut = {
        cut.rule for case in map(cases.load, CASES) if file in case.about.covers and case.cuts for cut in case.cuts
    }
    assert rules & cut, f"no golden case covers config/clutter/{file}; see tests/golden/cases.py"


@pytest.mark.parametrize("name", CASES)
def test_a_case_covers_what_it_says(name: str, config: Config) -> None:
    case = cases.load(name)
    assert set(case.about.covers) <= set(rule_files())
    for file in case.about.covers:
        rules = {rule.id for rule in config.rules.files[f"config/clutter/{file}"].rule}
        assert rules & {cut.rule for cut in case.cuts or ()}, f"no cut by a rule of {file}"


def test_every_rule_is_exercised(book: RuleBook) -> None:
    cut = {cut.rule for case in map(cases.load, CASES) for cut in case.cuts or ()}
    failing = set(re.findall(r"'([^']+)'", "\n".join(book.faults())))
    known = {*book.rules, *(seam.id for seam, _ in book.seams)}
    assert not (known & failing) - cut
    assert {rule for rule in cut if not rule.startswith("signal.")} <= known, "a case names a rule that is no more"


def test_a_draft_is_what_the_rules_make_of_the_text(
    tmp_path: Path, book: RuleBook, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    with pytest.raises(SystemExit):
        draft.main(["new"], tmp_path)
    assert "write it first" in capsys.readouterr().err
    text = (
        "Brug open\nDe brug over de Linde ging woensdag open voor al het verkeer, zegt de gemeente. Er was taart.\n"
        "Foto: ANP\n"
    )
    (folder / "input.txt").write_text(text, "utf-8")
    (folder / "case.toml").write_text('about = "A new one."\ncovers = []\nheadline = "Brug open"\n', "utf-8")
    assert draft.main(["new"], tmp_path) == 0
    case = cases.load("new", tmp_path)
    assert (case.expected, case.cuts) == cases.outcome(case, book)
    assert (case.expected or "").startswith("Brug open\n\nDe brug over de Linde")
    assert [cut.text for cut in case.cuts or ()] == ["Brug open", "Foto: ANP"]
    with pytest.raises(SystemExit):
        draft.main(["new"], tmp_path)
    assert "--again" in capsys.readouterr().err
