"""Whose programs a place has: a distribution's (iputils, iproute2, GNU) on hosts and in big images, busybox's in the other containers.

The small images that people network with (busybox, alpine and what is built on them) have busybox; an image that nothing is known of is
taken for one of those.
"""

from __future__ import annotations

from emu.process import Place

DISTRIBUTIONS = frozenset({
    "almalinux", "amazonlinux", "archlinux", "centos", "debian", "fedora", "kalilinux", "nicolaka/netshoot", "opensuse", "oraclelinux",
    "praqma/network-multitool", "rockylinux", "ubuntu",
})  # fmt: skip


def has_busybox(place: Place) -> bool:
    if place.container is None:
        return False
    name = str(place.container.image.name).partition("@")[0]
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        repository = name
    return repository.removeprefix("docker.io/").removeprefix("library/") not in DISTRIBUTIONS
