"""Folders of dumps, and what becomes of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

from emu.importer.assemble import Imported, import_host
from emu.lab import Lab
from emu.topology.loader import load_topology

RECORDED = Path(__file__).parent.parent.parent / "pcaps" / "linux"
REAL = Path(__file__).parent / "real"
DUMPS = sorted(path.parent for path in RECORDED.rglob("host.iptables-save"))


def folder(path: Path, files: Mapping[str, str]) -> Path:
    path.mkdir(exist_ok=True)
    for name, text in files.items():
        (path / name).write_text(text, encoding="utf-8")
    return path


def imported(path: Path, files: Mapping[str, str]) -> Imported:
    return import_host(folder(path, files))


def told(result: Imported) -> list[str]:
    return [str(remark) for remark in result.remarks]


@contextmanager
def lab_of(result: Imported, path: Path):
    file = path / "topology.yaml"
    file.write_text(result.text, encoding="utf-8")
    with Lab(load_topology(file)) as lab:
        lab.up()
        lab.run_steps()
        yield lab


def tables(text: str) -> dict[str, list[str]]:
    """iptables-save's tables, each with its lines in order; without counters and comments."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("*"):
            lines = found.setdefault(line, [])
        elif line.startswith((":", "-")):
            lines.append(re.sub(r" \[\d+:\d+\]$", "", line))
    return found
