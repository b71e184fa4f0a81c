"""ip link … type vxlan: what it says, what may be changed later, and how `ip -d link` prints it (iproute2's iplink_vxlan.c).

Not modelled: IPv6, `rsc`, `external`, `gbp`, `gpe`, `vnifilter`, `maxaddress`, `flowlabel`, remote checksum offload, `df` other than unset.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from emu.encap.vxlan import LINUX_PORT, MAX_VNI
from emu.engine import SECOND
from emu.netdev.vxlan import Vxlan, VxlanConfig
from emu.packet.address import Ip, ip, ip_text, is_multicast
from emu.process import UsageError
from emu.programs.ip.link_add import New
from emu.programs.ip.words import Context, Words, answers, extended, not_modelled

SWITCHES = {"learning": "learning", "proxy": "proxy", "l2miss": "l2miss", "l3miss": "l3miss", "udpcsum": "udp_checksum"}
OFF_ANYWAY = frozenset({"norsc", "noexternal", "novnifilter", "noudp6zerocsumtx", "noudp6zerocsumrx", "noremcsumtx", "noremcsumrx"})
NOT_MODELLED = frozenset({
    "rsc", "external", "vnifilter", "gbp", "gpe", "maxaddress", "flowlabel", "label", "udp6zerocsumtx", "udp6zerocsumrx",
    "remcsumtx", "remcsumrx",
})  # fmt: skip
NUMBERS = {  # name, what is said of one that is wrong, the largest, unit
    "id": ("vni", "invalid id", MAX_VNI, 1),
    "dstport": ("port", "dst port", 0xFFFF, 1),
    "ageing": ("ageing_ns", "ageing timer", 2**32 - 1, SECOND),
}
FIXED = {"vni": "Cannot change VNI.", "port": "Cannot change port.", "port_range": "Cannot change port range."}
FLAGS = {
    "proxy": "vxlan: cannot change PROXY flag.",
    "l2miss": "vxlan: cannot change L2MISS flag.",
    "l3miss": "vxlan: cannot change L3MISS flag.",
    "udp_checksum": "Cannot change UDP_CSUM flag.",
}
NO_PORT = """vxlan: destination port not specified
Will use Linux kernel default (non-standard value)
Use 'dstport 4789' to get the IANA assigned value
Use 'dstport 0' to get default and quiet this message"""
USAGE = """Usage: ... vxlan id VNI
		[ { group | remote } IP_ADDRESS ]
		[ local ADDR ]
		[ ttl TTL ]
		[ tos TOS ]
		[ df DF ]
		[ flowlabel LABEL ]
		[ dev PHYS_DEV ]
		[ dstport PORT ]
		[ srcport MIN MAX ]
		[ [no]learning ]
		[ [no]proxy ]
		[ [no]rsc ]
		[ [no]l2miss ]
		[ [no]l3miss ]
		[ ageing SECONDS ]
		[ maxaddress NUMBER ]
		[ [no]udpcsum ]
		[ [no]udp6zerocsumtx ]
		[ [no]udp6zerocsumrx ]
		[ [no]remcsumtx ] [ [no]remcsumrx ]
		[ [no]external ] [ gbp ] [ gpe ]
		[ [no]vnifilter ]

Where:	VNI	:= 0-16777215
	ADDR	:= { IP_ADDRESS | any }
	TOS	:= { NUMBER | inherit }
	TTL	:= { 1..255 | auto | inherit }
	DF	:= { unset | set | inherit }
	LABEL := 0-1048575"""


def wrong(value: str, why: str) -> UsageError:
    return UsageError(f'Error: argument "{value}" is wrong: {why}', 255)


def number(text: str, why: str, top: int = 2**32 - 1, base: int = 0) -> int:
    """As strtoul reads it. Raises UsageError."""
    try:
        value = int(text, base)
    except ValueError:
        raise wrong(text, why) from None
    if not 0 <= value <= top:
        raise wrong(text, why)
    return value


def traffic_class(text: str) -> int:
    """A TOS: hexadecimal, or 1 for `inherit`."""
    return 1 if text == "inherit" else number(text, "bad TOS value", 255, 16)


def peer_address(text: str, what: str, *, group: bool) -> Ip:
    """An address that is (or is not) a group."""
    if ":" in text:
        raise not_modelled("an IPv6 address")
    if text in {"any", "default", "all"}:
        raise wrong(text, f"invalid {what} address")
    try:
        address = ip(text)
    except ValueError:
        raise UsageError(f'Error: any valid address is expected rather than "{text}".', 1) from None
    if is_multicast(address) != group:
        raise wrong(text, f"invalid {what} address")
    return address


@dataclass
class Said:
    """What stands after `type vxlan`, by the names of VxlanConfig."""

    values: dict[str, Any]
    group: bool = False
    port: bool = False


def _read(context: Context, words: Words) -> Said:
    said = Said({})
    seen: set[str] = set()
    while words:
        word = {"vni": "id", "hoplimit": "ttl", "port": "srcport"}.get(words.peek(), words.peek())
        words.next()
        if word in SWITCHES or word.removeprefix("no") in SWITCHES:
            said.values[SWITCHES[word.removeprefix("no")]] = not word.startswith("no")
        elif word in NOT_MODELLED:
            raise not_modelled(f"type vxlan {word}")
        elif word not in OFF_ANYWAY:
            if word in seen:
                raise UsageError(f'Error: either "{word}" is duplicate, or "{words.next()}" is a garbage.', 255)
            seen.add(word)
            _read_value(context, words, word, said)
    if {"group", "remote"} <= seen:
        raise UsageError("vxlan: both group and remote cannot be specified", 1)
    said.group = "group" in seen
    said.port = "dstport" in seen
    return said


def _read_value(context: Context, words: Words, word: str, said: Said) -> None:
    """A word that a value follows."""
    values = said.values
    if word in NUMBERS:
        name, why, top, unit = NUMBERS[word]
        values[name] = number(words.next(), why, top) * unit
    elif word in {"group", "remote", "local"}:
        values["local" if word == "local" else "remote"] = peer_address(words.next(), word, group=word == "group")
    elif word == "dev":
        name = words.next()
        if name not in context.netns.devices:
            raise UsageError(f'Cannot find device "{name}"', 255)
        values["lower"] = context.netns.devices[name]
    elif word == "ttl":
        text = words.next()
        values["ttl_inherit"] = text == "inherit"
        values["ttl"] = 0 if text in {"inherit", "auto"} else number(text, "TTL must be <= 255" if text.isdigit() else "invalid TTL", 255)
    elif word == "tos":
        values["tos"] = traffic_class(words.next())
    elif word == "df":
        _read_df(words.next())
    elif word == "srcport":
        values["port_range"] = number(words.next(), "min port", 0xFFFF), number(words.next(), "max port", 0xFFFF)
    else:
        raise UsageError(USAGE if word == "help" else f'vxlan: unknown command "{word}"?\n{USAGE}', 1)


def _read_df(text: str) -> None:
    if text in {"set", "inherit"}:
        raise not_modelled(f"type vxlan df {text}")
    if text != "unset":
        raise wrong(text, "DF must be 'unset', 'set' or 'inherit'")


def make(context: Context, new: New, words: Words) -> Vxlan:
    """`ip link add … type vxlan …`: iproute2's checks, then the kernel's."""
    if not words:
        raise extended("Required attributes not provided to perform the operation.")
    said = _read(context, words)
    if said.group and "lower" not in said.values:
        raise UsageError("vxlan: 'group' requires 'dev' to be specified", 1)
    if "vni" not in said.values:
        raise UsageError("vxlan: missing virtual network identifier", 1)
    if not said.port:
        context.process.error(NO_PORT)
    if new.name in new.netns.devices:
        raise answers("File exists")
    config = VxlanConfig(**(said.values | {"port": said.values.get("port") or LINUX_PORT}))
    low, high = config.port_range
    if low > high:
        raise extended("Invalid source port range.")
    underlay = context.netns.underlay
    if any((other.config.vni, other.config.port) == (config.vni, config.port) for other in underlay.vxlans):
        raise extended("A VXLAN device with the specified VNI already exists.")
    dev = Vxlan(context.netns.engine, new.name, new.address(), underlay, config, new.mtu)
    new.mtu = None
    return dev


def change(context: Context, dev: Vxlan, words: Words) -> None:
    """`ip link set … type vxlan …`. Raises UsageError for what the kernel does not change."""
    said = _read(context, words)
    config = replace(dev.config, **(said.values | ({"port": said.values["port"] or LINUX_PORT} if said.port else {})))
    for name, why in (FIXED | FLAGS).items():
        if getattr(config, name) != getattr(dev.config, name):
            raise extended(why)
    if dev.up and said.group:
        raise not_modelled("link set … type vxlan group, of a device that is up")
    dev.change(config)


def describe(dev: Vxlan) -> str:
    """The line of `ip -d link`."""
    config = dev.config
    words = [f"id {config.vni}"]
    if config.remote is not None:
        words.append(f"{'group' if is_multicast(config.remote) else 'remote'} {ip_text(config.remote)}")
    words += [f"local {ip_text(config.local)}"] if any(config.local) else []
    words += [f"dev {config.lower.name}"] if config.lower is not None else []
    words += ["srcport {} {}".format(*config.port_range), f"dstport {config.port}"]
    words += [] if config.learning else ["nolearning"]
    words += [name for name in ("proxy", "l2miss", "l3miss") if getattr(config, name)]
    words += [f"tos {'inherit' if config.tos == 1 else hex(config.tos)}"] if config.tos else []
    words.append("ttl " + ("inherit" if config.ttl_inherit else str(config.ttl or "auto")))
    words.append(f"ageing {config.ageing_ns // SECOND}")
    words += ["udpcsum" if config.udp_checksum else "noudpcsum", "noudp6zerocsumtx", "noudp6zerocsumrx"]
    return f"vxlan {' '.join(words)}"
