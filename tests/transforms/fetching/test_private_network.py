"""No way leads into the private network, for which 127.0.0.2 stands: whatever is asked, it gets no connection.

No test here could reach anything but loopback, were there no guard at all: names resolve to what the test says, and
addresses that the system might route elsewhere are asked for where no socket can be made.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest

from schemas.reject import Reason, Refused
from tests.transforms.fetching.cases import MOST_BYTES, PAGE, sized
from tests.transforms.fetching.hostile import PRIVATE, PUBLIC, HostileServer, Names, Script, clock, policy
from transforms.fetching.client import Client, guarded_socket


@dataclass
class Visit:
    """What came of asking for some addresses, one after another or all at once."""

    codes: list[Reason | int] = field(default_factory=list)
    locations: list[str] = field(default_factory=list)
    private: int = 0
    public: int = 0


def visit(
    urls: Sequence[str],
    names: Names | None = None,
    *,
    allow: tuple[str, ...] = ("127.0.1.0/24",),
    answer: bytes | None = None,
    at_once: bool = False,
    prepare: Callable[[int], None] = lambda port: None,
) -> Visit:
    """Asks for the addresses, in which ``PORT`` is the port at which both ends listen; before that ``prepare`` is
    called with it.
    """
    seen = Visit()

    async def one(client: Client, url: str) -> None:
        try:
            got = await client.get(url, headers=[], most_bytes=MOST_BYTES)
        except Refused as fault:
            seen.codes.append(fault.reason)
        else:
            seen.codes.append(got.status)
            seen.locations += [value for name, value in got.headers if name == "Location"]

    async def run() -> None:
        async with HostileServer([Script((sized(PAGE),))], host=PRIVATE) as private:
            script = Script(((answer or sized(PAGE)).replace(b"PORT", b"%d" % private.port),))
            async with HostileServer([script], host=PUBLIC, port=private.port) as public:
                prepare(private.port)
                limits = policy(private.port, total_seconds=2.0, allow_private=allow)
                async with Client(limits, clock=clock, resolver=names or Names([PRIVATE])) as client:
                    asked = [one(client, url.replace("PORT", str(private.port))) for url in urls]
                    if at_once:
                        await asyncio.gather(*asked)
                    else:
                        for each in asked:
                            await each
                seen.private, seen.public = private.accepted, public.accepted

    asyncio.run(run())
    return seen


def spellings() -> Iterator[str]:
    """Authorities that denote 127.0.0.2 somewhere, or may seem to denote another host."""
    bases = ("{:d}", "0{:o}", "{:#x}", "0X{:02X}", "000{:o}", "0x000{:x}")
    for base in bases:
        for octets in ((127, 0, 0, 2), (127, 0, 2), (127, 2), (0x7F000002,)):
            yield ".".join(base.format(octet) for octet in octets)
    yield from ("0177.0.0x0.2", "127.0x0.02", "0x7f.2", "127.0.0.2.", "127.0.0.2..", "127.2.", "0x7f000002.")
    yield from ("127.0.0.002", "127.000.000.002", "383.0.0.2", "127.0.0.258", "6425673730")
    # Other digits and dots, and characters that are lost when a name is prepared.
    yield from ("１２７.０.０.２", "𝟏𝟐𝟕.𝟎.𝟎.𝟐", "𝟙𝟚𝟟.𝟘.𝟘.𝟚", "𝟷𝟸𝟽.𝟶.𝟶.𝟸", "①②⑦.⓪.⓪.②", "¹²⁷.⁰.⁰.²", "₁₂₇.₀.₀.₂")
    yield from (
        "127。0。0。2",
        "127．0．0．2",
        "127｡0｡0｡2",
        "１２７。０．０｡２",
        "١٢٧.٠.٠.٢",
        "127\u20240\u20240\u20242",
    )
    yield from (
        "12\u00ad7.0.0.2",
        "12\u200b7.0.0.2",
        "12\u200d7.0.0.2",
        "12\u20607.0.0.2",
        "\ufeff127.0.0.2",
        "0ｘ7ｆ000002",
    )
    yield from (
        "127%2E0%2E0%2E2",
        "%31%32%37.0.0.2",
        "%3127.0.0.2",
        "%2531%2532%2537.0.0.2",
        "127.0.0.2%00",
        "127.0.0.2%20",
    )
    # IPv6 addresses that the system takes for IPv4.
    yield from ("[::ffff:127.0.0.2]", "[::ffff:7f00:2]", "[::FFFF:7F00:0002]", "[0:0:0:0:0:ffff:7f00:2]")
    yield from ("[0000:0000:0000:0000:0000:ffff:127.0.0.2]", "[::ffff:127.0.0.2%25lo]", "[::ffff:127.0.0.2%lo]")
    yield from ("[::ffff:0177.0.0.2]", "[::ffff:127.2]", "[127.0.0.2]", "[v1.127.0.0.2]", "::ffff:127.0.0.2")
    # A host where another seems to stand.
    yield from ("127.0.1.2@127.0.0.2", "nieuws.example:80@127.0.0.2", "@127.0.0.2", ":@127.0.0.2", "a@b@127.0.0.2")
    yield from ("127.0.1.2%40127.0.0.2", "127.0.1.2\\@127.0.0.2", "127.0.0.2\\@127.0.1.2", "127.0.1.2 @127.0.0.2")
    # Names: each resolves to the private network.
    yield from (
        "intern.example",
        "127.0.0.2.wildcard.example",
        "0x7f.1.2.3.example",
        "xn--bcher-kva.example",
        "bücher.example",
    )
    yield from (
        "intern.example.",
        "INTERN.EXAMPLE",
        "intern",
        "_intern.example",
        "1.example",
        "127-0-0-2.example",
        "a.b.c.d.e",
    )


@pytest.mark.parametrize("authority", list(dict.fromkeys(spellings())))
def test_no_spelling_leads_in(authority: str) -> None:
    seen = visit([f"http://{authority}:PORT/0", f"https://{authority}:PORT/0"])
    assert set(seen.codes) <= {Reason.SSRF_BLOCKED, Reason.BAD_URL}
    assert (seen.private, seen.public) == (0, 0)


def test_there_are_enough_spellings() -> None:
    assert len(set(spellings())) >= 60


@pytest.mark.parametrize(
    "url",
    [
        "http:///127.0.0.2:PORT/0",
        "http:127.0.0.2:PORT/0",
        "http:/127.0.0.2:PORT/0",
        "http:\\\\127.0.0.2:PORT\\0",
        "//127.0.0.2:PORT/0",
        "127.0.0.2:PORT/0",
        "HtTp://127.0.0.2:PORT/0",
        " http://127.0.0.2:PORT/0 ",
        "\x00http://127.0.0.2:PORT/0",
        "http://127.0.0.2\t:PORT/0",
        "ht\ntp://127.0.0.2:PORT/0",
        "http://127.0.0.2\r\n:PORT/0",
        "http://127.0.1.2:PORT\r\nHost: 127.0.0.2/",
        "http://127.0.1.2#@127.0.0.2:PORT/0",
        "http://127.0.1.2?@127.0.0.2:PORT/0",
        "http://127.0.1.2/@127.0.0.2:PORT/0",
        "http://127.0.0.2:PORT#@127.0.1.2:PORT/",
        "http://127.0.0.2:PORT?.nieuws.example/",
        "http://127.0.0.2:0PORT/0",
        "http://127.0.0.2:+PORT/0",
        "http://127.0.0.2:PORT:80/0",
        "http://127.0.0.2:１PORT/0",
        "ws://127.0.0.2:PORT/0",
        "tcp://127.0.0.2:PORT/0",
        "unix:///127.0.0.2:PORT/0",
        "feed://127.0.0.2:PORT/0",
        "view-source:http://127.0.0.2:PORT/0",
        "http://http://127.0.0.2:PORT/0",
    ],
)
def test_no_form_of_address_leads_in(url: str) -> None:
    seen = visit([url])
    assert set(seen.codes) <= {Reason.SSRF_BLOCKED, Reason.BAD_URL, Reason.BAD_SCHEME}
    assert (seen.private, seen.public) == (0, 0)


@pytest.mark.parametrize(
    "answer",
    [
        *("127.0.0.2", "::ffff:127.0.0.2", "::ffff:7f00:2", "127.2", "0x7f000002", "2130706434", "0177.0.0.2"),
        *("127.0.0.2%lo", "::ffff:127.0.0.2%lo", "１２７.0.0.2", "localhost", "127.0.0.2\x00", ""),
    ],
)
def test_whatever_the_resolver_says(answer: str) -> None:
    seen = visit(["http://nieuws.example:PORT/0", "https://nieuws.example:PORT/0"], Names([answer], [answer, answer]))
    assert seen.codes == [Reason.SSRF_BLOCKED] * 2
    assert (seen.private, seen.public) == (0, 0)


def test_a_name_that_changes() -> None:
    urls = ["http://nieuws.example:PORT/0"] * 4
    seen = visit(urls, Names([PUBLIC], [PRIVATE], [PUBLIC], [f"::ffff:{PRIVATE}"]))
    assert seen.codes == [200, Reason.SSRF_BLOCKED, 200, Reason.SSRF_BLOCKED]
    assert (seen.private, seen.public) == (0, 2)


def test_a_name_that_changes_under_many_requests() -> None:
    seen = visit(["http://nieuws.example:PORT/0"] * 60, Names([PUBLIC], [PRIVATE], [PRIVATE, PUBLIC]), at_once=True)
    assert sorted(map(str, seen.codes)) == ["200"] * 40 + ["SSRF_BLOCKED"] * 20
    assert (seen.private, seen.public) == (0, 40)


@pytest.mark.parametrize(
    ("addresses", "codes"),
    [
        ([PUBLIC, PRIVATE], {200}),
        ([PRIVATE, PUBLIC], {200}),
        ([f"::ffff:{PRIVATE}", PRIVATE, PUBLIC], {200}),
        ([PRIVATE, "127.0.0.3", "::1"], {Reason.SSRF_BLOCKED}),
        ([f"::ffff:{PRIVATE}", PRIVATE], {Reason.SSRF_BLOCKED}),
        # Where one that may be dialled takes no connection, either is true.
        (["127.0.1.9", PRIVATE], {Reason.SSRF_BLOCKED, Reason.UNREACHABLE}),
        ([PRIVATE, "127.0.1.9"], {Reason.SSRF_BLOCKED, Reason.UNREACHABLE}),
        (["127.0.1.9", f"::ffff:{PRIVATE}", "127.0.1.8", PRIVATE], {Reason.SSRF_BLOCKED, Reason.UNREACHABLE}),
    ],
)
def test_names_with_addresses_of_both_kinds(addresses: list[str], codes: set[Reason | int]) -> None:
    seen = visit(["http://nieuws.example:PORT/0"], Names(addresses))
    assert set(seen.codes) <= codes
    assert seen.private == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 300, 200, 201])
@pytest.mark.parametrize("header", [b"Location", b"Refresh", b"URI", b"Content-Location", b"Link", b"Alt-Svc"])
def test_an_answer_sends_nobody_there(status: int, header: bytes) -> None:
    answer = sized(PAGE, header + b": http://127.0.0.2:PORT/0", status=b"%d Moved" % status)
    seen = visit(["http://127.0.1.2:PORT/0"], answer=answer)
    assert seen.codes == [status]
    assert (seen.private, seen.public) == (0, 1)


def test_the_target_of_a_redirect_is_refused_when_asked_for() -> None:
    answer = sized(b"", b"Location: http://127.0.0.2:PORT/0", status=b"302 Found")
    [location] = visit(["http://127.0.1.2:PORT/0"], answer=answer).locations
    port = location.rsplit(":", 1)[1].split("/")[0]
    seen = visit([location.replace(port, "PORT")])
    assert seen.codes == [Reason.SSRF_BLOCKED]
    assert seen.private == 0


def test_the_environment_is_not_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    def proxies(port: int) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.2:{port}")
            monkeypatch.setenv(name.upper(), f"http://127.0.0.2:{port}")
        monkeypatch.setenv("no_proxy", "")
        monkeypatch.setenv("NO_PROXY", "")

    seen = visit(["http://127.0.1.2:PORT/0", "http://nieuws.example:PORT/0"], prepare=proxies)
    assert seen.codes == [200, Reason.SSRF_BLOCKED]
    assert seen.private == 0


@pytest.mark.parametrize(
    "url", ["http://127.0.0.2:PORT/0", "http://[::ffff:127.0.0.2]:PORT/0", "http://intern.example:PORT/0"]
)
def test_what_would_be_seen_without_the_guard(url: str) -> None:
    """The listener of these tests does count what reaches it."""
    seen = visit([url], allow=("127.0.0.0/8", "::ffff:127.0.0.0/104"))
    assert (seen.codes, seen.private) == ([200], 1)


ELSEWHERE = (
    *("64:ff9b::7f00:2", "64:ff9b::127.0.0.2", "64:ff9b:1::7f00:2", "2002:7f00:2::", "2002:7f00:2::1", "::7f00:2"),
    *("::127.0.0.2", "::ffff:0:7f00:2", "2001:0:7f00:2::1", "2001::80ff:fffd", "fe80::5efe:7f00:2", "::1", "::"),
    *("2a00::5efe:7f00:2", "2a00::200:5efe:7f00:2", "fe80::1", "fe80::1%lo", "fe80::1%1", "fec0::1", "fd00::2"),
    *("ff02::1", "100::1", "2001:db8::1", "0.0.0.0", "0.0.0.2", "10.0.0.1", "100.64.0.1", "169.254.169.254"),
    *("172.16.0.1", "192.168.0.1", "198.18.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
)


@pytest.mark.parametrize("address", ELSEWHERE)
def test_no_socket_is_made_for_other_private_addresses(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class NoSocket(socket.socket):
        def __new__(cls, *args: object, **options: object) -> NoSocket:
            raise AssertionError("a socket is made")

    async def ask() -> None:
        host = f"[{address}]" if ":" in address else address
        async with Client(policy(80), clock=clock, resolver=Names([address])) as client:
            for target in (host, "nieuws.example"):
                monkeypatch.setattr("socket.socket", NoSocket)
                try:
                    with pytest.raises(Refused) as caught:
                        await client.get(f"http://{target}/", headers=[], most_bytes=MOST_BYTES)
                finally:
                    monkeypatch.undo()
                assert caught.value.reason in (Reason.SSRF_BLOCKED, Reason.BAD_URL)

    asyncio.run(ask())
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    rest = (80, 0, 0) if ":" in address else (80,)
    with pytest.raises(OSError, match="may not be dialled"):
        guarded_socket(
            (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, *rest)),
            allow=[ip_network("127.0.1.0/24")],
        )
