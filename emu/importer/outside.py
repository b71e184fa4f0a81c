"""The LANs that a host's network cards are on, and the client on the one that leads out. No file tells of them, but for the subnets."""

from __future__ import annotations

import re
from ipaddress import IPv4Interface, IPv4Network
from typing import Any

from emu.importer.model import Address, Device, Facts, Route, within
from emu.importer.plan import Plan
from emu.topology.source import NOWHERE, Source

ELSEWHERE = "198.51.100.1/24"  # of a client for whom the LAN has no address; TEST-NET-2
EVERYWHERE = IPv4Network("0.0.0.0/0")
NO_DEVICE = Device("", NOWHERE)


def outside(plan: Plan, facts: Facts) -> tuple[str, Address | None]:
    """The network card that leads out, and the address of the subnet that is outside: its own, or that of the bridge it is in."""
    default = [route for route in facts.routes or () if route.words[0] == "default" and route.table == "main" and route.dev]
    default.sort(key=_metric)
    ways = [route.dev for route in default]
    devices = facts.devices or {}
    if ways and ways[0] in devices and ways[0] not in plan.interfaces and not _ports(ways[0], plan, facts):
        facts.remark(default[0].source, f"the way out is through {ways[0]}, which is left out: the client is elsewhere")
    for dev in [*ways, *plan.interfaces]:
        inside = _ports(dev, plan, facts)
        if dev in plan.interfaces or inside:
            address = devices[dev].addresses[0] if dev in devices and devices[dev].addresses else None
            assumed = plan.interfaces.get(dev, {}).get("address")
            if address is not None or assumed:
                return (dev if dev in plan.interfaces else inside[0]), address or Address(str(assumed), NOWHERE)
    return next(iter(plan.interfaces)), None


def _ports(bridge: str, plan: Plan, facts: Facts) -> list[str]:
    """Network cards in a bridge."""
    return [name for name in plan.interfaces if (facts.devices or {}).get(name, NO_DEVICE).master == bridge]


def _metric(route: Route) -> int:
    text = route.after("metric")
    return int(text) if re.fullmatch(r"[0-9]{1,10}", text) else 0


def plan_lans(plan: Plan, facts: Facts) -> None:
    """A LAN for each network card, one for those of the same subnet; and the client on the one that leads out."""
    card, address = outside(plan, facts)
    names = {card: "lan"}
    for name in plan.interfaces:
        same = next((other for other in names if _subnets(plan, name) & _subnets(plan, other)), None)
        names.setdefault(name, names[same] if same is not None else f"lan-{name}".replace(".", "-"))
    for name, described in plan.interfaces.items():
        described["lan"] = names[name]
        lan = plan.lans.setdefault(names[name], {})
        subnets = _subnets(plan, name)
        if len(subnets) == 1:
            lan.setdefault("subnet", str(next(iter(subnets))))
        if int(described.get("mtu", 1500)) > 1500:
            lan["mtu"] = max(int(described["mtu"]), lan.get("mtu", 1500))
    reached = address is not None
    if address is None:
        address = Address("192.0.2.1/24", NOWHERE)
        facts.remark(Source(card, 0), "has no address: the client has one that is made up, and reaches nothing without a route")
    plan.lans["lan"]["subnet"] = str(IPv4Interface(address.text).network)
    if any(not subnet.subnet_of(IPv4Interface(address.text).network) for subnet in _subnets(plan, card)):
        del plan.lans["lan"]["subnet"]
    host, client = address.text.partition("/")[0], _free(address, plan, facts)
    own: dict[str, Any] = {"lan": "lan", "address": client or ELSEWHERE}
    plan.client = {"interfaces": {"eth0": own}}
    if reached:  # whom the host lets it through to is seen, too
        plan.client["routes"] = [f"default via {host}"] if client else [f"default via {host} dev eth0 onlink"]
    if client is None:
        plan.lans["lan"].pop("subnet", None)
        routers = [route.after("via") for route in facts.routes or () if route.words[0] == "default"]
        router = next((each for each in routers if within(each, EVERYWHERE)), "")
        if router:  # then the host's answers come, and the client is as far outside as can be
            own["address"] = [ELSEWHERE, f"{router}/32"]
        who = f"is at {ELSEWHERE.partition('/')[0]}{f', and is the router {router} too' if router else ''}"
        facts.remark(address.source, f"no address of {IPv4Interface(address.text).network} is free for the client, which {who}")


def _subnets(plan: Plan, name: str) -> set[IPv4Network]:
    addresses = plan.interfaces[name].get("address", [])
    return {IPv4Interface(each).network for each in ([addresses] if isinstance(addresses, str) else addresses)}


def _free(address: Address, plan: Plan, facts: Facts) -> str | None:
    """The highest of the subnet that nobody is known to have."""
    network = IPv4Network(IPv4Interface(address.text).network)
    taken = {each.text.partition("/")[0] for device in (facts.devices or {}).values() for each in device.addresses}
    taken |= {each.address for each in facts.neighbours} | {address.text.partition("/")[0]}
    taken |= {route.after("via") for route in facts.routes or ()}
    taken |= {str(place["ipv4_address"]) for service in plan.services.values() for place in service.get("networks", {}).values() if place}
    for number in range(int(network.broadcast_address) - (network.prefixlen < 31), int(network.network_address), -1):
        text = str(IPv4Network(number).network_address)
        if text not in taken:
            return f"{text}/{network.prefixlen}"
    return None
