"""Machines that rules name, in networks of the host's own (containers, virtual machines), and of whom no file tells.

Nobody is there in the lab: what the rules let through to them is not answered, and whoever sees that should know why.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Interface, IPv4Network

from emu.importer.containers import Container
from emu.importer.devices import kind_of
from emu.importer.model import Facts, File, within
from emu.importer.plan import Plan
from emu.topology.source import Source

NAMED = re.compile(r"(?:-s|-d|--to-destination) ([0-9.]+)(?:/32)?(?=[ :]|$)")
TURNED_TO = re.compile(r"--to-destination ([0-9.]+)")
SHOWN = 4  # addresses that a remark on many of them names


def tell_strangers(file: File, plan: Plan, facts: Facts, containers: list[Container]) -> None:
    networks, known = _inside(file, plan, facts), _known(facts, containers)
    named: dict[str, Source] = {}
    for number, line in enumerate(file.text.splitlines(), 1):
        for text in NAMED.findall(line):
            if text not in known and any(within(text, network) for network in networks):
                named.setdefault(text, file.at(number))
    if named:
        who = f"{', '.join(list(named)[:SHOWN])}{f' and {len(named) - SHOWN} more' if len(named) > SHOWN else ''}"
        text = f"rules name {who}, of whom no file tells (`docker inspect` would): nobody is there to answer"
        facts.remark(next(iter(named.values())), text, tuple(f"{source}: {address}" for address, source in named.items()))


def _inside(file: File, plan: Plan, facts: Facts) -> list[IPv4Network]:
    """The networks of bridges without a network card; where no file tells of devices, whomever packets are turned to."""
    if facts.devices is None:
        return [IPv4Network(text) for text in TURNED_TO.findall(file.text) if within(text, IPv4Network("0.0.0.0/0"))]
    devices = facts.devices.values()
    outer = {device.master for device in devices if device.name in plan.interfaces}
    bridges = [device for device in devices if kind_of(device, facts) == "bridge" and device.name not in outer]
    return [IPv4Interface(each.text).network for bridge in bridges for each in bridge.addresses]


def _known(facts: Facts, containers: list[Container]) -> set[str]:
    inner = [device for devices in facts.inner_devices.values() for device in devices.values()]
    own = {each.text.partition("/")[0] for device in [*(facts.devices or {}).values(), *inner] for each in device.addresses}
    return own | {place.ip for container in containers for place in container.places.values()}
