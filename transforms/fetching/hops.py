"""The way from one address to the next: whose an address is, where a redirect leads, what may be asked for."""

from __future__ import annotations

from urllib.parse import urldefrag, urljoin, urlsplit

from schemas.feed import Wanted
from schemas.reject import Reason, Refused
from transforms.core.urls import checked
from transforms.fetching.client import Answer

VALIDATORS = frozenset({"If-None-Match", "If-Modified-Since"})
"""The headers by which a server may answer with a 304."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def host_of(url: str) -> str:
    """The host of ``url``, which is as ``checked`` gives it: the name, and the port where it is not the scheme's own.

    A dot at the end of the name, which makes no difference to where it leads, is taken off.
    """
    name, colon, port = urlsplit(url).netloc.partition(":")
    if name.startswith("["):
        return urlsplit(url).netloc
    return f"{name.rstrip('.')}{colon}{port}"


def requestable(url: str) -> str:
    """``url`` as it can be asked for: as ``checked`` gives it, and without its fragment.

    Raises:
        Refused: ``BAD_URL``, also for an address with a user name in it; ``BAD_SCHEME``.
    """
    address = urldefrag(checked(url)).url
    if "@" in urlsplit(url.strip()).netloc:
        raise Refused(Reason.BAD_URL, "the address has a user name in it")
    return address


def permitted(url: str, wanted: Wanted) -> str:
    """``url`` as it can be asked for on the way to ``wanted``.

    Raises:
        Refused: as ``requestable``; ``HOST_NOT_LISTED`` where it is on another host than those of ``wanted``.
    """
    address = requestable(url)
    name = (urlsplit(address).hostname or "").rstrip(".")
    if wanted.hosts and not any(name == host or name.endswith(f".{host}") for host in map(str.lower, wanted.hosts)):
        raise Refused(Reason.HOST_NOT_LISTED, f"the address is on {name}, which the settings do not list")
    return address


def is_redirect(answer: Answer) -> bool:
    """Whether the answer is one that names another address, and means it: 300, 304 and 305 do not."""
    return answer.status in _REDIRECTS


def redirect_target(answer: Answer) -> str | None:
    """Where a redirect leads, as an absolute address that is not checked; ``None`` where it names nothing."""
    location = next((value.strip() for name, value in answer.headers if name.lower() == "location"), "")
    if not location:
        return None
    try:
        # Browsers, too, take blanks for what they should have been.
        return urljoin(answer.url, location.replace(" ", "%20"))
    except ValueError:
        # ``checked`` will say what is wrong with it.
        return location


def headers_for(url: str, wanted: Wanted, *, first: str) -> list[tuple[str, str]]:
    """The headers of a request for ``url`` on the way to ``wanted``, whose address is ``first``.

    Validators and headers of the settings' own, which may hold a password, go to the host of ``wanted`` alone, and
    not in the clear where ``wanted`` itself is encrypted.
    """
    headers = [("Accept", wanted.accept)]
    if host_of(url) != host_of(first) or (first.startswith("https:") and not url.startswith("https:")):
        return headers
    if wanted.etag is not None:
        headers.append(("If-None-Match", wanted.etag))
    if wanted.last_modified is not None:
        headers.append(("If-Modified-Since", wanted.last_modified))
    return [*headers, *wanted.headers]
