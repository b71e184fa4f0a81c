"""Hosts that were recorded: their dumps come up as labs that print the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emu.importer.assemble import import_host
from tests.importer.folders import DUMPS, RECORDED, lab_of, tables, told

AT_THE_END = [dump for dump in DUMPS if dump.name == "state"]


def name(dump: Path) -> str:
    return str(dump.relative_to(RECORDED)).replace("/state", "")


def routes(text: str) -> list[str]:
    return sorted(re.sub(r" linkdown", "", line).strip() for line in text.splitlines())


def addresses(text: str) -> list[str]:
    return sorted(re.findall(r"(?:inet|ether) (\S+)", text))


def listeners(text: str) -> list[tuple[str, str]]:
    return sorted(set(re.findall(r"^(tcp|udp)\s.*?:(\d+)\s", re.sub(r"127\.0\.0\.11:\d+", "", text), re.MULTILINE)))


@pytest.mark.parametrize("dump", DUMPS, ids=name)
def test_the_rules_of_an_imported_lab_are_those_of_the_dump(dump, tmp_path):
    with lab_of(import_host(dump), tmp_path) as lab:
        assert tables(lab.run("host", "iptables-save").stdout) == tables((dump / "host.iptables-save").read_text())


@pytest.mark.parametrize("dump", AT_THE_END, ids=name)
def test_the_host_has_the_routes_addresses_and_listeners_of_the_dump(dump, tmp_path):
    with lab_of(import_host(dump), tmp_path) as lab:
        assert routes(lab.run("host", "ip route").stdout) == routes((dump / "host.ip-route").read_text())
        inet = re.compile(r"inet (\S+)")
        assert sorted(inet.findall(lab.run("host", "ip addr").stdout)) == sorted(inet.findall((dump / "host.ip-addr").read_text()))
        assert listeners(lab.run("host", "ss -lntu").stdout) == listeners((dump / "host.ss-lntu").read_text())


@pytest.mark.parametrize("dump", AT_THE_END, ids=name)
def test_its_containers_have_the_addresses_and_listeners_of_the_dump(dump, tmp_path):
    with lab_of(import_host(dump), tmp_path) as lab:
        inner = [(place, place.partition("/")[2]) for place in lab.places() if "/" in place]
        for place, container in inner:
            file = dump / f"{container}.ip-addr"
            if file.exists():
                assert addresses(lab.run(place, "ip addr", programs_of="host").stdout) == addresses(file.read_text())
                file = dump / f"{container}.ss-lntu"
                assert listeners(lab.run(place, "ss -lntu", programs_of="host").stdout) == listeners(file.read_text())
        running = re.findall(r" Up .* (\S+)$", (dump / "docker-ps").read_text(), re.MULTILINE)
        assert {container for _, container in inner} >= {each for each in running if (dump / f"docker-inspect-{each}.json").exists()}


def test_containers_that_do_not_run_are_told_of():
    assert any("container 'web' is left out: it is exited" in line for line in told(import_host(RECORDED / "container-mode" / "state")))


def test_a_device_wired_into_a_container_by_hand_is_there_again(tmp_path):
    with lab_of(import_host(RECORDED / "none-mode-by-hand" / "state"), tmp_path) as lab:
        assert lab.run("host/alpha", "ping -c 1 10.10.1.2").exit_status == 0


def test_from_outside_a_published_port_answers_and_another_is_refused(tmp_path):
    result = import_host(RECORDED / "publish-dnat" / "state")
    with lab_of(result, tmp_path) as lab:
        assert lab.run("client", "curl -s http://192.168.50.10:8080/").exit_status == 0
        assert lab.run("client", "curl -s http://192.168.50.10:8090/").exit_status == 7


def test_between_isolated_networks_nothing_passes(tmp_path):
    with lab_of(import_host(RECORDED / "isolation" / "state"), tmp_path) as lab:
        assert lab.run("host/rbox", "ping -c 1 -W 1 172.19.0.2").exit_status == 1
