"""Rules in an imported lab: those of the dump, and what is said of those that are not."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from emu.cli import main
from emu.errors import EmuError
from tests.importer.folders import ADDR, RULES, emu, folder, imported, lab_of, tables, told


def test_a_rule_that_is_not_modelled_keeps_its_place_and_is_named_with_its_line(tmp_path):
    result = imported(tmp_path / "rules", {"ip-addr": ADDR, "iptables-save": RULES})
    assert any(line.startswith("iptables-save:6: match 'time' is not modelled: -A INPUT -p tcp") for line in told(result))
    with lab_of(result, tmp_path) as lab:
        first, second = tables(lab.run("host", "iptables-save").stdout)["*filter"][-2:]
        assert first.startswith('-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "not modelled: -A INPUT')
        assert "-j ACCEPT" not in first.partition('"')[0]
        assert second == "-A INPUT -p icmp -j ACCEPT"


def test_a_rule_to_a_chain_that_is_not_there_keeps_its_place_too(tmp_path):
    rules = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -i eth0 -j NOWHERE\n-A INPUT -p icmp -j ACCEPT\n-A NOSUCH -j DROP\nCOMMIT\n"
    result = imported(tmp_path / "rules", {"ip-addr": ADDR, "iptables-save": rules})
    assert sum(line.startswith("iptables-save:3: Chain 'NOWHERE' does not exist") for line in told(result)) == 1
    assert any(line.startswith("iptables-save:5: ") for line in told(result))
    with lab_of(result, tmp_path) as lab:
        shown = [line for line in lab.run("host", "iptables-save").stdout.splitlines() if line.startswith("-A")]
        assert shown[0] == '-A INPUT -m comment --comment "not modelled: -A INPUT -i eth0 -j NOWHERE"'
        assert shown[1:] == ["-A INPUT -p icmp -j ACCEPT"]


@pytest.mark.parametrize("policy", ["DROP", "ACCEPT"])
def test_a_trace_that_meets_a_rule_that_is_not_modelled_says_so(policy, tmp_path):
    output = tmp_path / "topology.yaml"
    emu(folder(tmp_path / "rules", {"ip-addr": ADDR, "iptables-save": RULES.replace(":INPUT DROP", f":INPUT {policy}")}), "-o", output)
    traced = CliRunner().invoke(main, ["trace", str(output), "client", "host:22"]).stdout
    assert "note: filter INPUT #1 may have decided this" in traced
    assert "--timestart 08:00" in traced
    other = CliRunner().invoke(main, ["trace", str(output), "client", "host:23"]).stdout
    assert "may have decided" not in other


def test_forwarding_that_no_file_tells_of_is_said_to_be_off(tmp_path):
    (tmp_path / "iptables-save.txt").write_text("*filter\n:FORWARD DROP [0:0]\n-A FORWARD -p tcp -j ACCEPT\nCOMMIT\n")
    said = "sysctl: is not there: net.ipv4.ip_forward is taken as 0"
    assert said in emu(tmp_path, "-o", tmp_path.parent / f"{tmp_path.name}.yaml").output
    (tmp_path / "sysctl.txt").write_text("net.ipv4.ip_forward = 1\n")
    assert said not in emu(tmp_path, "-o", tmp_path.parent / f"{tmp_path.name}.yaml").output


def test_a_table_that_is_not_modelled_is_named(tmp_path):
    text = RULES.replace(" -m time --timestart 08:00", "") + "*security\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n"
    result = imported(tmp_path / "rules", {"ip-addr": ADDR, "iptables-save": text})
    assert "iptables-save:9: the table 'security' is not modelled, with all its rules" in told(result)


def test_rules_of_ipv6_are_counted(tmp_path):
    result = imported(tmp_path / "six", {"ip-addr": ADDR, "ip6tables-save": RULES})
    assert "ip6tables-save:6: 2 rules of IPv6, which is not modelled" in told(result)


LISTED = (
    "-P INPUT DROP{}\n-P FORWARD ACCEPT{}\n-P OUTPUT ACCEPT{}\n-N ssh\n-A INPUT -p tcp -m tcp --dport 22{} -j ssh\n-A ssh{} -j ACCEPT\n"
)


@pytest.mark.parametrize("counters", ["", " -c 5 300"])
def test_the_rules_that_iptables_lists_are_taken_too(counters, tmp_path):
    result = imported(tmp_path / "listed", {"ip-addr": ADDR, "iptables-save": LISTED.replace("{}", counters)})
    assert "iptables-save:1: is what `iptables -S` prints: taken for the table filter; no file tells of the others" in told(result)
    with lab_of(result, tmp_path) as lab:
        assert tables(lab.run("host", "iptables-save").stdout) == {
            "*filter": [
                ":INPUT DROP", ":FORWARD ACCEPT", ":OUTPUT ACCEPT", ":ssh -",
                "-A INPUT -p tcp -m tcp --dport 22 -j ssh", "-A ssh -j ACCEPT",
            ]
        }  # fmt: skip


def test_the_base_chains_of_a_listing_tell_the_table(tmp_path):
    chains = "".join(f"-P {chain} ACCEPT\n" for chain in ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"))
    with lab_of(imported(tmp_path / "nat", {"ip-addr": ADDR, "rules": f"{chains}-A POSTROUTING -j MASQUERADE\n"}), tmp_path) as lab:
        assert lab.run("host", "iptables -t nat -S POSTROUTING").stdout == "-P POSTROUTING ACCEPT\n-A POSTROUTING -j MASQUERADE\n"


def test_a_file_for_each_table_is_taken(tmp_path):
    nat = "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n-A POSTROUTING -j MASQUERADE\n"
    mangle = "*mangle\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n"
    files = {"ip-addr": ADDR, "a.txt": LISTED.replace("{}", ""), "b.txt": nat, "c.txt": mangle}
    with lab_of(imported(tmp_path / "three", files), tmp_path) as lab:
        found = tables(lab.run("host", "iptables-save").stdout)
    assert {table: sum(line.startswith("-A") for line in lines) for table, lines in found.items()} == {
        "*filter": 2,
        "*nat": 1,
        "*mangle": 1,
    }


def test_several_listings_in_one_file_are_refused_since_nobody_knows_which_table_is_which(tmp_path):
    with pytest.raises(EmuError, match=r"^rules:1: has several of iptables' tables and does not say which"):
        imported(tmp_path, {"ip-addr": ADDR, "rules": LISTED.replace("{}", "") + "-P OUTPUT ACCEPT\n-P PREROUTING ACCEPT\n"})


@pytest.mark.parametrize("length", range(1, len(RULES), 7))
def test_rules_that_are_cut_short_are_said_to_be_or_refused(length, tmp_path):
    text = RULES[:length]
    try:
        said = told(imported(tmp_path / "cut", {"ip-addr": ADDR, "iptables-save": text}))
    except EmuError as error:
        said = str(error).splitlines()
    only_comment = "\n*" not in text
    assert any(line.startswith("iptables-save") for line in said) != (not only_comment and text.rstrip().endswith("COMMIT"))


def test_rules_for_machines_of_whom_no_file_tells_are_told_of(tmp_path):
    dnat = "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80"
    rules = f"*nat\n{dnat}\n-A POSTROUTING -d 10.0.0.5/32 -j ACCEPT\nCOMMIT\n"
    bridge = (
        "3: docker0: <BROADCAST,MULTICAST,UP> mtu 1500\n    link/ether 52:54:00:12:34:57\n    inet 172.17.0.1/16 scope global docker0\n"
    )
    said = "iptables-save:2: rules name 172.17.0.2, of whom no file tells (`docker inspect` would): nobody is there to answer"
    assert said in told(imported(tmp_path / "devices", {"ip-addr": ADDR + bridge, "iptables-save": rules}))
    assert said in told(imported(tmp_path / "alone", {"iptables-save": rules}))


def test_what_the_programs_complained_of_on_the_host_is_told(tmp_path):
    harmless = "sysctl: permission denied on key 'a.b'\n# Warning: table ip nat is managed by iptables-nft, do not touch!\n"
    text = f"{harmless}bash: line 6: bridge: command not found\n"
    said = [line for line in told(imported(tmp_path, {"ip-addr": ADDR, "errors.log": text})) if line.startswith("errors")]
    assert said == ["errors.log:3: the host said: bash: line 6: bridge: command not found"]
