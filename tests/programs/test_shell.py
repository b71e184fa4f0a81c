from __future__ import annotations

import pytest

from tests.programs.machines import Machines

UNLIKE_BASH = "bash: "


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("echo 'a  b' \"c d\" e\\ f", "a  b c d e f\n"),
        ("A=1; echo '$A' \"$A\" $A ${A}x \\$A", "$A 1 1 1x $A\n"),
        ("echo a#b # a comment", "a#b\n"),
        ("A='1  2'; echo $A \"$A\"", "1 2 1  2\n"),
        ("echo ${B:-no} ${B-no}; B=; echo ${B:-no} ${B-no}. ${B:+set} ${#B}", "no no\nno .  0\n".replace(".  ", ". ")),
        ("F=a/b/c.txt; echo ${F##*/} ${F%/*} ${F%.txt} ${F#*/}", "c.txt a/b a/b/c b/c.txt\n"),
        ("echo $((2 + 3 * 4)) $((7 / 2)) $((-7 / 2)) $((1 << 4)) $((3 > 2 && 1))", "14 3 -3 16 1\n"),
        ("I=1; while [ $I -le 3 ]; do echo $I; I=$((I+1)); done", "1\n2\n3\n"),
        ("for i in a 'b c' {1..3}; do echo \"<$i>\"; done", "<a>\n<b c>\n<1>\n<2>\n<3>\n"),
        ("until true; do echo no; done; if false; then echo a; elif true; then echo b; else echo c; fi", "b\n"),
        ("(X=1; echo $X); echo ${X:-none}; { X=2; }; echo $X", "1\nnone\n2\n"),
        ("echo $(echo a; echo `hostname`) \"$(printf 'x\\ny\\n')\"", "a a x\ny\n"),
        ("! false && echo yes", "yes\n"),
        ("false; echo $?; true; echo $?", "1\n0\n"),
        ("sh -c 'echo $0 $1 $# \"$@\"' name 'a b' c", "name a b 2 a b c\n"),
        ("echo one\\\ntwo", "onetwo\n"),
        ("cat << END\n$((1 + 1)) $(hostname)\nEND\ncat << 'END'\n$X\nEND", "2 a\n$X\n"),
        ("cat <<< 'a line'", "a line\n"),
        ("for i in 1 2 3 4; do if [ $i = 2 ]; then continue; fi; if [ $i = 4 ]; then break; fi; echo $i; done", "1\n3\n"),
        ("echo a | cat | cat; false | true; echo $?; true | false; echo $?", "a\n0\n1\n"),
        ("printf 'a 1\\nb 2\\n' | while read x y; do echo $y$x; done", "1a\n2b\n"),
        ("echo http://x/?a=b *.none", "http://x/?a=b *.none\n"),
        ("cd /tmp; touch b.txt a.txt; echo *.txt /tmp/a* '*.txt'", "a.txt b.txt /tmp/a.txt *.txt\n"),
        ("echo out > /tmp/o; echo err 1>&2 2> /dev/null; { echo 1; echo 2; } >> /tmp/o; cat < /tmp/o", "err\nout\n1\n2\n"),
        ("sleep 1 & sleep 2 & wait; echo $!", None),
        ("set -- x y z; shift; echo $1 $#", "y 2\n"),
        ("export A=1; B=2; printenv A; printenv B || echo none", "1\nnone\n"),
        ("echo ~ ~/x '~'", "/root /root/x ~\n"),
        ("eval 'A=5'; echo $A; echo 'echo sourced' > /tmp/s; . /tmp/s; sh /tmp/s", "5\nsourced\nsourced\n"),
    ],
)
def test_lines_mean_what_they_mean_to_sh(line: str, expected: str | None) -> None:
    printed = Machines().output("a", line)
    assert expected is None or printed == expected


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("nosuch", 127, "bash: nosuch: command not found\n"),
        ("sh -c nosuch", 127, "sh: 1: nosuch: not found\n"),
        ("/nosuch/x", 127, "bash: /nosuch/x: No such file or directory\n"),
        ("echo a; ; echo b", 2, "bash: syntax error near unexpected token `;'\n"),
        ("echo 'a", 2, "bash: unexpected EOF while looking for matching `''\n"),
        ("if true; then echo a", 2, "bash: syntax error: unexpected end of file\n"),
        ("sh -c 'echo )'", 2, 'sh: 1: Syntax error: ")" unexpected\n'),
        ("a &&", 2, "bash: syntax error: unexpected end of file\n"),
        ("a >", 2, "bash: syntax error: unexpected end of file\n"),
        ("case x in esac", 2, "bash: 'case' is not modelled\n"),
        ("f() { echo a; }", 2, "bash: functions are not modelled\n"),
        ("[[ a = a ]]", 2, "bash: '[[' is not modelled\n"),
        ("A=(1 2)", 2, "bash: arrays are not modelled\n"),
        ("echo ${A/b/c}", 2, "bash: '${A/…}' is not modelled\n"),
        ("trap true EXIT", 2, "bash: 'trap' is not modelled\n"),
        ("exec 3> /tmp/x", 2, "bash: descriptor 3 is not modelled\n"),
        ("cat < /nosuch", 1, "bash: /nosuch: No such file or directory\n"),
        ("cd /nosuch", 1, "bash: cd: /nosuch: No such file or directory\n"),
        ("kill %3", 1, "bash: kill: %3: no such job\n"),
        ("set -e; false; echo no", 1, ""),
        ("set -e; false || true; if false; then :; fi; exit 3", 3, ""),
        ("exit 300", 44, ""),
    ],
)
def test_mistakes_are_said_in_the_shells_words(line: str, status: int, text: str) -> None:
    assert Machines().refusal("a", line) == (status, text)


def test_a_mistake_in_one_command_does_not_stop_the_next() -> None:
    process = Machines().run("a", "nosuch; cat < /nosuch; echo still here")
    assert (process.exit_status, process.stdout) == (0, "still here\n")


def test_lists_run_in_order_and_stop_as_they_should() -> None:
    assert Machines().output("a", "false && echo no; true && echo yes || echo no; echo end") == "yes\nend\n"


def test_variables_before_a_command_are_for_that_command_only() -> None:
    assert Machines().output("a", "X=1 printenv X; printenv X || echo none") == "1\nnone\n"


def test_output_goes_to_files_and_dev_null() -> None:
    machines = Machines()
    assert machines.output("a", "echo one > /tmp/f; echo two >> /tmp/f; cat /nosuch 2> /dev/null; cat < /tmp/f") == "one\ntwo\n"
    assert machines.output("a", "cat /nosuch > /tmp/g 2>&1 || cat /tmp/g") == "cat: /nosuch: No such file or directory\n"
    assert machines.output("a", "cat /nosuch &> /tmp/h || cat /tmp/h") == "cat: /nosuch: No such file or directory\n"
    assert machines.run("a", "echo gone > /dev/null").output == ""


def test_a_pipe_hands_on_each_line_when_it_is_printed() -> None:
    machines = Machines()
    process = machines.start("a", "ping -c 5 10.5.0.2 | cat")
    machines.engine.run(until_ns=1_500_000_000)
    assert process.stdout.count("bytes from") == 2


def test_who_writes_into_a_pipe_that_nobody_reads_any_more_ends() -> None:
    machines = Machines()
    process = machines.run("a", "ping 10.5.0.2 | head -2")
    assert process.stdout.count("\n") == 2
    assert machines.engine.now < 3_000_000_000
    assert not machines.hosts["a"].place.processes


def test_a_background_command_outlives_its_line() -> None:
    machines = Machines()
    machines.output("b", "udp-echo 0.0.0.0 9000 & echo started")
    assert machines.output("a", "udp-send 10.5.0.2 9000 hello") == "echo:hello\n"


def test_a_background_command_is_known_by_its_number() -> None:
    machines = Machines()
    process = machines.run("a", "sleep 100 & kill $!; wait $!; echo $?")
    assert process.stdout == "143\n"
    assert machines.engine.now < 1_000_000_000
    assert machines.run("a", "sleep 100 & sleep 50 & jobs; kill %1 %2").stdout == (
        "[1]-  Running                 sleep 100 &\n[2]+  Running                 sleep 50 &\n"
    )


def test_timeout_ends_a_program() -> None:
    machines = Machines()
    assert machines.run("a", "timeout 2 sleep 10").exit_status == 124
    assert machines.engine.now == 2_000_000_000


def test_a_line_that_ends_in_an_ampersand_is_over_at_once_and_its_program_goes_on() -> None:
    machines = Machines()
    assert machines.output("b", "httpd -f -p 8080 &") == ""
    assert machines.output("a", "curl -s -o /dev/null -w '%{http_code}' http://10.5.0.2:8080/") == "404"


def test_an_endless_loop_takes_time() -> None:
    machines = Machines()
    machines.start("a", "while true; do :; done")
    machines.engine.run(until_ns=100_000_000)
    assert machines.engine.now == 100_000_000


def test_time_is_virtual() -> None:
    assert Machines().run("a", "time sleep 2").stderr == "\nreal\t0m2.000s\nuser\t0m0.000s\nsys\t0m0.000s\n"


def test_a_line_into_proc_sys_sets_the_sysctl() -> None:
    machines = Machines()
    forward = "/proc/sys/net/ipv4/ip_forward"
    assert machines.output("a", f"echo 1 > {forward}; cat {forward}; sysctl -n net.ipv4.ip_forward") == "1\n1\n"
    assert machines.output("a", "echo 2 > /proc/sys/net/ipv4/conf/eth0/rp_filter; sysctl -n net.ipv4.conf.eth0.rp_filter") == "2\n"
    assert machines.refusal("a", f"echo yes > {forward}") == (1, "bash: echo: write error: Invalid argument\n")
    assert machines.refusal("a", "echo 1 > /proc/sys/net/nope") == (1, "bash: /proc/sys/net/nope: No such file or directory\n")


def test_udp_send_from_a_port_sends_the_text_alone_and_says_what_came() -> None:
    machines = Machines()
    machines.output("b", "udp-echo 9000 & echo started")
    assert machines.output("a", "udp-send 10.5.0.2 9000 hello 40000") == "answer: echo:hello\n"
    assert machines.output("a", "udp-send 10.5.0.2 9999 hello 40001; true") == "error: [Errno 111] Connection refused\n"


@pytest.mark.parametrize("loop", ["while true; do echo y; sleep 1; done", "sh -c 'while true; do printf \"y\\n\"; sleep 1; done'"])
def test_a_shell_whose_reader_has_gone_ends_with_its_next_line(loop: str) -> None:
    machines = Machines()
    assert machines.output("a", f"{loop} | head -2") == "y\ny\n"
    assert machines.engine.now < 5_000_000_000
