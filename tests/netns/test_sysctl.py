from __future__ import annotations

import pytest

from emu.netns.sysctl import FixedError, Sysctl


def test_a_dot_in_a_devices_name_is_a_slash_in_its_keys() -> None:
    sysctl = Sysctl()
    sysctl.add_device("flannel.1")
    sysctl.set("net.ipv4.conf.flannel/1.rp_filter", "2")
    assert "net.ipv4.conf.flannel/1.rp_filter" in sysctl.keys()  # noqa: SIM118 - not a dict
    assert sysctl.conf("flannel.1", "rp_filter") == 2
    sysctl.set("net.ipv4.conf.flannel/1.rp_filter", "1")
    assert sysctl.conf("flannel.1", "rp_filter") == 1


def test_what_has_no_effect_here_can_be_read_and_not_changed() -> None:
    sysctl = Sysctl()
    assert sysctl.get("net.ipv4.conf.all.arp_notify") == "0"
    sysctl.set("net.ipv4.conf.all.arp_notify", "0")
    with pytest.raises(FixedError, match="another value than 0 is not modelled"):
        sysctl.set("net.ipv4.conf.all.arp_notify", "1")
