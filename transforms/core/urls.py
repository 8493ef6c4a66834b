"""Addresses: which are acceptable, and when two are the same."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import SplitResult, parse_qsl, quote_plus, urlsplit, urlunsplit

from courlan import normalize_url
from courlan.clean import clean_query

from schemas.reject import Reason, Refused

MAX_CHARS = 2_048

_DOTS = re.compile("[.。．｡]")
_HOST = re.compile(r"(?=.{1,254}\Z)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
# RFC 1035 bounds labels and names; underscores and hyphens at the edge of a label are against it, and resolve.
_AS_BYTES = "surrogateescape"
# A query may be percent-encoded in any encoding; its bytes are handed on as they are.
_DEVIANT = frozenset("ßς")
# IDNA 2003, which Python has, makes "ss" and "σ" of them: another host. IDNA 2008 and browsers keep them.


def checked(url: str) -> str:
    """``url`` without blanks around it and with its host in ASCII (punycode).

    Raises:
        Refused: ``BAD_SCHEME`` for anything but http and https, ``BAD_URL`` for what is no address or too long.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as fault:
        raise Refused(Reason.BAD_URL, f"no valid address: {fault}") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise Refused(Reason.BAD_SCHEME, f"the address begins with {parts.scheme or url[:20]!r}, not with http(s)")
    if len(url) > MAX_CHARS:
        raise Refused(Reason.BAD_URL, f"the address has {len(url)} characters; {MAX_CHARS} are allowed")
    if not host:
        raise Refused(Reason.BAD_URL, "the address has no host")
    if any(c.isspace() for c in url) or "\\" in parts.netloc:
        raise Refused(Reason.BAD_URL, "the address has blanks or backslashes in it")
    return urlunsplit(parts._replace(scheme=parts.scheme.lower(), netloc=_netloc(parts, host, port)))


def _netloc(parts: SplitResult, host: str, port: int | None) -> str:
    try:
        ascii_host = host if host.isascii() else ".".join(map(_label, _DOTS.split(host)))
    except UnicodeError as fault:
        raise Refused(Reason.BAD_URL, f"no valid host name: {fault}") from None
    if ":" not in ascii_host and _HOST.fullmatch(ascii_host) is None:
        raise Refused(Reason.BAD_URL, f"no valid host name: {ascii_host[:80]!r}")
    shown = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    default = {"http": 80, "https": 443}[parts.scheme.lower()]
    return shown if port in (None, default) else f"{shown}:{port}"


def _label(label: str) -> str:
    if _DEVIANT.isdisjoint(label):
        return label.encode("idna").decode("ascii") if label else ""
    return "xn--" + unicodedata.normalize("NFC", label).encode("punycode").decode("ascii")


def canonical(url: str) -> str:
    """The one spelling by which an address is known: without fragment and without known tracking parameters.

    Args:
        url: an address as ``checked`` gives it.
    """
    parts = urlsplit(url)
    # courlan drops parameters that have no value, and "?12345" can be all that tells two articles apart.
    pairs = [pair for pair in parse_qsl(parts.query, keep_blank_values=True, errors=_AS_BYTES) if any(pair)]
    kept = sorted((pair for pair in pairs if clean_query(f"{_quoted(pair[0])}=1")), key=lambda pair: pair[0])
    query = "&".join(_quoted(name) + (f"={_quoted(value)}" if value else "") for name, value in kept)
    path = urlsplit(normalize_url(parts._replace(query="", fragment=""), trailing_slash=True)).path
    return urlunsplit((parts.scheme, parts.netloc, path or "/", query, ""))


def _quoted(text: str) -> str:
    return quote_plus(text, errors=_AS_BYTES)


def host(url: str) -> str | None:
    """The host of ``url`` in lower case, without a leading ``www.``; ``None`` where it has none."""
    try:
        name = urlsplit(url).hostname or ""
    except ValueError:
        return None
    return name.removeprefix("www.") or None
