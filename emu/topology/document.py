"""A YAML file as a tree of nodes that know their line; and the list of all that is wrong with it.

Built from the parser's events, because YAML's own constructors lose lines and misread: a scalar here is the text that was written, and
what it means is up to the key it stands under (`22:22` stays two ports, `no` a word). Source: YAML 1.1/1.2.

Not modelled: several documents in a file, keys that are not scalars, tags other than YAML's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from emu.errors import TopologyError, did_you_mean
from emu.topology.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import yaml

LARGEST_FILE = 4 << 20  # bytes
MOST_NODES = 500_000  # after aliases are written out
DEEPEST = 50
MOST_PROBLEMS = 100  # that are told

KeyPath = tuple[str | int, ...]


@dataclass(slots=True)
class ScalarNode:
    source: Source
    text: str
    plain: bool = True  # written without quotes
    size: int = 1

    @property
    def kind(self) -> str:
        """What a message calls it."""
        return "a number" if self.plain and re.fullmatch(r"[-+]?[0-9.]*[0-9]", self.text) else "text"

    @property
    def null(self) -> bool:
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(slots=True)
class ListNode:
    source: Source
    items: list[Node] = field(default_factory=list)
    size: int = 1

    kind = "a list"


@dataclass(slots=True)
class MapNode:
    source: Source
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Source] = field(default_factory=dict)
    size: int = 1

    kind = "a mapping"


Node = ScalarNode | ListNode | MapNode


class Refused(Exception):
    """A value cannot be used, and the report says why."""


class Report:
    """All that was found wrong, and what a user should be told once."""

    def __init__(self) -> None:
        self.broken: set[KeyPath] = set()  # entries that were left out because they are wrong: names that exist all the same
        self.notices: list[str] = []
        self.expand: Callable[[str], str] | None = None  # what is done to a text before it is read: a compose file's variables
        self.seen: dict[KeyPath, Source] = {}  # where each key and list entry is
        self.roots: dict[str, KeyPath] = {}  # of files that another one names: where in that one they stand
        self._problems: dict[str, tuple[int, int]] = {}
        self._files: list[str] = []

    def wrong(self, source: Source, path: KeyPath, what: str) -> None:
        inside = path[len(self.roots.get(source.file, ())) :]
        where = f"{dotted(inside)}: " if inside else ""
        if source.file not in self._files:
            self._files.append(source.file)
        self._problems.setdefault(f"{source}: {where}{what}", (self._files.index(source.file), source.line))

    def wrong_at(self, path: KeyPath, what: str) -> None:
        """Wrong, at the line of the key or list entry that `path` leads to."""
        known = path
        while known and known not in self.seen:
            known = known[:-1]
        self.wrong(self.seen[known], path, what)

    def refuse(self, source: Source, path: KeyPath, what: str) -> NoReturn:
        self.wrong(source, path, what)
        raise Refused

    def text(self, node: ScalarNode, path: KeyPath) -> str:
        """The text of a value. Raises Refused."""
        if self.expand is None:
            return node.text
        try:
            return self.expand(node.text)
        except ValueError as error:
            self.refuse(node.source, path, str(error))

    def notice(self, text: str) -> None:
        if text not in self.notices:
            self.notices.append(text)

    def near(self, word: str, known: Iterable[str]) -> str:
        """What a wrong name may have been meant for, to stand behind a message; nothing once there are very many."""
        return did_you_mean(word, known) if len(self._problems) < MOST_PROBLEMS else ""

    def finish(self) -> None:
        """Raises TopologyError if anything was wrong, in the order of the file."""
        if self._problems:
            lines = sorted(self._problems, key=self._problems.__getitem__)
            more = [f"and {len(lines) - MOST_PROBLEMS} more"] if len(lines) > MOST_PROBLEMS else []
            raise TopologyError(lines[:MOST_PROBLEMS] + more)


def dotted(path: KeyPath) -> str:
    """`steps[2].expect.exit`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_text(path: Path) -> str:
    """A file's text. Raises ValueError, saying what is wrong with the file."""
    try:
        if path.is_dir():
            raise ValueError("is a folder, not a file" + _compose_file_in(path))
        if not path.is_file():
            raise ValueError("is not a regular file" if path.exists() else "does not exist")
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except (OSError, RuntimeError) as error:
        raise ValueError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > LARGEST_FILE:
        raise ValueError(f"is larger than {LARGEST_FILE >> 20} MB")
    if b"\0" in data:
        raise ValueError("is a binary file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"is not UTF-8 text: byte 0x{data[error.start]:02x} in line {line}") from None


def _compose_file_in(folder: Path) -> str:
    for name in ("docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml"):
        if (folder / name).is_file():
            return f", did you mean '{folder / name}'?"
    return ""


def parse(text: str, file: str, report: Report) -> Node:
    """The one document of a file. Raises Refused (the report says why)."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = _Composer(yaml.parse(text, Loader=loader), file, report).compose()
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        report.refuse(Source(file, line), (), f"is not YAML: character {error.character!r} is not allowed")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        report.refuse(Source(file, mark.line + 1 if mark else 1), (), "is not YAML: " + _explain(error, text))
    if root is None:
        report.refuse(Source(file, 1), (), "is empty")
    return root


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    mark, what = error.problem_mark, error.problem or "cannot be parsed"
    lines = text.split("\n")
    line = lines[mark.line] if mark and mark.line < len(lines) else ""
    if mark and "\t" in line[: mark.column + 1] and not line[: mark.column].strip():
        return "a tab indents this line; YAML takes spaces only"
    if "mapping values are not allowed" in what:
        return "a ':' where none can be; quote text that holds ': '"
    return what + (f" ({error.context})" if error.context else "")


class _Composer:
    """Makes nodes of events. Nodes behind an alias are shared; what they would come to when written out is counted."""

    def __init__(self, events: Iterable[Any], file: str, report: Report) -> None:
        self._events: Iterator[Any] = iter(events)
        self._file = file
        self._report = report
        self._anchors: dict[str, Node | None] = {}

    def compose(self) -> Node | None:
        root: Node | None = None
        for event in self._events:
            name = type(event).__name__
            if name == "DocumentStartEvent" and root is not None:
                self._refuse(event, "a second document begins here; a topology is one")
            elif name not in ("StreamStartEvent", "StreamEndEvent", "DocumentStartEvent", "DocumentEndEvent"):
                root = self._node(event, 0)
        if isinstance(root, ScalarNode) and root.null:
            return None
        return root

    def _node(self, event: Any, depth: int) -> Node:
        name = type(event).__name__
        source = Source(self._file, event.start_mark.line + 1)
        if name == "AliasEvent":
            return self._alias(event)
        if event.tag is not None and event.tag not in _TAGS:
            self._refuse(event, f"the tag '{event.tag}' is not allowed")
        if depth > DEEPEST:
            self._refuse(event, f"is nested deeper than {DEEPEST} levels")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        node: Node
        if name == "ScalarEvent":
            node = ScalarNode(source, event.value, event.implicit[0] and event.style in (None, ""))
        elif name == "SequenceStartEvent":
            node = self._list(ListNode(source), depth)
        else:
            node = self._map(MapNode(source), depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any) -> Node:
        if event.anchor not in self._anchors:
            self._refuse(event, f"the anchor '{event.anchor}' is not defined above")
        node = self._anchors[event.anchor]
        if node is None:
            self._refuse(event, f"the anchor '{event.anchor}' contains itself")
        return node

    def _list(self, node: ListNode, depth: int) -> ListNode:
        for event in self._events:
            if type(event).__name__ == "SequenceEndEvent":
                break
            self._grow(node, self._add(node.items, self._node(event, depth + 1)), event)
        return node

    @staticmethod
    def _add(items: list[Node], item: Node) -> Node:
        items.append(item)
        return item

    def _map(self, node: MapNode, depth: int) -> MapNode:
        merged: list[MapNode] = []
        for event in self._events:
            if type(event).__name__ == "MappingEndEvent":
                break
            key = self._node(event, depth + 1)
            if not isinstance(key, ScalarNode):
                self._refuse(event, "a key must be text")
            value_event = next(self._events)
            value = self._node(value_event, depth + 1)
            self._grow(node, value, value_event)
            if not isinstance(value, ScalarNode) and type(value_event).__name__ != "AliasEvent":
                value.source = key.source
            if key.text == "<<" and key.plain:
                merged += self._merged(value, value_event)
            elif key.text in node.entries:
                self._report.wrong(key.source, (), f"the key '{key.text}' is here twice; first in line {node.keys[key.text].line}")
            else:
                node.entries[key.text], node.keys[key.text] = value, key.source
        for other in merged:
            for name, value in other.entries.items():
                node.entries.setdefault(name, value)
                node.keys.setdefault(name, other.keys[name])
        return node

    def _merged(self, value: Node, event: Any) -> list[MapNode]:
        values = value.items if isinstance(value, ListNode) else [value]
        maps = [each for each in values if isinstance(each, MapNode)]
        if len(maps) != len(values):
            self._refuse(event, "'<<' merges mappings only")
        return maps

    def _grow(self, node: ListNode | MapNode, child: Node, event: Any) -> None:
        node.size += child.size + 1
        if node.size > MOST_NODES:
            self._refuse(event, f"comes to more than {MOST_NODES:,} values once its aliases are written out")

    def _refuse(self, event: Any, what: str) -> NoReturn:
        self._report.refuse(Source(self._file, event.start_mark.line + 1), (), what)


_TAGS = {"!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))}
