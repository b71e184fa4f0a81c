"""The expected texts were printed by ethtool 6.1 on Linux 6.18."""

from __future__ import annotations

from tests.programs.machines import Machines


def test_a_veth_tells_the_number_of_its_peer() -> None:
    machines = Machines()
    machines.output("a", "ip link add v1 type veth peer name v2; ip link set v1 up; ip link set v2 up")
    number = machines.output("a", "ip -o link show v2").partition(":")[0]
    assert machines.output("a", "ethtool -S v1").startswith(
        f"NIC statistics:\n     peer_ifindex: {number}\n     rx_queue_0_xdp_packets: 0\n"
    )
    assert machines.output("a", "ethtool v1").endswith("\tMDI-X: Unknown\n\tLink detected: yes\n")
    assert machines.output("a", "ethtool -i v1").startswith("driver: veth\nversion: 1.0\nfirmware-version: \n")


def test_what_has_no_statistics_says_so() -> None:
    machines = Machines()
    assert machines.refusal("a", "ethtool -S lo") == (94, "no stats available\n")
    assert machines.refusal("a", "ethtool -i lo") == (71, "Cannot get driver information: Operation not supported\n")
    assert machines.output("a", "ethtool lo") == "Settings for lo:\n\tLink detected: yes\n"
    assert machines.refusal("a", "ethtool") == (1, "ethtool: bad command line argument(s)\nFor more information run ethtool -h\n")
    assert machines.refusal("a", "ethtool -k eth0") == (1, "ethtool: '-k' is not modelled\n")
