"""ip route: show, get, add, replace, change, del, flush, in the main table (and the local one to look at).

Not modelled: other tables, multipath, type of service, metrics beyond `mtu`, tunnels (`encap`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emu.netdev.device import NetDevice
from emu.netns.fib import Route
from emu.packet.address import Ip, ip_text, network
from emu.process import UsageError
from emu.programs.ip import route_get
from emu.programs.ip.route_words import Asked
from emu.programs.ip.words import Context, Words, answers, dispatch, extended, not_modelled


def run(context: Context, words: Words) -> int:
    return dispatch(context, words, "route", ACTIONS, "show")


# --- show


def line(route: Route, hidden: Iterable[str] = (), *, table: str = "", details: bool = False) -> str:
    """`hidden`: what the filter has said already (dev, scope, proto); `details`: say what is usual too."""
    hide_dev = "dev" in hidden
    parts = [route.kind] if route.kind != "unicast" or details else []
    parts.append(_destination(route))
    parts += ["via", ip_text(route.via)] if route.via is not None else []
    parts += ["dev", route.dev.name] if route.dev is not None and not hide_dev else []
    parts += ["table", table] if table else []
    parts += ["proto", route.protocol] if (route.protocol != "boot" or details) and "proto" not in hidden else []
    parts += ["scope", route.scope] if (route.scope != "global" or details) and "scope" not in hidden else []
    parts += ["src", ip_text(route.src)] if route.src is not None else []
    parts += ["metric", str(route.metric)] if route.metric else []
    parts += _flags(route)
    parts += ["mtu", str(route.mtu)] if route.mtu is not None else []
    return " ".join(parts) + " "


def _busybox_line(route: Route) -> str:
    line = f"{_destination(route)} " + (f"via {ip_text(route.via)} " if route.via is not None else "")
    line += f"dev {route.dev.name} " if route.dev is not None else ""
    line += f"scope {route.scope} " if route.scope != "global" else ""
    line += f" src {ip_text(route.src)} " if route.src is not None else ""
    line += f" metric {route.metric} " if route.metric else ""
    return (f"{route.kind} " if route.kind != "unicast" else "") + line


def _destination(route: Route) -> str:
    if not route.length:
        return "default"
    return ip_text(route.dst) + (f"/{route.length}" if route.length < 32 else "")


def _flags(route: Route) -> list[str]:
    down = route.dev is not None and route.dev.up and not route.dev.carrier and route.kind != "local"
    return (["onlink"] if route.onlink else []) + (["linkdown"] if down else [])


def _json(route: Route, *, hide_dev: bool, table: str = "") -> dict[str, Any]:
    value: dict[str, Any] = {"type": route.kind} if route.kind != "unicast" else {}
    value |= {"dst": _destination(route)} | ({"gateway": ip_text(route.via)} if route.via is not None else {})
    value |= {"dev": route.dev.name} if route.dev is not None and not hide_dev else {}
    value |= {"table": table} if table else {}
    value |= {"protocol": route.protocol} if route.protocol != "boot" else {}
    value |= {"scope": route.scope} if route.scope != "global" else {}
    value |= {"prefsrc": ip_text(route.src)} if route.src is not None else {}
    value |= {"metric": route.metric} if route.metric else {}
    return value | {"flags": _flags(route)} | ({"metrics": [{"mtu": route.mtu}]} if route.mtu is not None else {})


def _sorted(routes: list[Route]) -> list[Route]:
    """The order in which the kernel's trie lists them."""
    return sorted(routes, key=lambda route: (route.dst, -route.length, route.metric))


def _chosen(context: Context, asked: Asked) -> list[tuple[Route, str]]:
    """The routes that a filter means, each with the name of its table where that is worth saying."""
    fib = context.netns.fib
    rows = [(route, "") for route in _sorted(fib.routes)] if asked.table != "local" else []
    rows += [(route, "local" if asked.table == "all" else "") for route in _sorted(fib.local)] if asked.table != "main" else []
    return [(route, table) for route, table in rows if _matches(route, asked, whole=False)]


def _matches(route: Route, asked: Asked, *, whole: bool) -> bool:
    """`whole`: as `del` asks, where a metric that was not given means any."""
    kind = asked.kind or ("unicast" if whole else route.kind)
    if asked.dst is not None and not _covers(route, *asked.dst, asked.how):
        return False
    return (
        (route.kind == kind or (whole and not asked.kind))
        and (asked.via is None or route.via == asked.via)
        and (asked.dev is None or route.dev is asked.dev)
        and (asked.src is None or route.src == asked.src)
        and (asked.metric is None or route.metric == asked.metric)
        and (not asked.scope or route.scope == asked.scope)
        and (not asked.protocol or route.protocol == asked.protocol)
    )


def _covers(route: Route, dst: Ip, length: int, how: str) -> bool:
    """`exact` the prefix, `root`: within it, `match`: around it."""
    if how == "root":
        return route.length >= length and network(route.dst, length) == network(dst, length)
    if how == "match":
        return route.length <= length and network(dst, route.length) == route.dst
    return (route.dst, route.length) == (network(dst, length), length)


def _show(context: Context, words: Words) -> int:
    context.refuse_options("statistics")
    if words.peek() == "cache":
        raise not_modelled("route show cache")
    asked = Asked(context, words)
    rows = _chosen(context, asked)
    hide_dev = asked.dev is not None
    if context.json:
        context.print_json([_json(route, hide_dev=hide_dev, table=table) for route, table in rows])
        return 0
    said = {"dev": asked.dev is not None, "scope": bool(asked.scope), "proto": bool(asked.protocol)}
    hidden = [name for name, given in said.items() if given]
    details = "details" in context.options
    for route, table in rows:
        context.process.print(_busybox_line(route) if context.busybox else line(route, hidden, table=table, details=details))
    return 0


# --- change


def _made(context: Context, asked: Asked) -> Route:
    """The route asked for, checked as fib_create_info does. Raises UsageError."""
    if asked.dst is None:
        raise UsageError("ip: a destination is required", 255)
    if asked.table != "main" or asked.kind in {"local", "broadcast"}:
        raise not_modelled("route … table local")
    dst, length = asked.dst
    if network(dst, length) != dst:
        raise extended("Invalid prefix for given prefix length.")
    kind = asked.kind or "unicast"
    netns = context.netns
    dev = asked.dev
    if kind != "unicast":
        dev = None
    elif asked.via is not None:
        dev = _gateway_device(context, asked, asked.via)
    elif dev is None:
        raise extended("Device for nexthop is not specified.") if asked.mtu else answers("No such device")
    elif not dev.up:
        raise extended("Device for nexthop is not up.")
    if asked.src is not None and not netns.is_local(asked.src):
        raise extended("Invalid prefsrc address.")
    scope = asked.scope or ("global" if asked.via is not None or kind != "unicast" else "link")
    return Route(
        dst, length, dev, asked.via, asked.src, asked.metric or 0, scope, asked.protocol or "boot", kind, onlink=asked.onlink, mtu=asked.mtu
    )


def _gateway_device(context: Context, asked: Asked, via: Ip) -> NetDevice:
    """The device behind which the gateway is: it must be on-link (fib_check_nh_v4_gw)."""
    netns = context.netns
    if asked.onlink:
        if asked.dev is None or not asked.dev.up:
            raise extended("Nexthop device required for onlink." if asked.dev is None else "Nexthop device is not up.")
        return asked.dev
    found = netns.fib.lookup(via, asked.dev)
    if found is None or found.dev is None or found.via is not None or found.kind not in {"unicast", "local"}:
        raise extended("Nexthop has invalid gateway.")
    return found.dev


def _add(context: Context, words: Words) -> int:
    try:
        context.netns.fib.add(_made(context, Asked(context, words)))
    except FileExistsError:
        raise answers("File exists") from None
    return 0


def _replace(context: Context, words: Words, *, must_exist: bool = False) -> int:
    route = _made(context, Asked(context, words))
    fib = context.netns.fib
    old = next((other for other in fib.routes if other.same_key(route)), None)
    if old is not None:
        fib.replace(old, route)
    elif must_exist:
        raise answers("No such file or directory")
    else:
        fib.add(route)
    return 0


def _change(context: Context, words: Words) -> int:
    return _replace(context, words, must_exist=True)


def _delete(context: Context, words: Words) -> int:
    asked = Asked(context, words)
    if asked.dst is None:
        raise UsageError('"ip route del" requires arguments.', 255)
    fib = context.netns.fib
    found = next((route for route in _sorted(fib.routes) if _matches(route, asked, whole=True)), None)
    if found is None:
        raise answers("No such process")
    fib.remove(found)
    return 0


def _flush(context: Context, words: Words) -> int:
    if not words:
        raise UsageError('"ip route flush" requires arguments.', 255)
    if words.take("cache"):
        context.netns.ipv4.forget_exceptions()
        return 0
    asked = Asked(context, words)
    if asked.table != "main":
        raise not_modelled(f"route flush table {asked.table}")
    for route, _ in _chosen(context, asked):
        context.netns.fib.remove(route)
    return 0


ACTIONS = {
    "list": _show, "show": _show, "lst": _show, "get": route_get.get, "add": _add, "append": None, "change": _change, "chg": _change,
    "replace": _replace, "prepend": None, "test": None, "delete": _delete, "flush": _flush, "save": None, "restore": None, "showdump": None,
    "help": None,
}  # fmt: skip
