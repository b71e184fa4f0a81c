"""Namespaces of `ip netns` as places of a topology: steps run in them, and their interfaces are captured."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu import EmuError, load_topology, run

TWO = """\
name: two
hosts: { one: {} }
setup:
  - one$ ip netns add blue; ip netns add red
  - one$ ip link add b netns blue type veth peer name r netns red
steps:
  - one/netns/blue$ ip addr add 10.0.0.1/24 dev b; ip link set b up
  - one/netns/red$ ip addr add 10.0.0.2/24 dev r; ip link set r up
  - { on: one/netns/blue, run: ping -c 1 10.0.0.2, expect: { exit: 0 } }
"""


def test_steps_run_in_named_namespaces_and_captures_are_named_after_them(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(TWO)
    result = run(load_topology(tmp_path / "two.yaml"), tmp_path / "out")
    assert result.ok
    assert (tmp_path / "out" / "captures" / "one.netns.blue.b.pcap").stat().st_size > 24


def test_a_namespace_that_no_step_makes_is_named(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(TWO.replace("blue$", "green$"))
    with pytest.raises(EmuError, match="no step before says `ip netns add green` on one"):
        load_topology(tmp_path / "two.yaml")
