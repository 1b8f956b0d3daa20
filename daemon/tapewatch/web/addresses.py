"""Where a request comes from."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope


def peer_of(scope: Scope) -> str | None:
    """The address at the other end of the connection."""
    client = scope.get("client")
    return client[0] if client else None


def parsed(address: str) -> IPv4Address | IPv6Address | None:
    """As numbers; an IPv4 address that a socket of both has written as one of IPv6 is one of IPv4. None: it is none."""
    try:
        found = ip_address(address)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def is_loopback(address: str) -> bool:
    """Whether it is of this machine alone."""
    found = parsed(address)
    return found is not None and found.is_loopback
