"""Certificates and encryption that cannot be trusted."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import time
from ipaddress import ip_address
from pathlib import Path

import pytest

from schemas.reject import Reason, Refused
from tests.transforms.fetching.cases import MOST_BYTES, PAGE, sized
from tests.transforms.fetching.hostile import PUBLIC, End, HostileServer, Names, Script, clock, policy
from transforms.fetching.client import Answer, Client

pytest.importorskip("cryptography", reason="certificates are made with the package cryptography")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "nieuws.example"
DAY = dt.timedelta(days=1)
SECONDS = 1.0


class Authority:
    """A certificate authority, and what it has certified."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Authority {folder.name}")])
        self.certificate = self._signed(self._name, self._key.public_key(), [], -DAY, DAY, authority=True)

    def trusting(self) -> ssl.SSLContext:
        """What a client needs that trusts it, and no other."""
        pem = self.certificate.public_bytes(serialization.Encoding.PEM).decode()
        return ssl.create_default_context(cadata=pem)

    def server(
        self, names: list[x509.GeneralName], since: dt.timedelta = -DAY, until: dt.timedelta = DAY
    ) -> ssl.SSLContext:
        """What a server needs that is called so, from and until so long from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        certificate = self._signed(subject, key.public_key(), names, since, until, authority=False)
        secret = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        path = self._folder / "server.pem"
        path.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, *secret)
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        names: list[x509.GeneralName],
        since: dt.timedelta,
        until: dt.timedelta,
        *,
        authority: bool,
    ) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        own = self._key.public_key()
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + since)
            .not_valid_after(now + until)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
        )
        if authority:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """One for each test."""
    return Authority(tmp_path)


def _ask(
    script: Script,
    server_tls: ssl.SSLContext | None,
    client_tls: ssl.SSLContext | None,
    *,
    scheme: str = "https",
    host: str = HOST,
    rash: bool = False,
) -> Answer | Refused:
    async def ask() -> Answer | Refused:
        async with HostileServer([script], tls=server_tls, rash=rash) as server:
            # Servers that are not trusted say so when the handshake fails.
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
            limits = policy(server.port, total_seconds=SECONDS, connect_seconds=SECONDS / 2)
            async with Client(limits, clock=clock, resolver=Names([PUBLIC]), tls=client_tls) as client:
                try:
                    return await client.get(f"{scheme}://{host}:{server.port}/0", headers=[], most_bytes=MOST_BYTES)
                except Refused as fault:
                    return fault

    begun = time.monotonic()
    result = asyncio.run(ask())
    assert time.monotonic() - begun < SECONDS + 1.5
    return result


def _code(result: Answer | Refused) -> Reason | int:
    return result.status if isinstance(result, Answer) else result.reason


GOOD: list[x509.GeneralName] = [x509.DNSName(HOST), x509.IPAddress(ip_address(PUBLIC))]
WHOLE = Script((sized(PAGE),))


@pytest.mark.parametrize("host", [HOST, HOST + ".", PUBLIC])
def test_a_good_certificate(authority: Authority, host: str) -> None:
    result = _ask(WHOLE, authority.server(GOOD), authority.trusting(), host=host)
    assert isinstance(result, Answer)
    assert result.body == PAGE


@pytest.mark.parametrize(
    ("names", "since", "until"),
    [
        (GOOD, -2 * DAY, -DAY),
        (GOOD, DAY, 2 * DAY),
        ([x509.DNSName("elders.example")], -DAY, DAY),
        ([x509.DNSName("*.nieuws.example")], -DAY, DAY),
        ([x509.DNSName("*")], -DAY, DAY),
        ([x509.IPAddress(ip_address("127.0.1.3"))], -DAY, DAY),
        ([], -DAY, DAY),
    ],
    ids=["expired", "not yet valid", "of another host", "of subdomains", "of all", "of an address", "of no host"],
)
def test_a_bad_certificate(
    authority: Authority, names: list[x509.GeneralName], since: dt.timedelta, until: dt.timedelta
) -> None:
    assert _code(_ask(WHOLE, authority.server(names, since, until), authority.trusting())) is Reason.TLS


def test_an_authority_that_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    assert _code(_ask(WHOLE, authority.server(GOOD), other.trusting())) is Reason.TLS
    assert _code(_ask(WHOLE, authority.server(GOOD), None)) is Reason.TLS


@pytest.mark.parametrize(
    ("first", "end", "code"),
    [
        (sized(PAGE), End.CLOSE, Reason.TLS),
        (b"SSH-2.0-OpenSSH_9.6\r\n", End.HANG, Reason.TLS),
        (b"\x00" * 2_000, End.CLOSE, Reason.TLS),
        (b"\x15\x03\x03\x00\x02\x02\x28", End.CLOSE, Reason.TLS),
        (b"\x16\x03\x03\xff\xff" + b"\x02" * 9_000, End.CLOSE, Reason.TLS),
        (b"\x16\x03\x03\x00\x7a\x02\x00", End.HANG, Reason.TIMEOUT),
        (b"", End.CLOSE, Reason.UNREACHABLE),
        (b"", End.RESET, Reason.UNREACHABLE),
        (b"", End.HANG, Reason.TIMEOUT),
    ],
    ids=["plain", "SSH", "zeros", "alert", "garbage", "half a hello", "close", "reset", "silence"],
)
def test_no_encryption_to_speak_of(first: bytes, end: End, code: Reason) -> None:
    result = _ask(Script((first,), end), None, None, rash=True)
    assert _code(result) is code


def test_encryption_where_none_was_asked_for(authority: Authority) -> None:
    code = _code(_ask(WHOLE, authority.server(GOOD), None, scheme="http"))
    assert code in (Reason.UNREACHABLE, Reason.HTTP_PROTOCOL)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (Script((sized(PAGE)[:-9],)), Reason.TRUNCATED),
        (Script((sized(PAGE)[:-9],), End.RESET), Reason.TRUNCATED),
        (Script((sized(PAGE)[:-9],), End.HANG), Reason.TIMEOUT),
        (Script((sized(PAGE)[:9],)), Reason.UNREACHABLE),
        (Script((b"HTTP/1.1 200 OK\r\n\r\n",), endless=PAGE), Reason.TOO_LARGE),
        (Script((sized(PAGE, status=b"302 Found"),), End.HANG), 302),
    ],
    ids=["cut", "reset", "hung", "cut in the headers", "endless", "redirect"],
)
def test_faults_under_encryption(authority: Authority, script: Script, code: Reason | int) -> None:
    assert _code(_ask(script, authority.server(GOOD), authority.trusting())) == code
