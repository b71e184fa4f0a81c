"""etcdctl in the forms of both APIs: each line with what Debian's etcdctl 3.4.23 prints for it, and its exit status."""

from __future__ import annotations

import pytest

from emu.engine import SECOND, Engine
from emu.host import Host
from emu.process import Process
from emu.programs import find
from emu.store.store import Store


class Admin:
    """A host with a store."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.host = Host(self.engine, "h1", find)
        self.host.store = Store(self.engine)

    def start(self, line: str, api: str = "") -> Process:
        env = {**self.host.place.env, **({"ETCDCTL_API": api} if api else {})}
        return self.host.place.start(line.split(), env=env)

    def run(self, line: str, api: str = "") -> tuple[str, int | None]:
        process = self.start(line, api)
        self.engine.run(until=process.exited)
        return process.output, process.exit_status


V2 = [
    ("etcdctl --endpoints http://192.168.60.5:2379 set /a/b 1", "1\n", 0),
    ("etcdctl get /a/b", "1\n", 0),
    ("etcdctl get /a/x", "Error:  100: Key not found (/a/x)\n", 4),
    ("etcdctl ls /", "/a\n", 0),
    ("etcdctl ls -r /", "/a\n/a/b\n", 0),
    ("etcdctl ls /a", "/a/b\n", 0),
    ("etcdctl ls -p /", "/a/\n", 0),
    ("etcdctl ls /x", "Error:  100: Key not found (/x)\n", 4),
    ("etcdctl mk /a/b 2", "Error:  105: Key already exists (/a/b)\n", 4),
    ("etcdctl mk /a/c 2", "2\n", 0),
    ("etcdctl update /a/c 3", "3\n", 0),
    ("etcdctl update /a/z 3", "Error:  100: Key not found (/a/z)\n", 6),
    ("etcdctl rm /a/c", "PrevNode.Value: 3\n", 0),
    ("etcdctl rm /a", "Error:  102: Not a file (/a)\n", 7),
    ("etcdctl rm --recursive /a", "", 0),
    ("etcdctl rm /a", "Error:  100: Key not found (/a)\n", 8),
    ("etcdctl set /k", "Error:  value required\n", 1),
    ("etcdctl get", "Error:  key required\n", 1),
    ("etcdctl set --ttl 10 /t 5", "5\n", 0),
    ("etcdctl -o extended get /t", "Key: /t\nCreated-Index: 7\nModified-Index: 7\nTTL: 10\nIndex: 7\n\n5\n", 0),
    ("etcdctl foo", "No help topic for 'foo'\n", 3),
]

V3 = [
    ("etcdctl put /a/b 1", "OK\n", 0),
    ("etcdctl put /a/c hello", "OK\n", 0),
    ("etcdctl get /a/b", "/a/b\n1\n", 0),
    ("etcdctl get /a --prefix", "/a/b\n1\n/a/c\nhello\n", 0),
    ("etcdctl get /a --prefix --keys-only", "/a/b\n\n/a/c\n\n", 0),
    ("etcdctl get /a/b --print-value-only", "1\n", 0),
    ("etcdctl get /nope", "", 0),
    ("etcdctl get / --prefix --limit 1", "/a/b\n1\n", 0),
    ("etcdctl get /a /b", "/a/b\n1\n/a/c\nhello\n", 0),
    ("etcdctl put --prev-kv /a/b 2", "OK\n/a/b\n1\n", 0),
    ("etcdctl del /a/b", "1\n", 0),
    ("etcdctl del /nope", "0\n", 0),
    ("etcdctl del /a --prefix", "1\n", 0),
    ("etcdctl ls /", 'Error: unknown command "ls" for "etcdctl"\nRun \'etcdctl --help\' for usage.\n', 1),
    ("etcdctl put /x", "Error: put command needs 1 argument and input from stdin or 2 arguments\n", 128),
    ("etcdctl get", "Error: get command needs one argument as key and an optional argument as range_end\n", 128),
    ("etcdctl get --foo /a", "Error: unknown flag: --foo\n", 1),
    ("etcdctl put --lease=1234 /l 1", "Error: requested lease not found\n", 1),
    ("etcdctl version", "etcdctl version: 3.4.23\nAPI version: 3.4\n", 0),
]


@pytest.mark.parametrize(("api", "lines"), [("2", V2), ("3", V3)])
def test_lines_print_what_etcdctl_prints(api, lines):
    admin = Admin()
    assert [(line, *admin.run(line, api)) for line, _, _ in lines] == lines


def test_without_etcdctl_api_the_form_says_which_it_is():
    admin = Admin()
    assert admin.run('etcdctl put /coreos.com/network/config {"Network":"10.1.0.0/16"}') == ("OK\n", 0)
    assert admin.run("etcdctl get /coreos.com/network/config") == ('{"Network":"10.1.0.0/16"}\n', 0)
    assert admin.run("etcdctl ls /coreos.com/network") == ("/coreos.com/network/config\n", 0)
    assert admin.run("etcdctl get --prefix /coreos.com")[0].startswith("/coreos.com/network/config\n")


def test_json_is_etcds():
    admin = Admin()
    admin.run("etcdctl put /a/b 1", "3")
    assert admin.run("etcdctl get /a/b -w json", "3")[0] == (
        '{"header":{"cluster_id":1,"member_id":1,"revision":2,"raft_term":2},'
        '"kvs":[{"key":"L2EvYg==","create_revision":2,"mod_revision":2,"version":1,"value":"MQ=="}],"count":1}\n'
    )


def test_a_lease_is_granted_shown_and_revoked():
    admin = Admin()
    granted = admin.run("etcdctl lease grant 50")[0]
    number = granted.split()[1]
    assert granted == f"lease {number} granted with TTL(50s)\n"
    admin.run(f"etcdctl put --lease={number} /l 1")
    admin.engine.run(until_ns=SECOND)
    shown = f"lease {number} granted with TTL(50s), remaining(49s), attached keys([/l])\n"
    assert admin.run(f"etcdctl lease timetolive {number} --keys") == (shown, 0)
    assert admin.run("etcdctl lease list") == (f"found 1 leases\n{number}\n", 0)
    assert admin.run(f"etcdctl lease revoke {number}") == (f"lease {number} revoked\n", 0)
    assert admin.run(f"etcdctl lease timetolive {number}") == (f"lease {number} already expired\n", 0)
    assert admin.run(f"etcdctl lease revoke {number}") == ("Error: failed to revoke lease (etcdserver: requested lease not found)\n", 1)


def test_a_watch_prints_each_change_in_the_form_of_its_api():
    admin = Admin()
    third, second = admin.start("etcdctl watch --prefix /a", "3"), admin.start("etcdctl watch /a/1", "2")
    admin.engine.run()
    admin.run("etcdctl put /a/1 x")
    admin.run("etcdctl del /a/1")
    admin.engine.run()
    assert third.output == "PUT\n/a/1\nx\nDELETE\n/a/1\n\n"
    assert (second.output, second.exit_status) == ("x\n", 0)


def test_a_store_that_is_away_is_said():
    admin = Admin()
    admin.host.store.reachable = False
    assert admin.run("etcdctl get /a", "2") == ("Error:  client: etcd cluster is unavailable or misconfigured\n", 4)


def test_without_a_store_it_says_so():
    admin = Admin()
    admin.host.store = None
    assert "there is no store here" in admin.run("etcdctl get /a")[0]
