"""By what an article that is to go is known: its ids, addresses, files and headlines, and the runs that wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.deltalog import LedgerError
from schemas.record import InputKind
from transforms.core.forgotten import address_id
from transforms.parquet import StagedFile, read_rows

_ENDS = r"(?![\w%/~-]|\.\w)"
"""Behind an address in a text: otherwise it is that of another page."""

_ID = re.compile(r"\A[0-9a-f]{32}\Z")
_ARTICLE = ("article_id", "url", "canonical_url", "cluster_id", "duplicate_of")
_TOLD = ("article_id", "version", "url", "canonical_url", "headline", "input_kind", "input_ref", "run_id")
_FILES = frozenset({InputKind.TXT, InputKind.HTML})
"""Inputs of which one file is one article."""


class ForgetError(Exception):
    """What was asked for names no article; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Names:
    """What an article is known by.

    Attributes:
        ids: of the article and of its addresses.
        articles: ids of articles alone.
        addresses: as they are spelled somewhere.
        files: paths of inputs that hold nothing else.
        runs: that wrote it.
        headlines: of its versions.
    """

    ids: frozenset[str]
    articles: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    headlines: frozenset[str] = frozenset()

    @property
    def hosts(self) -> frozenset[str]:
        """Of the addresses, without a port: what any spelling of them contains."""
        return frozenset(host for one in self.addresses if (host := _host(one)))

    def at_its_address(self, text: str | None) -> bool:
        """Whether a text is one of its addresses, however spelled, or holds one of them."""
        if not text:
            return False
        return address_id(text) in self.ids or any(
            re.search(re.escape(address) + _ENDS, text) for address in self.addresses if address in text
        )

    def names_input(self, text: str) -> bool:
        """Whether an input that was asked for is its address or its file."""
        return text in self.files or self.at_its_address(text)


def wanted_names(asked: Sequence[str]) -> Names:
    """What is asked for, ids of articles or addresses, as names.

    Raises:
        ForgetError: one of them is neither.
    """
    addresses = [one.strip() for one in asked if "://" in one]
    ids = {one.strip() for one in asked if "://" not in one}
    odd = sorted(one for one in ids if not _ID.match(one)) + [one for one in addresses if address_id(one) is None]
    if odd:
        raise ForgetError(
            f"{odd[0]}: neither an article_id of 32 hexadecimal digits nor an address; "
            "'knipsel show --sql' finds the id of an article"
        )
    known = frozenset({*ids, *(one for address in addresses if (one := address_id(address)))})
    return Names(known, addresses=frozenset(addresses))


def is_held(one: str, names: Names) -> bool:
    """Whether ``one``, as it was asked for, names an article that the data set holds."""
    return bool({one.strip(), address_id(one)} & names.ids) and bool(names.articles & _reached(one, names))


def _reached(one: str, names: Names) -> frozenset[str]:
    return names.articles if address_id(one) else frozenset({one.strip()})


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def all_names(root: Path, held: Mapping[str, StagedFile], wanted: Names) -> tuple[Names, tuple[str, ...]]:
    """All names of the articles that are meant, and the ids of others in the same stories."""
    articles = [file for file in held.values() if file.table == "articles"]
    found: set[str] = set()
    for file in articles:
        table = read_columns(root, file, _ARTICLE[:3])
        mask = pc.is_in(table["article_id"], pa.array(sorted(wanted.ids), pa.string()))
        rows = table.filter(pc.or_(mask, near_rows(table, ("url", "canonical_url"), wanted.hosts))).to_pylist()
        found |= {row["article_id"] for row in rows if _is_meant(row, wanted)}
    names = Names(wanted.ids | found, frozenset(found), wanted.addresses)
    stories: set[str] = set(found)
    for file in articles if found else ():
        table = read_columns(root, file, _ARTICLE)
        mask = pc.is_in(table["article_id"], pa.array(sorted(found), pa.string()))
        if not pc.any(mask).as_py():
            continue
        stories |= set(table.filter(mask)["cluster_id"].to_pylist()) - {None}
        rows = read_columns(root, file, _TOLD).filter(mask).to_pylist()
        addresses = {address for row in rows for address in (row["url"], row["canonical_url"]) if address}
        names = replace(
            names,
            addresses=names.addresses | addresses,
            files=names.files | {row["input_ref"] for row in rows if row["input_kind"] in _FILES},
            runs=names.runs | {row["run_id"] for row in rows},
            headlines=names.headlines | {row["headline"] for row in rows if row["headline"]},
        )
    others: set[str] = set()
    shared: set[str | None] = set()
    for file in articles if found else ():
        table = read_columns(root, file, _ARTICLE)
        told = pc.is_in(table["cluster_id"], pa.array(sorted(stories), pa.string()))
        near = pc.or_(told, near_rows(table, ("url", "canonical_url"), names.hosts))
        for row in table.filter(near).to_pylist():
            if row["article_id"] in found:
                continue
            shared |= {address_id(row["url"]), address_id(row["canonical_url"])}
            if row["cluster_id"] in stories or row["duplicate_of"] in found:
                others.add(row["article_id"])
    # An address that another article has as well, such as a front page, says nothing of this one.
    asked = {address for address in names.addresses if address in wanted.addresses}
    own = {address for address in names.addresses if address_id(address) not in shared} | asked
    ids = names.ids | {one for address in own if (one := address_id(address))}
    return replace(names, ids=ids, addresses=frozenset(own)), tuple(sorted(others))


def read_columns(root: Path, file: StagedFile, columns: Sequence[str]) -> pa.Table:
    """Some columns of a file of the data set.

    Raises:
        LedgerError: they cannot be read.
    """
    path = root / file.path
    try:
        return read_rows(path, columns)
    except (OSError, pa.ArrowException) as err:
        said = str(err).strip().partition("\n")[0]
        raise LedgerError(
            f"{path}: cannot be read ({said}), so nothing was erased; 'knipsel verify' says more"
        ) from err


def near_rows(table: pa.Table, columns: Sequence[str], hosts: frozenset[str]) -> pa.ChunkedArray:
    """Rows that name one of the hosts: among millions, to tell for each whose address it has would take minutes."""
    mask = pa.chunked_array([pa.repeat(pa.scalar(value=False), table.num_rows)])
    for host in sorted(hosts):
        for column in columns:
            there = pc.match_substring(table[column], host, ignore_case=True)
            mask = pc.or_(mask, pc.fill_null(there, fill_value=False))
    return mask


def _is_meant(row: Mapping[str, Any], wanted: Names) -> bool:
    if row["article_id"] in wanted.ids:
        return True
    return bool(wanted.addresses) and any(address_id(row[name]) in wanted.ids for name in ("url", "canonical_url"))
