"""From the bytes of a page to characters, whatever the page says of its encoding.

The order is that of https://html.spec.whatwg.org/#determining-the-character-encoding: byte order mark, what
the carrier says, what the page says, and then a look at the bytes themselves.
"""

from __future__ import annotations

import codecs
import re

from transforms.core.text import CHARSET_GUESSED, sound

_PRESCAN_BYTES = 4_096
"""How far in a page's own statement is looked for; browsers look at 1,024, but scripts can stand first."""

_DAMAGE = 0.02
"""The share of characters beyond ASCII that may be broken in a page that is UTF-8 all the same: a text cut
between two bytes, a comment pasted in. In Windows-1252 read as UTF-8 nearly all of them are broken."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"<meta\s[^>]{0,300}?charset\s*=\s*[\"']?\s*([a-z0-9_:.-]{2,40})", re.IGNORECASE)
_XML = re.compile(rb"\A\s*<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([a-z0-9_.-]{2,40})[\"']", re.IGNORECASE)
_TEXT_CODEC = re.compile(
    r"utf-8|utf-16(?:-[lb]e)?|cp[0-9]+|iso8859-[0-9]+|koi8-[rtu]|mac-\w+|gb18030|hz|big5\w*|euc_\w+|shift_ji\w+|"
    r"iso2022_\w+|johab|tis-620|ptcp154|kz1048"
)
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf-8-sig": "utf-8",
}
"""Browsers read these as their supersets, and pages are written for browsers."""


def decode_page(html: bytes, charset: str | None) -> tuple[str, tuple[str, ...]]:
    """The characters of a page, and the quality flags that decoding earns it.

    Args:
        html: The page as it came.
        charset: What its carrier says of the encoding.

    Returns:
        The text without a byte order mark, with U+FFFD for what is none (flag ``replaced_characters``); flag
        ``charset_guessed`` where what was declared was wrong, or where nothing was and it is not UTF-8.
    """
    text, flags = _decoded(html, charset)
    text, replaced = sound(text)
    return text, flags + replaced


def _decoded(html: bytes, charset: str | None) -> tuple[str, tuple[str, ...]]:
    for mark, name in _BOMS:
        if html.startswith(mark):
            return html[len(mark) :].decode(name, errors="replace"), ()
    declared = _declared(html, charset)
    guessed = (CHARSET_GUESSED,)
    # Bytes beyond ASCII that happen to be sound UTF-8 are UTF-8, whatever else was declared. A text without
    # any is the same in all but the seven-bit encodings of East Asia and UTF-16.
    if not html.isascii() and (text := _strictly(html, "utf-8")) is not None:
        return text, () if not declared or declared[0] == "utf-8" else guessed
    for number, name in enumerate(declared):
        if (text := _strictly(html, name)) is not None:
            return text, guessed if number else ()
    text = html.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    if broken <= _DAMAGE * sum(not char.isascii() for char in text):
        return text, () if not declared or declared[0] == "utf-8" else guessed
    if declared and declared[0] not in ("utf-8", "utf-16-le", "utf-16-be"):
        return html.decode(declared[0], errors="replace"), ()
    return html.decode("cp1252", errors="replace"), guessed


def _strictly(html: bytes, name: str) -> str | None:
    try:
        return html.decode(name)
    except UnicodeDecodeError:
        return None


def _declared(html: bytes, charset: str | None) -> list[str]:
    """The codecs that were declared and that Python has, in order, each once."""
    head = html[:_PRESCAN_BYTES]
    labels = [
        charset or "",
        *(found[1].decode("ascii") for rule in (_XML, _META) if (found := rule.search(head))),
    ]
    known: list[str] = []
    for position, label in enumerate(labels):
        try:
            name = codecs.lookup(label.strip(" \"'")).name
        except (LookupError, ValueError):
            continue
        name = _SUPERSETS.get(name, name)
        # A statement that can be read as ASCII is not in UTF-16.
        name = "utf-8" if position and name.startswith("utf-16") else name
        if _TEXT_CODEC.fullmatch(name) and name not in known:
            known.append(name)
    return known
