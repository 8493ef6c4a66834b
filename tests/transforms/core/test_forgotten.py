from __future__ import annotations

import pytest

from schemas.reject import FILTERED, Reason, Reject
from transforms.core.forgotten import Forgotten, address_id, obituary

URL = "https://oudewal.example/bericht/7"
GONE = Forgotten(frozenset([address_id(URL) or "", "f" * 32]))


@pytest.mark.parametrize(
    "spelled", [URL, f"{URL}?utm_source=rss", f"{URL}#reacties", "HTTPS://Oudewal.example/bericht/7"]
)
def test_an_address_is_known_however_it_is_spelled(spelled: str) -> None:
    assert GONE.known(addresses=[None, spelled]) == address_id(URL)


@pytest.mark.parametrize(
    "other", [None, "", f"{URL}7", "bericht/7", "ftp://oudewal.example/bericht/7", "http://[::1"]
)
def test_other_addresses_are_not(other: str | None) -> None:
    assert GONE.known("0" * 32, None, addresses=[other]) is None


def test_the_state_holds_hashes_alone() -> None:
    state = GONE.as_json()
    assert URL not in repr(state)
    assert Forgotten.from_json(state) == GONE
    assert Forgotten.from_json({}).as_json() == {}
    with pytest.raises(ValueError, match="erased articles"):
        Forgotten.from_json({"forgotten": {"a": 1}})


def test_a_dead_letter_tells_nothing_of_it() -> None:
    letter = Reject(
        "fetch", Reason.TIMEOUT, "feed.xml#3", "too slow", url=f"{URL}?utm_source=rss", source_id="oudewal"
    )
    told = GONE.instead(letter)
    assert told == obituary(address_id(URL) or "", source_id="oudewal")
    assert told.code in FILTERED
    assert "bericht/7" not in repr(told)
    other = Reject("fetch", Reason.TIMEOUT, "feed.xml#3", "too slow", url=f"{URL}7")
    assert GONE.instead(other) is other
