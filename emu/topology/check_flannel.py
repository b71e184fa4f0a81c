"""Whether what a topology says of flannel makes sense: the configuration as flannel reads it, and the hosts' parts in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.flannel.config import Config, ConfigError, Subnet, parse_config

if TYPE_CHECKING:
    from emu.topology.document import KeyPath, Report
    from emu.topology.spec import HostSpec, Topology
    from emu.topology.spec_flannel import FlannelHostSpec, FlannelSpec


def takes_part(host: HostSpec) -> bool:
    """Does the host run flanneld, if there is a flannel network? Said, or because it runs Docker."""
    return host.flannel.takes_part if host.flannel is not None else host.docker is not None


def check_flannel(topology: Topology, report: Report) -> None:
    """Report all that is wrong."""
    if topology.flannel is None:
        for host in topology.hosts.values():
            if host.flannel is not None and host.flannel.takes_part:
                report.wrong_at(
                    ("hosts", host.name, "flannel"), "the topology has no flannel network: give it a `flannel` with its `network`"
                )
        return
    config = _read(topology.flannel, report)
    hosts = [host for host in topology.hosts.values() if takes_part(host)]
    if not hosts:
        report.wrong_at(("flannel",), "no host takes part: those that run `docker` do, and those with `flannel: true`")
    owners: dict[str, str] = {}
    for host in hosts:
        path: KeyPath = ("hosts", host.name)
        if host.docker is not None and host.docker.bip is not None:
            report.wrong_at((*path, "docker", "bip"), "docker0's address comes from flannel")
        if host.flannel is not None:
            _check_part(host, host.flannel, config, owners, report)


def _read(spec: FlannelSpec, report: Report) -> Config | None:
    try:
        return parse_config(spec.config())
    except ConfigError as wrong:
        report.wrong_at(("flannel",), str(wrong))
        return None


def _check_part(host: HostSpec, part: FlannelHostSpec, config: Config | None, owners: dict[str, str], report: Report) -> None:
    path: KeyPath = ("hosts", host.name, "flannel")
    if part.interface is not None and part.interface not in host.interfaces:
        report.wrong_at((*path, "interface"), f"there is no interface '{part.interface}'{report.near(part.interface, host.interfaces)}")
    if not host.interfaces:
        report.wrong_at(path, "flannel needs an interface to the other hosts")
    if part.subnet is None:
        return
    other = owners.setdefault(part.subnet, host.name)
    if other != host.name:
        report.wrong_at((*path, "subnet"), f"{part.subnet} is also that of {other}")
    if config is not None and not config.allows(Subnet.parse(part.subnet)):
        first, last = Subnet(config.minimum, config.subnet_length), Subnet(config.maximum, config.subnet_length)
        report.wrong_at((*path, "subnet"), f"{part.subnet} is not one that this network gives: {first} to {last}")
