"""A server that follows a script instead of the protocol, and what a client needs to reach it and nothing else."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import ssl
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self

from aiohttp.abc import AbstractResolver, ResolveResult

from schemas.feed import FetchPolicy

PUBLIC = "127.0.1.2"
"""Stands for the internet: the policy below allows its network."""

PRIVATE = "127.0.0.2"
"""Stands for the private network."""

NOW = dt.datetime(2026, 11, 20, 6, 30, tzinfo=dt.UTC)
_NO_LINGER = struct.pack("ii", 1, 0)


class End(Enum):
    """How a connection ends once the script is over."""

    CLOSE = "close"
    RESET = "reset"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class Script:
    """What is sent to a client that has asked: bytes one write each, and numbers, which are seconds of silence.

    ``endless`` follows over and over until the client has gone.
    """

    parts: tuple[bytes | float, ...]
    end: End = End.CLOSE
    endless: bytes = b""
    endless_pause: float = 0.0


class HostileServer:
    """Listens on loopback; asked for ``/<number>`` it follows the script of that number, or the last there is.

    With ``rash`` it waits for the first bytes only, and follows the last script whatever they are.
    """

    def __init__(
        self,
        scripts: Sequence[Script],
        *,
        host: str = PUBLIC,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        rash: bool = False,
    ) -> None:
        self._scripts = scripts
        self._host = host
        self._tls = tls
        self._rash = rash
        self.port = port
        self.accepted = 0
        self.requests: list[bytes] = []

    async def __aenter__(self) -> Self:
        self._clients: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accepted, self._host, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    @property
    def connected(self) -> int:
        """Clients that have not gone."""
        return len(self._clients)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                request = await (reader.read(100) if self._rash else reader.readuntil(b"\r\n\r\n"))
                self.requests.append(request)
                path = b"" if self._rash else request.split(b" ", 2)[1]
                number = int(path[1:]) if path[1:].isdigit() else -1
                await self._follow(self._scripts[number], reader, writer)
        finally:
            writer.transport.abort()

    async def _follow(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for part in script.parts:
            if isinstance(part, bytes):
                writer.write(part)
                await writer.drain()
            else:
                await asyncio.sleep(part)
        while script.endless and not writer.is_closing():
            writer.write(script.endless)
            await writer.drain()
            await asyncio.sleep(script.endless_pause)
        if script.end is End.HANG:
            await reader.read()
        elif script.end is End.RESET:
            # What was sent must have arrived: a reset discards what the other end has not read.
            await asyncio.sleep(0.05)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        else:
            writer.close()
            await writer.wait_closed()


class Names(AbstractResolver):
    """Resolves every name to the same addresses, or to the next of several lists of them at each call."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = answers
        self.calls = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self._answers[self.calls % len(self._answers)]
        self.calls += 1
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "name unknown")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        """There is nothing to close."""


def policy(
    *ports: int,
    total_seconds: float = 5.0,
    connect_seconds: float = 5.0,
    allow_private: tuple[str, ...] = ("127.0.1.0/24",),
) -> FetchPolicy:
    """The limits of a client that reaches the public end of loopback."""
    return FetchPolicy(
        user_agent="knipsel-test/1.0",
        delay_seconds=0.0,
        connect_seconds=connect_seconds,
        total_seconds=total_seconds,
        too_many_seconds=1.0,
        patience_seconds=1.0,
        longest_crawl_delay_seconds=1.0,
        longest_retry_after_seconds=1.0,
        robots_seconds=1.0,
        retries=0,
        redirects=0,
        in_flight=16,
        ports=ports,
        allow_private=allow_private,
    )


def clock() -> dt.datetime:
    """A clock that stands still."""
    return NOW
