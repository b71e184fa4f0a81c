"""What may stand under a key: one table of shapes both reads a file's nodes and writes the JSON Schema.

`read` returns the value or, once the report says what is wrong, raises Refused; containers go on with their other entries, so that
all mistakes come out at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from emu.errors import did_you_mean
from emu.topology.document import KeyPath, ListNode, MapNode, Node, Refused, Report, ScalarNode
from emu.topology.values import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from emu.topology.source import Source

T = TypeVar("T")
Json = dict[str, Any]


class Shape(ABC, Generic[T]):
    """How a value is written."""

    @abstractmethod
    def read(self, node: Node, path: KeyPath, report: Report) -> T:
        """The value; raises Refused once the report says what is wrong."""

    @abstractmethod
    def json(self, definitions: Json) -> Json:
        """Its JSON Schema; records put theirs into `definitions`."""


class Text(Shape[T]):
    """A scalar, read by a function that raises ValueError. `kind` is what a message calls it."""

    def __init__(self, parse: Callable[[str], T], kind: str = "text", pattern: str | None = None, types: str = "string") -> None:
        self._parse = parse
        self._kind = kind
        self._pattern = pattern
        self._types = types.split()

    def read(self, node: Node, path: KeyPath, report: Report) -> T:
        text = self._text(node, path, report)
        try:
            return self._parse(text)
        except ValueError as error:
            report.refuse(node.source, path, str(error))

    def _text(self, node: Node, path: KeyPath, report: Report) -> str:
        if not isinstance(node, ScalarNode):
            report.refuse(node.source, path, f"must be {self._kind}, not {node.kind}")
        if node.null:
            report.refuse(node.source, path, f"is empty; must be {self._kind}")
        return report.text(node, path)

    def json(self, definitions: Json) -> Json:
        schema: Json = {"type": self._types if len(self._types) > 1 else self._types[0]}
        return schema | ({"pattern": self._pattern} if self._pattern else {})


class Flag(Text[bool]):
    def __init__(self) -> None:
        super().__init__(self._flag, "true or false")

    @staticmethod
    def _flag(text: str) -> bool:
        if text.lower() not in _FLAGS:
            raise ValueError(f"'{text}' is neither true nor false")
        return _FLAGS[text.lower()]

    def json(self, definitions: Json) -> Json:
        return {"enum": [True, False, *(word for word in _FLAGS if word not in ("true", "false"))]}


_FLAGS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}


class Integer(Text[int]):
    def __init__(self, minimum: int, maximum: int) -> None:
        super().__init__(lambda text: whole_number(text, minimum, maximum), "a whole number")
        self._bounds = minimum, maximum

    def json(self, definitions: Json) -> Json:
        return {"type": "integer", "minimum": self._bounds[0], "maximum": self._bounds[1]}


class Choice(Text[str]):
    """One of a few words. `refused` are words that exist, and are not modelled."""

    def __init__(self, *words: str, refused: Iterable[str] = ()) -> None:
        super().__init__(self._choose, "text")
        self._words = words
        self._refused = set(refused)

    def _choose(self, text: str) -> str:
        if text in self._refused:
            raise ValueError(f"'{text}' is not modelled; known: {', '.join(self._words)}")
        if text not in self._words:
            raise ValueError(f"'{text}' is unknown{did_you_mean(text, self._words)}")
        return text

    def json(self, definitions: Json) -> Json:
        return {"enum": list(self._words)}


class ListOf(Shape[tuple[T, ...]]):
    """A list; of one entry without the dash if `or_one`."""

    def __init__(self, item: Shape[T], or_one: bool = False) -> None:
        self._item = item
        self._or_one = or_one

    def read(self, node: Node, path: KeyPath, report: Report) -> tuple[T, ...]:
        if isinstance(node, ScalarNode) and node.null:
            return ()
        if isinstance(node, ScalarNode) and self._or_one:
            return (self._item.read(node, path, report),)
        if not isinstance(node, ListNode):
            report.refuse(node.source, path, f"must be a list, not {node.kind}")
        values = []
        for index, item in enumerate(node.items):
            report.seen[*path, index] = item.source
            try:
                values.append(self._item.read(item, (*path, index), report))
            except Refused:
                report.broken.add((*path, index))
        return tuple(values)

    def json(self, definitions: Json) -> Json:
        item = self._item.json(definitions)
        schema: Json = {"type": ["array", "null"], "items": item}
        return {"anyOf": [schema, item]} if self._or_one else schema


class MapOf(Shape[dict[str, T]]):
    """A mapping from names of the user's to values."""

    def __init__(self, key: Callable[[str], str], value: Shape[T], pattern: str | None = None, needed: str = "") -> None:
        self._key = key
        self._value = value
        self._pattern = pattern
        self._needed = needed

    def read(self, node: Node, path: KeyPath, report: Report) -> dict[str, T]:
        if isinstance(node, ScalarNode) and node.null:
            node = MapNode(node.source)
        if not isinstance(node, MapNode):
            report.refuse(node.source, path, f"must be a mapping, not {node.kind}")
        if self._needed and not node.entries:
            report.wrong(node.source, path, self._needed)
        values = {}
        for name, child in node.entries.items():
            if name.startswith("x-"):
                continue
            report.seen[*path, name] = node.keys[name]
            try:
                key = self._checked(name, node.keys[name], path, report)
                values[key] = self._value.read(child, (*path, name), report)
            except Refused:
                report.broken.add((*path, name))
        return values

    def _checked(self, name: str, source: Source, path: KeyPath, report: Report) -> str:
        try:
            return self._key(name)
        except ValueError as error:
            report.refuse(source, path, str(error))

    def json(self, definitions: Json) -> Json:
        schema: Json = {"type": ["object", "null"], "additionalProperties": self._value.json(definitions)}
        return schema | ({"propertyNames": {"pattern": rf"(^x-)|({self._pattern})"}} if self._pattern else {})


class Converted(Shape[T]):
    """Another shape's value, made into what the spec holds. The function raises ValueError."""

    def __init__(self, shape: Shape[Any], convert: Callable[[Any], T]) -> None:
        self._shape = shape
        self._convert = convert

    def read(self, node: Node, path: KeyPath, report: Report) -> T:
        value = self._shape.read(node, path, report)
        try:
            return self._convert(value)
        except ValueError as error:
            report.refuse(node.source, path, str(error))

    def json(self, definitions: Json) -> Json:
        return self._shape.json(definitions)


KINDS: dict[type[Node], str] = {ScalarNode: "text", ListNode: "a list", MapNode: "a mapping"}


class Either(Shape[T]):
    """A value with more than one way to write it: as text, as a list, as a mapping."""

    def __init__(self, *, text: Shape[T] | None = None, items: Shape[T] | None = None, mapping: Shape[T] | None = None) -> None:
        self._shapes: dict[type[Node], Shape[T] | None] = {ScalarNode: text, ListNode: items, MapNode: mapping}

    def read(self, node: Node, path: KeyPath, report: Report) -> T:
        shape = self._shapes[type(node)]
        if shape is None and isinstance(node, ScalarNode) and node.null:
            shape = next(each for each in self._shapes.values() if each is not None)
        if shape is None:
            kinds = " or ".join(KINDS[kind] for kind, each in self._shapes.items() if each is not None)
            report.refuse(node.source, path, f"must be {kinds}, not {node.kind}")
        return shape.read(node, path, report)

    def json(self, definitions: Json) -> Json:
        return {"anyOf": [shape.json(definitions) for shape in self._shapes.values() if shape is not None]}


@dataclass(frozen=True)
class Field:
    """A key of a record. `to` is the name of the spec's attribute, if it is not the key's with '_' for '-'; a `check` is not kept."""

    shape: Shape[Any]
    doc: str = ""
    required: bool = False
    to: str = ""
    check: bool = False


class Record(Shape[T]):
    """A mapping with keys of its own. `ignored` keys are accepted; `refused` ones exist elsewhere and are not modelled."""

    def __init__(
        self,
        build: Callable[..., T],
        doc: str,
        fields: Mapping[str, Field],
        *,
        named: bool = False,
        ignored: Iterable[str] = (),
        refused: Iterable[str] = (),
        title: str = "",
        sourced: bool = False,
    ) -> None:
        self._build = build
        self._doc = doc
        self.fields = dict(fields)
        self._named = named
        self.ignored = frozenset(ignored)
        self.refused = frozenset(refused)
        self._title = title or build.__name__
        self._sourced = sourced or "source" in getattr(build, "__dataclass_fields__", ())

    def read(self, node: Node, path: KeyPath, report: Report) -> T:
        if isinstance(node, ScalarNode) and node.null:
            node = MapNode(node.source)
        if not isinstance(node, MapNode):
            report.refuse(node.source, path, f"must be a mapping, not {node.kind}")
        values: dict[str, Any] = {"name": path[-1]} if self._named else {}
        if self._sourced:
            values["source"] = node.source
        for key, child in node.entries.items():
            self._read_key(key, child, node.keys[key], path, report, values)
        missing = [key for key, field in self.fields.items() if field.required and key not in node.entries]
        for key in missing:
            report.wrong(node.source, path, f"the key '{key}' is missing")
        if missing or any(field.required and (*path, key) in report.broken for key, field in self.fields.items()):
            raise Refused
        return self._build(**values)

    def _read_key(self, key: str, child: Node, source: Source, path: KeyPath, report: Report, values: dict[str, Any]) -> None:
        field = self.fields.get(key)
        here = (*path, key)
        report.seen[here] = source
        if field is not None:
            try:
                value = field.shape.read(child, here, report)
                if not field.check:
                    values[field.to or key.replace("-", "_")] = value
            except Refused:
                report.broken.add(here)
        elif key in self.refused:
            report.wrong(source, here, "is not modelled")
        elif not key.startswith("x-") and key not in self.ignored:
            known = [*self.fields, *self.ignored] if len(self.ignored) else self.fields
            report.wrong(source, here, "unknown key" + _alternatives(key, known, self.fields, report))

    def json(self, definitions: Json) -> Json:
        if self._title not in definitions:
            schema: Json = {"description": self._doc, "type": "object" if self._required() else ["object", "null"]}
            definitions[self._title] = schema
            properties = {key: _described(field, definitions) for key, field in self.fields.items()}
            schema["properties"] = properties | dict.fromkeys(sorted(self.ignored), True)
            schema["patternProperties"] = {"^x-": True}
            schema["additionalProperties"] = False
            if self._required():
                schema["required"] = self._required()
        return {"$ref": f"#/$defs/{self._title}"}

    def _required(self) -> list[str]:
        return [key for key, field in self.fields.items() if field.required]


def _alternatives(key: str, known: Iterable[str], shown: Iterable[str], report: Report) -> str:
    near = report.near(key, known)
    return near if near.startswith(", did") else report.near("", shown)


def _described(field: Field, definitions: Json) -> Json:
    schema = field.shape.json(definitions)
    return {"description": field.doc, **schema} if field.doc else schema
