"""consul(1), as far as the key-value store goes: `consul kv get [-recurse] [-keys] [-separator=S] KEY`, of the lab's store.

Whatever server a lab says that its engines use, its keys are the lab's store's. Not modelled: all else that Consul does.
"""

from __future__ import annotations

from emu.process import Process, UsageError
from emu.store.model import StoreError

UNREACHABLE = "Error querying Consul agent: Unexpected response code: 500"


async def main(process: Process, argv: list[str]) -> int:
    words = argv[1:]
    if words[:2] != ["kv", "get"]:
        raise UsageError(f"consul: '{' '.join(words[:2])}' is not modelled; known: consul kv get", 1)
    options = {word.lstrip("-").partition("=")[0]: word.partition("=")[2] for word in words[2:] if word.startswith("-")}
    for name in options:
        if name not in ("recurse", "keys", "separator"):
            raise UsageError(f"consul kv get: '-{name}' is not modelled", 1)
    key = next((word for word in words[2:] if not word.startswith("-")), "")
    if not key and not options:
        raise UsageError("Error! Missing KEY argument", 1)
    store = process.host.store if process.host is not None else None
    if store is None:
        raise UsageError(UNREACHABLE, 1)
    try:
        if "keys" in options:
            return _keys(process, [each.key for each in store.range(key)], key, options.get("separator") or "/")
        found = store.range(key) if "recurse" in options else [each for each in (store.get(key),) if each is not None]
    except StoreError:
        raise UsageError(UNREACHABLE, 1) from None
    if not found and "recurse" not in options:
        raise UsageError(f"Error! No key exists at: {key}", 1)
    for each in found:
        process.print(f"{each.key}:{each.value}" if "recurse" in options else each.value)
    return 0


def _keys(process: Process, keys: list[str], prefix: str, separator: str) -> int:
    """The keys that begin so, up to the next separator."""
    rests = [key[len(prefix) :].partition(separator) for key in keys]
    for key in dict.fromkeys(prefix + first + mark for first, mark, _ in rests):
        process.print(key)
    return 0
