"""The words that describe a route, to add it, to find it or to ask for it."""

from __future__ import annotations

from emu.netdev.device import NetDevice
from emu.packet.address import Ip
from emu.process import UsageError
from emu.programs.ip.words import Context, Words, integer, invalid, not_modelled, parse_ip, parse_prefix

KINDS = ("unicast", "unreachable", "prohibit", "blackhole", "local", "broadcast")
REFUSED_KINDS = frozenset({"throw", "nat", "anycast", "multicast"})
SCOPES = {"global": "global", "universe": "global", "link": "link", "host": "host"}
PROTOCOLS = {"2": "kernel", "3": "boot", "4": "static", "1": "redirect"}
REFUSED = frozenset({"nexthop", "nhid", "tos", "dsfield", "encap", "weight", "advmss", "window", "rtt", "cwnd", "initcwnd", "initrwnd",
                     "quickack", "congctl", "realm", "realms", "pref", "expires", "hoplimit", "lock", "ttl-propagate"})  # fmt: skip


class Asked:
    """A route as a command line describes it; what was not said is None."""

    def __init__(self, context: Context, words: Words) -> None:
        self.dst: tuple[Ip, int] | None = None
        self.via: Ip | None = None
        self.src: Ip | None = None
        self.dev: NetDevice | None = None
        self.metric: int | None = None
        self.mtu: int | None = None
        self.table = "main"
        self.kind = ""
        self.scope = ""
        self.protocol = ""
        self.onlink = False
        self.source: Ip | None = None  # `from`, of get
        self.iif: NetDevice | None = None  # of get
        self.how = "exact"  # how `dst` is meant: exact, root or match
        while words:
            self._read(context, words, words.next())

    def _read(self, context: Context, words: Words, word: str) -> None:
        if word in REFUSED or word in REFUSED_KINDS:
            raise not_modelled(f"route … {word}")
        if word in KINDS or word == "type":
            self.kind = words.next() if word == "type" else word
            if self.kind not in KINDS:
                raise invalid(self.kind, '"type" value is invalid')
        elif word == "onlink":
            self.onlink = True
        elif word in {"dev", "oif"}:
            self.dev = context.device(words.next())
        elif word == "iif":
            self.iif = context.device(words.next())
        elif word in {"via", "src", "from"}:
            words.take("inet")
            self._address(word, words.next())
        elif word in {"metric", "priority", "preference", "mtu"}:
            words.take("lock")
            name = "mtu" if word == "mtu" else "metric"
            setattr(self, name, integer(words.next(), f'"{name}" value is invalid'))
        elif word in {"table", "scope", "proto", "protocol"}:
            self._name(word, words.next())
        else:
            self.how = word if word in {"root", "match"} else self.how
            text = words.next() if word in {"to", "root", "match", "exact"} else word
            if self.dst is not None:
                raise UsageError(f'Error: either "to" is duplicate, or "{text}" is a garbage.', 255)
            self.dst = parse_prefix(text)

    def _address(self, word: str, text: str) -> None:
        if word == "via":
            self.via = parse_ip(text)
        elif word == "src":
            self.src = parse_ip(text, "any valid address")
        else:
            self.source = parse_prefix(text)[0]

    def _name(self, word: str, text: str) -> None:
        if word == "table":
            self.table = self._table(text)
        elif word == "scope":
            if text not in SCOPES:
                raise invalid(text, "invalid scope")
            self.scope = SCOPES[text]
        else:
            self.protocol = PROTOCOLS.get(text, text)

    @staticmethod
    def _table(text: str) -> str:
        name = {"254": "main", "255": "local", "0": "all"}.get(text, text)
        if name not in {"main", "local", "all"}:
            raise not_modelled(f"route … table {text}")
        return name
