"""`python -m benchmarks [--json] [--rounds N] [--only WORD]`."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable

from benchmarks.measure import ROOT, Row, compare, python

ECHOES = 20_000
PINGS = 10_000


def echo(rounds: int) -> Row:
    return compare(
        f"a UDP echo: {ECHOES:,} of them, 2 hosts, 1 bridge, captures on",
        python("-m", "benchmarks.echo_emu", str(ECHOES)),
        "ns-3 3.44",
        python("-m", "benchmarks.echo_ns3", str(ECHOES)),
        aim=1.0,
        rounds=rounds,
    )


def hop(rounds: int) -> Row:
    return compare(
        "a device hop: one frame through the bridge",
        python("-m", "benchmarks.hop_emu"),
        "Scapy: dissect, edit, rebuild",
        python("-m", "benchmarks.hop_scapy"),
        aim=1 / 50,
        rounds=rounds,
    )


def tunnel(rounds: int) -> Row:
    return compare(
        f"a ping over flannel's VXLAN: {PINGS:,} of them, container to container, 2 hosts",
        python("-m", "benchmarks.tunnel_emu", str(PINGS)),
        "this kernel, in namespaces",
        python("-m", "benchmarks.tunnel_linux", str(PINGS)),
        aim=3.0,
        rounds=min(rounds, 3),
    )


def start_up(rounds: int) -> Row:
    topology = str(ROOT / "topologies" / "same-bridge.yaml")
    return compare(
        "`emu run` of a two-container lab, whole process",
        python("-c", "from emu.cli import main; main()", "run", topology),
        "`python -c 'import scapy.layers.inet, click, yaml'`",
        python("-c", "import scapy.layers.inet, click, yaml"),
        aim=2.0,
        rounds=2 * rounds + 1,
        whole_process=True,
    )


def scale(work: str, what: str, rounds: int, unit: str = "µs") -> Row:
    """The same in a large lab of flannel hosts and in a small one."""
    return compare(
        f"{work}: 100 flannel hosts with 100 containers each",
        python("-m", "benchmarks.scale_emu", what, "100", "100", "1000"),
        "emu: 10 hosts with 10 each",
        python("-m", "benchmarks.scale_emu", what, "10", "10", "100"),
        aim=1.2,
        rounds=min(rounds, 3),
        unit=unit,
    )


def frame(rounds: int) -> Row:
    return scale("a frame of the pings between 1,000 pairs", "frame", rounds)


def bring_up(rounds: int) -> Row:
    return scale("a container brought up", "up", rounds)


def memory(_rounds: int) -> Row:
    return scale("memory of a container", "memory", 1, "KB")


BENCHMARKS: dict[str, Callable[[int], Row]] = {
    "echo": echo,
    "hop": hop,
    "tunnel": tunnel,
    "start-up": start_up,
    "frame": frame,
    "up": bring_up,
    "memory": memory,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare emu's speed with that of its neighbours.")
    parser.add_argument("--json", action="store_true", help="a list of {work, ours, peer, theirs, ratio, aim, note, unit}")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side, in turn; medians are shown (default 5)")
    parser.add_argument("--only", choices=BENCHMARKS, action="append", help="this line only; may be given again")
    options = parser.parse_args()
    rows = []
    for name in options.only or BENCHMARKS:
        if sys.stderr.isatty():
            print(f"{name} …", end="\r", file=sys.stderr)
        rows.append(BENCHMARKS[name](options.rounds))
    if options.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    else:
        print_table(rows)
    return 0


def print_table(rows: list[Row]) -> None:
    """As Markdown, for the README."""
    print("| work | emu | against | there | ratio | aim |\n|---|---|---|---|---|---|")
    for row in rows:
        there = "missing" if row.theirs is None else amount(row.theirs, row.unit)
        ratio = "–" if row.ratio is None else times(row.ratio)
        print(f"| {row.work} | {amount(row.ours, row.unit)} | {row.peer} | {there} | {ratio} | ≤ {times(row.aim)} |")
    for row in rows:
        if row.note:
            print(f"\n{row.peer}: {row.note}")


def times(ratio: float) -> str:
    return f"{ratio:.2f} ×" if ratio > 0.1 else f"1/{1 / ratio:.0f}"


def amount(value: float, unit: str) -> str:
    return f"{value / 1000:.0f} ms" if unit == "µs" and value >= 10_000 else f"{value:.3g} {unit}"


if __name__ == "__main__":
    sys.exit(main())
