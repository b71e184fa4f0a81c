"""What an etcd store holds and tells (etcd 3.4, api/mvccpb/kv.proto): keys with revisions, leases, events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class StoreError(OSError):
    """The store does not answer, or answers nonsense."""


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key as etcd keeps it. `version` counts the changes since it was created; `lease` is 0 for none."""

    key: str
    value: str
    create_revision: int
    mod_revision: int
    version: int = 1
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """A change: `kv` is what is there now, or with `deleted` what was there; `previous` what was there before a put."""

    kv: KeyValue
    deleted: bool = False
    previous: KeyValue | None = None


class Backend(Protocol):
    """Where the keys are kept. Every method raises StoreError."""

    @property
    def revision(self) -> int:
        """Of the last change."""

    def range(self, prefix: str) -> list[KeyValue]:
        """All keys that begin with `prefix`, in the order of their names."""

    def get(self, key: str) -> KeyValue | None: ...

    def put(self, key: str, value: str, lease: int, expected_revision: int | None) -> KeyValue | None:
        """Write if the key's mod_revision is the expected one (0: it must not exist; None: any). None if it is not."""

    def delete(self, key: str, expected_revision: int | None) -> KeyValue | None:
        """Delete under the same condition; what was there, None if nothing was deleted."""
