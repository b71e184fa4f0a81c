"""TCP over real namespaces: routes, neighbours, loopback, firewalls' refusals."""

from __future__ import annotations

import errno

import pytest

from emu.engine import SECOND, Engine
from tests.netns.tcp_wire import read_all
from tests.wires import address, namespace, veth


class Neighbours:
    """`left` 10.0.0.1 and `right` 10.0.0.2 on a veth pair."""

    def __init__(self):
        self.engine = Engine(1)
        self.engine.time_limit_ns = 600 * SECOND
        self.left, self.right = namespace(self.engine, "left"), namespace(self.engine, "right")
        self.ends = veth(self.left, "eth0", self.right, "eth0")
        address(self.left, "eth0", "10.0.0.1/24")
        address(self.right, "eth0", "10.0.0.2/24")

    def run(self, story):
        task = self.engine.spawn(story)
        self.engine.run(until=task)
        return task.result()

    async def carry(self, source, target, to, data):
        """Send `data` to a listener of `target`; what arrived."""
        listener = target.tcp.listen(("0.0.0.0", 80))
        client = await source.tcp.connect((to, 80))
        server = await listener.accept()
        reading = self.engine.spawn(read_all(server))
        await client.send(data)
        client.close()
        got = await reading
        server.close()
        listener.close()
        return got


def test_data_arrives_over_a_veth_pair_and_over_loopback():
    lab = Neighbours()
    data = lab.engine.stream("data").randbytes(1_000_000)
    assert lab.run(lab.carry(lab.left, lab.right, "10.0.0.2", data)) == data
    assert lab.run(lab.carry(lab.left, lab.left, "127.0.0.1", data)) == data
    assert lab.run(lab.carry(lab.left, lab.left, "10.0.0.1", data)) == data


def test_closed_port_is_refused():
    lab = Neighbours()
    with pytest.raises(ConnectionRefusedError):
        lab.run(lab.left.tcp.connect(("10.0.0.2", 81)))


def test_silent_neighbour_makes_the_host_unreachable_after_three_seconds():
    lab = Neighbours()
    with pytest.raises(OSError, match="No route to host") as caught:
        lab.run(lab.left.tcp.connect(("10.0.0.99", 80)))
    assert caught.value.errno == errno.EHOSTUNREACH
    assert round(lab.engine.now / SECOND) == 3


def test_no_route_makes_the_network_unreachable_at_once():
    lab = Neighbours()
    with pytest.raises(OSError, match="Network is unreachable"):
        lab.run(lab.left.tcp.connect(("192.0.2.1", 80)))
    assert lab.engine.now == 0


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ("-A INPUT -p tcp --dport 80 -j REJECT", ConnectionRefusedError),
        ("-A INPUT -p tcp --dport 80 -j REJECT --reject-with tcp-reset", ConnectionRefusedError),
        ("-A INPUT -p tcp --dport 80 -j REJECT --reject-with icmp-host-unreachable", OSError),
        ("-A INPUT -p tcp --dport 80 -j DROP", TimeoutError),
    ],
)
def test_firewall_decides_how_a_connection_attempt_ends(rule, error):
    lab = Neighbours()
    lab.right.iptables(rule)
    with pytest.raises(error):
        lab.run(lab.left.tcp.connect(("10.0.0.2", 80), timeout=5))


def test_transfer_goes_on_after_the_link_was_down():
    lab = Neighbours()
    data = lab.engine.stream("data").randbytes(3_000_000)

    async def story():
        carrying = lab.engine.spawn(lab.carry(lab.left, lab.right, "10.0.0.2", data))
        await lab.engine.sleep(SECOND // 1000)
        lab.ends[1].set_up(False)
        await lab.engine.sleep(5 * SECOND)
        lab.ends[1].set_up(True)
        return await carrying

    assert lab.run(story()) == data
    assert lab.engine.now < 60 * SECOND


def test_progress_confirms_the_neighbour():
    lab = Neighbours()
    lab.run(lab.carry(lab.left, lab.right, "10.0.0.2", b"x" * 1000))
    entries = list(lab.left.neighbours.entries.values())
    assert [entry.confirmed_ns > 0 for entry in entries] == [True]


def test_an_error_that_comes_back_within_connect_counts_only_when_the_second_syn_brings_it_again():
    lab = Neighbours()
    lab.right.iptables("-A INPUT -p tcp --dport 80 -j REJECT --reject-with icmp-host-prohibited")
    with pytest.raises(OSError, match="No route to host"):
        lab.run(lab.left.tcp.connect(("10.0.0.2", 80)))
    assert round(lab.engine.now / SECOND, 2) == 1


def test_an_error_that_takes_longer_than_connect_ends_the_attempt():
    lab = Neighbours()
    lab.right.iptables("-A INPUT -p tcp --dport 80 -j REJECT --reject-with icmp-host-prohibited")
    lab.ends[1].set_up(False)
    lab.engine.call_later(SECOND // 2, lab.ends[1].set_up, True)  # the neighbour hears the second request for its address
    with pytest.raises(OSError, match="No route to host"):
        lab.run(lab.left.tcp.connect(("10.0.0.2", 80)))
    assert lab.engine.now < 2 * SECOND


def test_a_program_that_asks_for_errors_itself_hears_of_a_soft_one_at_once():
    lab = Neighbours()
    lab.right.iptables("-A INPUT -p tcp --dport 80 -j REJECT --reject-with icmp-host-prohibited")
    with pytest.raises(OSError, match="No route to host"):
        lab.run(lab.left.tcp.connect(("10.0.0.2", 80), polling=True))
    assert lab.engine.now < SECOND // 1000
