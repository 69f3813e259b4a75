"""Which IP addresses are public: every range that IANA sets aside for another use is not."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# Spelled out, because the standard library's `is_global` changes between Python versions.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # the Azure host that serves virtual machines
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # IETF protocols
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
# IANA assigns global unicast only from here.
_GLOBAL_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # IETF protocols, Teredo tunnels, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4 tunnels, which lead to any IPv4 address
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public Internet; one with a zone does not."""
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return _is_public_4(ip)
    inner = _inner(ip)
    return _is_public_4(inner) if inner else _is_public_6(ip)


def _is_public_4(ip: IPv4Address) -> bool:
    return not any(ip in network for network in _NOT_PUBLIC_4)


def _is_public_6(ip: IPv6Address) -> bool:
    return (
        ip.scope_id is None
        and ip in _GLOBAL_6
        and not any(ip in network for network in _NOT_PUBLIC_6)
    )


def _inner(ip: IPv6Address) -> IPv4Address | None:
    """Find the IPv4 address that is actually reached: networks without IPv4 map every host so."""
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped
