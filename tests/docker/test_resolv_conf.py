"""A container's resolv.conf, as libnetwork makes it of the host's."""

from __future__ import annotations

import pytest

from emu.docker.resolv_conf import Upstream, embedded, has_ndots, initial

HOST = "# made by hand\nsearch lan\nnameserver 192.168.50.1\noptions timeout:1\n"
NONE: tuple[str, ...] = ()


def test_the_hosts_file_is_copied() -> None:
    assert initial(HOST, NONE, NONE, NONE) == (HOST, [Upstream("192.168.50.1")])


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("", "\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n"),
        ("nameserver 127.0.0.53\nsearch lan\n", "search lan\n\nnameserver 8.8.8.8\nnameserver 8.8.4.4\n"),
        ("nameserver 127.0.0.1\nnameserver 10.0.0.1\n", "nameserver 10.0.0.1\n"),
        ("nameserver ::1\nnameserver fe80::1%eth0\nnameserver 10.0.0.1\n", "nameserver 10.0.0.1\n"),
    ],
)
def test_servers_that_a_container_cannot_reach_are_left_out(host: str, text: str) -> None:
    assert initial(host, NONE, NONE, NONE)[0] == text


def test_a_server_on_the_hosts_loopback_is_asked_from_the_host() -> None:
    assert initial("nameserver 127.0.0.53\n", NONE, NONE, NONE)[1] == [Upstream("127.0.0.53", from_host=True)]
    assert initial("", ("127.0.0.1",), NONE, NONE)[1] == [Upstream("127.0.0.1")]
    assert initial("", NONE, NONE, NONE)[1] == [Upstream("8.8.8.8"), Upstream("8.8.4.4")]


def test_what_the_user_names_replaces_the_hosts() -> None:
    text, upstreams = initial(HOST, ("1.1.1.1",), ("a.b", "c"), ("ndots:2",))
    assert text == "search a.b c\nnameserver 1.1.1.1\noptions ndots:2\n"
    assert upstreams == [Upstream("1.1.1.1")]
    assert initial(HOST, NONE, (".",), NONE)[0] == "nameserver 192.168.50.1\noptions timeout:1\n"


def test_dockers_own_server_stands_in_for_all() -> None:
    assert embedded("nameserver 192.168.50.1\n") == "nameserver 127.0.0.11\noptions ndots:0\n"
    assert embedded(HOST) == "search lan\nnameserver 127.0.0.11\noptions timeout:1 ndots:0\n"
    assert embedded("nameserver 1.1.1.1\noptions ndots:2\n") == "nameserver 127.0.0.11\noptions ndots:2\n"
    assert has_ndots("options ndots:2\n")
    assert not has_ndots("options ndots:x\n")
