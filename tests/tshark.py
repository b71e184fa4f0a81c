"""What tshark thinks of a capture: malformed frames, bad checksums, TCP analysis flags. For all topologies' captures.

problems = tshark.check(folder / "captures" / "docker1.eth0.pcap")
assert not problems, problems
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")

CHECKSUMS = tuple(f"-o{protocol}.check_checksum:TRUE" for protocol in ("ip", "tcp", "udp"))
BAD_CHECKSUMS = ("ip.checksum.status", "tcp.checksum.status", "udp.checksum.status", "icmp.checksum.status")
ICMP_ERRORS = {"3", "11", "12"}
QUOTED = 548  # bytes of a packet that fit in an ICMP error
DECODE_AS = ("-dudp.port==8472,vxlan", "-dudp.port==8285,ip")


@dataclass
class Findings:
    """One line a finding, `FRAME: what`. False if there is none."""

    malformed: list[str] = field(default_factory=list)
    checksums: list[str] = field(default_factory=list)
    tcp: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.malformed or self.checksums or self.tcp)


def run(*arguments: str, config: Path | None = None) -> str:
    """tshark's output; skips the test where there is none. `config` is a Wireshark configuration folder."""
    if TSHARK is None:
        pytest.skip("tshark is not installed")
    environment = {**os.environ, "WIRESHARK_CONFIG_DIR": str(config)} if config is not None else dict(os.environ)
    done = subprocess.run([TSHARK, *arguments], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fields(path: Path, *names: str, where: str = "", config: Path | None = None, options: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The fields of each frame that the display filter lets through; several values of one field are joined by `|`."""
    chosen = [part for name in names for part in ("-e", name)]
    text = run(
        "-n", "-r", str(path), *(("-Y", where) if where else ()), *options, "-T", "fields", "-E", "aggregator=|", *chosen, config=config
    )
    return [tuple(line.split("\t")) for line in text.splitlines()]


def check(path: Path, *, tcp_analysis: bool = True) -> Findings:
    """All that tshark finds wrong; `tcp_analysis` is for captures of one interface."""
    options = (
        *CHECKSUMS,
        *DECODE_AS,
        f"-otcp.analyze_sequence_numbers:{str(tcp_analysis).upper()}",
        f"-otcp.desegment_tcp_streams:{str(tcp_analysis).upper()}",
    )
    findings = Findings()
    wrong = " || ".join(f"{name} == 0" for name in BAD_CHECKSUMS)
    flags = "tcp.analysis.flags && !tcp.analysis.window_update"
    where = f"_ws.malformed || _ws.expert.severity >= 8388608 || {wrong}" + (f" || {flags}" if tcp_analysis else "")
    names = ("frame.number", "_ws.malformed", "_ws.expert.message", "tcp.analysis.flags", "icmp.type", "ip.len", *BAD_CHECKSUMS)
    for number, malformed, messages, analysis, icmp, lengths, *sums in fields(path, *names, where=where, options=options):
        if set(icmp.split("|")) & ICMP_ERRORS and int(lengths.split("|")[-1]) > QUOTED:  # the quote is cut: its sum cannot be told
            sums = [value.rpartition("|")[0] for value in sums]  # noqa: PLW2901
            if "Bad checksum" in messages and not malformed and not any("0" in value.split("|") for value in sums):
                continue
        if malformed and "New fragment overlaps old data" not in messages:  # which is what TCP analysis says of segments sent anew
            findings.malformed.append(f"{number}: {messages or 'malformed'}")
        elif any("0" in value.split("|") for value in sums):
            bad = [name for name, value in zip(BAD_CHECKSUMS, sums, strict=True) if "0" in value.split("|")]
            findings.checksums.append(f"{number}: {', '.join(bad)}")
        elif (analysis or "out-of-order" in messages) and tcp_analysis:
            findings.tcp.append(f"{number}: {messages}")
        elif not analysis:
            findings.malformed.append(f"{number}: {messages}")
    return findings
