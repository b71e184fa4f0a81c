"""ovs-vsctl(8): several commands may stand in one line, divided by `--`; all of them are done, or none.

Not modelled: VLANs (fake bridges, `tag=`), bonds, controllers, managers, `list` and `find`, `--id`.
"""

from __future__ import annotations

from emu.netdev.ovs_tunnel import KINDS, RefusedOption, parse_options
from emu.netns.ovs import Interface, OvsSwitch
from emu.process import Process, UsageError
from emu.programs.ovs import VERSION, switch_of
from emu.programs.ovs.atoms import atom
from emu.programs.ovs.commands import COMMANDS, Line, Vsctl, failure

SCHEMA = "8.3.1"
OTHER_OPTIONS = frozenset({"--id", "--help", "-h", "--oneline", "--dry-run", "-v", "--verbose", "--format", "--columns", "--retry"})
_OTHER = (
    "emer-reset br-to-vlan br-to-parent br-set-external-id br-get-external-id add-bond add-bond-iface del-bond-iface get-controller "
    "del-controller set-controller get-fail-mode del-fail-mode set-fail-mode get-manager del-manager set-manager get-ssl del-ssl set-ssl "
    "add-aa-mapping del-aa-mapping get-aa-mapping add-zone-tp del-zone-tp list-zone-tp list-dp-cap list find add create destroy "
    "wait-until comment"
)
OTHER_COMMANDS = frozenset(_OTHER.split())


async def main(process: Process, argv: list[str]) -> int:
    if "--version" in argv[1:2]:
        process.print(f"ovs-vsctl (Open vSwitch) {VERSION}\nDB Schema {SCHEMA}")
        return 0
    switch = switch_of(process)
    lines = _lines(argv)
    transaction = Vsctl(process, switch)
    status = 0
    for line in lines:
        status = COMMANDS[line.name].run(transaction, line) or status
    _refuse_what_is_not_modelled(transaction)
    if transaction.records != switch.records:
        _commit(process, switch, transaction)
    return status


def _commit(process: Process, switch: OvsSwitch, transaction: Vsctl) -> None:
    before = set(switch.records)
    failed = {interface.name: interface.error for interface in switch.commit(transaction.records)}
    failed |= {name: "" for name in switch.records if name not in before and name not in switch.datapath.bridges}
    for name, error in failed.items():
        why = f": {error}" if error else ""
        process.error(f"ovs-vsctl: Error detected while setting up '{name}'{why}.  See ovs-vswitchd log for details.")
    if failed:
        process.error('ovs-vsctl: The default log directory is "/var/log/openvswitch".')


def _refuse_what_is_not_modelled(transaction: Vsctl) -> None:
    """Before anything is changed: what the daemon would do, and emu's does not."""
    for bridge in transaction.records.values():
        for interface in bridge.interfaces.values():
            if interface.type in KINDS:
                _refuse_options(interface)
        if bridge.datapath_type != "netdev":
            kind = atom(bridge.datapath_type or "system")
            raise failure(
                f"datapath_type={kind} of bridge {bridge.name} is not modelled; name the datapath in user space: "
                f"`ovs-vsctl add-br {bridge.name} -- set bridge {bridge.name} datapath_type=netdev`"
            )


def _refuse_options(interface: Interface) -> None:
    try:
        parse_options(interface.name, interface.type, interface.options)
    except RefusedOption as error:
        raise failure(f"{error} of interface {interface.name} is not modelled") from None
    except ValueError:
        return  # the daemon says what is wrong


# --- the command line


def _lines(argv: list[str]) -> list[Line]:
    """Raises UsageError for what no command takes."""
    words = argv[1:]
    while words and (words[0] == "--no-wait" or words[0].startswith(("--db=", "--timeout=", "-t"))):
        words = words[2:] if words[0] == "-t" else words[1:]
    parts: list[list[str]] = [[]]
    for word in words:
        if word == "--":
            parts.append([])
        else:
            parts[-1].append(word)
    lines = [_line(argv[0], part) for part in parts if part]
    if not lines:
        raise failure("missing command name (use --help for help)")
    return lines


def _line(program: str, part: list[str]) -> Line:
    count = next((number for number, word in enumerate(part) if not word.startswith("-")), len(part))
    options, words = set(part[:count]), part[count + 1 :]
    known = {option for command in COMMANDS.values() for option in command.options}
    for option in sorted(options - known):
        refused = option.partition("=")[0] in OTHER_OPTIONS
        raise UsageError(f"ovs-vsctl: {option} is not modelled" if refused else f"{program}: unrecognized option '{option}'", 1)
    if count == len(part):
        raise failure("missing command name (use --help for help)")
    name = part[count]
    if name in OTHER_COMMANDS:
        raise failure(f"'{name}' is not modelled")
    if name not in COMMANDS:
        raise failure(f"unknown command '{name}'; use --help for help")
    command = COMMANDS[name]
    for option in sorted(options):
        if option not in command.options:
            raise failure(f"'{name}' command has no '{option}' option")
    if len(words) < command.least:
        raise failure(f"'{name}' command requires at least {command.least} arguments")
    if command.most is not None and len(words) > command.most:
        raise failure(f"'{name}' command takes at most {command.most} arguments")
    return Line(options, name, words)
