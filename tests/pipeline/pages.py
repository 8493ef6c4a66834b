"""Newly written pages, and WARC files of them."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path

_NAMES = ["de veerpont", "het gemaal", "de wipmolen", "de kermis", "het veerhuis", "de sluisdeur", "de dijkwacht"]
_TURNS = ["ging eerder open", "bleef langer dicht", "kreeg een nieuw dak", "moest worden verplaatst", "won een prijs"]


def page(number: int, mark: str = "") -> bytes:
    """Page ``number``, an article of five paragraphs between a menu and a footer; ``mark`` stands in a comment."""
    name, turn = _NAMES[number % len(_NAMES)], _TURNS[number % len(_TURNS)]
    paragraphs = "".join(
        f"<p>In jaar {1300 + number * 7 + n} hoorde men in Oudewal dat {name} niet meer zou veranderen, maar dit "
        f"keer {turn} volgens de schout, die er {n + 2} getuigen bij had en er geen {number}e woord aan wijdde.</p>"
        for n in range(5)
    )
    return (
        f"<html lang=nl><head><title>Bericht {number} uit Oudewal</title>{mark}"
        f'<meta property="article:published_time" content="2026-11-{number % 9 + 10}T08:00:00Z"></head>'
        f"<body><nav><a href=/>Voorpagina</a></nav><article><h1>Bericht {number} uit Oudewal</h1>{paragraphs}"
        "</article><footer>Het Oudewals Blad</footer></body></html>"
    ).encode()


def url(number: int) -> str:
    return f"https://oudewal.example/bericht/{number}"


def record(number: int, body: bytes, kind: str = "text/html; charset=utf-8", status: str = "200 OK") -> bytes:
    """A response as it stands in a WARC file."""
    http = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{number:012}>\r\n"
        f"WARC-Target-URI: {url(number)}\r\nWARC-Date: 2026-11-19T06:00:00Z\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return head.encode() + http + b"\r\n\r\n"


def write_warc(path: Path, records: Iterable[bytes]) -> Path:
    """A WARC file; a ``.gz`` has a member for each record."""
    packed = path.name.endswith(".gz")
    path.write_bytes(b"".join(gzip.compress(one, mtime=0) if packed else one for one in records))
    return path
