"""emu: a packet-level emulator of container networking. Names here are public; they are imported when they are asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emu.engine import Engine
    from emu.errors import EmuError, TopologyError
    from emu.lab import Lab
    from emu.packet.frame import Frame
    from emu.process import Process
    from emu.runner import run
    from emu.topology.loader import load_topology

__version__ = "0.1.0"

_WHERE = {
    "EmuError": "emu.errors",
    "Engine": "emu.engine",
    "Frame": "emu.packet.frame",
    "Lab": "emu.lab",
    "Process": "emu.process",
    "TopologyError": "emu.errors",
    "load_topology": "emu.topology.loader",
    "run": "emu.runner",
}

__all__ = ["EmuError", "Engine", "Frame", "Lab", "Process", "TopologyError", "load_topology", "run"]


def __getattr__(name: str) -> Any:
    """Import on demand: who only runs `emu validate` need not wait for the whole stack."""
    if name not in _WHERE:
        raise AttributeError(f"module 'emu' has no attribute '{name}'")
    return getattr(import_module(_WHERE[name]), name)
