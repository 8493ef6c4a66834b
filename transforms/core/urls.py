"""Addresses: which are acceptable, and when two are the same."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit, urlunsplit

from courlan import normalize_url

from schemas.reject import Reason, Refused

MAX_CHARS = 2_048


def checked(url: str) -> str:
    """``url`` without blanks around it and with its host in ASCII (punycode).

    Raises:
        Refused: ``BAD_SCHEME`` for anything but http and https, ``BAD_URL`` for what is no address or too long.
    """
    url = url.strip()
    if len(url) > MAX_CHARS:
        raise Refused(Reason.BAD_URL, f"the address has {len(url)} characters; {MAX_CHARS} are allowed")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as fault:
        raise Refused(Reason.BAD_URL, f"no valid address: {fault}") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise Refused(Reason.BAD_SCHEME, f"the address begins with {parts.scheme or url[:20]!r}, not with http(s)")
    if not host or any(c.isspace() for c in url):
        raise Refused(Reason.BAD_URL, "the address has no host" if not host else "the address has blanks in it")
    return urlunsplit(parts._replace(scheme=parts.scheme.lower(), netloc=_netloc(parts, host, port)))


def _netloc(parts: SplitResult, host: str, port: int | None) -> str:
    try:
        ascii_host = host if ":" in host or host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as fault:
        raise Refused(Reason.BAD_URL, f"no valid host name: {fault}") from None
    shown = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    default = {"http": 80, "https": 443}[parts.scheme.lower()]
    return shown if port in (None, default) else f"{shown}:{port}"


def canonical(url: str) -> str:
    """The one spelling by which an address is known: without fragment and without known tracking parameters."""
    return str(normalize_url(url, trailing_slash=True)).split("#", 1)[0]


def host(url: str) -> str | None:
    """The host of ``url`` in lower case, without a leading ``www.``."""
    name = urlsplit(url).hostname
    return name.removeprefix("www.") if name else None
