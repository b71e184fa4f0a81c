"""ip maddr: the groups that devices listen to, on the link and in IPv4 (iproute2's ipmaddr.c). Not modelled: add, del, IPv6 groups."""

from __future__ import annotations

from emu.netdev.bridge import Bridge
from emu.netdev.device import NetDevice
from emu.packet.address import group_mac, ip, ip_text, mac, mac_text
from emu.programs.ip.words import Context, Words, dispatch

ALL_NODES_IPV6 = mac("33:33:00:00:00:01")
ALL_HOSTS = ip("224.0.0.1")
SNOOPERS = ip("224.0.0.106")  # RFC 4286: a bridge with multicast snooping


def run(context: Context, words: Words) -> int:
    return dispatch(context, words, "maddr", ACTIONS, "show")


def _show(context: Context, words: Words) -> int:
    context.refuse_options("json", "statistics", "stats")
    words.take("dev")
    devices = [context.device(words.next())] if words else list(context.netns.devices.values())
    for dev in sorted(devices, key=lambda dev: dev.ifindex):
        groups = [group for where, group in context.netns.igmp.groups if where is dev][::-1]
        groups += [ALL_HOSTS] if dev.up else []
        groups += [SNOOPERS] if isinstance(dev, Bridge) and dev.up else []
        links = [] if "4" in context.options or not _has_link_groups(dev) else [ALL_NODES_IPV6, *map(group_mac, groups[::-1])]
        lines = [f"\tlink  {mac_text(link)}" for link in links] + [f"\tinet  {ip_text(group)}" for group in groups]
        title = f"{dev.ifindex}:\t{dev.name}"
        if context.oneline:
            context.process.write("".join(f"{title}\\{line}\n" for line in lines))
        elif lines:
            context.print_lines([title, *lines])
    return 0


def _has_link_groups(dev: NetDevice) -> bool:
    return dev.kind != "loopback" and bool(dev.hard_header_len)


ACTIONS = {"add": None, "del": None, "show": _show, "lst": _show, "list": _show, "help": None}
