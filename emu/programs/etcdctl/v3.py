"""The commands of etcd's version 3 API: keys with revisions, leases, watches."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable

from emu.engine import Future
from emu.process import UsageError
from emu.programs.etcdctl.call import Call, Flags
from emu.programs.libc import goflag
from emu.store.dump import time_to_live
from emu.store.model import Event, KeyValue

FLAGS: dict[str, dict[str, type]] = {
    "del": {"prefix": bool, "prev-kv": bool},
    "endpoint": {"cluster": bool},
    "get": {"prefix": bool, "keys-only": bool, "print-value-only": bool, "limit": int, "from-key": bool},
    "lease": {"keys": bool},
    "put": {"lease": str, "prev-kv": bool},
    "version": {},
    "watch": {"prefix": bool, "prev-kv": bool},
}


async def run(call: Call) -> int:
    command = call.arguments[0]
    if command not in COMMANDS and command != "watch":
        raise UsageError(f'Error: unknown command "{command}" for "etcdctl"\nRun \'etcdctl --help\' for usage.', 1)
    call.flags, call.arguments = _flags(call.arguments)
    if command == "watch":
        return await _watch(call)
    COMMANDS[command](call)
    return 0


def _flags(words: list[str]) -> tuple[Flags, list[str]]:
    """Options may stand anywhere before `--`, as with pflag."""
    kinds = FLAGS[words[0]]
    options: list[str] = [words[0]]
    arguments: list[str] = []
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if word == "--":
            return goflag.parse(options, kinds), arguments + rest
        if not word.startswith("-") or word == "-":
            arguments.append(word)
            continue
        name, has_value, _ = word.lstrip("-").partition("=")
        if name not in kinds:
            raise UsageError(f"Error: unknown flag: --{name}", 1)
        options.append(word)
        if not has_value and kinds[name] is not bool and rest:
            options.append(rest.pop(0))
    return goflag.parse(options, kinds), arguments


def _selected(call: Call) -> list[KeyValue]:
    """The keys that a command names: one, those with a prefix, those from a key on, or those of a range."""
    store, key = call.store, call.arguments[0]
    if call.flags.get("prefix"):
        return store.range(key)
    if call.flags.get("from-key"):
        return [found for found in store.range("") if found.key >= key]
    if len(call.arguments) > 1:
        return [found for found in store.range("") if key <= found.key < call.arguments[1]]
    one = store.get(key)
    return [one] if one is not None else []


def _get(call: Call) -> None:
    if not 1 <= len(call.arguments) <= 2:
        raise UsageError("Error: get command needs one argument as key and an optional argument as range_end", 128)
    found = _selected(call)
    count = len(found)
    if call.flags.get("limit"):
        found = found[: int(call.flags["limit"])]
    if call.output == "json":
        header = {"cluster_id": 1, "member_id": 1, "revision": call.store.revision, "raft_term": 2}
        answer = {"header": header, **({"kvs": [_json(each) for each in found], "count": count} if count else {})}
        call.print(json.dumps(answer, separators=(",", ":")))
        return
    for each in found:
        if not call.flags.get("print-value-only"):
            call.print(each.key)
        call.print("" if call.flags.get("keys-only") else each.value)


def _json(kv: KeyValue) -> dict[str, object]:
    key, value = (b64encode(text.encode()).decode() for text in (kv.key, kv.value))
    shown: dict[str, object] = {"key": key, "create_revision": kv.create_revision, "mod_revision": kv.mod_revision, "version": kv.version}
    shown["value"] = value
    if kv.lease:
        shown["lease"] = kv.lease
    return shown


def _put(call: Call) -> None:
    if len(call.arguments) != 2:
        raise UsageError("Error: put command needs 1 argument and input from stdin or 2 arguments", 128)
    key, value = call.arguments
    before = call.store.get(key)
    call.store.put(key, value, _lease_id(str(call.flags["lease"])) if "lease" in call.flags else 0)
    call.print("OK")
    if call.flags.get("prev-kv") and before is not None:
        call.print(f"{before.key}\n{before.value}")


def _lease_id(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise UsageError(f'Error: bad lease ID (strconv.ParseInt: parsing "{text}": invalid syntax), expecting ID in Hex', 128) from None


def _del(call: Call) -> None:
    if not 1 <= len(call.arguments) <= 2:
        raise UsageError("Error: del command needs one argument as key and an optional argument as range_end", 128)
    gone = _selected(call)
    for each in gone:
        call.store.delete(each.key)
    call.print(len(gone))
    if call.flags.get("prev-kv"):
        for each in gone:
            call.print(f"{each.key}\n{each.value}")


def _lease(call: Call) -> None:
    if not call.arguments or call.arguments[0] not in LEASE:
        raise UsageError(f"etcdctl: lease '{' '.join(call.arguments)}' is not modelled; known: {', '.join(sorted(LEASE))}", 1)
    action, *call.arguments = call.arguments
    LEASE[action](call)


def _grant(call: Call) -> None:
    if len(call.arguments) != 1:
        raise UsageError("Error: lease grant command needs TTL argument", 128)
    if not call.arguments[0].isdigit() or not int(call.arguments[0]):
        raise UsageError(f'Error: bad TTL (strconv.ParseInt: parsing "{call.arguments[0]}": invalid syntax)', 128)
    lease = call.store.grant(int(call.arguments[0]))
    call.print(f"lease {lease.id:x} granted with TTL({lease.ttl}s)")


def _revoke(call: Call) -> None:
    text = call.arguments[0] if call.arguments else ""
    if not call.store.revoke(_lease_id(text)):
        raise UsageError("Error: failed to revoke lease (etcdserver: requested lease not found)", 1)
    call.print(f"lease {text} revoked")


def _time_to_live(call: Call) -> None:
    text = call.arguments[0] if call.arguments else ""
    if (lease := _lease_id(text)) not in call.store.leases:
        call.print(f"lease {text} already expired")
        return
    call.print(time_to_live(call.store, lease, with_keys=bool(call.flags.get("keys"))))


def _list(call: Call) -> None:
    call.print(f"found {len(call.store.leases)} leases")
    for each in call.store.leases:
        call.print(f"{each:x}")


def _endpoint(call: Call) -> None:
    if call.arguments != ["health"]:
        raise UsageError(f"etcdctl: endpoint '{' '.join(call.arguments)}' is not modelled; known: health", 1)
    _ = call.store.revision
    call.print("127.0.0.1:2379 is healthy: successfully committed proposal: took = 1ms")


def _version(call: Call) -> None:
    call.print("etcdctl version: 3.4.23\nAPI version: 3.4")


async def _watch(call: Call) -> int:
    """Every change, until the program is ended."""
    if len(call.arguments) != 1:
        raise UsageError("Error: watch needs one argument as key", 128)
    key = call.arguments[0]

    def tell(event: Event) -> None:
        kv = event.kv
        if kv.key == key or call.flags.get("prefix"):
            if call.flags.get("prev-kv") and event.previous is not None:
                call.print(f"{event.previous.key}\n{event.previous.value}")
            call.print(f"DELETE\n{kv.key}\n" if event.deleted else f"PUT\n{kv.key}\n{kv.value}")

    watch = call.store.watch(key, tell)
    call.process.at_exit(watch.cancel)
    never: Future[None] = Future(call.process.engine)
    await never
    return 0


LEASE: dict[str, Callable[[Call], None]] = {
    "grant": _grant,
    "list": _list,
    "revoke": _revoke,
    "timetolive": _time_to_live,
}
COMMANDS: dict[str, Callable[[Call], None]] = {
    "del": _del,
    "endpoint": _endpoint,
    "get": _get,
    "lease": _lease,
    "put": _put,
    "version": _version,
}
