"""The older way to a network of several engines: each of them uses the same key-value store (`dockerd --cluster-store --cluster-advertise`;
libnetwork datastore, drivers/overlay/{ov_network,ov_serf}.go).

Whoever is at the other end of the URL, the keys are in the lab's store, below the URL's path; engines with the same URL share their
networks. Addresses are the lowest free ones, VNIs are from 256, chosen when a network's first container comes. What Serf says between the
engines (port 7946) is no packet here. Not modelled: the keys of single endpoints' details, locks, and taking over what the store holds
from an earlier run.
"""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from emu.docker.errors import DockerError
from emu.docker.ipam import AddressSpace, Pieces
from emu.docker.swarm.cluster import GLOBAL
from emu.docker.swarm.membership import advertised
from emu.docker.swarm.shared import LAST_VNI, Scope, SharedNetwork
from emu.errors import EmuError
from emu.packet.address import Ip, ip_text, mac_text
from emu.store.model import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emu.docker.engine import DockerEngine
    from emu.docker.model import Endpoint, Network, NetworkConfig
    from emu.store.store import Store

FIRST_VNI = 256
ROOT = "docker/network/v1.0/"
BLOCK = 32  # bits


class KeyValueScope(Scope):
    """All engines with one store."""

    name = "global"

    def __init__(self, store: Store, path: str) -> None:
        super().__init__(AddressSpace(Pieces((GLOBAL,), 24)), FIRST_VNI)
        self.store = store
        self.root = f"{path}/{ROOT}".lstrip("/")
        self.ends: dict[DockerEngine, Ip] = {}  # engines, with what `--cluster-advertise` says

    def add(self, docker: DockerEngine) -> None:
        """An engine starts: it sees the networks that there are. Raises DockerError if it has no such address."""
        self.ends[docker] = advertised(docker, docker.config.cluster_advertise)
        for shared in self.networks.values():
            shared.come_to(docker)

    # --- networks

    def new_id(self, docker: DockerEngine, name: str) -> str:
        return docker.new_id(f"network {name}")

    def check_can_change(self, docker: DockerEngine) -> None:
        self._reached()

    def create(self, docker: DockerEngine, name: str, config: NetworkConfig) -> SharedNetwork:
        self._reached()
        shared = super().create(docker, name, config)
        for engine in self.ends:
            shared.come_to(engine)
        self._write(shared)
        return shared

    def visible(self, docker: DockerEngine) -> list[SharedNetwork]:
        return list(self.networks.values())

    def attach(self, docker: DockerEngine, name: str) -> Network | None:
        """Every engine has its part already."""
        if any(name == shared.name or shared.id.startswith(name) for shared in self.networks.values()):
            self._reached()
        return None

    def left(self, network: Network) -> None:
        """The part stays where it is; the address is free again."""
        assert network.shared is not None
        with suppress(StoreError):  # a container's end does not wait for the store
            self._write(network.shared)

    def remove(self, docker: DockerEngine, shared: SharedNetwork) -> None:
        self._reached()
        if any(shared.members()):
            raise DockerError(403, f"error while removing network: network {shared.name} id {shared.id} has active endpoints")
        for engine in self.ends:
            shared.leave(engine)
        self.release(shared)
        for key in (f"network/{shared.id}/", f"endpoint_count/{shared.id}/", f"overlay/network/{shared.id}/"):
            self.store.delete(self.root + key)
        self.store.delete(f"{self.root}ipam/default/data/GlobalDefault/{shared.pool.subnet}/")
        self._write_numbers()

    def tunnel_end(self, docker: DockerEngine) -> Ip:
        return self.ends[docker]

    def changed(self, endpoint: Endpoint, there: bool) -> None:
        shared = endpoint.network.shared
        assert shared is not None
        key = f"{self.root}endpoint/{shared.id}/{endpoint.id}/"
        with suppress(StoreError):
            if there:
                self.store.put(key, _text(_endpoint(endpoint)))
                self._write(shared)
            else:
                self.store.delete(key)

    # --- what is in the store

    def _reached(self) -> None:
        """Raises DockerError if the store does not answer."""
        try:
            self.store.get(self.root)
        except StoreError as error:
            raise DockerError(500, f"failed to get network from store: {error}") from None

    def _write(self, shared: SharedNetwork) -> None:
        subnet = {"SubnetIP": str(shared.pool.subnet), "GwIP": f"{ip_text(shared.gateway)}/{shared.pool.subnet.length}", "Vni": shared.vni}
        mtu = int(shared.config.options.get("com.docker.network.driver.mtu", "0"))
        values = {
            f"network/{shared.id}/": {"name": shared.name, "id": shared.id, "networkType": "overlay", "scope": "global"},
            f"endpoint_count/{shared.id}/": {"Count": sum(1 for _ in shared.members())},
            f"overlay/network/{shared.id}/": {"secure": False, "subnets": [subnet], "mtu": mtu},
        }
        for key, value in values.items():
            self.store.put(self.root + key, _text(value))
        pool = shared.pool
        used = _sequence(pool.used, pool.subnet.size)
        self.store.put(f"{self.root}ipam/default/data/GlobalDefault/{pool.subnet}/", _text({"id": str(pool.subnet), "sequence": used}))
        self._write_numbers()

    def _write_numbers(self) -> None:
        taken = [shared.vni for shared in self.networks.values() if shared.vni]
        subnets: dict[str, dict[str, str]] = {f"GlobalDefault/{shared.pool.subnet}": {} for shared in self.networks.values()}
        self.store.put(f"{self.root}idm/vxlan-id/", _text({"id": "vxlan-id", "sequence": _sequence(taken, LAST_VNI)}))
        self.store.put(f"{self.root}ipam/default/config/GlobalDefault/", _text({"Scope": "global", "Subnets": subnets}))


def open_scope(docker: DockerEngine) -> KeyValueScope:
    """That of the lab's engines with the same store's URL. Raises EmuError."""
    url = docker.config.cluster_store
    if docker.host.store is None:
        raise EmuError(f"{docker.host.name}: docker: cluster-store: {url}: there is no store in this lab")
    engines: list[DockerEngine] = [host.docker for host in docker.host.peers.values() if host.docker is not None]
    scope = next((each.store for each in engines if each.store is not None and each.config.cluster_store == url), None)
    if scope is None:
        scope = KeyValueScope(docker.host.store, url.partition("://")[2].partition("/")[2].rstrip("/"))
    scope.add(docker)
    return scope


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    address = f"{ip_text(endpoint.ip or b'')}/{endpoint.length}"
    mac = mac_text(endpoint.mac) if endpoint.mac else ""
    return {"name": endpoint.name, "id": endpoint.id, "ep_iface": {"mac": mac, "addr": address}, "anonymous": endpoint.container.anonymous}


def _sequence(taken: Iterable[int], bits: int) -> str:
    """A bit sequence as libnetwork writes it: sizes, then runs of equal blocks of 32 bits, in base 64 (bitseq.Handle.ToByteArray)."""
    blocks: dict[int, int] = {}
    for ordinal in taken:
        blocks[ordinal // BLOCK] = blocks.get(ordinal // BLOCK, 0) | 1 << BLOCK - 1 - ordinal % BLOCK
    runs: list[tuple[int, int]] = []
    position, end = 0, -(-bits // BLOCK)
    for block in sorted(blocks):
        if block > position:
            runs.append((0, block - position))
        runs.append((blocks[block], 1))
        position = block + 1
    if end > position:
        runs.append((0, end - position))
    unselected = bits - sum(pattern.bit_count() * count for pattern, count in runs)
    wire = bits.to_bytes(8, "big") + unselected.to_bytes(8, "big")
    return b64encode(wire + b"".join(pattern.to_bytes(4, "big") + count.to_bytes(8, "big") for pattern, count in _merged(runs))).decode()


def _merged(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for pattern, count in runs:
        if merged and merged[-1][0] == pattern:
            merged[-1] = pattern, merged[-1][1] + count
        else:
            merged.append((pattern, count))
    return merged
