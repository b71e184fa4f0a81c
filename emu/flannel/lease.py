"""Subnet leases in the store (flannel, subnet/etcdv2/local_manager.go, registry.go): PREFIX/subnets/10.1.15.0-24, for a day at a time.

Not modelled: a watch that falls behind the store's history (there is none to fall behind).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emu.flannel.config import Config, Subnet
from emu.packet.address import Ip, ip, ip_text
from emu.store.model import Event, KeyValue

if TYPE_CHECKING:
    from emu.flannel.release import Release
    from emu.store.store import Store, Watch

PREFIX = "/coreos.com/network"
TTL = 86_400  # seconds
CHOICE = 100  # of so many free subnets one is taken by chance
TRIES = 10


class OutOfSubnetsError(Exception):
    """No subnet is free."""


class LeaseTakenError(Exception):
    """Others were faster each time."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a host says of itself in its lease."""

    public_ip: Ip
    backend_type: str = ""
    backend_data: dict[str, Any] = field(default_factory=dict)

    def to_json(self, release: Release) -> str:
        """As flanneld writes it: the udp back end says no type."""
        value: dict[str, Any] = {"PublicIP": ip_text(self.public_ip)}
        if release.ipv6_in_lease:
            value["PublicIPv6"] = None
        if self.backend_type and self.backend_type != "udp":
            value["BackendType"] = self.backend_type
        data = {key: each for key, each in self.backend_data.items() if key != "VNI" or release.vni_in_lease}
        if data:
            value["BackendData"] = data
        return json.dumps(value, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> Attributes:
        """Raises ValueError for what is not a lease's value."""
        value = json.loads(text)
        if not isinstance(value, dict) or not isinstance(value.get("PublicIP"), str):
            raise ValueError("no PublicIP")  # noqa: TRY004 (of the value as a whole)
        data = value.get("BackendData")
        return cls(ip(value["PublicIP"]), str(value.get("BackendType") or ""), data if isinstance(data, dict) else {})


@dataclass(frozen=True, slots=True)
class Lease:
    """A subnet and who has it. `store_lease` is 0 for a reservation, which does not end."""

    subnet: Subnet
    attributes: Attributes
    store_lease: int = 0


class LeaseManager:
    """The leases under a prefix of the store. Methods raise StoreError when it does not answer."""

    def __init__(self, store: Store, prefix: str, release: Release, log: Callable[[str], None], name: str) -> None:
        self.store = store
        self.prefix = prefix.rstrip("/")
        self.release = release
        self._log = log
        self._random = store.engine.stream(f"flannel {name} {store.engine.now}")  # not the same dice after a restart

    @property
    def config_key(self) -> str:
        return f"{self.prefix}/config"

    @property
    def subnets_prefix(self) -> str:
        return f"{self.prefix}/subnets/"

    def leases(self) -> list[Lease]:
        return [lease for found in self.store.range(self.subnets_prefix) if (lease := self._lease(found)) is not None]

    def _lease(self, found: KeyValue) -> Lease | None:
        """None for a key or value that is no lease: said, and left alone."""
        name = found.key.removeprefix(self.subnets_prefix)
        try:
            return Lease(Subnet.parse(name), Attributes.parse(found.value), found.lease)
        except ValueError as error:
            self._log(f"Ignoring bad subnet node: {name}: {error}")
            return None

    # --- our own lease

    def acquire(self, config: Config, attributes: Attributes, previous: Subnet | None) -> Lease:
        """Raises OutOfSubnetsError, LeaseTakenError."""
        for _ in range(TRIES):
            lease = self._try(config, attributes, previous)
            if lease is not None:
                self._log(f"Allocated lease ({lease.subnet}) to current node ({ip_text(attributes.public_ip)}) ")
                return lease
        raise LeaseTakenError("Max retries reached trying to acquire a subnet")

    def _try(self, config: Config, attributes: Attributes, previous: Subnet | None) -> Lease | None:
        """tryAcquireLease: the lease that has our address, the subnet of the last run, or a free one. None: somebody was faster."""
        leases = self.leases()
        mine = next((lease for lease in leases if lease.attributes.public_ip == attributes.public_ip), None)
        if mine is not None and config.allows(mine.subnet):
            self._log(f"Found lease ({mine.subnet}) for current IP ({ip_text(attributes.public_ip)}), reusing")
            reserved = not mine.store_lease
            return self._write(mine.subnet, attributes, 0 if reserved else self.store.grant(TTL).id)
        if mine is not None:
            current = ip_text(attributes.public_ip)
            self._log(f"Found lease ({mine.subnet}) for current IP ({current}) but not compatible with current config, deleting")
            self.store.delete(self.subnets_prefix + mine.subnet.key)
            leases.remove(mine)
        taken = {lease.subnet: lease for lease in leases}
        subnet = None
        if previous is not None and not config.allows(previous):
            self._log(f"Found previously leased subnet ({previous}) that is not compatible with the Etcd network config, ignoring")
        elif previous is not None and previous in taken:
            self._log(f"Found lease ({previous}) matching previously leased subnet, reusing")
            return self._write(previous, attributes, self.store.grant(TTL).id if taken[previous].store_lease else 0)
        elif previous is not None:
            self._log(f"Found previously leased subnet ({previous}), reusing")
            subnet = previous
        return self._create(subnet or self._free(config, set(taken)), attributes)

    def _free(self, config: Config, taken: set[Subnet]) -> Subnet:
        self._log(f"Picking subnet in range {ip_text(config.minimum)} ... {ip_text(config.maximum)}")
        free: list[Subnet] = []
        for subnet in config.subnets():
            if not any(subnet.contains(other.ip) or other.contains(subnet.ip) for other in taken):
                free.append(subnet)
                if len(free) == CHOICE:
                    break
        if not free:
            raise OutOfSubnetsError("out of subnets")
        return free[self._random.randrange(len(free))]

    def _create(self, subnet: Subnet, attributes: Attributes) -> Lease | None:
        """With "must not exist"; whoever else created it meanwhile keeps it."""
        granted = self.store.grant(TTL).id
        if self.store.create(self.subnets_prefix + subnet.key, attributes.to_json(self.release), granted) is None:
            self.store.revoke(granted)
            return None
        return Lease(subnet, attributes, granted)

    def _write(self, subnet: Subnet, attributes: Attributes, store_lease: int) -> Lease:
        self.store.put(self.subnets_prefix + subnet.key, attributes.to_json(self.release), store_lease)
        return Lease(subnet, attributes, store_lease)

    def renew(self, lease: Lease) -> Lease:
        """A day more."""
        return self._write(lease.subnet, lease.attributes, self.store.grant(TTL).id)

    # --- those of others

    def watch(self, own: Subnet, added: Callable[[Lease], None], removed: Callable[[Lease], None], revoked: Callable[[], None]) -> Watch:
        """Tell of all other leases, those that are there and those that come and go; and when our own goes."""

        def tell(event: Event) -> None:
            kv = event.kv
            if kv.key == self.subnets_prefix + own.key:
                if event.deleted:
                    revoked()
                return
            lease = self._lease(kv)
            if lease is not None:
                (removed if event.deleted else added)(lease)

        watching = self.store.watch(self.subnets_prefix, tell)
        for lease in self.leases():
            if lease.subnet != own:
                added(lease)
        return watching
