"""-m state, the older form of -m conntrack --ctstate (xt_state.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from emu.netfilter.conntrack import CtInfo
from emu.netfilter.extension import bang
from emu.netfilter.match import Match
from emu.netfilter.table import Rule, Test
from emu.netfilter.words import usage

if TYPE_CHECKING:
    from typing import Any

    from emu.netfilter.netfilter import Netfilter
    from emu.packet.datagram import Datagram

STATES = ("INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED")


@dataclass(slots=True)
class State(Match):
    """The packet's part in its connection."""

    name: ClassVar[str] = "state"
    needs_conntrack: ClassVar[bool] = True
    OPTIONS: ClassVar[dict[str, int]] = {"--state": 1}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset(OPTIONS)
    states: tuple[str, ...] = ()
    inverted: bool = False

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        names = values[0].upper().split(",")
        for name in names:
            if name not in STATES:
                raise usage(f'Bad state "{name}"')
        self.states, self.inverted = tuple(name for name in STATES if name in names), inverted

    def check(self, rule: Rule) -> None:
        if not self.states:
            raise usage('state: option "--state" must be specified\n')

    def save(self) -> str:
        return f"{bang(self.inverted)}--state {','.join(self.states)}"

    def list(self, numeric: bool) -> str:
        return f"{bang(self.inverted)}state {','.join(self.states)}"

    def compile(self, netfilter: Netfilter) -> Test:
        infos = frozenset(info for info in (*CtInfo, None) if (info.name.removesuffix("_REPLY") if info else "INVALID") in self.states)
        inverted = self.inverted

        def test(datagram: Datagram, iif: Any, oif: Any) -> bool:
            return (datagram.ct_info in infos) is not inverted

        return test
