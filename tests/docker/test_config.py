from __future__ import annotations

from dataclasses import dataclass

import pytest

from emu.docker.config import DaemonConfig
from emu.errors import EmuError


def test_keys_are_those_of_daemon_json_and_others_than_the_network_s_are_ignored() -> None:
    config = DaemonConfig.from_keys({"userland-proxy": False, "mtu": 1400, "log-driver": "json-file", "ipv6": False})
    assert (config.userland_proxy, config.mtu, config.icc) == (False, 1400, True)


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"userland_proxy": True}, "directives don't match any configuration option: userland_proxy, did you mean 'userland-proxy'?"),
        ({"icc": "no"}, "docker: icc: 'no' is not a bool"),
        ({"ipv6": True}, "docker: 'ipv6' is not modelled"),
        ({"bridge": "br0"}, "docker: bridge: 'br0' is not modelled"),
        ({"bip": "172.17.0.1"}, "docker: bip: "),
        ({"default-address-pools": [{"base": "10.0.0.0/24", "size": 16}]}, "size 16 does not fit in 10.0.0.0/24"),
    ],
)
def test_wrong_keys_and_values_are_refused_by_name(keys: dict[str, object], wrong: str) -> None:
    with pytest.raises(EmuError) as caught:
        DaemonConfig.from_keys(keys)
    assert wrong in str(caught.value)


def test_address_pools_are_cut_from_their_bases() -> None:
    config = DaemonConfig.from_keys({"default-address-pools": [{"base": "10.10.0.0/23", "size": 24}]})
    assert [str(pool) for pool in config.default_pools] == ["10.10.0.0/24", "10.10.1.0/24"]


def test_a_dataclass_with_the_same_names_will_do() -> None:
    @dataclass
    class Spec:
        userland_proxy: bool = False
        bip: str | None = None
        default_address_pools: tuple[tuple[str, int], ...] = (("10.10.0.0/23", 24),)
        source: str = "lab.yaml:3"

    config = DaemonConfig.from_spec(Spec())
    assert (config.userland_proxy, config.bip, len(config.default_pools)) == (False, "", 2)
