"""modprobe(8): `br_netfilter` lets bridged packets pass iptables, in all namespaces of the machine; what else emu has is there anyway."""

from __future__ import annotations

from emu.netns.namespace import Netns
from emu.process import Process, UsageError
from emu.programs.uname import RELEASE

_THERE = "bridge dummy ip_gre ip_tables ipip iptable_filter iptable_nat macvlan nf_conntrack nf_nat tun veth vxlan"
THERE = frozenset(_THERE.split())


async def main(process: Process, argv: list[str]) -> int:
    names = [word for word in argv[1:] if not word.startswith("-")]
    options = [word for word in argv[1:] if word.startswith("-")]
    for option in options:
        if option not in {"-a", "-q", "-v", "--all", "--quiet", "--verbose"}:
            raise UsageError(f"modprobe: {option} is not modelled", 1)
    if not names:
        raise UsageError("modprobe: ERROR: missing parameters. See -h.", 1)
    if process.host is None or process.place.container is not None:
        raise UsageError(f"modprobe: FATAL: Module {names[0]} not found in directory /lib/modules/{RELEASE}", 1)
    for name in names if "-a" in options or "--all" in options else names[:1]:
        plain = name.replace("-", "_")
        if plain == "br_netfilter":
            _load_br_netfilter(process)
        elif plain not in THERE:
            raise UsageError(f"modprobe: FATAL: Module {name} not found in directory /lib/modules/{RELEASE}", 1)
    return 0


def _load_br_netfilter(process: Process) -> None:
    """In each namespace that there is, and each that comes."""
    host = process.host
    containers = [container.place.netns for container in host.docker.containers.values() if container.place] if host.docker else []
    there: list[Netns] = [host.netns, *host.namespaces.values(), *containers]
    for netns in there:
        netns.load_br_netfilter()
    host.on_namespace.append(Netns.load_br_netfilter)
