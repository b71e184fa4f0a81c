"""From a folder to facts, from facts to a plan, and from a plan that has been tried to a topology's text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from emu.importer import rules
from emu.importer.beside import added, take_legacy
from emu.importer.containers import HELD, plan_containers, running
from emu.importer.devices import plan_devices, plan_neighbours, plan_routes
from emu.importer.facts import read_folder
from emu.importer.inside import plan_inside
from emu.importer.model import Facts, Remark
from emu.importer.networks import plan_networks
from emu.importer.outside import plan_lans
from emu.importer.plan import Plan
from emu.importer.strangers import tell_strangers
from emu.importer.trial import try_out
from emu.importer.write_yaml import topology_text
from emu.topology.source import Source

CLIENT = "client"
NO_PROXY = re.compile(  # only then are the host's own connections to 127.0.0.1 for iptables
    r"^(\[\d+:\d+\] )?-A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER", re.MULTILINE
)


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
    try_out(plan, facts)
    remarks = sorted(set(facts.remarks), key=lambda each: (each.source.file, each.source.line, each.text))
    addresses = plan.client["interfaces"]["eth0"]["address"]
    address = (addresses if isinstance(addresses, str) else addresses[0]).partition("/")[0]
    counts = {"interfaces": len(plan.interfaces), "containers": sum(not name.startswith(HELD) for name in plan.services)}
    counts["networks"] = len(plan.bridges) + sum(each["driver"] != "bridge" for each in plan.networks.values())
    counts["rules"] = count
    return Imported(topology_text(plan, folder, remarks), plan.host, address, counts, remarks, sorted(not_needed))


def make_plan(facts: Facts) -> Plan:
    name = re.sub(r"[^A-Za-z0-9_-]", "-", facts.name).strip("-_")[:60] or "host"
    plan = Plan(name if name != CLIENT else "host")
    containers = running(facts)
    if facts.networks is not None or facts.containers is not None:
        plan.docker = {}
        used = {name for each in containers if "bridge" not in each.places for name in each.places}
        networks = plan_networks(plan, facts, used)
        if any(NO_PROXY.search(file.text) for file in facts.rules):
            plan.docker["userland-proxy"] = False
        plan_containers(plan, facts, containers, networks)
    plan_devices(plan, facts)
    for container in containers:
        plan_inside(plan, facts, container)
    plan_lans(plan, facts)
    plan_routes(plan, facts)
    plan_neighbours(plan, facts)
    _plan_listeners(plan, facts)
    _plan_rules(plan, facts)
    for file in facts.rules:
        tell_strangers(file, plan, facts, containers)
    return plan


def _plan_rules(plan: Plan, facts: Facts) -> None:
    """Those of iptables-save; where it has none, of iptables-legacy-save."""
    own, legacy = facts.rules, facts.legacy_rules
    if legacy is not None and rules.decide(legacy):
        if not any(map(rules.decide, own)):
            own = [legacy]
        else:
            take_legacy(legacy, facts)
    if any(file.text.strip() for file in own):
        plan.rules = "".join(rules.carried(file, facts) for file in own)
    elif own and plan.docker is not None and plan.docker.get("ip-masq") is False:
        plan.docker["iptables"] = False  # then dockerd says so; with --ip-masq=false alone there would be other rules
    else:
        instead = "those that Docker makes" if plan.docker is not None else "none"
        name, how = (own[0].name, "is empty") if own else ("iptables-save", "is not there")
        facts.remark(Source(name, 0), f"{how}: the rules are {instead}")


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
