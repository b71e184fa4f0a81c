"""udp: a TUN device and a proxy that carries its packets in UDP datagrams, without a header of its own (flannel, backend/udp).

The proxy (proxy_amd64.c) takes one from the TTL on both sides, without a word when nothing is left, and answers for subnets that nobody
has with a net unreachable of its own making: TTL 8, from the tunnel's address, so that the kernel drops it as martian. Trace ids go on
through the proxy.
"""

from __future__ import annotations

import errno

from emu.flannel.backends.backend import Backend, Node
from emu.flannel.backends.device import set_only_address
from emu.flannel.config import Config, ConfigError
from emu.flannel.lease import Lease
from emu.netdev.drop import DropReason
from emu.netdev.tun import Tun
from emu.netns.fib import Route
from emu.netns.underlay import EncapSocket
from emu.packet import icmp, ipv4, udp
from emu.packet.address import Ip, ip_text, network
from emu.packet.datagram import Datagram
from emu.packet.frame import Frame

DEFAULT_PORT = 8285
OVERHEAD = ipv4.HEADER + udp.HEADER
UNREACHABLE_TTL = 8
QUOTE = 8  # bytes of the packet beyond its header


class UdpBackend(Backend):
    """Device `flannel0`, with the route to the whole network."""

    name = "udp"

    def __init__(self, node: Node, config: Config) -> None:
        super().__init__(node, config)
        self.refuse_unknown_options("Port")
        self.port: int = self.option("Port", int, 0) or DEFAULT_PORT
        if not 0 < self.port < 65536:
            raise ConfigError(f"udp backend: Port {self.port} is not in the range 1-65535")
        self.peers: dict[Ip, Ip] = {}  # by subnet: the host that has it
        self.sock = EncapSocket(node.netns, self._from_wire)
        self.sock.bind((ip_text(node.address), self.port))

    @property
    def mtu(self) -> int:
        return self.node.interface.mtu - OVERHEAD

    def configure(self, lease: Lease) -> None:
        super().configure(lease)
        netns = self.netns
        number = next(number for number in range(1000) if f"flannel{number}" not in netns.devices)
        self.device = Tun(netns.engine, f"flannel{number}", self.mtu)
        self.device.reader = self._from_tun
        netns.add_device(self.device)
        set_only_address(netns, self.device, lease.subnet.ip, broadcast=self.node.broadcast)
        netns.set_up(self.device)
        whole = self.config.network
        netns.fib.add(Route(whole.ip, whole.length, self.device))

    def add(self, lease: Lease) -> None:
        self.node.log(f"Subnet added: {lease.subnet}")
        self.peers[lease.subnet.ip] = lease.attributes.public_ip

    def remove(self, lease: Lease) -> None:
        self.node.log(f"Subnet removed: {lease.subnet}")
        self.peers.pop(lease.subnet.ip, None)

    def stop(self) -> None:
        """The TUN device is there only as long as the program has it open."""
        super().stop()
        self.sock.close()
        if hasattr(self, "device"):
            self.netns.delete_device(self.device)

    # --- the proxy

    def _from_tun(self, frame: Frame) -> None:
        """tun_to_udp."""
        packet = frame.wire
        datagram = Datagram(packet, frame.trace_id, frame.cause)
        if self.stopped or len(packet) < ipv4.HEADER:
            return self._drop(datagram, DropReason.NO_CARRIER if self.stopped else DropReason.MALFORMED)
        peer = self.peers.get(network(packet[16:20], self.config.subnet_length))
        if peer is None:
            self._drop(datagram, DropReason.NO_ROUTE)
            return self._net_unreachable(frame)
        lessened = self._lessen(packet)
        if lessened is None:
            return self._drop(datagram, DropReason.TTL_EXCEEDED)
        try:
            self.netns.ipv4.send(
                self.node.address,
                peer,
                ipv4.UDP,
                udp.build(self.node.address, peer, self.port, self.port, lessened),
                identification=self.sock.next_id(),
                cause=frame.cause,
                socket=self.sock,
                trace_id=frame.trace_id,
            )
        except OSError as error:
            self.node.log(f"UDP send to {ip_text(peer)} failed: {error.strerror or error}")
            if error.errno != errno.EPERM:  # a rule of OUTPUT's has told of its drop
                self._drop(datagram, DropReason.NO_ROUTE)

    def _from_wire(self, datagram: Datagram, payload: bytes) -> None:
        """udp_to_tun: whatever it is, it is an IP packet now."""
        packet = payload[: self.mtu]
        if not hasattr(self, "device") or self.stopped:  # the lease is not there yet, or the program ends
            return self.netns.drop(datagram, DropReason.NO_LISTENER, datagram.iif)
        if len(packet) < ipv4.HEADER:
            return self._drop(datagram, DropReason.MALFORMED)
        lessened = self._lessen(packet)
        if lessened is None:
            return self._drop(datagram, DropReason.TTL_EXCEEDED)
        self.device.write(lessened, datagram.trace_id, datagram.cause)

    def _drop(self, datagram: Datagram, reason: DropReason) -> None:
        """What Linux nowhere counts: a packet that ends within the program."""
        self.netns.drop(datagram, reason, self.device)

    def _lessen(self, packet: bytes) -> bytes | None:
        """decrement_ttl; None: nothing is left of it."""
        if packet[8] <= 1:
            self.node.log(f"Discarding IP fragment {ip_text(packet[12:16])} -> {ip_text(packet[16:20])} due to zero TTL")
            return None
        return ipv4.decrement_ttl(packet)

    def _net_unreachable(self, frame: Frame) -> None:
        """send_net_unreachable: not for ICMP, nor for later fragments."""
        packet = frame.wire
        if packet[9] == ipv4.ICMP or ipv4.fragment_offset(packet):
            return
        quote = packet[: ipv4.header_length(packet) + QUOTE]
        message = icmp.build(icmp.Type.DEST_UNREACH, icmp.Unreachable.NET, bytes(4), quote)
        answer = ipv4.build(self.own.subnet.ip, packet[12:16], ipv4.ICMP, message, ttl=UNREACHABLE_TTL)
        self.device.write(answer, self.netns.engine.next_trace_id(), frame.trace_id)
