from __future__ import annotations

from tests.programs.busybox import busybox_machines
from tests.programs.machines import Machines


def test_telnet_tells_whether_a_port_answers() -> None:
    machines = Machines()
    machines.start("b", "httpd -f -p 80 -h /")
    process = machines.run("a", "telnet 10.5.0.2 80 < /dev/null")
    assert process.stdout == "Trying 10.5.0.2...\nConnected to 10.5.0.2.\nEscape character is '^]'.\n"
    assert process.stderr == "Connection closed by foreign host.\n"
    refused = "telnet: Unable to connect to remote host: Connection refused\n"
    assert machines.refusal("a", "telnet 10.5.0.2 81") == (1, refused)


def test_telnet_sends_lines_and_shows_answers() -> None:
    machines = Machines()
    machines.hosts["b"].place.files.write("/index.html", "hello\n")
    machines.start("b", "httpd -f -p 80 -h /")
    machines.hosts["a"].place.files.write("/request", "GET / HTTP/1.0\n\n")
    assert machines.run("a", "telnet 10.5.0.2 80 < /request").stdout.endswith("\n\nhello\n")


def test_busybox_telnet() -> None:
    small = busybox_machines()
    small.start("b", "httpd -f -p 80 -h /")
    assert small.output("a", "telnet 10.5.0.2 80 < /dev/null") == "Connected to 10.5.0.2\n"
    refused = "telnet: can't connect to remote host (10.5.0.2): Connection refused\n"
    assert small.refusal("a", "telnet 10.5.0.2 81") == (1, refused)
    assert small.refusal("a", "telnet nosuch 81") == (1, "telnet: bad address 'nosuch'\n")
