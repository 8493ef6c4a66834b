from __future__ import annotations

import pytest
import re2

from pipeline.settings import Config
from transforms.core.clutter.patterns import Anchor, in_one_byte, loosened, openings, options
from transforms.core.clutter.rules import RuleBook
from transforms.core.clutter.segments import coded, fold


@pytest.mark.parametrize(
    ("pattern", "forms"),
    [
        ("foto", [(Anchor.WHOLE, "foto")]),
        ("foto|beeld", [(Anchor.WHOLE, "foto"), (Anchor.WHOLE, "beeld")]),
        ("lees ook.{1,80}", [(Anchor.START, "lees ook")]),
        ("lees (?:ook .{1,80}|meer)", [(Anchor.START, "lees ")]),
        (".{0,20}rechten", [(Anchor.ANYWHERE, "rechten")]),
        (".*(?:op|aan).+verder.*", [(Anchor.ANYWHERE, "(?:op|aan)")]),
        (".*x*", [(Anchor.WHOLE, ".*x*")]),
        (r"\d{1,2}[:.|]\d{2}", [(Anchor.WHOLE, r"\d{1,2}[:.|]\d{2}")]),
        (r"a\.+|\(b\|c\)", [(Anchor.WHOLE, r"a\.+"), (Anchor.WHOLE, r"\(b\|c\)")]),
    ],
)
def test_the_opening_of_a_pattern_ends_where_anything_may_stand(
    pattern: str, forms: list[tuple[Anchor, str]]
) -> None:
    assert openings(pattern) == forms


def test_repetitions_are_counted_no_more() -> None:
    assert loosened(r"(?:ab){2,9}\p{L}{1,40}\d{1,2}x{0,8}\p{Lu}{4}") == r"(?:ab)+\p{L}+\d{1,2}x*\p{Lu}+"


def test_classes_of_characters_are_those_of_the_coded_text() -> None:
    pattern = re2.compile(in_one_byte(r"\p{Lu}[\p{Ll}\p{Lu}-]+ \p{So}?€"), options(case_sensitive=True))
    assert pattern.fullmatch(coded(fold("Éva-Łó 🙂€")))
    assert not pattern.fullmatch(coded("éva €"))


def test_text_is_one_byte_a_character() -> None:
    text = "Ελληνικά 漢字 🙂 … ₂ ④"
    assert len(coded(text)) == len(text)


def test_each_example_passes_by_an_opening(book: RuleBook, config: Config) -> None:
    for file in config.rules.files.values():
        for rule in file.rule:
            if rule.match is not None and rule.scope not in ("start", "end"):
                host, source = next(iter(file.hosts), None), next(iter(file.sources), None)
                assert rule in book.fitting(coded(fold(rule.example).strip()), host, source).rules
