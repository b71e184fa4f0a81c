"""Where a probe goes from and to, by name or address; what is not there is told with what is near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.errors import EmuError, did_you_mean
from emu.packet.address import ANY, Ip, ip_text

if TYPE_CHECKING:
    from emu.lab import Lab
    from emu.netns.namespace import Netns


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a probe comes from: a namespace, and the address that it is sent from if that was said."""

    name: str
    netns: Netns
    address: Ip = ANY


@dataclass(frozen=True, slots=True)
class Target:
    """Where a probe goes. `netns` is None for an address that no place has."""

    name: str
    address: Ip
    netns: Netns | None = None
    port: int = 0
    protocol: str = "icmp"

    def __str__(self) -> str:
        address = ip_text(self.address)
        to = f"{self.name} ({address})" if self.name != address else address
        return f"{to}, {'ICMP echo' if self.protocol == 'icmp' else f'{self.protocol.upper()} port {self.port}'}"


def find_origin(lab: Lab, text: str) -> Origin:
    """A host or container, a named namespace, or an address that one of them has. Raises EmuError with the near ones."""
    name, netns, address = _find(lab, text)
    owners = addresses(lab).get(text, [])
    if len(owners) > 1:
        raise EmuError(f"{text} is an address of {' and '.join(sorted(owner.name for owner in owners))}: which one?")
    if netns is None:
        raise EmuError(f"no place of the lab has the address {text}{did_you_mean(text, addresses(lab))}")
    return Origin(name, netns, address)


def find_target(lab: Lab, text: str, origin: Origin) -> Target:
    """`PLACE`, `PLACE:PORT`, `PLACE:PORT/udp`, or an address in the place's stead. Raises EmuError with the near ones."""
    where, colon, service = text.partition(":")
    if ":" in service:
        raise EmuError(f"'{text}' is not PLACE, PLACE:PORT or PLACE:PORT/udp; IPv6 is not modelled")
    name, netns, address = _find(lab, where)
    if netns is not None and address == ANY:
        address = _address_of(lab, netns, name, origin)
    elif address == ANY:
        raise EmuError(f"{where} is no address that a probe can go to")
    elif origin.netns.is_local(address):  # 127.0.0.1, or one that several places have
        name, netns = origin.name, origin.netns
    if not colon:
        return Target(name, address, netns)
    port, _, protocol = service.partition("/")
    if protocol not in ("", "tcp", "udp"):
        raise EmuError(f"'{text}': '{protocol}' is no protocol that a port has{did_you_mean(protocol, ('tcp', 'udp'))}")
    return Target(name, address, netns, _port(port, protocol or "tcp", netns), protocol or "tcp")


def _find(lab: Lab, text: str) -> tuple[str, Netns | None, Ip]:
    """Name, namespace and, if `text` is one, the address."""
    named = lab.namespaces() | {name: place.netns for name, place in lab.places().items()}
    short = [text] if text in named else [name for name in named if name.rpartition("/")[2] == text]
    if len(short) == 1:
        place = lab.places().get(short[0])
        if place is not None and place.container is not None and not place.container.running:
            raise EmuError(f"container '{short[0]}' is not running")
        return short[0], named[short[0]], ANY
    if len(short) > 1:
        raise EmuError(f"'{text}' may be {' or '.join(sorted(short))}")
    address = _ip(text)
    if address is None:
        looks_like = addresses(lab) if text[:1].isdigit() else {}
        raise EmuError(
            f"no host or container '{text}'{did_you_mean(text, {*named, *(name.rpartition('/')[2] for name in named), *looks_like})}"
        )
    owners = addresses(lab).get(text, [])
    return text, owners[0] if len(owners) == 1 else None, address


def _ip(text: str) -> Ip | None:
    parts = text.split(".")
    if len(parts) != 4 or not all(part.isdigit() and len(part) < 4 and int(part) < 256 for part in parts):
        return None
    return Ip(bytes(map(int, parts)))


def addresses(lab: Lab) -> dict[str, list[Netns]]:
    """All addresses but those of loopback devices, with the namespaces that have them."""
    found: dict[str, list[Netns]] = {}
    for netns in lab.namespaces().values():
        for mine in netns.all_addresses():
            if mine.scope != "host" and netns not in found.setdefault(ip_text(mine.ip), []):
                found[ip_text(mine.ip)].append(netns)
    return found


def _address_of(lab: Lab, netns: Netns, name: str, origin: Origin) -> Ip:
    """One that no other place has, in a network that the origin is in too; else the first."""
    own = [mine.ip for mine in netns.all_addresses() if mine.scope != "host"]
    if not own:
        if netns is origin.netns:
            return Ip(b"\x7f\x00\x00\x01")
        raise EmuError(f"{name} has no address")

    def far(address: Ip) -> tuple[bool, bool]:
        route = origin.netns.fib.lookup(address)
        return len(owners[ip_text(address)]) > 1, route is None or route.via is not None

    owners = addresses(lab)
    return min(own, key=far)


def _port(text: str, protocol: str, netns: Netns | None) -> int:
    from emu.programs.libc.services import service_port

    number = int(text) if text.isdigit() else service_port(protocol, text)
    if number is None or not 0 < number < 65536:
        near = did_you_mean(text, map(str, _open_ports(netns, protocol))) if netns is not None else ""
        raise EmuError(f"'{text}' is no {protocol.upper()} port (1 to 65535, or a service's name){near}")
    return number


def listening(netns: Netns, protocol: str) -> list[str]:
    """`80`, or `127.0.0.1:8080` where it is not on every address."""
    udp = ((sock.local_ip, port) for port, sockets in netns.udp.ports.items() for sock in sockets)
    bound = sorted((port, address) for address, port in (netns.tcp.listeners if protocol == "tcp" else udp))
    return list(dict.fromkeys(str(port) if address == ANY else f"{ip_text(address)}:{port}" for port, address in bound))


def _open_ports(netns: Netns, protocol: str) -> list[int]:
    return sorted({port for _, port in netns.tcp.listeners} if protocol == "tcp" else netns.udp.ports)
