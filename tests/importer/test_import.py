"""`emu import` as an administrator meets it: each file is optional, what is refused, the command."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from emu.errors import EmuError
from emu.importer.assemble import import_host
from emu.importer.folder import recognise
from tests.importer.folders import ADDR, REAL, RECORDED, ROUTE, RULES, emu, folder, imported, lab_of, told

# --- each file is optional


@pytest.mark.parametrize(
    "kind", ["host.iptables-save", "host.ip-addr", "host.ip-route", "docker-network-inspect.json", "docker-inspect-web.json", "host.sysctl"]
)
def test_one_file_alone_is_a_host(kind, tmp_path):
    source = RECORDED / "publish-dnat" / "state" / kind
    with lab_of(imported(tmp_path / "one", {source.name: source.read_text()}), tmp_path) as lab:
        assert "host" in lab.hosts
        assert lab.run("client", "ip addr show dev eth0").exit_status == 0


def test_without_docker_network_inspect_the_containers_tell_of_their_networks(tmp_path):
    state = RECORDED / "isolation" / "state"
    files = {path.name: path.read_text() for path in state.glob("docker-inspect-*.json")}
    with lab_of(imported(tmp_path / "some", files), tmp_path) as lab:
        inspected = json.loads(files["docker-inspect-rbox.json"])
        address = next(iter(inspected["NetworkSettings"]["Networks"].values()))["IPAddress"]
        assert address in lab.run("host/rbox", "ip addr").stdout


@pytest.mark.parametrize(("masquerade", "rules"), [("false", 0), ("true", 15)])
def test_an_empty_iptables_save_is_that_of_a_docker_without_iptables_if_that_does_not_masquerade(masquerade, rules, tmp_path):
    network = {"Name": "bridge", "Id": "a" * 64, "Driver": "bridge", "IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]}}
    network["Options"] = {"com.docker.network.bridge.enable_ip_masquerade": masquerade}
    files = {"host.iptables-save": "", "host.ip-addr": ADDR, "other.ip-addr": ADDR, "docker-network-inspect": json.dumps([network])}
    result = imported(tmp_path, files)
    assert any("is empty: the rules are those that Docker makes" in line for line in told(result)) == (masquerade == "true")
    with lab_of(result, tmp_path) as made:
        assert len(re.findall(r"^-A", made.run("host", "iptables-save").stdout, re.MULTILINE)) == rules


def test_a_port_on_all_addresses_stays_there_where_the_network_binds_ports_to_one(tmp_path):
    options = {"com.docker.network.bridge.host_binding_ipv4": "10.0.0.5"}
    network = {"Name": "app", "Id": "a" * 64, "Driver": "bridge", "Options": options, "IPAM": {"Config": [{"Subnet": "10.9.0.0/24"}]}}
    ports = {"80/tcp": [{"HostIp": "10.0.0.5", "HostPort": "8080"}, {"HostIp": "0.0.0.0", "HostPort": "8083"}]}
    settings = {"Ports": ports, "Networks": {"app": {"IPAddress": "10.9.0.2"}}}
    container = {"Name": "/web", "Id": "b" * 64, "State": {"Status": "running"}, "NetworkSettings": settings}
    files = {"docker-network-inspect": json.dumps([network]), "docker-inspect": json.dumps([container]), "ip-addr": ADDR}
    with lab_of(imported(tmp_path, files), tmp_path) as made:
        assert set(made.run("host", "docker port web").stdout.splitlines()) == {"80/tcp -> 10.0.0.5:8080", "80/tcp -> 0.0.0.0:8083"}


def test_the_client_has_an_address_that_nobody_is_known_to_have(tmp_path):
    neighbours = "10.0.0.4 dev eth0 lladdr 52:54:00:00:00:04 STALE\n"
    result = imported(tmp_path / "small", {"ip-addr": ADDR, "ip-route": ROUTE, "ip-neigh": neighbours})
    assert result.client == "10.0.0.3"  # 6 is the router, 5 the host, 4 a neighbour


# --- what is refused, with nothing written


def refused(tmp_path: Path, files: dict[str, str]) -> str:
    output = tmp_path / "topology.yaml"
    result = emu(folder(tmp_path / "bad", files), "-o", output)
    assert result.exit_code == 2, result.output
    assert not output.exists()
    return result.output


def test_an_empty_folder_is_refused(tmp_path):
    assert "nothing in it tells of a host; `emu import --commands` prints what to collect there" in refused(tmp_path, {})


def test_a_folder_of_something_else_is_refused(tmp_path):
    assert "nothing in it tells of a host" in refused(tmp_path, {"README.md": "# Hello\n"})


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    result = emu(tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "there is no such folder" in result.output


def test_a_file_that_is_not_what_its_name_says_is_refused_with_its_line(tmp_path):
    assert "ip-addr:1: is not a line of `ip addr`: 'Hello'" in refused(tmp_path, {"ip-addr": "Hello\n", "ip-route": ROUTE})


def test_json_that_is_cut_short_is_refused(tmp_path):
    text = (REAL / "json" / "ip-addr.json").read_text()
    assert "ip-addr.json:1: is cut short, or no JSON" in refused(tmp_path, {"ip-addr.json": text[: len(text) // 2]})


def test_a_binary_file_is_refused(tmp_path):
    assert "ip-addr: is no text" in refused(tmp_path, {"ip-addr": "\0\1"})


def test_two_files_that_contradict_each_other_are_refused(tmp_path):
    other = json.dumps([{"ifname": "eth0", "addr_info": [{"family": "inet", "local": "10.0.0.9", "prefixlen": 29, "scope": "global"}]}])
    assert "its addresses are not those of" in refused(tmp_path, {"ip-addr": ADDR, "ip-addr.json": other})


def test_a_route_through_a_device_that_is_not_there_is_refused(tmp_path):
    text = ROUTE + "10.9.0.0/16 via 10.0.0.6 dev eth7\n"
    assert "ip-route:3: a route through eth7, which `ip addr` does not have" in refused(tmp_path, {"ip-addr": ADDR, "ip-route": text})


def test_a_container_with_two_addresses_on_one_network_is_refused(tmp_path):
    state = RECORDED / "publish-dnat" / "state"
    files = {name: (state / name).read_text() for name in ("docker-inspect-web.json", "docker-network-inspect.json")}
    files["docker-inspect-web.json"] = files["docker-inspect-web.json"].replace('"172.17.0.2"', '"172.17.0.9"')
    assert "'web' has 172.17.0.9 on 'bridge'; in docker-network-inspect.json" in refused(tmp_path, files)


def test_of_several_hosts_one_must_be_chosen(tmp_path):
    files = {"a.iptables-save": RULES, "b.iptables-save": RULES, "a.ip-addr": ADDR}
    assert "choose one with --host: a, b" in refused(tmp_path, files)
    assert emu(tmp_path / "bad", "--host", "a").exit_code == 0
    with pytest.raises(EmuError, match="no file tells of a host 'c'"):
        import_host(tmp_path / "bad", "c")


def test_what_is_no_dump_is_told_and_the_rest_imported(tmp_path):
    assert "todo.txt: is nothing that import knows, by name or content" in told(
        imported(tmp_path / "x", {"ip-addr": ADDR, "todo.txt": "milk\n"})
    )


# --- the command


def test_json_has_what_was_not_carried_over(tmp_path):
    output = tmp_path / "topology.yaml"
    data = json.loads(emu(REAL / "text", "-o", output, "--json").stdout)
    assert data["topology"] == str(output)
    assert output.exists()
    assert [each["line"] for each in data["not_carried_over"] if each["file"] == "ip-rule.txt"] == [2]


def test_commands_are_those_whose_names_import_knows():
    printed = emu("--commands").stdout
    names = re.findall(r'^.* > "?([$\w.-]+)', printed, re.MULTILINE)
    assert len(names) > 10
    assert all(recognise(name.replace("$name", "web"))[1] for name in names)
