"""Docker's built-in address management for one engine (libnetwork ipam/allocator.go, ipamutils, bitseq).

Subnets come from a rotating scan of the default list; addresses are the lowest free of their pool, and a released one is handed out again
at once. A swarm's pools are serial: the next address after the last one given, and round. Not modelled: other IPAM drivers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from emu.docker.errors import DockerError
from emu.packet import address
from emu.packet.address import Ip, from_number, ip_text, number

if TYPE_CHECKING:
    from collections.abc import Callable

POOL_OVERLAP = "Pool overlaps with other one on this address space"
ADDRESS_IN_USE = "Address already in use"
OUT_OF_RANGE = "Requested address is out of range"
NO_ADDRESS = "No available addresses on this pool"
NO_POOL = "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network"


@dataclass(frozen=True)
class Prefix:
    """A network: its first address and its length."""

    base: Ip
    length: int

    @classmethod
    def parse(cls, text: str) -> Prefix:
        """`10.1.1.7/24` as 10.1.1.0/24. Raises ValueError."""
        if "/" not in text:
            raise ValueError(f"{text!r} has no prefix length")
        ip, length = address.prefix(text)
        return cls(address.network(ip, length), length)

    @property
    def size(self) -> int:
        return 1 << 32 - self.length

    def contains(self, ip: bytes) -> bool:
        return address.network(ip, self.length) == self.base

    def overlaps(self, other: Prefix) -> bool:
        return self.contains(other.base) or other.contains(self.base)

    def ordinal(self, ip: bytes) -> int:
        return number(ip) - number(self.base)

    def nth(self, ordinal: int) -> Ip:
        return from_number(number(self.base) + ordinal)

    def cut(self, length: int) -> list[Prefix]:
        step = 1 << 32 - length
        return [Prefix(self.nth(start), length) for start in range(0, self.size, step)]

    def __str__(self) -> str:
        return f"{ip_text(self.base)}/{self.length}"


def _default_pools() -> list[Prefix]:
    sixteens = [Prefix(address.ip(f"172.{second}.0.0"), 16) for second in range(17, 32)]
    return sixteens + Prefix(address.ip("192.168.0.0"), 16).cut(20)


DEFAULT_POOLS = _default_pools()


class Pieces(Sequence[Prefix]):
    """Subnets of one length cut out of larger ones, in their order; none is made before it is asked for."""

    def __init__(self, bases: Sequence[Prefix], length: int) -> None:
        self.bases = tuple(bases)
        self.length = length

    def __len__(self) -> int:
        return sum(1 << self.length - base.length for base in self.bases)

    def __getitem__(self, index: Any) -> Any:
        for base in self.bases:
            count = 1 << self.length - base.length
            if index < count:
                return Prefix(base.nth(index << 32 - self.length), self.length)
            index -= count
        raise IndexError(index)


class Pool:
    """The addresses of one subnet; those handed out by themselves come from `range`, a part of it."""

    def __init__(self, subnet: Prefix, ip_range: Prefix | None = None, *, serial: bool = False) -> None:
        self.subnet = subnet
        self.range = ip_range
        self.used = {0, subnet.size - 1}  # network and broadcast address
        part = ip_range or subnet
        self._first = subnet.ordinal(part.base)
        self._last = self._first + part.size - 1
        self._serial = serial
        self._next = self._first  # without `serial` no address of the range below this is free

    def allocate(self) -> Ip:
        """The lowest free address, or if serial the next one. Raises DockerError."""
        before = range(self._first, self._next) if self._serial else ()
        for ordinal in chain(range(self._next, self._last + 1), before):
            if ordinal not in self.used:
                self.used.add(ordinal)
                self._next = ordinal + 1
                return self.subnet.nth(ordinal)
        raise DockerError(500, NO_ADDRESS)

    def reserve(self, ip: Ip) -> Ip:
        """This address; it may lie outside the range. Raises DockerError."""
        if not self.subnet.contains(ip):
            raise DockerError(400, OUT_OF_RANGE)
        ordinal = self.subnet.ordinal(ip)
        if ordinal in self.used:
            raise DockerError(403, ADDRESS_IN_USE)
        self.used.add(ordinal)
        return ip

    def release(self, ip: Ip) -> None:
        ordinal = self.subnet.ordinal(ip)
        self.used.discard(ordinal)
        if not self._serial and self._first <= ordinal < self._next:
            self._next = ordinal


class AddressSpace:
    """The pools of one engine, or (`serial`) of a swarm."""

    def __init__(self, defaults: Sequence[Prefix] = DEFAULT_POOLS, *, serial: bool = False) -> None:
        self.defaults = defaults
        self.serial = serial
        self.pools: list[Pool] = []
        self._next = 0  # where the next search for a default pool begins

    def request(self, subnet: Prefix, ip_range: Prefix | None = None) -> Pool:
        """A pool that the user named. One with a range is checked by its driver only, as in libnetwork. Raises DockerError."""
        if ip_range is None and any(pool.subnet.overlaps(subnet) for pool in self.pools):
            raise DockerError(403, POOL_OVERLAP)
        pool = Pool(subnet, ip_range, serial=self.serial)
        self.pools.append(pool)
        return pool

    def request_default(self, in_use: Callable[[Prefix], bool]) -> Pool:
        """The next default pool, from behind the last one taken, that is free here and that the host does not use (`in_use`)."""
        count = len(self.defaults)
        for offset in range(count):
            index = (self._next + offset) % count
            subnet = self.defaults[index]
            if not any(pool.subnet.overlaps(subnet) for pool in self.pools) and not in_use(subnet):
                self._next = (index + 1) % count
                return self.request(subnet)
        raise DockerError(400, NO_POOL)

    def first_default(self, in_use: Callable[[Prefix], bool]) -> Prefix:
        """docker0's subnet: the first of the list that the host does not use; the search index stays where it is."""
        for subnet in self.defaults:
            if not in_use(subnet):
                return subnet
        raise DockerError(500, NO_POOL)

    def release(self, pool: Pool) -> None:
        self.pools.remove(pool)
