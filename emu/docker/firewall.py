"""Every iptables rule that Docker installs on a host, in its order (libnetwork setup_ip_tables.go, iptables.go, firewall_linux.go).

A rule is added only if it is not there yet, as Docker asks with `-C` first. Not modelled: ip6tables, the rules of swarm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.docker.errors import DockerError
from emu.errors import EmuError
from emu.packet.address import ip_text

if TYPE_CHECKING:
    from emu.docker.ipam import Prefix
    from emu.docker.model import PublishedPort
    from emu.netns.namespace import Netns

USER, STAGE_1, STAGE_2 = "DOCKER-USER", "DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2"
ESTABLISHED = "-m conntrack --ctstate RELATED,ESTABLISHED"
LOCAL = "-m addrtype --dst-type LOCAL"
NOT_LOOPBACK = "! -d 127.0.0.0/8 "


class Firewall:
    """The rules of one engine. With `enabled` false (`iptables: false` in daemon.json) it installs nothing."""

    def __init__(self, netns: Netns, userland_proxy: bool, enabled: bool) -> None:
        self.netns = netns
        self.userland_proxy = userland_proxy
        self.enabled = enabled

    def set_up(self) -> None:
        """Docker's chains, made anew when its bridge driver starts."""
        if not self.enabled:
            return
        for table, chain, rule in (
            ("nat", "PREROUTING", f"{LOCAL} -j DOCKER"),
            ("nat", "OUTPUT", f"{NOT_LOOPBACK}{LOCAL} -j DOCKER"),
            ("nat", "OUTPUT", f"{LOCAL} -j DOCKER"),
            ("filter", "FORWARD", f"-j {STAGE_1}"),
        ):
            self._delete(table, chain, rule)
        for table, chain in (("nat", "DOCKER"), ("filter", "DOCKER"), ("filter", STAGE_1), ("filter", STAGE_2)):
            self._new_chain(table, chain, flush=True)
        self._append("filter", STAGE_1, "-j RETURN")
        self._append("filter", STAGE_2, "-j RETURN")

    def drop_forwarded(self) -> None:
        """Docker does this if it was Docker that switched forwarding on."""
        if self.enabled:
            self._do("-P FORWARD DROP")

    def network_created(self) -> None:
        """After every network, of any driver: the user's own chain comes first."""
        if not self.enabled:
            return
        self._new_chain("filter", USER)
        self._append("filter", USER, "-j RETURN")
        self._move_to_top("FORWARD", f"-j {USER}")

    def add_bridge(self, bridge: str, subnet: Prefix, *, icc: bool, masquerade: bool, host_address: str = "") -> None:
        if not self.enabled:
            return
        for table, chain, rule in self._nat_rules(bridge, subnet, masquerade, host_address):
            self._insert(table, chain, rule)
        self._set_icc(bridge, icc)
        self._insert("filter", "FORWARD", f"-i {bridge} ! -o {bridge} -j ACCEPT")
        self._append("nat", "PREROUTING", f"{LOCAL} -j DOCKER")
        self._append("nat", "OUTPUT", f"{NOT_LOOPBACK if self.userland_proxy else ''}{LOCAL} -j DOCKER")
        self._insert("filter", "FORWARD", f"-o {bridge} -j DOCKER")
        self._insert("filter", "FORWARD", f"-o {bridge} {ESTABLISHED} -j ACCEPT")
        self._move_to_top("FORWARD", f"-j {STAGE_1}")
        self._insert("filter", STAGE_1, f"-i {bridge} ! -o {bridge} -j {STAGE_2}")
        self._insert("filter", STAGE_2, f"-o {bridge} -j DROP")

    def remove_bridge(self, bridge: str, subnet: Prefix, *, masquerade: bool, host_address: str = "") -> None:
        """All of it but what other bridges share."""
        if not self.enabled:
            return
        for table, chain, rule in (
            *self._nat_rules(bridge, subnet, masquerade, host_address),
            ("filter", "FORWARD", f"-i {bridge} -o {bridge} -j ACCEPT"),
            ("filter", "FORWARD", f"-i {bridge} -o {bridge} -j DROP"),
            ("filter", "FORWARD", f"-i {bridge} ! -o {bridge} -j ACCEPT"),
            ("filter", "FORWARD", f"-o {bridge} -j DOCKER"),
            ("filter", "FORWARD", f"-o {bridge} {ESTABLISHED} -j ACCEPT"),
            ("filter", STAGE_1, f"-i {bridge} ! -o {bridge} -j {STAGE_2}"),
            ("filter", STAGE_2, f"-o {bridge} -j DROP"),
        ):
            self._delete(table, chain, rule)

    def add_internal_bridge(self, bridge: str, subnet: Prefix, *, icc: bool) -> None:
        """A network without a way out: nothing but its own subnet passes its bridge."""
        if not self.enabled:
            return
        self._insert("filter", STAGE_1, f"-i {bridge} ! -d {subnet} -j DROP")
        self._insert("filter", STAGE_1, f"-o {bridge} ! -s {subnet} -j DROP")
        self._set_icc(bridge, icc)
        self._move_to_top("FORWARD", f"-j {STAGE_1}")

    def remove_internal_bridge(self, bridge: str, subnet: Prefix) -> None:
        if not self.enabled:
            return
        self._delete("filter", STAGE_1, f"-i {bridge} ! -d {subnet} -j DROP")
        self._delete("filter", STAGE_1, f"-o {bridge} ! -s {subnet} -j DROP")
        self._delete("filter", "FORWARD", f"-i {bridge} -o {bridge} -j ACCEPT")
        self._delete("filter", "FORWARD", f"-i {bridge} -o {bridge} -j DROP")

    def publish(self, bridge: str, container: bytes, port: PublishedPort) -> None:
        if self.enabled:
            for table, chain, rule in self._port_rules(bridge, container, port):
                self._append(table, chain, rule)

    def unpublish(self, bridge: str, container: bytes, port: PublishedPort) -> None:
        if self.enabled:
            for table, chain, rule in self._port_rules(bridge, container, port):
                self._delete(table, chain, rule)

    def link(self, rules: list[str]) -> None:
        """What a link opens, with icc=false."""
        for rule in rules if self.enabled else ():
            self._append("filter", "DOCKER", rule)

    def unlink(self, rules: list[str]) -> None:
        for rule in rules if self.enabled else ():
            self._delete("filter", "DOCKER", rule)

    def _nat_rules(self, bridge: str, subnet: Prefix, masquerade: bool, host_address: str) -> list[tuple[str, str, str]]:
        """What is inserted into nat for a bridge, in this order."""
        rules = []
        if masquerade:
            target = f"SNAT --to-source {host_address}" if host_address else "MASQUERADE"
            rules.append(("nat", "POSTROUTING", f"-s {subnet} ! -o {bridge} -j {target}"))
            if self.userland_proxy:
                rules.append(("nat", "DOCKER", f"-i {bridge} -j RETURN"))
        if not self.userland_proxy:
            rules.append(("nat", "POSTROUTING", f"-o {bridge} -m addrtype --src-type LOCAL -j MASQUERADE"))
        return rules

    def _port_rules(self, bridge: str, container: bytes, port: PublishedPort) -> list[tuple[str, str, str]]:
        ip, protocol = ip_text(container), port.protocol
        outside, inside = f"-p {protocol} --dport {port.host_port}", f"-p {protocol} --dport {port.port}"
        to_host = "" if port.host_ip == "0.0.0.0" else f"-d {port.host_ip} "
        not_from_bridge = f"! -i {bridge} " if self.userland_proxy else ""
        return [
            ("nat", "DOCKER", f"{to_host}{not_from_bridge}{outside} -j DNAT --to-destination {ip}:{port.port}"),
            ("filter", "DOCKER", f"-d {ip} ! -i {bridge} -o {bridge} {inside} -j ACCEPT"),
            ("nat", "POSTROUTING", f"-s {ip} -d {ip} {inside} -j MASQUERADE"),
        ]

    def _set_icc(self, bridge: str, icc: bool) -> None:
        """May the bridge's containers talk to each other? The refusal goes to the end of the chain."""
        accept, drop = f"-i {bridge} -o {bridge} -j ACCEPT", f"-i {bridge} -o {bridge} -j DROP"
        if icc:
            self._delete("filter", "FORWARD", drop)
            self._insert("filter", "FORWARD", accept)
        else:
            self._delete("filter", "FORWARD", accept)
            self._append("filter", "FORWARD", drop)

    def _has(self, table: str, chain: str, rule: str) -> bool:
        return self._try(f"-t {table} -C {chain} {rule}")

    def _append(self, table: str, chain: str, rule: str) -> None:
        if not self._has(table, chain, rule):
            self._do(f"-t {table} -A {chain} {rule}")

    def _insert(self, table: str, chain: str, rule: str) -> None:
        if not self._has(table, chain, rule):
            self._do(f"-t {table} -I {chain} {rule}")

    def _delete(self, table: str, chain: str, rule: str) -> None:
        if self._has(table, chain, rule):
            self._do(f"-t {table} -D {chain} {rule}")

    def _move_to_top(self, chain: str, rule: str) -> None:
        self._delete("filter", chain, rule)
        self._do(f"-t filter -I {chain} {rule}")

    def _new_chain(self, table: str, chain: str, *, flush: bool = False) -> None:
        if not self._try(f"-t {table} -N {chain}") and flush:
            self._do(f"-t {table} -F {chain}")

    def _do(self, command: str) -> None:
        """Raises DockerError with iptables' words: someone may have deleted Docker's chains."""
        try:
            self.netns.iptables(command)
        except EmuError as error:
            raise DockerError(500, f" (iptables failed: iptables --wait {command}: {error}\n (exit status 1))") from None

    def _try(self, command: str) -> bool:
        """Does iptables do it? It says no to what is not there, and to a chain that is."""
        try:
            self.netns.iptables(command)
        except EmuError:
            return False
        return True
