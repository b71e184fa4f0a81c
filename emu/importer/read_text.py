"""`bridge fdb`, `sysctl -a`, `ss -lntu`: one thing a line (the first also as JSON)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from emu.importer.model import Facts, FdbEntry, File, Foreign, Listener, Setting
from emu.importer.read_ip import decoded, is_json, listed
from emu.topology.source import Source

SS = re.compile(r"(?:(tcp|udp)\s+)?([A-Z][A-Z0-9-]+)\s+\d+\s+\d+\s+(\S+):(\d+|\*)\s")
BY_STATE = {"LISTEN": "tcp", "UNCONN": "udp"}  # `ss -lnt` does not say it
SETTING = re.compile(r"([a-z][\w./@-]*)\s*=\s?(.*)$")
SLASHED = re.compile(r"\w+/")  # net/ipv4/conf/eth0.5/rp_filter is net.ipv4.conf.eth0/5.rp_filter


def fdb(file: File) -> list[FdbEntry]:
    """Raises Foreign."""
    if is_json(file):
        found = []
        for entry in decoded(file):
            if not isinstance(entry.get("mac"), str):
                raise Foreign(file.at(), "has an entry without a MAC address")
            words = [word for key in ("dst", "vni", "port", "via", "master", "vlan") if key in entry for word in (key, str(entry[key]))]
            words += [each for each in [*listed(entry.get("flags")), str(entry.get("state", ""))] if each]
            found.append(FdbEntry(entry["mac"], str(entry.get("ifname", "")), tuple(words), file.line_of(json.dumps(entry["mac"]))))
        return found
    found = []
    for number, line in enumerate(file.text.splitlines(), 1):
        words = line.split()
        if words and (len(words) < 3 or words[1] != "dev" or not re.fullmatch(r"[0-9a-f:]{17}", words[0])):
            raise Foreign(file.at(number), f"is not a line of `bridge fdb`: {line.strip()[:60]!r}")
        if words:
            found.append(FdbEntry(words[0], words[2], tuple(words[3:]), file.at(number)))
    return found


def settings(file: File, facts: Facts) -> list[Setting]:
    """Of a key that is there twice, the last; what sysctl says on its way (`permission denied`) is no setting. Raises Foreign."""
    found: dict[str, Setting] = {}
    for number, line in enumerate(file.text.splitlines(), 1):
        match = SETTING.match(line)
        if match is not None:
            key = match[1].translate(str.maketrans("./", "/.")) if SLASHED.match(match[1]) else match[1]
            found[key] = Setting(key, "\t".join(match[2].split()), file.at(number))
        elif line.strip() and not line.startswith(("sysctl:", "#", "\t")):
            if not found:
                raise Foreign(file.at(number), f"is not a line of `sysctl -a`: {line.strip()[:60]!r}")
            facts.remark(file.at(number), f"is not a line of `sysctl -a`: {line.strip()[:60]!r}")
    return list(found.values())


def listeners(file: File, facts: Facts) -> list[Listener]:
    """TCP and UDP over IPv4, and those of IPv6 that take IPv4 too: `*`, and `[::ffff:…]`. Raises Foreign."""
    found: dict[tuple[str, str, int], Listener] = {}
    six: list[tuple[Source, str]] = []
    for number, line in enumerate(file.text.splitlines(), 1):
        match = SS.match(line)
        if match is None and line.strip() and not line.startswith(("Netid", "State")):
            raise Foreign(file.at(number), f"is not a line of `ss -lntu`: {line.strip()[:60]!r}")
        if match is None or match[4] == "*" or match[2] not in BY_STATE:
            continue
        protocol, port = match[1] or BY_STATE[match[2]], int(match[4])
        address, _, dev = match[3].strip("[]").removeprefix("::ffff:").partition("%")
        if address in ("*", "::") and match[3] != "[::]":  # `::` is what an older ss has for `*`
            address = "0.0.0.0"
        if ":" in address:
            six.append((file.at(number), f"{protocol} {match[3]}:{port}"))
            continue
        if dev and address == "0.0.0.0":
            facts.remark(file.at(number), f"{protocol} port {port} is open on {dev} alone; here it is on every device")
        found.setdefault((protocol, address, port), Listener(protocol, address, port, file.at(number)))
    alone = [(source, text) for source, text in six if not _also_ipv4(text, found)]
    if alone:
        text = f"open to IPv6 alone, which is not modelled: {', '.join(text for _, text in alone)}"
        facts.remark(alone[0][0], text)
    return list(found.values())


def _also_ipv4(text: str, found: Iterable[tuple[str, str, int]]) -> bool:
    """Whether a listener of IPv4 on the same port goes with it."""
    return any(text.startswith(f"{protocol} ") and text.endswith(f":{port}") for protocol, _, port in found)
