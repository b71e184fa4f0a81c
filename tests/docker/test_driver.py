from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from emu.docker import driver, drivers
from emu.docker.driver import Driver, find_driver
from emu.docker.errors import DockerError
from tests.docker.conftest import DockerHost


class Quiet(Driver):
    name = "quiet"


def test_the_drivers_are_the_files_of_their_folder() -> None:
    files = {path.stem for path in Path(drivers.__file__).parent.glob("*.py")} - {"__init__"}
    assert set(drivers.DRIVERS) == files
    assert {name: find_driver(name).name for name in drivers.DRIVERS} == {name: name for name in files}


def test_a_driver_of_one_s_own_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch, docker: DockerHost) -> None:
    point = EntryPoint("quiet", f"{__name__}:Quiet", driver.ENTRY_POINTS)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if group == driver.ENTRY_POINTS else [])
    docker.runs("docker network create -d quiet silence", "docker run -d --name box --network silence bb sleep 100")
    assert docker.out("docker inspect -f '{{.NetworkSettings.Networks.silence.IPAddress}}' box") == "172.18.0.2"
    assert docker.docker.networks.find("silence").driver.name == "quiet"


def test_an_unknown_driver_is_refused_in_docker_s_words() -> None:
    with pytest.raises(DockerError, match='plugin "nosuch" not found'):
        find_driver("nosuch")
