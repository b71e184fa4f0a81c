"""Configurations: what is completed, what is refused and how."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emu.flannel import backends
from emu.flannel.config import ConfigError, Subnet, parse_config
from emu.packet.address import ip_text


def read(**keys: object) -> tuple[int, str, str, str]:
    config = parse_config(json.dumps(keys))
    return config.subnet_length, ip_text(config.minimum), ip_text(config.maximum), config.backend_type


def test_what_is_not_said_is_completed():
    assert read(Network="10.1.0.0/16") == (24, "10.1.1.0", "10.1.255.0", "udp")
    assert read(Network="10.1.0.0/24") == (26, "10.1.0.64", "10.1.0.192", "udp")
    assert read(Network="10.1.0.0/16", SubnetLen=20, Backend={"Type": "vxlan"}) == (20, "10.1.16.0", "10.1.240.0", "vxlan")
    assert read(Network="10.1.0.0/16", SubnetMin="10.1.10.0", SubnetMax="10.1.11.0") == (24, "10.1.10.0", "10.1.11.0", "udp")


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"Network": "10.1.0.0/29"}, "Network is too small. Minimum useful network prefix is /28"),
        ({"Network": "10.1.0.0/16", "SubnetLen": 31}, "SubnetLen must be less than /31"),
        ({"Network": "10.1.0.0/24", "SubnetLen": 25}, "Network must be able to accommodate at least four subnets"),
        ({"Network": "10.1.0.0/16", "SubnetMin": "10.2.0.0"}, "SubnetMin is not in the range of the Network"),
        ({"Network": "10.1.0.0/16", "SubnetMax": "10.1.3.7"}, "SubnetMax is not on a SubnetLen boundary: 10.1.3.7"),
        ({"Network": "here"}, "Network: "),
        ({"Network": "10.1.0.0/16", "SubnetLen": "24"}, "SubnetLen: '24' is not a number"),
        ({"Network": "10.1.0.0/16", "Backend": "vxlan"}, "Backend is not a JSON object"),
    ],
)
def test_what_cannot_be_used_is_named(keys, text):
    with pytest.raises(ConfigError) as refused:
        parse_config(json.dumps(keys))
    assert str(refused.value).startswith(text)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null"])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(ConfigError):
        parse_config(text)


def test_a_subnet_has_two_ways_of_being_written():
    subnet = Subnet.parse("10.1.15.0-24")
    assert (str(subnet), subnet.key, ip_text(subnet.first_host)) == ("10.1.15.0/24", "10.1.15.0-24", "10.1.15.1")
    for wrong in ("10.1.15.1/24", "10.1.15.0", "x-24", "10.1.15.0-33"):
        with pytest.raises(ValueError, match=r"."):
            Subnet.parse(wrong)


def test_the_back_ends_are_the_files_of_their_folder():
    files = {path.stem for path in Path(backends.__file__).parent.glob("*.py")} - {"__init__", "backend", "device"}  # what they share
    assert {each.__module__.rpartition(".")[2] for each in backends.BACKENDS.values()} == files
    assert {name.replace("-", "_") for name in backends.BACKENDS} == files
