"""ip tunnel: add, del, show of GRE and IPIP tunnels (iproute2's iptunnel.c).

Not modelled: change, prl, 6rd; sit, isatap and vti; the fallback devices (gre0, tunl0).
"""

from __future__ import annotations

from emu.netdev.ip_tunnel import Gre, Gretap, Ipip, IpTunnel
from emu.packet.address import ip_text, is_multicast
from emu.process import UsageError
from emu.programs.ip.link_add import New, device_name, register
from emu.programs.ip.link_iptunnel import OFF_ANYWAY, Said, construct
from emu.programs.ip.words import Context, Words, not_modelled

MODES = {"gre": "gre", "gre/ip": "gre", "ipip": "ipip", "ip/ip": "ipip"}
OTHER_MODES = frozenset({"sit", "ipv6/ip", "isatap", "vti", "any", "any/ip"})
CLASSES: dict[str, type[IpTunnel]] = {"gre": Gre, "ipip": Ipip}
BASES = {"gre": "gre0", "ipip": "tunl0"}
USAGE = """Usage: ip tunnel { add | change | del | show | prl | 6rd } [ NAME ]
        [ mode { gre | ipip | isatap | sit | vti } ]
        [ remote ADDR ] [ local ADDR ]
        [ [i|o]seq ] [ [i|o]key KEY ] [ [i|o]csum ]
        [ prl-default ADDR ] [ prl-nodefault ADDR ] [ prl-delete ADDR ]
        [ 6rd-prefix ADDR ] [ 6rd-relay_prefix ADDR ] [ 6rd-reset ]
        [ ttl TTL ] [ tos TOS ] [ [no]pmtudisc ] [ dev PHYS_DEV ]

Where: NAME := STRING
       ADDR := { IP_ADDRESS | any }
       TOS  := { STRING | 00..ff | inherit | inherit/STRING | inherit/00..ff }
       TTL  := { 1..255 | inherit }
       KEY  := { DOTTED_QUAD | NUMBER }"""
COMMANDS = ("add", "change", "delete", "show", "lst", "list", "prl", "6rd", "help")


def run(context: Context, words: Words) -> int:
    word = words.next() if words else "show"
    command = next((name for name in COMMANDS if name.startswith(word)), None)
    if command is None:
        raise UsageError(f'Command "{word}" is unknown, try "ip tunnel help"', 255)
    if command == "help":
        raise UsageError(USAGE, 255)
    if command in {"change", "prl", "6rd"}:
        raise not_modelled(f"tunnel {command}")
    said, mode, name = _read(context, words)
    if command in {"add", "delete"}:
        verb = "add" if command == "add" else "delete"
        base = BASES.get(mode, name)
        if not context.process.place.net_admin:
            raise UsageError(f'{verb} tunnel "{base}" failed: Operation not permitted', 1)
        return _add(context, said, mode, name) if verb == "add" else _delete(context, base, name)
    return _show(context, said, mode, name)


def _read(context: Context, words: Words) -> tuple[Said, str, str]:
    """What is said, the mode (which a name may tell) and the name."""
    said, mode, name = Said(), "", ""
    while words:
        if words.take("mode"):
            text = words.next()
            if text in OTHER_MODES:
                raise not_modelled(f"tunnel … mode {text}")
            if text not in MODES:
                raise UsageError(f'Unknown tunnel mode "{text}"', 255)
            if mode and mode != MODES[text]:
                raise UsageError("You managed to ask for more than one tunnel mode.", 255)
            mode = MODES[text]
        elif not said.take(context, words, "gre", "tunnel …") and not words.take(*OFF_ANYWAY):
            words.take("name")
            if name:
                raise UsageError(f'Error: either "name" is duplicate, or "{words.next()}" is a garbage.', 255)
            name = device_name(words.next())
    mode = mode or next((mode for mode in CLASSES if name.startswith(mode)), "")
    if mode == "ipip" and {"ikey", "okey"} & said.values.keys():
        raise UsageError("Keys are not allowed with ipip and sit tunnels", 1)
    return said, mode, name


def _add(context: Context, said: Said, mode: str, name: str) -> int:
    values = said.values
    if is_multicast(values.get("remote", b"\0")) and "local" not in values:
        raise UsageError("A broadcast tunnel requires a source address", 1)
    config = said.config()
    if config.ttl and not config.path_mtu_discovery:
        raise UsageError("ttl != 0 and nopmtudisc are incompatible", 1)
    if not mode:
        raise UsageError("cannot determine tunnel mode (ipip, gre, vti or sit)", 1)
    netns, kind = context.netns, CLASSES[mode]
    stem = "tunl" if mode == "ipip" else "gre"
    name = name or next(free for free in (f"{stem}{number}" for number in range(1, 10_000)) if free not in netns.devices)
    new = New(netns, name)
    dev = None if name in netns.devices else construct(context, new, kind, config)
    if dev is None:
        raise UsageError(f'add tunnel "{BASES[mode]}" failed: File exists', 1)
    register(new, dev)
    return 0


def _delete(context: Context, base: str, name: str) -> int:
    dev = context.netns.devices.get(name or base)
    if dev is None:
        raise UsageError(f'delete tunnel "{base}" failed: No such device', 1)
    if not isinstance(dev, IpTunnel):
        raise UsageError(f'delete tunnel "{base}" failed: Operation not supported', 1)
    context.netns.delete_device(dev)
    return 0


def _show(context: Context, said: Said, mode: str, name: str) -> int:
    context.refuse_options("json", "statistics", "stats")
    wanted = {key: value for key, value in said.values.items() if key in {"remote", "local", "lower", "ikey"}}
    for dev in context.netns.devices.values():
        if not isinstance(dev, IpTunnel) or isinstance(dev, Gretap) or name not in {"", dev.name} or mode not in {"", dev.kind}:
            continue
        if all(getattr(dev.config, key) == value for key, value in wanted.items()):
            context.process.print(_line(dev))
    return 0


def _line(dev: IpTunnel) -> str:
    config = dev.config
    remote, local = (ip_text(address) if any(address) else "any" for address in (config.remote, config.local))
    words = [f"{dev.name}: {'ip' if isinstance(dev, Ipip) else 'gre'}/ip remote {remote} local {local}"]
    words += [f"dev {config.lower.name}"] if config.lower is not None else []
    words.append(f"ttl {config.ttl or 'inherit'}")
    if config.tos:
        words.append("tos " + ("inherit" if config.tos == 1 else hex(config.tos)))
    words += [] if config.path_mtu_discovery else ["nopmtudisc"]
    if config.ikey is not None and config.ikey == config.okey:
        words.append(f"key {config.ikey}")
    else:
        words += [f"{key} {value}" for key, value in (("ikey", config.ikey), ("okey", config.okey)) if value is not None]
    return " ".join(words)
