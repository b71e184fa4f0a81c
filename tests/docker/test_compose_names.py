"""What a compose file says of names: dns, dns_search, dns_opt, domainname, extra_hosts, links."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.errors import EmuError
from tests.labs import docker_lab, ok

SERVICES = """
        web: { image: busybox, command: sleep 1000, container_name: shop-web, networks: { default: { aliases: [www] } } }
        app:
          image: busybox
          command: sleep 1000
          hostname: app
          domainname: shop.example
          dns: 192.168.50.20
          dns_search: [shop.example, example]
          dns_opt: ["timeout:1"]
          extra_hosts: ["printer:192.168.50.30", "gate=host-gateway"]
          links: ["web:backend"]
"""


def test_a_service_finds_others_by_service_container_alias_and_link(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, SERVICES)
    for name in ("web", "shop-web", "www", "backend"):
        assert "Address: 172.18.0.2" in ok(lab.run("docker1/app", f"nslookup -type=a {name}."))
    assert lab.run("docker1/shop-web", "nslookup -type=a backend").exit_status == 1
    inspected = ok(lab.run("docker1", "docker inspect -f '{{json .NetworkSettings.Networks}}' app"))
    assert '"Links":["shop-web:backend"]' in inspected


def test_the_files_of_a_service_say_what_the_compose_file_says(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, SERVICES)
    assert ok(lab.run("docker1/app", "cat /etc/resolv.conf")) == (
        "search shop.example example\nnameserver 127.0.0.11\noptions timeout:1 ndots:0\n"
    )
    assert ok(lab.run("docker1/app", "cat /etc/hosts")).splitlines()[6:] == [
        "192.168.50.30\tprinter",
        "172.17.0.1\tgate",
        "172.18.0.3\tapp.shop.example app",
    ]


def test_the_servers_of_a_service_are_those_that_are_asked(tmp_path: Path) -> None:
    lab = docker_lab(tmp_path, SERVICES)
    lab.run("client", "echo printer.lan A 192.168.50.20 > /zone")
    lab.start("client", "tiny-dns 192.168.50.20 /zone")
    assert "Address: 192.168.50.20" in ok(lab.run("docker1/app", "nslookup -type=a printer.lan"))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("links: [nosuch]", "there is no service 'nosuch'"),
        ("extra_hosts: [printer]", "'printer:' is not NAME:ADDRESS"),
        ("dns: 300.1.1.1", "'300.1.1.1' is not an IPv4 address"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, key: str, text: str) -> None:
    with pytest.raises(EmuError, match=text):
        docker_lab(tmp_path, f"{{ web: {{ image: busybox, {key} }} }}")
