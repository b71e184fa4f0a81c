"""What comes with Open vSwitch 3.1.0: ovs-vsctl, which writes its database, and ovs-appctl, which asks its daemon.

The daemon of a host is there from the first of these commands on.
"""

from __future__ import annotations

from emu.netns.ovs import OvsSwitch
from emu.process import Process

VERSION = "3.1.0"


def switch_of(process: Process) -> OvsSwitch:
    """The daemon of the host that the program runs on, in its first namespace."""
    host = process.host
    if host.ovs is None:
        host.ovs = OvsSwitch(host.netns)
    found: OvsSwitch = host.ovs
    return found
