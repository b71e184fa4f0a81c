"""What matches and targets have in common: a name, options with their arguments, and the texts that iptables makes of them.

Options are written as in iptables' own pages. A child lists them with the number of arguments each takes, and takes them in `set`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from emu.netfilter.hooks import Hook
from emu.netfilter.words import usage

if TYPE_CHECKING:
    from emu.netfilter.table import Rule


class Extension:
    """A match or a target as it stands in one rule; equal to another if it says the same."""

    name: ClassVar[str]
    OPTIONS: ClassVar[dict[str, int]] = {}
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset()
    hooks: ClassVar[frozenset[Hook]] = frozenset()  # where it may stand; empty: at any
    needs_conntrack: ClassVar[bool] = False

    def take(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        """One option of the command line, with its arguments."""
        if inverted and option not in self.INVERTIBLE:
            raise usage(f'unexpected "!" flag before "{option}"')
        self.set(option, values, inverted, rule)

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        raise AssertionError(f"{self.name} takes no option {option}")

    def check(self, rule: Rule) -> None:
        """All options are there: do they fit together, and the rule? Raises what iptables says."""

    def save(self) -> str:
        """The options as iptables-save writes them."""
        return ""

    def list(self, numeric: bool) -> str:
        """As `iptables -L` shows it in its last column."""
        return ""


def bang(inverted: bool) -> str:
    return "! " if inverted else ""
