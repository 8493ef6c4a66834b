"""The rows as dataclasses and as Arrow schemas are one thing, and what the contract promises is there."""

from __future__ import annotations

import datetime as dt
import pickle
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

import pyarrow as pa
import pytest

from schemas.article import ARTICLES, SCHEMA_VERSION, Article, Cut, Tag
from schemas.record import Declared, Draft, InputKind, Outlet, Record
from schemas.reject import EXPLAINED, FILTERED, REJECTS, Reason, Refused, Reject, fingerprint

NOW = dt.datetime(2026, 11, 20, 2, 30, 15, 123456, tzinfo=dt.UTC)

CONTRACT = """
    article_id version content_hash url canonical_url host source_id source_name feed_url guid input_kind input_ref
    headline description body body_chars removed clutter_ratio authors section keywords partition_date date_basis
    published_at published_date published_edtf date_precision date_evidence modified_at fetched_at ingested_at
    language language_score language_declared agency agency_evidence dateline_place tags access cluster_id
    duplicate_of quality_flags run_id schema_version config_hash rules_version
""".split()  # noqa: SIM905 - a list of 46 quoted words would be a page long

REJECT_CONTRACT = [
    *("stage", "code", "input_ref", "url", "guid", "source_id", "feed_url", "message", "raw_sha256"),
    *("raw_bytes", "run_id", "rejected_at"),
]

FILLED_BY_A_STAGE = {"partition_date", "date_basis", "ingested_at", "rejected_at"}
"""``None`` until the stage that knows them; a row without them must not be written."""

FULL = Article(
    article_id="0123456789abcdef",
    source_id="zuidkade",
    input_kind=InputKind.FEED,
    input_ref="feeds/zuidkade.xml#3",
    fetched_at=NOW,
    version=2,
    content_hash="c0ffee",
    url="https://zuidkade.example/brug?utm_source=feed",
    canonical_url="https://zuidkade.example/brug",
    host="zuidkade.example",
    source_name="Zuidkadebode",
    feed_url="feeds/zuidkade.xml",
    guid="brug-3",
    headline="Brug weer open",
    description="Na twee jaar kan er weer verkeer over.",
    body="De brug is open. 🌉",
    body_chars=18,
    removed=(Cut(0, 10, "share", "any.share", "Deel dit 🌉"), Cut(10, 11, "whitespace", "edge", "\n")),
    clutter_ratio=0.25,
    authors=("M. de Wit", "Ö. Çelik"),
    section="Regio",
    keywords=("brug", "haven"),
    partition_date=NOW.date(),
    date_basis="published",
    published_at=NOW,
    published_date=NOW.date(),
    published_edtf="2026-11-20T02:30Z",
    date_precision="minute",
    date_evidence="feed",
    modified_at=NOW,
    ingested_at=NOW,
    language="nl",
    language_score=0.5,
    language_declared="nl-BE",
    agency="ANP",
    agency_evidence="ZUIDKADE (ANP) -",
    dateline_place="ZUIDKADE",
    tags=(Tag("medtop", "20000763", "transport", 0.5, "brug, verkeer"),),
    access="open",
    cluster_id="c-1",
    duplicate_of="fedcba9876543210",
    quality_flags=("feed_bozo", "short_body"),
    run_id="20261120T023015Z-1",
    config_hash="abc",
    rules_version="def",
)

FULL_REJECT = Reject(
    stage="read",
    code=Reason.JSONL_BAD,
    input_ref="a.jsonl#7",
    message="line 7: no JSON",
    url="https://zuidkade.example/x",
    guid="7",
    source_id="zuidkade",
    feed_url="feeds/zuidkade.xml",
    raw_sha256=fingerprint(b"{"),
    raw_bytes=1,
    run_id="r",
    rejected_at=NOW,
)


def unwrapped(hint: Any) -> tuple[Any, bool]:
    """The type without ``None``, and whether ``None`` was in it."""
    if get_origin(hint) in (Union, types.UnionType):
        inner = [part for part in get_args(hint) if part is not types.NoneType]
        assert len(inner) == 1
        return inner[0], len(inner) < len(get_args(hint))
    return hint, False


def fits(hint: Any, kind: pa.DataType) -> bool:
    """Whether values of the Python type are what the Arrow type holds."""
    if get_origin(hint) is tuple:
        item, _ = get_args(hint)
        return bool(pa.types.is_list(kind)) and fits(item, kind.value_type)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return bool(
            pa.types.is_struct(kind)
            and [f.name for f in kind] == list(hints)
            and all(fits(hints[f.name], f.type) for f in kind)
        )
    kinds: dict[Any, Callable[[Any], bool]] = {
        str: pa.types.is_string,
        int: pa.types.is_integer,
        float: pa.types.is_floating,
        dt.date: pa.types.is_date,
        dt.datetime: lambda k: bool(k == pa.timestamp("us", tz="UTC")),
    }
    return kinds[hint](kind)


@pytest.mark.parametrize(("row", "schema"), [(Article, ARTICLES), (Reject, REJECTS)])
def test_dataclass_and_schema_hold_the_same_columns_in_matching_types(
    row: type[Article | Reject], schema: pa.Schema
) -> None:
    hints = get_type_hints(row)
    assert sorted(hints) == sorted(schema.names)
    for name, hint in hints.items():
        kind, optional = unwrapped(hint)
        column = schema.field(name)
        assert fits(kind, column.type), name
        if get_origin(kind) is tuple:
            assert not optional, f"{name}: an empty list and a missing one must not both occur"
        elif name in FILLED_BY_A_STAGE:
            assert optional, name
            assert not column.nullable, name
        else:
            assert column.nullable == optional, name


def test_the_contract_is_complete_and_in_order() -> None:
    assert sorted(ARTICLES.names) == sorted(CONTRACT)
    assert ARTICLES.names == CONTRACT
    assert sorted(REJECTS.names) == sorted(REJECT_CONTRACT)
    assert "date" not in ARTICLES.names, "a path key that is a column too breaks pandas"


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        *(("version", pa.int16()), ("schema_version", pa.int16()), ("body_chars", pa.int32())),
        *(("clutter_ratio", pa.float32()), ("language_score", pa.float32())),
        *(("partition_date", pa.date32()), ("published_date", pa.date32())),
    ],
)
def test_the_widths_that_the_contract_states(column: str, kind: pa.DataType) -> None:
    assert ARTICLES.field(column).type == kind


def test_the_schemas_carry_their_version() -> None:
    for schema, table in ((ARTICLES, b"articles"), (REJECTS, b"rejects")):
        assert schema.metadata == {
            b"knipsel.schema_version": str(SCHEMA_VERSION).encode(),
            b"knipsel.table": table,
        }


def test_the_full_rows_leave_no_column_out() -> None:
    for full in (FULL, FULL_REJECT):
        for field in fields(full):
            assert getattr(full, field.name) not in (None, "", ()), field.name


def test_a_full_article_survives_arrow() -> None:
    table = pa.Table.from_pylist([FULL.row()], schema=ARTICLES)
    table.validate(full=True)
    assert table.schema.equals(ARTICLES, check_metadata=True)
    (back,) = table.to_pylist()
    back["removed"] = tuple(Cut(**cut) for cut in back["removed"])
    back["tags"] = tuple(Tag(**tag) for tag in back["tags"])
    for name in ("authors", "keywords", "quality_flags"):
        back[name] = tuple(back[name])
    assert Article(**back) == FULL


def test_an_article_with_nothing_optional_survives_arrow() -> None:
    least = Article(
        "id", "zuidkade", "txt", "a.txt", NOW, partition_date=NOW.date(), date_basis="fetched", ingested_at=NOW
    )
    (back,) = pa.Table.from_pylist([least.row()], schema=ARTICLES).to_pylist()
    assert (back["removed"], back["tags"], back["authors"]) == ([], [], [])
    assert (back["url"], back["language"], back["schema_version"]) == (None, "und", SCHEMA_VERSION)


def test_a_full_reject_survives_arrow() -> None:
    table = pa.Table.from_pylist([FULL_REJECT.row()], schema=REJECTS)
    table.validate(full=True)
    assert Reject(**table.to_pylist()[0]) == FULL_REJECT


def test_every_reason_is_explained_and_only_those() -> None:
    assert list(EXPLAINED) == list(Reason)
    assert len(set(EXPLAINED.values())) == len(EXPLAINED), "two codes with one explanation are one code"
    assert all(reason.name == reason.value for reason in Reason)
    assert set(Reason) > FILTERED


def test_a_refusal_crosses_process_borders_whole() -> None:
    back = pickle.loads(pickle.dumps(Refused(Reason.TOO_LARGE, "too large")))
    assert (back.reason, back.message, str(back)) == (Reason.TOO_LARGE, "too large", "too large")


def test_dead_letters_name_the_input_and_its_bytes() -> None:
    record = Record(
        kind=InputKind.JSONL,
        ref="a.jsonl#7",
        record="7",
        outlet=Outlet(source_id="zuidkade", feed_url="f.xml"),
        declared=Declared(guid="7", url="https://zuidkade.example/x"),
        raw=b"{}",
        text="tekst",
    )
    letter = record.dead_letter("extract", Reason.EMPTY, "there is no text in it")
    assert (letter.stage, letter.code, letter.input_ref) == ("extract", "EMPTY", "a.jsonl#7")
    assert (letter.url, letter.guid, letter.source_id, letter.feed_url) == (
        *("https://zuidkade.example/x", "7", "zuidkade", "f.xml"),
    )
    assert (letter.raw_sha256, letter.raw_bytes) == (fingerprint(b"{}"), 2)

    late = Draft(FULL, fingerprint(b"{}"), 2).dead_letter("tag", Reason.STAGE_ERROR, "KeyError: 'x'")
    assert (late.stage, late.code, late.input_ref) == ("tag", "STAGE_ERROR", FULL.input_ref)
    assert (late.url, late.guid, late.raw_bytes) == (FULL.url, FULL.guid, 2)
