"""Whether a compose file makes sense: what docker-compose and Docker would refuse, found before anything runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.packet import address
from emu.topology.project import DEFAULT, dependencies, start_order
from emu.topology.spec import HostSpec
from emu.topology.spec_compose import Attachment, ComposeSpec, NetworkSpec, ServiceSpec
from emu.topology.values import inside, overlap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emu.topology.document import KeyPath, Report

PREDEFINED = ("bridge", "host", "none")
DOCKER0 = "172.17.0.0/16"  # unless daemon.json or an interface of the host's says otherwise


def check_compose(host: HostSpec, compose: ComposeSpec, path: KeyPath, report: Report) -> None:
    """Report all that is wrong with a compose file that stands at `path`."""
    _check_networks(host, compose, path, report)
    names: dict[str, str] = {}
    for service in compose.services.values():
        here = (*path, "services", service.name)
        other = names.setdefault(service.container_name or service.name, service.name)
        if other != service.name:
            report.wrong_at((*here, "container_name"), f"'{service.container_name}' is the name of service '{other}' too")
        _check_dependencies(service, compose, here, report)
        _check_mode(service, here, report)
        for network in service.networks:
            if network not in compose.networks and network != DEFAULT and (*path, "networks", network) not in report.broken:
                report.wrong_at((*here, "networks", network), f"there is no network '{network}'{report.near(network, compose.networks)}")
    _check_cycle(compose, path, report)
    _check_ports(compose, path, report)
    _check_attachments(compose, path, report)


# --- networks


def _check_networks(host: HostSpec, compose: ComposeSpec, path: KeyPath, report: Report) -> None:
    subnets = dict(_subnets_in_use(host))
    names: dict[str, str] = {}
    for key, network in compose.networks.items():
        here: KeyPath = (*path, "networks", key)
        if network.name in PREDEFINED:
            report.wrong_at((*here, "name"), f"'{network.name}' is a network of Docker's own; use network_mode: {network.name}")
        if network.name and names.setdefault(network.name, key) != key:
            report.wrong_at((*here, "name"), f"'{network.name}' is the name of network '{names[network.name]}' too")
        if network.subnet is None:
            continue
        for other, subnet in subnets.items():
            if overlap(subnet, network.subnet):
                report.wrong_at((*here, "ipam"), f"the subnet {network.subnet} overlaps with {subnet} of {other}")
        subnets[f"network '{key}'"] = network.subnet
        for name, value in (("ip_range", network.ip_range), ("gateway", network.gateway), *network.aux_addresses.items()):
            if value is not None and not inside(value, network.subnet):
                report.wrong_at((*here, "ipam"), f"{name} {value} is not in the subnet {network.subnet}")


def _subnets_in_use(host: HostSpec) -> Iterator[tuple[str, str]]:
    if host.docker is not None and host.docker.bip is not None:
        yield "docker0", host.docker.bip
    elif not any(overlap(DOCKER0, each) for interface in host.interfaces.values() for each in interface.addresses):
        yield "docker0", DOCKER0


# --- services


def _check_dependencies(service: ServiceSpec, compose: ComposeSpec, here: KeyPath, report: Report) -> None:
    for name in dependencies(service, compose.services):
        if name not in compose.services and (*here[:-1], name) not in report.broken:
            linked = any(name == link for link, _ in service.links)
            key = "depends_on" if name in service.depends_on else "links" if linked else "network_mode"
            what = "container" if key == "network_mode" and (service.network_mode or "").startswith("container:") else "service"
            report.wrong_at((*here, key), f"there is no {what} '{name}'{report.near(name, compose.services)}")


def _check_cycle(compose: ComposeSpec, path: KeyPath, report: Report) -> None:
    circle = start_order(compose.services)[1]
    if circle:
        report.wrong_at((*path, "services", circle[0], "depends_on"), f"depends on itself: {' > '.join(circle)}")


def _check_mode(service: ServiceSpec, here: KeyPath, report: Report) -> None:
    mode, _, owner = (service.network_mode or "").partition(":")
    if not mode:
        return
    if service.networks:
        report.wrong_at((*here, "network_mode"), "cannot be given together with 'networks'")
    if mode in ("service", "container"):
        for key in ("ports", "expose", "hostname", "mac_address"):
            if getattr(service, key):
                report.wrong_at((*here, key), f"belongs to '{owner}', whose network it shares")
    if mode in ("host", "none") and service.ports:
        report.notice(f"service '{service.name}': published ports are discarded when using {mode} network mode")
    if mode in ("host", "none") and service.mac_address:
        report.wrong_at((*here, "mac_address"), f"has no place in network_mode: {mode}")


def _check_ports(compose: ComposeSpec, path: KeyPath, report: Report) -> None:
    """As the engine hands them out when services start: a range gives its first port that is free."""
    taken: dict[tuple[int, str], list[tuple[str, str]]] = {}  # the addresses and services, by port and protocol
    for service in start_order(compose.services)[0]:
        if service.network_mode in ("host", "none"):
            continue
        for port in service.ports:
            if port.published is None:
                continue
            numbers = range(port.published, (port.published_end or port.published) + 1)
            owners = {number: _owner(taken.get((number, port.protocol), []), port.host_ip) for number in numbers}
            free = next((number for number in numbers if owners[number] is None), None)
            if free is not None:
                taken.setdefault((free, port.protocol), []).append((port.host_ip, service.name))
                continue
            first = owners[port.published]
            by = f", first by '{first}'" if first != service.name else ""
            what = f"{port.published}/{port.protocol} is published twice{by}"
            if len(numbers) > 1:
                what = f"no port of {numbers[0]}-{numbers[-1]}/{port.protocol} is left; {numbers[0]} is published by '{first}'"
            report.wrong_at((*path, "services", service.name, "ports"), what)


def _owner(taken: list[tuple[str, str]], host_ip: str) -> str | None:
    """The service that has a port on an address already: on the same one, or on all."""
    return next((name for other, name in taken if other == host_ip or {other, host_ip} & {"", "0.0.0.0"}), None)


# --- addresses


def _check_attachments(compose: ComposeSpec, path: KeyPath, report: Report) -> None:
    owners: dict[tuple[str, str], str] = {}
    for service in compose.services.values():
        for key, attachment in service.networks.items():
            here: KeyPath = (*path, "services", service.name, "networks", key)
            network = compose.networks.get(key, NetworkSpec())
            if (*path, "networks", key) not in report.broken:
                _check_address(attachment, network, here, report)
            for name, word in (("ipv4_address", attachment.ipv4_address), ("mac_address", attachment.mac_address)):
                if word is not None and owners.setdefault((key, word), service.name) != service.name:
                    report.wrong_at((*here, name), f"{word} is that of service '{owners[key, word]}' too")


def _check_address(attachment: Attachment, network: NetworkSpec, here: KeyPath, report: Report) -> None:
    ip = attachment.ipv4_address
    if ip is None:
        return
    here = (*here, "ipv4_address")
    if network.subnet is None:
        report.wrong_at(here, "an address can be chosen on networks with a subnet of their own only (ipam: config: subnet)")
    elif not inside(ip, network.subnet):
        report.wrong_at(here, f"{ip} is not in the network's subnet, {network.subnet}")
    elif ip == (network.gateway or _first(network.subnet)):
        report.wrong_at(here, f"{ip} is the network's gateway")


def _first(subnet: str) -> str:
    return address.ip_text(address.from_number(address.number(address.prefix(subnet)[0]) + 1))
