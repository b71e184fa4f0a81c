"""`emu exec` and `emu shell`, as they are called; standard input is no terminal but where a test says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from emu.cli import main
from emu.shell import Keyboard, prompt
from emu.topology.loader import load_topology

TOPOLOGY = """
lans: { lan: { subnet: 192.168.50.0/24 } }
hosts:
  docker1:
    interfaces: { eth0: { lan: lan, address: 192.168.50.10/24 } }
    compose: { services: { web: { image: busybox, container_name: web, network_mode: bridge, command: sleep 100000 } } }
  client: { interfaces: { eth0: { lan: lan, address: 192.168.50.20/24 } } }
setup:
  - docker1$ echo 2 > /proc/sys/net/ipv4/conf/eth0/rp_filter
steps:
  - docker1$ echo left > /root/note
"""


@pytest.fixture
def topology(tmp_path: Path) -> Path:
    path = tmp_path / "lab.yaml"
    path.write_text(TOPOLOGY)
    return path


def emu(*words: str | Path, stdin: str = "") -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], input=stdin)


def test_a_run_without_steps_says_how_to_look_around(tmp_path: Path) -> None:
    path = tmp_path / "docker-compose.yml"
    path.write_text("services: { web: { image: nginx } }")
    hint = f"note: there are no steps; look around with `emu shell {path}` or `emu exec {path} host COMMAND`\n"
    assert emu("run", path, "-o", tmp_path / "out").stderr == hint


def test_exec_prints_what_the_command_prints_and_ends_as_it_does(topology: Path) -> None:
    result = emu("exec", topology, "docker1/web", "ping", "-c", "1", "-W", "1", "192.168.50.99")
    assert result.exit_code == 1
    assert result.stdout.endswith("1 packets transmitted, 0 packets received, 100% packet loss\n")
    assert emu("exec", topology, "client", "sh", "-c", "exit 7").exit_code == 7


def test_exec_takes_one_word_as_a_line_and_several_as_they_are(topology: Path) -> None:
    assert emu("exec", topology, "client", "echo a | tr a b; hostname").stdout == "b\nclient\n"
    assert emu("exec", topology, "client", "echo", "a | tr a b", "$HOME").stdout == "a | tr a b $HOME\n"


def test_exec_reads_standard_input_and_keeps_errors_apart(topology: Path) -> None:
    assert emu("exec", topology, "client", "grep", "b", stdin="abc\nxyz\n").stdout == "abc\n"
    result = emu("exec", topology, "client", "cat /nosuch; echo out")
    assert (result.stdout, result.stderr) == ("out\n", "cat: /nosuch: No such file or directory\n")


def test_exec_runs_the_steps_before_if_asked(topology: Path) -> None:
    assert emu("exec", topology, "docker1", "cat /root/note").exit_code == 1
    assert emu("exec", "--steps", topology, "docker1", "cat /root/note").stdout == "left\n"


def test_the_lab_is_set_up_before(topology: Path) -> None:
    assert emu("exec", topology, "docker1", "sysctl -n net.ipv4.conf.eth0.rp_filter").stdout == "2\n"


def test_exec_writes_captures_if_asked(topology: Path, tmp_path: Path) -> None:
    assert emu("exec", "-o", tmp_path / "out", topology, "client", "ping -c 1 192.168.50.10").exit_code == 0
    assert (tmp_path / "out" / "captures" / "docker1.eth0.pcap").stat().st_size > 200


def test_an_unknown_place_is_named_with_its_neighbour(topology: Path) -> None:
    for command in (("exec", topology, "docker2", "true"), ("shell", topology, "docker2")):
        result = emu(*command)
        assert (result.exit_code, result.stderr) == (2, "no host or container 'docker2', did you mean 'docker1'?\n")


def test_what_waits_in_vain_ends_at_the_labs_limit(topology: Path) -> None:
    result = emu("exec", topology, "client", "nc -l 80 < /dev/null")
    assert result.exit_code == 2
    assert "not quiet after 3600 s" in result.stderr


def test_shell_runs_the_lines_that_it_is_given(topology: Path) -> None:
    lines = (
        "hostname\nX=1\nfor i in 1 2\ndo echo $X$i\ndone\ncd /tmp; pwd\nnosuch\ndocker exec -i web sh\nhostname -s | wc -l\nexit 3\nfalse\n"
    )
    result = emu("shell", topology, stdin=lines)
    assert result.stdout == "docker1\n11\n12\n/tmp\n1\n"
    assert result.stderr == "bash: nosuch: command not found\n"
    assert result.exit_code == 1


def test_shell_goes_to_other_places(topology: Path) -> None:
    result = emu("shell", topology, "client", stdin="X=here\n@docker1/web\nping -c 1 172.17.0.1 | head -1\n@\n@nowhere\n@client\necho $X\n")
    assert result.stdout == "PING 172.17.0.1 (172.17.0.1): 56 data bytes\n@docker1\n@docker1/web\n@client\nhere\n"
    assert "no host or container 'nowhere'" in result.stderr


def test_shell_hands_a_program_the_lines_that_it_reads(topology: Path) -> None:
    lines = 'sleep 100 &\nread name\nweb server\necho "<$name>"\ncat > /tmp/f << END\n$name\nEND\ncat /tmp/f\n'
    assert emu("shell", topology, "client", stdin=lines).stdout == "<web server>\nweb server\n"


class Person(Keyboard):
    """At a terminal: types one line after the other; an exception stands for Ctrl-C and Ctrl-D, a number for Ctrl-C while programs run."""

    person = True

    def __init__(self, *lines: str | type[BaseException] | int) -> None:
        super().__init__()
        self.lines: Iterator[str | type[BaseException] | int] = iter(lines)
        self.seen = ""

    def line(self, prompt: str) -> str:
        given = next(self.lines)
        self.seen += prompt + (given if isinstance(given, str) else "^") + "\n"
        if isinstance(given, str):
            return given + "\n"
        assert isinstance(given, type)
        raise given

    def show(self, text: str) -> None:
        self.seen += text
        self.interrupt_soon = "icmp_seq=3" in text or "seq=3 " in text

    complain = show
    interrupt_soon = False

    def running(self):
        from contextlib import nullcontext

        def pressed() -> bool:
            found, self.interrupt_soon = self.interrupt_soon, False
            return found

        return nullcontext(pressed)

    def idle(self) -> None:
        raise AssertionError


def at_terminal(topology: Path, *lines: str | type[BaseException]) -> str:
    person = Person(*lines)
    prompt(load_topology(topology), None, None, person)
    return person.seen


def test_a_person_sees_prompts_of_the_shells_that_are_there(topology: Path) -> None:
    seen = at_terminal(topology, "cd /etc", "docker exec -it web sh", "cd /etc", "exit", "if true", "then echo yes; fi", "exit")
    assert seen == (
        "root@docker1:~# cd /etc\nroot@docker1:/etc# docker exec -it web sh\n/ # cd /etc\n/etc # exit\n"
        "root@docker1:/etc# if true\n> then echo yes; fi\nyes\nroot@docker1:/etc# exit\nexit\n"
    )


def test_ctrl_c_ends_the_program_and_not_the_lab(topology: Path) -> None:
    seen = at_terminal(
        topology, "ping 192.168.50.20", "echo $?", "docker exec -it web sh", "ping 172.17.0.1", "echo still here", EOFError, EOFError
    )
    assert "--- 192.168.50.20 ping statistics ---\n" in seen
    assert seen.count("bytes from") < 60
    assert "--- 172.17.0.1 ping statistics ---\n" in seen
    assert seen.endswith("/ # echo still here\nstill here\n/ # ^\n\nroot@docker1:~# ^\nexit\n")


def test_ctrl_c_at_the_prompt_and_ctrl_d_in_a_program(topology: Path) -> None:
    seen = at_terminal(topology, KeyboardInterrupt, "cat", "abc", EOFError, "cat", KeyboardInterrupt, "sleep 1 &", "wait", "exit")
    assert "cat\nabc\nabc\n^\nroot@docker1:~# cat\n^\nroot@docker1:~# sleep 1 &\n[1] " in seen


def test_steps_are_lines_of_that_shell_too(topology: Path, tmp_path: Path) -> None:
    topology.write_text(
        TOPOLOGY
        + """
  - { on: client, run: "ping -c 2 192.168.50.10 | grep -c 'bytes from'", expect: { exit: 0, stdout: "2" } }
  - client$ nc -lk 9000 | tr a-z A-Z > /tmp/heard &
  - docker1$ echo hello | nc -N 192.168.50.20 9000
  - docker1$ docker stop -t 0 $(docker ps -q)
  - { on: docker1, run: "docker ps -q | wc -l", expect: { stdout: "/^0$/" } }
  - { on: client, run: "if cat /tmp/heard | grep -q HELLO; then exit 5; fi", expect: { exit: 5 } }
"""
    )
    result = emu("run", topology, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert "4 of 4 expectations met" in result.output
