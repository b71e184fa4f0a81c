"""From facts to a plan, and from a plan to a topology's text; a trial in a lab of its own tells what emu refuses.

Whatever is typed in the lab is tried: a line that fails there is left out and told, in the words of the program that refused. Sysctls are
compared with those of the trial, and only the ones that are different get a line.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from emu.errors import EmuError
from emu.importer import rules
from emu.importer.beside import added, take_legacy
from emu.importer.containers import HELD, plan_containers, running
from emu.importer.devices import plan_devices, plan_neighbours, plan_routes
from emu.importer.facts import read_folder
from emu.importer.model import Facts, Remark, Setting
from emu.importer.networks import plan_networks
from emu.importer.outside import plan_lans
from emu.importer.plan import Command, Plan
from emu.importer.write_yaml import RULES, topology_text
from emu.lab import Lab
from emu.topology.loader import load_topology
from emu.topology.source import Source

CLIENT = "client"
SHOWN = 4  # keys that a remark on many of them names


@dataclass
class Imported:
    """A topology's text, and what is not in it."""

    text: str
    host: str
    client: str
    counts: dict[str, int]
    remarks: list[Remark] = field(default_factory=list)
    not_needed: list[str] = field(default_factory=list)


def import_host(folder: Path, host: str | None = None) -> Imported:
    """The topology of the host that the files in `folder` tell of. Raises EmuError with all that is wrong."""
    facts, not_needed = read_folder(folder, host)
    plan = make_plan(facts)
    count = sum(line.startswith("-A") for line in plan.rules.splitlines())
    plan.rules = added(plan.rules, facts.beside)
    _try(plan, facts)
    remarks = sorted(set(facts.remarks), key=lambda each: (each.source.file, each.source.line, each.text))
    address = plan.client["interfaces"]["eth0"]["address"].partition("/")[0]
    counts = {"interfaces": len(plan.interfaces), "containers": sum(not name.startswith(HELD) for name in plan.services)}
    counts["networks"] = len(plan.bridges) + sum(each["driver"] != "bridge" for each in plan.networks.values())
    counts["rules"] = count
    return Imported(topology_text(plan, folder, remarks), plan.host, address, counts, remarks, sorted(not_needed))


def make_plan(facts: Facts) -> Plan:
    name = re.sub(r"[^A-Za-z0-9_-]", "-", facts.name).strip("-_")[:60] or "host"
    plan = Plan(name if name != CLIENT else "host")
    if facts.networks is not None or facts.containers is not None:
        plan.docker = {}
        containers = running(facts)
        used = {name for each in containers if "bridge" not in each.places for name in each.places}
        networks = plan_networks(plan, facts, used)
        if facts.rules is not None and re.search(r"^-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER", facts.rules.text, re.MULTILINE):
            plan.docker["userland-proxy"] = False  # only then are the host's own connections to 127.0.0.1 for iptables
        plan_containers(plan, facts, containers, networks)
    plan_devices(plan, facts)
    plan_lans(plan, facts)
    plan_routes(plan, facts)
    plan_neighbours(plan, facts)
    _plan_listeners(plan, facts)
    _plan_rules(plan, facts)
    return plan


def _plan_rules(plan: Plan, facts: Facts) -> None:
    """Those of iptables-save; where it has none, of iptables-legacy-save."""
    own, legacy = facts.rules, facts.legacy_rules
    if legacy is not None and rules.decide(legacy):
        if own is None or not rules.decide(own):
            own = legacy
        else:
            take_legacy(legacy, facts)
    if own is not None and own.text.strip():
        plan.rules = rules.carried(own, facts)
    else:
        instead = "those that Docker makes" if plan.docker is not None else "none"
        how = "is not there" if own is None else "is empty"
        facts.remark(Source(own.name if own is not None else "iptables-save", 0), f"{how}: the rules are {instead}")


def _plan_listeners(plan: Plan, facts: Facts) -> None:
    """Programs that listen on the host; what docker-proxy holds open comes with the containers."""
    if facts.listeners is None:
        facts.remark(Source("ss-lntu", 0), "is not there: nothing but docker-proxy listens on the host")
    published = set()
    for service in plan.services.values():
        for each in service.get("ports", ()):
            ports, _, protocol = each.partition("/")
            published.add((protocol or "tcp", int(ports.split(":")[-2])))
    for listener in facts.listeners or ():
        if (listener.protocol, listener.port) not in published:
            plan.type(listener.source, f"{listener.protocol}-echo", listener.address, str(listener.port), "> /dev/null &")


# --- the trial


def _try(plan: Plan, facts: Facts) -> None:
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
