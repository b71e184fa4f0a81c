"""Tunnel devices of ip link: vxlan, gre, gretap, ipip, and how they and tun devices are shown."""

from __future__ import annotations

from emu.netdev.device import NetDevice
from emu.netdev.ip_tunnel import Gretap, IpTunnel
from emu.netdev.ovs_datapath import OvsInternal
from emu.netdev.tun import Tun
from emu.netdev.vxlan import Vxlan
from emu.packet.address import ip_text
from emu.programs.ip import link_iptunnel, link_vxlan
from emu.programs.ip.link_add import New, register
from emu.programs.ip.words import Context, Words


def add(context: Context, new: New, kind: str, words: Words) -> None:
    """`ip link add … type vxlan|gre|gretap|ipip …`. Raises UsageError."""
    register(new, link_vxlan.make(context, new, words) if kind == "vxlan" else link_iptunnel.make(context, new, kind, words))


def describe(dev: NetDevice) -> str:
    """What `ip -d link` says of a tunnel device's kind; empty for other devices."""
    if isinstance(dev, Vxlan):
        return link_vxlan.describe(dev)
    if isinstance(dev, IpTunnel):
        return link_iptunnel.describe(dev)
    if isinstance(dev, Tun):
        return f"tun type tun pi off vnet_hdr off persist {'on' if dev.persistent else 'off'}"
    if isinstance(dev, OvsInternal):
        return "tun type tap pi off vnet_hdr off persist on"
    return ""


def address(dev: NetDevice) -> str:
    """The link-layer addresses of a device that is no Ethernet device, as `link/…` shows them; empty for others."""
    if isinstance(dev, Tun):
        return "none "
    if isinstance(dev, IpTunnel) and not isinstance(dev, Gretap):
        config = dev.config
        return f"{dev.kind} {ip_text(config.local)} {'peer' if any(config.remote) else 'brd'} {ip_text(config.remote)}"
    return ""
