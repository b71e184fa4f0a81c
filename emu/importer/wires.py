"""veth pairs that somebody has made: between the host and a container (pipework, CNI plugins, by hand), or within the host.

`ip addr` numbers devices, and says of a veth which number its peer has: `v-alpha@if5` on the host and `eth0@if6` in the container; in the
same namespace it names the peer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from emu.importer.model import Device, Facts
from emu.importer.plan import Plan, with_mac


def other_end(device: Device, devices: Mapping[str, Device] | None) -> Device | None:
    """The peer in the same namespace."""
    peer = (devices or {}).get(device.peer)
    return peer if peer is not None and peer.peer == device.name else None


def plan_wire(plan: Plan, facts: Facts, device: Device) -> bool:
    """Make the pair and what stands on it; False if no file tells of its other end."""
    peer = other_end(device, facts.devices)
    if peer is not None:
        plan.make(device, "type veth peer name", peer.name, *with_mac(peer))
        plan.made.add(peer.name)
        plan.configure(peer)
        return True
    found = _inner_end(device, facts)
    if found is None or found[0] not in plan.services or not re.fullmatch(r"[\w.-]+", found[0]):
        return False
    _plan_wire_into(plan, device, *found)
    return True


def _inner_end(device: Device, facts: Facts) -> tuple[str, Device] | None:
    """The container and its device, if its files were collected."""
    for container, devices in facts.inner_devices.items():
        for inner in devices.values():
            if device.index and inner.peer == f"if{device.index}" and device.peer == f"if{inner.index}":
                return container, inner
    return None


def _plan_wire_into(plan: Plan, device: Device, container: str, inner: Device) -> None:
    inside, pid = f"wire{device.index}", f"$(docker inspect -f '{{{{.State.Pid}}}}' {container})"
    plan.make(device, "type veth peer name", inside, *with_mac(inner))
    plan.type(device.source, "ip link set", inside, "netns", pid, "name", inner.name)
    plan.configure(inner, f"nsenter -t {pid} -n ip")
    plan.wired.add((container, inner.name))
