"""One request over HTTP: an address in, the answer of its server out, within limits of place, time and size."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import string
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_network
from types import TracebackType
from typing import Self
from urllib.parse import quote, urldefrag, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.http_exceptions import ContentLengthError, TransferEncodingError
from yarl import URL

from schemas.feed import FetchPolicy
from schemas.reject import Reason, Refused
from transforms.core.addresses import Network, refused
from transforms.core.http_message import decoded_body, text
from transforms.core.urls import checked

ACCEPTED_CODINGS = "gzip, deflate, br, zstd"
"""What ``decoded_body`` undoes."""

OTHER_STATUS_BYTES = 524_288
"""So much is read of the body of another status than 200: an error page, of which nothing is kept."""

_FIELD_BYTES = 32_768
_FIELDS = 128
"""The longest header, and how many there may be. Content security policies and lists of preloads pass 8 KiB, where
aiohttp stops by itself; the headers of an answer take no more than 8 MiB."""

_AS_WRITTEN = string.punctuation.translate(str.maketrans("", "", '"<>\\^`{|}'))
"""With letters and digits all that an address may have in it (RFC 3986). A ``%`` stays: what is encoded stays so."""

_TRANSFER_CODINGS = frozenset({"chunked", "identity", ""})

_CONTROLS = dict.fromkeys((*range(9), *range(10, 32), 127), " ")
"""Not allowed in a header, and so replaced by blanks (RFC 9110, section 5.5): a validator must be fit to be sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered.

    Attributes:
        url: the address that was asked for, as it was sent.
        status: any but 1xx.
        reason: the words after the status.
        headers: as they came, in order; in UTF-8, or Latin-1 where they are not valid as that.
        raw: the body with its transfer coding taken off and its content coding still on. Of a redirect nothing, of
            other statuses than 200 no more than ``OTHER_STATUS_BYTES`` and perhaps only its beginning.
        body: ``raw`` with its content coding taken off; empty for other statuses than 200 where that fails.
        fetched_at: when the answer began to come.
    """

    url: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    raw: bytes
    body: bytes
    fetched_at: dt.datetime


class _BlockedError(OSError):
    """The address about to be dialled is refused. As they all read the same, the client library keeps the type."""

    def __init__(self, why: str) -> None:
        super().__init__("an address that may not be dialled")
        self.why = why


def guarded_socket(info: aiohttp.AddrInfoType, *, allow: Sequence[Network]) -> socket.socket:
    """A socket to dial the address in ``info`` with, be it one of a name or the one written in the URL.

    Raises:
        OSError: if it is not to be dialled; see ``transforms.core.addresses``.
    """
    family, kind, protocol, _, address = info
    if why := refused(str(address[0]), allow):
        raise _BlockedError(why)
    return socket.socket(family, kind, protocol)


class Client:
    """Asks servers, over a new connection each time, so that each address is looked at before it is dialled.

    It keeps no cookies, heeds no proxy or password of the environment, follows no redirect and repeats nothing. To be
    used as an asynchronous context manager, in one event loop, for any number of requests at a time.

    Args:
        policy: the limits; of it are used ``user_agent``, ``connect_seconds``, ``total_seconds``, ``ports`` and
            ``allow_private``.
        clock: tells the time that stands in ``Answer.fetched_at``.
        resolver: looks names up; without one the system does.
        tls: which certificates are trusted; without one, those that the system trusts.

    Raises:
        ValueError: if ``policy.allow_private`` holds what is no network.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        *,
        clock: Callable[[], dt.datetime],
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._resolver = resolver
        self._tls = tls
        self._allow = tuple(map(ip_network, policy.allow_private))

    async def __aenter__(self) -> Self:
        # Threads of its own: names that hang in the system's resolver fill those of the event loop.
        self._decoders = ThreadPoolExecutor(thread_name_prefix="decode")
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._resolver,
                use_dns_cache=False,
                ssl=self._tls or True,
                socket_factory=partial(guarded_socket, allow=self._allow),
                force_close=True,
                limit=0,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self._policy.user_agent, "Accept-Encoding": ACCEPTED_CODINGS},
            # All that it takes is timed by ``get``.
            timeout=aiohttp.ClientTimeout(total=None, connect=self._policy.connect_seconds),
            auto_decompress=False,
            trust_env=False,
            max_field_size=_FIELD_BYTES,
            max_headers=_FIELDS,
            middlewares=[self._asked_once],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()
        self._decoders.shutdown(cancel_futures=True)

    async def get(self, url: str, *, headers: Sequence[tuple[str, str]], most_bytes: int) -> Answer:
        """The answer to ``GET``, whatever its status.

        Args:
            url: http or https; sent as it is written, but for characters that an address may not have.
            headers: sent beside ``User-Agent`` and ``Accept-Encoding``, or in place of them.
            most_bytes: the largest body of an answer of 200, both as it comes and decoded.

        Raises:
            Refused: ``BAD_URL``, ``BAD_SCHEME``; ``SSRF_BLOCKED`` for a port that is not in the policy, and where
                the name leads to no address that may be dialled; ``UNREACHABLE`` where no answer began; ``TLS``;
                ``HTTP_PROTOCOL``; ``TIMEOUT``; and with status 200 ``TOO_LARGE``, and ``TRUNCATED`` for a body that
                ends before its length or coding does.
            ValueError: if ``headers`` have control characters in them.
        """
        target = self._target(url)
        deadline = asyncio.get_running_loop().time() + self._policy.total_seconds
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._session.get(target, headers=list(headers), allow_redirects=False)
            fetched_at = self._clock()
            async with response:
                raw, body = await self._content(response, most_bytes, deadline)
        except TimeoutError:
            seconds = self._policy.total_seconds
            raise Refused(Reason.TIMEOUT, f"{target.host}: the answer took longer than {seconds:g} s") from None
        return Answer(
            url=str(target),
            status=response.status,
            reason=_line(str(response.reason or "").encode(errors="surrogateescape")),
            headers=tuple((_line(name), _line(value)) for name, value in response.raw_headers),
            raw=raw,
            body=body,
            fetched_at=fetched_at,
        )

    def _target(self, url: str) -> URL:
        address = checked(url)
        if "@" in urlsplit(url.strip()).netloc:
            raise Refused(Reason.BAD_URL, "the address has a user name in it")
        try:
            target = URL(quote(urldefrag(address).url, safe=_AS_WRITTEN), encoded=True)
        except ValueError as fault:
            raise Refused(Reason.BAD_URL, f"no valid address: {fault}") from None
        if target.port not in self._policy.ports:
            raise Refused(Reason.SSRF_BLOCKED, f"port {target.port} is not among those allowed in the settings")
        return target

    async def _asked_once(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Here, as the session itself would ask a second time where a connection breaks."""
        try:
            response = await handler(request)
        except aiohttp.ClientError as fault:
            raise _no_answer(request.url.host, fault) from fault
        if response.status < 200:
            response.close()
            raise Refused(Reason.HTTP_PROTOCOL, f"{request.url.host} answered with status {response.status}")
        return response

    async def _content(
        self, response: aiohttp.ClientResponse, most_bytes: int, deadline: float
    ) -> tuple[bytes, bytes]:
        """The body as it came, and decoded."""
        raw, body = bytearray(), b""
        if 300 <= response.status < 400:
            return b"", body
        good = response.status == 200
        try:
            async with asyncio.timeout_at(deadline):
                await _read(response, raw, most_bytes if good else OTHER_STATUS_BYTES)
                codings = _tokens(response, "Content-Encoding")
                decode = partial(decoded_body, bytes(raw), codings, most_bytes=most_bytes)
                body = await asyncio.get_running_loop().run_in_executor(self._decoders, decode)
        except (TimeoutError, Refused):
            # What other statuses have to say is in their headers, such as Retry-After.
            if good:
                raise
        return bytes(raw), body


async def _read(response: aiohttp.ClientResponse, into: bytearray, most_bytes: int) -> None:
    """Puts the body, or its beginning, ``into`` there."""
    host = response.url.host
    if foreign := [coding for coding in _tokens(response, "Transfer-Encoding") if coding not in _TRANSFER_CODINGS]:
        raise Refused(Reason.HTTP_PROTOCOL, f"{host}: the transfer coding is {foreign[0][:20]!r}")
    too_large = Refused(Reason.TOO_LARGE, f"{host}: the body is larger than {most_bytes:,} bytes")
    if (response.content_length or 0) > most_bytes:
        raise too_large
    _watch_end(response)
    try:
        async for piece in response.content.iter_any():
            into += piece[: most_bytes - len(into)]
            if response.content.total_bytes > most_bytes:
                raise too_large
        if broken := response.content.exception():
            raise broken
    except aiohttp.ClientError as fault:
        if isinstance(fault.__cause__, ContentLengthError | TransferEncodingError):
            raise _cut_short(host) from fault
        raise Refused(Reason.HTTP_PROTOCOL, f"{host}: {_shown(fault)}") from fault


def _watch_end(response: aiohttp.ClientResponse) -> None:
    """Makes readers of the body see two ends of a connection that the client library keeps from them.

    Where the chunked coding turns out malformed, it closes the connection and lets readers wait; and a body that
    lasts as long as the connection it calls whole, even where that was reset.
    """
    protocol = None if response.connection is None else response.connection.protocol
    if protocol is None or protocol.closed is None:
        return
    content = response.content
    bounded = "Content-Length" in response.headers or "Transfer-Encoding" in response.headers

    def ended(connection: asyncio.Future[None]) -> None:
        reset = not connection.cancelled() and connection.exception()
        if content.exception() is not None:
            return
        if not content.is_eof():
            content.set_exception(Refused(Reason.HTTP_PROTOCOL, f"{response.url.host}: the body is malformed"))
        elif reset and not bounded:
            content.set_exception(_cut_short(response.url.host))

    protocol.closed.add_done_callback(ended)


def _no_answer(host: str | None, fault: aiohttp.ClientError) -> Refused:
    cause = fault.os_error if isinstance(fault, aiohttp.ClientConnectorError) else fault.__cause__
    if isinstance(cause, _BlockedError):
        return Refused(Reason.SSRF_BLOCKED, f"{host}: {cause.why}")
    if isinstance(fault, TimeoutError):
        return Refused(Reason.TIMEOUT, f"{host}: no connection was made in time")
    if isinstance(fault, aiohttp.InvalidURL):
        return Refused(Reason.BAD_URL, f"{host} is no valid host")
    if isinstance(cause, ssl.SSLError):
        return Refused(Reason.TLS, f"{host}: {_shown(cause)}")
    if isinstance(fault, aiohttp.ClientResponseError):
        return Refused(Reason.HTTP_PROTOCOL, f"{host}: {_shown(fault.message)}")
    if isinstance(fault, aiohttp.ServerDisconnectedError):
        return Refused(Reason.UNREACHABLE, f"{host}: the connection ended before its headers did")
    return Refused(Reason.UNREACHABLE, f"{host}: {_shown(fault)}")


def _cut_short(host: str | None) -> Refused:
    return Refused(Reason.TRUNCATED, f"{host}: the body was cut short")


def _shown(message: object) -> str:
    return " ".join(str(message).split())[:200]


def _tokens(response: aiohttp.ClientResponse, header: str) -> list[str]:
    return [token.strip().lower() for value in response.headers.getall(header, ()) for token in value.split(",")]


def _line(raw: bytes) -> str:
    return text(raw).translate(_CONTROLS)
