"""Every rule is needed, and is as narrow as it is: what is dropped or widened, the record of fits tells.

The record (``tests/golden/fits.py``) is compared in ``test_golden.py``; here it is shown that it would tell. Each
mutant of a rule must fit another set of lines than its rule, or the record would not notice the change. Mutants that
are plainly the same rule are not made (``tests/golden/mutants.py`` says how that is told); there are no exceptions.
"""

from __future__ import annotations

import pytest

from pipeline.settings import Config
from schemas.rules import CutKind, Rule, Scope, Seam
from tests.golden import fits
from tests.golden.mutants import mutants, probes_for, untold
from tests.golden.patterns import filled, is_open, longest, parsed, texts

RULE = Rule(
    id="test.tip",
    kind=CutKind.PROMO,
    scope=Scope.TAIL,
    match=r"tip\? (?:mail|bel) [^.]{3,60}\.",
    none=(r"\bzei\b",),
    max_chars=45,
    example="Tip? Mail de krant.",
    counter_example="Een tip, mail van de krant.",
)


def test_a_rule_that_is_dropped_is_missed(config: Config) -> None:
    rows = fits.read_rows()
    known = sorted(thing.id for _, thing in fits.every(config.rules.files))
    assert sorted(rows) == known, f"{fits.ACCEPT} brings the record up to date"
    assert not [row for row in rows.values() if row.split("\t")[3] == "0"], "what fits nothing is not missed"


def test_a_rule_or_seam_that_is_widened_is_noticed(config: Config) -> None:
    probes = fits.read_probes()
    words = fits.words_of(config.rules.files)
    unnoticed = [
        mutant.id
        for name, thing in fits.every(config.rules.files)
        for mutant in untold(thing, words[name], probes.get(thing.id, ())).values()
    ]
    assert not unnoticed, (
        f"no line tells these mutants from their rules: {', '.join(unnoticed)}. `{fits.ACCEPT}` looks for lines "
        f"that do; where it finds none, write one into {fits.PROBES.name}, or drop what makes no difference"
    )


def test_mutants_are_wider_in_every_way_that_makes_a_difference() -> None:
    assert sorted(mutants(RULE, {})) == ["later", "longer", "more-chars", "unbarred"]
    # 71 characters at most: no line of more than 80 fits, so a larger bound is no wider.
    assert "more-chars" not in mutants(RULE.model_copy(update={"max_chars": 80}), {})
    assert "longer" not in mutants(RULE.model_copy(update={"match": r"tip\b.*"}), {})
    assert "longer" in mutants(RULE.model_copy(update={"match": r"foto|tip\b.*"}), {})
    two = RULE.model_copy(update={"all": ("krant",), "none": ("zei", "zegt"), "case_sensitive": True})
    assert set(mutants(two, {})) == {
        *("later", "longer", "more-chars", "any-case", "without-1", "unbarred", "unbarred-1", "unbarred-2"),
    }
    start = RULE.model_copy(update={"scope": Scope.START})
    assert "later" in mutants(start, {})
    assert "longer" not in mutants(start, {})
    seam = Seam(id="test.seam", match=r"geleden()\p{Lu}", example="1 uur geleden|Ja", counter_example="Geleden")
    assert sorted(mutants(seam, {})) == ["any-case", "before", "behind"]


def test_a_probe_is_found_for_a_mutant_that_no_line_tells() -> None:
    barred = RULE.model_copy(update={"none": (r"\bzeppelins?\b", r"\bzei\b")})
    left = untold(barred, {}, ())
    assert "unbarred-1" in left
    probes = probes_for(barred, left, {})
    assert any("zeppelin" in probe.line for probe in probes)
    assert all(probe.at is None for probe in probes), "the rule fits none of them"
    assert not untold(barred, {}, probes)


@pytest.mark.parametrize(
    ("pattern", "most"),
    [
        (r"lees (?:ook|meer)\s?:", 11),
        (r"\p{Lu}{2,4}[a-z\]]?|x{3}", 5),
        (r"(?:ab|c){1,3}\b", 6),
        (r".{3,80}z?", 81),
        (r"(?i:foto)\(?", 5),
        (r"a+", float("inf")),
        (r"()\bx\z", 1),
    ],
)
def test_how_long_a_text_is_that_a_pattern_fits_at_most(pattern: str, most: float) -> None:
    assert longest(parsed(pattern)) == most


def test_a_pattern_is_open_where_any_text_may_follow() -> None:
    assert is_open(parsed("foto.*"), 300, behind=True)
    assert is_open(parsed("foto(?:en.*|graaf.{0,300})"), 300, behind=True)
    assert not is_open(parsed("foto(?:en.*|graaf.{0,299})"), 300, behind=True)
    assert not is_open(parsed("foto(?:en.*)?"), 300, behind=True)
    assert not is_open(parsed("foto.*"), 300, behind=False)
    assert not is_open(parsed("foto[^.]*"), 300, behind=True)


def test_texts_of_a_pattern_take_every_alternative() -> None:
    tree = parsed(filled(r"<verb> (?:hier|de \p{Lu}\w+)[.!]?", {"verb": ("lees", "kijk")}))
    assert {"lees hier", "kijk hier", "lees de Ax", "lees hier."} <= set(texts(tree))
    with pytest.raises(ValueError, match="not closed"):
        parsed("(?:a")
    with pytest.raises(ValueError, match="too many"):
        parsed("a)")
