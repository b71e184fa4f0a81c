"""etcdctl 3.4 (Debian's): look into the store and change it, in the forms of both of etcd's APIs.

The API is that of ETCDCTL_API. Where that is not set, `set ls mk update rm` and a plain `get` are those of version 2, as flannel's
documentation types them; `put del lease …` and a `get` with options are those of version 3. The store is one: what one form writes the
other reads. Not modelled: users, members, snapshots, transactions, TLS, output formats but `simple`, `json` and `extended`.
"""

from __future__ import annotations

from emu.errors import did_you_mean
from emu.process import Process, UsageError
from emu.programs.etcdctl import v2, v3
from emu.programs.etcdctl.call import Call
from emu.store.model import StoreError

GLOBAL = {"endpoints", "endpoint", "C", "peers", "no-sync", "timeout", "total-timeout", "command-timeout", "dial-timeout"}
SWITCHES = {"no-sync"}


async def main(process: Process, argv: list[str]) -> int:
    if process.host is None or process.host.store is None:
        raise UsageError("etcdctl: there is no store here: give the topology a `flannel` or a `store`", 1)
    words, output = _global_options(argv)
    if not words:
        raise UsageError("etcdctl: a command is needed: " + ", ".join(sorted({*v2.COMMANDS, *v3.COMMANDS, "watch"})), 1)
    api = process.env.get("ETCDCTL_API") or _guess(words)
    call = Call(process, process.host.store, words, output=output)
    try:
        return await v2.run(call) if api == "2" else await v3.run(call)
    except StoreError as error:
        text = f"Error:  client: {error}" if api == "2" else f"Error: {error}"
        raise UsageError(text, 4 if api == "2" else 1) from None


def _global_options(argv: list[str]) -> tuple[list[str], str]:
    """The command's words, and the output format. Where the store is does not matter: there is one."""
    words: list[str] = []
    output = ""
    rest = list(argv[1:])
    while rest:
        word = rest.pop(0)
        name, has_value, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or (name not in GLOBAL and name not in {"w", "write-out", "o", "output"}):
            words.append(word)
            continue
        if name in SWITCHES:
            continue
        if not has_value:
            if not rest:
                raise UsageError(f"flag needs an argument: {word}", 1)
            value = rest.pop(0)
        if name not in GLOBAL:
            output = value
    if output not in {"", "simple", "json", "extended"}:
        raise UsageError(f"etcdctl: output format '{output}' is not modelled{did_you_mean(output, ['simple', 'json', 'extended'])}", 1)
    return words, output


def _guess(words: list[str]) -> str:
    command = words[0]
    if command in v2.COMMANDS and command not in v3.COMMANDS:
        return "2"
    plain = command in v2.COMMANDS and not any(word.startswith("-") for word in words[1:])
    return "2" if plain else "3"
