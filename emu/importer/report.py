"""What `emu import` says of its work, to people and as data; and how the topology gets into its file, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emu.importer.assemble import CLIENT, Imported


def write(imported: Imported, output: Path) -> None:
    """Raises OSError, and then the file is as it was."""
    draft = output.with_name(f".{output.name}.part")
    try:
        draft.write_text(imported.text, encoding="utf-8")
        draft.replace(output)
    finally:
        draft.unlink(missing_ok=True)


def report(imported: Imported, output: Path | None) -> str:
    counts = [f"{count} {word if count != 1 else word.removesuffix('s')}" for word, count in imported.counts.items()]
    lines = [f"{imported.host}: {', '.join(counts)}; outside is {CLIENT}, {imported.client}"]
    if imported.remarks:
        lines += [f"Not carried over, {len(imported.remarks)}:", *(f"  {remark}" for remark in imported.remarks)]
    if imported.not_needed:
        lines.append(f"Not needed: {', '.join(imported.not_needed)}")
    if output is not None:
        lines.append(f"written    {output}")
    return "\n".join(lines)


def as_data(imported: Imported, output: Path | None) -> dict[str, Any]:
    remarks = [
        {"file": each.source.file, "line": each.source.line or None, "text": each.text, **({"all": each.also} if each.also else {})}
        for each in imported.remarks
    ]
    return {
        "topology": str(output) if output is not None else imported.text,
        "host": imported.host,
        "client": imported.client,
        "counts": imported.counts,
        "not_carried_over": remarks,
        "not_needed": imported.not_needed,
    }
