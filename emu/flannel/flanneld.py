"""flanneld's life (flannel, main.go): configuration, lease, device, rules, subnet.env; then the other hosts come and go.

    wait for PREFIX/config -> back end -> lease -> device -> firewall -> subnet.env -> watch, renew, look after the rules

Not modelled: the Kubernetes subnet manager, IPv6, TLS to the store, several interfaces; how long all this takes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.engine import SECOND, Engine, Future
from emu.errors import did_you_mean
from emu.flannel import firewall
from emu.flannel.backends import BACKENDS
from emu.flannel.backends.backend import Backend, Node
from emu.flannel.config import Config, ConfigError, Subnet, parse_config
from emu.flannel.lease import PREFIX, TTL, Lease, LeaseManager, LeaseTakenError, OutOfSubnetsError
from emu.flannel.release import DEFAULT_RELEASE, RELEASES
from emu.flannel.subnet_file import SUBNET_FILE, read_subnet_file
from emu.netdev.device import NetDevice
from emu.netns.namespace import Netns
from emu.packet.address import ip, ip_text, network, prefix
from emu.store.model import StoreError

if TYPE_CHECKING:
    from emu.files import Files
    from emu.store.store import Store

POLL_NS = 1 * SECOND
RETRY_NS = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Options:
    """flanneld's flags."""

    interface: str = ""
    public_ip: str = ""
    ip_masq: bool = False
    prefix: str = PREFIX
    subnet_file: str = SUBNET_FILE
    renew_margin: int = 60  # minutes
    resync: int = firewall.RESYNC_S
    forward_rules: bool = True
    release: str = DEFAULT_RELEASE


class FatalError(Exception):
    """What ends flanneld with status 1."""


class Flanneld:
    """One flanneld on one host. `run` returns its exit status; `stop` is what its end as a process does."""

    def __init__(self, netns: Netns, files: Files, store: Store, options: Options, log: Callable[[str], None]) -> None:
        self.engine: Engine = netns.engine
        self.netns = netns
        self.files = files
        self.options = options
        self.log = log
        self.release = RELEASES[options.release]
        self.leases = LeaseManager(store, options.prefix, self.release, log, netns.name)
        self.backend: Backend | None = None
        self.rules: list[firewall.Rules] = []
        self._ended: Future[int] = Future(self.engine)
        self._stopped = False

    async def run(self) -> int:
        try:
            node = self._node()
            config = await self._wait_for_config()
            lease = await self._acquire(node, config)
        except FatalError as error:
            self.log(f"{error}")
            return 1
        assert self.backend is not None
        self.backend.configure(lease)
        self._set_up_rules(config, lease.subnet)
        self._write_subnet_file(config, lease.subnet)
        self.log(f"Wrote subnet file to {self.options.subnet_file}")
        self.log("Running backend.")
        self.leases.watch(lease.subnet, self.backend.add, self.backend.remove, self._revoked)
        self._renew_later(lease)
        return await self._ended

    def stop(self) -> None:
        """The process has ended."""
        self._stopped = True
        if self.backend is not None:
            self.backend.stop()

    # --- in the order of its start

    def _node(self) -> Node:
        """The interface to the other hosts, given or that of the default route, and its address."""
        netns, options = self.netns, self.options
        dev = self._interface()
        addresses = netns.addresses(dev)
        if not addresses:
            raise FatalError(f"Failed to find any valid interface to use: failed to find IPv4 address for interface {dev.name}")
        address = addresses[0].ip
        self.log(f"Using interface with name {dev.name} and address {ip_text(address)}")
        try:
            public = ip(options.public_ip) if options.public_ip else address
        except ValueError as error:
            raise FatalError(f"invalid public IP address: {options.public_ip}") from error
        if not options.public_ip:
            self.log(f"Defaulting external address to interface address ({ip_text(address)})")
        return Node(netns, dev, address, public, self.log, self.release.broadcast)

    def _interface(self) -> NetDevice:
        netns, wanted = self.netns, self.options.interface
        if wanted in netns.devices:
            return netns.devices[wanted]
        for address in netns.all_addresses():
            if wanted == ip_text(address.ip):
                return address.dev
        if wanted:
            near = did_you_mean(wanted, netns.devices)
            raise FatalError(f"Failed to find interface to use that matches the interfaces and/or regexes provided: {wanted}{near}")
        default = netns.fib.default_device()
        if default is None:
            raise FatalError("Failed to find any valid interface to use: Unable to find default route")
        return default

    async def _wait_for_config(self) -> Config:
        """Asked for once a second until it is there."""
        while True:
            try:
                found = self.leases.store.get(self.leases.config_key)
                if found is not None:
                    config = parse_config(found.value)
                    self.log(f"Found network config - Backend type: {config.backend_type}")
                    return config
                self.log(f"Couldn't fetch network config: 100: Key not found ({self.leases.prefix})")
            except (ConfigError, StoreError) as error:
                self.log(f"Couldn't fetch network config: {error}")
            await self._pause()

    async def _acquire(self, node: Node, config: Config) -> Lease:
        kind = BACKENDS.get(config.backend_type)
        if kind is None:
            raise FatalError(
                f"Error fetching backend: unknown backend type: {config.backend_type}{did_you_mean(config.backend_type, BACKENDS)}"
            )
        try:
            self.backend = kind(node, config)
        except (ConfigError, OSError) as error:
            raise FatalError(f"Error registering network: {getattr(error, 'strerror', None) or error}") from error
        while True:
            try:
                return self.leases.acquire(config, self.backend.attributes(), self._previous())
            except (OutOfSubnetsError, LeaseTakenError) as error:
                raise FatalError(f"Error registering network: failed to acquire lease: {error}") from error
            except StoreError as error:
                self.log(f"failed to acquire lease: {error}")
                await self._pause()

    def _pause(self) -> Future[None]:
        """A second; a flanneld that waits does not keep a lab from being quiet."""
        over: Future[None] = Future(self.engine)
        self.engine.call_later(POLL_NS, over.set_result, None, background=True)
        return over

    def _previous(self) -> Subnet | None:
        """The subnet that an earlier run has written down."""
        try:
            address, length = prefix(read_subnet_file(self.files, self.options.subnet_file)["FLANNEL_SUBNET"])
        except (KeyError, OSError, ValueError):
            return None
        return Subnet(network(address, length), length)

    def _set_up_rules(self, config: Config, own: Subnet) -> None:
        netns, options = self.netns, self.options
        chains = self.release.own_chains
        if options.ip_masq:
            self.log("Setting up masking rules")
            self.rules.append(firewall.masquerade(netns, config.network, own, own_chains=chains))
        if options.forward_rules:
            self.log("Changing default FORWARD chain policy to ACCEPT")
            self.rules.append(firewall.forward(netns, config.network, own_chains=chains))
        self._resync()

    def _resync(self) -> None:
        if self._stopped:
            return
        for rules in self.rules:
            rules.ensure()
        self.engine.call_later(self.options.resync * SECOND, self._resync, background=True)

    def _write_subnet_file(self, config: Config, own: Subnet) -> None:
        assert self.backend is not None
        lines = [f"FLANNEL_NETWORK={config.network}", f"FLANNEL_SUBNET={ip_text(own.first_host)}/{own.length}"]
        lines += [f"FLANNEL_MTU={self.backend.mtu}", f"FLANNEL_IPMASQ={str(self.options.ip_masq).lower()}"]
        self.files.write(self.options.subnet_file, "\n".join(lines) + "\n")

    # --- while it runs

    def _renew_later(self, lease: Lease) -> None:
        """An hour (the margin) before its end; a reservation has none."""
        if not lease.store_lease:
            return
        wait = (TTL - self.options.renew_margin * 60) * SECOND
        self.engine.call_later(wait, self._renew, lease, background=True)

    def _renew(self, lease: Lease) -> None:
        if self._stopped:
            return
        try:
            renewed = self.leases.renew(lease)
        except StoreError as error:
            self.log(f"Error renewing lease (trying again in 1 min): {error}")
            self.engine.call_later(RETRY_NS, self._renew, lease, background=True)
            return
        self.log("Lease renewed, new expiration: in 24h0m0s")
        self._renew_later(renewed)

    def _revoked(self) -> None:
        if not self._stopped:
            self.log("Lease has been revoked. Shutting down daemon.")
            self._ended.set_result(1)
