"""`--format` of lists (docker/cli command/formatter): a table of columns, a template for each row, or a table by a template."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.process import UsageError
from emu.programs.docker import table
from emu.programs.docker.go import Row
from emu.programs.docker.template import TemplateError, compile_template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def formatted(template: str, rows: Sequence[Row], headings: Mapping[str, str], columns: Sequence[str], raw: Sequence[str] = ()) -> str:
    """Raises UsageError. `raw` are the lines of `--format raw`: a word, and the field behind it."""
    if not template or template == "table":
        return table.table([[headings[column] for column in columns], *([row[column] for column in columns] for row in rows)])
    if template == "raw" and raw:
        return "\n".join("".join(f"{word}: {row[field]}".rstrip() + "\n" for word, field in map(str.split, raw)) for row in rows)
    with_head = template.startswith("table ")
    text = template.removeprefix("table ").strip() if with_head else template
    text = text.replace("\\n", "\n").replace("\\t", "\t")  # lists only: `docker inspect` leaves backslashes as they are
    try:
        node = compile_template(text)
    except TemplateError as wrong:
        raise UsageError(f"failed to parse template: {wrong}") from None
    head = Row("", dict(headings), Label=lambda name: name)
    try:
        lines = [node(row, {"$": row}) for row in ([head] if with_head else []) + list(rows)]
    except TemplateError as wrong:
        raise UsageError(f"failed to execute template: {wrong}") from None
    if not with_head:
        return "".join(f"{line}\n" for line in lines)
    cells = [line.split("\t") for line in lines]
    return table.table(cells) if cells and len(cells[0]) > 1 else "".join(f"{line}\n" for line in lines)


def filters(options_filter: Sequence[str]) -> list[tuple[str, str]]:
    """Names and values; what has no `=` the flag's own reader has refused."""
    return [(name.strip().lower(), value.strip()) for name, _, value in (entry.partition("=") for entry in options_filter)]
