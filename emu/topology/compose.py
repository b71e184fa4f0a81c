"""The part of a docker-compose file that touches the network, in its short and its long forms.

Source: the compose specification and what docker-compose does with it. Keys without effect on the network are accepted and ignored;
those that have one and are not here are refused. Not modelled: builds (the image is then unknown), replicas, extends and
include, external networks, IPv6, and the order that health checks impose beyond that of starting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.docker.checks import RESTART
from emu.docker.driver import known_drivers
from emu.errors import did_you_mean
from emu.topology import values
from emu.topology.compose_ports import EXPOSE, PORTS
from emu.topology.document import KeyPath, MapNode, Node, Report, ScalarNode
from emu.topology.env_file import EnvFiles
from emu.topology.shapes import Choice, Converted, Either, Field, Flag, Integer, Json, ListOf, MapOf, Record, Shape, Text
from emu.topology.spec_compose import Attachment, ComposeSpec, NetworkSpec, ServiceSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = Text(values.text, types="string number boolean")
WORD = Text(values.line, types="string number")
NAMES = ListOf(Text(values.container_name))
ADDRESS = Text(values.unicast_ip, "an address")
MAC = Text(values.mac, "a MAC address")
SUBNET = Text(values.subnet, "a subnet")


# --- lists that may be mappings, and the other way round


class Pairs(Shape[dict[str, str]]):
    """`[KEY=value, KEY]` or `{KEY: value}`."""

    def read(self, node: Node, path: KeyPath, report: Report) -> dict[str, str]:
        if not isinstance(node, MapNode):
            return dict(self._pair(text) for text in ListOf(TEXT).read(node, path, report))
        pairs = {}
        for key, child in node.entries.items():
            null = isinstance(child, ScalarNode) and child.null
            pairs[key] = "" if null else Text(values.any_text).read(child, (*path, key), report)
        return pairs

    @staticmethod
    def _pair(text: str) -> tuple[str, str]:
        key, _, value = text.partition("=")
        return key, value

    def json(self, definitions: Json) -> Json:
        scalar = {"type": ["string", "number", "boolean", "null"]}
        return {"anyOf": [{"type": ["object", "null"], "additionalProperties": scalar}, ListOf(TEXT).json(definitions)]}


CAPABILITIES = ListOf(Text(values.any_text))


class ExtraHosts(Pairs):
    """`[NAME:ADDRESS, NAME=ADDRESS]` or `{NAME: ADDRESS}`."""

    def read(self, node: Node, path: KeyPath, report: Report) -> dict[str, str]:
        hosts = super().read(node, path, report)
        for name, text in hosts.items():
            try:
                values.extra_host(name, text)
            except ValueError as wrong:
                report.refuse(node.source, path, str(wrong))
        return hosts

    @staticmethod
    def _pair(text: str) -> tuple[str, str]:
        key, _, value = text.partition("=" if "=" in text else ":")
        return key, value


def link(text: str) -> tuple[str, str]:
    service, colon, alias = text.partition(":")
    return values.container_name(service), values.container_name(alias) if colon else service


ONE_OR_MORE_ADDRESSES = Either(text=Converted(ADDRESS, lambda one: (one,)), items=ListOf(ADDRESS))
ONE_OR_MORE_LINES = Either(text=Converted(Text(values.line), lambda one: (one,)), items=ListOf(Text(values.line)))
COMMAND = Either(text=Text(values.words, "a command line"), items=ListOf(Text(values.any_text, types="string number boolean")))
ATTACHMENT = Record(
    Attachment,
    "How a service is on a network.",
    {
        "aliases": Field(NAMES, "further names on this network"),
        "ipv4_address": Field(ADDRESS, "an address of its own choice; the network needs a subnet"),
        "mac_address": Field(MAC, "instead of the one that Docker makes of the address"),
    },
    ignored=("priority",),
    refused=("ipv6_address", "link_local_ips", "gw_priority", "interface_name", "driver_opts"),
)
NETWORKS_OF_SERVICE = Either(
    items=Converted(NAMES, lambda names: {name: Attachment() for name in names}),
    mapping=MapOf(values.container_name, ATTACHMENT),
)
CONDITION: Record[dict[str, Any]] = Record(
    dict,
    "When a service counts as started.",
    {
        "condition": Field(Choice("service_started", "service_healthy", "service_completed_successfully")),
        "restart": Field(Flag()),
        "required": Field(Flag()),
    },
    title="DependsOn",
)
DEPENDS_ON = Either(items=NAMES, mapping=Converted(MapOf(values.container_name, CONDITION), tuple))


def network_mode(text: str) -> str:
    mode, colon, name = text.partition(":")
    if (mode in ("bridge", "host", "none") and not colon) or (mode in ("service", "container") and name):
        return text
    raise ValueError(f"'{text}' is unknown; known: bridge, host, none, service:NAME, container:NAME")


def restart_policy(text: str) -> str:
    if not RESTART.fullmatch(text):
        raise ValueError(f"'{text}' is unknown; known: no, always, unless-stopped, on-failure, on-failure:3")
    return text


def network_driver(text: str) -> str:
    """As late as a network names one: other packages may have it."""
    if text != "bridge" and text not in (known := known_drivers()):
        refused = text in ("overlay", "ipvlan", "host", "none", "null")
        raise ValueError(
            f"'{text}' is not modelled; known: {', '.join(known)}" if refused else f"'{text}' is unknown{did_you_mean(text, known)}"
        )
    return text


DEPLOY: Record[dict[str, Any]] = Record(
    dict,
    "What a swarm would do.",
    {"replicas": Field(Integer(1, 1), "one; more are not modelled")},
    ignored=("resources", "restart_policy", "labels", "placement", "update_config", "rollback_config"),
    refused=("endpoint_mode", "mode"),
    title="Deploy",
)

SERVICE_IGNORED = [
    "annotations", "attach", "blkio_config", "build", "cgroup", "cgroup_parent", "configs", "cpu_count",
    "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares", "cpus", "cpuset", "credential_spec",
    "develop", "device_cgroup_rules", "devices", "gpus", "group_add", "healthcheck", "init", "ipc", "isolation", "label_file",
    "labels", "logging", "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "oom_kill_disable", "oom_score_adj", "pid",
    "pids_limit", "platform", "post_start", "pre_stop", "pull_policy", "read_only", "runtime", "secrets",
    "security_opt", "shm_size", "stdin_open", "stop_grace_period", "stop_signal", "storage_opt", "tmpfs", "tty", "ulimits", "user",
    "userns_mode", "uts", "volumes", "volumes_from", "working_dir",
]  # fmt: skip
SERVICE_REFUSED = [
    "extends", "external_links", "net", "provider",
    "sysctls", "models",
]  # fmt: skip


def _service(env_file: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None, **keys: Any) -> ServiceSpec:
    return ServiceSpec(environment={**(env_file or {}), **(environment or {})}, **keys)


SERVICE = Record(
    _service,
    "A service: one container.",
    {
        "image": Field(WORD, "an image's name; a well-known one brings its ports and a small server"),
        "command": Field(COMMAND, "what runs, instead of the image's own"),
        "entrypoint": Field(COMMAND, "what the command is given to"),
        "container_name": Field(Text(values.container_name), "the container's name; the service's if absent"),
        "hostname": Field(Text(values.container_name), "what `hostname` prints in it"),
        "ports": Field(PORTS, "published ports: 8080:80, 127.0.0.1:53:53/udp, or in the long form"),
        "expose": Field(EXPOSE, "ports that are only exposed: 80, 53/udp"),
        "networks": Field(NETWORKS_OF_SERVICE, "the networks it is on; the file's default network if absent"),
        "network_mode": Field(Text(network_mode), "bridge, host, none, service:NAME or container:NAME"),
        "mac_address": Field(MAC, "on its first network"),
        "privileged": Field(Flag(), "all rights: its programs may change interfaces, rules and sysctls"),
        "cap_add": Field(CAPABILITIES, "rights of its programs; NET_ADMIN to change interfaces, routes and rules"),
        "cap_drop": Field(CAPABILITIES, "rights that it loses; the others have no effect here"),
        "restart": Field(Text(restart_policy, types="string boolean"), "no, always, unless-stopped, on-failure or on-failure:3"),
        "profiles": Field(ListOf(Text(values.any_text)), "with one, the service is left out, as without --profile"),
        "depends_on": Field(DEPENDS_ON, "services that are started before"),
        "environment": Field(Pairs(), "variables, as a list or a mapping"),
        "env_file": Field(EnvFiles(), "files of further variables"),
        "dns": Field(ONE_OR_MORE_ADDRESSES, "name servers that Docker's own asks"),
        "dns_search": Field(ONE_OR_MORE_LINES, "domains that complete short names"),
        "dns_opt": Field(ListOf(Text(values.line)), "options of resolv.conf: ndots:1"),
        "domainname": Field(Text(values.line), "what comes after the host name in /etc/hosts"),
        "extra_hosts": Field(ExtraHosts(), "lines of /etc/hosts: somehost:192.168.50.20"),
        "links": Field(ListOf(Text(link)), "further names of services: SERVICE or SERVICE:ALIAS"),
        "deploy": Field(DEPLOY, "ignored, but for a number of replicas", check=True),
        "scale": Field(Integer(1, 1), "one; more are not modelled", check=True),
    },
    named=True,
    ignored=SERVICE_IGNORED,
    refused=SERVICE_REFUSED,
    title="ServiceSpec",
    sourced=True,
)


# --- networks

IPAM_CONFIG: Record[dict[str, Any]] = Record(
    dict,
    "A subnet of a network.",
    {
        "subnet": Field(SUBNET, "the network's subnet"),
        "ip_range": Field(SUBNET, "where in it containers' addresses are taken from"),
        "gateway": Field(ADDRESS, "the bridge's address"),
        "aux_addresses": Field(MapOf(values.any_text, ADDRESS), "addresses that are kept free"),
    },
    title="IpamConfig",
)
IPAM: Record[dict[str, Any]] = Record(
    dict,
    "A network's addresses.",
    {
        "driver": Field(Choice("default"), "Docker's own"),
        "config": Field(ListOf(IPAM_CONFIG), "one subnet"),
    },
    ignored=("options",),
    title="Ipam",
)


def _subnet(ipam: dict[str, Any]) -> dict[str, Any]:
    config = ipam.get("config", ())
    if len(config) > 1:
        raise ValueError("a network has one subnet; several are not modelled")
    if config and "subnet" not in config[0]:
        raise ValueError("a subnet is needed before anything else can be said of its addresses")
    return config[0] if config else {}


def _network(ipam: Mapping[str, Any] | None = None, **keys: Any) -> NetworkSpec:
    return NetworkSpec(**keys, **(ipam or {}))


def _only(wanted: bool, what: str) -> Shape[bool]:
    def check(value: bool) -> bool:
        if value is not wanted:
            raise ValueError(what)
        return value

    return Converted(Flag(), check)


NETWORK = Record(
    _network,
    "A network of Docker's.",
    {
        "name": Field(Text(values.container_name), "what Docker calls it; PROJECT_KEY if absent"),
        "driver": Field(Text(network_driver), "bridge, macvlan, overlay, or one of another package"),
        "driver_opts": Field(Pairs(), "com.docker.network.… options; of macvlan: parent, macvlan_mode"),
        "ipam": Field(Converted(IPAM, _subnet), "its addresses"),
        "internal": Field(Flag(), "without a way out"),
        "attachable": Field(Flag(), "overlay: containers that are no service's may be on it"),
        "external": Field(_only(False, "networks that exist before are not modelled"), "false", check=True),
        "enable_ipv6": Field(_only(False, "IPv6 is not modelled"), "false", check=True),
    },
    ignored=("labels", "enable_ipv4"),
    title="NetworkSpec",
    sourced=True,
)

COMPOSE = Record(
    ComposeSpec,
    "A docker-compose file.",
    {
        "name": Field(Text(values.name), "the project's name; networks are named PROJECT_KEY"),
        "services": Field(MapOf(values.container_name, SERVICE, values.CONTAINER_NAME, "has no service"), "the containers", required=True),
        "networks": Field(MapOf(values.container_name, NETWORK, values.CONTAINER_NAME), "the networks between them"),
    },
    ignored=("version", "volumes", "configs", "secrets"),
    refused=("include", "models"),
)
