"""From a topology's description to live hosts: what an administrator would have typed, run as programs before the first step."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from emu.docker.compose import compose_up
from emu.errors import EmuError
from emu.host import Host
from emu.netdev.cable import DELAY_NS, LanSegment
from emu.netdev.nic import Nic
from emu.packet.address import Mac, broadcast, mac, prefix
from emu.topology.build_flannel import start_flannel
from emu.topology.build_swarm import form_swarm
from emu.topology.spec import HostSpec, InterfaceSpec, Topology

if TYPE_CHECKING:
    from emu.engine import Engine
    from emu.lab import Lab


def build(lab: Lab) -> None:
    """Make segments and hosts, configure them, start Docker and what compose says. Raises EmuError with file and line."""
    topology = lab.topology
    for spec in topology.lans.values():
        lab.segments[spec.name] = LanSegment(
            lab.engine,
            spec.name,
            delay_ns=DELAY_NS if spec.delay_ns is None else spec.delay_ns,
            rate_bps=spec.rate_bps,
            loss=spec.loss,
            queue=spec.queue,
        )
    for host_spec in topology.hosts.values():
        lab.add_host(Host(lab.engine, host_spec.name, lab.find_program))
    for host_spec in topology.hosts.values():
        _plug(lab, topology, host_spec)
    for host_spec in topology.hosts.values():
        _configure(lab, host_spec)
    subnets = start_flannel(lab)
    for host_spec in topology.hosts.values():
        if host_spec.docker is not None:
            lab.start_docker(lab.hosts[host_spec.name], subnets.get(host_spec.name, host_spec.docker))
    form_swarm(lab)
    composes = [host for host in topology.hosts.values() if host.docker is not None and host.compose is not None]
    started = partial(next, count(1))
    total = sum(len(host.compose.services) for host in composes if host.compose is not None)
    for host_spec in composes:
        assert host_spec.compose is not None
        compose_up(lab.hosts[host_spec.name].docker, host_spec.compose, lambda: lab.on_container(started(), total))


def _plug(lab: Lab, topology: Topology, spec: HostSpec) -> None:
    host = lab.hosts[spec.name]
    if spec.dns:
        host.place.files.write("/etc/resolv.conf", "".join(f"nameserver {server}\n" for server in spec.dns))
    for path, text in spec.files.items():
        host.place.files.write(path, text)
    for interface in spec.interfaces.values():
        netns = host.netns
        mtu = interface.mtu or topology.lans[interface.lan].mtu
        nic = Nic(lab.engine, interface.name, _mac(lab.engine, host.name, interface), mtu)
        netns.add_device(nic)
        lab.segments[interface.lan].plug(nic)
        netns.set_up(nic)
        for text in interface.addresses:
            address, length = prefix(text)
            netns.add_address(nic, address, length, broadcast=broadcast(address, length))


def _mac(engine: Engine, host: str, interface: InterfaceSpec) -> Mac:
    """As given, or a locally administered one from the lab's seed."""
    if interface.mac is not None:
        return mac(interface.mac)
    return Mac(b"\x02" + engine.stream(f"mac {host}/{interface.name}").randbytes(5))


def _configure(lab: Lab, spec: HostSpec) -> None:
    """Sysctls, routes, firewall: the order of a machine that boots."""
    for key, value in spec.sysctls.items():
        _type(lab, spec, ["sysctl", "-w", f"{key}={value}"])
    for route in spec.routes:
        _type(lab, spec, ["ip", "route", "add", *route.split()])
    if spec.iptables is not None:
        _type(lab, spec, ["iptables-restore"], stdin=spec.iptables)


def _type(lab: Lab, spec: HostSpec, argv: Iterable[str], stdin: str = "") -> None:
    """Run a command that must succeed."""
    words = list(argv)
    process = lab.hosts[spec.name].place.start(words, stdin=stdin)
    lab.engine.run(until=process.exited)
    if process.exit_status:
        raise EmuError(f"{spec.source}: hosts.{spec.name}: `{' '.join(words)}`: {process.output.strip()}")
