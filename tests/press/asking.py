"""How the tests of the test press ask it."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from urllib.parse import urlsplit

from tests.press import Outlet

Answer = tuple[int, dict[str, str], bytes]


def get(url: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", seconds: float = 10.0) -> Answer:
    """Status, headers in lower case and body, with the content coding on it."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=seconds)
    try:
        connection.request(method, parts.path, headers={"Accept-Encoding": "identity"} | dict(headers or {}))
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def feed(outlet: Outlet) -> str:
    return outlet.origin + outlet.feed_path


def validators(headers: dict[str, str]) -> dict[str, str]:
    pairs = {"If-None-Match": headers.get("etag"), "If-Modified-Since": headers.get("last-modified")}
    return {name: value for name, value in pairs.items() if value}
