"""The network drivers that come with emu, by the name that `docker network create -d` takes: `module:class`."""

DRIVERS = {
    "bridge": "emu.docker.drivers.bridge:BridgeDriver",
    "host": "emu.docker.drivers.host:HostDriver",
    "null": "emu.docker.drivers.null:NullDriver",
}
