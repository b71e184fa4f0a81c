"""What a shell in a host or container finds on its PATH: programs by name, each a module with `async def main(process, argv) -> int`.

A program prints what the real one prints; an option or subcommand that is not modelled is refused by name, with the real program's
status for a wrong command line. Modules are imported when they are first run. To add a program: one file here, one line below.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from emu.process import Process, UsageError

if TYPE_CHECKING:
    from emu.process import Main, Place

PROGRAMS = {
    "[": "emu.programs.test",
    "arp": "emu.programs.arp",
    "arping": "emu.programs.arping",
    "ash": "emu.programs.shell",
    "awk": "emu.programs.awk",
    "bash": "emu.programs.shell",
    "brctl": "emu.programs.brctl",
    "bridge": "emu.programs.bridge",
    "cat": "emu.programs.cat",
    "clear": "emu.programs.clear",
    "conntrack": "emu.programs.conntrack",
    "consul": "emu.programs.consul",
    "curl": "emu.programs.curl",
    "cut": "emu.programs.cut",
    "date": "emu.programs.date",
    "dig": "emu.programs.dig",
    "dmesg": "emu.programs.dmesg",
    "dns-ask": "emu.programs.dns_ask",
    "docker": "emu.programs.docker",
    "dockerd": "emu.programs.dockerd",
    "dropwatch": "emu.programs.dropwatch",
    "echo": "emu.programs.echo",
    "egrep": "emu.programs.grep",
    "env": "emu.programs.env",
    "etcdctl": "emu.programs.etcdctl",
    "ethtool": "emu.programs.ethtool",
    "false": "emu.programs.false",
    "fgrep": "emu.programs.grep",
    "flanneld": "emu.programs.flanneld",
    "getent": "emu.programs.getent",
    "grep": "emu.programs.grep",
    "head": "emu.programs.head",
    "host": "emu.programs.host",
    "hostname": "emu.programs.hostname",
    "httpd": "emu.programs.httpd",
    "id": "emu.programs.id",
    "ifconfig": "emu.programs.ifconfig",
    "ip": "emu.programs.ip",
    "iptables": "emu.programs.iptables",
    "iptables-restore": "emu.programs.iptables_restore",
    "iptables-save": "emu.programs.iptables_save",
    "kill": "emu.programs.kill",
    "killall": "emu.programs.kill",
    "ln": "emu.programs.ln",
    "ls": "emu.programs.ls",
    "mk-docker-opts.sh": "emu.programs.mk_docker_opts",
    "mkdir": "emu.programs.mkdir",
    "nc": "emu.programs.nc",
    "modprobe": "emu.programs.modprobe",
    "netstat": "emu.programs.netstat",
    "nginx": "emu.programs.nginx",
    "nsenter": "emu.programs.nsenter",
    "nslookup": "emu.programs.nslookup",
    "ovs-appctl": "emu.programs.ovs_appctl",
    "ovs-vsctl": "emu.programs.ovs_vsctl",
    "ping": "emu.programs.ping",
    "pipework": "emu.programs.pipework",
    "pkill": "emu.programs.kill",
    "poweroff": "emu.programs.poweroff",
    "printenv": "emu.programs.env",
    "printf": "emu.programs.printf",
    "ps": "emu.programs.ps",
    "rm": "emu.programs.rm",
    "rmdir": "emu.programs.mkdir",
    "route": "emu.programs.route",
    "sed": "emu.programs.sed",
    "seq": "emu.programs.seq",
    "sh": "emu.programs.shell",
    "sleep": "emu.programs.sleep",
    "sort": "emu.programs.sort",
    "ss": "emu.programs.ss",
    "sudo": "emu.programs.sudo",
    "sysctl": "emu.programs.sysctl",
    "systemctl": "emu.programs.systemctl",
    "tail": "emu.programs.head",
    "tc": "emu.programs.tc",
    "tcp-echo": "emu.programs.tcp_echo",
    "tcp-send": "emu.programs.tcp_send",
    "tcpdump": "emu.programs.tcpdump",
    "tee": "emu.programs.tee",
    "telnet": "emu.programs.telnet",
    "test": "emu.programs.test",
    "timeout": "emu.programs.timeout",
    "tiny-dns": "emu.programs.tiny_dns",
    "touch": "emu.programs.touch",
    "tr": "emu.programs.tr",
    "traceroute": "emu.programs.traceroute",
    "true": "emu.programs.true",
    "udp-echo": "emu.programs.udp_echo",
    "udp-send": "emu.programs.udp_send",
    "uname": "emu.programs.uname",
    "uniq": "emu.programs.uniq",
    "wc": "emu.programs.wc",
    "wget": "emu.programs.wget",
    "which": "emu.programs.which",
    "whoami": "emu.programs.id",
    "xargs": "emu.programs.xargs",
}
OF_MACHINES = frozenset({"modprobe", "ovs-appctl", "ovs-vsctl", "pipework", "sudo"})  # which containers have not
NOT_MODELLED = frozenset({"watch"})  # that people type all the same, and get a name for


async def _refuse(_process: Process, argv: list[str]) -> int:
    raise UsageError(f"'{argv[0]}' is not modelled", 1)


def find(place: Place, name: str) -> Main | None:
    """The program that `name` (or a path that ends in it) runs in `place`; None where the shell says "not found".

    `docker` is there on hosts that run an engine only, what is a machine's not in containers.
    """
    if "/" in name:
        directory, _, name = name.rpartition("/")
        if directory not in place.env.get("PATH", "").split(":"):
            return None
    if name in OF_MACHINES and place.container is not None:
        return None
    if name in NOT_MODELLED:
        return _refuse
    if name not in PROGRAMS or (name == "docker" and (place.container is not None or place.host is None or place.host.docker is None)):
        return None
    main: Main = import_module(PROGRAMS[name]).main
    return main
