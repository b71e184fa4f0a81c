"""The `emu` command: parse arguments, call, print.

Exit status: 0 as expected, 1 something was not, 2 the input was wrong, 70 emu itself fell over.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from emu import __version__
from emu.errors import EmuError, bug_text

if TYPE_CHECKING:
    from emu.runner import RunResult

BUG = 70  # EX_SOFTWARE


class Commands(click.Group):
    """Turns mistakes into a message and a status: nobody needs to read a traceback for a typing error."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EmuError as mistake:
            click.echo(str(mistake), err=True)
            ctx.exit(2)
        except BrokenPipeError:  # who reads has enough: silence, as head(1) is used to
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for the interpreter's last flush
            ctx.exit(141)
        except OSError as failure:
            where = f"{failure.filename}: " if failure.filename is not None else ""
            click.echo(f"emu: {where}{failure.strerror or failure}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt as interrupt:
            click.echo("emu: interrupted, nothing written", err=True)
            ctx.exit(128 + int(next(iter(interrupt.args), signal.SIGINT)))
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except Exception as bug:
            if os.environ.get("EMU_DEBUG"):
                raise
            click.echo(f"emu: {bug_text(bug)}\nNothing was written. EMU_DEBUG=1 shows the whole way there.", err=True)
            ctx.exit(BUG)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="emu")
def main() -> None:
    """Container networking, packet by packet, without root and without Docker."""


@main.command()
@click.argument("topology", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to write (default: emu-NAME).")
@click.option("--seed", type=int, help="Another seed than the topology's.")
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on standard output.")
@click.option("--live", is_flag=True, help="The merged capture on standard output as it grows, all else on standard error.")
def run(topology: Path, output: Path | None, seed: int | None, as_json: bool, live: bool) -> None:
    """Run the steps of TOPOLOGY, write the captures, print what happened."""
    from emu import run_text
    from emu.runner import run as run_topology
    from emu.topology.loader import load_topology

    gc.disable()  # a lab's garbage is short-lived and without cycles; a collection would walk every captured frame
    if live and sys.stdout.isatty():
        raise click.UsageError("--live writes a capture, which is nothing for a terminal: emu run … --live | wireshark -k -i -")
    stream = sys.stdout.buffer if live else None
    if live:
        sys.stdout = sys.stderr
    spec = load_topology(topology, seed=seed)
    for notice in spec.notices:
        click.echo(f"note: {notice}", err=True)

    def header(result: RunResult) -> None:
        counts = ", ".join(
            f"{count} {word}{'' if count == 1 else 's'}"
            for count, word in ((result.hosts, "host"), (result.containers, "container"), (result.interfaces, "interface"))
            if count
        )
        click.echo(f"{spec.name} · {counts} · seed {spec.seed}\n")

    result = run_topology(
        spec,
        output,
        on_up=None if as_json else header,
        on_step=None if as_json else run_text.print_step,
        live=stream,
        on_container=run_text.show_bring_up,
    )
    if result.late and not as_json:
        click.echo("\nmeanwhile, in the background")
        for step, text in result.late:
            run_text.print_output(step, text)
    click.echo(json.dumps(run_text.as_data(result), indent=2) if as_json else run_text.summary(result))
    if not result.steps:
        look = f"emu shell {topology}", f"emu exec {topology} {next(iter(spec.hosts))} COMMAND"
        click.echo(f"note: there are no steps; look around with `{look[0]}` or `{look[1]}`", err=True)
    for notice in result.notices:
        click.echo(f"note: {notice}", err=True)
    sys.exit(0 if result.ok else 1)


@main.command(name="exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("topology", type=click.Path(path_type=Path))
@click.argument("place")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the captures (default: none are written).")
@click.option("--seed", type=int, help="Another seed than the topology's.")
@click.option("--steps", is_flag=True, help="Run the topology's steps before, silently.")
def execute(topology: Path, place: str, command: tuple[str, ...], output: Path | None, seed: int | None, steps: bool) -> None:
    """Run COMMAND in PLACE (a host, or HOST/CONTAINER) of a fresh lab; its exit status is emu's.

    One word is a command line with pipes and all, several are a program and its arguments.
    """
    from emu.shell import execute as run_command
    from emu.topology.loader import load_topology

    sys.exit(run_command(load_topology(topology, seed=seed), place, list(command), output, steps=steps))


@main.command()
@click.argument("topology", type=click.Path(path_type=Path))
@click.argument("place", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the captures (default: none are written).")
@click.option("--seed", type=int, help="Another seed than the topology's.")
def shell(topology: Path, place: str | None, output: Path | None, seed: int | None) -> None:
    """A prompt in PLACE (default: the first host) of a live lab; @PLACE goes to another place, @ lists them."""
    from emu.shell import Keyboard, prompt
    from emu.topology.loader import load_topology

    keyboard = Keyboard()
    if sys.stdin.isatty() and sys.stdout.isatty():
        from emu.terminal import LineEditor

        keyboard = LineEditor()
    sys.exit(prompt(load_topology(topology, seed=seed), place, output, keyboard))


@main.command()
@click.argument("topology", type=click.Path(path_type=Path), nargs=-1, required=True)
def validate(topology: tuple[Path, ...]) -> None:
    """Check topology files; print every mistake with its place."""
    from emu.topology.loader import load_topology

    wrong = False
    for path in topology:
        try:
            spec = load_topology(path)
        except EmuError as mistake:
            click.echo(str(mistake), err=True)
            wrong = True
        else:
            click.echo(f"{path}: ok · {len(spec.hosts)} host{'' if len(spec.hosts) == 1 else 's'}, {len(spec.steps)} steps")
    sys.exit(2 if wrong else 0)


@main.command()
@click.argument("ours", metavar="A", type=click.Path(path_type=Path))
@click.argument("reference", metavar="B", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The differences as JSON on standard output.")
def diff(ours: Path, reference: Path, as_json: bool) -> None:
    """Compare the captures A, a file or a folder of them, with B, which they should be like.

    Frame numbers are those that Wireshark shows of A. Exit status: 0 equal, 1 different, 2 cannot be read.
    """
    from emu.observe.compare import compare

    comparison = compare(ours, reference)
    click.echo(json.dumps(comparison.as_data(), indent=2) if as_json else comparison.report())
    sys.exit(0 if comparison.equal else 1)


@main.command()
@click.argument("topology", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Keep the run in this folder.")
@click.option("--json", "as_json", is_flag=True, help="The differences as JSON on standard output.")
def check(topology: Path, output: Path | None, as_json: bool) -> None:
    """Run TOPOLOGY and compare its captures and state with its reference.

    Exit status: 0 as the reference, 1 not, 2 the input was wrong.
    """
    from emu.check import check as check_topology
    from emu.topology.loader import load_topology

    result = check_topology(load_topology(topology), output)
    click.echo(json.dumps(result.as_data(), indent=2) if as_json else result.report())
    sys.exit(0 if result.ok else 1)


@main.command()
@click.argument("topology", metavar="TOPOLOGY|RUN_FOLDER", type=click.Path(path_type=Path))
@click.argument("origin", metavar="FROM", required=False)
@click.argument("target", metavar="TO[:PORT[/udp]]", required=False)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for path.pcapng (default: none is written).")
@click.option("--size", type=click.IntRange(0, 65507), help="Bytes of an echo's or a datagram's payload.")
@click.option("--packet", type=int, help="Of a run's folder: this packet.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON on standard output.")
def trace(
    topology: Path, origin: str | None, target: str | None, output: Path | None, size: int | None, packet: int | None, as_json: bool
) -> None:
    """One probe FROM a host or container TO another, and its way there and back: an ICMP echo, or a port's TCP SYN or UDP datagram.

    TOPOLOGY is brought up and its steps are run before. Of a RUN_FOLDER, the packets of the run, or one of them.
    Exit status: 0 only if the probe was answered.
    """
    from emu import trace as traces
    from emu.observe.trace import encode
    from emu.topology.loader import load_topology

    if topology.is_dir():
        if origin is not None or output is not None or size is not None:
            raise click.UsageError(f"{topology} is a run's folder: no probe is sent, so FROM, TO, --output and --size are a topology's")
        found = traces.run_packets(topology)
        if packet is None:
            click.echo(encode(traces.packets_data(found)) if as_json else traces.list_text(found))
        else:
            one = traces.find_packet(found, packet)
            click.echo(encode(traces.packet_data(one, found)) if as_json else traces.packet_text(one, found))
        sys.exit(0)
    if origin is None or target is None:
        raise click.UsageError("a topology needs FROM and TO, a run's folder has neither")
    if packet is not None:
        raise click.UsageError(f"--packet is a run's folder's, and {topology} is a topology: FROM and TO say which packet")
    told = traces.trace(load_topology(topology), origin, target, output, size)
    click.echo(encode(told.as_data()) if as_json else traces.trace_text(told))
    sys.exit(0 if told.answered else 1)


@main.command()
@click.argument("topology", type=click.Path(path_type=Path))
@click.option("--from", "origins", metavar="PLACE", multiple=True, help="Probes from this place only; more than once for several.")
@click.option("--to", "targets", metavar="PLACE", multiple=True, help="Probes to this place only; more than once for several.")
@click.option("--explain", nargs=2, metavar="FROM TO[:PORT[/udp]]", help="The way behind one cell, as `emu trace` shows it.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON on standard output.")
def reach(topology: Path, origins: tuple[str, ...], targets: tuple[str, ...], explain: tuple[str, str] | None, as_json: bool) -> None:
    """Who can reach what in TOPOLOGY, after its steps: every place tries every open, exposed or published port of the others, and a ping.

    Each probe is sent in a copy of the lab: none meets what another has left.
    """
    from emu import reach_text, trace
    from emu.observe.trace import encode
    from emu.reach import reach as reach_all
    from emu.topology.loader import load_topology

    spec = load_topology(topology)
    if explain is not None:
        if origins or targets:
            raise click.UsageError("--explain FROM TO says both ends: --from and --to are for the table")
        told = trace.trace(spec, *explain)
        click.echo(encode(told.as_data()) if as_json else trace.trace_text(told))
        sys.exit(0 if told.answered else 1)
    bar = click.progressbar(length=1, label="probes", file=sys.stderr, width=30) if sys.stderr.isatty() else None

    def progress(done: int, of: int) -> None:
        if bar is not None:
            bar.length = of
            bar.update(1, done)

    found = reach_all(spec, origins, targets, progress)
    if bar is not None:
        bar.render_finish()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 140
    click.echo(encode(found.as_data()) if as_json else reach_text.matrix_text(found, width, _outcome_colour))


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True})
@click.argument("run_folder", type=click.Path(path_type=Path), required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option("--tshark", is_flag=True, help="In the terminal, with tshark.")
@click.option("--install", is_flag=True, help="Put the profile `emu` among your own instead.")
@click.option("--zip", "archive", type=click.Path(path_type=Path), help="Write the profile to this file instead, for Wireshark to import.")
def wireshark(run_folder: Path | None, arguments: tuple[str, ...], tshark: bool, install: bool, archive: Path | None) -> None:
    """Open the captures of RUN_FOLDER in Wireshark, with a profile that leaves your own settings as they are.

    ARGUMENTS are further ones for Wireshark or tshark, such as -Y FILTER. Exit status: theirs.
    """
    from emu.observe import wireshark_start

    if install:
        click.echo(f"profile    {wireshark_start.install()}  (Edit → Configuration Profiles, or wireshark -C emu)")
    if archive is not None:
        wireshark_start.write_zip(archive)
        click.echo(f"profile    {archive}  (Edit → Configuration Profiles → Import → from zip file)")
    if run_folder is None:
        if not install and archive is None:
            raise click.UsageError("a run's folder is needed, or --install or --zip FILE")
        return
    sys.exit(wireshark_start.start(run_folder, "tshark" if tshark else "wireshark", arguments))


@main.command("import")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="The topology file to write (default: standard output)."
)
@click.option("--host", metavar="NAME", help="Of several hosts that the files tell of: this one.")
@click.option("--json", "as_json", is_flag=True, help="What was and was not carried over as JSON on standard output.")
@click.option("--commands", is_flag=True, help="Print what to type on the real host, and that is all.")
def import_(folder: Path | None, output: Path | None, host: str | None, as_json: bool, commands: bool) -> None:
    """A topology of a real host, from what its own programs print: iptables-save, ip addr, ip route, docker inspect …

    The files are in FOLDER, each optional. The host's rules are taken as they are; a client on its LAN is outside.
    """
    if commands:
        from emu.importer.commands import COLLECT

        click.echo(COLLECT, nl=False)
        return
    if folder is None:
        raise click.UsageError("a FOLDER with the files is needed; --commands prints how to collect them")
    from emu.importer import report
    from emu.importer.assemble import import_host

    imported = import_host(folder, host)
    if output is not None:
        report.write(imported, output)
    if as_json:
        click.echo(json.dumps(report.as_data(imported, output), indent=2, ensure_ascii=False))
        return
    if output is None:
        click.echo(imported.text, nl=False)
    click.echo(report.report(imported, output), err=output is None)


def _outcome_colour(word: str) -> str:
    colours = {"answered": "green", "delivered": "yellow", "refused": "yellow", "·": None}
    return click.style(word, fg=colours.get(word, "red"))


if __name__ == "__main__":
    main()
