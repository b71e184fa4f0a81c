"""Values that are paths: of iptables rules, Dockerfiles, programs, folders. Counted from the file that names them, and read at once."""

from __future__ import annotations

from pathlib import Path

from emu.topology import dockerfile, values
from emu.topology.dockerfile import Dockerfile
from emu.topology.document import KeyPath, Node, Report, read_text
from emu.topology.shapes import Text
from emu.topology.source import Source


class RulesFile(Text[str]):
    """iptables rules: the text itself, or the path of an iptables-save file."""

    def __init__(self) -> None:
        super().__init__(values.text, "iptables rules, or the path of a file of them")

    def read(self, node: Node, path: KeyPath, report: Report) -> str:
        text = super().read(node, path, report)
        if "\n" in text.strip() or text.lstrip().startswith(("*", "#")):
            return text
        try:
            return read_text(Path(node.source.file).parent / text)
        except ValueError as error:
            report.refuse(node.source, path, f"'{text}' {error}")


class DockerfileFile(Text[Dockerfile]):
    """The path of a Dockerfile; what is wrong in it is said with its own line."""

    def __init__(self) -> None:
        super().__init__(lambda _: Dockerfile("scratch"), "a Dockerfile's path")

    def read(self, node: Node, path: KeyPath, report: Report) -> Dockerfile:
        file = Path(node.source.file).parent / self._text(node, path, report)
        file = file / "Dockerfile" if file.is_dir() else file
        try:
            text = read_text(file)
        except ValueError as error:
            report.refuse(node.source, path, f"'{file}' {error}")
        report.roots[str(file)] = path
        try:
            return dockerfile.parse(text, lambda name: read_text(file.parent / name))
        except dockerfile.DockerfileError as wrong:
            report.refuse(Source(str(file), wrong.line), path, str(wrong))


class ProgramFile(Text[str]):
    """The path of a Python file that exists."""

    def __init__(self) -> None:
        super().__init__(values.line, "a Python file's path")

    def read(self, node: Node, path: KeyPath, report: Report) -> str:
        text = super().read(node, path, report)
        file = Path(node.source.file).parent / text
        if not text.endswith(".py"):
            report.refuse(node.source, path, f"'{text}' is not a Python file")
        try:
            read_text(file)
        except ValueError as error:
            report.refuse(node.source, path, f"'{text}' {error}")
        return str(file)


class Folder(Text[str]):
    """The path of a folder that exists, counted from the file that names it."""

    def __init__(self) -> None:
        super().__init__(values.line, "a folder's path")

    def read(self, node: Node, path: KeyPath, report: Report) -> str:
        folder = Path(node.source.file).parent / super().read(node, path, report)
        if not folder.is_dir():
            report.refuse(node.source, path, f"there is no folder '{folder}'")
        return str(folder)
