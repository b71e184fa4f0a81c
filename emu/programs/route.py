"""route(8): the main table as /proc/net/route has it, and changes to it. net-tools' 2.10 on hosts, busybox's 1.35 in its containers.

Not modelled: IPv6, the routing cache, mss, window and irtt.
"""

from __future__ import annotations

from dataclasses import dataclass

from emu.netdev.device import NetDevice
from emu.netns.fib import Route
from emu.packet.address import ANY, Ip, ip, ip_text, network
from emu.process import Process, UsageError
from emu.programs.libc.inet import mask_length, mask_text
from emu.programs.libc.resolver import UnknownName, name_of, resolve
from emu.programs.libc.userland import has_busybox

TITLE = "Kernel IP routing table\nDestination     Gateway         Genmask         Flags "
FAILED = 7  # status of a refused change
COLUMNS = "Metric Ref    Use Iface"
EXTENDED = "  MSS Window  irtt Iface"
INET_USAGE = """Usage: inet_route [-vF] del {-host|-net} Target[/prefix] [gw Gw] [metric M] [[dev] If]
       inet_route [-vF] add {-host|-net} Target[/prefix] [gw Gw] [metric M]
                              [netmask N] [mss Mss] [window W] [irtt I]
                              [mod] [dyn] [reinstate] [[dev] If]
       inet_route [-vF] add {-host|-net} Target[/prefix] [metric M] reject
       inet_route [-FC] flush      NOT supported"""
BUSYBOX_USAGE = """Usage: route [-ne] [-A inet[6]] [{add|del} [-net|-host] TARGET [netmask MASK]
\t[gw GATEWAY] [metric N] [mss BYTES] [window BYTES] [reject] [IFACE]]"""


async def main(process: Process, argv: list[str]) -> int:
    words, letters = argv[1:], ""
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word.strip("-") and set(word[1:]) <= set("nevF4"):
            letters += word[1:]
        else:
            raise UsageError(f"route: '{word}' is not modelled", 1)
    if letters.count("e") > 1:
        raise UsageError("route: '-ee' is not modelled", 1)
    if not words:
        process.write(table(process, numeric="n" in letters, extended="e" in letters))
        return 0
    if words[0] not in {"add", "del", "delete"}:
        refusal = f"route: '{words[0]}' is not modelled"
        raise UsageError(refusal, 1) if has_busybox(process.place) else UsageError(f"{refusal}\n{INET_USAGE}", 3)
    _Change(process, words[1:]).run(delete=words[0] != "add")
    return 0


# --- show


def table(process: Process, *, numeric: bool, extended: bool) -> str:
    """The table as `route` prints it, and with `extended` as `netstat -r` does."""
    busybox = has_busybox(process.place)
    routes = sorted(process.netns.fib.routes, key=lambda route: (route.dst, -route.length, route.metric))
    lines = [TITLE + (EXTENDED if extended else COLUMNS)]
    lines += [_line(process, route, numeric=numeric, extended=extended, busybox=busybox) for route in routes]
    return "".join(line + "\n" for line in lines)


def _line(process: Process, route: Route, *, numeric: bool, extended: bool, busybox: bool) -> str:
    rejected = route.dev is None
    flags = "!" if rejected else "U" + ("G" if route.via is not None else "") + ("H" if route.length == 32 else "")
    flags += "D" if route.protocol == "redirect" else ""
    dst, via = ip_text(route.dst), ip_text(route.via or ANY)
    if not numeric:
        dst = "default" if not route.length else name_of(process, dst) or dst
        via = "*" if busybox and route.via is None else name_of(process, via) or via
    bare = rejected and not busybox  # net-tools shows no way there as no way
    iface = route.dev.name if route.dev is not None else "*" if busybox else "-"
    head = f"{dst[:15]:<15} {'-' if bare else via[:15]:<15} {mask_text(route.length):<15} {flags:<5} "
    if extended:
        return head + (f"{'-':>5} {'-':<5} {'-':>6} {iface}" if bare else f"{0:>5} {0:<5} {0:>6} {iface}")
    return head + f"{route.metric:<6} {'-' if bare else 0:<2} {0:>7} {iface}"


# --- change


@dataclass
class _Target:
    dst: Ip
    length: int | None
    is_net: bool


class _Change:
    """One `route add` or `route del`."""

    def __init__(self, process: Process, words: list[str]) -> None:
        self.process = process
        self.netns = process.netns
        self.busybox = has_busybox(process.place)
        self.words = words
        self.via: Ip | None = None
        self.dev: NetDevice | None = None
        self.metric: int | None = None
        self.reject = False
        self.missing_device = False

    def run(self, *, delete: bool) -> None:
        target = self._target()
        while self.words:
            self._word(target, self.words.pop(0))
        length = self._length(target)
        if target.is_net and target.length is None:  # the kernel sees a mask of 0
            raise self._failed(delete, "Invalid argument")
        if network(target.dst, length) != target.dst:
            raise self._conflict("netmask doesn't match route address", "netmask and route address conflict")
        if not self.process.place.net_admin:
            raise self._failed(delete, "Operation not permitted")
        if self.missing_device:
            raise self._failed(delete, "No such device")
        (self._delete if delete else self._add)(target, length)

    def _target(self) -> _Target:
        is_net = is_host = False
        while self.words and self.words[0] in {"-net", "-host"}:
            word = self.words.pop(0)
            is_net, is_host = word == "-net", word == "-host"
        if not self.words:
            raise UsageError(BUSYBOX_USAGE if self.busybox else INET_USAGE, int(self.busybox))
        text = self.words.pop(0)
        if text == "default":
            return _Target(ANY, 0, True)
        head, slash, length = text.partition("/")
        if slash and not (length.isdigit() and int(length) <= 32):
            raise self._unknown(text)
        dst = self._resolve(head)
        if slash and not is_net:
            mask = f"{int.from_bytes(ip(mask_text(int(length))), 'little'):08x}"
            raise self._conflict(f"netmask {mask} doesn't make sense with host route", f"netmask {mask} and host route conflict")
        return _Target(dst, int(length) if slash else None, is_net and not is_host)

    def _word(self, target: _Target, word: str) -> None:
        takes = {"gw", "gateway", "netmask", "metric", "dev", "device"}
        if word in takes and not self.words:
            raise UsageError(BUSYBOX_USAGE if self.busybox else INET_USAGE, int(self.busybox))
        if word in {"gw", "gateway"}:
            self.via = self._resolve(self.words.pop(0))
        elif word == "netmask":
            text = self.words.pop(0)
            try:
                target.length = mask_length(text)
            except ValueError:
                raise UsageError(f"route: bogus netmask {text}", 1 if self.busybox else 3) from None
        elif word == "metric":
            text = self.words.pop(0)
            if not text.isdigit():
                raise UsageError(f"route: invalid number '{text}'", 1)
            self.metric = int(text)
        elif word == "reject":
            self.reject = True
        elif word in {"mss", "window", "irtt", "mod", "dyn", "reinstate"}:
            raise UsageError(f"route: '{word}' is not modelled", 1)
        else:
            self._device(self.words.pop(0) if word in {"dev", "device"} else word)

    def _device(self, name: str) -> None:
        self.dev = self.netns.devices.get(name)
        self.missing_device = self.dev is None

    def _length(self, target: _Target) -> int:
        if target.length is not None and (target.is_net or target.length == 32):
            return target.length
        if target.length is not None:
            mask = f"{int.from_bytes(ip(mask_text(target.length)), 'little'):08x}"
            raise self._conflict(f"netmask {mask} doesn't make sense with host route", f"netmask {mask} and host route conflict")
        return 0 if target.is_net else 32

    def _resolve(self, text: str) -> Ip:
        try:
            return ip(resolve(self.process, text))
        except UnknownName:
            raise self._unknown(text) from None

    # --- to the kernel: SIOCADDRT, SIOCDELRT

    def _add(self, target: _Target, length: int) -> None:
        if self.reject:
            route = Route(target.dst, length, None, metric=self.metric or 0, scope="host", kind="unreachable")
        elif self.via is not None:
            route = Route(target.dst, length, self._gateway_device(), via=self.via, metric=self.metric or 0)
        elif self.dev is not None:
            route = Route(target.dst, length, self.dev, metric=self.metric or 0, scope="link")
        else:
            raise self._failed(False, "No such device")
        if route.dev is not None and not route.dev.up:
            raise self._failed(False, "Network is down")
        try:
            self.netns.fib.add(route)
        except FileExistsError:
            raise self._failed(False, "File exists") from None

    def _gateway_device(self) -> NetDevice:
        """The gateway must be a neighbour."""
        assert self.via is not None
        found = self.netns.fib.lookup(self.via, self.dev)
        if found is None or found.dev is None or found.via is not None:
            raise self._failed(False, "Network is unreachable")
        if found.kind == "local":
            raise self._failed(False, "Invalid argument")
        return found.dev

    def _delete(self, target: _Target, length: int) -> None:
        for route in self.netns.fib.routes:
            if (
                (route.dst, route.length) == (target.dst, length)
                and (self.via is None or route.via == self.via)
                and (self.dev is None or route.dev is self.dev)
                and (self.metric is None or route.metric == self.metric)
            ):
                return self.netns.fib.remove(route)
        raise self._failed(True, "No such process")

    # --- errors

    def _failed(self, delete: bool, text: str) -> UsageError:
        call = f"SIOC{'DEL' if delete else 'ADD'}RT: {text}"
        return UsageError(f"route: {call}", 1) if self.busybox else UsageError(call, FAILED)

    def _conflict(self, text: str, busybox_text: str) -> UsageError:
        return UsageError(f"route: {busybox_text}", 1) if self.busybox else UsageError(f"route: {text}\n{INET_USAGE}", 3)

    def _unknown(self, text: str) -> UsageError:
        return UsageError(f"route: resolving {text}", 1) if self.busybox else UsageError(f"{text}: Unknown host", 6)
