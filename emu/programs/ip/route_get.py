"""ip route get: what the stack would do with a packet of ours, or with one that comes in by a device (`iif`)."""

from __future__ import annotations

import errno
from typing import Any

from emu.engine import SECOND
from emu.netdev.device import NetDevice
from emu.netns.fib import Route
from emu.packet.address import ANY, BROADCAST, Ip, ip_text, is_multicast
from emu.process import UsageError
from emu.programs.ip.route_words import Asked
from emu.programs.ip.words import Context, Words, answers
from emu.programs.libc.strerror import number

TEXTS = {errno.EHOSTUNREACH: "No route to host", errno.EACCES: "Permission denied", errno.EINVAL: "Invalid argument"}
CACHED = {"local": "<local>", "broadcast": "<local,brd>", "multicast": "<mc>"}


def get(context: Context, words: Words) -> int:
    fibmatch = words.take("fibmatch")
    asked = Asked(context, words)
    if asked.dst is None:
        raise UsageError("need at least a destination address", 1)
    if fibmatch:
        return _fibmatch(context, asked.dst[0])
    if asked.iif is not None:
        return _forwarded(context, asked, asked.dst[0], asked.iif)
    return _own(context, asked, asked.dst[0])


def _fibmatch(context: Context, dst: Ip) -> int:
    """The entry of the table that is used."""
    from emu.programs.ip.route import line

    route = context.netns.fib.lookup(dst)
    if route is None:
        raise answers("Network is unreachable")
    context.process.print(line(route))
    return 0


def _own(context: Context, asked: Asked, dst: Ip) -> int:
    netns = context.netns
    try:
        if asked.source is not None and not netns.is_local(asked.source):
            raise answers("Network is unreachable")
        route, source = netns.ipv4.route(dst, asked.source or ANY, asked.dev)
    except OSError as error:
        raise answers(TEXTS.get(number(error), "Network is unreachable")) from None
    assert route.dev is not None
    group = "broadcast" if dst == BROADCAST else "multicast" if is_multicast(dst) else ""
    kind = group or ("" if route.kind == "unicast" else route.kind)
    cached = "<redirected>" if route.protocol == "redirect" else CACHED.get(kind, "")
    via = route.via if not group else None
    if context.json:
        value: dict[str, Any] = ({"type": kind} if kind else {}) | {"dst": ip_text(dst)}
        value |= {"from": ip_text(source)} if asked.source is not None else {}
        value |= {"gateway": ip_text(via)} if via is not None else {}
        value |= {"dev": route.dev.name} | ({"prefsrc": ip_text(source)} if asked.source is None else {})
        context.print_json([value | {"flags": [], "uid": 0, "cache": cached.strip("<>").split(",") if cached else []}])
        return 0
    parts = [kind] if kind else []
    parts += [ip_text(dst)] + (["from", ip_text(source)] if asked.source is not None else [])
    parts += ["via", ip_text(via)] if via is not None else []
    parts += ["dev", route.dev.name] + (["src", ip_text(source)] if asked.source is None else []) + ["uid", "0"]
    cache = ["cache"] + ([cached] if cached else []) + _metrics(context, dst, route)
    context.print_lines([" ".join(parts) + " ", "    " + " ".join(cache) + " "])
    return 0


def _metrics(context: Context, dst: Ip, route: Route) -> list[str]:
    learnt = context.netns.ipv4.learnt_mtu(dst)
    if learnt is not None:
        return ["expires", f"{(learnt[1] - context.netns.engine.now) // SECOND}sec", "mtu", str(learnt[0])]
    if route.protocol == "redirect":
        until = context.netns.ipv4.routing.redirected[dst][1]
        return ["expires", f"{(until - context.netns.engine.now) // SECOND}sec"]
    return ["mtu", str(route.mtu)] if route.mtu is not None else []


# --- iif


def _forwarded(context: Context, asked: Asked, dst: Ip, iif: NetDevice) -> int:
    """inet_rtm_getroute with an input device: as route_input decides. Without `from` the source is 0.0.0.0, a martian."""
    context.refuse_options("json")
    netns, source = context.netns, asked.source or ANY
    if source == ANY or netns.address_type(source) in {"LOCAL", "BROADCAST"}:
        raise answers("Invalid argument")
    way_back = netns.fib.lookup(source)
    mode = netns.sysctl.highest(iif.name, "rp_filter")
    if mode and (way_back is None or way_back.kind != "unicast" or (mode == 1 and way_back.dev is not iif)):
        raise answers("Invalid argument")
    kind = netns.fib.local_type(dst) or ""
    if not kind and not netns.sysctl.conf(iif.name, "forwarding"):
        raise answers("No route to host")
    route = netns.fib.lookup(dst)
    if route is None:
        raise answers("Network is unreachable")
    if route.kind in {"unreachable", "prohibit", "blackhole"}:
        raise answers({"unreachable": "No route to host", "prohibit": "Permission denied"}.get(route.kind, "Invalid argument"))
    assert route.dev is not None
    parts = ([kind] if kind else []) + [ip_text(dst), "from", ip_text(source)]
    parts += ["via", ip_text(route.via)] if route.via is not None else []
    parts += ["dev", "lo" if kind else route.dev.name]
    cache = ["cache"] + ([CACHED[kind]] if kind else []) + ["iif", iif.name]
    context.print_lines([" ".join(parts) + " ", "    " + " ".join(cache) + " "])
    return 0
