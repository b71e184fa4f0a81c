"""One network namespace: its devices and the protocols between them (net/core/net_namespace.c, dev.c). Its addresses are in
addresses.py; what happens to a packet is in arp.py and ipv4.py.

Not modelled: IPv6 (its frames are counted as unknown), IFF_NOARP points beyond `arp off`.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING

from emu.engine import Engine
from emu.netdev.bridge import Bridge
from emu.netdev.device import NetDevice
from emu.netdev.drop import DropReason
from emu.netdev.loopback import Loopback
from emu.netdev.vxlan import Vxlan
from emu.netfilter.netfilter import Netfilter
from emu.netns.addresses import Addresses, InterfaceAddress
from emu.netns.arp import ArpProtocol
from emu.netns.bridge_netfilter import BridgeHooks
from emu.netns.carrier import carriers_behind, settle
from emu.netns.fib import KINDS
from emu.netns.icmp import Icmp
from emu.netns.igmp import Igmp
from emu.netns.ipv4 import Ipv4
from emu.netns.neighbour import NeighbourTable
from emu.netns.reject import reject
from emu.netns.socket import RawSocket
from emu.netns.sysctl import Sysctl
from emu.netns.tcp import Tcp
from emu.netns.tcp_timewait import TimeWait
from emu.netns.udp import Udp
from emu.netns.underlay import Underlay
from emu.packet.address import Ip, Mac, ip
from emu.packet.datagram import Datagram
from emu.packet.ethernet import ARP, IPV4
from emu.packet.frame import Frame
from emu.packet.icmp import Type, Unreachable

if TYPE_CHECKING:
    from random import Random


class Netns(Addresses):
    """A network namespace. `name` is unique in the lab and begins its devices' labels: `docker1/web` has `docker1/web/eth0`.

    `chances` names its streams of chance, if not the name does: a namespace that is made anew has not the dice of the last one.
    """

    def __init__(self, engine: Engine, name: str, chances: str = "") -> None:
        super().__init__()
        self.engine = engine
        self.name = name
        self.chances = chances or name
        self.devices: dict[str, NetDevice] = {}
        self.on_device: list[Callable[[NetDevice, bool], None]] = []
        self.on_link: list[Callable[[NetDevice, str], None]] = []  # new, changed, address, deleted; up, settled; port, unport
        self.on_drop: list[Callable[[Datagram, DropReason, NetDevice | None], None]] = []
        self.on_unanswered: list[Callable[[Datagram, DropReason], None]] = []
        self.raw_sockets: dict[int, list[RawSocket]] = {}
        self.sysctl = Sysctl()
        self.netfilter = Netfilter(engine, self.chances)
        self.neighbours = NeighbourTable(self)
        self.arp = ArpProtocol(self)
        self.ipv4 = Ipv4(self)
        self.icmp = Icmp(self)
        self.udp = Udp(self)
        self.tcp = Tcp(self)
        self._last_ifindex = 0
        self._install_callbacks()
        lo = Loopback(engine)
        self.add_device(lo)
        self.add_address(lo, ip("127.0.0.1"), 8, scope="host")

    @cached_property
    def drops(self) -> Counter[DropReason]:
        """Made with the first one."""
        return Counter()

    @cached_property
    def random(self) -> Random:
        return self.engine.stream(f"netns {self.chances}")

    @cached_property
    def igmp(self) -> Igmp:
        return Igmp(self)

    @cached_property
    def underlay(self) -> Underlay:
        return Underlay(self)

    @cached_property
    def _bridge_hooks(self) -> BridgeHooks:
        return BridgeHooks(self)

    def _install_callbacks(self) -> None:
        netfilter = self.netfilter
        netfilter.address_type = self.address_type
        netfilter.masquerade_address = self.masquerade_address
        netfilter.way_to = self.fib.lookup
        netfilter.path_mtu = self.ipv4.mtu_towards
        netfilter.reject = partial(reject, self)
        netfilter.on_drop = self.drop
        netfilter.devices = lambda: self.devices
        self.fib.on_change.append(lambda *_: self.ipv4.routes_changed())
        self.sysctl.on_change.append(self._sysctl_changed)

    # --- a frame from a device

    def receive(self, dev: NetDevice, frame: Frame) -> None:
        """The rx_handler of a device that no bridge has: by EtherType."""
        ethertype = frame.wire[12:14]
        if ethertype == IPV4 or not dev.hard_header_len:
            self.ipv4.receive(dev, frame)
        elif ethertype == ARP:
            self.arp.receive(dev, frame)
        else:
            dev.drop(frame, DropReason.UNKNOWN_PROTOCOL, rx=True)

    def drop(self, datagram: Datagram, reason: DropReason, dev: NetDevice | None = None) -> None:
        """The one way a datagram ends unanswered."""
        self.drops[reason] += 1
        for watcher in self.on_drop:
            watcher(datagram, reason, dev)

    def answer_failed(self, datagram: Datagram, error: OSError) -> None:
        """Our answer to it has no way; or a rule of OUTPUT's has dropped it, which is told already."""
        if error.errno != errno.EPERM:
            self.unanswered(datagram, DropReason.NO_ROUTE)

    def unanswered(self, datagram: Datagram, reason: DropReason) -> None:
        """Our answer to it, or error about it, is not sent; or one socket does not keep its copy."""
        self.drops[reason] += 1
        for watcher in self.on_unanswered:
            watcher(datagram, reason)

    def link_failure(self, datagram: Datagram, dev: NetDevice) -> None:
        """The next hop does not answer: host unreachable to the sender, be it ourselves (ipv4_link_failure)."""
        self.drop(datagram, DropReason.NO_NEIGHBOUR, dev)
        self.icmp.send_error(datagram, Type.DEST_UNREACH, Unreachable.HOST)

    # --- devices

    def device(self, name: str) -> NetDevice:
        """Raises KeyError."""
        return self.devices[name]

    def add_device(self, dev: NetDevice, ifindex: int | None = None) -> None:
        """Register a device under its name. Raises FileExistsError if the name is taken."""
        if dev.name in self.devices:
            raise FileExistsError("File exists")
        self._last_ifindex = max(self._last_ifindex, ifindex or self._last_ifindex + 1)
        dev.ifindex = ifindex or self._last_ifindex
        self.devices[dev.name] = dev
        dev.netns = self
        dev.label = f"{self.name}/{dev.name}"
        if dev.rx_handler is None:
            dev.rx_handler = dev.macvlans.handle_frame if dev.macvlans is not None else self.receive
        if isinstance(dev, Bridge):
            self._attach_bridge(dev)
        elif isinstance(dev, Vxlan):
            dev.neighbour = partial(self.neighbours.connected_mac, dev)
        self._addresses[dev] = []
        self.sysctl.add_device(dev.name)
        self._tell(dev, True)
        self.link_changed(dev, "new")

    def remove_device(self, dev: NetDevice) -> None:
        """Take a device out of the namespace with all that hangs on it (unregister_netdevice)."""
        if self.devices.get(dev.name) is not dev:
            return
        if dev.up:
            self.set_down(dev)
        for address in list(self._addresses[dev]):
            self.remove_address(dev, address.ip, address.length)
        self.neighbours.flush(dev)
        self.fib.flush(dev)
        self.link_changed(dev, "deleted")
        del self._addresses[dev]
        del self.devices[dev.name]
        self.sysctl.remove_device(dev.name)
        self._tell(dev, False)
        dev.rx_handler = None
        dev.netns = None

    def delete_device(self, dev: NetDevice) -> None:
        """`ip link del`: a veth's peer goes too."""
        dev.delete()
        self.remove_device(dev)

    def move_device(self, dev: NetDevice, other: Netns, new_name: str | None = None) -> None:
        """`ip link set DEV netns OTHER [name NEW]`: it arrives down, without addresses. Raises FileExistsError."""
        if (new_name or dev.name) in other.devices:
            raise FileExistsError("File exists")
        if dev.master is not None:
            dev.master.release(dev)
        ifindex = dev.ifindex
        self.remove_device(dev)
        dev.name = new_name or dev.name
        taken = {mine.ifindex for mine in other.devices.values()}
        other.add_device(dev, None if ifindex in taken else ifindex)

    def rename_device(self, dev: NetDevice, new_name: str) -> None:
        """Raises FileExistsError."""
        if new_name in self.devices:
            raise FileExistsError("File exists")
        self.sysctl.rename_device(dev.name, new_name)
        self._tell(dev, False)
        self.devices = {new_name if mine is dev else name: mine for name, mine in self.devices.items()}
        for address in self._addresses[dev]:
            address.label = address.label.replace(dev.name, new_name, 1)
        dev.name = new_name
        dev.label = f"{self.name}/{new_name}"
        self._tell(dev, True)
        dev.changed()

    def set_up(self, dev: NetDevice) -> None:
        """`ip link set DEV up`: its addresses' routes appear. Raises OSError."""
        if dev.up:
            return
        followers = carriers_behind(dev)
        dev.set_up(True)
        dev.changed("up")
        for address in self._addresses[dev]:
            self._add_routes(address)
        self.forget_routes()
        settle(dev, followers)

    def set_down(self, dev: NetDevice) -> None:
        """`ip link set DEV down`: its routes and neighbours go; routes that were set by hand do not come back. Its addresses stay local."""
        if not dev.up:
            return
        followers = carriers_behind(dev)
        dev.set_up(False)
        dev.changed()
        self.fib.flush(dev, KINDS - {"local"})
        self.neighbours.flush(dev)
        self.netfilter.device_down(dev)
        self.forget_routes()
        settle(dev, followers)

    def set_mac(self, dev: NetDevice, mac: Mac) -> None:
        """`ip link set DEV address MAC`. Raises OSError."""
        dev.set_mac(mac)
        dev.changed("address")

    def set_mtu(self, dev: NetDevice, mtu: int) -> None:
        """Raises OSError EINVAL below IPv4's 68 bytes, and above what the device takes."""
        if not 68 <= mtu <= dev.largest_mtu:
            raise OSError(errno.EINVAL, "Invalid argument")
        dev.mtu = mtu
        if isinstance(dev, Bridge):
            dev.mtu_is_set = True
        if dev.master is not None:
            dev.master.port_mtu_changed()
        if dev.macvlans is not None:
            dev.macvlans.parent_changed()
        dev.changed()

    def link_changed(self, dev: NetDevice, what: str) -> None:
        """What is known of neighbours goes with the address that it was said to, and, but for what was set by hand, with the carrier.

        What is remembered of ways out holds the device's MTU.
        """
        self.forget_routes()
        evicts = dev.up and not dev.carrier and self.sysctl.both(dev.name, "arp_evict_nocarrier")
        if what == "address" or evicts:
            self.neighbours.flush(dev, permanent=what == "address")
        for watcher in self.on_link:
            watcher(dev, what)

    def _tell(self, dev: NetDevice, there: bool) -> None:
        for watcher in self.on_device:
            watcher(dev, there)

    # --- bridges and iptables

    def load_br_netfilter(self) -> None:
        """`modprobe br_netfilter`: bridged packets pass iptables from now on, unless the sysctl says otherwise."""
        self.sysctl.load_br_netfilter()
        for dev in self.devices.values():
            if isinstance(dev, Bridge):
                self._attach_bridge(dev)

    def _attach_bridge(self, bridge: Bridge) -> None:
        try:
            wanted = self.sysctl.integer("net.bridge.bridge-nf-call-iptables")
        except KeyError:  # the module is not loaded
            wanted = 0
        bridge.call_iptables = self._bridge_hooks if wanted else None

    def _sysctl_changed(self, key: str) -> None:
        self.forget_routes()
        if key.startswith("net.netfilter."):
            self.netfilter.tune(key, self.sysctl.get(key))
        elif key == "net.bridge.bridge-nf-call-iptables":
            for dev in self.devices.values():
                if isinstance(dev, Bridge):
                    self._attach_bridge(dev)

    # --- routes

    def redirect(self, dev: NetDevice, dst: bytes, old: bytes, gateway: Ip) -> bool:
        """Take a redirect of the present gateway `old`; the new one must be known to its neighbours' table (__ip_do_redirect)."""
        try:
            route = self.ipv4.route(dst)[0]
        except OSError:
            return False
        if route.via != old or route.dev is not dev or self.address_type(gateway) != "UNICAST":
            return False
        onlink = self.fib.lookup(gateway)
        if onlink is None or onlink.dev is not dev or onlink.via is not None:
            return False
        if not self.neighbours.is_known(dev, gateway):
            return False
        self.ipv4.routing.redirect(dst, gateway)
        self.forget_routes()
        return True

    def address_changed(self, address: InterfaceAddress, there: bool) -> None:
        if not there:
            self.netfilter.address_removed(address)
            if not self.addresses(address.dev):
                self.neighbours.flush(address.dev)
        self.forget_routes()

    def forget_routes(self, *_: object) -> None:
        self.ipv4.forget_routes()

    def close(self) -> None:
        """The last process has left: the namespace's connections go without a word (tcp_exit, cleanup_net)."""
        for connection in list(self.tcp.connections_by_key.values()):
            if isinstance(connection, TimeWait):
                connection.end()
            else:
                connection.destroy()

    # --- iptables

    def iptables(self, command: str) -> None:
        """One iptables command line, without the program's name. Raises EmuError with iptables' words."""
        self.netfilter.command(command)
