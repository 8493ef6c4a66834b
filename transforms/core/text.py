"""Bytes to text, without losing a character and without passing on one that Parquet or JSON would choke on."""

from __future__ import annotations

import re
import unicodedata

from schemas.reject import Reason, Refused

CHARSET_GUESSED = "charset_guessed"
REPLACED_CHARACTERS = "replaced_characters"

_BAD = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MOST_CONTROLS = 0.01
# Text holds next to no control characters; a picture or an archive has some 10% of them.
_CHECKED = 65_536


def decode(raw: bytes) -> tuple[str, tuple[str, ...]]:
    """The text in ``raw`` and the quality flags that decoding earns it.

    A byte order mark decides, and what is broken behind it becomes U+FFFD; then UTF-8; then Windows-1252, in which
    most older Dutch, French and German files that are no UTF-8 are written (flag ``charset_guessed``).

    Raises:
        Refused: ``BAD_ENCODING`` where the bytes are no text at all.
    """
    marked = next((name for mark, name in _BOMS if raw.startswith(mark)), None)
    flags: tuple[str, ...] = ()
    try:
        text = raw.decode(marked, errors="replace") if marked else raw.decode()
    except UnicodeDecodeError:
        text, flags = raw.decode("cp1252", errors="replace"), (CHARSET_GUESSED,)
    head = text[:_CHECKED]
    if len(_CONTROLS.findall(head)) > max(2, _MOST_CONTROLS * len(head)):
        raise Refused(Reason.BAD_ENCODING, "the bytes are no text: too many control characters")
    text, replaced = sound(text)
    return text, flags + replaced


def sound(text: str) -> tuple[str, tuple[str, ...]]:
    """``text`` with NUL, lone surrogates and non-characters as U+FFFD, and the flag for it where there were any."""
    if text.isascii() and "\0" not in text:
        return text, ()
    fixed = _BAD.sub("\ufffd", text)
    return fixed, ((REPLACED_CHARACTERS,) if "\ufffd" in fixed else ())


def letters(text: str) -> int:
    """How many letters of any script ``text`` holds."""
    return sum(map(str.isalpha, text))


def comparable(text: str) -> str:
    """``text`` composed and with its white space folded: what two spellings of the same text have in common."""
    return " ".join(unicodedata.normalize("NFC", text).split())
