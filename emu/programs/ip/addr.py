"""ip address: show, add, replace, change, del, flush. Not modelled: peers, lifetimes, anycast, `save` and `restore`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from emu.netdev.device import NetDevice
from emu.netns.addresses import InterfaceAddress
from emu.packet.address import Ip, broadcast, ip_text, network
from emu.process import UsageError
from emu.programs.ip import details
from emu.programs.ip.devices import as_json, first_line, full_name, hardware_line, link_netns, state
from emu.programs.ip.link import Filter, print_statistics, read_filter
from emu.programs.ip.words import Context, Words, dispatch, extended, parse_ip, parse_prefix

FOREVER = 4294967295
SCOPES = ("global", "link", "host")
WILDCARD = """Warning: Executing wildcard deletion to stay compatible with old scripts.
         Explicitly specify the prefix length ({0}/32) to avoid this warning.
         This special behaviour is likely to disappear in further releases,
         fix your scripts!"""


def run(context: Context, words: Words) -> int:
    return dispatch(context, words, "address", ACTIONS, "show")


# --- show


def _show(context: Context, words: Words) -> int:
    chosen = read_filter(context, words)
    rows = [(dev, [mine for mine in context.netns.addresses(dev) if _wanted(mine, chosen)]) for dev in chosen.devices]
    chosen.details = "details" in context.options and not context.busybox
    only_inet = "4" in context.options or chosen.prefix is not None or bool(chosen.label)
    chooses = bool(chosen.scope or chosen.secondary)
    rows = [(dev, mine) for dev, mine in rows if mine or not (only_inet or (chooses and context.netns.addresses(dev)))]
    if context.json:
        context.print_json([as_json(context, dev, mode=False) | {"addr_info": [_json(each) for each in mine]} for dev, mine in rows])
        return 0
    for dev, mine in rows:
        if context.brief:
            texts = "".join(f"{ip_text(each.ip)}/{each.length} " for each in mine)
            context.process.print(f"{full_name(context, dev):<16} {state(dev):<14} {texts}")
        elif context.oneline:
            for each in mine:
                context.print_lines([f"{dev.ifindex}: {dev.name}{address_line(each)}", "       valid_lft forever preferred_lft forever"])
        else:
            head = first_line(context, dev, mode=False)
            lines = [head + link_netns(context, dev)] if only_inet and not chosen.details else [head, hardware_line(context, dev)]
            if chosen.details:
                lines[-1] += details.common(dev)
                lines += details.kind_lines(dev)
                lines[-1] += details.queues(dev).replace(" addrgenmode eui64", "")  # asked for by `ip link` only
            for each in mine:
                lines += [address_line(each), "       valid_lft forever preferred_lft forever"]
            context.print_lines(lines)
            if "statistics" in context.options:
                print_statistics(context, dev)
    return 0


def _wanted(address: InterfaceAddress, chosen: Filter) -> bool:
    if (chosen.scope and address.scope != chosen.scope) or (chosen.label and not fnmatchcase(address.label, chosen.label)):
        return False
    if chosen.secondary and address.secondary is not (chosen.secondary == "secondary"):
        return False
    if chosen.prefix is None:
        return True
    net, length = chosen.prefix
    return address.length >= length and network(address.ip, length) == network(net, length)


def address_line(address: InterfaceAddress) -> str:
    brd = f" brd {ip_text(address.broadcast)}" if address.broadcast is not None else ""
    secondary = "secondary " if address.secondary else ""
    return f"    inet {ip_text(address.ip)}/{address.length}{brd} scope {address.scope} {secondary}{address.label}"


def _json(address: InterfaceAddress) -> dict[str, Any]:
    value: dict[str, Any] = {"family": "inet", "local": ip_text(address.ip), "prefixlen": address.length}
    value |= {"broadcast": ip_text(address.broadcast)} if address.broadcast is not None else {}
    value |= {"scope": address.scope} | ({"secondary": True} if address.secondary else {})
    return value | {"label": address.label, "valid_life_time": FOREVER, "preferred_life_time": FOREVER}


# --- change


class _Arguments:
    """`ADDRESS/LEN [brd X] [scope S] [label L] dev D`, in any order."""

    def __init__(self, context: Context, words: Words) -> None:
        self.address: tuple[Ip, int] | None = None
        self.text = ""
        self.brd = ""
        self.scope = ""
        self.label: str | None = None
        device = ""
        while words:
            if words.take("dev"):
                device = words.next()
            elif words.take("brd", "broadcast"):
                self.brd = words.next()
            elif words.take("scope"):
                self.scope = words.next()
            elif words.take("label"):
                self.label = words.next()
            elif words.peek() in {"peer", "anycast", "valid_lft", "preferred_lft", "noprefixroute", "metric", "home", "nodad", "proto"}:
                raise UsageError(f"ip: 'address … {words.peek()}' is not modelled", 255)
            else:
                words.take("local")
                if self.address is not None:
                    raise UsageError(f'Error: either "local" is duplicate, or "{words.peek()}" is a garbage.', 255)
                self.text = words.next()
                self.address = parse_prefix(self.text)
        if not device:
            raise UsageError('Not enough information: "dev" argument is required.', 1)
        if self.scope and self.scope not in SCOPES:
            raise UsageError(f'Error: argument "{self.scope}" is wrong: invalid scope value.\n', 255)
        self.dev = context.device(device)

    def required(self) -> tuple[Ip, int]:
        if self.address is None:
            raise UsageError("RTNETLINK answers: Operation not supported", 2)
        return self.address

    def broadcast(self) -> Ip | None:
        address, length = self.required()
        return broadcast(address, length) if self.brd == "+" else parse_ip(self.brd) if self.brd not in {"", "-"} else None


def _add(context: Context, words: Words, *, replace: bool = False) -> int:
    arguments = _Arguments(context, words)
    address, length = arguments.required()
    netns, dev = context.netns, arguments.dev
    if replace and any((mine.ip, mine.length) == (address, length) for mine in netns.addresses(dev)):
        return 0  # its lifetime is all that would change
    scope = arguments.scope or ("host" if address[0] == 127 else "global")
    try:
        netns.add_address(dev, address, length, broadcast=arguments.broadcast(), scope=scope, label=arguments.label)
    except FileExistsError:
        raise extended("ipv4: Address already assigned.") from None
    return 0


def _replace(context: Context, words: Words) -> int:
    return _add(context, words, replace=True)


def _delete(context: Context, words: Words) -> int:
    arguments = _Arguments(context, words)
    address, length = arguments.required()
    mine = [each for each in context.netns.addresses(arguments.dev) if each.ip == address]
    if "/" not in arguments.text and mine and mine[0].length != 32:
        context.process.error(WILDCARD.format(ip_text(address)))
        length = mine[0].length
    try:
        context.netns.remove_address(arguments.dev, address, length)
    except LookupError:
        raise extended("ipv4: Address not found.") from None
    return 0


def _flush(context: Context, words: Words) -> int:
    if not words:
        raise UsageError("Flush requires arguments.", 1)
    chosen = read_filter(context, words)
    for dev in chosen.devices:
        _flush_device(context, dev, chosen)
    return 0


def _flush_device(context: Context, dev: NetDevice, chosen: Filter) -> None:
    for address in list(context.netns.addresses(dev)):
        if _wanted(address, chosen) and address in context.netns.addresses(dev):
            context.netns.remove_address(dev, address.ip, address.length)


ACTIONS = {
    "add": _add, "replace": _replace, "change": _replace, "chg": _replace, "delete": _delete, "show": _show, "lst": _show, "list": _show,
    "flush": _flush, "save": None, "restore": None, "showdump": None, "help": None,
}  # fmt: skip
