from __future__ import annotations

import pytest

from emu.engine import SECOND
from emu.programs.docker import table


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"), (300, "5 minutes"),
        (3600, "About an hour"), (7200, "2 hours"), (3 * 86400, "3 days"),
        (21 * 86400, "3 weeks"), (90 * 86400, "3 months"), (800 * 86400, "2 years"),
    ],
)  # fmt: skip
def test_ages_are_said_in_docker_s_words(seconds: float, text: str) -> None:
    assert table.duration(round(seconds * SECOND)) == text


def test_columns_are_ten_wide_at_least_and_three_apart() -> None:
    assert table.table([["ID", "NAME"], ["0123456789ab", "x"]]) == "ID             NAME\n0123456789ab   x\n"


def test_runs_of_ports_are_joined_and_renumbered_ones_come_last() -> None:
    published = [("0.0.0.0", 80, 80, "tcp"), ("0.0.0.0", 81, 81, "tcp"), ("0.0.0.0", 8080, 90, "tcp")]
    exposed = [(port, "tcp") for port in (80, 81, 90, 443)]
    assert table.ports(exposed, published) == "0.0.0.0:80-81->80-81/tcp, 443/tcp, 0.0.0.0:8080->90/tcp"


def test_a_run_that_is_broken_off_is_listed_before_those_that_go_on() -> None:
    assert table.ports([(53, "udp"), (80, "tcp"), (90, "tcp")], []) == "80/tcp, 53/udp, 90/tcp"


def test_long_commands_are_shortened() -> None:
    assert table.command(["httpd", "-f", "-p", "80", "-h", "/www"]) == '"httpd -f -p 80 -h /…"'
