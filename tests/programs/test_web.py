from __future__ import annotations

import pytest
from scapy.layers.inet import TCP

from tests.labs import docker_lab, ok
from tests.programs.machines import Machines

PAGE = "<html>hello from far</html>\n"


@pytest.fixture
def machines() -> Machines:
    made = Machines()
    made.hosts["b"].place.files.write("/www/index.html", PAGE)
    made.start("b", "httpd -f -p 80 -h /www")
    return made


def payloads(machines: Machines) -> list[bytes]:
    return [bytes(packet[TCP].payload) for packet in machines.wire.packets if TCP in packet and packet[TCP].payload]


def test_curl_sends_the_request_that_curl_sends(machines: Machines) -> None:
    assert machines.output("a", "curl -s http://10.5.0.2/") == PAGE
    assert payloads(machines)[0] == b"GET / HTTP/1.1\r\nHost: 10.5.0.2\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"


def test_wget_sends_the_request_that_busybox_sends(machines: Machines) -> None:
    assert machines.output("a", "wget -q -O - http://10.5.0.2/") == PAGE
    assert payloads(machines)[0] == b"GET / HTTP/1.1\r\nHost: 10.5.0.2\r\nUser-Agent: Wget\r\nConnection: close\r\n\r\n"


def test_httpd_answers_head_and_body_in_two_segments(machines: Machines) -> None:
    machines.output("a", "curl -s http://10.5.0.2/")
    head, body = payloads(machines)[1:]
    assert head.decode() == (
        "HTTP/1.1 200 OK\r\nDate: Wed, 01 Jan 2020 00:00:00 GMT\r\nConnection: close\r\nContent-type: text/html\r\n"
        'Accept-Ranges: bytes\r\nLast-Modified: Wed, 01 Jan 2020 00:00:00 GMT\r\nETag: "5e0be100-1c"\r\nContent-Length: 28\r\n\r\n'
    )
    assert body.decode() == PAGE


@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        ("curl http://nosuch/", 6, "curl: (6) Could not resolve host: nosuch"),
        ("curl http://10.5.0.2:81/", 7, "curl: (7) Failed to connect to 10.5.0.2 port 81 after 0 ms: Couldn't connect to server"),
        ("curl http://10.6.0.2/", 7, "curl: (7) Failed to connect to 10.6.0.2 port 80 after 0 ms: Couldn't connect to server"),
        ("curl -m 1 http://10.5.0.9/", 28, "curl: (28) Connection timed out after 1000 milliseconds"),
        (
            "curl --connect-timeout 1 http://10.5.0.9/",
            28,
            "curl: (28) Failed to connect to 10.5.0.9 port 80 after 1000 ms: Timeout was reached",
        ),
        ("curl -f http://10.5.0.2/nosuch", 22, "curl: (22) The requested URL returned error: 404"),
        ("curl https://10.5.0.2/", 1, "curl: 'https' is not modelled (http is)"),
        ("curl --socks5 x http://10.5.0.2/", 2, "curl: '--socks5' is not modelled"),
        ("wget http://nosuch/", 1, "wget: bad address 'nosuch'"),
        ("wget -q http://10.5.0.2:81/", 1, "wget: can't connect to remote host (10.5.0.2): Connection refused"),
        ("wget -q http://10.5.0.2/nosuch", 1, "wget: server returned error: HTTP/1.1 404 Not Found"),
    ],
)
def test_failures_are_told_in_the_real_programs_words(machines: Machines, line: str, status: int, text: str) -> None:
    assert machines.refusal("a", line) == (status, text + "\n")


def test_an_empty_reply_is_an_error_of_its_own(machines: Machines) -> None:
    machines.start("b", "nc -l -p 90 -w 1")
    assert machines.refusal("a", "curl -s -S http://10.5.0.2:90/") == (52, "curl: (52) Empty reply from server\n")


def test_write_out_shows_what_happened(machines: Machines) -> None:
    assert machines.output("a", "curl -s -o /dev/null -w '%{http_code} %{size_download}\\n' http://10.5.0.2/nosuch") == "404 124\n"


def test_wget_without_q_shows_its_progress(machines: Machines) -> None:
    process = machines.run("a", "wget -O - http://10.5.0.2/")
    assert process.stderr.splitlines() == [
        "Connecting to 10.5.0.2 (10.5.0.2:80)",
        "writing to stdout",
        "-                    100% |********************************|    28  0:00:00 ETA",
        "written to stdout",
    ]


def test_nginx_keeps_the_connection(machines: Machines) -> None:
    files = machines.hosts["a"].place.files
    files.write("/usr/share/nginx/html/index.html", "hi\n")
    machines.start("a", "nginx -g 'daemon off;'")
    text = machines.output("b", "curl -s -i http://10.5.0.1/")
    assert "Server: nginx/" in text
    assert "Connection: keep-alive" in text
    assert text.endswith("\n\nhi\n")


def test_httpd_goes_into_the_background_without_f(machines: Machines) -> None:
    machines.output("b", "httpd -p 8000 -h /www")
    assert machines.output("a", "curl -s http://10.5.0.2:8000/") == PAGE
    assert machines.refusal("b", "httpd -p 8000") == (1, "httpd: bind: Address already in use\n")


def test_nc_carries_text_both_ways(machines: Machines) -> None:
    server = machines.start("b", "nc -l -p 90")
    assert machines.output("a", "nc -N 10.5.0.2 90 < /etc/hostname") == ""
    assert server.exit_status == 0
    assert server.stdout == "a\n"


def test_nc_says_what_fails_with_v(machines: Machines) -> None:
    assert machines.refusal("a", "nc -v 10.5.0.2 91") == (1, "nc: connect to 10.5.0.2 port 91 (tcp) failed: Connection refused\n")
    assert machines.refusal("a", "nc -z -v 10.5.0.2 80") == (0, "Connection to 10.5.0.2 80 port [tcp/http] succeeded!\n")
    assert machines.refusal("a", "nc -e sh 10.5.0.2 80") == (1, "nc: '-e' is not modelled\n")


def test_nginx_writes_what_its_image_writes_to_docker_logs(tmp_path):
    lab = docker_lab(tmp_path, "{ web: { image: nginx, network_mode: bridge } }")
    ok(lab.run("docker1", "curl -s http://172.17.0.2/"))
    ok(lab.run("docker1", "curl -s -A me -I http://172.17.0.2/nope"))
    log = lab.run("docker1", "docker logs web").output.splitlines()
    assert log[0] == "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration"
    assert "[notice] 1#1: start worker processes" in log[-5]
    assert log[-3].startswith('172.17.0.1 - - [01/Jan/2020:00:00:00 +0000] "GET / HTTP/1.1" 200 27 "-" "curl/')
    assert log[-2] == (
        '2020/01/01 00:00:00 [error] 29#29: *2 open() "/usr/share/nginx/html/nope" failed (2: No such file or directory), '
        'client: 172.17.0.1, server: localhost, request: "HEAD /nope HTTP/1.1", host: "172.17.0.2"'
    )
    assert log[-1] == '172.17.0.1 - - [01/Jan/2020:00:00:00 +0000] "HEAD /nope HTTP/1.1" 404 0 "-" "me" "-"'


def test_wget_looks_without_fetching_and_shows_what_the_server_says(machines: Machines) -> None:
    assert machines.output("a", "wget --spider http://10.5.0.2/") == "Connecting to 10.5.0.2 (10.5.0.2:80)\nremote file exists\n"
    lines = machines.output("a", "wget -S -q -O /dev/null http://10.5.0.2/").splitlines()
    assert (lines[0], lines[-2:]) == ("  HTTP/1.1 200 OK", ["  Content-Length: 28", "  "])


def test_wget_sends_the_headers_and_data_it_is_given(machines: Machines) -> None:
    machines.run("a", "wget -q -O - -U me --header 'X-A: b' --post-data a=b http://10.5.0.2/x")
    assert payloads(machines)[0] == (
        b"POST /x HTTP/1.1\r\nHost: 10.5.0.2\r\nUser-Agent: me\r\nConnection: close\r\nX-A: b\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b"
    )
