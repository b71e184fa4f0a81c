"""The daemons of a host by name, as systemd knows them: command lines that can be stopped and started again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.process import Place, Process


class Services:
    """`commands` are what is started under each name; `processes` what runs, or ran last."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.commands: dict[str, list[str]] = {}
        self.processes: dict[str, Process] = {}

    def start(self, name: str, argv: list[str] | None = None) -> Process:
        """Start a daemon: with `argv` from now on, else as before. One that runs already goes on. Raises KeyError for an unknown name."""
        if argv is not None:
            self.commands[name] = argv
        command = self.commands[name]
        if self.is_active(name):
            return self.processes[name]
        process = self.processes[name] = self.place.start(command)
        return process

    def stop(self, name: str) -> None:
        """SIGTERM. Raises KeyError for an unknown name."""
        _ = self.commands[name]
        if self.is_active(name):
            self.processes[name].kill()

    def is_active(self, name: str) -> bool:
        return name in self.processes and self.processes[name].exit_status is None
