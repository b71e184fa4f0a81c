"""`docker network create` (docker/cli command/network/create.go)."""

from __future__ import annotations

from emu.docker.ipam import Prefix
from emu.docker.model import IpamConfig, NetworkConfig
from emu.packet import address
from emu.process import Process, UsageError
from emu.programs.docker.engine import engine_of
from emu.programs.docker.options import Command, Options

CREATE = Command("docker network create", "[OPTIONS] NETWORK", "Create a network", 1, 1, flags="""
--attachable  Enable manual container attachment
--aux-address map  Auxiliary IPv4 or IPv6 addresses used by Network driver (default map[])
--config-from string  The network from which to copy the configuration
--config-only  Create a configuration only network
-d, --driver string  Driver to manage the Network (default "bridge")
--gateway strings  IPv4 or IPv6 Gateway for the master subnet
--ingress  Create swarm routing-mesh network
--internal  Restrict external access to the network
--ip-range strings  Allocate container ip from a sub-range
--ipam-driver string  IP Address Management Driver (default "default")
--ipam-opt map  Set IPAM driver specific options (default map[])
--ipv6  Enable IPv6 networking
--label list  Set metadata on a network
-o, --opt map  Set driver specific options (default map[])
--scope string  Control the network's scope
--subnet strings  Subnet in CIDR format that represents a network segment""",
refused=("ipv6", "ipam-driver", "ipam-opt", "ingress", "scope", "config-only", "config-from"))  # fmt: skip


async def create(process: Process, options: Options) -> int:
    for entry in options.all("label"):
        if not entry.partition("=")[0]:
            raise options.wrong("label", entry, f"invalid label '{entry}': empty name")
    config = NetworkConfig(
        driver=options.text("driver", "bridge"),
        ipam=_ipam(options),
        options=dict(_option(entry) for entry in options.all("opt")),
        labels=dict(entry.partition("=")[::2] for entry in options.all("label")),
        internal=options.on("internal"),
        attachable=options.on("attachable"),
    )
    process.print(engine_of(process).networks.create(options.arguments[0], config).id)
    return 0


def _option(entry: str) -> tuple[str, str]:
    key, _, value = entry.partition("=")
    return key, value


def _ipam(options: Options) -> tuple[IpamConfig, ...]:
    """Each range, gateway and auxiliary address goes to the subnet that holds it: consolidateIpam, with its words."""
    subnets, ranges, gateways = options.all("subnet"), options.all("ip-range"), options.all("gateway")
    if len(subnets) < len(ranges) or len(subnets) < len(gateways):
        raise UsageError("every ip-range or gateway must have a corresponding subnet")
    parsed = {text: _parsed(text) for text in subnets}
    known = [prefix for prefix in parsed.values() if prefix is not None]
    if any(one.overlaps(other) for place, one in enumerate(known) for other in known[:place]):
        raise UsageError("multiple overlapping subnet configuration is not supported")
    chosen: dict[str, dict[str, str]] = {text: {} for text in subnets}
    aux: dict[str, list[tuple[str, str]]] = {text: [] for text in subnets}
    for text in ranges:
        part = _parsed(text)
        _put(chosen, _holder(parsed, part.base if part else None, f"no matching subnet for range {text}"), "range", text)
    for text in gateways:
        _put(chosen, _holder(parsed, _address(text), f"no matching subnet for gateway {text}"), "gateway", text)
    for entry in options.all("aux-address"):
        name, _, text = entry.partition("=")
        aux[_holder(parsed, _address(text), f"no matching subnet for aux-address {text}")].append((name, text))
    return tuple(IpamConfig(text, chosen[text].get("range", ""), chosen[text].get("gateway", ""), tuple(aux[text])) for text in subnets)


def _holder(subnets: dict[str, Prefix | None], ip: bytes | None, wrong: str) -> str:
    for text, subnet in subnets.items():
        if subnet is not None and ip is not None and subnet.contains(ip):
            return text
    raise UsageError(wrong)


def _put(chosen: dict[str, dict[str, str]], subnet: str, what: str, text: str) -> None:
    other = chosen[subnet].get(what)
    if other is not None:
        raise UsageError(f"cannot configure multiple {what}s ({text}, {other}) on the same subnet ({subnet})")
    chosen[subnet][what] = text


def _parsed(text: str) -> Prefix | None:
    """None: the daemon will say what is wrong with it."""
    try:
        return Prefix.parse(text)
    except ValueError:
        return None


def _address(text: str) -> bytes | None:
    try:
        return address.ip(text)
    except ValueError:
        return None


COMMANDS = {"network create": (CREATE, create)}
