"""What emu writes, byte for byte, for the labs in pcaps/emu: a change of one byte is either a mistake or meant, and then said.

Meant: `python -m tests.test_emu_captures` writes them anew; look at the difference (`tshark -r`, `emu diff`) before it is committed.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from emu import run
from emu.topology.loader import load_topology

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "pcaps" / "emu"
LABS = ("published-port", "same-bridge")
RENEW = "python -m tests.test_emu_captures"


def captures(lab: str, folder: Path) -> Path:
    """Run a lab of topologies/; the folder with its captures."""
    result = run(load_topology(ROOT / "topologies" / f"{lab}.yaml"), folder)
    return result.folder / "captures"


def differences(kept: Path, made: Path) -> list[str]:
    """In words, a line a file."""
    names = sorted({path.name for folder in (kept, made) for path in folder.iterdir()})
    lines = []
    for name in names:
        one, two = kept / name, made / name
        if not one.exists() or not two.exists():
            lines.append(f"{name}: {'is new' if two.exists() else 'is not written any more'}")
        elif (before := one.read_bytes()) != (now := two.read_bytes()):
            where = next(
                (at for at, (left, right) in enumerate(zip(before, now, strict=False)) if left != right), min(len(before), len(now))
            )
            lines.append(f"{name}: differs from byte {where} on ({len(before)} bytes before, {len(now)} now)")
    return lines


@pytest.mark.parametrize("lab", LABS)
def test_the_captures_of_a_lab_are_those_that_are_kept(lab: str, tmp_path: Path) -> None:
    found = differences(KEPT / lab, captures(lab, tmp_path / "run"))
    assert not found, "\n".join([f"captures of {lab} have changed; if that is meant: {RENEW}", *found])


def test_a_changed_byte_and_a_missing_file_are_told(tmp_path: Path) -> None:
    kept, made = tmp_path / "kept", tmp_path / "made"
    shutil.copytree(KEPT / LABS[0], kept)
    shutil.copytree(kept, made)
    assert differences(kept, made) == []
    name = "client.eth0.pcap"
    wire = bytearray((made / name).read_bytes())
    wire[30] ^= 1
    (made / name).write_bytes(wire)
    (made / "client.lo.pcap").unlink()
    size = len(wire)
    assert differences(kept, made) == [
        f"{name}: differs from byte 30 on ({size} bytes before, {size} now)",
        "client.lo.pcap: is not written any more",
    ]


def renew() -> None:
    for lab in LABS:
        with TemporaryDirectory() as folder:
            made = captures(lab, Path(folder) / "run")
            shutil.rmtree(KEPT / lab, ignore_errors=True)
            shutil.copytree(made, KEPT / lab)
        sys.stdout.write(f"{KEPT.relative_to(ROOT) / lab}: {len(list((KEPT / lab).iterdir()))} files\n")


if __name__ == "__main__":
    renew()
