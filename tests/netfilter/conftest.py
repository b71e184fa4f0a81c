"""A router in two lines: a Netfilter with the callbacks of a namespace, and packets that pass its hooks."""

from types import SimpleNamespace

import pytest

from emu.engine import SECOND, Engine
from emu.netfilter.conntrack_text import entry_text
from emu.netfilter.hooks import Hook
from emu.netfilter.netfilter import Netfilter
from emu.packet import icmp, ipv4, tcp, udp
from emu.packet.address import ip, ip_text
from emu.packet.datagram import Datagram

LOCAL = {"eth0": ip("192.168.50.10"), "docker0": ip("172.17.0.1"), "lo": ip("127.0.0.1")}


class Router:
    """A host with eth0 (192.168.50.10) and docker0 (172.17.0.1)."""

    def __init__(self):
        self.engine = Engine(1)
        self.netfilter = Netfilter(self.engine, "h1")
        self.dropped, self.rejected = [], []
        self.dev = {name: SimpleNamespace(name=name, netns=None, kind="loopback" if name == "lo" else "veth", mtu=1500) for name in LOCAL}
        self.netfilter.address_type = lambda address, dev: "LOCAL" if address in LOCAL.values() or address[0] == 127 else "UNICAST"
        self.netfilter.masquerade_address = lambda datagram, oif: LOCAL[oif.name]
        self.netfilter.primary_address = lambda dev: LOCAL[dev.name]
        self.netfilter.reject = lambda datagram, how: self.rejected.append(how)
        self.netfilter.on_drop = lambda datagram, reason, dev: self.dropped.append(reason)

    def iptables(self, *commands):
        return "".join(self.netfilter.command(command) for command in commands)

    def pass_hooks(self, datagram, iif, oif):
        """Through the hooks of a forwarded packet, or (a device None) of one for or from this host."""
        hooks = [Hook.PREROUTING if iif else Hook.OUTPUT]
        hooks += [Hook.FORWARD] if iif and oif else [] if oif else [Hook.INPUT]
        hooks += [Hook.POSTROUTING] if oif else []
        for hook in hooks:
            known_iif = self.dev[iif] if iif and hook is not Hook.POSTROUTING else None
            known_oif = self.dev[oif] if oif and hook is not Hook.PREROUTING else None
            if not self.netfilter.run(hook, datagram, known_iif, known_oif):
                return False
        return True

    def tcp(self, src, dst, flags, *, seq=0, ack=0, data=b"", options=b"", window=1000):
        (src_ip, src_port), (dst_ip, dst_port) = (src, dst)
        segment = tcp.Segment(src_port, dst_port, seq, ack, flags, window, options, data)
        return self.packet(src_ip, dst_ip, ipv4.TCP, tcp.build(ip(src_ip), ip(dst_ip), segment))

    def udp(self, src, dst, data=b"x"):
        (src_ip, src_port), (dst_ip, dst_port) = (src, dst)
        return self.packet(src_ip, dst_ip, ipv4.UDP, udp.build(ip(src_ip), ip(dst_ip), src_port, dst_port, data))

    def ping(self, src, dst, identifier, *, reply=False):
        return self.packet(src, dst, ipv4.ICMP, icmp.build(0 if reply else 8, 0, identifier.to_bytes(2, "big") + b"\0\1", b"abcd"))

    def icmp_error(self, src, dst, kind, code, quoted):
        return self.packet(src, dst, ipv4.ICMP, icmp.build(kind, code, b"\0\0\0\0", quoted))

    def packet(self, src, dst, protocol, payload):
        return Datagram(ipv4.build(ip(src), ip(dst), protocol, payload), self.engine.next_trace_id())

    def entries(self):
        """What `conntrack -L` prints."""
        return [entry_text(entry, self.engine.now) for entry in self.netfilter.conntrack.entries()]

    def wait(self, seconds):
        self.engine.run(until_ns=self.engine.now + round(seconds * SECOND))

    @staticmethod
    def ends(datagram):
        """`172.17.0.2:80 > 192.168.50.20:5000`."""
        wire = datagram.wire
        at = (wire[0] & 15) * 4
        ports = (int.from_bytes(wire[at : at + 2], "big"), int.from_bytes(wire[at + 2 : at + 4], "big"))
        return f"{ip_text(wire[12:16])}:{ports[0]} > {ip_text(wire[16:20])}:{ports[1]}"


@pytest.fixture
def router():
    return Router()
