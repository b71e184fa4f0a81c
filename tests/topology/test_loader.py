"""What a good file says comes out as it was meant, in all the ways of writing it."""

import pickle
import subprocess
import sys

import pytest

from emu.docker.config import KEYS, DaemonConfig
from emu.errors import TopologyError
from emu.topology import schema
from emu.topology.loader import load_topology
from emu.topology.spec import AddressPool, Expect
from emu.topology.spec_compose import Exposed, PortSpec

from .bad_files import BASE


@pytest.fixture
def load(tmp_path):
    def load(text, name="lab.yaml", **options):
        (tmp_path / name).write_text(text)
        return load_topology(tmp_path / name, **options)

    return load


@pytest.fixture
def service(load):
    """A service of a plain compose file, from its keys."""

    def service(keys, networks=""):
        text = f"services:\n  web:\n    {keys}\n  other: {{}}\nnetworks: {{ {networks} }}\n"
        return load(text, "docker-compose.yml").hosts["host"].compose.services["web"]

    return service


def test_everything_that_a_lan_can_be(load):
    lan = load(BASE.replace("{ subnet: 192.168.50.0/24 }", "{ delay: 1.5ms, rate: 2.5mbit, loss: 0.5%, queue: 10, mtu: 9000 }")).lans["lan"]
    assert (lan.delay_ns, lan.rate_bps, lan.loss, lan.queue, lan.mtu, lan.subnet) == (1_500_000, 2_500_000, 0.005, 10, 9000, None)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [("0", 0), ("2", 2 * 10**9), ("1.5s", 1_500_000_000), ("20 ms", 20_000_000), ("7us", 7000), ("3m", 180 * 10**9), ("0.1", 10**8)],
)
def test_durations_are_whole_nanoseconds(load, text, nanoseconds):
    assert load(BASE.replace("subnet: 192.168.50.0/24", f"delay: {text}")).lans["lan"].delay_ns == nanoseconds


def test_short_and_long_steps_are_the_same(load):
    short = load(BASE.replace("- client$ ping", "- client$   ping")).steps[0]
    long = load(BASE.replace("- client$ ping -c 1 192.168.50.10", "- on: client\n    run: ping -c 1 192.168.50.10")).steps[0]
    assert (short.place, short.command) == (long.place, long.command) == ("client", "ping -c 1 192.168.50.10")


def test_ampersand_leaves_a_step_in_the_background(load):
    step = load(BASE.replace("ping -c 1 192.168.50.10", "nc -l -p 9 &")).steps[0]
    assert (step.command, step.background) == ("nc -l -p 9", True)


def test_expectations_are_substrings_or_patterns():
    assert Expect(stdout="3 packets").in_stdout("x\n3 packets received")
    assert Expect(stdout="/^3 p.*d$/").in_stdout("x\n3 packets received")
    assert not Expect(stdout="/4 packets/").in_stdout("3 packets received")
    assert Expect().in_stdout("")


def test_daemon_json_reaches_the_engine(load):
    keys = "{ userland-proxy: no, bip: 10.9.0.1/24, mtu: 1400, default-address-pools: [{ base: 10.10.0.0/16, size: 24 }], debug: on }"
    docker = load(BASE.replace("docker: {}", f"docker: {keys}")).hosts["docker1"].docker
    assert (docker.userland_proxy, docker.bip, docker.default_address_pools) == (False, "10.9.0.1/24", (AddressPool("10.10.0.0/16", 24),))
    config = DaemonConfig.from_spec(docker)
    assert (config.userland_proxy, config.bip, config.mtu, len(config.default_pools)) == (False, "10.9.0.1/24", 1400, 256)


def test_daemon_json_keys_are_those_of_the_engine():
    assert set(schema.DOCKER.fields) == set(KEYS) - {"bridge"}


def test_seed_can_be_given_from_outside(load):
    assert (load("seed: 5\n" + BASE).seed, load("seed: 5\n" + BASE, seed=9).seed, load(BASE).seed) == (5, 9, 1)


def test_iptables_may_be_a_file_or_its_text(load, tmp_path):
    rules = "*filter\n-A INPUT -j DROP\nCOMMIT\n"
    (tmp_path / "rules.v4").write_text(rules)
    of_file = load(BASE.replace("  client:\n", "  client:\n    iptables: rules.v4\n"))
    of_text = load(BASE.replace("  client:\n", "  client:\n    iptables: |\n      *filter\n      -A INPUT -j DROP\n      COMMIT\n"))
    assert of_file.hosts["client"].iptables == of_text.hosts["client"].iptables == rules


def test_places_that_steps_make_can_be_used(load):
    load(BASE + "  - docker1$ docker run -d --name box alpine sleep 9\n  - docker1/box$ ping -c 1 10.0.0.1\n")


def test_keys_of_ones_own_are_ignored_and_anchors_are_followed(load):
    topology = load(
        "x-card: &card { lan: lan, mtu: 1400 }\n"
        + BASE.replace("{ lan: lan, address: 192.168.50.20/24 }", "{ <<: *card, address: 192.168.50.20/24 }")
    )
    card = topology.hosts["client"].interfaces["eth0"]
    assert (card.lan, card.mtu, card.addresses) == ("lan", 1400, ("192.168.50.20/24",))


def test_topology_can_be_pickled(load):
    topology = load(BASE)
    assert pickle.loads(pickle.dumps(topology)) == topology


# --- compose


def test_plain_compose_file_is_a_host_and_a_client(load):
    topology = load("name: shop\nservices: { web: { image: nginx } }", "docker-compose.yml")
    assert topology.name == "shop"
    assert {name: host.interfaces["eth0"].addresses for name, host in topology.hosts.items()} == {
        "host": ("192.168.50.10/24",),
        "client": ("192.168.50.20/24",),
    }
    assert topology.hosts["host"].docker is not None
    assert topology.hosts["host"].compose.networks["default"].name == "shop_default"


def test_plain_compose_file_is_named_after_its_folder(tmp_path):
    (tmp_path / "My Shop.v2").mkdir()
    (tmp_path / "My Shop.v2" / "compose.yaml").write_text("services: { web: {} }")
    assert load_topology(tmp_path / "My Shop.v2" / "compose.yaml").name == "myshopv2"


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ("[22:22]", [PortSpec(22, 22)]),  # not a base-60 integer
        ("['80']", [PortSpec(80)]),
        ("[80]", [PortSpec(80)]),
        ("['8080:80/udp']", [PortSpec(80, 8080, protocol="udp")]),
        ("['127.0.0.1:8080:80']", [PortSpec(80, 8080, "127.0.0.1")]),
        ("['127.0.0.1::80']", [PortSpec(80, None, "127.0.0.1")]),
        ("['8000-8001:80-81']", [PortSpec(80, 8000), PortSpec(81, 8001)]),
        ("['8000-8009:80']", [PortSpec(80, 8000, published_end=8009)]),
        ("[{ target: 80, published: 8080, protocol: udp, mode: host }]", [PortSpec(80, 8080, protocol="udp")]),
        ("[{ target: 80, published: '8080', host_ip: 127.0.0.1 }]", [PortSpec(80, 8080, "127.0.0.1")]),
        ("[{ target: 80 }]", [PortSpec(80)]),
    ],
)
def test_ports_in_short_and_long_form(service, ports, expected):
    assert list(service(f"ports: {ports}").ports) == expected


def test_expose_takes_ranges_and_protocols(service):
    assert service("expose: [80, 53/udp, '90-91']").expose == (Exposed(80), Exposed(53, "udp"), Exposed(90), Exposed(91))


@pytest.mark.parametrize("environment", ["[A=1, B=x=y, C]", "{ A: 1, B: x=y, C: }"])
def test_environment_as_list_or_mapping(service, environment):
    assert service(f"environment: {environment}").environment == {"A": "1", "B": "x=y", "C": ""}


@pytest.mark.parametrize("depends_on", ["[other]", "{ other: { condition: service_healthy } }"])
def test_dependencies_start_first(load, depends_on):
    compose = load(f"services:\n  web: {{ depends_on: {depends_on} }}\n  other: {{}}", "compose.yml").hosts["host"].compose
    assert list(compose.services) == ["other", "web"]
    assert compose.services["web"].depends_on == ("other",)


@pytest.mark.parametrize("command", ["httpd -f -p '80'", "[httpd, -f, -p, '80']"])
def test_command_as_text_or_list(service, command):
    assert service(f"command: {command}").command == ("httpd", "-f", "-p", "80")


def test_networks_as_list_or_mapping(service):
    assert list(service("networks: [a, b]", "a: {}, b: {}").networks) == ["a", "b"]
    keys = "networks: { a: { aliases: [w], ipv4_address: 10.0.0.9, mac_address: '02:00:00:00:00:09' }, b: }"
    networks = service(keys, "a: { ipam: { config: [{ subnet: 10.0.0.0/24 }] } }, b:").networks
    assert (networks["a"].aliases, networks["a"].ipv4_address, networks["a"].mac_address) == (("web", "w"), "10.0.0.9", "02:00:00:00:00:09")
    assert networks["b"].aliases == ("web",)


@pytest.mark.parametrize("mode", ["bridge", "host", "none", "service:other", "container:other"])
def test_network_mode_takes_the_place_of_networks(service, mode):
    web = service(f"network_mode: {mode}")
    assert (web.network_mode, web.networks) == (mode, {})


def test_keys_without_effect_on_the_network_are_ignored(service):
    service("{ volumes: ['a:/b'], cap_add: [NET_ADMIN], deploy: { resources: {} }, healthcheck: { test: [] }, labels: {} }")


@pytest.mark.parametrize("written", ["no", "always", "unless-stopped", "on-failure:3"])
def test_restart_policy_is_that_of_docker(service, written):
    assert service(f"{{ restart: {written} }}").restart == written


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A:-x}", "x"),
        ("${A-x}", "x"),
        ("a${A}b", "ab"),
        ("$A.b", ".b"),
        ("$$A", "$A"),
        ("${A:+x}y", "y"),
        ("${A:-${B:-z}}", "z"),
        ("${A:-}y", "y"),
    ],
)
def test_variables_are_those_of_an_empty_environment(service, monkeypatch, text, value):
    monkeypatch.setenv("A", "of this machine")
    assert service(f"image: 'i/{text}'").image == f"i/{value}"


def test_variable_without_a_value_is_told_once(load):
    notices = load("services: { a: { image: 'nginx:${TAG}' }, b: { image: 'nginx:$TAG' } }", "compose.yml").notices
    assert notices[0] == "the variable 'TAG' has no value: blank is used (.env is read, the machine's environment is not)"
    assert len(notices) == 1


ENV = """# versions
TAG=1.2  # of nginx
export QUOTED="a #b ${TAG}"
LITERAL='$TAG'
EMPTY=
"""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$TAG", "1.2"),
        ("${TAG:-x}${TAG:?no}", "1.21.2"),
        ("${TAG:+x}", "x"),
        ("$QUOTED", "a #b 1.2"),
        ("$LITERAL", "$TAG"),
        ("${EMPTY:-x}${EMPTY-y}", "x"),
    ],
)
def test_variables_come_from_the_env_file_beside(load, tmp_path, text, value):
    (tmp_path / ".env").write_text(ENV)
    services = load(f"services: {{ a: {{ image: nginx, environment: {{ A: '{text}' }} }} }}", "compose.yml").hosts["host"].compose.services
    assert services["a"].environment["A"] == value


@pytest.mark.parametrize(("text", "what"), [("A=1\nno", "line 2 is not NAME=value"), ("A='1", "line 1 has a quote that is not closed")])
def test_a_wrong_env_file_is_refused_with_its_line(load, tmp_path, text, what):
    (tmp_path / ".env").write_text(text)
    with pytest.raises(TopologyError, match=what):
        load("services: { a: { image: nginx } }", "compose.yml")


@pytest.mark.parametrize(
    ("env_file", "found"),
    [
        ("a.env", {"A": "1", "B": "x y"}),
        ("[a.env, b.env]", {"A": "2", "B": "x y"}),
        ("[{ path: a.env }, { path: none.env, required: false }]", {"A": "1", "B": "x y"}),
    ],
)
def test_variables_of_a_service_come_from_its_env_files(service, tmp_path, env_file, found):
    (tmp_path / "a.env").write_text("# of a\nA=1\nB='x y'\n")
    (tmp_path / "b.env").write_text("A=2\n")
    assert service(f"env_file: {env_file}").environment == found
    assert service(f"env_file: {env_file}\n    environment: {{ B: own }}").environment == found | {"B": "own"}


@pytest.mark.parametrize(
    ("env_file", "what"),
    [
        ("none.env", r"yml:1: services.a.env_file: '.*none.env' does not exist"),
        ("[wrong.env]", r"yml:1: services.a.env_file\[0\]: '.*wrong.env' line 1 is not NAME=value"),
        ("{ path: wrong.env }", "services.a.env_file: must be .*, not a mapping"),
        ("[{ path: wrong.env, format: raw }]", r"services.a.env_file\[0\].format: is not modelled"),
    ],
)
def test_env_files_that_are_not_there_or_wrong_are_refused(load, tmp_path, env_file, what):
    (tmp_path / "wrong.env").write_text("no\n")
    with pytest.raises(TopologyError, match=what):
        load(f"services: {{ a: {{ image: nginx, env_file: {env_file} }} }}", "compose.yml")


def test_services_with_profiles_are_left_out_and_that_is_said(load):
    topology = load(
        "services: { a: { image: nginx }, debug: { image: nginx, profiles: [debug, all] }, b: { profiles: [] } }", "compose.yml"
    )
    assert list(topology.hosts["host"].compose.services) == ["a", "b"]
    assert topology.notices[0] == "service 'debug' is left out: it has the profiles debug, all"


def test_compose_files_may_be_named_by_path_and_places_follow_container_names(load, tmp_path):
    (tmp_path / "compose.yml").write_text("name: p\nservices: { web: { image: nginx, container_name: front } }")
    text = BASE.replace('compose:\n      services:\n        web: { image: nginx, ports: ["8080:80"] }', "compose: compose.yml")
    topology = load(text.replace("client$", "docker1/web$"))
    assert topology.hosts["docker1"].compose.networks["default"].name == "p_default"
    assert topology.steps[0].place == "docker1/front"


# --- how long it takes


def test_loading_needs_neither_scapy_nor_a_validator_nor_yaml_before_a_file_is_read():
    code = "import sys, emu.topology.loader; print(sorted({'scapy', 'jsonschema', 'pydantic', 'yaml', 'asyncio'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_lans_apart_may_have_the_same_subnet(tmp_path):
    (tmp_path / "homes.yaml").write_text(
        "lans: { one: { subnet: 192.168.1.0/24 }, two: { subnet: 192.168.1.0/24 } }\n"
        "hosts:\n"
        "  a: { interfaces: { eth0: { lan: one, address: 192.168.1.1/24 } } }\n"
        "  b: { interfaces: { eth0: { lan: two, address: 192.168.1.1/24 } } }\n"
    )
    assert list(load_topology(tmp_path / "homes.yaml").lans) == ["one", "two"]


def test_services_may_share_a_range_to_choose_ports_from(tmp_path):
    (tmp_path / "docker-compose.yml").write_text(
        "services:\n  a: { image: nginx, ports: ['8000-8001:80'] }\n  b: { image: nginx, ports: ['8000-8001:80', '8000:80/udp'] }\n"
    )
    assert load_topology(tmp_path / "docker-compose.yml").steps == ()
