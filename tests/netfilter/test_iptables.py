"""iptables' text: what goes in comes out as iptables 1.8.9 prints it."""

from pathlib import Path

import pytest

from emu.engine import Engine
from emu.netfilter.iptables import execute
from emu.netfilter.netfilter import Netfilter
from emu.netfilter.words import IptablesError

DATA = Path(__file__).parent / "data"
STAGE_1, STAGE_2 = "DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2"


@pytest.fixture
def netfilter():
    return Netfilter(Engine(1), "h1")


def docker_starts(netfilter):
    for command in (
        "-t nat -N DOCKER", "-N DOCKER", f"-N {STAGE_1}", f"-N {STAGE_2}", f"-A {STAGE_1} -j RETURN", f"-A {STAGE_2} -j RETURN",
        "-P FORWARD DROP",
    ):  # fmt: skip
        netfilter.command(command)


def docker_adds_bridge(netfilter, bridge, subnet, *, proxy=True, icc=True, first=False):
    commands = [f"-t nat -I POSTROUTING -s {subnet} ! -o {bridge} -j MASQUERADE"]
    if proxy:
        commands.append(f"-t nat -I DOCKER -i {bridge} -j RETURN")
    else:
        commands.append(f"-t nat -I POSTROUTING -m addrtype --src-type LOCAL -o {bridge} -j MASQUERADE")
    commands.append(f"-I FORWARD -i {bridge} -o {bridge} -j ACCEPT" if icc else f"-A FORWARD -i {bridge} -o {bridge} -j DROP")
    commands.append(f"-I FORWARD -i {bridge} ! -o {bridge} -j ACCEPT")
    if first:
        commands.append("-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER")
        commands.append("-t nat -A OUTPUT -m addrtype --dst-type LOCAL -j DOCKER" + (" ! --dst 127.0.0.0/8" if proxy else ""))
    commands += [f"-I FORWARD -o {bridge} -j DOCKER", f"-I FORWARD -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]
    for chain, rule in (("FORWARD", f"-j {STAGE_1}"), ("FORWARD", "-j DOCKER-USER")):
        if chain == "FORWARD" and rule.endswith("USER") and first:
            commands += ["-N DOCKER-USER", "-A DOCKER-USER -j RETURN"]
        if not first:
            commands.append(f"-D {chain} {rule}")
        commands.append(f"-I {chain} {rule}")
    commands += [f"-I {STAGE_1} -i {bridge} ! -o {bridge} -j {STAGE_2}", f"-I {STAGE_2} -o {bridge} -j DROP"]
    for command in commands:
        netfilter.command(command)


def docker_publishes(netfilter, bridge, container, *, proxy=True):
    not_bridge = f" ! -i {bridge}" if proxy else ""
    for command in (
        f"-t nat -A DOCKER -p tcp -d 0/0 --dport 8080 -j DNAT --to-destination {container}:80{not_bridge}",
        f"-A DOCKER ! -i {bridge} -o {bridge} -p tcp -d {container} --dport 80 -j ACCEPT",
        f"-t nat -A POSTROUTING -p tcp -s {container} -d {container} --dport 80 -j MASQUERADE",
    ):
        netfilter.command(command)


def recorded(name):
    return (DATA / f"{name}.iptables-save").read_text()


def test_docker_publishing_a_port_saves_as_recorded(netfilter):
    docker_starts(netfilter)
    docker_adds_bridge(netfilter, "docker0", "172.17.0.0/16", first=True)
    docker_publishes(netfilter, "docker0", "172.17.0.2")
    assert netfilter.save() == recorded("publish-dnat")


def test_docker_without_userland_proxy_saves_as_recorded(netfilter):
    docker_starts(netfilter)
    docker_adds_bridge(netfilter, "docker0", "172.17.0.0/16", proxy=False, first=True)
    docker_publishes(netfilter, "docker0", "172.17.0.2", proxy=False)
    assert netfilter.save() == recorded("publish-no-userland-proxy")


def test_docker_with_three_bridges_saves_as_recorded(netfilter):
    docker_starts(netfilter)
    docker_adds_bridge(netfilter, "docker0", "172.17.0.0/16", first=True)
    docker_adds_bridge(netfilter, "br-04709f80cafe", "172.18.0.0/16")
    docker_adds_bridge(netfilter, "br-52e6415b66f7", "172.19.0.0/16")
    docker_publishes(netfilter, "br-52e6415b66f7", "172.19.0.2")
    assert netfilter.save() == recorded("isolation")


def test_docker_without_inter_container_communication_saves_as_recorded(netfilter):
    docker_starts(netfilter)
    docker_adds_bridge(netfilter, "docker0", "172.17.0.0/16", first=True)
    docker_adds_bridge(netfilter, "br-7976627cea55", "172.18.0.0/16", icc=False)
    docker_publishes(netfilter, "br-7976627cea55", "172.18.0.3")
    assert netfilter.save() == recorded("icc-false")


@pytest.mark.parametrize("path", sorted(DATA.glob("*.iptables-save")), ids=lambda path: path.stem)
def test_what_is_restored_is_saved_again(netfilter, path):
    text = path.read_text()
    netfilter.restore(text, counters=True)
    assert netfilter.save(counters=text.find("\n[") > 0) == text


def test_restoring_with_an_error_changes_nothing(netfilter):
    netfilter.command("-A INPUT -s 10.0.0.1 -j DROP")
    before = netfilter.save()
    with pytest.raises(IptablesError, match="Error occurred at line: 3"):
        netfilter.restore("*filter\n-A INPUT -j ACCEPT\n-A INPUT --frob\nCOMMIT\n")
    assert netfilter.save() == before


def test_restoring_without_flush_keeps_the_rules(netfilter):
    netfilter.command("-A INPUT -s 10.0.0.1 -j DROP")
    netfilter.restore("*filter\n-A INPUT -j ACCEPT\nCOMMIT\n", noflush=True)
    assert netfilter.command("-S INPUT") == "-P INPUT ACCEPT\n-A INPUT -s 10.0.0.1/32 -j DROP\n-A INPUT -j ACCEPT\n"


def dialogue(path):
    """`$ iptables ARGUMENTS` and what real iptables 1.8.9 printed, `=> STATUS` at the end if that was not 0."""
    for part in path.read_text().split("$ iptables ")[1:]:
        command, _, answer = part.partition("\n")
        yield command, answer


@pytest.mark.parametrize("path", sorted(DATA.glob("dialogue*.txt")), ids=lambda path: path.stem)
def test_a_long_dialogue_is_as_with_the_real_program(netfilter, path):
    for command, answer in dialogue(path):
        try:
            said = netfilter.command(command)
        except IptablesError as error:
            said = f"{error}\n=> {error.status}\n"
        assert said == answer, command


@pytest.mark.parametrize(
    ("command", "status", "text"),
    [
        ("-A INPUT -m nope -j ACCEPT", 2, "Couldn't load match `nope'"),
        ("-A INPUT -p tcp --frobnicate 1", 2, 'unknown option "--frobnicate"'),
        ("-A INPUT -p tcp --dport 70000 -j ACCEPT", 2, "`70000'"),
        ("-A NOPE -j ACCEPT", 1, "No chain/target/match by that name"),
        ("-D INPUT -j ACCEPT", 1, "Bad rule"),
        ("-N a -j", 2, '"-j" requires an argument'),
        ("-t security -L", 3, "'security' does not exist"),
        ("-t nat -A POSTROUTING -j DROP", 2, '"nat" table is not intended for filtering'),
        ("-A INPUT -j CT --notrack", 4, "Invalid argument"),
        ("-t raw -A PREROUTING -j CT --helper ftp", 2, '"--helper"'),
        ("-A INPUT -m comment --comment 'unclosed", 2, "No closing quotation"),
    ],
)
def test_what_is_wrong_is_named(netfilter, command, status, text):
    with pytest.raises(IptablesError) as raised:
        netfilter.command(command)
    assert raised.value.status == status
    assert text in str(raised.value)


def test_counters_are_shown_and_zeroed(router):
    router.iptables("-A FORWARD -p udp -j ACCEPT", "-P FORWARD DROP")
    datagram = router.udp(("10.0.0.1", 5), ("10.0.0.2", 6), b"12345678")
    assert router.pass_hooks(datagram, "eth0", "docker0")
    listed = router.iptables("-L FORWARD -n -v")
    assert "    1    36 ACCEPT     17   --  *      *       0.0.0.0/0            0.0.0.0/0           \n" in listed
    assert router.netfilter.save(counters=True).splitlines()[4] == "[1:36] -A FORWARD -p udp -j ACCEPT"
    router.iptables("-Z")
    assert "[0:0] -A FORWARD" in router.netfilter.save(counters=True)


def test_a_restore_that_goes_wrong_at_its_end_has_changed_nothing(router):
    router.iptables("-N one", "-A FORWARD -j one", "-A one -p udp -j ACCEPT")
    router.pass_hooks(router.udp(("10.0.0.1", 5), ("10.0.0.2", 6)), "eth0", "docker0")
    before = router.netfilter.save(counters=True)
    with pytest.raises(IptablesError, match="line 4 failed"):
        router.netfilter.restore("*filter\n-Z FORWARD\n-E one two\nnonsense\nCOMMIT\n", noflush=True)
    assert router.netfilter.save(counters=True) == before


def test_rules_that_a_restore_keeps_remember_what_they_have_counted(router):
    router.iptables("-A FORWARD -m limit --limit 1/hour --limit-burst 1 -j ACCEPT", "-P FORWARD DROP")
    passed = [router.pass_hooks(router.udp(("10.0.0.1", 5), ("10.0.0.2", 6)), "eth0", "docker0")]
    router.netfilter.restore("*filter\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n", noflush=True)
    passed.append(router.pass_hooks(router.udp(("10.0.0.1", 5), ("10.0.0.2", 6)), "eth0", "docker0"))
    assert passed == [True, False]


def test_of_several_rules_to_delete_all_are_there_or_none_goes(netfilter):
    netfilter.command("-A INPUT -s 10.0.0.1,10.0.0.2 -j DROP")
    with pytest.raises(IptablesError, match="Bad rule"):
        netfilter.command("-D INPUT -s 10.0.0.1,10.0.0.1 -j DROP")
    assert netfilter.save().count("-A INPUT") == 2
    netfilter.command("-D INPUT -s 10.0.0.1,10.0.0.2 -j DROP")
    assert netfilter.save().count("-A INPUT") == 0


def test_a_chain_in_use_is_not_deleted(netfilter):
    netfilter.command("-N web")
    netfilter.command("-A INPUT -j web")
    with pytest.raises(IptablesError, match="Device or resource busy"):
        netfilter.command("-X web")
    netfilter.command("-F INPUT")
    netfilter.command("-X web")
    assert "web" not in netfilter.save()


@pytest.mark.parametrize("words", ["-m owner --uid-owner 0 -j DROP", "-j TPROXY --on-port 80"])
def test_what_iptables_has_and_emu_does_not_is_refused_by_name(words: str) -> None:
    name = words.split()[1]
    with pytest.raises(IptablesError, match=f"'{name}' is not modelled"):
        Netfilter(Engine(), "n").command(f"-A FORWARD {words}")


def test_a_command_may_end_a_row_of_options(netfilter):
    execute(netfilter, "-A INPUT -p tcp --dport 80 -j ACCEPT")
    assert execute(netfilter, "-vnL INPUT --line-numbers") == execute(netfilter, "-L INPUT -v -n --line-numbers")
    assert execute(netfilter, "-vS INPUT") == execute(netfilter, "-S INPUT -v")
