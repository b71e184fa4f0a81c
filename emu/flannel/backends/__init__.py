"""flanneld's back ends: how packets get to the other hosts' subnets. To add one: one file here, one line below."""

from __future__ import annotations

from emu.flannel.backends.backend import Backend
from emu.flannel.backends.host_gw import HostGw
from emu.flannel.backends.ipip import IpipBackend
from emu.flannel.backends.udp import UdpBackend
from emu.flannel.backends.vxlan import VxlanBackend

BACKENDS: dict[str, type[Backend]] = {
    "host-gw": HostGw,
    "ipip": IpipBackend,
    "udp": UdpBackend,
    "vxlan": VxlanBackend,
}
