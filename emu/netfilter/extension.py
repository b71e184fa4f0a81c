"""What matches and targets have in common: a name, options with their arguments, and the texts that iptables makes of them.

Options are written as in iptables' own pages. A child lists them with the number of arguments each takes, and takes them in `set`. What
may be said twice, inverted or together is iptables' own table of options (libxtables/xtoptions.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from emu.netfilter.hooks import Hook
from emu.netfilter.words import usage

if TYPE_CHECKING:
    from emu.netfilter.table import Rule


INVALID = "Invalid argument"


class Extension:
    """A match or a target as it stands in one rule; equal to another if it says the same."""

    name: ClassVar[str]
    OPTIONS: ClassVar[dict[str, int]] = {}
    ALIASES: ClassVar[dict[str, str]] = {}  # an option's other names
    INVERTIBLE: ClassVar[frozenset[str]] = frozenset()
    REPEATABLE: ClassVar[frozenset[str]] = frozenset()
    REQUIRED: ClassVar[str] = ""
    APART: ClassVar[dict[str, tuple[str, ...]]] = {}  # an option, and those that cannot be used together with it
    tables: ClassVar[frozenset[str]] = frozenset()  # where it may stand; empty: in any
    hooks: ClassVar[frozenset[Hook]] = frozenset()  # the same; empty: at any
    needs_conntrack: ClassVar[bool] = False
    given: tuple[str, ...] = ()  # the options taken so far

    def take(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        """One option of the command line, with its arguments."""
        option = self.ALIASES.get(option, option)
        if option in self.given and option not in self.REPEATABLE:
            raise usage(f'{self.name}: option "{option}" can only be used once.\n')
        if inverted and option not in self.INVERTIBLE:
            raise usage(f'{self.name}: option "{option}" cannot be inverted.\n')
        self.set(option, values, inverted, rule)
        self.given += (option,)

    def set(self, option: str, values: list[str], inverted: bool, rule: Rule) -> None:
        raise AssertionError(f"{self.name} takes no option {option}")

    def finish(self, rule: Rule) -> None:
        """All options are there: do they fit together, and the rule? Raises what iptables says."""
        self.check(rule)
        if self.REQUIRED and self.REQUIRED not in self.given:
            raise usage(f'{self.name}: option "{self.REQUIRED}" must be specified\n')
        for option, others in self.APART.items():
            for other in others:
                if option in self.given and other in self.given:
                    raise usage(f'{self.name}: option "{option}" cannot be used together with "{other}".\n')

    def check(self, rule: Rule) -> None:
        """What a child has to say of them beyond its tables."""

    def kernel_refuses(self, rule: Rule, hook: Hook | None) -> str:
        """What the kernel has against what iptables let through (checkentry). `hook`: the base chain's; None: in a user's chain."""
        return ""

    def save(self) -> str:
        """The options as iptables-save writes them."""
        return ""

    def list(self, numeric: bool) -> str:
        """As `iptables -L` shows it in its last column."""
        return ""


def one_of(*options: str) -> dict[str, tuple[str, ...]]:
    """Options of which only one may be given, for APART."""
    return {option: options[place + 1 :] for place, option in enumerate(options)}


def bang(inverted: bool) -> str:
    return "! " if inverted else ""
