"""br_netfilter (net/bridge/br_netfilter_hooks.c): bridged IPv4 frames pass the namespace's iptables.

PREROUTING sees a frame at the port, with the bridge as input device; FORWARD and POSTROUTING see it between two ports. A frame for the
host itself goes on to INPUT or routing by the usual way, without a second PREROUTING. Fragments are put together for conntrack and cut
again at the port they leave by. Not modelled: ARP and IPv6 through arptables and ip6tables, filtering of VLAN and PPPoE payloads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from emu.netdev.bridge import BridgePort
from emu.netdev.drop import DropReason
from emu.netfilter.hooks import Hook
from emu.netns.fragment import fragment
from emu.netns.neighbour import CONNECTED
from emu.packet import ipv4
from emu.packet.datagram import Datagram
from emu.packet.frame import Frame

if TYPE_CHECKING:
    from emu.netns.namespace import Netns

PREROUTING, FORWARD, POSTROUTING = Hook.PREROUTING, Hook.FORWARD, Hook.POSTROUTING


class BridgeHooks:
    """What a bridge calls while `net.bridge.bridge-nf-call-iptables` is 1."""

    def __init__(self, netns: Netns) -> None:
        self.netns = netns
        self.waiting: WeakValueDictionary[int, Datagram] = WeakValueDictionary()  # for a neighbour; by trace id

    def prerouting(self, port: BridgePort, frame: Frame) -> tuple[Frame, Datagram] | None:
        netns, bridge = self.netns, port.bridge
        netfilter = netns.netfilter
        packet = frame.wire[14:]
        if not ipv4.is_valid(packet):
            port.dev.drop(frame, DropReason.MALFORMED, rx=True)
            return None
        datagram = Datagram(packet[: packet[2] << 8 | packet[3]], frame.trace_id, frame.cause, bridge, frame)
        datagram.bridge_port_in = port
        if netfilter.active[PREROUTING]:
            if netfilter.defrag and ipv4.is_fragment(packet):
                whole = netns.ipv4.reassembly.add(datagram)
                if whole is None:
                    return None
                datagram = whole
            before = datagram.wire
            if not netfilter.run(PREROUTING, datagram, bridge, None):
                return None
            if datagram.wire is not before and datagram.dst != before[16:20]:
                return self._translated(port, frame, datagram)
        if datagram.wire is packet:  # nothing was cut off or rewritten
            return frame, datagram
        return self._framed(frame, datagram), datagram

    def _translated(self, port: BridgePort, frame: Frame, datagram: Datagram) -> tuple[Frame, Datagram] | None:
        """DNAT has changed where the packet goes: to a neighbour behind this bridge, or up to be routed.

        A neighbour that is not known to be reachable is asked as for a packet of the host's; what leaves by the bridge then is taken back.
        """
        netns, bridge = self.netns, port.bridge
        route = netns.fib.lookup(datagram.dst)
        if route is None or route.dev is not bridge or route.kind != "unicast":
            return self._framed(frame, datagram, bridge.mac), datagram
        entry = netns.neighbours.find_or_make(bridge, route.via or datagram.dst)
        if entry.state in CONNECTED and entry.mac is not None:
            return self._framed(frame, datagram, entry.mac), datagram
        datagram.frame = frame
        self.waiting[datagram.trace_id] = datagram
        netns.neighbours.send(entry, datagram)
        return None

    def resume(self, sent: Frame) -> tuple[BridgePort, Frame, Datagram] | None:
        """br_nf_dev_xmit: a frame that waited for a neighbour goes on where it came in, with its own source again."""
        datagram = self.waiting.pop(sent.trace_id, None)
        if datagram is None or datagram.frame is None:
            return None
        return datagram.bridge_port_in, self._framed(datagram.frame, datagram, sent.wire[:6]), datagram

    def forward(self, source: BridgePort, target: BridgePort, frame: Frame, datagram: Datagram) -> list[Frame]:
        netns, bridge = self.netns, source.bridge
        netfilter = netns.netfilter
        copy = _copy(datagram)
        copy.bridge_port_out = target
        if netfilter.active[FORWARD] and not netfilter.run(FORWARD, copy, bridge, bridge):
            return []
        if netfilter.active[POSTROUTING] and not netfilter.run(POSTROUTING, copy, bridge, bridge):
            return []
        mtu = min(target.dev.mtu, copy.frag_max or target.dev.mtu)
        if copy.frag_max and len(copy.wire) > mtu:
            header = frame.wire[:14]
            return [Frame(header + piece, frame.trace_id, frame.cause) for piece in fragment(copy.wire, mtu)]
        return [frame if copy.wire is datagram.wire else self._framed(frame, copy)]

    @staticmethod
    def _framed(frame: Frame, datagram: Datagram, mac: bytes | None = None) -> Frame:
        """The frame again if nothing has changed, else a new one around the rewritten packet."""
        wire = (mac or frame.wire[:6]) + frame.wire[6:14] + datagram.wire
        if wire == frame.wire:
            return frame
        changed = Frame(wire, frame.trace_id, frame.cause)
        datagram.frame = changed
        return changed


def _copy(datagram: Datagram) -> Datagram:
    """Each port of a flood has its own working copy; the conntrack entry is one."""
    copy = Datagram(datagram.wire, datagram.trace_id, datagram.cause, datagram.iif, datagram.frame)
    copy.mark, copy.ct, copy.ct_info = datagram.mark, datagram.ct, datagram.ct_info
    copy.frag_max = datagram.frag_max
    copy.bridge_port_in = datagram.bridge_port_in
    return copy
