"""What stands in containers beside what Docker puts there: routes and further addresses are typed in them; other devices are told of.

Not modelled: a default route that is not the one that Docker made.
"""

from __future__ import annotations

import re

from emu.importer.containers import Container
from emu.importer.devices import HIDDEN, comes_with_address
from emu.importer.model import Device, Facts
from emu.importer.plan import Plan


def plan_inside(plan: Plan, facts: Facts, container: Container) -> None:
    if container.mode == "host" or container.mode.startswith("container:") or not re.fullmatch(r"[\w.-]+", container.name):
        return  # another one's files tell of it
    ips = {place.ip for place in container.places.values()}
    for device in facts.inner_devices.get(container.name, {}).values():
        wired = (container.name, device.name) in plan.wired
        if wired or any(each.text.partition("/")[0] in ips for each in device.addresses):
            _plan_device(plan, facts, container.name, device, wired=wired, ips=ips)
        elif device.name != "lo" and not (device.name in HIDDEN and "UP" not in device.flags):
            shown = f" with {', '.join(each.text for each in device.addresses)}" if device.addresses else ""
            facts.remark(device.source, f"container '{container.name}': {device.name}{shown} is left out: it is not Docker's")


def _plan_device(plan: Plan, facts: Facts, container: str, device: Device, *, wired: bool, ips: set[str]) -> None:
    within = f"nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {container}) -n ip"
    for each in device.addresses:
        if not wired and each.text.partition("/")[0] not in ips:
            plan.type(each.source, within, "addr add", each.text, "dev", device.name)
    for route in facts.inner_routes.get(container, ()):
        own = comes_with_address(route, facts.inner_devices[container]) or (route.words[0] == "default" and not wired)
        if route.dev == device.name and route.table == "main" and not own:
            plan.type(route.source, within, "route add", *route.words)
