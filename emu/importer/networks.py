"""Docker's networks, as daemon.json's keys and those of a compose file.

Not modelled: IPv6, IPAM drivers, overlay and ipvlan networks, several subnets of one network.
"""

from __future__ import annotations

import re
import shlex
from typing import Any

from emu.importer.model import Described, Facts, checked
from emu.importer.plan import Plan
from emu.importer.read_docker import mapping, part, word

BRIDGE = "com.docker.network.bridge."
MTU = "com.docker.network.driver.mtu"
PREDEFINED = {"host", "none"}
MODELLED = {"bridge", "macvlan"}
ENDED = {"exited", "created", "dead"}


def known_networks(facts: Facts) -> dict[str, Described]:
    """Those of `docker network inspect`; without it, what the containers tell of theirs."""
    if facts.networks is not None:
        return facts.networks
    found: dict[str, Described] = {}
    for container in (facts.containers or {}).values():
        for name, endpoint in mapping(container.data, "NetworkSettings", "Networks").items():
            if name not in found and name not in PREDEFINED and word(endpoint, "Gateway"):
                subnet = checked(f"{word(endpoint, 'IPAddress')}/{part(endpoint, 'IPPrefixLen')}", container.source)
                data = {"Name": name, "Id": word(endpoint, "NetworkID"), "Driver": "bridge", "Options": {}}
                data["IPAM"] = {"Config": [{"Subnet": _network(subnet), "Gateway": word(endpoint, "Gateway")}]}
                found[name] = Described(name, data, container.file, container.source)
    return found


def _network(text: str) -> str:
    from ipaddress import ip_interface

    return str(ip_interface(text).network)


def bridge_name(network: Described) -> str:
    named = mapping(network.data, "Options").get(f"{BRIDGE}name")
    return str(named) if named else "docker0" if network.name == "bridge" else f"br-{word(network.data, 'Id')[:12]}"


def host_binding(network: Described) -> str:
    """Where ports are published that name no address."""
    return str(mapping(network.data, "Options").get(f"{BRIDGE}host_binding_ipv4", "0.0.0.0"))


def plan_networks(plan: Plan, facts: Facts, used: set[str]) -> dict[str, str]:
    """Daemon keys and compose's networks into the plan; the networks that are had, by name, with the key compose knows them by."""
    keys: dict[str, str] = {}
    for network in known_networks(facts).values():
        driver = word(network.data, "Driver")
        if network.name in PREDEFINED or driver in ("host", "null"):
            keys[network.name] = network.name
            continue
        if driver not in MODELLED or word(network.data, "Scope") in ("swarm", "global"):
            facts.remark(network.source, f"network '{network.name}': the driver {driver} is not modelled in an import")
            continue
        if not _subnets(network, facts):
            facts.remark(network.source, f"network '{network.name}' has no subnet of IPv4")
            continue
        if driver == "bridge":
            plan.bridges.add(bridge_name(network))
        if network.name == "bridge":
            _plan_default(plan, network, facts)
        else:
            _plan_user_network(plan, network, facts, made_by_compose=network.name in used)
        keys[network.name] = key_of(network.name)
    return keys


def key_of(name: str) -> str:
    """What compose calls a network: a name that it takes."""
    key = re.sub(r"[^A-Za-z0-9_.-]", "-", name)
    return key if key != "default" else "default-network"


def _subnets(network: Described, facts: Facts | None = None) -> list[dict[str, Any]]:
    listed = part(network.data, "IPAM", "Config")
    configs = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    if facts is not None and any(":" in word(each, "Subnet") for each in configs):
        facts.remark(network.source, f"network '{network.name}': its subnets of IPv6 are not modelled")
    own = [each for each in configs if word(each, "Subnet") and ":" not in word(each, "Subnet")]
    for each in own:
        checked(word(each, "Subnet"), network.source)
    return own


def _plan_default(plan: Plan, network: Described, facts: Facts) -> None:
    options, config = mapping(network.data, "Options"), _subnets(network)[0]
    docker = plan.docker if plan.docker is not None else {}
    length = word(config, "Subnet").partition("/")[2]
    address = word(config, "Gateway") or _device_address(facts, bridge_name(network)) or _first_address(word(config, "Subnet"))
    checked(address, network.source)
    docker["bip"] = f"{address}/{length}"
    if options.get(f"{BRIDGE}enable_icc") == "false":
        docker["icc"] = False
    if options.get(f"{BRIDGE}enable_ip_masquerade") == "false":
        docker["ip-masq"] = False
    if (mtu := str(options.get(MTU, "1500"))).isdecimal() and mtu != "1500":
        docker["mtu"] = int(mtu[:9])
    if host_binding(network) != "0.0.0.0":
        docker["ip"] = host_binding(network)
    if word(config, "IPRange"):
        docker["fixed-cidr"] = word(config, "IPRange")
    gateway = mapping(config, "AuxiliaryAddresses").get("DefaultGatewayIPv4")
    if gateway:
        docker["default-gateway"] = gateway
    if bridge_name(network) != "docker0":
        facts.remark(network.source, f"the default bridge is '{bridge_name(network)}'; only docker0 is modelled")
    plan.docker = docker


def _device_address(facts: Facts, name: str) -> str:
    device = (facts.devices or {}).get(name)
    return device.addresses[0].text.partition("/")[0] if device is not None and device.addresses else ""


def _first_address(subnet: str) -> str:
    from ipaddress import ip_network

    return str(next(ip_network(subnet, strict=False).hosts()))


def _plan_user_network(plan: Plan, network: Described, facts: Facts, *, made_by_compose: bool) -> None:
    configs = _subnets(network)
    for other in configs[1:]:
        facts.remark(network.source, f"network '{network.name}': its further subnet {word(other, 'Subnet')} is not modelled")
    options = {str(key): str(value) for key, value in mapping(network.data, "Options").items()}
    if word(network.data, "Driver") == "bridge":
        options[f"{BRIDGE}name"] = bridge_name(network)
    config = configs[0]
    ipam = {"subnet": word(config, "Subnet"), "ip_range": word(config, "IPRange"), "gateway": word(config, "Gateway").partition("/")[0]}
    ipam = {key: value for key, value in ipam.items() if value}
    aux = {str(key): str(value) for key, value in mapping(config, "AuxiliaryAddresses").items()}
    internal = part(network.data, "Internal") is True
    if made_by_compose:
        described: dict[str, Any] = {"name": network.name, "driver": word(network.data, "Driver"), "driver_opts": options}
        described["ipam"] = {"config": [{**ipam, **({"aux_addresses": aux} if aux else {})}]}
        plan.networks[key_of(network.name)] = {**described, **({"internal": True} if internal else {})}
        return
    words = ["docker network create", "-d", word(network.data, "Driver"), *(["--internal"] if internal else [])]
    words += [text for key, value in ipam.items() for text in (f"--{key.replace('_', '-')}", value)]
    words += [text for key, value in aux.items() for text in ("--aux-address", shlex.quote(f"{key}={value}"))]
    words += [text for key, value in options.items() for text in ("-o", shlex.quote(f"{key}={value}"))]
    plan.type(network.source, *words, shlex.quote(network.name))


def members(network: Described) -> dict[str, dict[str, Any]]:
    """By container's name, what `docker network inspect` says of its endpoint."""
    entries = [entry for entry in mapping(network.data, "Containers").values() if isinstance(entry, dict)]
    return {word(entry, "Name"): entry for entry in entries if word(entry, "Name")}
