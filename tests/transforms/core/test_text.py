from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.reject import Reason, Refused
from transforms.core.text import CHARSET_GUESSED, REPLACED_CHARACTERS, comparable, decode, letters, sound

ANY_TEXT = st.text(st.characters(categories=None))
"""Lone surrogates, NUL and non-characters included."""


@pytest.mark.parametrize(
    ("raw", "text", "flags"),
    [
        ("Café “Zuidkade”".encode(), "Café “Zuidkade”", ()),
        (b"\xef\xbb\xbf" + "Café".encode(), "Café", ()),
        ("Café in de haven".encode("utf-16"), "Café in de haven", ()),
        (b"\xff\xfe" + "Café".encode("utf-16-le"), "Café", ()),
        (b"\xfe\xff" + "Café".encode("utf-16-be"), "Café", ()),
        ("Café “Zuidkade” kost € 5".encode("cp1252"), "Café “Zuidkade” kost € 5", (CHARSET_GUESSED,)),
        (b"a\x81b", "a\ufffdb", (CHARSET_GUESSED, REPLACED_CHARACTERS)),
        (b"ab\x00c", "ab\ufffdc", (REPLACED_CHARACTERS,)),
        ("a\ufffdb".encode(), "a\ufffdb", (REPLACED_CHARACTERS,)),
        ("a\uffffb".encode(), "a\ufffdb", (REPLACED_CHARACTERS,)),
        (b"\xef\xbb\xbf", "", ()),
        (b"", "", ()),
    ],
)
def test_decoding(raw: bytes, text: str, flags: tuple[str, ...]) -> None:
    assert decode(raw) == (text, flags)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("haven".encode("utf-16")[:-1], "have\ufffd"),
        (b"\xef\xbb\xbfkade caf\xe9", "kade caf\ufffd"),
    ],
)
def test_a_byte_order_mark_holds_for_damaged_text_too(raw: bytes, text: str) -> None:
    assert decode(raw) == (text, (REPLACED_CHARACTERS,))


@pytest.mark.parametrize(
    "raw",
    [
        random.Random(1).randbytes(5_000),
        bytes(range(256)),
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x00",
        "zonder merkteken".encode("utf-16-le"),
        "een lange tekst".encode("utf-32"),
        b"\x00" * 50,
    ],
    ids=["random", "all bytes", "png", "utf-16 unmarked", "utf-32", "zeros"],
)
def test_bytes_that_are_no_text(raw: bytes) -> None:
    with pytest.raises(Refused) as refusal:
        decode(raw)
    assert refusal.value.reason is Reason.BAD_ENCODING


def test_a_few_control_characters_do_not_cost_the_text() -> None:
    text = "Een regel met een vreemd teken erin. " * 20 + "\x01\x02\x03"
    assert decode(text.encode()) == (text, ())


@given(st.binary(max_size=300))
def test_decoding_refuses_or_gives_text_that_can_be_written(raw: bytes) -> None:
    try:
        text, flags = decode(raw)
    except Refused:
        return
    text.encode()
    assert "\x00" not in text
    assert (REPLACED_CHARACTERS in flags) == ("\ufffd" in text)


@given(ANY_TEXT)
def test_sound_text_keeps_its_length_and_is_sound(text: str) -> None:
    fixed, flags = sound(text)
    fixed.encode()
    assert len(fixed) == len(text)
    assert all(new == old or new == "\ufffd" for new, old in zip(fixed, text, strict=True))
    assert flags == ((REPLACED_CHARACTERS,) if "\ufffd" in fixed else ())
    assert sound(fixed)[0] == fixed


def test_letters_of_any_script_count_and_nothing_else() -> None:
    assert letters("De brug, 3× open! ελ 😀 北京") == len("Debrugopenελ北京")
    assert letters("2026-11-20 😀 …") == 0


def test_comparable_text() -> None:
    assert comparable(" Cafe\u0301\u00a0 aan\n\nde kade ") == "Café aan de kade"
