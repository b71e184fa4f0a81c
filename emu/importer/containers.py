"""Docker's containers as compose services: where they are attached, with which addresses, and which ports they publish and answer on.

What runs in a container is in no file: a service idles, and answers on the ports it listens on (`ss -lntu` in it, if that was collected),
or else on those that it exposes and publishes. Not modelled: IPv6, environment, volumes, restart policies: nothing of them is seen on the
network.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace
from typing import Any

from emu.importer.model import Described, Facts, Foreign, checked
from emu.importer.networks import ENDED, host_binding, key_of, known_networks, members
from emu.importer.plan import Plan
from emu.importer.read_docker import mapping, part, texts, word
from emu.packet import address
from emu.topology.source import Source

UNKNOWN = "unknown"
HELD = "held-"
PORT = re.compile(r"[0-9]{1,5}/(tcp|udp|sctp)", re.ASCII)
KEPT = {"dns": "Dns", "dns_search": "DnsSearch", "extra_hosts": "ExtraHosts", "cap_add": "CapAdd", "cap_drop": "CapDrop"}
MOST_GAPS = 250  # addresses of docker0 that are held while the containers start


@dataclass
class Place:
    """A container's place on a network."""

    ip: str = ""
    mac: str = ""
    aliases: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


@dataclass
class Container:
    name: str
    source: Source
    data: dict[str, Any]
    places: dict[str, Place] = field(default_factory=dict)
    mode: str = ""  # host, none, container:NAME; else it is on `places`


def running(facts: Facts) -> list[Container]:
    """Those that run, in the order of their addresses on the default network; that is how they get them again."""
    found: dict[str, Container] = {}
    ids = _ids(facts)
    for described in (facts.containers or {}).values():
        state = word(described.data, "State", "Status")
        if state in ENDED:
            facts.remark(described.source, f"container '{described.name}' is left out: it is {state}")
        else:
            found[described.name] = _container(described, ids)
    stopped = {name for name in facts.containers or {} if name not in found}
    for network in known_networks(facts).values():
        for name, entry in members(network).items():
            if name in stopped:
                continue
            container = found.setdefault(name, Container(name, network.file.line_of(f'"{name}"'), {}))
            if network.name in ("host", "none"):
                container.mode = container.mode or network.name
            elif network.name not in container.places:
                container.places[network.name] = _place(entry, "IPv4Address", container.source)
    for container in found.values():
        owner = container.mode.removeprefix("container:") if container.mode.startswith("container:") else ""
        if owner and owner not in found:
            text = f"container '{container.name}' shared the namespace of '{owner}', which is not running: it has only lo"
            facts.remark(container.source, text)
            container.mode = "none"
    return sorted(found.values(), key=lambda each: (each.mode.startswith("container:"), _number(each.places.get("bridge"))))


def _place(endpoint: dict[str, Any], key: str, source: Source) -> Place:
    """Raises Foreign."""
    ip = word(endpoint, key).partition("/")[0]
    return Place(checked(ip, source) if ip else "", word(endpoint, "MacAddress"))


def _number(place: Place | None) -> int:
    return address.number(address.ip(place.ip)) if place is not None and place.ip else 0


def _ids(facts: Facts) -> dict[str, str]:
    """Container names by the beginnings of ids that the files know: the first twelve digits."""
    found = {word(each.data, "Id")[:12]: each.name for each in (facts.containers or {}).values()}
    for network in (facts.networks or {}).values():
        found |= {key[:12]: word(entry, "Name") for key, entry in mapping(network.data, "Containers").items()}
    hostnames = {word(each.data, "Config", "Hostname"): each for each in (facts.containers or {}).values()}
    for hostname, each in hostnames.items():  # an inspect that was cut down to its network part has no id
        if re.fullmatch(r"[0-9a-f]{12}", hostname) and not word(each.data, "HostConfig", "NetworkMode").startswith("container:"):
            found.setdefault(hostname, each.name)
    return found


def _container(described: Described, ids: dict[str, str]) -> Container:
    container = Container(described.name, described.source, described.data)
    mode = word(described.data, "HostConfig", "NetworkMode")
    if mode in ("host", "none"):
        container.mode = mode
    elif mode.startswith("container:"):
        owner = mode.removeprefix("container:")
        container.mode = f"container:{ids.get(owner[:12], owner[:12])}"
    for name, endpoint in mapping(described.data, "NetworkSettings", "Networks").items():
        if name not in ("host", "none") and not container.mode:
            aliases = [alias for alias in texts(endpoint, "Aliases") if not word(described.data, "Config", "Hostname").startswith(alias)]
            aliases = [alias for alias in aliases if alias != described.name and not re.fullmatch("[0-9a-f]{12}", alias)]
            container.places[name] = replace(
                _place(endpoint, "IPAddress", described.source), aliases=aliases, links=texts(endpoint, "Links")
            )
    return container


# --- services


def plan_containers(plan: Plan, facts: Facts, containers: list[Container], networks: dict[str, str]) -> None:
    """Compose services, and the command lines for what compose has no words for."""
    held = _Held(plan)
    for container in containers:
        for name in [each for each in container.places if each not in networks]:
            facts.remark(container.source, f"container '{container.name}': its place on network '{name}' is left out, as that is")
            del container.places[name]
        service = _service(plan, facts, container)
        if "bridge" in container.places:
            held.until(container.places["bridge"].ip)
        if container.mode:
            service["network_mode"] = container.mode
        elif "bridge" in container.places or not container.places:
            service["network_mode"] = "bridge" if container.places else "none"
            if _own_mac(container.places.get("bridge")):
                service["mac_address"] = container.places["bridge"].mac
            _connect(plan, container)
        else:
            service["networks"] = {key_of(name): _attachment(place) for name, place in container.places.items()}
        plan.services[container.name] = service
        _tell_owner(plan, facts, container)
    held.release()
    for container in containers:
        _links(plan, facts, container, {each.name: each for each in containers})


class _Held:
    """Addresses of docker0 that nobody has, though a higher one is taken: containers hold them while the others start."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.names: list[str] = []
        bip = str((plan.docker or {}).get("bip", "172.17.0.1/16"))
        self.range = str((plan.docker or {}).get("fixed-cidr", "")) or bip
        self.gateway = address.number(address.ip(bip.partition("/")[0]))
        value, length = address.prefix(self.range)
        self.next = address.number(address.network(value, length)) + ("fixed-cidr" not in (plan.docker or {}))

    def until(self, text: str) -> None:
        """So that the next container gets this address."""
        if not text:
            return
        wanted = address.number(address.ip(text))
        few = wanted - self.next < MOST_GAPS  # of more it is told when the addresses are compared
        free = [number for number in range(self.next, wanted) if number != self.gateway] if few else []
        for number in free:
            name = f"{HELD}{address.ip_text(address.from_number(number))}"
            self.names.append(name)
            self.plan.services[name] = {"image": UNKNOWN, "network_mode": "bridge"}
        self.next = wanted + 1

    def release(self) -> None:
        if self.names:
            self.plan.type(Source("", 0), "docker rm -f", *self.names)
            self.plan.images.setdefault(UNKNOWN, {"expose": []})


def _service(plan: Plan, facts: Facts, container: Container) -> dict[str, Any]:
    image = word(container.data, "Config", "Image") or UNKNOWN
    plan.images.setdefault(image, {"expose": []})
    service: dict[str, Any] = {"image": image}
    hostname = word(container.data, "Config", "Hostname")
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", hostname) and not re.fullmatch(r"[0-9a-f]{12}", hostname) and not container.mode:
        service["hostname"] = hostname
    ports = _published(container, facts)
    if ports:
        service["ports"] = ports
    listening = [] if container.mode == "host" and facts.listeners is not None else _listening(container, facts)
    if listening and not container.mode.startswith("container:"):
        service["expose"] = listening
    service |= {key: texts(container.data, "HostConfig", name) for key, name in KEPT.items() if texts(container.data, "HostConfig", name)}
    if part(container.data, "HostConfig", "Privileged") is True:
        service["privileged"] = True
    return service


def _tell_owner(plan: Plan, facts: Facts, container: Container) -> None:
    """What a container listens on that shares another's namespace is the other's to name."""
    owner = container.mode.removeprefix("container:")
    if owner != container.mode and _listening(container, facts):
        service = plan.services[owner]
        service["expose"] = list(dict.fromkeys([*service.get("expose", []), *_listening(container, facts)]))


def _published(container: Container, facts: Facts) -> list[str]:
    """As compose writes them. Docker tells of each binding of 0.0.0.0 once more for ::, which says nothing new."""
    if container.mode:
        return []
    found: dict[str, None] = {}
    bound = mapping(container.data, "NetworkSettings", "Ports")
    networks = known_networks(facts)
    bind_elsewhere = any(name in networks and host_binding(networks[name]) != "0.0.0.0" for name in container.places)
    for port, bindings in bound.items():
        for each in bindings if isinstance(bindings, list) else []:
            ip, host_port = word(each, "HostIp"), word(each, "HostPort")
            same = {"HostIp": "0.0.0.0", "HostPort": host_port}
            if not re.fullmatch(r"[0-9]{1,5}", host_port, re.ASCII) or not PORT.fullmatch(port):
                raise Foreign(container.source, f"container '{container.name}': a port is published as '{host_port}:{port}'")
            if ":" in ip:
                if ip != "::" or same not in bindings:
                    facts.remark(container.source, f"container '{container.name}': its port [{ip}]:{host_port} is not modelled: IPv6")
            else:
                where = "" if ip in ("", "0.0.0.0") and not bind_elsewhere else f"{ip or '0.0.0.0'}:"
                found[f"{where}{host_port}:{port}"] = None
    return list(found)


def _listening(container: Container, facts: Facts) -> list[str]:
    """`80/tcp`: what it answers on."""
    if container.name in facts.inner:
        own = [each for each in facts.inner[container.name] if each.address != "127.0.0.11"]  # that is Docker's own name server
        for each in own:
            if each.address.startswith("127."):
                facts.remark(each.source, f"container '{container.name}' listens on {each.address}:{each.port}/{each.protocol}: left out")
        return list(dict.fromkeys(f"{each.port}/{each.protocol}" for each in own if not each.address.startswith("127.")))
    exposed = [*mapping(container.data, "Config", "ExposedPorts"), *mapping(container.data, "NetworkSettings", "Ports")]
    for port in exposed:
        if port.endswith("/sctp"):
            facts.remark(container.source, f"container '{container.name}': port {port} is not modelled")
    return [port for port in dict.fromkeys(exposed) if not port.endswith("/sctp")]


def _own_mac(place: Place | None) -> bool:
    """Whether the MAC address is not the one that Docker makes of the address."""
    return place is not None and bool(place.mac and place.ip) and place.mac.lower() != f"02:42:{address.ip(place.ip).hex(':')}"


def _attachment(place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {"ipv4_address": place.ip} if place.ip else {}
    if _own_mac(place):
        found["mac_address"] = place.mac
    if place.aliases:
        found["aliases"] = place.aliases
    return found


def _connect(plan: Plan, container: Container) -> None:
    """Of a container on the default network: the other ones, which compose cannot name beside it."""
    for name, place in container.places.items():
        if name != "bridge":
            aliases = [text for alias in place.aliases for text in ("--alias", alias)]
            ip = ["--ip", place.ip] if place.ip else []
            plan.type(container.source, "docker network connect", *ip, *aliases, shlex.quote(name), container.name)


def _links(plan: Plan, facts: Facts, container: Container, others: dict[str, Container]) -> None:
    """`/db:/app/database` and `db:database`. On the default network a link is a line in /etc/hosts, with the address the other has now."""
    default = texts(container.data, "HostConfig", "Links")
    links: dict[str, list[str]] = {"links": [], "extra_hosts": []}
    for link in default + [link for place in container.places.values() for link in place.links]:
        name, _, alias = link.partition(":")
        name, alias = name.removeprefix("/"), alias.rpartition("/")[2] or name
        place = others[name].places.get("bridge") if name in others else None
        if name in others and link not in default:
            links["links"].append(f"{name}:{alias}")
        elif place is not None and place.ip:
            links["extra_hosts"] += [f"{each}:{place.ip}" for each in dict.fromkeys((alias, name))]
        else:
            facts.remark(container.source, f"container '{container.name}': its link to '{name}' is left out, as that is")
    service = plan.services[container.name]
    for key, found in links.items():
        if found:
            service[key] = list(dict.fromkeys([*service.get(key, []), *found]))
