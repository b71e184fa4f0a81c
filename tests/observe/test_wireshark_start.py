"""`emu wireshark`: with a profile of its own, and the user's settings left alone."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from emu.cli import main
from emu.observe import pcapng, wireshark_start
from tests import tshark
from tests.observe.test_wireshark import datagram

FILES = ["colorfilters", "decode_as_entries", "dfilter_buttons", "preferences"]


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "emu-lab"
    (folder / "captures").mkdir(parents=True)
    with (folder / "captures" / "all.pcapng").open("wb") as file:
        writer = pcapng.PcapNgWriter(file, [pcapng.InterfaceDescription("host/eth0")])
        writer.write(0, 1, datagram(7, b""), True, 7, ["dropped at host/eth0: no socket listens on the port"])
        writer.write(0, 2, datagram(7, b""), True, 8)
    return folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("WIRESHARK_CONFIG_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def emu(*words):
    return CliRunner().invoke(main, ["wireshark", *map(str, words)])


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_wireshark_is_started_with_a_profile_of_its_own(run, home, tmp_path, monkeypatch):
    program(
        tmp_path / "bin", "wireshark", f'echo "$@" > {tmp_path}/said; ls "$WIRESHARK_CONFIG_DIR/profiles/emu" >> {tmp_path}/said; exit 3'
    )
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert emu(run, "-Y", "arp").exit_code == 3
    words, *files = (tmp_path / "said").read_text().splitlines()
    assert words == f"-C emu -r {run}/captures/all.pcapng -Y arp"
    assert files == FILES
    assert not home.exists()


def test_a_program_that_is_not_there_is_named_with_its_package(run, tmp_path, monkeypatch):
    program(tmp_path / "bin", "tshark", "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    result = emu(run)
    assert result.exit_code == 2
    assert "in the package 'wireshark'; --tshark shows the run in the terminal" in result.output
    monkeypatch.setenv("PATH", "/nowhere")
    assert "in Debian and Ubuntu it is in the package 'tshark'" in emu(run, "--tshark").output


def test_a_folder_that_is_no_run_is_said_to_be_none(tmp_path):
    assert "has no captures/all.pcapng: is this a folder that `emu run` wrote?" in emu(tmp_path).output
    assert "there is no such folder" in emu(tmp_path / "nothing").output
    assert emu().exit_code == 2


@tshark.needs_tshark
def test_tshark_shows_the_run_with_the_profile_s_columns(run, home):
    shown = subprocess.run(
        [os.sys.executable, "-m", "emu.cli", "wireshark", run, "--tshark", "-Y", 'frame.comment contains "dropped"'],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": ":".join(os.sys.path)},
    ).stdout.splitlines()  # fmt: skip
    assert len(shown) == 1
    assert shown[0].split()[2:4] == ["host/eth0", "7"]
    assert shown[0].endswith("dropped at host/eth0: no socket listens on the port")
    assert not home.exists()


def test_the_profile_is_installed_once_and_renewed(home):
    target = home / ".config" / "wireshark" / "profiles" / "emu"
    for _ in range(2):
        result = emu("--install")
        assert result.exit_code == 0
        assert str(target) in result.output
    assert "udp.port,8472,(none),VXLAN" in (target / "decode_as_entries").read_text()
    assert [path.name for path in (home / ".config" / "wireshark").iterdir()] == ["profiles"]


@pytest.mark.parametrize("changed", ["preferences", "dfilter_buttons"])
def test_a_profile_that_was_changed_or_is_somebody_else_s_is_not_replaced(home, changed):
    target = home / ".config" / "wireshark" / "profiles" / "emu"
    assert emu("--install").exit_code == 0
    (target / changed).write_text("# mine\n")
    result = emu("--install")
    assert result.exit_code == 2
    assert "so it is not replaced" in result.output
    assert (target / changed).read_text() == "# mine\n"
    (target / wireshark_start.MARK).unlink()
    assert emu("--install").exit_code == 2


def test_the_zip_holds_the_profile_and_replaces_no_file(tmp_path):
    assert emu("--zip", tmp_path / "emu.zip").exit_code == 0
    with zipfile.ZipFile(tmp_path / "emu.zip") as archive:
        assert sorted(archive.namelist()) == [
            f"emu/{name}" for name in ("colorfilters", "decode_as_entries", "dfilter_buttons", "preferences")
        ]
    assert "is there already" in emu("--zip", tmp_path / "emu.zip").output
