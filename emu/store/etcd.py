"""Keys in a real etcd server, through the HTTP gateway of its v3 API (etcd 3.4: /v3/kv/…, JSON with base64 keys and values).

Leases are emu's own, in virtual time: nothing on the server expires by the wall clock. Not modelled: TLS, authentication, several
endpoints, watching what others than this lab write.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from emu.store.model import KeyValue, StoreError

TIMEOUT = 5.0  # seconds of real time


def _encode(text: str) -> str:
    return b64encode(text.encode()).decode()


def _end_of(prefix: str) -> str:
    """Range end for all keys with a prefix: its last byte plus one."""
    raw = prefix.encode()
    return b64encode(raw[:-1] + bytes([raw[-1] + 1])).decode() if raw else b64encode(b"\0").decode()


class EtcdBackend:
    """`url` is `http://HOST:PORT`. `leases` remembers which of the lab's leases a key is on: the server knows nothing of them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.leases: dict[str, int] = {}

    @property
    def revision(self) -> int:
        return int(self._header(self._post("range", {"key": _encode("\0")})))

    def range(self, prefix: str) -> list[KeyValue]:
        answer = self._post("range", {"key": _encode(prefix or "\0"), "range_end": _end_of(prefix), "sort_target": "KEY"})
        return [self._key_value(found) for found in answer.get("kvs", [])]

    def get(self, key: str) -> KeyValue | None:
        found = self._post("range", {"key": _encode(key)}).get("kvs", [])
        return self._key_value(found[0]) if found else None

    def put(self, key: str, value: str, lease: int = 0, expected_revision: int | None = None) -> KeyValue | None:
        put = {"request_put": {"key": _encode(key), "value": _encode(value)}}
        if not self._transaction(key, put, expected_revision):
            return None
        self.leases[key] = lease
        return self.get(key)

    def delete(self, key: str, expected_revision: int | None = None) -> KeyValue | None:
        before = self.get(key)
        gone = {"request_delete_range": {"key": _encode(key)}}
        if before is None or not self._transaction(key, gone, expected_revision):
            return None
        self.leases.pop(key, None)
        return before

    def _transaction(self, key: str, operation: dict[str, Any], expected_revision: int | None) -> bool:
        compare: list[dict[str, Any]] = []
        if expected_revision is not None:
            compare = [{"key": _encode(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(expected_revision)}]
        return bool(self._post("txn", {"compare": compare, "success": [operation]}).get("succeeded"))

    def _key_value(self, found: dict[str, Any]) -> KeyValue:
        try:
            key = b64decode(found["key"]).decode()
            value = b64decode(found.get("value", "")).decode()
            created, changed = int(found["create_revision"]), int(found["mod_revision"])
            return KeyValue(key, value, created, changed, int(found.get("version", 1)), self.leases.get(key, 0))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise StoreError(f"{self.url}: an answer that is not etcd's: {found!r:.80}") from error

    def _header(self, answer: dict[str, Any]) -> str:
        try:
            return str(int(answer["header"]["revision"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(f"{self.url}: an answer that is not etcd's: {answer!r:.80}") from error

    def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        request = Request(f"{self.url}/v3/kv/{what}", json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
        try:
            with urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310 (the scheme is ours)
                answer = json.load(response)
        except (URLError, TimeoutError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise StoreError(f"{self.url}: {reason}") from error
        except ValueError as error:
            raise StoreError(f"{self.url}: an answer that is not JSON") from error
        if not isinstance(answer, dict):
            raise StoreError(f"{self.url}: an answer that is not etcd's: {answer!r:.80}")
        return answer
