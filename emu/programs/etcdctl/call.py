"""One call of etcdctl: who calls, the store, and the command's words and options."""

from __future__ import annotations

from dataclasses import dataclass, field

from emu.process import Process
from emu.store.store import Store

Flags = dict[str, str | bool | int]


@dataclass
class Call:
    """`output` is the format asked for, empty for the simple one."""

    process: Process
    store: Store
    arguments: list[str]
    flags: Flags = field(default_factory=dict)
    output: str = ""

    def print(self, *words: object) -> None:
        self.process.print(*words)

    @property
    def key(self) -> str:
        """The first argument as a version 2 key: an absolute path."""
        return "/" + (self.arguments[0] if self.arguments else "/").strip("/")
