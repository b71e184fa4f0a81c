"""The network drivers that come with emu, by the name that `docker network create -d` takes: `module:class`."""

DRIVERS = {
    "bridge": "emu.docker.drivers.bridge:BridgeDriver",
    "host": "emu.docker.drivers.host:HostDriver",
    "macvlan": "emu.docker.drivers.macvlan:MacvlanDriver",
    "null": "emu.docker.drivers.null:NullDriver",
    "overlay": "emu.docker.drivers.overlay:OverlayDriver",
}
