"""ip link: show, add (veth, bridge, dummy, macvlan), set, del. Not modelled: other kinds, groups, aliases, XDP, virtual functions."""

from __future__ import annotations

from dataclasses import dataclass

from emu.netdev.device import NetDevice
from emu.packet.address import Ip, mac_text
from emu.process import UsageError
from emu.programs.ip import details, link_add, link_change
from emu.programs.ip.devices import as_json, first_line, flags, full_name, hardware_line, state
from emu.programs.ip.words import Context, Words, dispatch, invalid, parse_prefix


def run(context: Context, words: Words) -> int:
    return dispatch(context, words, "link", ACTIONS, "show")


# --- show


@dataclass
class Filter:
    """Which devices (and addresses) to show."""

    devices: list[NetDevice]
    scope: str = ""
    prefix: tuple[Ip, int] | None = None
    label: str = ""
    secondary: str = ""  # or `primary`
    details: bool = False


def read_filter(context: Context, words: Words) -> Filter:
    """`[dev] NAME`, `up`, `master BR`, `type KIND`, `scope S`, `to PREFIX`. Raises UsageError."""
    chosen = Filter(list(context.netns.devices.values()))
    while words:
        if words.take("up"):
            chosen.devices = [dev for dev in chosen.devices if dev.up]
        elif words.take("master"):
            name = words.next()
            if name not in context.netns.devices:
                raise invalid(name, "Device does not exist")
            chosen.devices = [dev for dev in chosen.devices if dev.master is not None and dev.master.name == name]
        elif words.take("type"):
            kind = words.next()
            chosen.devices = [dev for dev in chosen.devices if dev.kind == kind]
        elif words.take("scope"):
            chosen.scope = words.next()
        elif words.take("label"):
            chosen.label = words.next()
        elif words.peek() in {"secondary", "primary"}:
            chosen.secondary = words.next()
        elif words.take("to"):
            chosen.prefix = parse_prefix(words.next())
        else:
            words.take("dev")
            name = words.next()
            if name not in context.netns.devices:
                raise UsageError(f'Device "{name}" does not exist.', 1)
            chosen.devices = [dev for dev in chosen.devices if dev.name == name]
    chosen.devices.sort(key=lambda dev: dev.ifindex)
    return chosen


def _show(context: Context, words: Words) -> int:
    devices = read_filter(context, words).devices
    if context.json:
        context.refuse_options("details", "statistics")
        context.print_json([as_json(context, dev, mode=True) for dev in devices])
        return 0
    for dev in devices:
        if context.brief:
            names = ",".join(flags(context, dev))
            context.process.print(f"{full_name(context, dev):<16} {state(dev):<14} {mac_text(dev.mac)} <{names}> ")
            continue
        lines = [first_line(context, dev, mode=True), hardware_line(context, dev)]
        if "details" in context.options and not context.busybox:
            lines[-1] += details.common(dev)
            lines += details.kind_lines(dev)
            lines[-1] += details.queues(dev)
        context.print_lines(lines)
        if "statistics" in context.options or "stats" in context.options:
            print_statistics(context, dev)
    return 0


def print_statistics(context: Context, dev: NetDevice) -> None:
    """-s: the counters, in columns as wide as they need."""
    counters = dev.counters
    for name, titles, values in (
        ("RX", ("missed", "mcast"), (counters.rx_bytes, counters.rx_packets, 0, counters.rx_dropped, 0, 0)),
        ("TX", ("carrier", "collsns"), (counters.tx_bytes, counters.tx_packets, 0, counters.tx_dropped, 0, 0)),
    ):
        widths = [max(width, len(str(value))) for width, value in zip((10, 7, 6, 7, 7, 7), values, strict=True)]
        head = " ".join(f"{title:>{width}}" for title, width in zip(("packets", "errors", "dropped", *titles), widths[1:], strict=True))
        row = "".join(f"{value:>{width}} " for value, width in zip(values, widths, strict=True))
        context.print_lines([f"    {name}: {'bytes':>{widths[0] - 4}} {head} {'':10}", f"    {row}"])


ACTIONS = {
    "add": link_add.add, "set": link_change.change, "change": link_change.change, "replace": None, "delete": link_add.delete,
    "show": _show, "lst": _show, "list": _show, "xstats": None, "afstats": None, "property": None, "help": None,
}  # fmt: skip
