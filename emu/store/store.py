"""A store as daemons use it: keys with revisions, compare-and-swap, leases with a time to live, watches; all in virtual time.

Semantics of etcd 3.4 (https://etcd.io/docs/v3.4/learning/api/): a put on a lease goes when the lease does; a watch tells every change in
order. The keys themselves are in a backend, memory or a real server. Not modelled: compaction, several members, authentication; the
traffic between a daemon and the store is no packet of the lab.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from emu.engine import SECOND, Engine, Timer
from emu.store.memory import MemoryBackend
from emu.store.model import Backend, Event, KeyValue, StoreError

Watcher = Callable[[Event], None]


@dataclass
class Lease:
    """`keys` go when it ends. `granted_ns` is when it was granted or last kept alive."""

    id: int
    ttl: int
    granted_ns: int
    timer: Timer | None = None
    keys: set[str] = field(default_factory=set)


@dataclass
class Watch:
    """Tells `watcher` every change of a key that begins with `prefix`, from its making on."""

    prefix: str
    watcher: Watcher
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class Store:
    """Every method raises StoreError while the store is not `reachable`, and for what a real server answers wrongly."""

    def __init__(self, engine: Engine, backend: Backend | None = None) -> None:
        self.engine = engine
        self.backend: Backend = backend or MemoryBackend()
        self.reachable = True
        self.leases: dict[int, Lease] = {}
        self.watches: list[Watch] = []
        self._random = engine.stream("store leases")
        self._written: set[str] = set()

    @property
    def revision(self) -> int:
        return self._there().revision

    def get(self, key: str) -> KeyValue | None:
        return self._there().get(key)

    def range(self, prefix: str) -> list[KeyValue]:
        """All keys that begin with `prefix`, in the order of their names."""
        return self._there().range(prefix)

    # --- changes

    def put(self, key: str, value: str, lease: int = 0) -> KeyValue:
        """Raises StoreError too if there is no such lease."""
        written = self._put(key, value, lease, None)
        assert written is not None
        return written

    def create(self, key: str, value: str, lease: int = 0) -> KeyValue | None:
        """Put if there is no such key; None if there is."""
        return self._put(key, value, lease, 0)

    def compare_and_swap(self, key: str, value: str, mod_revision: int, lease: int = 0) -> KeyValue | None:
        """Put if the key was last changed at `mod_revision`; None if not."""
        return self._put(key, value, lease, mod_revision)

    def _put(self, key: str, value: str, lease: int, expected: int | None) -> KeyValue | None:
        backend = self._there()
        if lease and lease not in self.leases:
            raise StoreError("requested lease not found")
        before = backend.get(key)
        written = backend.put(key, value, lease, expected)
        if written is None:
            return None
        self._written.add(key)
        self._off_lease(before)
        if lease:
            self.leases[lease].keys.add(key)
        self._tell(Event(written, previous=before))
        return written

    def delete(self, key: str, mod_revision: int | None = None) -> KeyValue | None:
        """What was there; None if there was nothing, or it was changed since `mod_revision`."""
        gone = self._there().delete(key, mod_revision)
        if gone is not None:
            self._off_lease(gone)
            self._tell(Event(gone, deleted=True))
        return gone

    def _off_lease(self, kv: KeyValue | None) -> None:
        if kv is not None and kv.lease in self.leases:
            self.leases[kv.lease].keys.discard(kv.key)

    # --- leases

    def grant(self, ttl: int, lease_id: int = 0) -> Lease:
        """A lease of `ttl` seconds."""
        self._there()
        lease = Lease(lease_id or self._random.getrandbits(62) | 1 << 56, ttl, self.engine.now)
        self.leases[lease.id] = lease
        self._start(lease)
        return lease

    def keep_alive(self, lease_id: int) -> bool:
        """Its time begins anew. False: it has ended."""
        self._there()
        lease = self.leases.get(lease_id)
        if lease is None:
            return False
        lease.granted_ns = self.engine.now
        self._start(lease)
        return True

    def revoke(self, lease_id: int) -> bool:
        """End a lease and delete its keys."""
        self._there()
        return self._end(lease_id)

    def remaining(self, lease_id: int) -> int:
        """Whole seconds that a lease has left; -1 if there is none."""
        lease = self.leases.get(lease_id)
        return -1 if lease is None else max(0, lease.ttl - (self.engine.now - lease.granted_ns) // SECOND)

    def _start(self, lease: Lease) -> None:
        if lease.timer is not None:
            lease.timer.cancel()
        lease.timer = self.engine.call_later(lease.ttl * SECOND, self._expire, lease.id, background=True)

    def _expire(self, lease_id: int) -> None:
        self._end(lease_id)

    def _end(self, lease_id: int) -> bool:
        lease = self.leases.pop(lease_id, None)
        if lease is None:
            return False
        if lease.timer is not None:
            lease.timer.cancel()
        for key in sorted(lease.keys):
            gone = self.backend.delete(key, None)
            if gone is not None:
                self._tell(Event(gone, deleted=True))
        return True

    def close(self) -> None:
        """Take what was written here from a server that others may use after us; one that is not there any more keeps it."""
        if not isinstance(self.backend, MemoryBackend):
            try:
                for key in sorted(self._written):
                    self.backend.delete(key, None)
            except StoreError:
                return

    # --- watches

    def watch(self, prefix: str, watcher: Watcher) -> Watch:
        """Call `watcher` with every change from now on, a moment after it was made."""
        self._there()
        watch = Watch(prefix, watcher)
        self.watches.append(watch)
        return watch

    def _tell(self, event: Event) -> None:
        self.watches = [watch for watch in self.watches if not watch.cancelled]
        for watch in self.watches:
            if event.kv.key.startswith(watch.prefix):
                self.engine.call_later(0, self._deliver, watch, event)

    @staticmethod
    def _deliver(watch: Watch, event: Event) -> None:
        if not watch.cancelled:
            watch.watcher(event)

    def _there(self) -> Backend:
        if not self.reachable:
            raise StoreError("etcd cluster is unavailable or misconfigured")
        return self.backend


def open_store(engine: Engine, where: str | None = None) -> Store:
    """A store in memory, or at `etcd://HOST:PORT`. Raises ValueError for another form, StoreError if nothing answers there."""
    if where is None or where == "memory":
        return Store(engine)
    scheme, separator, rest = where.partition("://")
    if scheme != "etcd" or not separator or not rest:
        raise ValueError(f"{where!r} is not a store: memory, or etcd://HOST:PORT")
    from emu.store.etcd import EtcdBackend  # HTTP takes long to import, and most labs keep their store in memory

    backend = EtcdBackend(f"http://{rest.rstrip('/')}")
    _ = backend.revision
    return Store(engine, backend)
