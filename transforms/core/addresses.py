"""Which IP addresses may be dialled: those of the public internet, and private networks where they are listed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network

_IPV4: tuple[tuple[IPv4Network, str], ...] = (
    (IPv4Network("0.0.0.0/8"), "this network itself"),
    (IPv4Network("10.0.0.0/8"), "private"),
    (IPv4Network("100.64.0.0/10"), "shared by the customers of a provider"),
    (IPv4Network("127.0.0.0/8"), "loopback"),
    (IPv4Network("169.254.0.0/16"), "link-local"),
    (IPv4Network("172.16.0.0/12"), "private"),
    (IPv4Network("192.0.0.0/24"), "for protocols of the IETF"),
    (IPv4Network("192.0.2.0/24"), "for documentation"),
    (IPv4Network("192.88.99.0/24"), "once of 6to4 relays"),
    (IPv4Network("192.168.0.0/16"), "private"),
    (IPv4Network("198.18.0.0/15"), "for benchmarking"),
    (IPv4Network("198.51.100.0/24"), "for documentation"),
    (IPv4Network("203.0.113.0/24"), "for documentation"),
    (IPv4Network("224.0.0.0/4"), "multicast"),
    (IPv4Network("240.0.0.0/4"), "reserved"),
)
"""https://www.iana.org/assignments/iana-ipv4-special-registry. Written out, because the answers of ``ipaddress`` have
changed from one release of Python to the next; whole blocks, also where a few addresses in them are public, as no
news is served there."""

_IPV6: tuple[tuple[IPv6Network, str], ...] = (
    (IPv6Network("::/128"), "unspecified"),
    (IPv6Network("::1/128"), "loopback"),
    (IPv6Network("::/96"), "IPv4-compatible, which is no longer in use"),
    (IPv6Network("::ffff:0:0:0/96"), "IPv4-translated"),
    (IPv6Network("64:ff9b:1::/48"), "of a local translation to IPv4"),
    (IPv6Network("100::/64"), "for discarding"),
    (IPv6Network("2001::/23"), "for protocols of the IETF, Teredo among them"),
    (IPv6Network("2001:db8::/32"), "for documentation"),
    (IPv6Network("2002::/16"), "6to4, which is no longer in use"),
    (IPv6Network("3fff::/20"), "for documentation"),
    (IPv6Network("fc00::/7"), "private"),
    (IPv6Network("fe80::/10"), "link-local"),
    (IPv6Network("fec0::/10"), "site-local"),
    (IPv6Network("ff00::/8"), "multicast"),
)
"""https://www.iana.org/assignments/iana-ipv6-special-registry; the first that holds an address names it."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that has been given out of IPv6: https://www.iana.org/assignments/ipv6-address-space."""

_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")

_CARRIERS: tuple[tuple[IPv6Network, int, int], ...] = (
    (_MAPPED, 96, 0),
    (_NAT64, 96, 0),
    (IPv6Network("::/96"), 96, 0),
    (IPv6Network("::ffff:0:0:0/96"), 96, 0),
    (IPv6Network("64:ff9b:1::/48"), 96, 0),
    (IPv6Network("2001::/32"), 32, 0),
    (IPv6Network("2001::/32"), 96, 0xFFFFFFFF),
    (IPv6Network("2002::/16"), 16, 0),
)
"""Where IPv6 carries an IPv4 address, the bit at which that begins, and which of its bits are turned round: RFC 4291
(mapped, compatible), 2765, 6052, 8215, 4380 (Teredo: server, client) and 3056 (6to4)."""

_ISATAP = 0x00005EFE
_ISATAP_BITS = 0xFCFFFFFF
"""The upper half of an ISATAP interface identifier, in which two bits are free: RFC 5214, section 6.1."""


def refused(ip: str, allow: Sequence[Network]) -> str | None:
    """Why the address ``ip`` is not to be dialled; ``None`` where it may be.

    An IPv6 address that carries an IPv4 address is judged by both.

    A network in ``allow`` opens just the addresses that lie in it as they are spelled: an IPv4 network opens no IPv6
    address that carries one of its addresses, and for such an address an IPv6 network counts only where it is at
    least as long as the part in front of the IPv4 address. So ``::/0`` opens no way to 127.0.0.1, and
    ``::ffff:10.0.0.0/104`` is needed to open ``::ffff:10.0.0.1``. An address with a zone (``fe80::1%eth0``) cannot
    be allowed.

    Args:
        ip: as it would be handed to the system; any other spelling than the canonical ones is refused.
        allow: networks that may be dialled whatever they are.
    """
    try:
        address = ip_address(ip)
    except ValueError:
        return f"{ip[:80]!r} is no IP address"
    if isinstance(address, IPv4Address):
        if any(address in network for network in allow):
            return None
        what = _ipv4(address)
        return what and f"{address} is {what}"
    if address.scope_id is not None:
        return f"{address} has a zone"
    carried = tuple(_carried(address))
    front = max((front for front, _ in carried), default=0)
    if any(address in network and network.prefixlen >= front for network in allow):
        return None
    for _, inner in carried:
        if what := _ipv4(inner):
            return f"{address} carries {inner}, which is {what}"
    what = _ipv6(address)
    return what and f"{address} is {what}"


def _ipv4(address: IPv4Address) -> str | None:
    return next((what for network, what in _IPV4 if address in network), None)


def _ipv6(address: IPv6Address) -> str | None:
    if address in _MAPPED or address in _NAT64:
        return None
    public = None if address in _GLOBAL_UNICAST else "reserved"
    return next((what for network, what in _IPV6 if address in network), public)


def _carried(address: IPv6Address) -> Iterator[tuple[int, IPv4Address]]:
    """The IPv4 addresses in ``address``, each after the number of bits in front of it."""
    value = int(address)
    for network, front, turned in _CARRIERS:
        if address in network:
            yield front, IPv4Address((value >> (96 - front) & 0xFFFFFFFF) ^ turned)
    if (value >> 32 & _ISATAP_BITS) == _ISATAP:
        yield 96, IPv4Address(value & 0xFFFFFFFF)
