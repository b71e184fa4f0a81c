"""What the objects of bridge(8) share."""

from __future__ import annotations

from emu.netdev.device import NetDevice
from emu.process import UsageError
from emu.programs.ip.words import Context

STATUS = 255


def device(context: Context, name: str) -> NetDevice:
    """Raises UsageError."""
    if name not in context.netns.devices:
        raise UsageError(f'Cannot find device "{name}"', STATUS)
    return context.netns.devices[name]


def check_rights(context: Context) -> None:
    """Raises UsageError without CAP_NET_ADMIN."""
    if not context.process.place.net_admin:
        raise UsageError("RTNETLINK answers: Operation not permitted", STATUS)


def in_order(context: Context) -> list[NetDevice]:
    """All devices, as the kernel lists them."""
    return sorted(context.netns.devices.values(), key=lambda dev: dev.ifindex)
