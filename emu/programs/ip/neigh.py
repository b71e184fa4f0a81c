"""ip neighbour: show, add, replace, change, del, flush. Not modelled: proxy entries, NOARP."""

from __future__ import annotations

from typing import Any

from emu.netdev.device import NetDevice
from emu.netns.neighbour import Neighbour, NeighbourState
from emu.packet.address import Ip, Mac, ip, ip_text, mac_text
from emu.process import UsageError
from emu.programs.ip.words import Context, Words, answers, dispatch, extended, invalid, not_modelled, parse_mac, parse_prefix

SETTABLE = frozenset({"permanent", "reachable", "stale", "failed"})


def run(context: Context, words: Words) -> int:
    return dispatch(context, words, "neighbour", ACTIONS, "show")


# --- show


def _chosen(context: Context, words: Words) -> tuple[list[Neighbour], bool, bool]:
    """The entries that a filter means; was a device given, and a state?"""
    entries = list(context.netns.neighbours.shown())
    dev: NetDevice | None = None
    state = ""
    while words:
        if words.take("dev"):
            name = words.next()
            if name not in context.netns.devices:
                raise UsageError(f'Cannot find device "{name}"', 1)
            dev = context.netns.devices[name]
            entries = [entry for entry in entries if entry.dev is dev]
        elif words.take("nud"):
            state = words.next()
            if state not in {"all", *(known.name.lower() for known in NeighbourState)}:
                raise invalid(state, "nud state is bad")
            entries = [entry for entry in entries if state in {"all", entry.state.name.lower()}]
        elif words.peek() in {"proxy", "vrf", "nomaster", "master", "unused"}:
            raise not_modelled(f"neigh show {words.peek()}")
        else:
            words.take("to")
            net, length = parse_prefix(words.next()) if words.peek() not in {"all", "any"} or not words.next() else (ip("0.0.0.0"), 0)
            shift = 32 - length
            entries = [entry for entry in entries if int.from_bytes(entry.ip, "big") >> shift == int.from_bytes(net, "big") >> shift]
    return entries, dev is not None, bool(state)


def _show(context: Context, words: Words) -> int:
    context.refuse_options("statistics")
    entries, hide_dev, _ = _chosen(context, words)
    if context.json:
        context.print_json([_json(entry, hide_dev=hide_dev) for entry in entries])
        return 0
    for entry in entries:
        parts = [ip_text(entry.ip)] + ([] if hide_dev else ["dev", entry.dev.name])
        parts += ["lladdr", mac_text(entry.mac)] if entry.mac is not None and _has_mac(entry) else []
        context.process.print(" ".join([*parts, entry.state.name]) + " ")
    return 0


def _get(context: Context, words: Words) -> int:
    """One entry, by address and device."""
    address, dev = "", ""
    while words:
        if words.take("dev"):
            dev = words.next()
        else:
            words.take("to")
            address = words.next()
    if not address or not dev:
        raise UsageError("Device and address are required arguments.", 1)
    wanted = parse_prefix(address)[0]
    entry = context.netns.neighbours.entries.get((context.device(dev), wanted))
    if entry is None:
        raise extended("Neighbour entry not found.")
    lladdr = f"lladdr {mac_text(entry.mac)} " if entry.mac is not None and _has_mac(entry) else ""
    context.process.print(f"{address} dev {dev} {lladdr}{entry.state.name} ")
    return 0


def _has_mac(entry: Neighbour) -> bool:
    return entry.state not in {NeighbourState.FAILED, NeighbourState.INCOMPLETE}


def _json(entry: Neighbour, *, hide_dev: bool) -> dict[str, Any]:
    value: dict[str, Any] = {"dst": ip_text(entry.ip)} | ({} if hide_dev else {"dev": entry.dev.name})
    value |= {"lladdr": mac_text(entry.mac)} if entry.mac is not None and _has_mac(entry) else {}
    return value | {"state": [entry.state.name]}


# --- change


def _read(context: Context, words: Words) -> tuple[NetDevice, Ip, Mac | None, str]:
    address: Ip | None = None
    mac: Mac | None = None
    state = "permanent"
    device = ""
    while words:
        if words.take("dev"):
            device = words.next()
        elif words.take("lladdr"):
            mac = parse_mac(words.next())
        elif words.take("nud"):
            state = words.next()
        elif words.peek() in {"proxy", "router", "use", "managed", "extern_learn", "protocol"}:
            raise not_modelled(f"neigh … {words.peek()}")
        else:
            words.take("to")
            text = words.next()
            try:
                address = ip(text)
            except ValueError:
                raise UsageError(f'Error: any valid address is expected rather than "{text}".', 1) from None
    if address is None or not device:
        raise UsageError("Device and destination are required arguments.", 255)
    if state not in SETTABLE:
        raise not_modelled(f"neigh … nud {state}")
    return context.device(device), address, mac, state


def _put(context: Context, words: Words, *, new: bool = False, known: bool = False) -> int:
    dev, address, mac, state = _read(context, words)
    entry = context.netns.neighbours.entries.get((dev, address))
    if new and entry is not None:
        raise answers("File exists")
    if known and entry is None:
        raise answers("No such file or directory")
    if mac is None and (entry is None or entry.mac is None):
        raise extended("No link layer address given.")
    context.netns.neighbours.set_state(dev, address, mac, NeighbourState[state.upper()])
    return 0


def _add(context: Context, words: Words) -> int:
    return _put(context, words, new=True)


def _change(context: Context, words: Words) -> int:
    return _put(context, words, known=True)


def _delete(context: Context, words: Words) -> int:
    dev, address, _, _ = _read(context, words)
    if (dev, address) not in context.netns.neighbours.entries:
        raise answers("No such file or directory")
    _remove(context, dev, address)
    return 0


def _flush(context: Context, words: Words) -> int:
    if not words:
        raise UsageError("Flush requires arguments.", 1)
    entries, _, by_state = _chosen(context, words)
    for entry in entries:
        if by_state or entry.state is not NeighbourState.PERMANENT:
            _remove(context, entry.dev, entry.ip)
    return 0


def _remove(context: Context, dev: NetDevice, address: Ip) -> None:
    """neigh_delete: it fails first, and then it goes."""
    context.netns.neighbours.set_state(dev, address, None, NeighbourState.FAILED)
    context.netns.neighbours.remove(dev, address)


ACTIONS = {
    "add": _add, "change": _change, "chg": _change, "replace": _put, "delete": _delete, "get": _get, "show": _show, "lst": _show,
    "list": _show, "flush": _flush, "help": None,
}  # fmt: skip
