"""A plan in a lab of its own: what emu refuses is left out and told, in the words of the program that refused.

Sysctls are compared with those of the lab, and only the ones that are different get a line.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory

from emu.errors import EmuError
from emu.importer.containers import running
from emu.importer.model import Facts, Setting
from emu.importer.plan import Command, Plan
from emu.importer.write_yaml import RULES, topology_text
from emu.lab import Lab
from emu.topology.loader import load_topology
from emu.topology.source import Source

SHOWN = 4  # keys that a remark on many of them names


def try_out(plan: Plan, facts: Facts) -> None:
    """Leave out what fails. Raises EmuError if there is no lab at all."""
    commands, plan.setup = plan.setup, []
    with _lab(plan) as lab:
        for command in commands:
            if _typed(lab, plan, facts, command):
                plan.setup.append(command)
        for command in _settings(lab, plan, facts):
            if _typed(lab, plan, facts, command):
                plan.setup.append(command)
        _check_addresses(lab, plan, facts)
        if plan.rules:
            restored = lab.run(plan.host, f"iptables-restore {RULES}")
            assert not restored.exit_status, restored.output  # what is refused has been left out


def _typed(lab: Lab, plan: Plan, facts: Facts, command: Command) -> bool:
    """Whether it does what it should."""
    if command.line.endswith("&"):
        process = lab.start(plan.host, command.line[:-1])
        lab.advance(0.01)
        failed = process.exited.done
    else:
        process = lab.run(plan.host, command.line)
        failed = bool(process.exit_status)
    if failed:
        said = " ".join(process.output.split())
        facts.remark(command.source, f"`{command.line.removesuffix(' > /dev/null &')}` does not work here: {said or 'it ends at once'}")
    return not failed


def _lab(plan: Plan) -> Lab:
    """A lab of the plan so far. Raises EmuError with what the topology would be refused for."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "import.yaml"
        file.write_text(topology_text(plan, Path(folder), []), encoding="utf-8")
        try:
            topology = load_topology(file)
        except EmuError as error:
            raise EmuError(f"what the files tell of makes no lab: {str(error).replace(str(file), 'topology')}") from None
    lab = Lab(topology)
    try:
        lab.up()
    except EmuError as error:
        raise EmuError(f"what the files tell of does not come up: {str(error).replace(str(file), 'topology')}") from None
    return lab


def _settings(lab: Lab, plan: Plan, facts: Facts) -> list[Command]:
    """`sysctl -w` for each value that is another one in the lab; those of emu's own bridges and veths by the same names."""
    netns = lab.hosts[plan.host].netns
    if any(setting.key.startswith("net.bridge.") for setting in facts.settings) and plan.docker is None:
        netns.load_br_netfilter()
        plan.type(facts.settings[0].source, "modprobe br_netfilter")
    sysctl = netns.sysctl
    known = set(sysctl.keys())
    if not facts.settings and sysctl.get("net.ipv4.ip_forward") == "0":
        facts.remark(Source("sysctl", 0), "is not there: net.ipv4.ip_forward is taken as 0, so the host forwards nothing")
    unknown: dict[str, list[Setting]] = {}
    commands = []
    inner = {name for name, device in (facts.devices or {}).items() if device.master in plan.bridges}  # veths, by names of the moment
    for setting in facts.settings:
        if _device_of(setting.key) in inner:
            continue
        if setting.key not in known:
            unknown.setdefault(_family(setting.key), []).append(setting)
        elif sysctl.get(setting.key) != setting.value:
            value = " ".join(setting.value.split())
            commands.append(Command(f"sysctl -q -w {shlex.quote(f'{setting.key}={value}')}", setting.source))
    for family, found in unknown.items():
        shown = ", ".join(each.key for each in found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
        every = tuple(f"{each.source}: {each.key} = {each.value}" for each in found)
        facts.remark(found[0].source, f"sysctls {family}: not modelled: {shown}", every)
    return commands


def _device_of(key: str) -> str:
    """Of `net.ipv4.conf.eth0.rp_filter`: eth0. In a device's name the dots are slashes."""
    found = re.match(r"net\.ipv[46]\.(?:conf|neigh)\.([^.]+)\.", key)
    return found[1].replace("/", ".") if found and found[1] not in ("all", "default") else ""


def _family(key: str) -> str:
    """What those have in common that one remark is for."""
    if not key.startswith("net."):
        return "that are not of the network"
    return "of IPv6" if key.startswith("net.ipv6.") else "of devices" if _device_of(key) else "of the network"


def _check_addresses(lab: Lab, plan: Plan, facts: Facts) -> None:
    """Docker gives addresses on docker0 in turn: one that has come out otherwise is told."""
    docker = lab.hosts[plan.host].docker
    for container in running(Facts(networks=facts.networks, containers=facts.containers)) if docker is not None else []:
        place = container.places.get("bridge")
        there = docker.find(container.name).endpoints.get("bridge") if place is not None else None
        if place is not None and place.ip and (there is None or there.ip is None or ".".join(map(str, there.ip)) != place.ip):
            facts.remark(container.source, f"container '{container.name}' is not at {place.ip} on docker0 here")
