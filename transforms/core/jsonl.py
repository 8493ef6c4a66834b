"""One line of JSON to one record."""

from __future__ import annotations

import datetime as dt
import json
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
)

from schemas.record import Declared, InputKind, Outlet, Record, SourceFile
from schemas.reject import Reason, Refused
from transforms.core.dates import read_date
from transforms.core.text import sound

_LONGEST_SOURCE = 200
# Names of outlets are a few words long; what is longer is a text in the wrong place.


def _texts(value: object) -> object:
    if isinstance(value, list):
        return [item for item in value if _blank_is_none(item) is not None or item is None]
    return () if _blank_is_none(value) is None else [value]


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _country(value: str | None) -> str | None:
    if value is not None and not (len(value) == 2 and value.isascii() and value.isalpha()):
        raise ValueError("no country code of two letters such as NL")
    return value.upper() if value is not None else None


def _zone(value: str | None) -> str | None:
    if value is not None:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no such time zone; write it as Europe/Amsterdam") from None
    return value


def _name(value: str | None) -> str | None:
    if value is not None and len(value) > _LONGEST_SOURCE:
        raise ValueError(f"has {len(value)} characters; {_LONGEST_SOURCE} are allowed")
    return value


def _id(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _moment(value: object) -> object:
    if _blank_is_none(value) is None:
        return None
    stated = read_date(value, evidence="record") if isinstance(value, str) else None
    if stated is None or stated.date is None:
        raise ValueError("no date and time; write it as 2026-11-20T02:30:00Z")
    return stated.instant or dt.datetime.combine(stated.date, dt.time(), dt.UTC)


Line = Annotated[str | None, BeforeValidator(_blank_is_none)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str | None = None
    html: str | None = None
    id: Annotated[Line, BeforeValidator(_id)] = None
    url: Line = None
    title: Line = None
    description: Line = None
    published: Line = None
    modified: Line = None
    fetched_at: Annotated[dt.datetime | None, BeforeValidator(_moment)] = None
    lang: Line = None
    source: Annotated[Line, AfterValidator(_name)] = None
    section: Line = None
    keywords: Texts = ()
    authors: Texts = ()
    country: Annotated[Line, AfterValidator(_country)] = None
    timezone: Annotated[Line, AfterValidator(_zone)] = None


class _Lenient(_Strict):
    model_config = ConfigDict(extra="ignore", frozen=True)


KEYS = tuple(_Strict.model_fields)
"""The keys a line may have; ``text`` or ``html`` is the only one it must have."""


def read_line(raw: bytes, file: SourceFile, number: int) -> Record:
    """The record in line ``number`` (counted from 1) of ``file``.

    Raises:
        Refused: ``JSONL_BAD`` with what is wrong with the line, ``EMPTY`` where the text or page is empty.
    """
    try:
        data = _sound(json.loads(raw.decode("utf-8-sig")))
    except (ValueError, RecursionError) as fault:
        raise Refused(Reason.JSONL_BAD, f"line {number}: no JSON in UTF-8 ({fault})"[:300]) from None
    if not isinstance(data, dict):
        raise Refused(Reason.JSONL_BAD, f"line {number}: a JSON {type(data).__name__}, not an object")
    try:
        line = (_Lenient if file.lenient else _Strict).model_validate(data)
    except ValidationError as fault:
        raise Refused(Reason.JSONL_BAD, f"line {number}: {_why(fault)}") from None
    if (line.text is None) == (line.html is None):
        raise Refused(Reason.JSONL_BAD, f"line {number}: needs either 'text' or 'html'")
    content = line.text if line.text is not None else line.html or ""
    if not content.strip():
        raise Refused(Reason.EMPTY, f"line {number}: the text is empty")
    known = file.outlet
    outlet = Outlet(
        source_id=line.source or known.source_id,
        name=line.source or known.name,
        language=known.language,
        country=line.country or known.country,
        timezone=line.timezone or known.timezone,
        section=known.section,
    )
    declared = Declared(
        guid=line.id,
        url=line.url,
        title=line.title,
        description=line.description,
        published=line.published,
        modified=line.modified,
        fetched_at=line.fetched_at,
        language=line.lang,
        section=line.section,
        keywords=line.keywords,
        authors=line.authors,
    )
    return Record(
        kind=InputKind.JSONL,
        ref=f"{file.path}#{number}",
        record=line.id or content,
        outlet=outlet,
        declared=declared,
        raw=raw,
        text=line.text,
        html=line.html.encode() if line.html is not None else None,
        charset="utf-8" if line.html is not None else None,
        flags=sound(content)[1],
    )


def _sound(value: object) -> object:
    """``value`` with every string in it sound; JSON can spell lone surrogates and NUL."""
    if isinstance(value, str):
        return sound(value)[0]
    if isinstance(value, list):
        return [_sound(v) for v in value]
    if isinstance(value, dict):
        return {sound(str(k))[0]: _sound(v) for k, v in value.items()}
    return value


def _why(fault: ValidationError) -> str:
    error = fault.errors()[0]
    key = ".".join(map(str, error["loc"]))[:80]
    if error["type"] == "extra_forbidden":
        return f"unknown key '{key}' (allowed: {', '.join(KEYS)}; --lenient passes others over)"
    return f"'{key}': {error['msg'].removeprefix('Value error, ')}"
