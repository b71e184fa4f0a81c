"""Files in all the forms that administrators bring: text and JSON, of older programs, of other names, of Windows."""

from __future__ import annotations

import json
import re

import pytest

from emu.errors import EmuError
from emu.importer.assemble import import_host
from emu.importer.folder import recognise
from tests.importer.folders import ADDR, REAL, RULES, body, imported, lab_of, told

# --- forms


def test_text_and_json_give_the_same_topology():
    assert body(import_host(REAL / "text").text) == body(import_host(REAL / "json").text)


def test_text_and_json_together_give_the_same_topology(tmp_path):
    files = {path.name: path.read_text() for form in ("text", "json") for path in (REAL / form).iterdir()}
    assert body(imported(tmp_path / "both", files).text) == body(import_host(REAL / "text").text)


def test_files_of_any_name_are_taken_by_what_is_in_them(tmp_path):
    files = {f"{number}.dump": path.read_text() for number, path in enumerate(sorted((REAL / "text").iterdir()))}
    assert body(imported(tmp_path / "any", files).text) == body(import_host(REAL / "text").text)


@pytest.mark.parametrize(
    ("name", "place", "kind"),
    [
        ("iptables-save", "", "iptables-save"),
        ("host.iptables-save", "host", "iptables-save"),
        ("rules.v4", "", "iptables-save"),
        ("h1.ip-route.txt", "h1", "ip-route"),
        ("ip_addr.json", "", "ip-addr"),
        ("my.server.example.ip-addr", "my.server.example", "ip-addr"),
        ("docker-inspect-web.json", "", "docker-inspect"),
        ("docker-network-inspect.json", "", "docker-network-inspect"),
        ("web.ss-lntu.txt", "web", "ss-lntu"),
        ("notes.txt", "", ""),
    ],
)
def test_a_name_says_what_a_file_is(name, place, kind):
    assert recognise(name) == (place, kind)


@pytest.mark.parametrize("encode", [lambda text: text.replace("\n", "\r\n").encode("utf-16"), lambda text: b"\xef\xbb\xbf" + text.encode()])
def test_files_as_windows_writes_them_are_read(encode, tmp_path):
    for name, text in (("ip-addr.txt", ADDR), ("iptables-save.txt", RULES)):
        (tmp_path / name).write_bytes(encode(text))
    (tmp_path / "plain").mkdir()
    assert body(import_host(tmp_path).text) == body(imported(tmp_path / "plain", {"ip-addr.txt": ADDR, "iptables-save.txt": RULES}).text)


def test_a_byte_that_is_no_text_is_named_with_its_line(tmp_path):
    (tmp_path / "iptables-save").write_bytes(b"*filter\n-A INPUT -m comment --comment caf\xe9 -j DROP\nCOMMIT\n")
    with pytest.raises(EmuError, match=r"^iptables-save:2: is no text in UTF-8$"):
        import_host(tmp_path)


def test_a_file_of_something_else_that_is_no_text_is_told_and_the_rest_imported(tmp_path):
    (tmp_path / "trace.pcap").write_bytes(b"\xd4\xc3\xb2\xa1\x00\x00")
    assert "trace.pcap:1: is no text in UTF-8" in told(imported(tmp_path, {"ip-addr": ADDR}))


def test_json_of_an_older_ip_with_empty_objects_in_it_is_read(tmp_path):
    text = json.dumps(
        [
            {},
            {
                "ifname": "eth0",
                "flags": ["UP"],
                "addr_info": [{"family": "inet", "local": "10.0.0.5", "prefixlen": 29, "scope": "global"}, {}],
            },
        ]
    )
    neighbours = json.dumps([{"dst": "10.0.0.6", "dev": "eth0", "lladdr": "52:54:00:00:00:06", "state": ["REACHABLE"]}, {}])
    assert "10.0.0.5/29" in imported(tmp_path, {"ip-addr.json": text, "ip-neigh.json": neighbours}).text


def test_routes_of_busybox_which_does_not_say_who_made_them_come_with_the_addresses(tmp_path):
    text = "default via 10.0.0.6 dev eth0 \n10.0.0.0/29 dev eth0 scope link  src 10.0.0.5 \n"
    with lab_of(imported(tmp_path / "b", {"ip-addr": ADDR, "ip-route": text}), tmp_path) as lab:
        assert lab.run("host", "ip route").stdout.splitlines() == [
            "default via 10.0.0.6 dev eth0 ", "10.0.0.0/29 dev eth0 proto kernel scope link src 10.0.0.5 "
        ]  # fmt: skip


# --- what listens


def test_listeners_of_ipv6_alone_and_on_one_device_are_told_of(tmp_path):
    text = """Netid State  Recv-Q Send-Q      Local Address:Port Peer Address:Port
udp   UNCONN 0      0            0.0.0.0%eth0:68        0.0.0.0:*
tcp   LISTEN 0      128                     *:82              *:*
tcp   LISTEN 0      128                  [::]:81           [::]:*
tcp   LISTEN 0      128    [::ffff:127.0.0.1]:85              *:*
tcp   LISTEN 0      128               0.0.0.0:22        0.0.0.0:*
tcp   LISTEN 0      128                  [::]:22           [::]:*
"""
    result = imported(tmp_path / "ss", {"ip-addr": ADDR, "ss-lntu": text})
    assert "ss-lntu:2: udp port 68 is open on eth0 alone; here it is on every device" in told(result)
    assert "ss-lntu:4: open to IPv6 alone, which is not modelled: tcp [::]:81" in told(result)
    with lab_of(result, tmp_path) as lab:
        open_ports = re.findall(r"LISTEN\s+\d+\s+\d+\s+(\S+)\s", lab.run("host", "ss -lnt").stdout)
    assert sorted(open_ports) == ["0.0.0.0:22", "0.0.0.0:82", "127.0.0.1:85"]


def test_ports_of_ss_without_protocols_are_those_of_their_states(tmp_path):
    text = "State  Recv-Q Send-Q Local Address:Port Peer Address:Port\nLISTEN 0 128 0.0.0.0:22 0.0.0.0:*\nUNCONN 0 0 0.0.0.0:53 0.0.0.0:*\n"
    with lab_of(imported(tmp_path / "ss", {"ip-addr": ADDR, "ss": text}), tmp_path) as lab:
        assert re.findall(r"^(\w+) .*:(22|53) ", lab.run("host", "ss -lntu").stdout, re.MULTILINE) == [("udp", "53"), ("tcp", "22")]
