from __future__ import annotations

from dataclasses import replace

import pytest

from emu.docker.compose import compose_up
from emu.errors import EmuError
from emu.topology.source import Source
from emu.topology.spec_compose import Attachment, ComposeSpec, Exposed, NetworkSpec, PortSpec, ServiceSpec
from tests.docker.conftest import DockerHost


def service(name: str, *, networks: tuple[str, ...] = ("default",), **keys: object) -> ServiceSpec:
    places = {network: Attachment(aliases=(name,)) for network in networks}
    return ServiceSpec(name=name, image="bb", container_name=name, command=("sleep", "1000"), networks=places, **keys)  # type: ignore[arg-type]


def compose(*services: ServiceSpec, **networks: NetworkSpec) -> ComposeSpec:
    known = {"default": NetworkSpec(name="shop_default"), "unused": NetworkSpec(name="shop_unused"), **networks}
    return ComposeSpec(name="shop", services={each.name: each for each in services}, networks=known)


def test_services_share_the_project_s_network_and_publish_their_ports(docker: DockerHost) -> None:
    web = service("web", ports=(PortSpec(80, 8080),), expose=(Exposed(9000),), environment={"A": "b"})
    compose_up(docker.docker, compose(service("db"), web))
    assert [network.name for network in docker.docker.networks.by_name()] == ["bridge", "host", "none", "shop_default"]
    assert docker.out("docker port web") == "80/tcp -> 0.0.0.0:8080"
    assert docker.out("docker inspect -f '{{json .NetworkSettings.Networks.shop_default.Aliases}}' db").startswith('["db","')
    assert docker.out("docker inspect -f '{{.NetworkSettings.Networks.shop_default.IPAddress}}' db web") == "172.18.0.2\n172.18.0.3"
    place = docker.docker.find("web").place
    assert place is not None
    assert (place.name, place.env["A"]) == ("host/web", "b")


def test_a_service_may_share_another_one_s_namespace(docker: DockerHost) -> None:
    compose_up(docker.docker, compose(service("web"), service("side", networks=(), network_mode="service:web")))
    side, web = docker.docker.find("side").place, docker.docker.find("web").place
    assert side is not None
    assert web is not None
    assert side.netns is web.netns


def test_a_service_that_has_ended_starts_again_by_its_restart_policy(docker: DockerHost) -> None:
    spec = replace(service("web", restart="always"), command=("sleep", "1"))
    compose_up(docker.docker, compose(spec, replace(spec, name="once", container_name="once", restart="no")))
    docker.out("sleep 2")
    shown = docker.out("docker inspect -f '{{.HostConfig.RestartPolicy.Name}} {{.RestartCount}} {{.State.Running}}' web once")
    assert shown == "always 1 true\nno 0 false"


def test_a_subnet_that_overlaps_is_refused_with_its_place_in_the_file(docker: DockerHost) -> None:
    back = NetworkSpec(name="shop_back", subnet="172.17.9.0/24", source=Source("lab.yaml", 12))
    with pytest.raises(EmuError, match=r"lab.yaml:12: networks.back: Pool overlaps with other one on this address space"):
        compose_up(docker.docker, compose(service("web", networks=("back",)), back=back))


def test_fixed_addresses_need_a_subnet_of_the_file_s_own(docker: DockerHost) -> None:
    fixed = ServiceSpec(
        name="web", image="bb", container_name="web", command=("sleep", "9"), networks={"back": Attachment(ipv4_address="10.7.0.9")},
        source=Source("lab.yaml", 7),
    )  # fmt: skip
    with pytest.raises(EmuError, match=r"lab.yaml:7: services.web: user specified IP address is supported only when"):
        compose_up(docker.docker, compose(fixed, back=NetworkSpec(name="shop_back")))
    other = DockerHost()
    compose_up(other.docker, compose(fixed, back=NetworkSpec(name="shop_back", subnet="10.7.0.0/24", internal=True)))
    assert other.out("docker inspect -f '{{.NetworkSettings.Networks.shop_back.MacAddress}}' web") == "02:42:0a:07:00:09"


def test_a_program_that_emu_does_not_have_is_stood_in_for(docker: DockerHost) -> None:
    spec = ServiceSpec(
        name="app", image="bb", container_name="app", command=("gunicorn",), networks={"default": Attachment()}, ports=(PortSpec(8000),)
    )
    compose_up(docker.docker, compose(spec))
    assert docker.docker.find("app").running
    assert docker.docker.notices == ["host/app: there is no program gunicorn here; the container idles, and answers on its ports"]
