"""What the steps that fetch have in common in a run: its settings, and the one fetcher of a process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apache_beam.utils.shared import Shared

from schemas.feed import FetchPolicy, HostMemory
from transforms.core.polling import PollPolicy
from transforms.fetching.clock import RunClock

if TYPE_CHECKING:
    from transforms.fetching.fetcher import Fetcher
    from transforms.fetching.recording import Recorder

HOSTS = "hosts"
"""The tag of what was learned of hosts, each as its name and ``HostMemory``."""


@dataclass(frozen=True, slots=True)
class Fetching:
    """How feeds and pages are fetched in a run.

    Attributes:
        now: the moment of the run.
        policy: how one address is fetched.
        polls: how often a feed is asked.
        batch_seconds: so long is fetched; what has not begun by then is put off.
        page_tries: in so many runs a page that fails is tried.
        feed_bytes: the largest feed, decoded.
        page_bytes: the largest page, decoded.
        hosts: what is known of the hosts.
        fetcher: the handle of the fetcher, which the steps of one process share, and runs one after the other.
    """

    now: dt.datetime
    policy: FetchPolicy
    polls: PollPolicy
    batch_seconds: float
    page_tries: int
    feed_bytes: int
    page_bytes: int
    hosts: Mapping[str, HostMemory] = field(default_factory=dict)
    fetcher: Shared = field(default_factory=Shared)

    def acquire(self, recorder: Recorder | None = None) -> Fetcher:
        """The fetcher of this process, made by the first that asks.

        Args:
            recorder: keeps what is fetched, where this call makes the fetcher.
        """
        # The client takes a fifth of a second to load, which a run over files need not pay.
        from transforms.fetching.fetcher import Fetcher

        def made() -> Fetcher:
            return Fetcher(self.policy, clock=RunClock(self.now), hosts=self.hosts, recorder=recorder)

        fetcher: Fetcher = self.fetcher.acquire(made)
        return fetcher
