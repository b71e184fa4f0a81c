from __future__ import annotations

import pytest

from emu.docker.errors import DockerError
from emu.docker.ipam import AddressSpace, Pieces, Pool, Prefix
from emu.packet.address import ip, ip_text


def prefix(text: str) -> Prefix:
    return Prefix.parse(text)


def nobody(subnet: Prefix) -> bool:
    return False


def subnets(space: AddressSpace, count: int) -> list[str]:
    return [str(space.request_default(nobody).subnet) for _ in range(count)]


def test_default_pools_are_fifteen_of_16_bits_then_sixteen_of_20() -> None:
    names = subnets(AddressSpace(), 31)
    assert names[:2] == ["172.17.0.0/16", "172.18.0.0/16"]
    assert names[14:17] == ["172.31.0.0/16", "192.168.0.0/20", "192.168.16.0/20"]
    assert names[-1] == "192.168.240.0/20"


def test_a_freed_default_pool_is_not_used_again_at_once() -> None:
    space = AddressSpace()
    first = space.request_default(nobody)
    second = space.request_default(nobody)
    space.release(first)
    assert [str(second.subnet), *subnets(space, 1)] == ["172.18.0.0/16", "172.19.0.0/16"]


def test_the_search_wraps_around_to_what_was_freed() -> None:
    space = AddressSpace([prefix("10.1.0.0/24"), prefix("10.2.0.0/24")])
    first = space.request_default(nobody)
    space.request_default(nobody)
    space.release(first)
    assert subnets(space, 1) == ["10.1.0.0/24"]
    with pytest.raises(DockerError, match="could not find an available, non-overlapping IPv4 address pool among the defaults"):
        space.request_default(nobody)


def test_pools_that_the_host_uses_are_passed_over() -> None:
    assert str(AddressSpace().request_default(lambda subnet: subnet.contains(ip("172.17.3.4"))).subnet) == "172.18.0.0/16"


def test_a_named_subnet_must_not_overlap_another_pool() -> None:
    space = AddressSpace()
    space.request(prefix("172.18.0.0/16"))
    with pytest.raises(DockerError, match="Pool overlaps with other one on this address space"):
        space.request(prefix("172.18.5.0/24"))
    assert subnets(space, 2) == ["172.17.0.0/16", "172.19.0.0/16"]


def test_addresses_are_the_lowest_free_and_come_back_at_once() -> None:
    pool = Pool(prefix("10.0.0.0/29"))
    given = [ip_text(pool.allocate()) for _ in range(4)]
    assert given == ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"]
    pool.release(ip("10.0.0.2"))
    assert [ip_text(pool.allocate()) for _ in range(2)] == ["10.0.0.2", "10.0.0.5"]


def test_a_pool_runs_out_before_its_broadcast_address() -> None:
    pool = Pool(prefix("10.0.0.0/30"))
    pool.allocate()
    pool.allocate()
    with pytest.raises(DockerError, match="No available addresses on this pool"):
        pool.allocate()


def test_a_range_begins_with_its_first_address_and_named_ones_may_lie_outside() -> None:
    pool = Pool(prefix("172.28.0.0/16"), prefix("172.28.5.0/24"))
    assert ip_text(pool.allocate()) == "172.28.5.0"
    assert ip_text(pool.reserve(ip("172.28.9.9"))) == "172.28.9.9"
    with pytest.raises(DockerError, match="Address already in use"):
        pool.reserve(ip("172.28.9.9"))
    with pytest.raises(DockerError, match="Requested address is out of range"):
        pool.reserve(ip("172.29.0.1"))


def test_serial_pools_go_on_behind_the_last_address_and_round():
    pool = Pool(prefix("10.0.0.0/29"), serial=True)
    first = pool.allocate()
    pool.release(first)
    assert [ip_text(pool.allocate()) for _ in range(5)] == [f"10.0.0.{last}" for last in (2, 3, 4, 5, 6)]
    assert ip_text(pool.allocate()) == "10.0.0.1"
    with pytest.raises(DockerError, match="No available addresses"):
        pool.allocate()


def test_pieces_are_cut_when_they_are_asked_for():
    pieces = Pieces((prefix("10.0.0.0/8"), prefix("172.16.0.0/30")), 24 + 6)
    assert (str(pieces[1]), str(pieces[-1 + len(pieces)]), len(pieces)) == ("10.0.0.4/30", "172.16.0.0/30", (1 << 22) + 1)
