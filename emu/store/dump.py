"""What is in a store as an etcd server tells it: the tree of its version 2 API (`GET /v2/keys/ROOT?recursive=true`), the list of 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emu.engine import SECOND
from emu.store.model import KeyValue
from emu.store.store import Store


def tree(store: Store, root: str, date: Callable[[int], str]) -> dict[str, Any]:
    """Keys as files in directories; a directory is as old as its first key. `date` writes a virtual time."""
    return {"action": "get", "node": _directory(store, root, store.range(root + "/"), date)}


def _directory(store: Store, path: str, below: list[KeyValue], date: Callable[[int], str]) -> dict[str, Any]:
    inside: dict[str, list[KeyValue]] = {}
    for found in below:
        inside.setdefault(found.key[len(path) + 1 :].partition("/")[0], []).append(found)
    nodes = []
    for name, keys in inside.items():
        is_key = keys[0].key == f"{path}/{name}"
        nodes.append(_key(store, keys[0], date) if is_key else _directory(store, f"{path}/{name}", keys, date))
    first = min((found.create_revision for found in below), default=0)
    return {"key": path, "dir": True, "nodes": nodes, "modifiedIndex": first, "createdIndex": first}


def _key(store: Store, found: KeyValue, date: Callable[[int], str]) -> dict[str, Any]:
    node: dict[str, Any] = {"key": found.key, "value": found.value}
    lease = store.leases.get(found.lease)
    if lease is not None:
        node |= {"expiration": date(lease.granted_ns + lease.ttl * SECOND), "ttl": store.remaining(lease.id)}
    return {**node, "modifiedIndex": found.mod_revision, "createdIndex": found.create_revision}


def keys(store: Store, root: str) -> list[dict[str, Any]]:
    """One object a key, with what `lease timetolive --keys` says of its lease."""
    return [_with_lease(store, found) for found in store.range(root)]


def _with_lease(store: Store, found: KeyValue) -> dict[str, Any]:
    told: dict[str, Any] = {"key": found.key, "value": found.value, "lease": found.lease, "create_revision": found.create_revision}
    told |= {"mod_revision": found.mod_revision, "version": found.version}
    return told | {"lease_timetolive": time_to_live(store, found.lease)} if found.lease in store.leases else told


def time_to_live(store: Store, lease_id: int, *, with_keys: bool = True) -> str:
    """A lease in etcdctl's words."""
    lease = store.leases[lease_id]
    attached = f", attached keys([{' '.join(sorted(lease.keys))}])" if with_keys else ""
    return f"lease {lease.id:x} granted with TTL({lease.ttl}s), remaining({store.remaining(lease.id)}s){attached}"
