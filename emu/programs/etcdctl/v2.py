"""The commands of etcd's version 2 API: keys as files in directories. A directory is there while a key is in it."""

from __future__ import annotations

import json
from collections.abc import Callable

from emu.engine import Future
from emu.process import UsageError
from emu.programs.etcdctl.call import Call, Flags
from emu.programs.libc import goflag
from emu.store.model import Event, KeyValue
from emu.store.store import Store

FLAGS: dict[str, dict[str, type]] = {
    "get": {"sort": bool, "quorum": bool, "q": bool},
    "ls": {"sort": bool, "recursive": bool, "r": bool, "p": bool, "quorum": bool},
    "mk": {"ttl": int},
    "rm": {"dir": bool, "recursive": bool, "r": bool},
    "set": {"ttl": int},
    "update": {"ttl": int},
    "watch": {"recursive": bool, "r": bool, "forever": bool, "f": bool},
}


async def run(call: Call) -> int:
    command = call.arguments[0]
    if command not in COMMANDS and command != "watch":
        raise UsageError(f"No help topic for '{command}'", 3)
    call.flags, call.arguments = _flags(call.arguments)
    if not call.arguments and command != "ls":
        raise UsageError("Error:  key required", 1)
    if command == "watch":
        return await _watch(call)
    COMMANDS[command](call)
    return 0


def _flags(words: list[str]) -> tuple[Flags, list[str]]:
    """Options may stand before the words only, as with Go's flags; a value may begin with a dash."""
    kinds = FLAGS[words[0]]
    options, at = [words[0]], 1
    while at < len(words) and words[at].startswith("-"):
        options.append(words[at])
        name, has_value, _ = words[at].lstrip("-").partition("=")
        at += 1
        if not has_value and kinds.get(name) is int and at < len(words):
            options.append(words[at])
            at += 1
    return goflag.parse(options, kinds), words[at:]


def _value(call: Call) -> str:
    if len(call.arguments) < 2:
        raise UsageError("Error:  value required", 1)
    return call.arguments[1]


def _not_found(key: str, status: int = 4) -> UsageError:
    return UsageError(f"Error:  100: Key not found ({key})", status)


def _below(store: Store, key: str) -> list[KeyValue]:
    return store.range(key if key == "/" else key + "/")


def _lease(call: Call) -> int:
    ttl = int(call.flags.get("ttl", 0))
    return call.store.grant(ttl).id if ttl > 0 else 0


def _get(call: Call) -> None:
    found = call.store.get(call.key)
    if found is None:
        raise UsageError(f"{call.key}: is a directory", 1) if _below(call.store, call.key) else _not_found(call.key)
    if call.output == "json":
        call.print(json.dumps({"action": "get", "node": _node(call.store, found)}, separators=(",", ":")))
        return
    if call.output == "extended":
        call.print(f"Key: {found.key}\nCreated-Index: {found.create_revision}\nModified-Index: {found.mod_revision}")
        call.print(f"TTL: {max(0, call.store.remaining(found.lease))}\nIndex: {call.store.revision}\n")
    call.print(found.value)


def _node(store: Store, found: KeyValue) -> dict[str, object]:
    node: dict[str, object] = {"key": found.key, "value": found.value, "nodes": None}
    if found.lease:
        node["ttl"] = max(0, store.remaining(found.lease))
    return {**node, "createdIndex": found.create_revision, "modifiedIndex": found.mod_revision}


def _ls(call: Call) -> None:
    below = _below(call.store, call.key)
    if not below:
        if call.store.get(call.key) is not None:
            call.print(call.key)
        elif call.key != "/":
            raise _not_found(call.key)
        return
    recursive = bool(call.flags.get("recursive") or call.flags.get("r"))
    shown: list[str] = []
    start = 0 if call.key == "/" else len(call.key)
    for found in below:
        parts = found.key[start:].strip("/").split("/")
        for depth in range(1, len(parts) + 1 if recursive else 2):
            name = ("" if call.key == "/" else call.key) + "/" + "/".join(parts[:depth])
            if call.flags.get("p") and depth < len(parts):
                name += "/"
            if name not in shown:
                shown.append(name)
    for name in shown:
        call.print(name)


def _write(call: Call) -> None:
    """`set`."""
    value = _value(call)
    if _below(call.store, call.key):
        raise UsageError(f"Error:  102: Not a file ({call.key})", 9)
    call.store.put(call.key, value, _lease(call))
    call.print(value)


def _mk(call: Call) -> None:
    value = _value(call)
    if call.store.create(call.key, value, _lease(call)) is None:
        raise UsageError(f"Error:  105: Key already exists ({call.key})", 4)
    call.print(value)


def _update(call: Call) -> None:
    value = _value(call)
    if call.store.get(call.key) is None:
        raise _not_found(call.key, 6)
    call.store.put(call.key, value, _lease(call))
    call.print(value)


def _rm(call: Call) -> None:
    below = _below(call.store, call.key)
    if below:
        if not (call.flags.get("recursive") or call.flags.get("r")):
            raise UsageError(f"Error:  102: Not a file ({call.key})", 7)
        for found in below:
            call.store.delete(found.key)
        return
    gone = call.store.delete(call.key)
    if gone is None:
        raise _not_found(call.key, 8)
    call.print(f"PrevNode.Value: {gone.value}")


async def _watch(call: Call) -> int:
    """One change, or with `--forever` all of them."""
    forever = bool(call.flags.get("forever") or call.flags.get("f"))
    recursive = bool(call.flags.get("recursive") or call.flags.get("r"))
    changed: Future[None] = Future(call.process.engine)

    def tell(event: Event) -> None:
        kv = event.kv
        if kv.key != call.key and not (recursive and kv.key.startswith(call.key.rstrip("/") + "/")):
            return
        action = "delete" if event.deleted else "set"
        if forever:
            call.print(f"[{action}] {kv.key}")
        if not event.deleted:
            call.print(kv.value)
        if not forever:
            changed.set_result(None)

    watch = call.store.watch(call.key, tell)
    call.process.at_exit(watch.cancel)
    await changed
    return 0


COMMANDS: dict[str, Callable[[Call], None]] = {"get": _get, "ls": _ls, "mk": _mk, "rm": _rm, "set": _write, "update": _update}
