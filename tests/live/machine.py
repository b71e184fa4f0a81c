"""Networks of this machine's own kernel: `ip netns`, veth pairs, tcpdump. It takes root; nothing outside the namespaces is touched, and all
is removed in the end.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import cache
from pathlib import Path

SOCKETS = Path(__file__).with_name("sockets.py")
PROGRAMS = ("udp-echo", "tcp-echo", "udp-send", "tcp-send")
TOOLS = ("ip", "tcpdump", "ping", "ethtool", "sysctl")
OFFLOADS = "tx off rx off sg off tso off gso off gro off"
CAPTURED = "arp or (ip and not igmp)"  # a bridge with an address joins the snoopers' group by IGMP, which emu does not model, nor IPv6
NO_IPV6 = ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
PATIENCE_S = 20
NUMBERS = itertools.count(1)


def _done(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def _ok(*argv: str) -> str:
    done = _done(*argv)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr}"
    return done.stdout


@cache
def missing() -> str:
    """Why there can be no such network here; empty if there can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "needs root on Linux, to make network namespaces"
    if absent := [tool for tool in TOOLS if shutil.which(tool) is None]:
        return f"not installed: {', '.join(absent)}"
    with Machine() as machine:
        try:
            machine.wire(("a", "eth0"), ("b", "eth0"), ("02:00:00:00:00:0a", "02:00:00:00:00:0b"), 1500)
            machine.wait_until_up("a", "eth0")
        except (AssertionError, subprocess.TimeoutExpired) as error:
            return f"the kernel gives no network namespaces with veth pairs: {error}"
    return ""


@cache
def missing_bridge() -> str:
    return _missing_after("ip link add br0 type bridge", "bridges")


@cache
def missing_macvlan() -> str:
    return _missing_after("ip link add va type veth peer name vb && ip link add m0 link va type macvlan", "macvlans")


@cache
def missing_vxlan() -> str:
    return _missing_after("ip link add v0 type vxlan id 1 dstport 4789", "VXLAN devices")


@cache
def missing_iptables() -> str:
    if shutil.which("iptables") is None:
        return "not installed: iptables"
    rules = ("-t nat -A POSTROUTING -o eth0 -j MASQUERADE", "-A FORWARD -j REJECT", "-A FORWARD -m conntrack --ctstate RELATED -j ACCEPT")
    return _missing_after(" && ".join(f"iptables {rule}" for rule in rules), "netfilter")


def _missing_after(line: str, what: str) -> str:
    with Machine() as machine:
        done = machine.run("a", line)
        return f"the kernel gives no {what}: {done.stderr.strip()}" if done.returncode else ""


class Machine:
    """Namespaces by short names; those that the kernel knows them by are unique."""

    def __init__(self) -> None:
        self._prefix = f"emu-live-{os.getpid()}-{next(NUMBERS)}-"
        self._places: set[str] = set()
        self._captures: list[subprocess.Popen[str]] = []
        self._end = ExitStack()

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self._end.close()

    def place(self, name: str) -> str:
        """The namespace's full name; it is made when first asked for."""
        full = self._prefix + name
        if name not in self._places:
            self._places.add(name)
            self._end.callback(_done, "ip", "netns", "del", full)
            _ok("ip", "netns", "add", full)
            _done("ip", "netns", "exec", full, "sysctl", "-q", "-w", *NO_IPV6)  # a tunnel would carry its router solicitations
            _ok("ip", "-n", full, "link", "set", "lo", "up")
        return full

    def wire(self, left: tuple[str, str], right: tuple[str, str], macs: tuple[str, str], mtu: int) -> None:
        """A veth pair between two places' devices, both up, without offloads."""
        ends = [(self.place(place), dev) for place, dev in (left, right)]
        words = [f"name {dev} netns {place} address {mac} mtu {mtu}".split() for (place, dev), mac in zip(ends, macs, strict=True)]
        _ok("ip", "link", "add", *words[0], "type", "veth", "peer", *words[1])
        for place, dev in ends:
            _ok("ip", "netns", "exec", place, "ethtool", "-K", dev, *OFFLOADS.split())
            _ok("ip", "-n", place, "link", "set", dev, "up")

    def macvlan(self, parent: tuple[str, str], child: tuple[str, str], mode: str, mac: str) -> None:
        """A macvlan of one place's device in another place, up, without offloads."""
        (home, lower), (place, dev) = ((self.place(place), dev) for place, dev in (parent, child))
        _ok("ip", "-n", home, "link", "add", "new", "link", lower, "address", mac, "type", "macvlan", "mode", mode)
        _ok("ip", "-n", home, "link", "set", "new", "netns", place, "name", dev)
        _ok("ip", "netns", "exec", place, "ethtool", "-K", dev, *OFFLOADS.split())
        _ok("ip", "-n", place, "link", "set", dev, "up")

    def wait_until_up(self, place: str, dev: str) -> None:
        full = self.place(place)
        for _ in range(100):
            if ",UP" in (state := _ok("ip", "-n", full, "-br", "link", "show", "dev", dev)):
                return
            time.sleep(0.02)
        raise AssertionError(f"{dev} does not come up: {state}")

    # --- programs

    def run(self, place: str, line: str) -> subprocess.CompletedProcess[str]:
        argv = ["ip", "netns", "exec", self.place(place), "sh", "-c", self._functions(line)]
        return subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, env=_environment(), check=False)

    def serve(self, place: str, line: str) -> None:
        """Start a server and wait until it says that it listens."""
        self._start(place, ["sh", "-c", self._functions("exec " + line)])

    def capture(self, place: str, dev: str, path: Path) -> None:
        self.wait_until_up(place, dev)
        words = f"tcpdump -n -i {dev} -s 0 -U --immediate-mode --time-stamp-precision=nano -Z root -w".split()
        self._captures.append(self._start(place, [*words, str(path), CAPTURED]))

    def end_captures(self) -> None:
        for process in self._captures:
            _stop(process)

    def _start(self, place: str, argv: list[str]) -> subprocess.Popen[str]:
        """A program that runs on; its standard error tells when it is ready."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.place(place), *argv],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(),
        )
        self._end.callback(_stop, process)
        assert process.stderr is not None
        said = ""
        while "listening" not in said:
            line = process.stderr.readline()
            assert line, f"{' '.join(argv)}: {said}"
            said += line
        return process

    @staticmethod
    def _functions(line: str) -> str:
        """The line, with the programs that the machine does not have by those names."""
        words = line.split(" ")
        return " ".join(f"{sys.executable} {SOCKETS} {word}" if word in PROGRAMS else word for word in words)


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C"}


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stderr is not None:
        process.stderr.close()
