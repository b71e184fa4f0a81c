"""`iptables -L` (iptables 1.8.9: nft-shared.c, xshared.c): columns, and what they hold."""

from __future__ import annotations

from collections.abc import Iterable

from emu.netfilter.table import Chain, Prefix, Rule, Table
from emu.netfilter.words import PROTOCOL_NAMES, mask_text
from emu.packet.address import ip_text

THOUSAND = 1000
UNITS = ("", "K", "M", "G", "T")


def list_chains(
    table: Table, chains: Iterable[Chain], number: int, *, numeric: bool, verbose: bool, exact: bool, line_numbers: bool
) -> str:
    """All rules of the chains, or the one of that number alone."""
    parts: list[str] = []
    for chain in chains:
        lines = [] if number else [_title(table, chain, verbose=verbose, exact=exact), _heading(verbose, exact, line_numbers)]
        for index, rule in enumerate(chain.rules, 1):
            if number in (0, index):
                place = f"{index:<4} " if line_numbers else ""
                lines.append(place + _line(rule, numeric=numeric, verbose=verbose, exact=exact))
        parts.append("".join(line + "\n" for line in lines))
    return "\n".join(parts)


def _title(table: Table, chain: Chain, *, verbose: bool, exact: bool) -> str:
    if chain.hook is None:
        return f"Chain {chain.name} ({table.references(chain.name)} references)"
    counts = f" {count(chain.packets, exact, 0)} packets, {count(chain.octets, exact, 0)} bytes" if verbose else ""
    return f"Chain {chain.name} (policy {chain.policy.value}{counts})"


def _heading(verbose: bool, exact: bool, line_numbers: bool) -> str:
    text = "num  " if line_numbers else ""
    if verbose:
        text += "    pkts      bytes " if exact else " pkts bytes "
    text += "target     prot opt "
    if verbose:
        text += f"{'in':<6s} {'out':<6s}  "
    return text + f"{'source':<19s}  {'destination':<19s} "


def _line(rule: Rule, *, numeric: bool, verbose: bool, exact: bool) -> str:
    text = ""
    if verbose:
        width = 8 if exact else 5
        text += f"{count(rule.packets, exact, width)} {count(rule.octets, exact, width)} "
    target = rule.target.listed_as or rule.target.name if rule.target is not None else rule.jump
    protocol = str(rule.protocol) if numeric else PROTOCOL_NAMES.get(rule.protocol, str(rule.protocol)) if rule.protocol else "all"
    text += f"{target:<9s} {'!' if rule.protocol_inverted else ' '}{protocol:<4s} "
    text += "-- " if rule.fragment is None else "-f " if rule.fragment else "!f "
    if verbose:
        names = ["*" if dev is None else f"{'!' if dev.inverted else ''}{dev.text}" for dev in (rule.iif, rule.oif)]
        text += f" {names[0]:<6s} {names[1]:<6s} "
    text += f"{_address(rule.src, numeric)} {_address(rule.dst, numeric)} "
    words = (["[goto] "] if rule.goto else []) + [match.list(numeric) for match in rule.matches]
    if rule.target is not None:
        words.append(rule.target.list(numeric))
    words = [word for word in words if word]
    return text + (" " + " ".join(words) if words and not rule.goto else " ".join(words))


def _address(where: Prefix | None, numeric: bool) -> str:
    if where is None:
        return f" {'0.0.0.0/0' if numeric else 'anywhere':<19s}"
    length = mask_text(where.mask)
    text = ip_text(where.address) + ("" if length == "32" else f"/{length}")
    return f"{'!' if where.inverted else ' '}{text:<19s}"


def count(value: int, exact: bool, width: int) -> str:
    """`12345` as it is up to 99999, then in thousands, millions …, rounded (xtables_print_num)."""
    unit = 0
    if not exact and value > 99_999:
        while unit < len(UNITS) - 1 and (unit == 0 or value > 9_999):
            value = (value + THOUSAND // 2) // THOUSAND
            unit += 1
    mark = UNITS[unit]
    return f"{value:>{max(width - len(mark), 0)}d}{mark}"
