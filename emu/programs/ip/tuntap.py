"""ip tuntap: add, del, show of TUN devices (iproute2's iptuntap.c). Without a program that reads it a device has no carrier.

Not modelled: TAP devices, owners and groups, several queues, packet information and vnet headers.
"""

from __future__ import annotations

from emu.netdev.tun import Tun
from emu.process import UsageError
from emu.programs.ip.link_add import device_name
from emu.programs.ip.words import Context, Words, not_modelled

NOT_MODELLED = frozenset({"user", "group", "one_queue", "pi", "vnet_hdr", "multi_queue"})
COMMANDS = ("add", "delete", "show", "lst", "list", "help")
USAGE = """Usage: ip tuntap { add | del | show | list | lst | help } [ dev PHYS_DEV ]
       [ mode { tun | tap } ] [ user USER ] [ group GROUP ]
       [ one_queue ] [ pi ] [ vnet_hdr ] [ multi_queue ] [ name NAME ]

Where: USER  := { STRING | NUMBER }
       GROUP := { STRING | NUMBER }"""


def run(context: Context, words: Words) -> int:
    word = words.next() if words else "show"
    command = next((name for name in COMMANDS if name.startswith(word)), None)
    if command is None:
        raise UsageError(f'Command "{word}" is unknown, try "ip tuntap help".', 255)
    if command == "help":
        raise UsageError(USAGE, 255)
    if command not in {"add", "delete"}:
        context.refuse_options("json")
        for dev in context.netns.devices.values():
            if isinstance(dev, Tun):
                context.process.print(f"{dev.name}: tun{' persist' if dev.persistent else ''}")
        return 0
    name = _read(words)
    if not context.process.place.net_admin:
        raise UsageError("ioctl(TUNSETIFF): Operation not permitted", 1)
    return _add(context, name) if command == "add" else _delete(context, name)


def _read(words: Words) -> str:
    name = mode = ""
    while words:
        if words.take("mode"):
            mode = words.next()
            if mode not in {"tun", "tap"}:
                raise UsageError(f'Unknown tunnel mode "{mode}"', 255)
        elif words.peek() in NOT_MODELLED:
            raise not_modelled(f"tuntap … {words.peek()}")
        else:
            words.take("dev", "name")
            if name:
                raise UsageError(f'Error: either "name" is duplicate, or "{words.next()}" is a garbage.', 255)
            name = device_name(words.next())
    if not mode:
        raise UsageError("You failed to specify a tunnel mode", 1)
    if mode == "tap":
        raise not_modelled("tuntap … mode tap")
    return name


def _add(context: Context, name: str) -> int:
    devices = context.netns.devices
    if name in devices:
        raise UsageError("ioctl(TUNSETIFF): Device or resource busy", 1)
    free = (f"tun{number}" for number in range(10_000))
    dev = Tun(context.netns.engine, name or next(each for each in free if each not in devices))
    dev.persistent = True
    context.netns.add_device(dev)
    return 0


def _delete(context: Context, name: str) -> int:
    """One that is not there is made, and gone when the program ends."""
    dev = context.netns.devices.get(name)
    if dev is not None and not isinstance(dev, Tun):
        raise UsageError("ioctl(TUNSETIFF): Invalid argument", 1)
    if dev is not None and dev.reader is not None:
        raise UsageError("ioctl(TUNSETIFF): Device or resource busy", 1)
    if dev is not None:
        context.netns.delete_device(dev)
    return 0
