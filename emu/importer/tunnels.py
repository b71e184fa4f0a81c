"""Tunnels, macvlans and TUN devices made by hand: made anew with the words that `ip -d` says of them, in text or in JSON.

What emu's `ip` refuses of it (`external`, `gbp` …) is found out when the lab is tried, and told. Not modelled: the tunnels' other ends.
"""

from __future__ import annotations

import re
from itertools import pairwise, takewhile
from shlex import quote

from emu.importer.model import Device, Facts, FdbEntry
from emu.importer.plan import Plan

ETHERNET = {"vxlan", "gretap", "macvlan"}  # they have a MAC address of their own
MADE = ETHERNET | {"gre", "ipip", "tun"}
OF_EVERY_DEVICE = {"addrgenmode", "numtxqueues", "bridge_slave"}  # here the kind's own words end
IPV6 = {"udp6zerocsumtx", "noudp6zerocsumtx", "udp6zerocsumrx", "noudp6zerocsumrx"}
USUAL = re.compile(r"\b(srcport 0 0|ttl auto|ageing 300|udpcsum)(?= |$)")  # what comes so by itself


def plan_tunnel(plan: Plan, facts: Facts, device: Device, kind: str) -> bool:
    """Make the device and what stands on it; False if no file says how it was made."""
    details = _details(device, facts)
    if not details:
        return False
    if kind == "tun":
        if details[:2] != ["type", "tun"]:
            return False
        plan.type(device.source, "ip tuntap add", device.name, "mode tun")
    elif kind == "macvlan":
        parent, mode = device.peer, details[details.index("mode") + 1 :][:1] if "mode" in details else []
        plan.add(device, "link", quote(parent), "type macvlan", *(("mode", *map(quote, mode)) if mode else ()))
    else:
        plan.add(device, "type", kind, *map(quote, details), with_address=kind in ETHERNET)
    plan.made.add(device.name)
    plan.configure(device, usual_mtu=0)
    return True


def is_its_own(entry: FdbEntry, facts: Facts) -> bool:
    """Is it the remote that a tunnel was made with, and so comes with it?"""
    device = (facts.devices or {}).get(entry.dev)
    made_with = {end for word, end in pairwise(_details(device, facts)) if word in ("remote", "group")} if device is not None else set()
    return any(word == "dst" and end in made_with for word, end in pairwise(entry.words))


def _details(device: Device, facts: Facts) -> list[str]:
    words = device.details or (facts.kinds[device.name].details if device.name in facts.kinds else ())
    own = takewhile(lambda word: word not in OF_EVERY_DEVICE, words)
    kept = USUAL.sub("", " ".join(word for word in own if word not in IPV6)).split()
    return kept[1:] if kept[:1] in (["ipip"], ["any"]) else kept  # what an ipip device carries
