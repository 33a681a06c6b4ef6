"""Which addresses may be spoken to: push services in the world, and hosts that the operator names; nothing inside."""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from parlour.errors import Refusal
from parlour.notifications.models import LONGEST_ENDPOINT

HTTPS_PORT = 443
DEFAULT_PORTS = {"http": 80, "https": HTTPS_PORT}
# As names are spelt in the DNS (RFC 1123, and the underscore that some have); none ends with a dot here.
LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
NAME = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*")
# Names that lead nowhere in the world (RFC 6761, RFC 6762, RFC 9476).
INSIDE = ("localhost", "local", "internal", "localdomain", "home.arpa", "test", "invalid", "alt", "onion")
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

    def check(self, endpoint: str) -> str:
        """The endpoint with its service in the one spelling. Raises BadEndpoint for what no push service is called.

        Names are looked up when they are connected to.
        """
        plain = endpoint.isascii() and endpoint.isprintable() and " " not in endpoint and "\\" not in endpoint
        if not plain or len(endpoint) > LONGEST_ENDPOINT:
            raise BadEndpoint
        try:
            parts = urlsplit(endpoint)
            host, port = _place(parts)
        except ValueError as error:
            raise BadEndpoint from error
        if "@" in parts.netloc or parts.fragment or not (_is_address(host) or NAME.fullmatch(host)):
            raise BadEndpoint
        if not (self.excepts(host, port) and parts.scheme in DEFAULT_PORTS):
            may_lead_outside = is_public(host) if _is_number(host) else _may_be_public(host)
            if parts.scheme != "https" or port != HTTPS_PORT or not may_lead_outside:
                raise BadEndpoint
        rest = endpoint.partition("//")[2].removeprefix(parts.netloc)
        return f"{parts.scheme}://{_spelt(parts.scheme, host, port)}{rest}"

    def excepts(self, host: str, port: int) -> bool:
        """Whether the operator named this host and port."""
        return f"[{host}]:{port}" in self._hosts or f"{host}:{port}" in self._hosts


def service_of(endpoint: str) -> str:
    """The host and port of an endpoint; one of them has one spelling."""
    parts = urlsplit(endpoint)
    return _spelt("", *_place(parts))


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


def _place(parts: SplitResult) -> tuple[str, int]:
    """Host, in small letters, and port. Raises ValueError for a port that is no number."""
    port = DEFAULT_PORTS.get(parts.scheme, 0) if parts.port is None else parts.port
    return parts.hostname or "", port


def _spelt(scheme: str, host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return shown if port == DEFAULT_PORTS.get(scheme) else f"{shown}:{port}"


def _is_address(host: str) -> bool:
    try:
        return str(ip_address(host)) == host
    except ValueError:
        return False


def _is_number(host: str) -> bool:
    """Whether a host is no name: a bare or hexadecimal number is an address to some resolvers."""
    return ":" in host or host.rpartition(".")[2][:1].isdigit()


def _may_be_public(name: str) -> bool:
    """Whether a name may lead out of the house; a resolver completes one without a dot with a domain of ours."""
    return "." in name and not any(name.endswith(f".{inside}") for inside in INSIDE)
