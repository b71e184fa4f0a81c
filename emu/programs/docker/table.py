"""How the docker program lays out lists: columns, ages, shortened commands, ports (docker/cli formatter, docker/go-units)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.engine import SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

NARROWEST, GAP = 10, 3
COMMAND_WIDTH = 20


def table(rows: Sequence[Sequence[str]]) -> str:
    """Each column as wide as its widest cell and three blanks, ten at least; the last one as it is."""
    widths = [max(NARROWEST, *(len(cell) + GAP for cell in column)) for column in zip(*rows, strict=True)]
    return "".join("".join(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)) + row[-1] + "\n" for row in rows)


def duration(ns: int) -> str:
    """`8 seconds`, `About a minute`, `3 weeks`."""
    seconds = ns // SECOND
    minutes, hours = seconds // 60, (ns + 1800 * SECOND) // (3600 * SECOND)
    if seconds < 1:
        return "Less than a second"
    if seconds == 1:
        return "1 second"
    if seconds < 60:
        return f"{seconds} seconds"
    if minutes == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    for days, unit, longest in ((1, "days", 14), (7, "weeks", 60), (30, "months", 730)):
        if hours < 24 * longest:
            return f"{hours // 24 // days} {unit}"
    return f"{hours // 24 // 365} years"


def command(words: Sequence[str], *, whole: bool = False) -> str:
    """In quotes, shortened to twenty characters."""
    text = " ".join([*words[:1], *(f"'{word}'" if " " in word else word for word in words[1:])])
    return f'"{text}"' if whole or len(text) <= COMMAND_WIDTH else f'"{text[: COMMAND_WIDTH - 1]}…"'


def ports(exposed: Sequence[tuple[int, str]], published: Sequence[tuple[str, int, int, str]]) -> str:
    """The PORTS column: runs of ports unpublished or published under their own number first, then those that change their number.

    `published` has host address, host port, container port, protocol.
    """
    bound = {(port, protocol) for _, _, port, protocol in published}
    entries = sorted([*published, *(("", 0, port, protocol) for port, protocol in exposed if (port, protocol) not in bound)], key=_order)
    open_runs: dict[tuple[str, str], list[int]] = {}
    done, moved = [], []
    for host_ip, host_port, port, protocol in entries:
        if host_ip and host_port != port:
            moved.append(f"{host_ip}:{host_port}->{port}/{protocol}")
            continue
        run = open_runs.setdefault((host_ip, protocol), [port, port - 1])
        if port > run[1] + 1:
            done.append(_run(host_ip, protocol, *run))
            run[0] = port
        run[1] = port
    return ", ".join(done + [_run(host_ip, protocol, *run) for (host_ip, protocol), run in open_runs.items()] + moved)


def _order(entry: tuple[str, int, int, str]) -> tuple[int, str, int, str]:
    host_ip, host_port, port, protocol = entry
    return port, host_ip, host_port, protocol


def _run(host_ip: str, protocol: str, first: int, last: int) -> str:
    span = str(first) if first == last else f"{first}-{last}"
    return f"{host_ip}:{span}->{span}/{protocol}" if host_ip else f"{span}/{protocol}"
