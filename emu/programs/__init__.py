"""What a shell in a host or container finds on its PATH: programs by name, each a module with `async def main(process, argv) -> int`.

A program prints what the real one prints; an option or subcommand that is not modelled is refused by name, with the real program's
status for a wrong command line. Modules are imported when they are first run. To add a program: one file here, one line below.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.process import Main, Place

PROGRAMS = {
    "[": "emu.programs.test",
    "arp": "emu.programs.arp",
    "arping": "emu.programs.arping",
    "ash": "emu.programs.shell",
    "bash": "emu.programs.shell",
    "brctl": "emu.programs.brctl",
    "bridge": "emu.programs.bridge",
    "cat": "emu.programs.cat",
    "conntrack": "emu.programs.conntrack",
    "curl": "emu.programs.curl",
    "dig": "emu.programs.dig",
    "dmesg": "emu.programs.dmesg",
    "dns-ask": "emu.programs.dns_ask",
    "docker": "emu.programs.docker",
    "echo": "emu.programs.echo",
    "env": "emu.programs.env",
    "false": "emu.programs.false",
    "getent": "emu.programs.getent",
    "host": "emu.programs.host",
    "hostname": "emu.programs.hostname",
    "httpd": "emu.programs.httpd",
    "ifconfig": "emu.programs.ifconfig",
    "ip": "emu.programs.ip",
    "iptables": "emu.programs.iptables",
    "iptables-restore": "emu.programs.iptables_restore",
    "iptables-save": "emu.programs.iptables_save",
    "kill": "emu.programs.kill",
    "killall": "emu.programs.kill",
    "ln": "emu.programs.ln",
    "nc": "emu.programs.nc",
    "netstat": "emu.programs.netstat",
    "nginx": "emu.programs.nginx",
    "nsenter": "emu.programs.nsenter",
    "nslookup": "emu.programs.nslookup",
    "ping": "emu.programs.ping",
    "pkill": "emu.programs.kill",
    "poweroff": "emu.programs.poweroff",
    "printenv": "emu.programs.env",
    "route": "emu.programs.route",
    "sh": "emu.programs.shell",
    "sleep": "emu.programs.sleep",
    "ss": "emu.programs.ss",
    "sysctl": "emu.programs.sysctl",
    "tc": "emu.programs.tc",
    "tcp-echo": "emu.programs.tcp_echo",
    "tcp-send": "emu.programs.tcp_send",
    "test": "emu.programs.test",
    "timeout": "emu.programs.timeout",
    "tiny-dns": "emu.programs.tiny_dns",
    "traceroute": "emu.programs.traceroute",
    "true": "emu.programs.true",
    "udp-echo": "emu.programs.udp_echo",
    "udp-send": "emu.programs.udp_send",
    "wget": "emu.programs.wget",
}


def find(place: Place, name: str) -> Main | None:
    """The program that `name` (or a path that ends in it) runs in `place`; None where the shell says "not found".

    `docker` is there on hosts that run an engine only.
    """
    if "/" in name:
        directory, _, name = name.rpartition("/")
        if directory not in place.env.get("PATH", "").split(":"):
            return None
    if name not in PROGRAMS or (name == "docker" and (place.container is not None or place.host is None or place.host.docker is None)):
        return None
    main: Main = import_module(PROGRAMS[name]).main
    return main
