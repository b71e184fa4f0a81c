"""-j NFLOG (xt_NFLOG.c): the packet is copied to programs that listen (ulogd, tcpdump -i nflog), and goes on. There are no such programs
here: copies go nowhere. --nflog-range has no effect, as in iptables; its warning is not printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from emu.netfilter.table import Rule
from emu.netfilter.target import Target
from emu.netfilter.words import bounded, quoted, usage

LONGEST_PREFIX = 127
NUMBERS = {"--nflog-group": 0xFFFF, "--nflog-range": 0xFFFFFFFF, "--nflog-size": 0xFFFFFFFF, "--nflog-threshold": 0xFFFF}


@dataclass(slots=True)
class Nflog(Target):
    """Whom to tell, and how much."""

    name: ClassVar[str] = "NFLOG"
    OPTIONS: ClassVar[dict[str, int]] = dict.fromkeys(("--nflog-prefix", *NUMBERS), 1)
    APART: ClassVar[dict[str, tuple[str, ...]]] = {"--nflog-range": ("--nflog-size",)}
    prefix: str = ""
    group: int = 0
    size: int | None = None
    threshold: int = 0

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        if option == "--nflog-prefix":
            if not values[0]:
                raise usage("Argument must have a minimum length of 1 characters\n")
            self.prefix = values[0][:LONGEST_PREFIX]
            return
        value = bounded(self.name, option, values[0], 0, NUMBERS[option])
        if option != "--nflog-range":
            setattr(self, option.removeprefix("--nflog-"), value)

    def save(self) -> str:
        return self._text("--")

    def list(self, numeric: bool) -> str:
        return self._text("")

    def _text(self, dashes: str) -> str:
        words = [f"nflog-prefix {quoted(self.prefix)}"] if self.prefix else []
        words += [f"nflog-group {self.group}"] if self.group else []
        words += [f"nflog-size {self.size}"] if self.size is not None else []
        words += [f"nflog-threshold {self.threshold}"] if self.threshold else []
        return " ".join(dashes + word for word in words)
