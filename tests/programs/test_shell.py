from __future__ import annotations

import pytest

from emu.process import UsageError
from emu.programs.shell import expand, parse
from tests.programs.machines import Machines


def words(line: str, **env: str) -> list[str]:
    return [expand(word, env) for word in parse(line)[0].words]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("curl -s http://x/?a=b", ["curl", "-s", "http://x/?a=b"]),
        ("echo 'a  b' \"c d\" e\\ f", ["echo", "a  b", "c d", "e f"]),
        ("echo '$A' \"$A\" $A ${A}x", ["echo", "$A", "1", "1", "1x"]),
        ("echo a#b # a comment", ["echo", "a#b"]),
        ("echo \"\" ''", ["echo", "", ""]),
    ],
)
def test_words_are_split_and_unquoted_as_by_sh(line: str, expected: list[str]) -> None:
    assert words(line, A="1") == expected


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("a | b", "pipes"),
        ("echo $(hostname)", "command substitution"),
        ("echo `hostname`", "command substitution"),
        ("(a)", "subshells"),
        ("cat << END", "here-documents"),
        ("echo 'a", "quote"),
        ("a &&", "syntax error"),
        ("a >", "file name"),
    ],
)
def test_what_the_shell_does_not_model_is_refused_by_name(line: str, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        parse(line)


def test_a_refused_line_ends_with_status_2() -> None:
    assert Machines().refusal("a", "cat /etc/hosts | grep a") == (2, "sh: pipes ('|') are not modelled\n")


def test_lists_run_in_order_and_stop_as_they_should() -> None:
    assert Machines().output("a", "false && echo no; true && echo yes || echo no; echo end") == "yes\nend\n"


def test_variables_before_a_command_are_for_that_command_only() -> None:
    assert Machines().output("a", "X=1 printenv X; printenv X || echo none") == "1\nnone\n"


def test_output_goes_to_files_and_dev_null() -> None:
    machines = Machines()
    assert machines.output("a", "echo one > /tmp/f; echo two >> /tmp/f; cat /nosuch 2> /dev/null; cat < /tmp/f") == "one\ntwo\n"
    assert machines.output("a", "cat /nosuch > /tmp/g 2>&1 || cat /tmp/g") == "cat: /nosuch: No such file or directory\n"


def test_a_background_command_outlives_its_line() -> None:
    machines = Machines()
    machines.output("b", "udp-echo 0.0.0.0 9000 & echo started")
    assert machines.output("a", "udp-send 10.5.0.2 9000 hello") == "echo:hello\n"


def test_an_unknown_program_is_not_found() -> None:
    assert Machines().refusal("a", "nosuch") == (127, "sh: nosuch: not found\n")


def test_timeout_ends_a_program() -> None:
    machines = Machines()
    assert machines.run("a", "timeout 2 sleep 10").exit_status == 124
    assert machines.engine.now == 2_000_000_000


def test_a_line_that_ends_in_an_ampersand_is_over_at_once_and_its_program_goes_on() -> None:
    machines = Machines()
    assert machines.output("b", "httpd -f -p 8080 &") == ""
    assert machines.output("a", "curl -s -o /dev/null -w '%{http_code}' http://10.5.0.2:8080/") == "404"


def test_a_line_into_proc_sys_sets_the_sysctl() -> None:
    machines = Machines()
    forward = "/proc/sys/net/ipv4/ip_forward"
    assert machines.output("a", f"echo 1 > {forward}; cat {forward}; sysctl -n net.ipv4.ip_forward") == "1\n1\n"
    assert machines.output("a", "echo 2 > /proc/sys/net/ipv4/conf/eth0/rp_filter; sysctl -n net.ipv4.conf.eth0.rp_filter") == "2\n"
    assert machines.refusal("a", f"echo yes > {forward}") == (1, "sh: write error: Invalid argument\n")
    assert machines.refusal("a", "echo 1 > /proc/sys/net/nope") == (1, "sh: can't create /proc/sys/net/nope: nonexistent directory\n")
