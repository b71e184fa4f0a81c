"""-m recent: what `ufw limit` and home-made brute-force guards are made of."""

import pytest

from emu.netfilter.words import IptablesError

CLIENT, OTHER, HOST = "192.168.50.20", "192.168.50.21", "192.168.50.10"
NEW = "-A INPUT -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW"
GUARD = (f"{NEW} -m recent --set", f"{NEW} -m recent --update --seconds 30 --hitcount 6 -j DROP")  # as ufw writes `limit 22/tcp`


def ping(router, source=CLIENT, target=HOST, ttl=64):
    datagram = router.ping(source, target, 1)
    datagram.wire = datagram.wire[:8] + bytes([ttl]) + datagram.wire[9:]
    return router.pass_hooks(datagram, "eth0", None)


def guarded(router, source=CLIENT, port=[1000]):  # noqa: B006 - a new port for each
    port[0] += 1
    return router.pass_hooks(router.tcp((source, port[0]), (HOST, 22), 2), "eth0", None)


def test_the_sixth_try_in_half_a_minute_is_dropped_and_each_further_one_prolongs_it(router):
    router.iptables(*GUARD)
    assert [guarded(router) for _ in range(7)] == [True] * 5 + [False] * 2
    assert guarded(router, OTHER)
    router.wait(29)
    assert not guarded(router)
    router.wait(31)
    assert [guarded(router) for _ in range(6)] == [True] * 5 + [False]


def test_a_knock_opens_the_door_and_another_closes_it(router):
    router.iptables(
        "-A INPUT -m recent --rcheck --seconds 10 --name in -j ACCEPT",
        "-A INPUT -p udp --dport 7 -m recent --set --name in",
        "-P INPUT DROP",
    )
    assert not ping(router)
    router.pass_hooks(router.udp((CLIENT, 5), (HOST, 7)), "eth0", None)
    assert (ping(router), ping(router, OTHER)) == (True, False)
    router.wait(8)
    assert ping(router)
    router.wait(8)  # a check does not prolong it
    assert not ping(router)
    router.iptables("-I INPUT -m recent --remove --name in")
    router.pass_hooks(router.udp((CLIENT, 5), (HOST, 7)), "eth0", None)
    assert not ping(router)


def test_a_mask_makes_one_of_a_subnet_and_rdest_looks_at_the_other_end(router):
    router.iptables(
        "-A INPUT -m recent ! --rcheck --name net --mask 255.255.255.0 -m recent --set --name net --mask 255.255.255.0 -j DROP",
        "-A INPUT -d 172.17.0.1 -m recent --rcheck --name to --rdest -j DROP",
        "-A INPUT -d 172.17.0.1 -m recent --set --name to --rdest",
    )
    assert [ping(router), ping(router, OTHER)] == [False, True]
    assert [ping(router, target="172.17.0.1"), ping(router, OTHER, target="172.17.0.1")] == [True, False]


def test_rttl_tells_a_forger_by_the_ttl(router):
    router.iptables("-A INPUT -m recent --rcheck --rttl --name t -j DROP", "-A INPUT -m recent --set --name t")
    assert [ping(router, ttl=64), ping(router, ttl=60), ping(router, ttl=60)] == [True, True, False]


def test_the_hundred_and_first_address_pushes_out_the_oldest(router):
    router.iptables("-A INPUT -m recent --rcheck -j DROP", "-A INPUT -m recent --set")
    assert all(ping(router, f"10.0.0.{n}") for n in range(101))
    assert [ping(router, "10.0.0.1"), ping(router, "10.0.0.0")] == [False, True]


def test_a_list_goes_with_its_last_rule(router):
    router.iptables("-A INPUT -m recent --set --name a")
    ping(router)
    router.iptables("-F INPUT", "-A INPUT -m recent --rcheck --name a -j DROP")
    assert ping(router)


@pytest.mark.parametrize(
    ("typed", "saved", "listed"),
    [
        ("--set --name x", "--set --name x --mask 255.255.255.255 --rsource", "recent: SET name: x side: source mask: 255.255.255.255"),
        (
            "--rcheck --rdest --mask 255.255.255.0 --rttl --hitcount 6 --seconds 30",
            "--rcheck --seconds 30 --hitcount 6 --rttl --name DEFAULT --mask 255.255.255.0 --rdest",
            "recent: CHECK seconds: 30 hit_count: 6 TTL-Match name: DEFAULT side: dest mask: 255.255.255.0",
        ),
        (
            "! --update --seconds 5 --reap",
            "! --update --seconds 5 --reap --name DEFAULT --mask 255.255.255.255 --rsource",
            "! recent: UPDATE seconds: 5 reap name: DEFAULT side: source mask: 255.255.255.255",
        ),
    ],
)
def test_it_is_printed_as_iptables_prints_it(router, typed, saved, listed):
    router.iptables(f"-A INPUT -m recent {typed}")
    assert f"-A INPUT -m recent {saved}\n" in router.iptables("-S INPUT")
    assert router.iptables("-nL INPUT").endswith(f" {listed}\n")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--name q", "recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'"),
        ("--set --update", 'recent: option "--set" cannot be used together with "--update".'),
        ("--set --rttl", 'recent: option "--rttl" cannot be used together with "--set".'),
        ("--rcheck --reap", 'recent: option "--reap" also requires "--seconds".'),
        ("--rcheck --seconds 0", 'recent: bad value for option "--seconds", or out of range (1-4294967295).'),
        ("--set --seconds 5", " RULE_APPEND failed (Invalid argument): rule in chain INPUT"),
        ("--remove --hitcount 2", " RULE_APPEND failed (Invalid argument): rule in chain INPUT"),
    ],
)
def test_what_iptables_or_the_kernel_refuses_is_refused_in_their_words(router, typed, said):
    with pytest.raises(IptablesError) as caught:
        router.iptables(f"-A INPUT -m recent {typed}")
    assert said in str(caught.value)
