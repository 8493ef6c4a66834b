from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.article import Cut
from schemas.rules import CutKind
from transforms.core.access import breaks_off, shown

BEGINNING = "De bakker van Oudewal vond achter zijn oven een trommel met brieven, en wie ze schreef weet niemand"
NOTICE = "Log in om dit artikel verder te lezen op onze site"
OFFER = "Neem nu een abonnement: de eerste maand voor 1 euro."


def cut(at: int, text: str, kind: CutKind = CutKind.PAYWALL) -> Cut:
    return Cut(at, at + len(text), kind, "any.rule", text)


def below(body: str, text: str, kind: CutKind = CutKind.PAYWALL) -> tuple[Cut, ...]:
    return (cut(len(body), text, kind),)


@pytest.mark.parametrize(
    ("body", "removed", "stated", "expected"),
    [
        (BEGINNING, below(BEGINNING, NOTICE), "unknown", "teaser"),
        ("Een vondst.", below("Een vondst.", NOTICE), "unknown", "locked"),
        ("", (cut(0, NOTICE),), "unknown", "locked"),
        (BEGINNING, below(BEGINNING, NOTICE), "open", "open"),
        (BEGINNING, below(BEGINNING, NOTICE), "locked", "teaser"),
        (f"{BEGINNING} …", (), "locked", "teaser"),
        (f"{BEGINNING} …", (), "unknown", "unknown"),
        (f"{BEGINNING} …", (), "open", "open"),
        (f"{BEGINNING}.", (), "locked", "locked"),
        ("Een vondst …", (), "locked", "locked"),
        (BEGINNING, below(BEGINNING, "[+1834 chars]"), "unknown", "unknown"),
        (BEGINNING, below(BEGINNING, "[+1834 chars]"), "locked", "teaser"),
        (BEGINNING, below(BEGINNING, OFFER, CutKind.SUBSCRIPTION), "unknown", "unknown"),
        (f"{BEGINNING}...", below(f"{BEGINNING}...", OFFER, CutKind.SUBSCRIPTION), "unknown", "teaser"),
        (BEGINNING, (cut(0, "Premium\n"),), "unknown", "unknown"),
        (f"{BEGINNING} …", (cut(0, "Premium\n"),), "unknown", "teaser"),
        (BEGINNING, (cut(30, NOTICE),), "unknown", "unknown"),
        (f"{BEGINNING} …", (cut(30, NOTICE),), "unknown", "unknown"),
        (BEGINNING, (), "unknown", "unknown"),
    ],
)
def test_what_is_declared_and_what_the_end_of_the_text_shows(
    body: str, removed: tuple[Cut, ...], stated: str, expected: str
) -> None:
    assert shown(body, removed, stated) == expected


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=60))
def test_a_notice_with_text_before_and_behind_it_has_stopped_nobody(before: str, behind: str) -> None:
    assert shown(before + behind, (cut(len(before), NOTICE),), "unknown") == "unknown"
    assert shown(before, below(before, NOTICE), "unknown") in ("teaser", "locked")


@pytest.mark.parametrize(
    ("body", "mark", "expected"),
    [
        ("Zij liep naar huis …", None, True),
        ("„Ich weiß es nicht ...“", None, True),
        ("Elle partit […]", None, True),
        ("She went (...)", None, True),
        ("He left... [+12 chars]", None, True),
        ("He left", "[+12 chars]\n", True),
        ("He left", "(…)", True),
        ("He left ... and came back.", None, False),
        ("He left. [12 chars]", None, False),
        ("", None, False),
    ],
)
def test_the_marks_of_a_text_cut_short(body: str, mark: str | None, expected: bool) -> None:
    removed = below(body, mark) if mark else ()
    assert breaks_off(body, removed) == expected
    assert shown(body, removed, "unknown") == "unknown"
