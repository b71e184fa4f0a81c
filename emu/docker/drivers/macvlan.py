"""Docker's macvlan driver (libnetwork drivers/macvlan): each container has a macvlan on the host's interface `parent`.

The gateway is a machine on the LAN; ports are not published. Without `parent` a dummy device stands for it, and nobody is beyond.
Not modelled: 802.1Q sub-interfaces (`parent=eth0.10`, unless there is a device of that name), IPv6, more than one subnet a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emu.docker.driver import Driver
from emu.docker.errors import DockerError
from emu.netdev.dummy import Dummy
from emu.netdev.macvlan import MODES, Macvlan
from emu.packet.address import Mac

if TYPE_CHECKING:
    from emu.docker.model import Endpoint, Network
    from emu.netdev.device import NetDevice
    from emu.netns.namespace import Netns

PARENT, MODE = "parent", "macvlan_mode"
LAST_VLAN = 4094


@dataclass
class MacvlanState:
    """What a macvlan network has on its host. `made`: the parent is a dummy of Docker's, which goes with the network."""

    parent: str
    mode: str
    made: bool


class MacvlanDriver(Driver):
    name = "macvlan"

    def create_network(self, network: Network) -> None:
        mode = network.config.options.get(MODE) or "bridge"
        if mode not in MODES:
            raise DockerError(400, f"requested macvlan mode '{mode}' is not valid, 'bridge' mode is the macvlan driver default")
        given = network.config.options.get(PARENT, "")
        if given == "lo":
            raise DockerError(400, "loopback interface is not a valid macvlan parent link")
        parent = given or f"dm-{network.short_id}"
        for other in self.docker.networks.all.values():
            if isinstance(other.state, MacvlanState) and other.state.parent == parent:
                raise DockerError(500, f"network dm-{other.short_id} is already using parent interface {parent}")
        if parent not in self.docker.netns.devices:
            if given:
                self._refuse_vlan(given)
            self._make_dummy(parent)
        network.state = MacvlanState(parent, mode, made=not given)

    def _refuse_vlan(self, name: str) -> None:
        """A parent that is not there is to be made: a sub-interface, which its name must say."""
        if "." not in name:
            raise DockerError(500, f"invalid subinterface vlan name {name}, example formatting is eth0.10")
        if name.count(".") > 1:
            text = f"required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received {name}"
            raise DockerError(500, text)
        parent, _, number = name.partition(".")
        if not number.lstrip("-").isdigit():
            raise DockerError(500, f"unable to parse a valid vlan id from: {number} (ex. eth0.10 for vlan 10)")
        if parent not in self.docker.netns.devices:
            raise DockerError(500, f"-o parent interface does was not found on the host: {parent}")
        if not 1 <= int(number) <= LAST_VLAN:
            raise DockerError(500, f"vlan id must be between 1-{LAST_VLAN}, received: {int(number)}")
        raise DockerError(501, f"-o parent={name}: 802.1Q sub-interfaces are not modelled")

    def _make_dummy(self, name: str) -> None:
        netns = self.docker.netns
        dummy = Dummy(self.docker.engine, name, self._random_mac(name))
        netns.add_device(dummy)
        netns.set_up(dummy)

    def _random_mac(self, name: str) -> Mac:
        wire = self.docker.stream(f"{name} mac").randbytes(6)
        return Mac(bytes([wire[0] & 0xFC | 2]) + wire[1:])

    def delete_network(self, network: Network) -> None:
        state = _state(network)
        parent = self.docker.netns.devices.get(state.parent)
        if state.made and parent is not None:
            self.docker.netns.delete_device(parent)

    def create_endpoint(self, endpoint: Endpoint) -> None:
        """The way out is a machine on the LAN; of an internal network there is none."""
        endpoint.gateway = None if endpoint.network.internal else endpoint.network.gateway

    def join(self, endpoint: Endpoint, netns: Netns, name: str) -> bool:
        """Made on the host, then into the container: name, MAC, address, up."""
        assert endpoint.ip is not None
        assert endpoint.mac is not None
        assert endpoint.network.pool is not None
        macvlan = self._make(endpoint, _state(endpoint.network))
        subnet = endpoint.network.pool.subnet
        self.docker.netns.move_device(macvlan, netns, name)
        netns.set_mac(macvlan, endpoint.mac)
        netns.add_address(macvlan, endpoint.ip, subnet.length, broadcast=subnet.nth(subnet.size - 1))
        endpoint.state = macvlan
        try:
            netns.set_up(macvlan)
        except OSError as error:
            raise DockerError(500, f'error setting interface "{macvlan.name}" up: {(error.strerror or "").lower()}') from None
        return True

    def _make(self, endpoint: Endpoint, state: MacvlanState) -> Macvlan:
        netns = self.docker.netns
        parent: NetDevice | None = netns.devices.get(state.parent)
        if parent is None:
            text = f"error occurred looking up the macvlan parent iface {state.parent} error: Link not found"
            raise DockerError(500, text)
        temporary = f"veth{self.docker.stream(f'macvlan {endpoint.id}').getrandbits(28):07x}"
        try:
            macvlan = Macvlan(self.docker.engine, temporary, self._random_mac(endpoint.id), parent, state.mode)
        except OSError as error:
            raise DockerError(500, f"failed to create the macvlan port: {(error.strerror or '').lower()}") from None
        macvlan.txqueuelen = 0
        netns.add_device(macvlan)
        return macvlan

    def leave(self, endpoint: Endpoint) -> None:
        macvlan: Macvlan | None = endpoint.state
        if macvlan is not None and macvlan.netns is not None:
            macvlan.netns.delete_device(macvlan)
        endpoint.state = None

    def delete_endpoint(self, endpoint: Endpoint) -> None:
        self.leave(endpoint)


def _state(network: Network) -> MacvlanState:
    state: MacvlanState = network.state
    return state
