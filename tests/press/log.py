"""The log of the test press: the requests as its server saw them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf


class Kind(StrEnum):
    """What a request asks for."""

    FEED = "feed"
    PAGE = "page"
    ROBOTS = "robots"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        host: address and port to which it came.
        path: with the query.
        kind: of what it asks for. The addresses that redirect count as what they lead to.
        method: in capitals.
        headers: names in lower case; those that came twice joined by commas.
        started: when its head had come, as ``time.monotonic`` tells it in every process of the machine.
        ended: when the end of the answer was about to be sent, or the client left; ``None`` while it is under way.
        status: of the answer; ``None`` where there was none.
    """

    host: str
    path: str
    kind: Kind
    method: str
    headers: Mapping[str, str]
    started: float
    ended: float | None
    status: int | None

    @property
    def conditional(self) -> bool:
        """Whether it asks for what is new only."""
        return "if-none-match" in self.headers or "if-modified-since" in self.headers


def closest_gap(requests: Iterable[Request], host: str) -> float:
    """The shortest pause that ``host`` had: seconds from the end of a request to the start of the next.

    Negative where requests overlapped, infinite with less than two. A client that waits after an answer can never
    come sooner here than it has waited.
    """
    gap, last = inf, -inf
    for request in sorted((r for r in requests if r.host == host), key=lambda r: r.started):
        gap = min(gap, request.started - last)
        last = max(last, inf if request.ended is None else request.ended)
    return gap


def parallel(requests: Iterable[Request], host: str) -> int:
    """How many requests to ``host`` were under way at a time, at most."""
    moments = []
    for request in requests:
        if request.host == host:
            moments += [(request.started, 1), (inf if request.ended is None else request.ended, -1)]
    most = now = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most


def conditional_share(requests: Iterable[Request], kind: Kind | None = Kind.FEED) -> float:
    """The share of the requests of a kind, or of all, that were conditional; 0 where there were none."""
    asked = [request.conditional for request in requests if kind is None or request.kind == kind]
    return sum(asked) / len(asked) if asked else 0.0
