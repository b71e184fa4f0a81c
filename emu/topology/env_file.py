"""Compose's `env_file`: files of variables for a service's programs, one or several, each perhaps absent; the later one counts.

Source: the compose specification. Not modelled: `format: raw`; a name without a value, taken from the environment of docker-compose.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emu.topology import values, variables
from emu.topology.document import KeyPath, ListNode, Node, Report, ScalarNode, read_text
from emu.topology.shapes import Either, Field, Flag, Json, ListOf, Record, Shape, Text

PATH = Text(values.line, "a path")
ENTRY: Record[dict[str, Any]] = Record(
    dict,
    "A file of variables.",
    {"path": Field(PATH, "from the folder of the compose file", required=True), "required": Field(Flag(), "false: it may be absent")},
    refused=("format",),
    title="EnvFile",
)
FILES: Either[Any] = Either(text=PATH, items=ListOf(Either(text=PATH, mapping=ENTRY)))


class EnvFiles(Shape[dict[str, str]]):
    """`FILE`, `[FILE, …]` or `[{path: FILE, required: false}]`; the variables in them."""

    def read(self, node: Node, path: KeyPath, report: Report) -> dict[str, str]:
        FILES.read(node, path, report)
        entries = node.items if isinstance(node, ListNode) else [node]
        found: dict[str, str] = {}
        for index, entry in enumerate(entries):
            found |= self._read_one(entry, (*path, index) if entry is not node else path, report)
        return found

    @staticmethod
    def _read_one(node: Node, path: KeyPath, report: Report) -> dict[str, str]:
        entry = {"path": PATH.read(node, path, report)} if isinstance(node, ScalarNode) else ENTRY.read(node, path, report)
        file = Path(node.source.file).parent / entry["path"]
        if not entry.get("required", True) and not file.exists():
            return {}
        try:
            return variables.read_env(read_text(file))
        except ValueError as wrong:
            report.refuse(node.source, path, f"'{file}' {wrong}")

    def json(self, definitions: Json) -> Json:
        return FILES.json(definitions)
