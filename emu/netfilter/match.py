"""What a rule's `-m` is: a test of packets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.netfilter.extension import Extension
from emu.netfilter.table import Test

if TYPE_CHECKING:
    from emu.netfilter.netfilter import Netfilter


class Match(Extension):
    """A child gives `compile`, the function that is called for each packet."""

    def compile(self, netfilter: Netfilter) -> Test:
        raise AssertionError(f"{self.name} has no compile")
