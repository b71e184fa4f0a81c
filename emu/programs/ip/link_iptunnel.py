"""ip link … type gre, gretap, ipip: what they say, and how `ip -d link` prints it (iproute2's link_gre.c, link_iptnl.c).

Not modelled: checksums and sequence numbers, `external`, `encap`, `ignore-df`, `fwmark`, multicast remotes, 6rd, MPLS; the fallback devices
(gre0, gretap0, tunl0) that a kernel has once the modules are loaded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emu.netdev.device import NetDevice
from emu.netdev.ip_tunnel import Gre, Gretap, Ipip, IpTunnel, TunnelConfig
from emu.packet.address import ANY, Ip, ip, ip_text, is_multicast
from emu.process import UsageError
from emu.programs.ip.link_add import New
from emu.programs.ip.link_vxlan import traffic_class
from emu.programs.ip.words import Context, Words, answers, invalid, not_modelled, parse_ip

KINDS: dict[str, type[IpTunnel]] = {"gre": Gre, "gretap": Gretap, "ipip": Ipip}
OFF_ANYWAY = frozenset({
    "noseq", "noiseq", "nooseq", "nocsum", "noicsum", "noocsum", "nokey", "noikey", "nookey", "noignore-df", "noencap", "noencap-csum",
})  # fmt: skip
NOT_MODELLED = frozenset({
    "seq", "iseq", "oseq", "csum", "icsum", "ocsum", "ignore-df", "fwmark", "external", "encap", "encap-sport", "encap-dport",
    "encap-csum", "encap-csum6", "encap-remcsum",
})  # fmt: skip
_USAGE = """Usage: ... {kind}	[ remote ADDR ]
			[ local ADDR ]
{gre}			[ ttl TTL ]
			[ tos TOS ]
			[ [no]pmtudisc ]
{middle}			[ dev PHYS_DEV ]
			[ fwmark MARK ]
			[ external ]
			[ noencap ]
			[ encap {{ fou | gue | none }} ]
			[ encap-sport PORT ]
			[ encap-dport PORT ]
			[ [no]encap-csum ]
			[ [no]encap-csum6 ]
			[ [no]encap-remcsum ]
{end}
Where:	ADDR := {{ IP_ADDRESS | any }}
	TOS  := {{ NUMBER | inherit }}
	TTL  := {{ 1..255 | inherit }}
{key}	MARK := {{ 0x0..0xffffffff }}"""


@dataclass
class Said:
    """What a command line says of a tunnel, by the names of TunnelConfig."""

    values: dict[str, Any] = field(default_factory=dict)

    def take(self, context: Context, words: Words, kind: str, title: str) -> bool:
        """Read a setting with its value. False: the next word is none."""
        word = {"hoplimit": "ttl", "hlim": "ttl", "tclass": "tos", "dsfield": "tos"}.get(words.peek(), words.peek())
        values = self.values
        if word in NOT_MODELLED:
            raise not_modelled(f"{title} {word}")
        if word in {"remote", "local"}:
            words.next()
            values[word] = _address(words.next())
        elif word == "dev":
            words.next()
            values["lower"] = _device(context, words.next())
        elif word == "ttl":
            words.next()
            values["ttl"] = _ttl(words.next())
        elif word == "tos":
            words.next()
            values["tos"] = traffic_class(words.next())
        elif word in {"pmtudisc", "nopmtudisc"}:
            values["path_mtu_discovery"] = words.next() == "pmtudisc"
        elif word in {"key", "ikey", "okey"} and kind != "ipip":
            words.next()
            key = _key(word, words.next())
            values |= {name: key for name in ("ikey", "okey") if word in {"key", name}}
        else:
            return False
        return True

    def config(self) -> TunnelConfig:
        config = TunnelConfig(**self.values)
        if is_multicast(config.remote):
            if config.local == ANY:
                raise UsageError("A broadcast tunnel requires a source address.", 1)
            raise not_modelled("a multicast address as remote")
        return config


def _address(text: str) -> Ip:
    if ":" in text:
        raise not_modelled("an IPv6 address")
    return ANY if text in {"any", "default", "all"} else parse_ip(text)


def _device(context: Context, name: str) -> NetDevice:
    if name not in context.netns.devices:
        raise UsageError(f'Cannot find device "{name}"', 255)
    return context.netns.devices[name]


def _ttl(text: str) -> int:
    if text == "inherit":
        return 0
    if not text.isdigit() or int(text) > 255:
        raise invalid(text, "invalid TTL")
    return int(text)


def _key(word: str, text: str) -> int:
    """A number, or one written like an address."""
    try:
        value = int.from_bytes(ip(text), "big") if "." in text else int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value < 2**32:
        raise UsageError(f'invalid value for "{word}": "{text}"; it should be an unsigned integer', 255)
    return value


def make(context: Context, new: New, kind: str, words: Words) -> IpTunnel:
    """`ip link add … type gre|gretap|ipip …`."""
    said = Said()
    while words:
        if said.take(context, words, kind, f"type {kind}") or words.take(*OFF_ANYWAY):
            continue
        if kind == "ipip" and words.take("mode"):
            mode = words.next()
            if mode not in {"ipip", "ipip/ipv4", "ip4ip4", "ipv4/ipv4"}:
                raise not_modelled(f"type ipip mode {mode}")
        elif kind == "ipip" and words.peek().startswith("6rd-"):
            raise not_modelled(f"type ipip {words.peek()}")
        else:
            raise UsageError(_usage(kind), 1)
    config = said.config()
    if kind == "ipip" and config.ttl and not config.path_mtu_discovery:
        raise UsageError("ttl != 0 and nopmtudisc are incompatible", 255)
    if new.name in new.netns.devices:
        raise answers("File exists")
    dev = construct(context, new, KINDS[kind], config)
    if dev is None:
        raise answers("File exists")
    new.mtu = None
    return dev


def construct(context: Context, new: New, kind: type[IpTunnel], config: TunnelConfig) -> IpTunnel | None:
    """A new tunnel, unless there is one with the same ends (ip_tunnel_find)."""
    underlay = context.netns.underlay
    for other in underlay.tunnels.get(kind.protocol, []):
        if type(other) is kind and other.config.same_ends(config):
            return None
    mac = {"mac": new.address()} if kind is Gretap else {}
    return kind(context.netns.engine, new.name, underlay, config, mtu=new.mtu, **mac)


def describe(dev: IpTunnel) -> str:
    """The line of `ip -d link`."""
    config = dev.config
    words = [dev.kind, "ipip"] if isinstance(dev, Ipip) else [dev.kind]
    words += [f"{name} {ip_text(value) if any(value) else 'any'}" for name, value in (("remote", config.remote), ("local", config.local))]
    words += [f"dev {config.lower.name}"] if config.lower is not None else []
    words.append(f"ttl {config.ttl or 'inherit'}")
    words += [f"tos {'inherit' if config.tos == 1 else hex(config.tos)}"] if config.tos else []
    if isinstance(dev, Ipip):
        words.append("pmtudisc" if config.path_mtu_discovery else "nopmtudisc")
    elif not config.path_mtu_discovery:
        words.append("nopmtudisc")
    for name, key in (("ikey", config.ikey), ("okey", config.okey)):
        words += [f"{name} {ip_text(key.to_bytes(4, 'big'))}"] if key is not None else []
    return " ".join(words)


def _usage(kind: str) -> str:
    if kind == "ipip":
        middle = "\t\t\t[ 6rd-prefix ADDR ]\n\t\t\t[ 6rd-relay_prefix ADDR ]\n\t\t\t[ 6rd-reset ]\n"
        return _USAGE.format(kind=f"{kind:<6}", gre="", middle=middle, end="\t\t\t[ mode { ipip | mplsip | any } ]\n", key="")
    gre = "\t\t\t[ [no][i|o]seq ]\n\t\t\t[ [i|o]key KEY | no[i|o]key ]\n\t\t\t[ [no][i|o]csum ]\n"
    return _USAGE.format(kind=f"{kind:<9}", gre=gre, middle="\t\t\t[ [no]ignore-df ]\n", end="", key="\tKEY  := { DOTTED_QUAD | NUMBER }\n")
