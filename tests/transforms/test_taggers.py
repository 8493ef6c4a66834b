"""Taggers of other packages: real distributions, installed by putting their folder on the path."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from schemas.article import Tag
from transforms.taggers import GROUP, TaggerError, load_taggers


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def install(site: Path, package: str, points: dict[str, str], code: str) -> None:
    """What pip leaves behind: a module and a dist-info folder."""
    (site / f"{package}.py").write_text(code, encoding="utf-8")
    info = site / f"{package}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8")
    lines = [f"[{GROUP}]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.modules.pop(package, None)
    importlib.invalidate_caches()


CLUBS = """
from schemas.article import Tag

def clubs(headline, body, language):
    if "Veerhaven United" in f"{headline} {body}":
        yield Tag("club", "veerhaven", "Veerhaven United", 0.9, "Veerhaven United")

def nothing(headline, body, language):
    return ()

def words(headline, body, language):
    return ["football"]

def loud(headline, body, language):
    return [Tag("club", "x", "X", 7.0, "")]

number = 7
"""


def test_none_installed() -> None:
    assert load_taggers() == ()


def test_taggers_are_found_and_called_in_the_order_of_their_names(site: Path) -> None:
    install(site, "knipsel_clubs", {"second": "knipsel_clubs:nothing", "first": "knipsel_clubs:clubs"}, CLUBS)
    taggers = load_taggers()
    assert [one.name for one in taggers] == ["first", "second"]
    tags = [tag for one in taggers for tag in one("Veerhaven United wint", "Het werd laat.", "nl")]
    assert tags == [Tag("club", "veerhaven", "Veerhaven United", 0.9, "Veerhaven United")]
    assert taggers[0](None, "Niemand wint.", "nl") == ()


@pytest.mark.parametrize(
    ("value", "code", "message"),
    [
        (
            "broken_one:clubs",
            "raise RuntimeError('no licence file')",
            "cannot be loaded: RuntimeError: no licence file",
        ),
        ("broken_two:missing", "", "cannot be loaded: AttributeError"),
        ("not_there:clubs", "", "cannot be loaded: ModuleNotFoundError"),
        ("broken_four:number", "number = 7", "is of type int and cannot be called"),
    ],
)
def test_a_broken_tagger_is_named_in_one_line(site: Path, value: str, code: str, message: str) -> None:
    install(site, value.split(":")[0] if value.startswith("broken") else "broken_three", {"football": value}, code)
    with pytest.raises(TaggerError) as caught:
        load_taggers()
    said = str(caught.value)
    assert said.startswith(f"tagger football: {value} of broken_")
    assert message in said
    assert "\n" not in said


def test_two_taggers_of_one_name_are_refused(site: Path) -> None:
    install(site, "clubs_one", {"football": "clubs_one:clubs"}, CLUBS)
    install(site, "clubs_two", {"football": "clubs_two:clubs"}, CLUBS)
    with pytest.raises(TaggerError, match=r"football: is both clubs_one:clubs and clubs_two:clubs"):
        load_taggers()


@pytest.mark.parametrize(("function", "message"), [("words", "gave str, not"), ("loud", "a score in 0..1")])
def test_what_is_no_tag_is_refused(site: Path, function: str, message: str) -> None:
    install(site, "knipsel_words", {"football": f"knipsel_words:{function}"}, CLUBS)
    (tagger,) = load_taggers()
    with pytest.raises(TaggerError, match=message):
        tagger("Een kop", "Een bericht.", "nl")
