"""Keys in memory, with etcd's revisions: one counter for the whole store, one step for each change."""

from __future__ import annotations

from emu.store.model import KeyValue


class MemoryBackend:
    """A new etcd server's keyspace: its revision is 1."""

    def __init__(self) -> None:
        self.revision = 1
        self._keys: dict[str, KeyValue] = {}

    def range(self, prefix: str) -> list[KeyValue]:
        return [self._keys[key] for key in sorted(self._keys) if key.startswith(prefix)]

    def get(self, key: str) -> KeyValue | None:
        return self._keys.get(key)

    def put(self, key: str, value: str, lease: int = 0, expected_revision: int | None = None) -> KeyValue | None:
        before = self._keys.get(key)
        if expected_revision is not None and expected_revision != (before.mod_revision if before else 0):
            return None
        self.revision += 1
        created = before.create_revision if before else self.revision
        now = KeyValue(key, value, created, self.revision, before.version + 1 if before else 1, lease)
        self._keys[key] = now
        return now

    def delete(self, key: str, expected_revision: int | None = None) -> KeyValue | None:
        before = self._keys.get(key)
        if before is None or (expected_revision is not None and expected_revision != before.mod_revision):
            return None
        self.revision += 1
        return self._keys.pop(key)
