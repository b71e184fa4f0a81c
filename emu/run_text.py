"""What `emu run` prints: each step with its output, the figures of the run, and the same as data."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from emu.lab import StepResult
    from emu.runner import RunResult

LARGE = 200  # containers, from which on a lab's bring-up shows how far it is
SHOWN_LINES = 12  # of a step's output; steps.log has all of it
INDENT = " " * 11


def show_bring_up(number: int, of: int) -> None:
    """How far the bring-up of a large lab is, on a terminal's standard error; small ones are there at once."""
    if of >= LARGE and sys.stderr.isatty() and (number % (of // 50) == 0 or number == of):
        click.echo(f"\rbringing up {number} of {of} containers", nl=number == of, err=True)


def print_step(result: StepResult) -> None:
    """The command line with its time, its output below, and what was not as expected."""
    print_output(result, result.output)
    if result.failed:
        click.echo(f"{INDENT}{click.style(f'exit status {result.exit_status}', fg='yellow')}")
    for problem in result.problems:
        click.echo(f"{INDENT}{click.style('✗', fg='red')} {result.step.source}: {problem}")


def print_output(result: StepResult, output: str) -> None:
    click.echo(f"{result.started_ns / 1e9:8.3f}  {click.style(result.step.place + '$', bold=True)} {result.step.line}")
    lines = output.splitlines()
    for line in lines[:SHOWN_LINES]:
        click.echo(INDENT + line if line else "")
    if len(lines) > SHOWN_LINES:
        click.echo(f"{INDENT}… {len(lines) - SHOWN_LINES} more lines in steps.log")


def summary(result: RunResult) -> str:
    steps = result.steps
    expectations = sum((step.step.expect.exit is not None) + (step.step.expect.stdout is not None) for step in steps)
    met = expectations - sum(step.unmet for step in steps)
    took = f"{result.virtual_ns / 1e9:.1f} s of virtual time in {result.real_seconds:.2f} s"
    mark = click.style("✓", fg="green") if result.ok else click.style("✗", fg="red")
    held = f"{met} of {expectations} expectations met{f' · {result.reach_summary}' if result.tried else ''}"
    lines = [
        "",
        f"{mark} {len(steps)} steps, {held} · {result.frames} frames, {result.dropped} dropped · {took}",
    ]
    if result.stopped:
        lines.append(f"{click.style('✗', fg='red')} {result.stopped}")
    lines += [f"{click.style('✗', fg='red')} {bug}" for bug in result.bugs]
    lines += [f"{click.style('✗', fg='red')} {each.text}" for each in result.unreached]
    lines += [f"{'dropped' if not number else '':10s} {line}" for number, line in enumerate(result.drops.lines())]
    captures = result.folder / "captures"
    lines += [f"captures   {captures}  ({result.captures} pcap, all.pcapng)", f"open       emu wireshark {result.folder}"]
    return "\n".join(lines)


def as_data(result: RunResult) -> dict[str, Any]:
    from emu.observe import drop_counters

    return {
        "folder": str(result.folder),
        "ok": result.ok,
        "stopped": result.stopped,
        "bugs": result.bugs,
        "unreached": [each.as_data() for each in result.unreached],
        "frames": result.frames,
        "dropped": result.dropped,
        "drops": drop_counters.as_data(result.drops),
        "virtual_seconds": result.virtual_ns / 1e9,
        "steps": [
            {
                "place": step.step.place,
                "command": step.step.command,
                "at": step.started_ns / 1e9,
                "exit": step.exit_status,
                "output": step.output,
                "problems": step.problems,
            }
            for step in result.steps
        ],
    }
