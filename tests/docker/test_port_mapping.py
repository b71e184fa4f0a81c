from __future__ import annotations

import pytest

from emu.docker.errors import DockerError
from emu.docker.model import PortBinding
from emu.docker.port_mapping import PortAllocator, in_order
from emu.programs.docker.ports import bindings


def test_ports_of_the_engine_s_choice_are_taken_in_turn() -> None:
    allocator = PortAllocator(32768, 32770)
    assert [allocator.request("0.0.0.0", "tcp") for _ in range(2)] == [32768, 32769]
    allocator.release("0.0.0.0", "tcp", 32768)
    assert [allocator.request("0.0.0.0", "tcp") for _ in range(2)] == [32770, 32768]
    with pytest.raises(DockerError, match="all ports are allocated"):
        allocator.request("0.0.0.0", "tcp")


def test_host_addresses_and_protocols_do_not_share_ports() -> None:
    allocator = PortAllocator(32768, 60999)
    assert {allocator.request(address, protocol) for address in ("0.0.0.0", "127.0.0.1") for protocol in ("tcp", "udp")} == {32768}


def test_a_port_asked_for_twice_is_refused() -> None:
    allocator = PortAllocator(32768, 60999)
    allocator.request("0.0.0.0", "tcp", 8080, 8080)
    with pytest.raises(DockerError, match=r"Bind for 0\.0\.0\.0:8080 failed: port is already allocated"):
        allocator.request("0.0.0.0", "tcp", 8080, 8080)


def test_each_range_has_its_own_cursor() -> None:
    allocator = PortAllocator(32768, 60999)
    assert [allocator.request("0.0.0.0", "tcp", 8000, 8002) for _ in range(2)] == [8000, 8001]
    assert allocator.request("0.0.0.0", "tcp", 8001, 8003) == 8002


def test_publishing_goes_in_docker_s_order() -> None:
    given = [*bindings("192.168.50.10:8081:80"), *bindings("127.0.0.1::80"), *bindings("5300:53/udp")]
    assert [(binding.host_port, binding.port) for binding in in_order(given)] == [(0, 80), (8081, 80), (5300, 53)]


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("80", [PortBinding(80)]),
        ("8080:80", [PortBinding(80, host_port=8080, host_port_end=8080)]),
        ("127.0.0.1:53:53/udp", [PortBinding(53, "udp", "127.0.0.1", 53, 53)]),
        ("8000-8001:80-81", [PortBinding(80, host_port=8000, host_port_end=8000), PortBinding(81, host_port=8001, host_port_end=8001)]),
        ("8000-8010:80", [PortBinding(80, host_port=8000, host_port_end=8010)]),
    ],
)
def test_port_bindings_are_read_as_docker_reads_them(text: str, published: list[PortBinding]) -> None:
    assert bindings(text) == published


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("abc", "Invalid containerPort: abc"),
        ("99999:80", "Invalid hostPort: 99999"),
        ("8000-8003:80-81", "Invalid ranges specified for container and host Ports: 80-81 and 8000-8003"),
        ("80/icmp", "Invalid proto: icmp"),
        ("300.1.1.1:80:80", "Invalid ip address: 300.1.1.1"),
        ("8080:", "No port specified: 8080:<empty>"),
    ],
)
def test_wrong_port_bindings_are_refused_in_docker_s_words(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        bindings(text)
