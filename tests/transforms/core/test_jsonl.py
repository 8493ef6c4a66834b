from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.record import Declared, InputKind, Outlet, Record, SourceFile
from schemas.reject import Reason, Refused
from transforms.core.jsonl import KEYS, read_line
from transforms.core.text import REPLACED_CHARACTERS

FILE = SourceFile(InputKind.JSONL, "in/oudewal.jsonl", "oudewal.jsonl")
LENIENT = replace(FILE, lenient=True)


def read(line: dict[str, Any] | bytes, file: SourceFile = FILE) -> Record:
    return read_line(line if isinstance(line, bytes) else json.dumps(line).encode(), file, 7)


def refused(line: Any, file: SourceFile = FILE) -> Refused:
    with pytest.raises(Refused) as refusal:
        read(line if isinstance(line, bytes) else json.dumps(line).encode(), file)
    assert refusal.value.message.startswith("line 7: ")
    return refusal.value


def attempted(raw: bytes, file: SourceFile) -> Record | Reason:
    try:
        return read(raw, file)
    except Refused as refusal:
        return refusal.reason


def test_a_line_with_everything() -> None:
    line = {
        "id": "b-1",
        "url": "https://oudewal.example/b-1",
        "title": "Brug open",
        "description": "Na twee jaar.",
        "published": "2026-11-19",
        "modified": "2026-11-20T01:00:00+01:00",
        "fetched_at": "2026-11-20T03:30:00.123456+01:00",
        "lang": "nl",
        "source": "Oudewal Nu",
        "section": "Regio",
        "keywords": ["brug", " ", "haven"],
        "authors": "M. de Wit",
        "country": "NL",
        "timezone": "Europe/Amsterdam",
        "text": "De brug is open.",
    }
    raw = json.dumps(line).encode()
    assert read(raw) == Record(
        kind=InputKind.JSONL,
        ref="in/oudewal.jsonl#7",
        record="b-1",
        outlet=Outlet(source_id="Oudewal Nu", name="Oudewal Nu", country="NL", timezone="Europe/Amsterdam"),
        declared=Declared(
            guid="b-1",
            url="https://oudewal.example/b-1",
            title="Brug open",
            description="Na twee jaar.",
            published="2026-11-19",
            modified="2026-11-20T01:00:00+01:00",
            fetched_at=dt.datetime(2026, 11, 20, 2, 30, 0, 123456, tzinfo=dt.UTC),
            language="nl",
            section="Regio",
            keywords=("brug", "haven"),
            authors=("M. de Wit",),
        ),
        raw=raw,
        text="De brug is open.",
    )
    assert {*line, "html"} == set(KEYS)


def test_a_page_is_handed_on_as_utf8() -> None:
    record = read({"html": "<meta charset=latin1><p>Café"})
    assert (record.text, record.html) == (None, "<meta charset=latin1><p>Café".encode())
    assert record.charset == "utf-8"


def test_what_the_user_says_of_the_outlet_stands_until_a_line_says_otherwise() -> None:
    known = Outlet("wal", "De Wal", "nl", "BE", "Europe/Brussels", "Regio", "f.xml")
    record = read({"text": "x"}, replace(FILE, outlet=known))
    assert record.outlet == replace(known, feed_url=None)
    record = read({"text": "x", "source": "nu", "country": "NL", "timezone": "UTC"}, replace(FILE, outlet=known))
    assert (record.outlet.source_id, record.outlet.name) == ("nu", "nu")
    assert (record.outlet.country, record.outlet.timezone) == ("NL", "UTC")


@pytest.mark.parametrize("key", [k for k in KEYS if k not in ("text", "html", "keywords", "authors")])
@pytest.mark.parametrize("empty", ["", "  \n", None])
def test_blank_and_null_mean_unknown(key: str, empty: str | None) -> None:
    plain = read({"text": "De brug is open."})
    record = read({"text": "De brug is open.", key: empty})
    assert (record.outlet, record.declared) == (plain.outlet, plain.declared)


@pytest.mark.parametrize("empty", ["", None, [], ["", " "]])
def test_empty_lists(empty: object) -> None:
    declared = read({"text": "x", "keywords": empty, "authors": empty}).declared
    assert (declared.keywords, declared.authors) == ((), ())


def test_without_an_id_the_text_is_the_name() -> None:
    assert read({"text": "De brug is open."}).record == "De brug is open."
    assert read({"text": "De brug is open.", "id": 12}).record == "12"
    assert read({"text": "De brug is open.", "id": 0}).record == "0"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b'{"text": "x"} {"text": "y"}',
        b'{"text": "x",}',
        b'{"text": NaN}',
        b'{"text": "caf\xe9"}',
        '{"text": "x"}'.encode("utf-16"),
        b'{"text": "x", "id": ' + b"9" * 5_000 + b"}",
        b"[" * 100_000,
        b'{"text": "x", "k": ' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"text": "x", "k": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"text": "x", "k": ' + b'{"k":' * 900 + b"1" + b"}" * 900 + b"}",
        b"[]",
        b"null",
        b'"tekst"',
        b"{}",
        b'{"text": null}',
        b'{"text": "x", "html": "<p>x"}',
    ],
)
def test_lines_that_are_no_article(line: bytes) -> None:
    assert refused(line).reason is Reason.JSONL_BAD


@pytest.mark.parametrize("nesting", [400, 900])
def test_deep_nesting_under_an_unknown_key_is_no_crash_when_lenient_either(nesting: int) -> None:
    line = b'{"text": "x", "k": ' + b"[" * nesting + b"]" * nesting + b"}"
    found = attempted(line, LENIENT)
    assert found is Reason.JSONL_BAD or (isinstance(found, Record) and found.text == "x")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("text", 1),
        ("html", ["<p>"]),
        ("id", True),
        ("id", 1.5),
        ("id", {"a": 1}),
        ("url", 5),
        ("title", ["Brug"]),
        ("published", 20261120),
        ("keywords", [1]),
        ("keywords", {"a": "b"}),
        ("keywords", 5),
        ("authors", ["M. de Wit", None]),
        ("source", "x" * 201),
        ("timezone", "Mars/Olympus"),
        ("timezone", "../../etc/passwd"),
        ("timezone", "Europe"),
        ("timezone", "CET\x00"),
        ("timezone", "x" * 5_000),
        ("fetched_at", "gisteren"),
        ("fetched_at", "2026"),
        ("fetched_at", "2026-11"),
        ("fetched_at", "2026-13-01T00:00:00Z"),
        ("fetched_at", 1_795_000_000),
        ("fetched_at", True),
        ("fetched_at", "0001-01-01T00:00:00+05:00"),
        ("fetched_at", "9999-12-31T23:59:59-05:00"),
    ],
)
def test_wrong_types_and_values_name_the_key(key: str, value: object) -> None:
    refusal = refused({"text": "x", key: value} if key != "html" else {key: value})
    assert refusal.reason is Reason.JSONL_BAD
    assert f"'{key}" in refusal.message
    assert len(refusal.message) < 300


def test_the_time_of_fetching_is_read_as_utc() -> None:
    def fetched(text: str) -> dt.datetime | None:
        return read({"text": "x", "fetched_at": text}).declared.fetched_at

    moment = dt.datetime(2026, 11, 20, 2, 30, tzinfo=dt.UTC)
    assert fetched("2026-11-20T02:30:00Z") == fetched("2026-11-20T02:30") == moment
    assert fetched("Fri, 20 Nov 2026 03:30:00 +0100") == moment
    assert fetched("2026-11-20") == moment.replace(hour=0, minute=0)


def test_unknown_keys_are_refused_unless_lenient() -> None:
    refusal = refused({"text": "x", "kicker": "Regio"})
    assert refusal.reason is Reason.JSONL_BAD
    assert "'kicker'" in refusal.message
    assert all(key in refusal.message for key in KEYS)
    assert "--lenient" in refusal.message
    assert read({"text": "x", "kicker": "Regio"}, LENIENT).text == "x"
    assert refused({"text": 1, "kicker": "Regio"}, LENIENT).reason is Reason.JSONL_BAD


def test_the_message_stays_short_whatever_the_key() -> None:
    assert len(refused({"text": "x", "k" * 100_000: 1}).message) < 400


@pytest.mark.parametrize("line", [{"text": ""}, {"text": " \n\u00a0"}, {"html": " "}, {"text": "", "title": "Brug"}])
def test_empty_texts(line: dict[str, str]) -> None:
    assert refused(line).reason is Reason.EMPTY


def test_surrogates_and_nul_in_escapes_are_replaced_and_flagged() -> None:
    record = read(rb'{"text": "a\ud800b\u0000c", "title": "\udfff", "id": "\ud800", "keywords": ["\ud800"]}')
    assert record.text == "a\ufffdb\ufffdc"
    assert record.flags == (REPLACED_CHARACTERS,)
    assert (record.declared.title, record.record) == ("\ufffd", "\ufffd")
    assert record.declared.keywords == ("\ufffd",)
    assert read(rb'{"text": "\ud83c\udf09 brug"}').text == "🌉 brug"
    assert read(rb'{"html": "<p>\ud800"}').html == "<p>\ufffd".encode()
    assert "\ufffd" in refused(rb'{"text": "x", "\ud800": 1}').message


def test_a_byte_order_mark_before_the_line() -> None:
    assert read(b'\xef\xbb\xbf{"text": "x"}').text == "x"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*KEYS, "kicker"]), VALUES), st.booleans())
def test_any_object_is_read_or_refused(line: dict[str, Any], lenient: bool) -> None:
    found = attempted(json.dumps(line).encode(), replace(FILE, lenient=lenient))
    if isinstance(found, Record):
        assert (found.text is None) != (found.html is None)
        str(found.declared).encode()
    else:
        assert found in (Reason.JSONL_BAD, Reason.EMPTY)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    found = attempted(raw, FILE)
    assert isinstance(found, Record) or found in (Reason.JSONL_BAD, Reason.EMPTY)
