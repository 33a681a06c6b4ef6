"""Which addresses may be spoken to: push services in the world, and hosts that the operator names; nothing inside."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from parlour.errors import Refusal
from parlour.notifications.models import LONGEST_ENDPOINT

HTTPS_PORT = 443
DEFAULT_PORTS = {"http": 80, "https": HTTPS_PORT}
# An IPv4 address stands in the last 32 bits of these; what is behind it is judged.
CARRY_IPV4 = tuple(map(IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
# Tunnels, and translation of a network's own: nobody can say from here where they lead.
NEVER = tuple(map(IPv6Network, ("64:ff9b:1::/48", "2001::/32", "2002::/16", "fec0::/10", "5f00::/16")))


class BadEndpoint(Refusal):
    """What a browser gave is no address of a push service."""

    sentence = "This browser named a push service that cannot be used here."


class Reachable:
    """The rule, with the hosts that the operator excepts from it."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        """`hosts` are written `push.example.org:8443`; these may be private, and plain http."""
        self._hosts = {host.lower() for host in hosts}

    def check(self, endpoint: str) -> None:
        """Raises BadEndpoint for what no push service is called. Names are looked up when they are connected to."""
        try:
            parts = urlsplit(endpoint)
            host, port = parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)
        except ValueError as error:
            raise BadEndpoint from error
        plain = endpoint.isascii() and endpoint.isprintable() and " " not in endpoint and "\\" not in endpoint
        if not plain or len(endpoint) > LONGEST_ENDPOINT or not host or "@" in parts.netloc or parts.fragment:
            raise BadEndpoint
        if self.excepts(host, port) and parts.scheme in DEFAULT_PORTS:
            return
        if parts.scheme != "https" or port != HTTPS_PORT or (_is_number(host) and not is_public(host)):
            raise BadEndpoint

    def excepts(self, host: str, port: int) -> bool:
        """Whether the operator named this host and port."""
        return f"[{host}]:{port}" in self._hosts or f"{host}:{port}" in self._hosts


def is_public(address: str) -> bool:
    """Whether an address, in numbers, belongs to the world. A name is not one."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if any(found in network for network in NEVER):
            return False
        if any(found in network for network in CARRY_IPV4):
            found = IPv4Address(int(found) & 0xFFFF_FFFF)
    return found.is_global and not found.is_multicast and not found.is_reserved


def _is_number(host: str) -> bool:
    """Whether a host is no name: a bare or hexadecimal number is an address to some resolvers."""
    return ":" in host or host.rpartition(".")[2][:1].isdigit()
