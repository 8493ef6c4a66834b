"""One request against servers that do their worst: how each of their answers ends, in what time and memory."""

from __future__ import annotations

import asyncio
import gzip
import socket
import sys
import time
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import brotli
import pytest
from aiohttp.abc import ResolveResult

from schemas.reject import Reason, Refused
from tests.transforms.fetching.cases import (
    CASES,
    CODERS,
    MOST_BYTES,
    NAMES,
    NOISE,
    PAGE,
    SHORT_SECONDS,
    Case,
    coded,
    sized,
)
from tests.transforms.fetching.hostile import NOW, PUBLIC, End, HostileServer, Names, Script, clock, policy
from transforms.fetching.client import OTHER_STATUS_BYTES, Answer, Client

LONG_SECONDS = 8.0
SLACK_SECONDS = 1.5
"""How late an answer may be; the machine has other things to do as well."""


@dataclass(frozen=True)
class Outcome:
    """What came of a case."""

    code: Reason | int
    answer: Answer | None
    message: str
    seconds: float


async def _outcome(client: Client, url: str) -> Outcome:
    begun = time.monotonic()
    try:
        answer = await client.get(url, headers=[("Accept", "text/html")], most_bytes=MOST_BYTES)
    except Refused as fault:
        return Outcome(fault.reason, None, fault.message, time.monotonic() - begun)
    return Outcome(answer.status, answer, "", time.monotonic() - begun)


async def _run(cases: Sequence[Case], seconds: float, at_once: int) -> dict[str, Outcome]:
    gate = asyncio.Semaphore(at_once)
    async with HostileServer([each.script for each in cases]) as server:
        limits = policy(server.port, total_seconds=seconds, connect_seconds=seconds)
        async with Client(limits, clock=clock, resolver=Names([PUBLIC])) as client:

            async def one(number: int) -> Outcome:
                async with gate:
                    return await _outcome(client, f"http://nieuws.example:{server.port}/{number}")

            outcomes = await asyncio.gather(*map(one, range(len(cases))))
    return {each.name: outcome for each, outcome in zip(cases, outcomes, strict=True)}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """All cases, many at a time."""
    slow = [each for each in CASES if each.slow]
    quick = [each for each in CASES if not each.slow]
    return asyncio.run(_run(slow, SHORT_SECONDS, 32)) | asyncio.run(_run(quick, LONG_SECONDS, 8))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_answer_ends_as_it_must(case: Case, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[case.name]
    assert outcome.code in case.expected, outcome.message
    assert outcome.seconds < (SHORT_SECONDS if case.slow else LONG_SECONDS) + SLACK_SECONDS
    if case.body is not None:
        assert outcome.answer is not None
        assert outcome.answer.body == case.body
    if outcome.answer:
        for text in (outcome.answer.reason, *(part for header in outcome.answer.headers for part in header)):
            text.encode("utf-8")
            assert not any(c != "\t" and (c < " " or c == "\x7f") for c in text)
        assert len(outcome.answer.raw) <= max(MOST_BYTES, OTHER_STATUS_BYTES)


def test_there_are_enough_cases() -> None:
    assert len({each.name for each in CASES}) == len(CASES) >= 200


async def _ask(
    *answers: bytes | Script,
    paths: Sequence[str] | None = None,
    headers: Sequence[tuple[str, str]] = (),
    most_bytes: int = MOST_BYTES,
) -> tuple[list[Answer | Refused], HostileServer]:
    """Asks for each of the paths, one after another."""
    scripts = [answer if isinstance(answer, Script) else Script((answer,)) for answer in answers]
    results: list[Answer | Refused] = []
    async with (
        HostileServer(scripts) as server,
        Client(policy(server.port), clock=clock, resolver=Names([PUBLIC])) as client,
    ):
        for path in paths or [f"/{number}" for number in range(len(answers))]:
            url = f"http://nieuws.example:{server.port}{path}"
            try:
                results.append(await client.get(url, headers=headers, most_bytes=most_bytes))
            except Refused as fault:
                results.append(fault)
    return results, server


def _answered(result: Answer | Refused) -> Answer:
    assert isinstance(result, Answer), result
    return result


def test_an_answer_is_handed_on_whole() -> None:
    packed = gzip.compress(PAGE)
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(packed[at : at + 9]), packed[at : at + 9]) for at in range(0, len(packed), 9)
    )
    head = b'HTTP/1.1 200 Fine\r\nETag: "a"\r\nX-Twice: 1\r\nx-twice: 2\r\nContent-Encoding: gzip\r\n'
    [result], server = asyncio.run(_ask(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"))
    answer = _answered(result)
    assert (answer.status, answer.reason, answer.fetched_at) == (200, "Fine", NOW)
    assert answer.url == f"http://nieuws.example:{server.port}/0"
    assert answer.headers[:3] == (("ETag", '"a"'), ("X-Twice", "1"), ("x-twice", "2"))
    assert (answer.raw, answer.body) == (packed, PAGE)


def test_what_is_asked() -> None:
    path = "/a%2Cb%7e/../Brücke|x;y=1?q=%20+é&r=[1]#deel"
    _, server = asyncio.run(
        _ask(sized(PAGE), paths=[path], headers=[("Accept", "text/html"), ("If-None-Match", '"é"')])
    )
    [request] = server.requests
    line, *fields = request.decode().split("\r\n")
    assert line == "GET /a%2Cb%7e/../Br%C3%BCcke%7Cx;y=1?q=%20+%C3%A9&r=[1] HTTP/1.1"
    assert sorted(filter(None, fields)) == [
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Accept: text/html",
        "Connection: close",
        f"Host: nieuws.example:{server.port}",
        'If-None-Match: "é"',
        "User-Agent: knipsel-test/1.0",
    ]


def test_no_cookie_is_kept() -> None:
    _, server = asyncio.run(_ask(sized(PAGE, b"Set-Cookie: a=b; Path=/"), sized(PAGE)))
    assert len(server.requests) == server.accepted == 2
    assert not any(b"ookie" in request for request in server.requests)


def test_nothing_is_asked_twice() -> None:
    """The client library repeats a request by itself where the connection breaks."""
    scripts = (Script(()), Script((), End.RESET), Script((b"HTTP/1.1 200 OK\r\n",)), Script((sized(PAGE)[:-9],)))
    results, server = asyncio.run(_ask(*scripts))
    assert [result.reason for result in results] == [*[Reason.UNREACHABLE] * 3, Reason.TRUNCATED]
    assert server.accepted == len(server.requests) == len(scripts)


@pytest.mark.parametrize(
    "value", [b'"\xe9"', b'W/"\x01\x7f"', b'"\xed\xa0\x80"', '"é"'.encode(), b"a\r\n b", b'"' + b"x" * 30_000]
)
def test_a_validator_can_be_sent_back(value: bytes) -> None:
    [first], _ = asyncio.run(_ask(sized(PAGE, b"ETag: " + value)))
    [etag] = [value for name, value in _answered(first).headers if name == "ETag"]
    [second], server = asyncio.run(_ask(sized(b"", status=b"304 Not Modified"), headers=[("If-None-Match", etag)]))
    assert _answered(second).status == 304
    assert f"If-None-Match: {etag}\r\n".encode() in server.requests[0]


@pytest.mark.parametrize("status", [b"429 Too Many Requests", b"503 Service Unavailable", b"301 Moved Permanently"])
def test_the_headers_of_any_status_are_there(status: bytes) -> None:
    whole = sized(PAGE, b"Retry-After: 120", b"Location: https://b.example/", status=status)
    [result], _ = asyncio.run(_ask(whole[:-20]))
    answer = _answered(result)
    assert answer.status == int(status[:3])
    assert dict(answer.headers)["Retry-After"] == "120"
    assert dict(answer.headers)["Location"] == "https://b.example/"


def test_error_pages_are_read_so_far() -> None:
    [long, short], _ = asyncio.run(
        _ask(
            Script((b"HTTP/1.1 500 Oh\r\n\r\n",), endless=NOISE),
            coded(gzip.compress(PAGE), "gzip", status=b"404 Not Found"),
            most_bytes=1_000_000,
        )
    )
    assert len(_answered(long).raw) == OTHER_STATUS_BYTES
    assert _answered(short).body == PAGE


@pytest.mark.parametrize(
    ("size", "fits"), [(MOST_BYTES - 1, True), (MOST_BYTES, True), (MOST_BYTES + 1, False)], ids=str
)
@pytest.mark.parametrize("coding", ["sized", "unbounded", "gzip"])
def test_the_largest_body(size: int, fits: bool, coding: str) -> None:
    body = b"a" * size
    answer = {
        "sized": sized(body),
        "unbounded": b"HTTP/1.1 200 OK\r\n\r\n" + body,
        "gzip": coded(gzip.compress(body), "gzip"),
    }[coding]
    [result], _ = asyncio.run(_ask(answer))
    if fits:
        assert _answered(result).body == body
    else:
        assert isinstance(result, Refused)
        assert result.reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", Reason.BAD_SCHEME),
        ("/a", Reason.BAD_SCHEME),
        ("ftp://nieuws.example/", Reason.BAD_SCHEME),
        ("file:///etc/passwd", Reason.BAD_SCHEME),
        ("javascript:alert(1)", Reason.BAD_SCHEME),
        ("data:text/html,x", Reason.BAD_SCHEME),
        ("gopher://nieuws.example:70/", Reason.BAD_SCHEME),
        ("http://", Reason.BAD_URL),
        ("http:///a", Reason.BAD_URL),
        ("http://[::1", Reason.BAD_URL),
        ("http://nieuws.example:99999/", Reason.BAD_URL),
        ("http://nieuws.example:x/", Reason.BAD_URL),
        ("http://nieuws..example/", Reason.BAD_URL),
        ("http://user@nieuws.example/", Reason.BAD_URL),
        ("http://user:secret@nieuws.example/", Reason.BAD_URL),
        ("http://@nieuws.example/", Reason.BAD_URL),
        ("http://nieuws.example/a b", Reason.BAD_URL),
        ("http://nieuws.example/\ud800", Reason.BAD_URL),
        ("http://nieuws.example/" + "a" * 2_048, Reason.BAD_URL),
        ("http://nieuws.example:22/", Reason.SSRF_BLOCKED),
        ("http://nieuws.example:0/", Reason.SSRF_BLOCKED),
        ("https://nieuws.example/", Reason.SSRF_BLOCKED),
    ],
)
def test_addresses_that_are_not_asked(url: str, code: Reason) -> None:
    names = Names([PUBLIC])

    async def ask() -> None:
        async with Client(policy(80), clock=clock, resolver=names) as client:
            await client.get(url, headers=[], most_bytes=MOST_BYTES)

    with pytest.raises(Refused) as caught:
        asyncio.run(ask())
    assert caught.value.reason is code
    assert names.calls == 0


class _Silent(Names):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        await asyncio.sleep(60)
        return []


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (Names([]), Reason.UNREACHABLE),
        (Names(["127.0.1.9"]), Reason.UNREACHABLE),
        (Names(["127.0.1.9", "127.0.1.8"]), Reason.UNREACHABLE),
        (_Silent(), Reason.TIMEOUT),
    ],
    ids=["no such name", "nobody listens", "nobody listens on either", "no answer from the resolver"],
)
def test_hosts_that_are_not_there(names: Names, code: Reason) -> None:
    async def ask() -> None:
        async with HostileServer([]) as server:
            limits = policy(server.port, connect_seconds=0.3)
            async with Client(limits, clock=clock, resolver=names) as client:
                await client.get(f"http://nieuws.example:{server.port}/", headers=[], most_bytes=MOST_BYTES)

    begun = time.monotonic()
    with pytest.raises(Refused) as caught:
        asyncio.run(ask())
    assert caught.value.reason is code
    assert time.monotonic() - begun < 0.3 + SLACK_SECONDS


def test_a_host_that_takes_no_connection_is_left_in_time() -> None:
    async def ask(port: int) -> None:
        async with Client(policy(port, connect_seconds=0.3), clock=clock, resolver=Names([PUBLIC])) as client:
            await client.get(f"http://nieuws.example:{port}/", headers=[], most_bytes=MOST_BYTES)

    with socket.socket() as full, ExitStack() as waiting:
        full.bind((PUBLIC, 0))
        full.listen(0)
        for _ in range(4):
            other = waiting.enter_context(socket.socket())
            other.setblocking(False)
            other.connect_ex(full.getsockname())
        with pytest.raises(Refused) as caught:
            asyncio.run(ask(full.getsockname()[1]))
    assert caught.value.reason is Reason.TIMEOUT


def test_a_request_can_be_given_up() -> None:
    async def ask() -> int:
        async with (
            HostileServer([Script((sized(PAGE)[:-9],), End.HANG)]) as server,
            Client(policy(server.port), clock=clock, resolver=Names([PUBLIC])) as client,
        ):
            request = client.get(f"http://nieuws.example:{server.port}/0", headers=[], most_bytes=MOST_BYTES)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(request, 0.2)
            await asyncio.sleep(0.1)
            return server.connected

    assert asyncio.run(ask()) == 0


_BOMBER = r"""
import asyncio, re, sys
from pathlib import Path
from schemas.reject import Reason, Refused
from tests.transforms.fetching.hostile import PUBLIC, Names, clock, policy
from transforms.fetching.client import Client

def peak_mib():  # getrusage would count what the parent held
    return int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024

async def main(port, count):
    async with Client(policy(port, total_seconds=60.0), clock=clock, resolver=Names([PUBLIC])) as client:
        async def one(number):
            url = f"http://nieuws.example:{port}/{number % count}"
            try:
                await client.get(url, headers=[], most_bytes=15 << 20)
            except Refused as fault:
                return fault.reason
        before = peak_mib()
        codes = await asyncio.gather(*map(one, range(2 * count)))
        assert set(codes) == {Reason.TOO_LARGE}, codes
        print(peak_mib() - before)

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
"""


def _giant(coder: str) -> bytes:
    """A gibibyte of zeros."""
    if coder == "br":
        pack = brotli.Compressor(quality=2)
        return b"".join(pack.process(bytes(1 << 24)) for _ in range(64)) + bytes(pack.finish())
    if "deflate" in coder:
        inflate = zlib.compressobj(wbits=15 if coder == "deflate" else -15)
        first = inflate.compress(bytes(1 << 24)) + inflate.flush(zlib.Z_FULL_FLUSH)
        return first + (inflate.compress(bytes(1 << 24)) + inflate.flush(zlib.Z_FULL_FLUSH)) * 63
    return CODERS[coder](bytes(1 << 24)) * 64


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is told by Linux")
def test_bombs_are_defused_in_little_memory() -> None:
    """A gibibyte each, twenty at a time, in a process of their own."""
    giants = [(coder, _giant(coder)) for coder in CODERS]
    bombs = [Script((coded(giant, NAMES[coder]),)) for coder, giant in giants]
    bombs += [Script((coded(CODERS["gzip"](giant), NAMES[coder], "gzip"),)) for coder, giant in giants]
    bombs += [Script((b"HTTP/1.1 200 OK\r\n\r\n",), endless=NOISE * 20)]

    async def run() -> int:
        async with HostileServer(bombs) as server:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", _BOMBER, str(server.port), str(len(bombs))),
                stdout=asyncio.subprocess.PIPE,
                cwd=Path(__file__).parents[3],
            )
            out, _ = await child.communicate()
        assert child.returncode == 0
        return int(out)

    assert asyncio.run(run()) <= 512
