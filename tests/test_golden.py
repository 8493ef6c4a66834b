"""The golden cases, that every rule file has one, and the record of what each rule fits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.settings import Config
from schemas.rules import Rule, Scope
from tests.conftest import REPOSITORY
from tests.golden import cases, draft, fits
from tests.golden.patterns import filled, longest, parsed
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


def test_every_rule_is_exercised(config: Config, book: RuleBook) -> None:
    cut = {cut.rule for case in map(cases.load, CASES) for cut in case.cuts or ()}
    failing = set(re.findall(r"'([^']+)'", "\n".join(book.faults())))
    known = {thing.id for _, thing in fits.every(config.rules.files)}
    assert not (known & failing) - cut
    assert {rule for rule in cut if not rule.startswith("signal.")} <= known, "a case names a rule that is no more"


@pytest.fixture(scope="module")
def fitted(config: Config) -> dict[str, fits.Fits]:
    """What every rule fits."""
    return fits.record(config.rules.files)


def test_every_rule_fits_the_lines_that_were_accepted(config: Config, fitted: dict[str, fits.Fits]) -> None:
    old, new = fits.read_rows(), fits.rows(config.rules.files, fitted)
    changed = [id_ for id_ in sorted({*old, *new}) if old.get(id_) != new.get(id_)]
    told = [fits.change(id_, old.get(id_), new.get(id_), fitted.get(id_)) for id_ in changed[:20]]
    assert not changed, "\n".join(
        [f"{len(changed)} rules changed", *told, f"Is that what you meant? Then accept it: {fits.ACCEPT}"]
    )


def test_every_probe_is_taken_as_was_accepted(config: Config) -> None:
    probes, words = fits.read_probes(), fits.words_of(config.rules.files)
    changed = []
    for name, thing in fits.every(config.rules.files):
        before = probes.pop(thing.id, [])
        after = fits.probed(thing, words[name], before)
        changed += [f"{now} was {was.at}" for was, now in zip(before, after, strict=True) if was != now]
    assert not probes, "probes of rules that are no more"
    assert not changed, "\n".join([*changed, f"Is that what you meant? Then accept it: {fits.ACCEPT}"])


def test_the_record_of_a_rule_depends_on_no_other(config: Config, fitted: dict[str, fits.Fits]) -> None:
    name, file = next(iter(config.rules.files.items()))
    fewer = file.model_copy(update={"rule": file.rule[::-3], "hosts": ("lindewaard.example",)})
    lists = file.model_copy(update={"rule": (), "seam": (), "words": fits.words_of(config.rules.files)[name]})
    alone = fits.record({"lists": lists, name: fewer})
    assert len(alone) >= len(file.rule) // 3
    assert alone == {id_: fitted[id_] for id_ in alone}


def test_no_rule_fits_more_than_is_told_of_its_pattern(config: Config, fitted: dict[str, fits.Fits]) -> None:
    words = fits.words_of(config.rules.files)
    for name, file in config.rules.files.items():
        for rule in file.rule:
            if rule.match is not None and rule.scope not in (Scope.START, Scope.END):
                most = longest(parsed(filled(rule.match, words[name])))
                fitting = (*fitted[rule.id].corpus, *fitted[rule.id].own)
                assert max(len(line.strip()) for line, _ in fitting) <= most, rule.id


def test_a_rule_whose_effect_changes_has_another_row(config: Config, fitted: dict[str, fits.Fits]) -> None:
    name, file = next(iter(config.rules.files.items()))
    rule = file.rule[-1]
    found = {rule.id: fitted[rule.id]}
    changed: list[tuple[Rule, dict[str, tuple[str, ...]]]] = [
        (rule, {}),
        (rule, {"hosts": ("lindewaard.example",)}),
        (rule.model_copy(update={"weight": 5.5}), {}),
        (rule.model_copy(update={"scope": Scope.SIGNAL}), {}),
    ]
    made = [
        fits.rows({name: file.model_copy(update={**outlet, "rule": (other,), "seam": ()})}, found)[rule.id]
        for other, outlet in changed
    ]
    assert len(set(made)) == len(made)
    told = fits.change(rule.id, made[0], made[1], found[rule.id])
    assert rule.id in told
    assert repr(rule.example) in told


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
