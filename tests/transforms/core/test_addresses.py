"""Which addresses may be dialled."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.core.addresses import Network, refused

IPV4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
IPV6 = (
    "::/96",
    "::ffff:0:0:0/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "4000::/3",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
NEIGHBOURS = (
    *("1.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0"),
    *("169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.88.98.255"),
    *("192.88.100.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255"),
    *("198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255", "8.8.8.8", "93.184.216.34"),
    *("2000::", "2001:200::", "2001:db7:ffff::", "2001:db9::", "2003::", "2600::1", "2a00:1450:4001::1"),
    *("2606:4700::6810:1", "3ffe:ffff::1", "3fff:1000::"),
)


def carriers(address: IPv4Address) -> list[IPv6Address]:
    """Each way in which IPv6 carries ``address``."""
    value = int(address)
    low = ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::", "2a00::5efe:0:0", "2a00::200:5efe:0:0")
    return [
        *(IPv6Address(int(IPv6Address(prefix)) | value) for prefix in low),
        IPv6Address(int(IPv6Address("fe80::100:5efe:0:0")) | value),
        IPv6Address(int(IPv6Address("2002::")) | value << 80),
        IPv6Address(int(IPv6Address("2002::1")) | value << 80),
        IPv6Address(int(IPv6Address("2001::")) | value << 64),
        IPv6Address(int(IPv6Address("2001::")) | value ^ 0xFFFFFFFF),
    ]


@pytest.mark.parametrize("text", IPV4 + IPV6)
def test_networks_are_refused_from_end_to_end(text: str) -> None:
    network = ip_network(text)
    for address in (network[0], network[1], network[network.num_addresses // 2], network[-2], network[-1]):
        assert refused(str(address), ())
        assert refused(address.exploded, ())


@pytest.mark.parametrize("address", NEIGHBOURS)
def test_their_neighbours_are_not(address: str) -> None:
    assert refused(address, ()) is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.2", "127.0.0.2 is loopback"),
        ("169.254.169.254", "169.254.169.254 is link-local"),
        ("::", ":: carries 0.0.0.0, which is this network itself"),
        ("::ffff:127.0.0.2", "::ffff:7f00:2 carries 127.0.0.2, which is loopback"),
        ("64:ff9b::a00:1", "64:ff9b::a00:1 carries 10.0.0.1, which is private"),
        ("2002:c0a8:101::1", "2002:c0a8:101::1 carries 192.168.1.1, which is private"),
        ("2001:0:5db8:d822::f5ff:fffe", "2001:0:5db8:d822::f5ff:fffe carries 10.0.0.1, which is private"),
        ("2a00::5efe:a9fe:a9fe", "2a00::5efe:a9fe:a9fe carries 169.254.169.254, which is link-local"),
        ("64:ff9b:1::808:808", "64:ff9b:1::808:808 is of a local translation to IPv4"),
        ("fd00::1", "fd00::1 is private"),
        ("2002:808:808::1", "2002:808:808::1 is 6to4, which is no longer in use"),
        ("4000::1", "4000::1 is reserved"),
        ("fe80::1%eth0", "fe80::1%eth0 has a zone"),
        ("2600::1%1", "2600::1%1 has a zone"),
        ("127.1", "'127.1' is no IP address"),
    ],
)
def test_the_reason_is_told(address: str, why: str) -> None:
    assert refused(address, ()) == why


@pytest.mark.parametrize(
    "address",
    ["::ffff:8.8.8.8", "64:ff9b::808:808", "2a00::5efe:808:808", "2a00::200:5efe:808:808"],
)
def test_a_public_address_that_is_carried(address: str) -> None:
    assert refused(address, ()) is None


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "localhost", "127.0.0.2 ", " 8.8.8.8", "8.8.8.8\n", "8.8.8.8.", "8.8.8", "134744072", "0x8080808"),
        *("010.8.8.8", "8.8.8.08", "8.8.8.8/32", "8.8.8.8:80", "[2600::1]", "2600::1::", "2600:::1", "８.8.8.8"),
        *("٨.8.8.8", "8。8.8.8", "8.8.8.8\x00", "2600::1%", "::ffff:010.8.8.8", "::ffff:8.8.8", "a" * 9_000),
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    assert refused(text, (IPv4Network("0.0.0.0/0"), IPv6Network("::/0")))


@pytest.mark.parametrize(
    ("address", "allow", "dialled"),
    [
        ("127.0.1.2", "127.0.1.0/24", True),
        ("127.0.0.2", "127.0.1.0/24", False),
        ("192.168.7.9", "192.168.7.9/32", True),
        ("192.168.7.8", "192.168.7.9/32", False),
        ("fd00::1", "fd00::/64", True),
        ("fd00:0:0:1::1", "fd00::/64", False),
        ("::1", "::1/128", True),
        ("::1", "127.0.0.0/8", False),
        ("127.0.0.1", "::1/128", False),
        ("fe80::1%eth0", "fe80::/10", False),
        # An IPv4 network opens no IPv6 address.
        ("::ffff:127.0.1.2", "127.0.1.0/24", False),
        ("64:ff9b::7f00:102", "127.0.1.0/24", False),
        ("2002:7f00:102::", "127.0.1.0/24", False),
        # Nor does an IPv6 network that does not say that it is about one.
        ("::ffff:127.0.1.2", "::/0", False),
        ("::ffff:127.0.1.2", "::/64", False),
        ("::1", "::/0", False),
        ("fd00::5efe:7f00:102", "fd00::/64", False),
        ("::ffff:127.0.1.2", "::ffff:127.0.1.0/120", True),
        ("::ffff:127.0.0.2", "::ffff:127.0.1.0/120", False),
        ("64:ff9b::a00:1", "64:ff9b::a00:0/104", True),
        ("64:ff9b:1::a00:1", "64:ff9b:1::/96", True),
        ("2002:a00:1::5", "2002:a00::/24", True),
        ("fd00::5efe:a00:1", "fd00::5efe:a00:0/104", True),
    ],
)
def test_what_a_listed_network_opens(address: str, allow: str, dialled: bool) -> None:
    assert (refused(address, (ip_network(allow),)) is None) is dialled


@given(st.ip_addresses(v=4))
def test_what_is_refused_is_refused_however_it_is_carried(address: IPv4Address) -> None:
    if refused(str(address), ()):
        for carrier in carriers(address):
            assert refused(str(carrier), ()), carrier
            assert refused(str(carrier), (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))), carrier


@given(st.sampled_from(IPV4).flatmap(lambda text: st.ip_addresses(v=4, network=text)))
def test_every_private_address_is_refused_however_it_is_carried(address: IPv4Address) -> None:
    for spelled in (address, *carriers(address)):
        assert refused(str(spelled), ())
        assert refused(str(spelled), (ip_network("198.51.0.0/22"), ip_network("fd12::/64")))


@given(st.one_of(st.ip_addresses(), st.sampled_from(IPV4 + IPV6).flatmap(lambda text: st.ip_addresses(network=text))))
def test_it_is_as_strict_as_the_standard_library(address: IPv4Address | IPv6Address) -> None:
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if not address.is_global or address.is_multicast or address.is_reserved:
        translated = isinstance(address, IPv6Address) and address in IPv6Network("64:ff9b::/96")
        assert refused(str(address), ()) or translated


@given(st.one_of(st.ip_addresses(), st.sampled_from(IPV4 + IPV6).flatmap(lambda text: st.ip_addresses(network=text))))
def test_an_address_opens_itself_and_no_other(address: IPv4Address | IPv6Address) -> None:
    allow: tuple[Network, ...] = (ip_network(address),)
    assert refused(str(address), allow) is None
    other = type(address)(int(address) ^ 1)
    assert refused(str(other), allow) == refused(str(other), ())


@given(st.one_of(st.text(), st.from_regex(r"[0-9a-fx.:%]{1,40}")))
def test_it_takes_any_text(text: str) -> None:
    why = refused(text, ())
    if why is None:
        assert ip_address(text)
