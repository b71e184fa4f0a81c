"""Whatever is typed, a program ends with a status and a text, or runs on: it never falls over."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.programs import PROGRAMS
from tests.programs.machines import Machines

OTHERS = {"docker", "iptables", "iptables-restore", "iptables-save", "conntrack"}  # tested by their own
WORDS = """
        a b lo eth0 nosuch br0 10.5.0.2 10.5.0.1/24 10.5.0.0/24 default 0.0.0.0 255.255.255.255 1.2.3.4.5 10.5.0.9/33
    127.0.0.1 :: 80 0 -1 65536 1.5 x     02:00:00:00:00:09 zz http://10.5.0.2/ http://b:x/ http:// /etc/hosts / - -- -c -i
    -s -W -w -q -t -M -I -n -p -l -u -z -o -X -d -H -m -f -h -j -br     add del replace change set show get flush link addr
    route neigh rule fdb qdisc dev root netem delay 10ms loss 10% rate 1mbit reorder limit via     lladdr nud permanent type
    veth bridge dummy peer name up down mtu master nomaster address netns scope src metric proto table local to brd +
    net.ipv4.ip_forward net.ipv4.ip_forward=1 net.ipv4.tcp_rmem=1 =1 hello do dont
""".split()  # noqa: SIM905


@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - OTHERS))
@settings(max_examples=40)
@given(words=st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=8))
def test_no_command_line_makes_a_program_fall_over(name: str, words: list[str]) -> None:
    machines = Machines()
    place = machines.hosts["a"].place
    process = place.start([name, *words])
    machines.engine.run(until_ns=3_000_000_000)  # raises what the program did not catch
    process.kill(9)
    machines.engine.run(until_ns=3_000_000_000)
    assert process.exit_status is not None


@pytest.mark.parametrize("program", ["ip link", "ip addr", "ip route", "ip neigh", "bridge fdb", "bridge link", "tc qdisc"])
@settings(max_examples=80)
@given(words=st.lists(st.sampled_from(WORDS), max_size=9))
def test_no_subcommand_makes_iproute2_fall_over(program: str, words: list[str]) -> None:
    machines = Machines()
    machines.hosts["a"].place.start([*program.split(), *words])
    machines.engine.run(until_ns=1_000_000_000)


SHELL = """
    if then else fi for x in while until do done ! { } ( ) | ; && || & $( ) ` ' " $X ${X ${X:- } $(( )) << <<E E > < >> 2>&1 /tmp/f echo
    a 1 + true false break continue exit cat [ ] = * ~ {1..3} {a,b} $@ $# $? read X=1 set -e eval sed s/a/b/ awk grep wait jobs kill %1 time
""".split()  # noqa: SIM905


@settings(max_examples=200)
@given(words=st.lists(st.sampled_from([*SHELL, "\n", "\\", " "]), max_size=12), glue=st.sampled_from(["", " "]))
def test_no_line_of_shell_words_makes_the_shell_fall_over(words: list[str], glue: str) -> None:
    machines = Machines()
    machines.start("a", glue.join(words) or "true")
    machines.engine.run(until_ns=1_000_000_000)


@settings(max_examples=100)
@given(line=st.text(alphabet="ab$ '\"\\|&;<>()#{}=1-\n", max_size=20))
def test_no_line_makes_the_shell_fall_over(line: str) -> None:
    machines = Machines()
    machines.start("a", line or "true")
    machines.engine.run(until_ns=1_000_000_000)
