"""veth pairs that somebody has put between the host and a container (pipework, CNI plugins, by hand): the container's files tell which.

`ip addr` numbers devices, and says of a veth which number its peer has: `v-alpha@if5` on the host and `eth0@if6` in the container.
"""

from __future__ import annotations

import re

from emu.importer.model import Device, Facts
from emu.importer.plan import Plan


def other_end(device: Device, facts: Facts) -> tuple[str, Device] | None:
    """The container and its device, if its files were collected."""
    for container, devices in facts.inner_devices.items():
        for inner in devices.values():
            if device.index and inner.peer == f"if{device.index}" and device.peer == f"if{inner.index}":
                return container, inner
    return None


def plan_wire(plan: Plan, facts: Facts, device: Device) -> bool:
    """Make the pair and what stands on it; False if its other end is in no container that is known."""
    found = other_end(device, facts)
    if found is None or found[0] not in plan.services or not re.fullmatch(r"[\w.-]+", found[0]):
        return False
    container, inner = found
    inside, pid = f"wire{device.index}", f"$(docker inspect -f '{{{{.State.Pid}}}}' {container})"
    source = device.source
    plan.type(source, "ip link add", device.name, *_mac(device), "type veth peer name", inside, *_mac(inner))
    plan.type(source, "ip link set", inside, "netns", pid, "name", inner.name)
    within = f"nsenter -t {pid} -n ip"
    for end, ip in ((device, "ip"), (inner, within)):
        if end.mtu != 1500:
            plan.type(end.source, ip, "link set", end.name, "mtu", str(end.mtu))
        for each in end.addresses:
            plan.type(each.source, ip, "addr add", each.text, "dev", end.name)
        if "UP" in end.flags:
            plan.type(end.source, ip, "link set", end.name, "up")
    for route in facts.inner_routes.get(container, ()):
        if route.dev == inner.name and not route.made_by_kernel and route.table == "main":
            plan.type(route.source, within, "route add", *route.words)
    return True


def _mac(device: Device) -> list[str]:
    return ["address", device.mac] if device.mac else []
