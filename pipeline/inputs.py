"""From what the user wrote as INPUT to the files that are read."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from pipeline.deltalog import LOG
from pipeline.settings import Config
from pipeline.tables import Feed
from schemas.feed import FeedSource
from schemas.record import InputKind, Outlet, SourceFile, TextFrom
from schemas.reject import Refused
from transforms.core.text import sound
from transforms.core.urls import checked
from transforms.select_days import ALL, Days

SUFFIXES = {
    ".txt": InputKind.TXT,
    ".html": InputKind.HTML,
    ".htm": InputKind.HTML,
    ".jsonl": InputKind.JSONL,
    ".ndjson": InputKind.JSONL,
    ".xml": InputKind.FEED,
    ".rss": InputKind.FEED,
    ".atom": InputKind.FEED,
    ".warc": InputKind.WARC,
}
"""How a file's name tells its kind; each also with ``.gz`` behind it."""


class InputError(Exception):
    """An INPUT that cannot be used; one line that says which and what to do."""


@dataclass(slots=True)
class Inputs:
    """What the user ``asked`` for, the files and feeds that this is, and what was passed over by its name.

    Of the files only the articles of these ``days`` are wanted.
    """

    asked: tuple[str, ...] = ()
    files: list[SourceFile] = field(default_factory=list)
    feeds: list[FeedSource] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    days: Days = ALL


def kind_of(path: str) -> InputKind | None:
    """The kind of the file called ``path``, ``None`` where its name does not tell."""
    return SUFFIXES.get(Path(path.lower().removesuffix(".gz")).suffix)


def find_inputs(
    inputs: Sequence[str],
    *,
    source: str | None = None,
    lenient: bool = False,
    config: Config | None = None,
    may_be_empty: bool = False,
) -> Inputs:
    """The files and feeds that ``inputs`` (files, folders, globs, addresses of feeds) stand for.

    Args:
        inputs: as the user wrote them.
        source: the outlet of all of them, where the user names one.
        lenient: whether unknown keys in JSON lines are passed over.
        config: what is said there of a feed goes for its address here; ``None`` where no address can be used.
        may_be_empty: whether a folder or glob without a file to read will do, because one may come.

    Raises:
        InputError: an INPUT that is missing, of no known kind, or without a file to read.
    """
    out = Inputs(asked=tuple(inputs))
    outlet = Outlet(source_id=source, name=source)
    names: dict[str, str] = {}
    seen: set[str] = set()
    for text in inputs:
        if "://" in text and config is not None:
            out.feeds.append(_asked_feed(text, outlet, config))
            continue
        found = 0
        for path, record in _expand(text):
            kind = kind_of(path)
            if kind is None:
                out.passed_over.append(path)
                continue
            if sound(path)[0] != path:
                raise InputError(f"{path!a}: the name is not in UTF-8 and could not be written down; rename it")
            found += 1
            real = os.path.realpath(path)
            if real in seen:
                continue
            seen.add(real)
            if kind is InputKind.TXT:
                other = names.setdefault(record, path)
                if other != path:
                    raise InputError(
                        f"{path}: would be known by the same name as {other}; give the folder above both, or run "
                        "them apart, each with its own --source NAME"
                    )
            out.files.append(SourceFile(kind, path, record, outlet, lenient))
        if not found and not (may_be_empty and (Path(text).is_dir() or glob.has_magic(text))):
            raise InputError(f"{text}: {_why_nothing(text)}")
    # Of pages most have an address, and need no name; whether one has, only reading it tells.
    pages = Counter(file.record for file in out.files if file.kind is InputKind.HTML)
    out.files = [replace(file, shared=True) if pages[file.record] > 1 else file for file in out.files]
    return out


def find_feeds(config: Config) -> Inputs:
    """The feeds of the settings.

    Raises:
        InputError: there is none, or its file is missing.
    """
    enabled = [feed for feed in config.feeds if feed.enabled]
    out = Inputs(asked=tuple(feed.url for feed in enabled))
    for feed in enabled:
        if not feed.on_disk:
            out.feeds.append(feed_source(feed))
            continue
        path = str(config.feeds_folder / feed.url)
        if not Path(path).is_file():
            raise InputError(f"{config.feeds_folder / 'feeds.toml'}: feed '{feed.outlet}': no file {path}")
        text = feed.text or TextFrom.ITEM
        out.files.append(SourceFile(InputKind.FEED, path, feed.url, _outlet(feed), text=text))
    if not enabled:
        raise InputError(
            "no INPUT, and feeds.toml names no feed that is enabled; give a file, a folder, a glob or the address of "
            "a feed"
        )
    return out


def feed_source(feed: Feed) -> FeedSource:
    """A feed of the settings that is on the network."""
    return FeedSource(
        url=feed.url,
        outlet=_outlet(feed),
        text=feed.text or TextFrom.PAGE,
        interval_seconds=None if feed.interval_minutes is None else feed.interval_minutes * 60.0,
        headers=tuple(feed.headers.items()),
        hosts=feed.hosts,
    )


def _outlet(feed: Feed) -> Outlet:
    return Outlet(
        source_id=feed.outlet,
        name=feed.name or feed.outlet,
        language=feed.language,
        country=feed.country,
        timezone=feed.timezone,
        section=feed.section,
        feed_url=feed.url,
    )


def _asked_feed(text: str, outlet: Outlet, config: Config) -> FeedSource:
    try:
        url = checked(text)
    except Refused as refusal:
        raise InputError(f"{text}: {refusal.message}; give an http or https address of a feed") from None
    for feed in config.feeds:
        if feed.url == url:
            return replace(feed_source(feed), asked=True)
    return FeedSource(url, replace(outlet, feed_url=url), asked=True)


def _expand(text: str) -> Iterator[tuple[str, str]]:
    """Each file that ``text`` stands for, with its name below ``text``; in the order of these names."""
    path = Path(text)
    if not text.strip():
        return
    if path.is_dir():
        yield from _named(_walk(path), path)
    elif path.exists():
        yield text, path.name
    elif glob.has_magic(text):
        fixed = Path(*_fixed_parts(path))
        found = [Path(p) for p in glob.glob(text, recursive=True)]  # noqa: PTH207 - Path.glob takes no absolute pattern
        is_data_set = cache(lambda folder: (folder / LOG).is_dir())
        ours = (p for p in found if p.is_file() and not any(map(is_data_set, p.parents)))
        yield from _named(ours, fixed)


def _named(paths: Iterable[Path], top: Path) -> list[tuple[str, str]]:
    return sorted(((str(p), p.relative_to(top).as_posix()) for p in paths), key=lambda pair: pair[1])


def _walk(top: Path) -> Iterator[Path]:
    """Every file below ``top`` but hidden ones, those in hidden folders, and what lies in a data set."""

    def refuse(fault: OSError) -> None:
        raise InputError(f"{fault.filename}: the folder cannot be listed ({fault.strerror})")

    for folder, folders, names in os.walk(top, onerror=refuse):
        if LOG in folders:
            # The pages about its runs are no articles.
            folders.clear()
            continue
        folders[:] = [name for name in folders if name[0] != "."]
        paths = (Path(folder, name) for name in names if name[0] != ".")
        # Pipes and sockets would block; a link to nothing stays, to be rejected by name.
        yield from (path for path in paths if path.is_file() or path.is_symlink())


def _fixed_parts(path: Path) -> list[str]:
    parts: list[str] = []
    for part in path.parent.parts:
        if glob.has_magic(part):
            break
        parts.append(part)
    return parts


def _why_nothing(text: str) -> str:
    path = Path(text)
    kinds = " ".join(SUFFIXES)
    if not text.strip():
        return "an INPUT without a name; give a file, a folder or a glob"
    if "://" in text:
        return "an address cannot be used here; give a file, a folder or a glob"
    if path.is_file():
        return f"the name tells no kind that is read ({kinds}, each also .gz)"
    if path.is_dir():
        return f"the folder holds no file of a kind that is read ({kinds}, each also .gz)"
    return "nothing of this name is here; check the path" if not glob.has_magic(text) else "no file fits this pattern"
