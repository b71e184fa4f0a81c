"""pipework(1), the shell script that plugs a container into a bridge, an Open vSwitch or the LAN, done step by step by the same programs.

    pipework br1 -i eth1 web 192.168.60.101/24@192.168.60.1 02:00:00:00:61:01
    pipework eth0 web 192.168.60.101/24          a macvlan of a physical interface
    pipework route web add 10.5.0.0/16 via 192.168.60.1

Not modelled: DHCP, `rule`, `tc`, VLANs, InfiniBand, MAC addresses of a hash (`U:…`), LXC guests, `mac:…` as interface, IPv6.
"""

from __future__ import annotations

from dataclasses import dataclass

from emu.netdev.bridge import Bridge
from emu.pipe import Pipe
from emu.process import Process, UsageError

PIDS = 3  # how often docker is asked for a container's process
SYNTAX = """Syntax:
pipework <hostinterface> [-i containerinterface] [-l localinterfacename] [-a addressfamily] <guest> \
<ipaddr>/<subnet>[@default_gateway] [macaddr][@vlan]
pipework <hostinterface> [-i containerinterface] [-l localinterfacename] <guest> dhcp [macaddr][@vlan]
pipework route <guest> <route_command>
pipework rule <guest> <rule_command>
pipework tc <guest> <tc_command>
pipework --wait [-i containerinterface]"""
DHCP = ("dhcp", "udhcpc", "udhcpc-f", "dhcpcd", "dhclient", "dhclient-f")


@dataclass
class Asked:
    """What a command line says. `kind` is that of the first word: bridge, openvswitch, phys, dummy, route."""

    host_interface: str
    kind: str
    inside: str
    local: str
    guest: str
    address: str
    gateway: str
    mac: str
    rest: list[str]


class Failed(Exception):
    """A command of the script has failed (`set -e`), having said why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def main(process: Process, argv: list[str]) -> int:
    words = argv[1:]
    if words[:1] == ["--wait"]:
        return await _wait(process, words[1:])
    if words[:1] == ["--direct-phys"]:
        raise _refused("--direct-phys")
    try:
        asked = await _read(process, words)
        pid = await _pid(process, asked.guest)
        link = f"/var/run/netns/{pid}"
        await _run(process, f"mkdir -p /var/run/netns; rm -f {link}; ln -s /proc/{pid}/ns/net {link}")
        try:
            await _plug(process, asked, pid)
        except Failed:
            return 1  # the link stays, as the script leaves it
        await _run(process, f"rm -f {link}")
    except Failed as failed:
        return failed.status
    return 0


def _refused(what: str) -> UsageError:
    return UsageError(f"pipework: {what} is not modelled", 1)


# --- the command line


async def _read(process: Process, words: list[str]) -> Asked:
    interface, rest = words[0] if words else "", words[1:]
    options = {"-i": "", "-l": "", "-a": "inet"}
    for option in options:  # in this order only, as the script takes them
        if rest[:1] == [option]:
            options[option], rest = "".join(rest[1:2]), rest[2:]
    if options["-a"] not in {"inet", "4"}:
        raise _refused(f"-a {options['-a']}")
    guest, address, mac = (*rest, "", "", "")[:3]
    if not address:
        process.print(SYNTAX)
        raise Failed(1)
    kind = await _kind(process, interface)
    mac, at, vlan = mac.partition("@")
    if at and vlan and kind == "bridge":
        raise UsageError("VLAN configuration currently unsupported for Linux bridge.", 1)
    if at or mac.startswith("U:"):
        raise _refused(f"VLAN {vlan}" if at else mac)
    gateway = ""
    if kind != "route":
        address, gateway = _address(address)
    return Asked(interface, kind, options["-i"] or "eth1", options["-l"], guest, address, gateway, mac, rest[1:])


def _address(text: str) -> tuple[str, str]:
    """`ADDRESS/LENGTH[@GATEWAY]`."""
    if text.partition(":")[0] in DHCP:
        raise _refused(text.partition(":")[0])
    if "/" not in text:
        raise UsageError(f"The IP address should include a netmask.\nMaybe you meant {text}/24 ?", 1)
    address, _, gateway = text.partition("@")
    return address, gateway.partition("@")[0]


async def _kind(process: Process, interface: str) -> str:
    """What the first word is: an interface that is there, or one that its name tells how to make."""
    dev = process.netns.devices.get(interface)
    if isinstance(dev, Bridge):
        return "bridge"
    if dev is not None:
        return "openvswitch" if interface in (await _output(process, "ovs-vsctl list-br")).split() else "phys"
    for beginning in ("rule", "tc"):
        if interface.startswith(beginning):
            raise _refused(beginning)
    kinds = {"br": "bridge", "ovs": "openvswitch", "route": "route", "dummy": "dummy"}
    found = next((kind for beginning, kind in kinds.items() if interface.startswith(beginning)), "")
    if not found:
        raise UsageError(f"I do not know how to setup interface {interface}.", 1)
    return found


async def _pid(process: Process, guest: str) -> str:
    """The container's first process, as docker tells it."""
    if process.host is None or process.host.docker is None:
        raise UsageError(f"Container {guest} not found, and Docker not installed.", 1)
    pid = "0"
    for _ in range(PIDS):
        pid = (await _output(process, f"docker inspect --format='{{{{ .State.Pid }}}}' {guest}")).strip()
        if pid != "0":
            break
        await process.sleep(1)
    if pid == "0":
        raise UsageError("Docker inspect returned invalid PID 0", 1)
    return pid


async def _wait(process: Process, words: list[str]) -> int:
    """Until the interface is up, asked for every second."""
    name = words[1] if words[:1] == ["-i"] and len(words) > 1 else "eth1"
    while not ((dev := process.netns.devices.get(name)) is not None and dev.up and dev.carrier):
        await process.sleep(1)
    return 0


# --- what the script does


async def _plug(process: Process, asked: Asked, pid: str) -> None:
    inside = f"ip netns exec {pid}"
    if asked.kind == "route":
        return await _run(process, f"{inside} ip route {' '.join(asked.rest)}")
    guest_end = await _make(process, asked, pid)
    await _run(process, f"ip link set {guest_end} netns {pid}")
    await _run(process, f"{inside} ip link set {guest_end} name {asked.inside}")
    if asked.mac:
        await _run(process, f"{inside} ip link set dev {asked.inside} address {asked.mac}")
    await _run(process, f"{inside} ip addr add {asked.address} dev {asked.inside}")
    if asked.gateway:
        await _run(process, f"{inside} ip route delete default >/dev/null 2>&1 || true")
    await _run(process, f"{inside} ip link set {asked.inside} up")
    if asked.gateway:
        neighbour = f"{inside} ip route add {asked.gateway}/32 dev {asked.inside}"
        await _run(process, f"{inside} ip route get {asked.gateway} >/dev/null 2>&1 || {neighbour}")
        await _run(process, f"{inside} ip route replace default via {asked.gateway} dev {asked.inside}")
    plain = asked.address.partition("/")[0]
    await _run(process, f"{inside} arping -c 1 -A -I {asked.inside} {plain} >/dev/null 2>&1 || true")


async def _make(process: Process, asked: Asked, pid: str) -> str:
    """The new interface, still on the host; its name there."""
    name = asked.host_interface
    if asked.kind == "dummy":
        await _run(process, f"ip link add dev du{pid}{asked.inside} type dummy")
        return f"du{pid}{asked.inside}"
    if name not in process.netns.devices:
        made = f"ip link add dev {name} type bridge && ip link set {name} up"
        await _run(process, made if asked.kind == "bridge" else f"ovs-vsctl add-br {name}")
    mtu = process.netns.devices[name].mtu
    if asked.kind == "phys":
        guest_end = f"ph{pid}{asked.inside}"
        await _run(process, f"ip link add link {name} dev {guest_end} mtu {mtu} type macvlan mode bridge; ip link set {name} up")
        return guest_end
    local, guest_end = asked.local or f"v{asked.inside}pl{pid}", f"v{asked.inside}pg{pid}"
    there = process.netns.devices.get(local)
    if there is not None and there.up:
        process.print(f"Link {local} exists and is up")
        raise Failed(1)
    if there is not None:
        await _run(process, f"ip link del {local}")
    await _run(process, f"ip link add name {local} mtu {mtu} type veth peer name {guest_end} mtu {mtu}")
    await _run(
        process, f"ip link set {local} master {name}" if asked.kind == "bridge" else f"ovs-vsctl --may-exist add-port {name} {local}"
    )
    await _run(process, f"ip link set {local} up")
    return guest_end


# --- other programs


async def _run(process: Process, line: str) -> None:
    """A line of the script. Raises Failed as `set -e` ends it."""
    status = await process.run(["sh", "-c", line])
    if status:
        raise Failed(status)


async def _output(process: Process, line: str) -> str:
    """What a line prints, `$(…)`."""
    child = process.place.start(["sh", "-c", line], env=process.env, stdin=Pipe(process.engine, "", ended=True), on_error=process.put_error)
    status = await process.follow(child)
    if status:
        raise Failed(status)
    return child.stdout
