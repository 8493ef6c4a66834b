"""The tables of ``knipsel.toml`` and ``feeds.toml``: every setting with its type and its bounds."""

from __future__ import annotations

from dataclasses import fields
from ipaddress import ip_network
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from schemas.feed import FetchPolicy
from schemas.record import TextFrom
from schemas.reject import Refused
from transforms.core.drift import DriftPolicy
from transforms.core.urls import checked
from transforms.storage import local

OWN_HEADERS = frozenset(
    {"host", "user-agent", "accept", "accept-encoding", "connection", "content-length", "transfer-encoding"}
    | {"if-none-match", "if-modified-since", "range"}
)
"""What a feed's ``headers`` cannot set."""


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such time zone; allowed: IANA names such as Europe/Amsterdam") from None
    return name


def _address(url: str) -> str:
    return _checked(url, "an http or https address, or the path of a feed file") if "://" in url else url


def _hook(url: str) -> str:
    if url and "://" not in url:
        raise ValueError("no address; allowed: http or https, or nothing")
    return _checked(url, "an http or https address, or nothing") if url else url


def _checked(url: str, allowed: str) -> str:
    try:
        return checked(url)
    except Refused as refusal:
        raise ValueError(f"{refusal.message}; allowed: {allowed}") from None


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as fault:
        raise ValueError(f"no network: {fault}; allowed: such as 127.0.1.0/24") from None


def _header(name: str) -> str:
    if name.lower() in OWN_HEADERS:
        raise ValueError("is set by knipsel itself; allowed: other headers, such as Authorization")
    return name


Zone = Annotated[str, AfterValidator(_zone), Field(description="an IANA name such as Europe/Amsterdam")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), Field(description="two capitals")]
Name = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"),
    Field(description="letters, figures, dots, hyphens and underscores"),
]
Bytes = Annotated[int, Field(strict=True, ge=1_000, le=1 << 30)]
Seconds = Annotated[float, Field(strict=True, ge=0, le=30 * 86_400)]
Duration = Annotated[float, Field(strict=True, ge=0.05, le=3_600)]
Host = Annotated[str, StringConstraints(to_lower=True, pattern=r"^[A-Za-z0-9_.:-]{1,260}$")]
Header = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"), AfterValidator(_header)]
Value = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,4000}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Run(_Table):
    """How the work is cut and shared out, how files are cut, and when a run is given up."""

    workers: Literal["auto"] | Annotated[int, Field(strict=True, ge=0, le=256)]
    batch_bytes: Annotated[int, Field(strict=True, ge=1_000, le=1 << 40)]
    batch_records: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    rows_per_file: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    buffer_bytes: Bytes
    max_rejected_share: Annotated[float, Field(strict=True, ge=0, le=1)]


class Limits(_Table):
    """The largest inputs that are taken, decoded, and what one of them may cost."""

    text_bytes: Bytes
    feed_bytes: Bytes
    parse_seconds: Annotated[float, Field(strict=True, ge=0.1, le=3_600)]
    child_bytes: Annotated[int, Field(strict=True, ge=100_000_000, le=1 << 40)]


class Fetch(_Table):
    """How feeds and their pages are fetched, and how often."""

    user_agent: Annotated[
        str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,60}(?:/[\x21-\x7e]{1,60})?$")
    ]
    contact: Value
    delay_seconds: Seconds
    connect_seconds: Duration
    total_seconds: Duration
    too_many_seconds: Seconds
    patience_seconds: Seconds
    longest_crawl_delay_seconds: Seconds
    longest_retry_after_seconds: Seconds
    robots_seconds: Seconds
    retries: Annotated[int, Field(strict=True, ge=0, le=10)]
    redirects: Annotated[int, Field(strict=True, ge=0, le=20)]
    in_flight: Annotated[int, Field(strict=True, ge=1, le=500)]
    batch_seconds: Annotated[float, Field(strict=True, ge=1, le=86_400)]
    run_seconds: Annotated[float, Field(strict=True, ge=1, le=30 * 86_400)]
    poll_seconds: Seconds
    full_poll_seconds: Seconds
    page_tries: Annotated[int, Field(strict=True, ge=1, le=100)]
    feed_failures: Annotated[int, Field(strict=True, ge=1, le=1_000)]
    ports: Annotated[tuple[Annotated[int, Field(strict=True, ge=1, le=65_535)], ...], Field(min_length=1)]
    allow_private: tuple[Annotated[str, AfterValidator(_network), Field(description="networks")], ...]

    def policy(self) -> FetchPolicy:
        """What the fetcher goes by; its user agent says who asks and how they can be reached."""
        same = {field.name: getattr(self, field.name) for field in fields(FetchPolicy) if field.name != "user_agent"}
        contact = f" (+{self.contact})" if self.contact else ""
        return FetchPolicy(user_agent=f"{self.user_agent}{contact}", **same)


class Language(_Table):
    """Which detector, and what it is given."""

    detector: Literal["langdetect", "py3langid"]
    max_chars: Annotated[int, Field(strict=True, ge=50, le=100_000)]
    min_letters: Annotated[int, Field(strict=True, ge=1, le=1_000)]
    expected: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")], ...]


class Clutter(_Table):
    """Which rules are used."""

    languages: tuple[Name, ...]


class Clusters(_Table):
    """How near-duplicates are found."""

    window_days: Annotated[int, Field(strict=True, ge=0, le=60)]


class Drift(_Table):
    """From what on an outlet's articles are out of the ordinary."""

    days: Annotated[int, Field(strict=True, ge=7, le=100)]
    least_days: Annotated[int, Field(strict=True, ge=3, le=100)]
    shift: Annotated[float, Field(strict=True, ge=0.01, le=1)]
    clutter_times: Annotated[float, Field(strict=True, ge=1.1, le=100)]
    quiet: Annotated[float, Field(strict=True, ge=0, le=1)]
    surge: Annotated[float, Field(strict=True, ge=1, le=1_000)]

    def policy(self) -> DriftPolicy:
        """The thresholds."""
        return DriftPolicy(**self.model_dump())


class Alarm(_Table):
    """Who is told what, besides the summary."""

    on: frozenset[Literal["failed", "drift", "notice"]]
    command: tuple[Annotated[str, StringConstraints(min_length=1)], ...]
    webhook: Annotated[str, AfterValidator(_hook)]


class Watch(_Table):
    """How ``knipsel watch`` goes about it."""

    cycle_seconds: Annotated[float, Field(strict=True, ge=1, le=86_400)]
    batch_bytes: Annotated[int, Field(strict=True, ge=1_000, le=1 << 40)]
    batch_records: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    look_seconds: Annotated[float, Field(strict=True, ge=0.1, le=86_400)]
    settle_seconds: Annotated[float, Field(strict=True, ge=0, le=86_400)]
    retry_seconds: Annotated[float, Field(strict=True, ge=1, le=86_400)]
    stuck_seconds: Annotated[float, Field(strict=True, ge=60, le=7 * 86_400)]
    worker_cycles: Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
    worker_bytes: Annotated[int, Field(strict=True, ge=100_000_000, le=1 << 40)]
    window_seconds: Annotated[int, Field(strict=True, ge=1, le=31 * 86_400)]
    late_seconds: Annotated[int, Field(strict=True, ge=0, le=366 * 86_400)]
    pane_seconds: Annotated[int, Field(strict=True, ge=1, le=86_400)]
    shards: Annotated[int, Field(strict=True, ge=1, le=1_000)]
    host_groups: Annotated[int, Field(strict=True, ge=1, le=1_000)]


class Settings(_Table):
    """Everything in ``knipsel.toml``."""

    root: Annotated[str, StringConstraints(min_length=1), AfterValidator(local)]
    run: Run
    limits: Limits
    fetch: Fetch
    language: Language
    clutter: Clutter
    clusters: Clusters
    drift: Drift
    alarm: Alarm
    watch: Watch
    timezones: dict[Country, Zone]


class Feed(_Table):
    """One feed of ``feeds.toml``."""

    url: Annotated[str, StringConstraints(min_length=1), AfterValidator(_address)]
    """its address, or the path of a feed file, relative to `feeds.toml`"""
    outlet: Name
    """its short name: the column `source_id`, and what `sources` of a rule means"""
    name: str | None = None
    """the column `source_name`; without it the outlet"""
    language: str | None = None
    """`language_declared`, where the feed says nothing"""
    country: Country | None = None
    """gives the time zone, by the table `[timezones]` of `knipsel.toml`"""
    timezone: Zone | None = None
    """goes before the country's"""
    section: str | None = None
    """the section, where the feed's entries name none"""
    text: TextFrom | None = None
    """`"page"`: the article is on the page, which goes for addresses; `"item"`: it is in the feed, which goes for
    files"""
    interval_minutes: Annotated[int, Field(strict=True, ge=0, le=43_200)] | None = None
    """how often it is asked; without it as `fetch.poll_seconds` has it"""
    headers: dict[Header, Value] = Field(default_factory=dict)
    """sent with each request to its host, such as `{Authorization = "…"}`"""
    hosts: tuple[Host, ...] = ()
    """hosts, subdomains included, that its pages may be on; empty: any"""
    enabled: bool = True
    """a feed that is not enabled is passed over"""

    @property
    def on_disk(self) -> bool:
        """Whether it is a file."""
        return "://" not in self.url


class FeedFile(_Table):
    """The whole of ``feeds.toml``."""

    feed: tuple[Feed, ...] = ()
