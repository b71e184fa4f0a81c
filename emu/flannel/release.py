"""How releases of flannel differ in what others see: what stands in the store, and the firewall rules."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """`own_chains`: rules in FLANNEL-POSTRTG and FLANNEL-FWD. `vni_in_lease` and `ipv6_in_lease`: what lease values have more.

    `broadcast`: its netlink library gives the tunnel's address a broadcast address, itself.
    """

    name: str
    own_chains: bool
    vni_in_lease: bool
    ipv6_in_lease: bool
    broadcast: bool


RELEASES = {
    "0.13": Release("0.13.0", own_chains=False, vni_in_lease=False, ipv6_in_lease=False, broadcast=True),
    "0.20": Release("0.20.2", own_chains=True, vni_in_lease=True, ipv6_in_lease=True, broadcast=False),
}
DEFAULT_RELEASE = "0.13"
