"""robots.txt (RFC 9309): what a host asks of us, and how that is asked for."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from urllib.parse import urljoin, urlsplit

from protego import Protego

from schemas.reject import Reason, Refused
from transforms.core.retrying import TOO_MANY
from transforms.fetching.client import Answer
from transforms.fetching.hops import is_redirect, redirect_target

ROBOTS_TYPES = "text/plain, */*;q=0.1"
"""The header ``Accept``."""

ROBOTS_BYTES = 5_242_880
"""What may come. Of it, ``_READ_BYTES`` are read; a limit on what comes alone would lose the beginning, too."""

_READ_BYTES = 512_000
"""RFC 9309, section 2.5: at least 500 KiB."""

_REDIRECTS = 5
"""RFC 9309, section 2.3.1.2: at least five are followed; behind them there is no robots.txt."""

_AGENT = re.compile(r"(\s*user(?:-|\s+)?agent\s*[:\s])([^#]*)", re.IGNORECASE)

_OTHER = "/"
"""Stands for the name of any other robot; no product token has it."""

_OF_HOST = frozenset({Reason.TLS, Reason.SSRF_BLOCKED, Reason.BAD_URL, Reason.BAD_SCHEME})
"""Faults that every page of the host would meet as well, and which say more than that robots.txt cannot be read."""


class Rules:
    """What the robots.txt of a host asks of one robot.

    Args:
        text: the file; ``None`` where there is none, which allows all.
        token: the product token of the robot, which is looked for in the ``User-agent`` lines.
    """

    def __init__(self, text: str | None, token: str) -> None:
        self._token = token
        self._parsed = None if text is None else Protego.parse(_of_interest(text, token))

    def allows(self, url: str) -> bool:
        """Whether ``url`` may be asked for."""
        return self._parsed is None or self._parsed.can_fetch(url, self._token)

    @property
    def delay_seconds(self) -> float:
        """The ``Crawl-delay``; 0 where none is stated."""
        return 0.0 if self._parsed is None else self._parsed.crawl_delay(self._token) or 0.0


def _of_interest(text: str, token: str) -> str:
    """``text`` with all names of robots that cannot be ours made one.

    The parser keeps each rule once for each robot of its group: ten thousand names over ten thousand rules, which fit
    into 500 KiB, would take gigabytes.
    """
    return "\n".join(
        found[1] + _OTHER if (found := _AGENT.match(line)) and not _may_be(found[2], token) else line
        for line in text.splitlines()
    )


def _may_be(agent: str, token: str) -> bool:
    name = agent.strip().lower().replace("*", "")
    return not name or name in token.lower()


def decoded(body: bytes) -> str:
    """The text of a robots.txt: UTF-8, its byte order mark taken off, as much of it as is read."""
    kept = body[:_READ_BYTES]
    if len(kept) < len(body):
        # Half a path would be another rule.
        kept = kept[: max(kept.rfind(b"\n"), kept.rfind(b"\r")) + 1]
    return kept.decode("utf-8-sig", errors="replace").replace("\0", "")


async def ask_robots(site: str, get: Callable[[str], Awaitable[Answer]]) -> str | None:
    """The robots.txt of a host as text; ``None`` where it has none.

    A 429 is treated as a 5xx, although it is a 4xx: who says that it is asked too much does not allow all.

    Args:
        site: an address of the host, as ``checked`` gives it; its scheme, host and port are what counts.
        get: makes one request.

    Raises:
        Refused: ``ROBOTS_UNREACHABLE`` where it is not known whether there is one; or the fault itself where that
            is one of the host as such.
    """
    url = urljoin(site, "/robots.txt")
    for _ in range(1 + _REDIRECTS):
        try:
            answer = await get(url)
        except Refused as fault:
            if fault.reason in _OF_HOST and urlsplit(url).netloc == urlsplit(site).netloc:
                raise
            raise Refused(Reason.ROBOTS_UNREACHABLE, f"robots.txt: {fault.message}") from fault
        if not is_redirect(answer):
            break
        location = redirect_target(answer)
        if location is None:
            return None
        url = location
    else:
        return None
    if 200 <= answer.status < 300:
        return decoded(answer.body)
    if 400 <= answer.status < 500 and answer.status != TOO_MANY:
        return None
    raise Refused(Reason.ROBOTS_UNREACHABLE, f"robots.txt: the server answered with status {answer.status}")
