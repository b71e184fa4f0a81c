"""poweroff(8): a host goes silent: its programs are killed and its devices go down, without any farewell on the wire.

Not modelled: coming back. Docker's containers on the host end as its other programs do.
"""

from __future__ import annotations

from emu.process import Process, UsageError


async def main(process: Process, argv: list[str]) -> int:
    place = process.place
    if place.container is not None:
        raise UsageError("poweroff: a container cannot power its host off", 1)
    if len(argv) > 1 and argv[1:] != ["-f"]:
        raise UsageError(f"poweroff: '{argv[1]}' is not modelled", 1)
    containers = place.host.docker.containers.values() if place.host.docker is not None else ()
    places = [place, *(container.place for container in containers if container.place is not None)]
    for each in places:  # first the wires: a dying program's sockets say nothing any more
        for dev in each.netns.devices.values():
            dev.set_up(False)
    for each in places:
        for other in list(each.processes.values()):
            if other is not process:
                other.kill(137)
    return 0
