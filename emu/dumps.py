"""What a state dump of a reference stands for: by its file's name, the command that prints the same in the lab, and where.

host.ip-route                PLACE.WHAT, of one host and its containers
h1.ip-route.txt              PLACE.WHAT.txt, of several hosts: with all tables and states
conntrack-after-c2.h1.txt    WHAT-WHEN.PLACE.txt, at the moment `conntrack-after-c2`
docker-ps                    of the first host with Docker
etcd-v2.json                 the lab's store, as a server of etcd's would tell it
"""

from __future__ import annotations

import json

from emu.docker.dates import date
from emu.errors import EmuError
from emu.lab import Lab
from emu.store import dump

OF_ONE_HOST = {  # WHAT: the command that prints it, on the machine
    "ip-addr": "ip addr",
    "ip-route": "ip route",
    "ip-neigh": "ip neigh",
    "ip-rule": "ip rule",
    "ip-route-local": "ip route show table local",
    "ip-link-detail": "ip -d link",
    "iptables-save": "iptables-save",
    "conntrack-L": "conntrack -L",
    "ss-lntu": "ss -lntu",
    "bridge-fdb": "bridge fdb show",
    "bridge-link": "bridge -d link",
    "brctl-show": "brctl show",
    "sysctl": "sysctl -a",
}
OF_SEVERAL = {  # WHAT.txt: what it is compared as, and the command
    "ip-addr": ("ip-addr", "ip addr"),
    "ip-link-d": ("ip-link-detail", "ip -d link"),
    "ip-route": ("ip-route", "ip route show table all"),
    "ip-rule": ("ip-rule", "ip rule"),
    "ip-neigh": ("ip-neigh", "ip -d neigh show nud all"),
    "bridge-fdb": ("bridge-fdb", "bridge -d fdb show"),
    "iptables-save": ("iptables-save", "iptables-save -c"),
    "conntrack": ("conntrack-L", "conntrack -L"),
    "sysctl": ("sysctl", "sysctl -a"),
    "fdb": ("bridge-fdb", r"bridge fdb show | grep -v '33:33\|permanent$'; ip -s link show type vxlan"),
    "ip-maddr": ("ip-maddr", "ip -4 maddr; ip maddr show dev eth0 | grep -v inet6"),
    "ovs-vsctl-show": ("ovs-vsctl-show", "ovs-vsctl show"),
    "ovs-fdb-br-int": ("ovs-fdb", "ovs-appctl fdb/show br-int"),
    "ovs-fdb-br-phy": ("ovs-fdb", "ovs-appctl fdb/show br-phy"),
    "ovs-tnl-neigh": ("ovs-tnl-neigh", "ovs-appctl tnl/neigh/show"),
    "ovs-ovs-route": ("ovs-route", "ovs-appctl ovs/route/show"),
    "ovs-tnl-ports": ("ovs-tnl-ports", "ovs-appctl tnl/ports/show -v"),
    "netns-list": ("netns-list", "ls /var/run/docker/netns"),
    "docker-network-ls": ("docker-network-ls", "docker network ls"),
    "docker-containers-networksettings": ("docker-inspect", "docker inspect -f '{{.Name}} {{json .NetworkSettings}}' $(docker ps -q)"),
}
FILES = {  # WHAT: the same, in the place itself
    "resolv.conf": "cat /etc/resolv.conf",
    "hosts": "cat /etc/hosts",
    "etc-hosts.txt": "cat /etc/hosts",
    "etc-resolv.conf.txt": "cat /etc/resolv.conf",
    "hostname": "cat /etc/hostname",
    "env": "sh -c env",
    "subnet.env": "cat /run/flannel/subnet.env",
}
NETWORKS = "docker-network-inspect.json"
DOCKER = {"docker-network-ls": "docker network ls", "docker-ps": "docker ps -a", NETWORKS: "docker network inspect"}
ROOT = "/coreos.com/network"  # of flannel's keys


def dump_now(lab: Lab, name: str, moment: str = "") -> tuple[str, str]:
    """As what it is compared, PLACE.WHAT, and what emu's programs print now. Raises EmuError for a name that stands for no command."""
    if name in {"etcd-v2.json", "etcd-v3.json"}:
        return name, _store(lab, name)
    if name in DOCKER or name.startswith("docker-inspect-"):
        host = next((host.name for host in lab.hosts.values() if host.docker is not None), "")
        line = DOCKER.get(name) or f"docker inspect {name.removeprefix('docker-inspect-').removesuffix('.json')}"
        return name, lab.run(host, line + _names(lab, host, name)).stdout
    place, what = _split(lab, name)
    if what == NETWORKS:
        return name, lab.run(place, DOCKER[what] + _names(lab, place, what)).stdout
    if what in FILES:
        return name, lab.run(_place(lab, place), FILES[what]).stdout
    kind, line = _command(what, moment)
    process = lab.run(_place(lab, place), line, programs_of="host")
    return f"{name.removesuffix(f'.{what}')}.{kind}", process.output if process.exit_status else process.stdout


def _split(lab: Lab, name: str) -> tuple[str, str]:
    """The place and the rest: also of `h1.sbox-ov1.ip-addr.txt`, in a namespace that Docker has made for a network."""
    place, _, what = name.partition(".")
    inner, _, rest = what.partition(".")
    mine = [each for each in lab.places() if each.startswith(f"{place}/")]
    balancers = [each for each in mine if each.startswith(f"{place}/lb-")]
    exact = f"{place}/{inner.replace('_', '-')}"
    if rest and exact in mine:
        return exact, rest
    if rest and inner.startswith("lb-") and len(balancers) == 1:  # it is called by the network's id there
        return balancers[0], rest
    return place, what


def _names(lab: Lab, host: str, what: str) -> str:
    """All networks, for a command that wants each by name."""
    return "".join(f" {network.name}" for network in lab.hosts[host].docker.networks.all.values()) if what == NETWORKS else ""


def _command(what: str, moment: str) -> tuple[str, str]:
    if what == "txt":  # the moment's name begins with what it is
        what = next((each for each in OF_SEVERAL if f"{moment}-".startswith(f"{each}-")), "") + ".txt"
    if what in OF_ONE_HOST:
        return what, OF_ONE_HOST[what]
    if what.endswith(".txt") and what.removesuffix(".txt") in OF_SEVERAL:
        return OF_SEVERAL[what.removesuffix(".txt")]
    raise EmuError("no command is known that prints it")


def _place(lab: Lab, name: str) -> str:
    """A host, or a container by its own name. Raises EmuError."""
    places = lab.places()
    found = [each for each in places if each == name or each.rpartition("/")[2] == name]
    if len(found) != 1 and name not in places:
        raise EmuError(f"there is no place '{name}'" if not found else f"'{name}' may be {' or '.join(found)}")
    return name if name in places else found[0]


def _store(lab: Lab, name: str) -> str:
    if lab.store is None:
        raise EmuError("the lab has no store")
    if name == "etcd-v2.json":
        return json.dumps(dump.tree(lab.store, ROOT, date), indent=1)
    return json.dumps(dump.keys(lab.store, ROOT), indent=1)
