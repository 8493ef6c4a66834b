"""Lists of feeds: asked one by one, found on a site, taken from and given to other readers, and how each is doing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.build import fetching_of, polls_of
from pipeline.feed_state import FeedState
from pipeline.inputs import InputError, feed_source
from pipeline.ledger import current_state
from pipeline.settings import Config
from schemas.feed import FeedDocument, FeedMemory, FeedSource, Fetched, Postponed, Wanted
from schemas.record import Outlet, TextFrom
from schemas.reject import Refused, Reject
from transforms.core import urls
from transforms.core.discovery import feeds_of, guesses
from transforms.core.http_message import page
from transforms.core.opml import FeedLine, feed_tables, read_opml, write_opml
from transforms.fetch_pages import ACCEPT as ACCEPT_PAGE
from transforms.fetching.fetcher import Fetcher
from transforms.fetching.job import Fetching
from transforms.parse_feeds import Parser
from transforms.poll_feeds import ACCEPT, outcome
from transforms.pool import Workers

_IN_FLIGHT = 10
"""More feeds at a time than a person waits for are not needed here."""

_TEXT_CHARS = 1_000
"""An item that holds so much holds the article, and not a summary of it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What one feed answered.

    Attributes:
        url: of the feed.
        outlet: its short name in the settings.
        fault: why it cannot be used; ``None`` where it can.
        format: such as ``rss20``.
        title: how it calls itself.
        entries: how many it lists.
        with_text: how many of them hold the article, and not a summary of it.
        newest: when the newest of them was published, as it is written there.
        hosts: that its pages are on.
    """

    url: str
    outlet: str | None = None
    fault: str | None = None
    format: str | None = None
    title: str | None = None
    entries: int = 0
    with_text: int = 0
    newest: str | None = None
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How a feed of the settings is doing, as the data set knows it; times are in UTC.

    Attributes:
        url: of the feed.
        outlet: its short name.
        polled_at: when it was last asked.
        next_at: when it may be asked again.
        arrived_at: when it last brought something new.
        failures: polls in a row that failed.
        waiting: pages of it that were put off.
        notices: what a person should know.
    """

    url: str
    outlet: str
    polled_at: dt.datetime | None
    next_at: dt.datetime | None
    arrived_at: dt.datetime | None
    failures: int
    waiting: int
    notices: tuple[str, ...]


class Asker:
    """Asks feeds and pages with the settings of a run, politely, and remembers nothing.

    Args:
        fetcher: does the asking.
        fetching: how.
        parser: understands the answers.
    """

    def __init__(self, fetcher: Fetcher, fetching: Fetching, parser: Parser) -> None:
        self._fetcher = fetcher
        self._fetching = fetching
        self._parser = parser

    def check(self, feeds: Iterable[FeedSource]) -> Iterator[Checked]:
        """What each of the ``feeds`` answers, in the order in which they do."""
        flow = self._fetcher.flow(in_flight=_IN_FLIGHT)
        for feed in feeds:
            wanted = Wanted(feed.url, ACCEPT, self._fetching.feed_bytes, headers=feed.headers)
            for source, result in flow.put(wanted, feed):
                yield self._checked(source, result)
        for source, result in flow.drain():
            yield self._checked(source, result)

    def discover(self, url: str) -> list[Checked]:
        """The feeds of a site: those that its page names, or else those at addresses where feeds often are.

        Raises:
            InputError: the page cannot be had.
        """
        flow = self._fetcher.flow(in_flight=1)
        wanted = Wanted(url, f"{ACCEPT_PAGE}, {ACCEPT}", self._fetching.feed_bytes)
        [(_, result)] = [*flow.put(wanted), *flow.drain()]
        if not isinstance(result, Fetched):
            raise InputError(f"{url}: {result.message}")
        itself = self._checked(_source(url), result)
        if not itself.fault:
            return [itself]
        try:
            html = page(result.body, result.header("content-type") or "", page_bytes=self._fetching.feed_bytes)
            named = [found.url for found in feeds_of(html.html, result.url, html.charset)]
        except Refused as refusal:
            raise InputError(f"{url}: {refusal.message}") from None
        found = self._usable(named)
        return found or self._usable(guesses(result.url))

    def _usable(self, addresses: Iterable[str]) -> list[Checked]:
        order = {address: number for number, address in enumerate(addresses)}
        good = [checked for checked in self.check(map(_source, order)) if not checked.fault]
        return sorted(good, key=lambda checked: order[checked.url])

    def _checked(self, source: FeedSource, result: Fetched | Refused | Postponed) -> Checked:
        plain = Checked(source.url, source.outlet.source_id)
        if not isinstance(result, Fetched):
            return replace(plain, fault=result.message)
        (document,) = outcome(source, result)
        if not isinstance(document, FeedDocument):
            return replace(plain, fault="it was answered with 304 without having been asked whether it had changed")
        parsed = self._parser(document)
        if isinstance(parsed, Reject):
            return replace(plain, fault=parsed.message)
        records = [entry.record for entry in parsed.entries]
        hosts = dict.fromkeys(urls.host(record.declared.url or "") for record in records)
        return replace(
            plain,
            format=parsed.format,
            title=parsed.title,
            entries=len(records),
            with_text=sum(len(record.text or "") >= _TEXT_CHARS for record in records),
            newest=next((record.declared.published for record in records if record.declared.published), None),
            hosts=tuple(host for host in hosts if host),
        )


def _source(url: str) -> FeedSource:
    return FeedSource(url, Outlet(feed_url=url), TextFrom.ITEM)


@contextmanager
def asking(config: Config, now: dt.datetime) -> Iterator[Asker]:
    """An ``Asker`` that goes by the settings, for as long as the context lasts."""
    limits = config.settings.limits
    fetching = fetching_of(config.settings, now)
    parser = Parser(Workers(1, limits.parse_seconds, limits.child_bytes))
    fetcher = fetching.acquire()
    try:
        yield Asker(fetcher, fetching, parser)
    finally:
        fetcher.close()
        parser.close()


def of_settings(config: Config) -> list[FeedSource]:
    """The feeds of the settings that are on the network and enabled."""
    return [feed_source(feed) for feed in config.feeds if feed.enabled and not feed.on_disk]


def address(text: str) -> str:
    """The address of a site or feed as a person writes it, with or without its scheme.

    Raises:
        InputError: it is none.
    """
    try:
        return urls.checked(text if "://" in text else f"https://{text}")
    except Refused as refusal:
        raise InputError(f"{text}: {refusal.message}") from None


def standings(root: Path, config: Config) -> list[Standing]:
    """How each enabled feed of the settings is doing.

    Raises:
        LedgerError: the data set cannot be read.
    """
    state = FeedState.from_json(current_state(root))
    waiting = [page.outlet.feed_url for page in state.pages]
    found = []
    for feed in of_settings(config):
        memory = state.feeds.get(feed.url, FeedMemory())
        found.append(
            Standing(
                url=feed.url,
                outlet=feed.outlet.source_id or "",
                polled_at=memory.polled_at,
                next_at=memory.next_at if memory.failures < polls_of(config.settings).feed_failures else None,
                arrived_at=memory.arrivals[-1] if memory.arrivals else None,
                failures=memory.failures,
                waiting=waiting.count(feed.url),
                notices=tuple(f"{notice.code}: {notice.message}" for notice in memory.notices),
            )
        )
    return found


def tables_from_opml(path: Path) -> str:
    """The feeds of an OPML file as the tables of ``feeds.toml``.

    Raises:
        InputError: the file cannot be read or is no OPML.
    """
    try:
        return feed_tables(read_opml(path.read_bytes()))
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror})") from None
    except Refused as refusal:
        raise InputError(f"{path}: {refusal.message}") from None


def opml_of(config: Config) -> str:
    """The feeds of the settings that are on the network as OPML, also those that are not enabled."""
    lines = [
        FeedLine(
            url=feed.url,
            name=feed.name or feed.outlet,
            site=urlsplit(feed.url)._replace(path="/", query="", fragment="").geturl(),
            section=feed.section,
            language=feed.language,
        )
        for feed in config.feeds
        if not feed.on_disk
    ]
    return write_opml(lines, "Knipsel")


def tables_of(found: Iterable[Checked]) -> str:
    """What was discovered as the tables of ``feeds.toml``."""
    return feed_tables(FeedLine(url=checked.url, name=checked.title, site=checked.url) for checked in found)
