"""`emu wireshark`: a run in Wireshark or tshark with emu's profile, which leaves the user's own settings untouched; the profile installed
among the user's, or zipped for Wireshark's "Import from zip file".

A profile of ours says so in a file of its own, with a digest of what was written: one that somebody else made, or that was changed, is
never replaced. Where the user's settings are is as Wireshark 4.0 looks for them (personal configuration folder). Not modelled: Windows.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from emu.errors import EmuError
from emu.observe import wireshark

PACKAGES = {"wireshark": "wireshark", "tshark": "tshark"}  # programs and Debian's packages of them
MARK = ".written-by-emu"
MERGED = ("captures/all.pcapng", "path.pcapng")  # of a run, and of a trace
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same bytes each time


def start(run: Path, program: str, arguments: Sequence[str] = ()) -> int:
    """Open a run's merged capture, and wait for the program's end; its exit status. Raises EmuError."""
    capture = merged_capture(run)
    path = shutil.which(program)
    if path is None:
        other = "; --tshark shows the run in the terminal" if program == "wireshark" and shutil.which("tshark") else ""
        raise EmuError(f"{program}: not found; in Debian and Ubuntu it is in the package '{PACKAGES[program]}'{other}")
    with tempfile.TemporaryDirectory(prefix="emu-wireshark-") as folder:
        wireshark.write(Path(folder))
        command = [path, "-C", wireshark.PROFILE, "-r", str(capture), *arguments]
        status = subprocess.call(command, env={**os.environ, "WIRESHARK_CONFIG_DIR": folder})  # noqa: S603 - the user's own words
    return status if status >= 0 else 128 - status


def merged_capture(run: Path) -> Path:
    """What all interfaces saw, of a run's or a trace's folder, or the file itself. Raises EmuError."""
    if run.is_file():
        return run
    if not run.is_dir():
        raise EmuError(f"{run}: there is no such folder; `emu run` writes one")
    found = next((run / name for name in MERGED if (run / name).is_file()), None)
    if found is None:
        raise EmuError(f"{run}: has no {MERGED[0]}: is this a folder that `emu run` wrote?")
    return found


def install() -> Path:
    """Put the profile among the user's own, or renew it there; where it is. Raises EmuError for one that is not ours, and OSError."""
    target = configuration_folder() / "profiles" / wireshark.PROFILE
    if target.exists() and any(target.iterdir()) and _digest(_found(target)) != _marked(target):
        raise EmuError(
            f"{target}: was not written by emu, or was changed since, so it is not replaced; rename it, or import what --zip writes"
        )
    contents = wireshark.files()
    target.mkdir(parents=True, exist_ok=True)
    for name, text in contents.items():
        (target / name).write_text(text, encoding="utf-8")
    (target / MARK).write_text(_digest(contents) + "\n", encoding="utf-8")
    return target


def write_zip(path: Path) -> None:
    """The profile as Wireshark imports it. Raises EmuError for a file that is there already, and OSError."""
    if path.exists():
        raise EmuError(f"{path}: is there already")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in wireshark.files().items():
            archive.writestr(zipfile.ZipInfo(f"{wireshark.PROFILE}/{name}", ZIP_TIME), text)


def configuration_folder() -> Path:
    """Where Wireshark keeps the user's settings: the old place if there is only that."""
    if named := os.environ.get("WIRESHARK_CONFIG_DIR"):
        return Path(named)
    new = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "wireshark"
    old = Path.home() / ".wireshark"
    return old if old.is_dir() and not new.is_dir() else new


def _found(folder: Path) -> dict[str, str]:
    """What of our files is in the folder; Wireshark adds others of its own, such as `recent`."""
    paths = [folder / name for name in wireshark.files()]
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file()}


def _digest(contents: dict[str, str]) -> str:
    return sha256("\0".join(f"{name}\0{contents[name]}" for name in sorted(contents)).encode()).hexdigest()


def _marked(folder: Path) -> str:
    try:
        return (folder / MARK).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
