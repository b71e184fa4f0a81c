"""The keys of a topology file: one table that the loader reads files with and that the published JSON Schema is written from.

`python -m emu.topology.schema` writes `topology.schema.json` anew.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from emu.topology import values
from emu.topology.compose import ONE_OR_MORE_ADDRESSES
from emu.topology.compose_ports import EXPOSE
from emu.topology.file_shapes import DockerfileFile, Folder, ProgramFile, RulesFile
from emu.topology.project import ComposeContent, ComposeFile
from emu.topology.reach import REACH
from emu.topology.shapes import Choice, Converted, Either, Field, Flag, Integer, Json, ListOf, MapOf, Record, Text
from emu.topology.spec import (
    AddressPool,
    CaptureSpec,
    DockerSpec,
    HostSpec,
    ImageSpec,
    InterfaceSpec,
    Lan,
    Limits,
    ReferenceSpec,
    SwarmSpec,
    Topology,
)
from emu.topology.spec_flannel import FlannelBackendSpec, FlannelHostSpec, FlannelSpec
from emu.topology.steps import DURATION, LINE, STEPS

PUBLISHED = Path(__file__).with_name("topology.schema.json")

SUBNET = Text(values.subnet, "a subnet")
MTU = Integer(68, 65535)

LAN = Record(
    Lan,
    "A physical Ethernet segment between hosts.",
    {
        "subnet": Field(SUBNET, "the network that the addresses on it belong to"),
        "mtu": Field(MTU, "of its interfaces; 1500 if absent"),
        "delay": Field(DURATION, "one way: 20ms", to="delay_ns"),
        "rate": Field(Text(values.rate, "a rate", values.RATE), "of each interface: 10mbit", to="rate_bps"),
        "loss": Field(Text(values.percentage, "a percentage", values.PERCENTAGE), "of all frames: 1%"),
        "queue": Field(Integer(1, 1_000_000), "frames that may wait for an interface's line"),
    },
    named=True,
)

INTERFACE = Record(
    InterfaceSpec,
    "A network card.",
    {
        "lan": Field(LINE, "the segment it is plugged into", required=True),
        "address": Field(ListOf(Text(values.interface_address, "an address"), or_one=True), "192.168.50.10/24, or a list", to="addresses"),
        "mac": Field(Text(values.mac, "a MAC address"), "derived from the topology if absent"),
        "mtu": Field(MTU, "the segment's if absent"),
    },
    named=True,
)

POOL = Record(
    AddressPool,
    "Networks of one size, cut from a larger one.",
    {"base": Field(SUBNET, required=True), "size": Field(Integer(1, 30), "a prefix length", required=True)},
)

DAEMON_IGNORED = [
    "data-root", "exec-root", "storage-driver", "storage-opts", "log-driver", "log-opts", "log-level", "debug", "labels",
    "registry-mirrors", "insecure-registries", "exec-opts", "live-restore", "max-concurrent-downloads", "max-concurrent-uploads",
    "default-ulimits", "default-runtime", "runtimes", "experimental", "features", "shutdown-timeout", "pidfile", "group", "init",
    "init-path", "selinux-enabled", "userns-remap", "no-new-privileges", "builder",
]  # fmt: skip
DAEMON_REFUSED = [
    "bridge", "ipv6", "ip6tables", "fixed-cidr-v6", "default-gateway-v6", "hosts", "tls", "tlsverify",
    "swarm-default-advertise-addr", "host-gateway-ip", "userland-proxy-path",
    "network-control-plane-mtu", "node-generic-resources",
]  # fmt: skip
DOCKER = Record(
    DockerSpec,
    "A Docker engine: the keys of its daemon.json.",
    {
        "userland-proxy": Field(Flag(), "docker-proxy carries what NAT does not; true"),
        "bip": Field(Text(values.interface_address, "an address"), "docker0's address: 172.17.0.1/16"),
        "icc": Field(Flag(), "containers on docker0 reach each other; true"),
        "ip-forward": Field(Flag(), "switch net.ipv4.ip_forward on; true"),
        "ip-masq": Field(Flag(), "masquerade what leaves docker0; true"),
        "iptables": Field(Flag(), "install rules at all; true"),
        "mtu": Field(MTU, "of containers on docker0; 1500"),
        "default-address-pools": Field(ListOf(POOL), "where networks get their subnets from"),
        "fixed-cidr": Field(SUBNET, "where in docker0's subnet containers' addresses are taken from"),
        "default-gateway": Field(Text(values.unicast_ip, "an address"), "of containers on docker0"),
        "ip": Field(Text(values.ip, "an address"), "where the default network's ports are published; 0.0.0.0"),
        "dns": Field(ListOf(Text(values.unicast_ip, "an address")), "name servers of containers"),
        "dns-search": Field(ListOf(LINE), "domains that complete short names in containers"),
        "dns-opts": Field(ListOf(LINE), "options of containers' resolv.conf: ndots:1"),
        "cluster-store": Field(Text(values.cluster_store, "a URL"), "consul://HOST:PORT: engines with the same one share overlay networks"),
        "cluster-advertise": Field(LINE, "how the other hosts reach this one: eth0:2376"),
    },
    ignored=DAEMON_IGNORED,
    refused=DAEMON_REFUSED,
)


def _sysctl(key: str) -> str:
    name = key.replace("/", ".") if "." not in key else key
    if not re.match(r"^net(\.[A-Za-z0-9_/@-]+){2,}$", name):
        raise ValueError(f"'{key}' is not a name such as net.ipv4.ip_forward")
    return name


FILES = MapOf(values.absolute_path, Text(values.any_text), "^/")

FLANNEL_BACKEND = Record(
    FlannelBackendSpec,
    "How packets get from host to host.",
    {
        "type": Field(Choice("host-gw", "ipip", "udp", "vxlan", refused=("wireguard", "ipsec", "alloc", "aws-vpc", "gce", "ali-vpc"))),
        "vni": Field(Integer(0, 0xFFFFFF), "vxlan: its network identifier; 1"),
        "port": Field(Integer(1, 65535), "vxlan: 8472, udp: 8285"),
        "direct-routing": Field(Flag(), "vxlan, ipip: without the tunnel to hosts on the same segment"),
    },
)
FLANNEL = Record(
    FlannelSpec,
    "A network over several hosts, by flannel; hosts that run Docker take part.",
    {
        "network": Field(SUBNET, "what the hosts' subnets are cut from: 10.1.0.0/16", required=True),
        "subnet-len": Field(Integer(1, 30), "the prefix length of a host's subnet; 24"),
        "subnet-min": Field(Text(values.ip, "an address"), "the first subnet that is given"),
        "subnet-max": Field(Text(values.ip, "an address"), "the last subnet that is given"),
        "backend": Field(FLANNEL_BACKEND, "udp if absent, as flannel has it"),
        "ip-masq": Field(Flag(), "flanneld masquerades what leaves the network; true"),
        "prefix": Field(Text(values.absolute_path, "a path"), "of its keys in the store; /coreos.com/network"),
        "release": Field(Choice("0.13", "0.20"), "of flannel: 0.20 has iptables chains of its own; 0.13"),
    },
)
FLANNEL_HOST = Record(
    FlannelHostSpec,
    "A host's part in flannel's network.",
    {
        "subnet": Field(SUBNET, "what it had in an earlier run; any free one if absent"),
        "interface": Field(LINE, "the one to the other hosts; that of the default route, or the first"),
        "public-ip": Field(Text(values.unicast_ip, "an address"), "what the others know it by; the interface's address"),
    },
)

SWARM = Record(
    SwarmSpec,
    "Docker engines that form a swarm.",
    {
        "managers": Field(ListOf(LINE, or_one=True), "hosts, the first of them types `docker swarm init`", required=True),
        "workers": Field(ListOf(LINE, or_one=True), "hosts; all others that run Docker if absent"),
    },
)

HOST = Record(
    HostSpec,
    "A machine.",
    {
        "interfaces": Field(MapOf(values.device_name, INTERFACE, values.DEVICE_NAME), "network cards, by name"),
        "routes": Field(ListOf(LINE), "as after `ip route add`"),
        "sysctls": Field(MapOf(_sysctl, Text(values.line, types="string integer")), "as for `sysctl -w`"),
        "iptables": Field(RulesFile(), "an iptables-save file, or its text; loaded first"),
        "docker": Field(DOCKER, "a Docker engine runs here"),
        "compose": Field(Either(text=ComposeFile(), mapping=ComposeContent()), "a compose file: its path, or its content"),
        "files": Field(FILES, "texts by absolute path, for programs that read them"),
        "dns": Field(ONE_OR_MORE_ADDRESSES, "its name servers, in /etc/resolv.conf"),
        "flannel": Field(
            Either(text=Converted(Flag(), lambda yes: FlannelHostSpec(takes_part=yes)), mapping=FLANNEL_HOST),
            "whether it takes part in flannel's network, or how; if it runs Docker it does",
        ),
    },
    named=True,
)

IMAGE = Record(
    ImageSpec,
    "What is in an image, for the network.",
    {
        "expose": Field(EXPOSE, "as EXPOSE: 80, 53/udp"),
        "command": Field(
            Either(text=Text(values.words, "a command line"), items=ListOf(Text(values.any_text))),
            "the program it runs; without one it idles, and answers on the ports it exposes",
        ),
        "files": Field(FILES, "texts by absolute path"),
        "dockerfile": Field(DockerfileFile(), "a Dockerfile: its EXPOSE, ENTRYPOINT, CMD, ENV; the other keys add to it"),
    },
    named=True,
)

REFERENCE = Record(
    ReferenceSpec,
    "What `emu check` compares a run with.",
    {
        "folder": Field(Folder(), "captures, and state dumps in state/", required=True),
        "captures": Field(
            ListOf(LINE), "the capture points that are in it: web.eth0, host.veth-web, host.br-app; all interfaces if absent"
        ),
    },
)

TOPOLOGY = Record(
    Topology,
    "A lab: hosts on Ethernet segments, what runs on them, and the command lines to run.",
    {
        "name": Field(Text(values.container_name), "the file's name if absent"),
        "seed": Field(Integer(0, 2**63), "everything random comes from it"),
        "lans": Field(MapOf(values.name, LAN, values.NAME), "Ethernet segments, by name"),
        "hosts": Field(MapOf(values.name, HOST, values.NAME, "has no host"), "machines, by name", required=True),
        "images": Field(MapOf(values.line, IMAGE), "images, by name"),
        "flannel": Field(FLANNEL, "a network over several hosts, by flannel"),
        "swarm": Field(
            Either(text=Converted(LINE, lambda name: SwarmSpec(managers=(name,))), mapping=SWARM),
            "the hosts' Docker engines form a swarm: its managers, or the one manager",
        ),
        "store": Field(Text(values.store, "memory, or etcd://HOST:PORT"), "where daemons agree: memory, or etcd://127.0.0.1:2379"),
        "setup": Field(STEPS, "command lines before the captures begin"),
        "afterwards": Field(STEPS, "command lines after the captures have ended"),
        "steps": Field(STEPS, "command lines, each after the one before"),
        "reach": Field(REACH, "what must hold after the steps: client -> docker1:8080: answered"),
        "reference": Field(
            Either(text=Converted(Folder(), lambda folder: ReferenceSpec(folder=folder)), mapping=REFERENCE),
            "what `emu check` compares with: a folder",
        ),
        "programs": Field(MapOf(values.container_name, ProgramFile(), values.CONTAINER_NAME), "Python files, by the program's name"),
        "capture": Field(
            Record(
                CaptureSpec,
                "How captures are taken.",
                {
                    "promiscuous": Field(Flag(), "false is `tcpdump -p`"),
                    "plain": Field(ListOf(LINE), "interfaces with `tcpdump -p`: host/docker0"),
                },
            ),
            "how captures are taken",
        ),
        "limits": Field(
            Record(
                Limits,
                "When a lab that never goes quiet is ended.",
                {
                    "time": Field(Text(values.positive_duration, "a duration", values.DURATION, "string number"), to="time_ns"),
                    "events": Field(Integer(1, 10**12)),
                },
            ),
            "when a lab that never goes quiet is ended",
        ),
    },
)


def json_schema() -> Json:
    """The JSON Schema of topology files; a plain compose file is one too."""
    definitions: Json = {}
    topology, compose = TOPOLOGY.json(definitions), ComposeContent().json(definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "emu topology",
        "if": {"type": "object", "required": ["services"]},
        "then": compose,
        "else": topology,
        "$defs": definitions,
    }


def published_text() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PUBLISHED.write_text(published_text(), encoding="utf-8")
