"""How an entry of the Delta log is written.

We write it ourselves: the deltalake library gives an entry its final name without flushing it, so a loss of power can
leave an empty or torn one, which readers take for nothing or stumble over; and it reads the log for each write, so a
commit would cost more with every one before it. The library translates the schema, writes the checkpoints, and reads
the table back when it is verified.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import Schema

from pipeline.deltalog import (
    APPLICATION,
    WRITER_VERSION,
    Entry,
    LedgerError,
    Operation,
    RunRecord,
    articles,
    entry_path,
    last_entry,
    read_entry,
)
from pipeline.upkeep import UNSEALED, sealed_lines
from schemas.article import ARTICLES
from transforms.parquet import ContractError, StagedFile

CONFIGURATION = {"delta.enableExpiredLogCleanup": "false"}
"""The entries are the books of the data set; they are kept for ever."""


@cache
def table_schema() -> dict[str, Any]:
    """The schema of the Delta table: the columns of ``articles`` and the path key ``date``."""
    arrow = pa.schema(ARTICLES).append(pa.field("date", pa.date32(), nullable=False))
    schema: dict[str, Any] = json.loads(Schema.from_arrow(arrow).to_json())
    return schema


def extended_metadata(root: Path, entry: Entry) -> dict[str, Any] | None:
    """The table's metadata as of ``entry`` with the schema of this program; ``None`` if it is that already.

    Raises:
        ContractError: the schema differs by more than new columns that may be null.
        LedgerError: the metadata is not where ``entry`` says.
    """
    found = read_entry(root, entry.schema_in).metadata
    if found is None:
        raise LedgerError(f"{entry_path(root, entry.schema_in)}: holds no metadata; restore it from a backup")
    ours = {column["name"]: column for column in table_schema()["fields"]}
    theirs = {column["name"]: column for column in json.loads(found["schemaString"])["fields"]}
    for name, column in theirs.items():
        if name not in ours:
            raise ContractError(f"column {name}: in {root}, but not in this version of the program")
        if ours[name]["type"] != column["type"] or ours[name]["nullable"] < column["nullable"]:
            raise ContractError(f"column {name}: {column} in {root}, {ours[name]} in this program")
    for name in sorted(ours.keys() - theirs.keys()):
        if not ours[name]["nullable"]:
            raise ContractError(f"column {name}: required, but the rows already in {root} lack it")
    if ours.keys() == theirs.keys():
        return None
    return {**found, "schemaString": json.dumps(table_schema(), separators=(",", ":"))}


def next_entry(root: Path, version: int, record: RunRecord) -> bytes:
    """The bytes of entry ``version``, which is to follow what the log of ``root`` holds now.

    Raises:
        ContractError: the data set's columns are not this program's.
        LedgerError: the log is damaged, or another program's.
    """
    last = last_entry(root, version - 1)
    if last is None:
        return _encode(record, version, version, _new_metadata(record))
    metadata = extended_metadata(root, last)
    return _encode(record, version, last.schema_in if metadata is None else version, metadata)


def _new_metadata(record: RunRecord) -> dict[str, Any]:
    return {
        # Delta wants an id of its own for each table; this one follows from how the table begins.
        "id": str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(record.as_json(), sort_keys=True))),
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps(table_schema(), separators=(",", ":")),
        "partitionColumns": ["date"],
        "configuration": CONFIGURATION,
        "createdTime": record.committed_at,
    }


def _encode(record: RunRecord, version: int, schema_in: int, metadata: Mapping[str, Any] | None) -> bytes:
    told = replace(record, files=_plain(record.files), rewritten=(), removed=())
    ours = {**told.as_json(), "schema_in": schema_in, "entry_sha256": UNSEALED}
    erases = record.operation is Operation.FORGET
    append = {"mode": "Append", "partitionBy": '["date"]'}
    info = {
        "timestamp": record.committed_at,
        "operation": "DELETE" if erases else "WRITE",
        "operationParameters": {"predicate": "[]"} if erases else append,
        "isBlindAppend": not erases,
        APPLICATION: ours,
    }
    actions: list[dict[str, Any]] = [{"commitInfo": info}]
    if version == 0:
        actions.append({"protocol": {"minReaderVersion": 1, "minWriterVersion": WRITER_VERSION}})
    if metadata is not None:
        actions.append({"metaData": metadata})
    actions.append({"txn": {"appId": APPLICATION, "version": record.number}})
    # Whoever streams the table has the rows of a file that is replaced already.
    actions += [
        {"add": {**_add(file, record.committed_at), "dataChange": not erases}} for file in articles(record.files)
    ]
    return sealed_lines(actions)


def _plain(files: Sequence[StagedFile]) -> tuple[StagedFile, ...]:
    """The statistics stand in the "add" lines; the books need them no second time."""
    return tuple(replace(file, statistics="") for file in files)


def _add(file: StagedFile, committed_at: int) -> dict[str, Any]:
    return {
        "path": file.path,
        "partitionValues": {"date": file.date},
        "size": file.bytes,
        "modificationTime": committed_at,
        "stats": file.statistics,
    }


def with_inputs(root: Path, version: int, inputs: Sequence[str]) -> bytes:
    """The bytes of entry ``version``, one of ours, with other ``inputs``; to Delta readers it is the same."""
    lines = [json.loads(line) for line in entry_path(root, version).read_bytes().splitlines()]
    for line in lines:
        if "commitInfo" in line:
            line["commitInfo"][APPLICATION]["inputs"] = list(inputs)
    return sealed_lines(lines)
