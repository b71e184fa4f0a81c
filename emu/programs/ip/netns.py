"""ip netns: namespaces with names. Not modelled: `set`, `monitor`, `list-id`, the files of /etc/netns, and that a namespace without a name
lives as long as a program in the background does: it is closed when neither a container nor a program that runs now is in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from emu.netns.namespace import Netns
from emu.process import Place, UsageError
from emu.programs.ip.devices import foreign_namespaces
from emu.programs.ip.words import Context, Words
from emu.programs.libc import namespaces
from emu.programs.libc.namespaces import RUN

USAGE = """Usage:	ip netns list
	ip netns add NAME
	ip netns attach NAME PID
	ip [-all] netns delete [NAME]
	ip netns identify [PID]
	ip netns pids NAME
	ip [-all] netns exec [NAME] cmd ..."""


async def run(context: Context, words: Words) -> int:
    word = words.next() if words else "list"
    name = next((name for name in ACTIONS if name.startswith(word)), None)
    if name is None:
        raise UsageError(f'Command "{word}" is unknown, try "ip netns help".', 255)
    action = ACTIONS[name]
    if action is None:
        raise UsageError(f"ip: 'netns {name}' is not modelled", 255)
    return await action(context, words)


async def _list(context: Context, _: Words) -> int:
    place, numbered = context.process.place, foreign_namespaces(context.netns)
    rows: list[dict[str, Any]] = []
    for name in namespaces.names(place):
        netns = namespaces.by_name(place, name)
        rows.append({"name": name} | ({"id": numbered.index(netns)} if netns in numbered else {}))
    if context.json:
        context.print_json(rows)
        return 0
    for row in rows:
        context.process.print(str(row["name"]) + (f" (id: {row['id']})" if "id" in row else ""))
    return 0


def _name(words: Words) -> str:
    if not words:
        raise UsageError("No netns name specified", 1)
    name = words.next()
    if "/" in name or name in {".", ".."}:
        raise UsageError(f'Invalid netns name "{name}"', 255)
    return name


def _free_name(context: Context, words: Words) -> str:
    name = _name(words)
    if context.process.place.container is not None:
        raise UsageError("mkdir /run/netns failed: Operation not permitted", 1)
    if name in namespaces.names(context.process.place):
        raise UsageError(f'Cannot create namespace file "{RUN}/{name}": File exists', 1)
    return name


async def _add(context: Context, words: Words) -> int:
    name, host = _free_name(context, words), context.process.host
    netns = Netns(host.engine, f"{host.name}/netns/{name}")
    host.namespaces[name] = netns
    host.place.files.write(f"{RUN}/{name}", "")
    for watcher in host.on_namespace:
        watcher(netns)
    return 0


async def _attach(context: Context, words: Words) -> int:
    name, pid = _free_name(context, words), words.next()
    netns = namespaces.by_pid(context.process.place, pid)
    if netns is None:
        raise UsageError(f"Bind /proc/{pid}/ns/net -> {RUN}/{name} failed: No such file or directory", 1)
    context.process.host.namespaces[name] = netns
    context.process.host.place.files.write(f"{RUN}/{name}", "")
    return 0


async def _delete(context: Context, words: Words) -> int:
    place, host = context.process.place, context.process.host
    for name in namespaces.names(place) if "all" in context.options else [_name(words)]:
        if name not in namespaces.names(place):
            raise UsageError(f'Cannot remove namespace file "{RUN}/{name}": No such file or directory', 1)
        place.files.remove(f"{RUN}/{name}")
        netns = host.namespaces.pop(name, None)
        if netns is not None and not _used(context, netns):
            host.close_namespace(netns)
    return 0


def _used(context: Context, netns: Netns) -> bool:
    """By a container, a running program or under another name."""
    host = context.process.host
    used = [*host.namespaces.values(), host.netns, *(process.netns for process in host.place.processes.values())]
    return netns in used or (host.docker is not None and netns in host.docker.pids.values())


async def _exec(context: Context, words: Words) -> int:
    place = context.process.place
    everywhere = "all" in context.options
    chosen = namespaces.names(place) if everywhere else [_name(words)]
    argv = words.rest()
    if not argv:
        raise UsageError("No command specified", 1)
    status = 0
    for name in chosen:
        if everywhere:
            context.process.print(f"\nnetns: {name}")
        status = await run_in(context, _existing(context, name), argv)
    return 0 if everywhere else status


def _existing(context: Context, name: str) -> Netns:
    netns = namespaces.by_name(context.process.place, name)
    if netns is None:
        raise UsageError(f'Cannot open network namespace "{name}": No such file or directory', 255)
    return netns


async def run_in(context: Context, netns: Netns, argv: list[str]) -> int:
    """A program of this place, in another namespace."""
    place: Place = context.process.place.in_netns(netns)
    if place.find_program(place, argv[0]) is None:
        raise UsageError(f'exec of "{argv[0]}" failed: No such file or directory', 1)
    return await context.process.run(argv, place=place, env=context.process.env)


async def _identify(context: Context, words: Words) -> int:
    place = context.process.place
    pid = words.next() if words else str(context.process.pid)
    netns = namespaces.by_pid(place, pid)
    if netns is None:
        raise UsageError("Cannot open network namespace: No such file or directory", 1)
    found = [name for name in namespaces.names(place) if namespaces.by_name(place, name) is netns]
    context.process.print("\n".join(found))
    return 0


async def _pids(context: Context, words: Words) -> int:
    place, host = context.process.place, context.process.host
    netns = namespaces.by_name(place, _name(words))
    if netns is None:
        raise UsageError("Cannot open network namespace: No such file or directory", 1)
    pids = [pid for pid, process in place.processes.items() if process.netns is netns]
    pids += [pid for pid, each in (host.docker.pids.items() if host.docker is not None else ()) if each is netns]
    for pid in sorted(pids):
        context.process.print(pid)
    return 0


async def _help(_context: Context, _words: Words) -> int:
    raise UsageError(USAGE, 255)


ACTIONS: dict[str, Callable[[Context, Words], Awaitable[int]] | None] = {
    "list": _list, "show": _list, "lst": _list, "list-id": None, "help": _help, "add": _add, "set": None, "delete": _delete,
    "identify": _identify, "pids": _pids, "exec": _exec, "monitor": None, "attach": _attach,
}  # fmt: skip
