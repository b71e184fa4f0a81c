"""Whether a topology makes sense as a whole: names that exist, addresses that are on their LAN and only once, places
and command lines that steps can use.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emu.errors import EmuError, did_you_mean
from emu.netns.sysctl import Sysctl
from emu.packet import address
from emu.topology import values
from emu.topology.check_compose import check_compose
from emu.topology.check_flannel import check_flannel
from emu.topology.check_reach import check_reach
from emu.topology.check_swarm import check_swarm
from emu.topology.values import inside, overlap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emu.topology.document import KeyPath, Report
    from emu.topology.spec import DockerSpec, HostSpec, InterfaceSpec, Lan, Step, Topology


OVERLAYS = re.compile(r"(sbox|lb)-.+|ingress-sbox")  # namespaces that Docker makes for networks of several hosts


def check(topology: Topology, report: Report, compose_at: KeyPath | None = None) -> None:
    """Report all that is wrong. `compose_at`: where a plain compose file's content stands."""
    _check_lans(topology, report)
    for host in topology.hosts.values():
        path: KeyPath = ("hosts", host.name)
        _check_routes(host, (*path, "routes"), report)
        _check_sysctls(host, (*path, "sysctls"), report)
        _check_rules(host, (*path, "iptables"), report)
        if host.docker is not None:
            _check_docker(host, host.docker, (*path, "docker"), report)
        if host.compose is not None:
            check_compose(host, host.compose, compose_at if compose_at is not None else (*path, "compose"), report)
    check_flannel(topology, report)
    check_swarm(topology, report)
    _check_steps(topology, report)
    check_reach(topology, _places(topology), report)


# --- LANs and interfaces


def _check_lans(topology: Topology, report: Report) -> None:
    owners: dict[tuple[str, str], str] = {}
    for host in topology.hosts.values():
        for interface in host.interfaces.values():
            path: KeyPath = ("hosts", host.name, "interfaces", interface.name)
            lan = topology.lans.get(interface.lan)
            if lan is not None:
                _check_interface(interface, lan, path, report)
            elif ("lans", interface.lan) not in report.broken:
                report.wrong_at((*path, "lan"), f"there is no LAN '{interface.lan}'{report.near(interface.lan, topology.lans)}")
            if host.docker is not None and interface.name == "docker0":
                report.wrong_at(path, "'docker0' is the name of Docker's own bridge; choose another")
            _check_overlap(host, interface, path, report)
            label = f"{host.name}/{interface.name}"
            for key, word in [*(("address", each) for each in interface.addresses), ("mac", interface.mac)]:
                if word is not None:
                    other = owners.setdefault((interface.lan, word.partition("/")[0]), label)
                    if other != label:
                        report.wrong_at((*path, key), f"{word.partition('/')[0]} is also that of {other}, on the same LAN")


def _check_interface(interface: InterfaceSpec, lan: Lan, path: KeyPath, report: Report) -> None:
    for each in interface.addresses:
        if lan.subnet is not None and not inside(each, lan.subnet):
            report.wrong_at((*path, "address"), f"{each} is not in {lan.subnet}, the subnet of LAN '{lan.name}'")
    if interface.mtu is not None and interface.mtu > lan.mtu:
        report.wrong_at((*path, "mtu"), f"{interface.mtu} is more than LAN '{lan.name}' carries, {lan.mtu}")


def _check_overlap(host: HostSpec, interface: InterfaceSpec, path: KeyPath, report: Report) -> None:
    """LANs apart may use the same subnet, as two homes behind NAT do; a host on both could reach one of them only."""
    for other in host.interfaces.values():
        if other is interface:
            return
        for each in interface.addresses:
            same = next((subnet for subnet in other.addresses if other.lan != interface.lan and overlap(each, subnet)), None)
            if same is not None:
                report.wrong_at(
                    (*path, "address"), f"the subnet of {each} overlaps with that of {same} ({other.name}, on LAN '{other.lan}')"
                )


# --- what the kernel would refuse


def _check_sysctls(host: HostSpec, path: KeyPath, report: Report) -> None:
    if not host.sysctls:
        return
    sysctl = Sysctl()
    for device in ("lo", *host.interfaces):
        sysctl.add_device(device)
    for key, value in host.sysctls.items():
        try:
            sysctl.set(key, value)
        except KeyError:
            report.wrong_at((*path, key), f"unknown sysctl, or not modelled{report.near(key, sysctl.keys())}")
        except ValueError:
            report.wrong_at((*path, key), f"{value!r} is not a value for it, such as {sysctl.get(key)!r}")


def _check_rules(host: HostSpec, path: KeyPath, report: Report) -> None:
    if host.iptables is None:
        return
    from emu.engine import Engine
    from emu.netfilter.netfilter import Netfilter

    try:
        Netfilter(Engine(), host.name).restore(host.iptables)
    except EmuError as wrong:
        report.wrong_at(path, " ".join(str(wrong).split()))


# --- routes, as `ip route add` takes them

_KINDS = ("unicast", "unreachable", "blackhole", "prohibit")
_WITH_VALUE = ("via", "dev", "src", "metric", "mtu", "scope", "proto")


def _check_routes(host: HostSpec, path: KeyPath, report: Report) -> None:
    for index, route in enumerate(host.routes):
        try:
            _check_route(route.split(), host)
        except ValueError as error:
            report.wrong_at((*path, index), str(error))


def _check_route(words: list[str], host: HostSpec) -> None:
    kind = words.pop(0) if words[0] in _KINDS else "unicast"
    if not words:
        raise ValueError("a route needs a destination")
    destination = words.pop(0)
    if destination != "default":
        values.subnet(destination if "/" in destination else f"{destination}/32")
    keys: dict[str, str] = {}
    while words:
        key = words.pop(0)
        if key not in (*_WITH_VALUE, "onlink"):
            raise ValueError(f"'{key}' is not a part of a route{did_you_mean(key, (*_WITH_VALUE, 'onlink'))}")
        if key != "onlink" and not words:
            raise ValueError(f"'{key}' needs a value")
        keys[key] = words.pop(0) if key != "onlink" else ""
    _check_next_hop(kind, keys, host)


def _check_next_hop(kind: str, keys: dict[str, str], host: HostSpec) -> None:
    if kind == "unicast" and not {"via", "dev"} & set(keys):
        raise ValueError("a route needs 'via ADDRESS' or 'dev INTERFACE'")
    device = keys.get("dev")
    if device is not None and device not in (*host.interfaces, "lo") and host.docker is None:
        raise ValueError(f"there is no interface '{device}'{did_you_mean(device, host.interfaces)}")
    for key in ("via", "src"):
        if key in keys:
            address.ip(keys[key])
    for key in ("metric", "mtu"):
        if key in keys and not (keys[key].isascii() and keys[key].isdigit()):
            raise ValueError(f"'{key} {keys[key]}' is not a number")
    subnets = [each for interface in host.interfaces.values() for each in interface.addresses]
    if "via" in keys and "onlink" not in keys and not any(inside(keys["via"], each) for each in subnets):
        raise ValueError(f"the next hop {keys['via']} is on no subnet of this host")


# --- Docker


def _check_docker(host: HostSpec, docker: DockerSpec, path: KeyPath, report: Report) -> None:
    if docker.bip is not None:
        for key, value in (("fixed-cidr", docker.fixed_cidr), ("default-gateway", docker.default_gateway)):
            if value is not None and not inside(value, docker.bip):
                report.wrong_at((*path, key), f"{value} is not in docker0's subnet, {docker.bip}")
        for interface in host.interfaces.values():
            if any(overlap(docker.bip, each) for each in interface.addresses):
                report.wrong_at((*path, "bip"), f"{docker.bip} overlaps with the subnet of {interface.name}")
    for index, pool in enumerate(docker.default_address_pools):
        if pool.size < address.prefix(pool.base)[1]:
            report.wrong_at((*path, "default-address-pools", index, "size"), f"a /{pool.size} does not fit in {pool.base}")


# --- steps


def _check_steps(topology: Topology, report: Report) -> None:
    latest = 0
    places = _places(topology)
    counts: dict[str, int] = {}
    for step in topology.steps:
        index = counts.setdefault(step.part, 0)
        counts[step.part] += 1
        path: KeyPath = (step.part, index)
        if step.place not in places:
            problem = _place_problem(step, topology, report)
            if problem:
                near = report.near(step.place, places) if problem.startswith("there") else ""
                report.wrong_at((*path, "on") if (*path, "on") in report.seen else path, problem + near)
        problem = _syntax_problem(step.command)
        if problem:
            report.wrong_at((*path, "run") if (*path, "run") in report.seen else path, problem)
        if step.background and step.expect != type(step.expect)():
            report.wrong_at((*path, "expect"), "nothing can be expected of a step in the background (its '&')")
        if step.at_ns is not None:
            if step.at_ns < latest:
                report.wrong_at((*path, "at"), "is before the time of a step above")
            latest = max(latest, step.at_ns)


def _place_problem(step: Step, topology: Topology, report: Report) -> str:
    """Why a place cannot be used; nothing if it may be there, but for another mistake."""
    name, _, container = step.place.partition("/")
    host = topology.hosts.get(name)
    broken = [("hosts", name), ("hosts", name, "docker"), ("hosts", name, "compose")]
    if any(path in report.broken for path in broken) or any(path[-2:] == ("services", container) for path in report.broken):
        return ""
    if host is not None and container.startswith("netns/"):
        return f"no step before says `ip netns add {container.removeprefix('netns/')}` on {name}"
    if host is not None and host.docker is not None and OVERLAYS.fullmatch(container):
        return ""
    if host is not None and host.docker is None:
        return f"'{name}' runs no Docker, so it has no container '{container}'"
    return f"there is no place '{step.place}'"


def _syntax_problem(command: str) -> str:
    """What a shell would say of a line that it does not understand, before it runs any of it."""
    from emu.programs.shell.grammar import parse
    from emu.programs.shell.syntax import Dialect, ShellSyntaxError

    try:
        parse(command, Dialect("bash", "bash"))
    except ShellSyntaxError as error:
        return str(error).removeprefix("bash: ")
    return ""


def _places(topology: Topology) -> set[str]:
    hosts = topology.hosts.values()
    return {host.name for host in hosts} | {f"{host.name}/{name}" for host in hosts for name in _containers(host, topology.steps)}


def _containers(host: HostSpec, steps: Iterable[Step]) -> dict[str, None]:
    """The compose file's, and those that steps make and name themselves, with the namespaces of `ip netns`."""
    services = host.compose.services.values() if host.compose is not None else ()
    names = [each.container_name or each.name for each in services] + [each.name for each in services]
    for step in steps:
        if step.place == host.name:
            names += re.findall(r"--name[= ]\s*(\S+)", step.command) + re.findall(r"\brename\s+\S+\s+(\S+)", step.command)
            names += [f"netns/{name}" for name in re.findall(r"\bip netns add ([^\s;]+)", step.command)]
    return dict.fromkeys(names)
